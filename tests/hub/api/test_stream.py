"""Server-sent events over a real connection: a client that parses by the standard, resumes, or does not read."""

import asyncio
import contextlib
from datetime import timedelta

import orjson
import pytest

from hub.subscriptions.model import Status
from tests.hub.api.conftest import bearer
from tests.hub.api.school import absence, append, current, person, pupil
from tests.hub.api.test_feed import feed
from tests.until import until


class SseParser:
    """The standard's algorithm: https://html.spec.whatwg.org/multipage/server-sent-events.html (9.2.6)."""

    def __init__(self):
        self.events, self.last_id, self._left, self._data, self._type = [], "", "", [], ""

    def feed(self, text):
        *lines, self._left = (self._left + text).split("\n")
        for line in lines:
            if not line:
                if self._data:
                    event = {"data": "\n".join(self._data)}
                    if self._type:
                        event["event"] = self._type
                    if self.last_id:
                        event["id"] = self.last_id
                    self.events.append(event)
                self._data, self._type = [], ""
            elif not line.startswith(":"):
                name, _, value = line.partition(":")
                value = value.removeprefix(" ")
                if name == "data":
                    self._data.append(value)
                elif name == "event":
                    self._type = value
                elif name == "id":
                    self.last_id = value


class Client:
    def __init__(self, reader, writer):
        self.reader, self.writer, self.parser, self.raw = reader, writer, SseParser(), b""

    async def next(self, count):
        while len(self.parser.events) < count:
            await self._chunk()
        found, self.parser.events = self.parser.events[:count], self.parser.events[count:]
        return found

    async def until(self, text):
        while text not in self.raw:
            await self._chunk()

    async def _chunk(self):
        async with asyncio.timeout(10):
            size = int(await self.reader.readline(), 16)
            chunk = await self.reader.readexactly(size + 2)
        if not size:
            raise EOFError
        self.raw += chunk[:-2]
        self.parser.feed(chunk[:-2].decode())


