"""Programs that read `/openapi.json` and `/asyncapi.json` to check them, to make clients, or to make requests.

openapi-generator (Java) is not part of the suite: docs/consumers.md says what it made.
"""

import asyncio
import json
import subprocess
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.hub.api.conftest import TOKENS, bearer
from tests.hub.api.school import append, closed_day, current, person
from tests.peers import node
from tests.peers.tools import tool

schemathesis = pytest.importorskip("schemathesis")

# tests/hub/ss12000/test_fuzz.py has the standard's own file; a connector decides itself what it answers.
NOT_FUZZED = ("/ss12000/", "/connectors/")


@pytest.fixture
async def openapi(http):
    return (await http.get("/openapi.json")).json()


@pytest.fixture
async def asyncapi(http):
    return (await http.get("/asyncapi.json")).json()


class TestSchemathesis:
    """Requests made from the document, right and wrong ones."""

    async def test_no_request_brings_a_server_error_or_an_answer_that_is_not_described(
        self, openapi, hub, clock, served
    ):
        await append(hub, person(1), current(clock), closed_day(1))
        schema, modes = schemathesis.openapi.from_dict(openapi), schemathesis.GenerationMode
        statuses: Counter[int] = Counter()
        checks = [
            schemathesis.checks.not_a_server_error,
            schemathesis.specs.openapi.checks.status_code_conformance,
            schemathesis.specs.openapi.checks.content_type_conformance,
            schemathesis.specs.openapi.checks.response_schema_conformance,
        ]

        def ask(path: str, method: str, client: str) -> None:
            operation = schema[path][method]
            cases = st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in modes))

            @seed(12000)
            @settings(
                max_examples=3, database=None, deadline=None, phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )  # fmt: skip
            @given(cases)
            def send(case: Any) -> None:
                answer = case.call(base_url=f"http://127.0.0.1:{served}", headers=bearer(client), timeout=30)
                statuses[answer.status_code] += 1
                case.validate_response(answer, checks=checks)

            send()

        for path, operations in openapi["paths"].items():
            if path.startswith(NOT_FUZZED):
                continue
            operators = path.startswith(("/v1/operator", "/metrics"))
            client = "op" if operators else "feeder" if path == "/v1/events" else "acme"
            for method in operations:
                await asyncio.to_thread(ask, path, method, client)
        assert sum(statuses.values()) > 100
        assert {200, 400, 404, 422} <= set(statuses)


REDOCLY = """
const source = require("fs").readFileSync(0, "utf8");  // first: a library may make the input non-blocking
const { createConfig, lintFromString } = require("@redocly/openapi-core");
(async () => {
  const config = await createConfig({ extends: ["recommended"] });
  const found = await lintFromString({ source, absoluteRef: "/openapi.json", config });
  console.log(JSON.stringify(found.map(each => [each.severity, each.ruleId, each.location[0]?.pointer, each.message])));
})();
"""
ASYNCAPI = """
const source = require("fs").readFileSync(0, "utf8");
const { Parser } = require("@asyncapi/parser");
(async () => {
  const { document, diagnostics } = await new Parser().parse(source);
  const channels = document.channels().all().map(each => [each.id(), each.messages().all().length]);
  console.log(JSON.stringify([diagnostics.map(each => [each.code, each.path.join("/"), each.message]), channels]));
})();
"""
TYPESCRIPT = """
import type { components, paths } from "./api";
const event: components["schemas"]["Event"] = {
  specversion: "1.0", id: "a", source: "urn:a", type: "se.skolnav.absence.reported.v1", data: { id: "a" },
};
type Persons = paths["/ss12000/v2.0/persons"]["get"]["responses"]["200"]["content"]["application/json"];
const page: Persons = { data: [{ id: "a", givenName: "Lo" }], pageToken: null };
type Page = paths["/v1/subscriptions/{id}/events"]["get"];
const query: Page["parameters"]["query"] = { limit: 100, wait: 30 };
type Made = paths["/v1/subscriptions"]["post"]["responses"]["201"]["content"]["application/json"];
const reads = (made: Made): string => `${made.id} ${made.status === "pending" ? made.sink.url : made.created}`;
// @ts-expect-error: an answer is not `any`
const wrong = (made: Made) => made.nothing;
export const used = [event, page.data[0].givenName, query, reads, wrong];
"""


