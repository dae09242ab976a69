"""The examples of `/docs`, in four languages. `https://hub.example` stands for the hub's address.

The token is in the environment variable `TOKEN`, the id of a subscription in `FEED`, an event in `event.json`.
"""

from collections.abc import Mapping
from typing import Final

HUB: Final = "https://hub.example"

PUBLISH: Final[Mapping[str, str]] = {
    "curl": """\
curl -sS https://hub.example/v1/events -H "Authorization: Bearer $TOKEN" \\
  -H "Content-Type: application/cloudevents+json" --data-binary @event.json
""",
    "Python": """\
import os
import urllib.request

with open("event.json", "rb") as file:
    request = urllib.request.Request(
        "https://hub.example/v1/events",
        data=file.read(),
        headers={"Authorization": "Bearer " + os.environ["TOKEN"], "Content-Type": "application/cloudevents+json"},
    )
with urllib.request.urlopen(request) as answer:
    print(answer.status, answer.read().decode())
""",
    "JavaScript": """\
const { readFileSync } = require("node:fs");

(async () => {
  const answer = await fetch("https://hub.example/v1/events", {
    method: "POST",
    headers: { Authorization: `Bearer ${process.env.TOKEN}`, "Content-Type": "application/cloudevents+json" },
    body: readFileSync("event.json"),
  });
  console.log(answer.status, await answer.text());
})();
""",
    "C#": """\
using System.Net.Http.Headers;

using var http = new HttpClient { BaseAddress = new Uri("https://hub.example") };
var token = Environment.GetEnvironmentVariable("TOKEN");
http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
var body = new ByteArrayContent(await File.ReadAllBytesAsync("event.json"));
body.Headers.ContentType = new MediaTypeHeaderValue("application/cloudevents+json");
var answer = await http.PostAsync("/v1/events", body);
Console.WriteLine($"{(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
""",
}

READ: Final[Mapping[str, str]] = {
    "curl": """\
curl -sS -i "https://hub.example/v1/subscriptions/$FEED/events?limit=100" -H "Authorization: Bearer $TOKEN"
""",
    "Python": """\
import json
import os
import re
import urllib.request

request = urllib.request.Request(
    f"https://hub.example/v1/subscriptions/{os.environ['FEED']}/events?limit=100",
    headers={"Authorization": "Bearer " + os.environ["TOKEN"]},
)
with urllib.request.urlopen(request) as answer:
    for event in json.load(answer):
        print(event["type"], event["id"])
    print("next:", re.search("<(.+?)>", answer.headers["Link"])[1])
""",
    "JavaScript": """\
(async () => {
  const answer = await fetch(`https://hub.example/v1/subscriptions/${process.env.FEED}/events?limit=100`, {
    headers: { Authorization: `Bearer ${process.env.TOKEN}` },
  });
  for (const event of await answer.json()) console.log(event.type, event.id);
  console.log("next:", answer.headers.get("link").match(/<(.+?)>/)[1]);
})();
""",
    "C#": """\
using System.Net.Http.Headers;
using System.Text.Json;

using var http = new HttpClient { BaseAddress = new Uri("https://hub.example") };
var token = Environment.GetEnvironmentVariable("TOKEN");
http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
var feed = Environment.GetEnvironmentVariable("FEED");
var answer = await http.GetAsync($"/v1/subscriptions/{feed}/events?limit=100");
using var page = JsonDocument.Parse(await answer.Content.ReadAsStreamAsync());
foreach (var each in page.RootElement.EnumerateArray())
    Console.WriteLine($"{each.GetProperty("type")} {each.GetProperty("id")}");
Console.WriteLine($"next: {answer.Headers.GetValues("Link").First()}");
""",
}
