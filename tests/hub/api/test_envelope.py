"""The envelope at the door: what is refused, what is normalised, and that a repeat in another mode is a repeat."""

import base64

import orjson
import pytest

from schemas.event import BATCH
from tests.hub.api.conftest import bearer
from tests.hub.api.test_ingest import absence, kept, post, problem


def rules(answer, status=422):
    return [(each["where"], each["rule"]) for each in problem(answer, status, "invalid-event")["errors"]]


async def binary(http, event, content_type="application/json", **headers):
    data = event.pop("data")
    event.pop("datacontenttype", None)
    sent = {f"ce-{name}": str(value) for name, value in event.items()} | headers | bearer("feeder")
    if content_type is not None:
        sent["Content-Type"] = content_type
    encoded = [(name.encode(), value if isinstance(value, bytes) else value.encode()) for name, value in sent.items()]
    return await http.post("/v1/events", content=orjson.dumps(data), headers=encoded)


def stored(hub):
    return hub.log.read(hub.log.start(), 1000)


@pytest.mark.parametrize(
    "source",
    [
        "urn:skola:å", "/skola 7", "urn:a%zz", "urn:a%", "1a:b", "http://[::1", "http://[1:2]/", "http://a:b/", "a\\b",
        "urn:a#b#c", "http://[v1]/", "urn:[a]",
    ],
)  # fmt: skip
async def test_a_source_that_is_no_uri_reference_is_refused(http, hub, source):
    assert rules(await post(http, absence(hub, source=source))) == [("source", "uri")]


@pytest.mark.parametrize(
    "source", ["urn:skola:%C3%A5", "/a/b;c=1", "#x", "?q=a/b", "//[::1]:80/", "http://[v1.a:b]/", "a@b/c:d", "urn:"]
)
async def test_every_uri_reference_is_accepted(http, hub, source):
    assert (await post(http, absence(hub, source=source))).status_code == 202


@pytest.mark.parametrize("schema", ["x:", "//host/path", "#a", "http://å/", "urn:a b", "1:a"])
async def test_a_data_schema_that_is_no_uri_is_refused(http, hub, schema):
    assert rules(await post(http, absence(hub, dataschema=schema))) == [("dataschema", "uri")]


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999999Z"),
        ("1990-12-31T15:59:60.5-08:00", "1990-12-31T15:59:59.999999-08:00"),
        ("2015-07-01t01:59:60+02:00", "2015-07-01T01:59:59.999999+02:00"),
        ("2026-11-24t07:42:00z", "2026-11-24T07:42:00Z"),
        ("2026-11-24T07:42:00.1234567891234+01:00", "2026-11-24T07:42:00.123456789+01:00"),
        ("2026-11-24T07:42:00-00:00", "2026-11-24T07:42:00-00:00"),
    ],
)
async def test_a_time_is_stored_as_every_reader_understands_it(http, hub, given, plain):
    assert (await post(http, absence(hub, time=given))).status_code == 202
    assert (await stored(hub)).events[0].event.time == plain


@pytest.mark.parametrize(
    "time",
    [
        "2016-12-30T23:59:60Z",
        "9999-12-31T23:59:60Z",
        "9999-12-31T18:59:60.5-05:00",
        "2016-12-31T22:59:60Z",
        "2016-12-31T23:58:60Z",
        "2026-11-24T07:42:61Z",
        7,
        "24:00",
    ],
)
async def test_no_other_time_is_accepted(http, hub, time):
    assert rules(await post(http, absence(hub, time=time))) == [("time", "time")]


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        (b'"data":{', b'"data":{"id":"x",', "duplicate-name"),
        (b'"data":{', b'"data":{"a":1,"\\u0061":"\\"q\\" :",', "duplicate-name"),
        (b'"specversion":', b'"specversion" : "1.0", "specversion" :', "duplicate-name"),
        (b'"data":{', b'"data":{"n":9007199254740992,', "number"),
        (b'"data":{', b'"data":{"n":"\\uffff",', "noncharacter"),
        (b'"data":{', b'"data":{"\xef\xb7\x90":1,', "noncharacter"),
        (b'"data":{', b'"data":{"n":"\\ud83f\\udffe",', "noncharacter"),
        (b'"data":{', b'"data":{"n":"\\ud800",', "json"),
        (b'"data":{', b'"data":{"n":"\\udc00\\ud800",', "json"),
    ],
)
async def test_json_that_readers_understand_differently_is_refused(http, hub, old, new, rule):
    body = orjson.dumps(absence(hub)).replace(old, new, 1)
    assert rules(await post(http, body)) == [("$", rule)]
    assert rules(await post(http, b"[" + body + b"]", BATCH)) == [("$", rule)]


async def test_names_that_only_look_alike_and_quotes_in_texts_are_accepted(http, hub):
    event = absence(hub)
    event["data"] |= {"a": '"a":1', "A": '\\"', "x": {"a": "å\U0001f600\ue000"}, "y": ["a", "a", ':"a":']}
    assert (await post(http, event)).status_code == 202


