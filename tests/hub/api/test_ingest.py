"""POST /v1/events: three modes, and a clear answer to everything that is not as it should be."""

import asyncio
import contextlib
import uuid
from urllib.parse import quote

import httpx
import orjson
import pytest

from hub.api import ingest
from hub.bus.base import LogUnavailable
from schemas.event import BATCH, STRUCTURED
from tests.hub.api.conftest import bearer
from tests.until import until

CANARY = "kanariefågel-9317"


def absence(hub, id="e1", **attributes):
    event = hub.catalogue.example(hub.catalogue.entry("se.skolnav.absence.reported.v1"))
    return {**event, "id": id, **attributes}


async def post(http, content, content_type=STRUCTURED, client="feeder", **headers):
    body = content if isinstance(content, bytes) else orjson.dumps(content)
    sent = {"Content-Type": content_type, **bearer(client), **headers}
    return await http.post("/v1/events", content=body, headers={k: v for k, v in sent.items() if v is not None})


async def kept(hub):
    return [stored.id for stored in (await hub.log.read(hub.log.start(), 1000)).events]


def problem(answer, status, code):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["type"] == f"urn:skolnav:problem:{code}"
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    assert CANARY not in answer.text
    return document


class TestTaking:
    async def test_a_structured_event_is_accepted_and_stored(self, hub, http):
        answer = await post(http, absence(hub))
        assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "duplicates": 0, "ids": ["e1"]})
        assert await kept(hub) == ["e1"]

    async def test_a_batch_is_accepted_in_its_order(self, hub, http):
        answer = await post(http, [absence(hub, f"e{n}") for n in range(120)], BATCH)
        assert answer.json() == {"accepted": 120, "duplicates": 0, "ids": [f"e{n}" for n in range(120)]}
        assert await kept(hub) == [f"e{n}" for n in range(120)]

    async def test_binary_mode_carries_attributes_in_headers(self, hub, http):
        event = absence(hub)
        data = event.pop("data")
        event.pop("datacontenttype")
        headers = {f"ce-{name}": value for name, value in event.items()}
        answer = await post(http, data, "application/json; charset=utf-8", **headers)
        assert answer.status_code == 202, answer.text
        (stored,) = (await hub.log.read(hub.log.start(), 10)).events
        assert stored.event.data == data
        assert stored.subject == event["subject"]

    async def test_the_same_again_is_a_duplicate_and_harmless(self, hub, http):
        await post(http, absence(hub))
        answer = await post(http, [absence(hub), absence(hub, "e2")], BATCH)
        assert answer.json() == {"accepted": 1, "duplicates": 1, "ids": ["e1", "e2"]}
        assert await kept(hub) == ["e1", "e2"]

    async def test_every_example_of_the_catalogue_is_taken(self, hub, http):
        """But those that the hub alone publishes: its own alerts."""
        taken = [entry for entry in hub.catalogue if not entry.spec.type.startswith("se.skolnav.operator.")]
        examples = [hub.catalogue.example(entry, n) for entry in taken for n in range(len(entry.spec.examples))]
        answer = await post(http, examples, BATCH)
        assert answer.status_code == 202, answer.text
        assert answer.json()["accepted"] == len(examples)

    async def test_a_body_in_chunks_of_unknown_length_is_taken(self, hub, http):
        whole = orjson.dumps(absence(hub))

        async def body():
            yield whole[:10]
            yield whole[10:]

        answer = await http.post("/v1/events", content=body(), headers={"Content-Type": STRUCTURED, **bearer("feeder")})
        assert answer.status_code == 202, answer.text