@contextlib.asynccontextmanager
async def stream(port, id, **headers):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = {"Host": "hub", **bearer("acme"), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    writer.write(f"GET /v1/subscriptions/{id}/stream HTTP/1.1\r\n{head}\r\n".encode())
    answer = await reader.readuntil(b"\r\n\r\n")
    assert b" 200 " in answer, answer
    assert b"text/event-stream" in answer
    try:
        yield Client(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@pytest.fixture
async def school(hub, clock):
    await append(hub, *(person(n) for n in range(1, 5)), person(5, "Skyddad folkbokföring"), current(clock))
    return hub


@pytest.mark.shared
async def test_the_parser_reads_what_the_published_vectors_say(shared):
    for case in orjson.loads((shared / "reference/conformance/sse.json").read_bytes())["cases"]:
        parser = SseParser()
        for chunk in case["chunks"]:
            parser.feed(chunk)
        assert parser.events == case["events"], case["name"]


async def test_events_come_as_they_are_accepted_with_type_and_cursor(school, http, served):
    made = await feed(http, sink={"kind": "stream"})
    async with stream(served, made.id) as client:
        await append(school, absence(1, 1))
        (first,) = await client.next(1)
        assert first["event"] == "se.skolnav.absence.reported.v1"
        assert orjson.loads(first["data"])["id"] == "absence-1-rep"
        await append(school, absence(2, 5), absence(3, 2))
        (second,) = await client.next(1)
        assert orjson.loads(second["data"])["id"] == "absence-3-rep"
        assert len(second["id"]) == len(first["id"])
        assert pupil(5).encode() not in client.raw


async def test_last_event_id_resumes_after_it(school, http, served):
    made = await feed(http, sink={"kind": "stream"})
    await append(school, *(absence(n, 1 + n % 4) for n in range(5)))
    async with stream(served, made.id) as client:
        events = await client.next(5)
    async with stream(served, made.id, **{"Last-Event-ID": events[2]["id"]}) as client:
        assert [orjson.loads(event["data"])["id"] for event in await client.next(2)] == [
            "absence-3-rep", "absence-4-rep",
        ]  # fmt: skip


async def test_a_quiet_stream_has_heartbeats(school, http, served, monkeypatch):
    monkeypatch.setattr("hub.api.feed.HEARTBEAT_S", 0.02)
    monkeypatch.setattr("hub.api.feed._ID_EVERY", 2)
    made = await feed(http, sink={"kind": "stream"})
    async with stream(served, made.id) as client:
        await client.until(b":\n\n")
        await client.until(b"id: ")
        assert client.parser.last_id
        assert client.parser.events == []


async def test_denied_events_bring_no_heartbeat_forward(school, http, served):
    """Promise 5."""
    made = await feed(http, sink={"kind": "stream"})
    async with stream(served, made.id) as client:
        await client.until(b":\n\n")  # the first, at once
        before = client.raw
        await append(school, absence(1, 5), absence(2, 6))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client._chunk(), 0.3)
        assert client.raw == before


class TestPause:
    """An `EventSource` never comes back after an error status, so a pause must not end a stream."""

    async def test_an_open_stream_has_heartbeats_and_goes_on_after_the_pause(self, school, http, served, monkeypatch):
        monkeypatch.setattr("hub.api.feed.HEARTBEAT_S", 0.02)
        made = await feed(http, sink={"kind": "stream"})
        async with stream(served, made.id) as client:
            await append(school, absence(1, 1))
            await client.next(1)
            await http.post(f"/v1/subscriptions/{made.id}/pause", headers=bearer("acme"))
            await append(school, absence(2, 2))
            before = client.raw.count(b":\n\n")
            while client.raw.count(b":\n\n") < before + 3:
                await client._chunk()
            assert b"absence-2-rep" not in client.raw
            await http.post(f"/v1/subscriptions/{made.id}/resume", headers=bearer("acme"))
            (event,) = await client.next(1)
            assert orjson.loads(event["data"])["id"] == "absence-2-rep"

    async def test_a_stream_that_begins_in_a_pause_waits_for_its_end(self, school, http, served, monkeypatch):
        made = await feed(http, sink={"kind": "stream"})
        await append(school, absence(1, 1))
        await http.post(f"/v1/subscriptions/{made.id}/pause", headers=bearer("acme"))
        async with stream(served, made.id) as client:
            await client.until(b":\n\n")
            await http.post(f"/v1/subscriptions/{made.id}/resume", headers=bearer("acme"))
            (event,) = await client.next(1)
            assert orjson.loads(event["data"])["id"] == "absence-1-rep"

    async def test_a_pause_between_the_decision_and_the_first_byte_loses_nothing(
        self, school, http, served, monkeypatch
    ):
        made = await feed(http, sink={"kind": "stream"})
        settled = school.pages.settled

        async def paused_first(page, *more):
            if page.entries:
                monkeypatch.undo()
                await http.post(f"/v1/subscriptions/{made.id}/pause", headers=bearer("acme"))
            return await settled(page, *more)

        async with stream(served, made.id) as client:
            await client.until(b":\n\n")
            monkeypatch.setattr(school.pages, "settled", paused_first)
            await append(school, absence(1, 1))
            await until(lambda: school.subscriptions.get(made.id).status == "paused")
            await http.post(f"/v1/subscriptions/{made.id}/resume", headers=bearer("acme"))
            (event,) = await client.next(1)
            assert orjson.loads(event["data"])["id"] == "absence-1-rep"

    async def test_a_pause_longer_than_the_retention_ends_it_so_that_the_client_learns_what_it_missed(
        self, school, http, served, clock
    ):
        made = await feed(http, sink={"kind": "stream"})
        async with stream(served, made.id) as client:
            await client.until(b":\n\n")
            await http.post(f"/v1/subscriptions/{made.id}/pause", headers=bearer("acme"))
            clock.pass_machine(timedelta(days=31).total_seconds())
            await http.post(f"/v1/subscriptions/{made.id}/resume", headers=bearer("acme"))
            with pytest.raises(EOFError):
                await client.next(1)

    async def test_an_ended_subscription_ends_its_stream(self, school, http, served):
        made = await feed(http, sink={"kind": "stream"})
        async with stream(served, made.id) as client:
            await client.until(b":\n\n")
            await school.subscriptions.set_status(made.id, Status.ENDED, "expired", "hub")
            with pytest.raises(EOFError):
                await client.next(1)


async def test_the_stop_of_the_hub_ends_it(school, http, served):
    made = await feed(http, sink={"kind": "stream"})
    async with stream(served, made.id) as client:
        await client.until(b":\n\n")
        school.pages.close()
        with pytest.raises(EOFError):
            await client.next(1)


async def test_who_does_not_read_holds_little_and_is_decided_on_when_they_do(school, http, served, monkeypatch):
    """Promise 4: what waits for a slow reader is not yet permitted. Memory is bounded."""
    made = await feed(http, sink={"kind": "stream"}, payload="full")
    wide = {"note": "x" * 2000}
    count = 8000
    for start in range(0, count, 500):
        await append(school, *(absence(n, 1, **wide) for n in range(start, start + 500)))
    async with stream(served, made.id) as client:
        last, stalled = -1, 0
        while stalled < 20:  # until nothing moves: the sockets' buffers are full
            await asyncio.sleep(0.02)
            now = client.reader._buffer.__len__()
            stalled = stalled + 1 if now == last else 0
            last = now
        await append(school, person(1, "Skyddad folkbokföring"))
        seen = 0
        with contextlib.suppress(TimeoutError):
            while True:
                await asyncio.wait_for(client._chunk(), 1)
                seen += len(client.parser.events)
                client.parser.events.clear()
        assert 0 < seen < count


async def test_who_leaves_frees_their_place(school, http, served):
    made = await feed(http, sink={"kind": "stream"})
    counts = http._transport.app.fastapi.state.pulls.open
    async with stream(served, made.id) as client:
        await client.until(b":\n\n")
        assert counts == {"acme": 1}
    await until(lambda: not counts)


async def test_a_cursor_older_than_the_retention_is_410(school, http, clock):
    made = await feed(http, sink={"kind": "stream"})
    await append(school, absence(1, 1))
    await made.get()
    token = made.start.partition("after=")[2].partition("&")[0]
    clock.pass_machine(timedelta(days=31).total_seconds())
    answer = await http.get(f"/v1/subscriptions/{made.id}/stream", headers={**bearer("acme"), "Last-Event-ID": token})
    assert answer.status_code == 410