async def test_null_base64_counts_as_left_out(http, hub):
    assert (await post(http, absence(hub, data_base64=None))).status_code == 202
    both = absence(hub, data_base64=base64.b64encode(b"{}").decode())
    assert rules(await post(http, both)) == [("data_base64", "data-twice")]


@pytest.mark.parametrize("text", [b'{"a":1,"a":2}', b'{"a":9007199254740993}'])
async def test_base64_hides_no_json_that_readers_understand_differently(http, hub, text):
    event = {**absence(hub), "data_base64": base64.b64encode(text).decode()}
    del event["data"]
    assert [where for where, _ in rules(await post(http, event))] == ["data_base64"]


class TestBinary:
    async def test_utf8_in_a_header_is_the_same_percent_encoded_or_not(self, http, hub):
        first = await binary(http, absence(hub, id="åäö"))
        assert first.json() == {"accepted": 1, "duplicates": 0, "ids": ["åäö"]}
        encoded = await binary(http, absence(hub, id="%C3%A5%C3%A4%c3%b6"))
        assert encoded.json() == {"accepted": 0, "duplicates": 1, "ids": ["åäö"]}
        assert (await post(http, absence(hub, id="åäö"))).json()["duplicates"] == 1

    @pytest.mark.parametrize("value", [b"\xe5\xe4", b"\xc3", b"%C0%A0", b"\xc3%A5", b"%ED%A0%80"])
    async def test_a_header_that_is_not_utf8_is_refused(self, http, hub, value):
        assert rules(await binary(http, absence(hub), **{"ce-subject": value})) == [("subject", "header")]

    @pytest.mark.parametrize("content_type", [None, ""])
    async def test_without_a_content_type_the_body_is_examined(self, http, hub, content_type):
        assert (await binary(http, absence(hub), content_type)).status_code == 202
        assert (await stored(hub)).events[0].event.attributes.get("datacontenttype") is None
        refused = await binary(http, absence(hub, data="x" * 9), None)
        assert refused.status_code == 422


class TestTheSameEvent:
    @pytest.mark.parametrize(
        "other",
        [
            {"datacontenttype": None},
            {"datacontenttype": "application/json; charset=UTF-8"},
            {"datacontenttype": "Application/JSON"},
            {"time": "2026-11-24T06:42:00Z"},
            {"time": "2026-11-24T06:42:00.000z"},
            {"acmenumber": "7"},
            {"acmeflag": "true"},
            {"sequence": "1"},
        ],
    )
    async def test_spelt_otherwise_is_a_repeat(self, http, hub, other):
        event = absence(hub, acmenumber=7, acmeflag=True)
        assert (await post(http, event)).status_code == 202
        again = {**event, **other}
        assert (await post(http, again)).json()["duplicates"] == 1
        in_one = [{**event, "id": "e2"}, {**again, "id": "e2"}]
        assert (await post(http, in_one, BATCH)).json() == {"accepted": 1, "duplicates": 1, "ids": ["e2", "e2"]}

    async def test_in_another_mode_is_a_repeat(self, http, hub):
        event = absence(hub, acmenumber=7, acmeflag=True)
        del event["datacontenttype"]
        assert (await post(http, event)).status_code == 202
        headers = {"ce-acmenumber": "7", "ce-acmeflag": "true"}
        plain = {name: value for name, value in event.items() if not name.startswith("acme")}
        assert (await binary(http, dict(plain), **headers)).json()["duplicates"] == 1
        as_base64 = {**event, "data_base64": base64.b64encode(orjson.dumps(event["data"])).decode()}
        del as_base64["data"]
        assert (await post(http, [as_base64], BATCH)).json()["duplicates"] == 1
        assert await kept(hub) == ["e1"]

    @pytest.mark.parametrize(
        "other",
        [
            {"datacontenttype": "application/vnd.acme+json"},
            {"time": "2026-11-24T06:42:00.000000001Z"},
            {"time": None},
            {"acmenumber": 8},
            {"acmeflag": 1},
            {"dataschema": "urn:x"},
        ],
    )
    async def test_with_another_meaning_is_a_conflict(self, http, hub, other):
        event = absence(hub, acmenumber=7, acmeflag=True)
        await post(http, event)
        problem(await post(http, {**event, **other}), 409, "id-conflict")

    async def test_numbers_are_compared_as_numbers_and_truth_as_truth(self, http, hub):
        event = absence(hub)
        event["data"]["acme"] = [1, True, {"a": 0}]
        await post(http, event)
        event["data"]["acme"] = [1.0, True, {"a": -0.0}]
        assert (await post(http, event)).json()["duplicates"] == 1
        event["data"]["acme"] = [1, 1, {"a": 0}]
        problem(await post(http, event), 409, "id-conflict")