class TestRefusing:
    @pytest.mark.parametrize("body", [b"", b"{", b"[1", b"\xff", b'{"specversion":"1.0",}', b"NaN", b"[" * 5000])
    @pytest.mark.parametrize("content_type", [STRUCTURED, BATCH])
    async def test_malformed_json_is_422(self, http, hub, body, content_type):
        document = problem(await post(http, body, content_type), 422, "invalid-event")
        assert document["errors"][0]["rule"] in ("json", "object", "array")
        assert await kept(hub) == []

    async def test_wrong_types_are_422_by_place_and_rule(self, http, hub):
        event = absence(hub, time=CANARY, data={"id": CANARY, "student": CANARY, "startTime": 5, "x" + CANARY: CANARY})
        document = problem(await post(http, event), 422, "invalid-event")
        assert "time" in {error["where"] for error in document["errors"]}
        event["time"] = "2026-11-24T08:00:00+01:00"
        document = problem(await post(http, event), 422, "invalid-event")
        assert {"data.id", "data.student", "data.startTime", "data.endTime"} <= {
            error["where"] for error in document["errors"]
        }

    async def test_an_unknown_type_is_422(self, http, hub):
        document = problem(await post(http, absence(hub, type=f"se.{CANARY}.v1")), 422, "invalid-event")
        assert document["errors"] == [
            {"where": "type", "rule": "unknown-type", "detail": "is not in the catalogue (GET /v1/catalogue)"}
        ]

    async def test_a_batch_with_bad_events_stores_nothing_and_names_each(self, http, hub):
        events = [absence(hub, f"e{n}") for n in range(6)]
        del events[1]["source"]
        events[3]["data"] = {**events[3]["data"], "startTime": CANARY}
        events[5]["type"] = "no.such.v1"
        document = problem(await post(http, events, BATCH), 422, "invalid-event")
        assert [error["where"] for error in document["errors"]] == ["[1].source", "[3].data.startTime", "[5].type"]
        assert await kept(hub) == []

    async def test_a_batch_of_no_events_is_accepted(self, http):
        answer = await post(http, [], BATCH)
        assert (answer.status_code, answer.json()) == (202, {"accepted": 0, "duplicates": 0, "ids": []})

    async def test_two_mebibytes_are_413(self, http, hub):
        padding = "x" * (2 << 20)
        problem(await post(http, absence(hub, data={"note": padding})), 413, "too-large")

    async def test_two_mebibytes_of_undeclared_length_are_413(self, http):
        async def body():
            for _ in range(32):
                yield b" " * (1 << 16)

        answer = await http.post("/v1/events", content=body(), headers={"Content-Type": STRUCTURED, **bearer("feeder")})
        problem(answer, 413, "too-large")

    async def test_more_events_than_a_request_holds_are_413(self, http, hub):
        # Small ones, so that the number alone is too large.
        problem(await post(http, [{} for _ in range(ingest.MAX_BATCH + 1)], BATCH), 413, "too-large")

    @pytest.mark.parametrize(
        "content_type", [None, "application/json", "text/plain", f"{STRUCTURED}; charset=latin-1", CANARY.encode()]
    )
    async def test_another_content_type_is_415(self, http, hub, content_type):
        problem(await post(http, absence(hub), content_type), 415, "media-type")

    async def test_binary_mode_with_other_data_than_json_is_415(self, http, hub):
        headers = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "urn:x", "ce-type": "t"}
        problem(await post(http, b"<x/>", "text/xml", **headers), 415, "media-type")

    @pytest.mark.parametrize(
        "authorization", [None, "", "Bearer", f"Bearer {CANARY}", "Basic Zm9vOmJhcg==", "Bearer snt_AAAA", "bearer é"]
    )
    async def test_a_missing_or_wrong_token_is_401_with_a_challenge(self, http, hub, authorization):
        given = None if authorization is None else authorization.encode("latin-1")
        answer = await post(http, absence(hub), Authorization=given)
        problem(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"].startswith("Bearer")

    async def test_a_client_that_is_no_publisher_is_403(self, http, hub):
        problem(await post(http, absence(hub), client="acme"), 403, "role-missing")

    async def test_anothers_source_or_type_is_403_by_index_and_rule(self, http, hub):
        events = [
            absence(hub, "e0", source="urn:narrow:a"),
            absence(hub, "e1", source=f"urn:{quote(CANARY)}"),
            {**hub.catalogue.example(hub.catalogue.entry("se.skolnav.day.closed.v1")), "source": "urn:narrow:a"}
            if "se.skolnav.day.closed.v1" in hub.catalogue
            else absence(hub, "e2", source="urn:narrow:a", type=f"se.{CANARY}.v1"),
        ]
        document = problem(await post(http, events, BATCH, client="narrow"), 403, "not-permitted-to-publish")
        assert document["errors"] == [{"where": "[1]", "rule": "sources"}, {"where": "[2]", "rule": "publishes"}]
        assert await kept(hub) == []
        assert (await post(http, events[0], client="narrow")).status_code == 202

    async def test_a_known_id_with_other_content_is_409_and_stores_nothing(self, http, hub):
        await post(http, absence(hub))
        changed = absence(hub)
        changed["data"] = {**changed["data"], "endTime": "2026-11-24T17:00:00+01:00"}
        document = problem(await post(http, [absence(hub, "new"), changed], BATCH), 409, "id-conflict")
        assert document["errors"] == [{"where": "[1].id", "rule": "id-conflict"}]
        assert await kept(hub) == ["e1"]

    async def test_a_log_that_cannot_be_written_is_503_with_a_time_to_come_back(self, http, hub, monkeypatch):
        async def full(batch):
            raise LogUnavailable(CANARY)

        monkeypatch.setattr(type(hub.log), "append", lambda self, batch, *_: full(batch))
        answer = await post(http, absence(hub))
        problem(answer, 503, "unavailable")
        assert int(answer.headers["retry-after"]) > 0

    async def test_a_fault_of_the_hubs_own_is_500_and_says_nothing_of_it(self, http, hub, monkeypatch, caplog):
        async def broken(batch):
            raise RuntimeError(CANARY)

        monkeypatch.setattr(type(hub.log), "append", lambda self, batch, *_: broken(batch))
        problem(await post(http, absence(hub)), 500, "internal")
        assert "RuntimeError" in caplog.text
        assert CANARY not in caplog.text

    async def test_swedish_titles_for_whom_prefers_them(self, http):
        document = problem(await post(http, b"{", **{"Accept-Language": "sv-SE,en;q=0.5"}), 422, "invalid-event")
        assert document["title"] == "En händelse är inte giltig"


class TestOverload:
    async def test_a_client_with_too_much_waiting_is_429_and_others_are_served(self, http, hub, monkeypatch):
        monkeypatch.setattr(ingest, "MAX_WAITING", 2)
        release = asyncio.Event()
        append = hub.log.append

        async def slow(batch):
            await release.wait()
            return await append(batch)

        monkeypatch.setattr(type(hub.log), "append", lambda self, batch, *_: slow(batch))
        waiting = [asyncio.create_task(post(http, absence(hub, f"e{n}"))) for n in range(2)]
        await until(lambda: sum(each.requests for each in app_waiting(http).values()) >= 2)
        answer = await post(http, absence(hub, "e3"))
        problem(answer, 429, "too-many-requests")
        assert answer.headers["retry-after"] == "1"
        event = absence(hub, "e4", source="urn:narrow:a")
        event["data"]["id"] = str(uuid.uuid4())
        other = asyncio.create_task(post(http, event, client="narrow"))
        await asyncio.sleep(0)
        release.set()
        assert [each.status_code for each in await asyncio.gather(*waiting, other)] == [202, 202, 202]
        assert not app_waiting(http)

    async def test_more_bytes_than_the_hub_will_hold_are_503(self, http, hub, monkeypatch):
        monkeypatch.setattr(ingest, "MAX_WAITING_BYTES", 100)
        answer = await post(http, absence(hub))
        problem(answer, 503, "unavailable")
        assert answer.headers["retry-after"] == "1"
        monkeypatch.undo()
        assert (await post(http, absence(hub))).status_code == 202

    async def test_one_client_holds_its_share_of_the_bytes_and_others_are_served(self, http, hub, monkeypatch):
        monkeypatch.setattr(ingest, "MAX_CLIENT_BYTES", 2 * MUCH)
        async with await held_up(http, 2, "feeder"):
            refused = await post(http, b"x" * MUCH)
            problem(refused, 429, "too-many-requests")
            assert refused.headers["retry-after"] == "1"
            answer = await post(http, absence(hub, "e4", source="urn:narrow:a"), client="narrow")
            assert answer.status_code == 202

    async def test_a_client_below_an_even_share_is_served_when_all_is_full(self, http, hub, monkeypatch):
        monkeypatch.setattr(ingest, "MAX_WAITING_BYTES", 2 * MUCH)
        async with await held_up(http, 2, "feeder"):
            problem(await post(http, b"x" * MUCH), 503, "unavailable")
            answer = await post(http, absence(hub, "e4", source="urn:narrow:a"), client="narrow")
            assert answer.status_code == 202

    async def test_a_body_that_drips_too_long_is_408(self, http, hub, monkeypatch):
        monkeypatch.setattr(ingest, "BODY_TIMEOUT_S", 0.01)

        # httpx's transport reads the whole body first: the application is called as a server would.
        messages = iter([{"type": "http.request", "body": b"{", "more_body": True}])

        async def receive():
            for message in messages:
                return message
            await asyncio.Event().wait()

        sent = []

        async def send(message):
            sent.append(message)

        scope = {
            "type": "http", "method": "POST", "path": "/v1/events",
            "headers": [(b"authorization", bearer("feeder")["Authorization"].encode()),
                        (b"content-type", STRUCTURED.encode())],
        }  # fmt: skip
        await http._transport.app(scope, receive, send)
        assert sent[0]["status"] == 408


MUCH = 10_000  # bytes of a body that does not end


async def held_up(http, count, client):
    """Requests whose bodies have arrived in part. Returns the context in which they are open."""
    app = http._transport.app
    ended = asyncio.Event()

    async def one():
        first = True

        async def receive():
            nonlocal first
            if first:
                first = False
                return {"type": "http.request", "body": b"x" * MUCH, "more_body": True}
            await ended.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            pass

        scope = {
            "type": "http", "method": "POST", "path": "/v1/events",
            "headers": [(b"authorization", bearer(client)["Authorization"].encode()), (b"content-type", b"x/y")],
        }  # fmt: skip
        await app(scope, receive, send)

    tasks = [asyncio.create_task(one()) for _ in range(count)]
    await until(lambda: app_waiting(http) and app_waiting(http)[client].bytes == count * MUCH)

    @contextlib.asynccontextmanager
    async def parts():
        try:
            yield
        finally:
            ended.set()
            await asyncio.gather(*tasks)
            assert not app_waiting(http), "what ended is still counted"

    return parts()


def app_waiting(http):
    return http._transport.app.ingest._waiting


class TestOverARealConnection:
    @pytest.mark.parametrize("size", [2 << 20, 32 << 20])
    @pytest.mark.parametrize("chunked", [True, False])
    async def test_who_sends_too_much_gets_the_answer_and_no_reset(self, served, size, chunked):
        async def body():
            for _ in range(size >> 16):
                yield b" " * (1 << 16)

        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{served}") as http:
            headers = {"Content-Type": STRUCTURED, **bearer("feeder")}
            content = body() if chunked else b" " * size
            problem(await http.post("/v1/events", content=content, headers=headers), 413, "too-large")

    async def test_who_has_no_token_gets_the_answer_before_the_body_is_looked_at(self, served):
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{served}") as http:
            answer = await http.post("/v1/events", content=b"x" * (4 << 20), headers={"Content-Type": STRUCTURED})
            problem(answer, 401, "unauthenticated")

    async def test_64_publishers_at_once_are_all_taken(self, served, hub):
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{served}") as http:
            answers = await asyncio.gather(*(post(http, absence(hub, f"e{n}")) for n in range(64)))
        assert {answer.status_code for answer in answers} == {202}
        assert sorted(await kept(hub)) == sorted(f"e{n}" for n in range(64))