async def test_redocly_finds_nothing_to_say(openapi):
    assert json.loads(node.run(REDOCLY, json.dumps(openapi).encode(), "documents")) == []


async def test_the_parser_of_asyncapi_reads_the_document(asyncapi, hub):
    found, channels = json.loads(node.run(ASYNCAPI, json.dumps(asyncapi).encode(), "documents"))
    assert [each for each in found if each[0] != "asyncapi-latest-version"] == []
    types = len(list(hub.catalogue))
    assert channels == [[name, types] for name in ("publish", "webhook", "feed", "stream")]


async def test_openapi_typescript_makes_types_that_a_program_can_use(openapi, tmp_path):
    packages = node.folder("documents") / "node_modules"
    (tmp_path / "openapi.json").write_text(json.dumps(openapi))
    (tmp_path / "use.ts").write_text(TYPESCRIPT)
    for command in (
        [packages / "openapi-typescript/bin/cli.js", "openapi.json", "--output", "api.d.ts"],
        [packages / "typescript/bin/tsc", "--noEmit", "--strict", "--skipLibCheck", "--lib", "es2022", "use.ts"],
    ):
        done = subprocess.run(["node", *command], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


PYTHON_CLIENT = """
import sys
from made import AuthenticatedClient, Client
from made.api.catalogue import types_v1_catalogue_get as types
from made.api.ss12000 import ss12000_list_organisations as organisations
from made.api.subscriptions import make_v1_subscriptions_post as subscribe
from made.models import Event, EventData, SubscriptionSpec

url, feeder, acme = (*sys.argv[1:3], AuthenticatedClient(sys.argv[1], sys.argv[3]))
assert "se.skolnav.absence.reported.v1" in {each.type_ for each in types.sync(client=Client(base_url=url)).types}
event = Event.from_dict({
    "specversion": "1.0", "id": "org-1", "source": "urn:sis", "type": "se.skolnav.directory.organisation.upserted.v1",
    "data": {"id": "0d4d1c52-8a2e-4a35-9d1b-7f7c1f0f4a10", "displayName": "Norr", "organisationType": "Skolenhet"},
})
assert isinstance(event.data, EventData)
# The function that it makes for publishing fails in Python (`isinstance` with a list's type), since the body may be
# one event or a batch: its models are used with its HTTP client.
http = AuthenticatedClient(url, feeder).get_httpx_client()
answer = http.post("/v1/events", json=event.to_dict(), headers={"Content-Type": "application/cloudevents+json"})
assert answer.status_code == 202
page = organisations.sync(client=acme)
assert [each.display_name for each in page.data] == ["Norr"]
spec = SubscriptionSpec.from_dict({"name": "live", "types": ["se.skolnav.absence.*"], "sink": {"kind": "stream"}})
made = subscribe.sync(client=acme, body=spec)
assert (made.status, made.sink.kind) == ("active", "stream")
"""


async def test_openapi_python_client_makes_a_client_that_publishes_and_reads(openapi, served, tmp_path):
    (tmp_path / "openapi.json").write_text(json.dumps(openapi))
    (tmp_path / "config.yaml").write_text("post_hooks: []\n")
    made = await asyncio.to_thread(
        subprocess.run,
        [tool("openapi-python-client"), "generate", "--path", "openapi.json", "--output-path", "made", "--meta", "none",
         "--config", "config.yaml", "--fail-on-warning"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout
    used = await asyncio.to_thread(
        subprocess.run,
        [tool("python"), "-c", PYTHON_CLIENT, f"http://127.0.0.1:{served}", TOKENS["feeder"], TOKENS["acme"]],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert used.returncode == 0, used.stderr
