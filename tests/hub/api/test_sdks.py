"""What the hub accepts is readable: both official CloudEvents SDKs read whole feed pages, whatever was published."""

import json
import random

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event

from schemas.event import STRUCTURED
from tests.hub.api.school import closed_day
from tests.hub.api.test_feed import feed
from tests.hub.api.test_ingest import post
from tests.peers import node

JS_READER = """
const { HTTP } = require("cloudevents");
const pages = JSON.parse(require("fs").readFileSync(0));
const read = pages.map(page => HTTP.toEvent(page).map(event => event.toJSON()));
process.stdout.write(JSON.stringify(read));
"""

# Attributes as a publisher may write them. Some are no valid events: the hub may refuse them, but not pass them on.
ODD = {
    "source": [
        "urn:a",
        "urn:å",
        "/a b",
        "a/../b",
        "#",
        "?",
        "",
        "urn:%C3%A5",
        "urn:%zz",
        "//[::1]:8080/x?y#z",
        "http://[::g]/",
        "1a:b",
        "a:1",
        "http://ex ample/",
        "urn:a\u00a0b",
        "http://[v7.x]/",
        "x" * 1025,
        "urn:{a}",
        "urn:|",
        "mailto:a@b",
        "//u:p@h:80",
        "urn:a'b",
        'urn:a"b',
        "-a:b",
        "+",
        "urn:a#b?c/d",
        "http://h:8a/",
    ],
    "dataschema": [
        None,
        "urn:x",
        "http://x/y#z",
        "/rel",
        "x:",
        "urn:å",
        "http://[::1]/a",
        "http://a b",
        "https://h/%",
        "a+b:c",
        "urn:x y",
        "http://h:99999999/",
    ],
    "time": [
        None,
        "2026-11-24T07:42:00+01:00",
        "2026-11-24t07:42:00z",
        "2016-12-31T23:59:60Z",
        "2026-11-24T07:42:00.1234567891Z",
        "2026-11-24T07:42:00-00:00",
        "2026-11-24T24:00:00Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "2026-11-24T07:42:00+23:59",
        "2026-02-29T00:00:00Z",
        "2024-02-29T00:00:00.5Z",
        "2026-11-24",
        "now",
        5,
        "2026-11-24T07:42:00 +01:00",
        "2026-11-24T07:42Z",
    ],
    "datacontenttype": [
        None,
        "application/json",
        "APPLICATION/JSON",
        "application/json;charset=utf-8",
        "text/json",
        "application/x+json",
        'application/json; a="å"',
        "application/json;;",
        "json",
        'application/json; profile="x y"',
    ],
    "id": ["", "å", "a b", "😀", "\u200b", "\u202e", "x" * 1024, "\ufffe", "a\nb", "%41", '"', "\\"],
    "traceparent": [None, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "x", 7, True, "", "å"],
    "acme": [None, 1, True, "x", 2**31, 1.5, [], "\u0085"],
    "constructor": [None, "x"],
}


def drawn(dice, number):
    event = closed_day(number).to_dict()
    event["id"] = f"e{number}"
    for name in dice.sample(sorted(ODD), dice.randint(0, 3)):
        value = dice.choice(ODD[name])
        if name == "id":
            value = f"{value}-{number}" if value else value
        if value is None:
            event.pop(name, None)
        else:
            event[name] = value
    return event


def each_odd(number):
    """Each odd value once, in an event that is otherwise plain."""
    for name, values in ODD.items():
        for value in values:
            number += 1
            yield {**closed_day(number).to_dict(), "id": f"odd{number}", **({} if value is None else {name: value})}


async def pages_of(http, hub):
    """Whole pages as the hub sends them."""
    reader = await feed(http, "facilities", types=["se.skolnav.schedule.*"])
    pages = []
    while True:
        answer = await reader.get(limit=50) if not pages else await reader.get()
        if not answer.json():
            return pages
        pages.append((answer.headers["content-type"], answer.text))


@pytest.fixture
async def accepted(http, hub):
    """The ids of the odd events that the hub has accepted."""
    dice = random.Random(20261129)
    ids, refused = [], 0
    for event in [*each_odd(1000), *(drawn(dice, n) for n in range(150))]:
        answer = await post(http, event)
        assert answer.status_code in (202, 422), answer.text
        if answer.status_code == 202:
            ids += answer.json()["ids"]
        else:
            refused += 1
    assert len(ids) > 100
    assert refused > 50
    return ids


async def test_the_javascript_sdk_reads_every_page(http, hub, accepted):
    node.folder()
    pages = await pages_of(http, hub)
    given = [{"headers": {"content-type": kind}, "body": text} for kind, text in pages]
    read = [event for page in json.loads(node.run(JS_READER, json.dumps(given).encode())) for event in page]
    sent = [event for _, text in pages for event in json.loads(text)]
    assert [each["id"] for each in read] == accepted
    for theirs, ours in zip(read, sent, strict=True):
        assert {**theirs, "time": None} == {**ours, "time": None}


async def test_the_python_sdk_reads_every_event(http, hub, accepted):
    pages = await pages_of(http, hub)
    sent = [event for _, text in pages for event in json.loads(text)]
    assert [each["id"] for each in sent] == accepted
    for ours in sent:
        message = HTTPMessage(headers={"content-type": STRUCTURED}, body=json.dumps(ours).encode())
        theirs = from_http_event(message)
        assert theirs.get_data() == ours["data"]
        assert {**theirs.get_attributes(), "time": None} == {
            **{name: value for name, value in ours.items() if name != "data"},
            "time": None,
        }
        assert theirs.get_time() is not None
