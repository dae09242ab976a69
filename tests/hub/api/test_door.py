"""What the door bounds before a route sees a request: time, bytes and connections.

Promise 3: no client shuts others out.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from hub.api import limits, pulls
from hub.api.limits import BODY_S, HEAD_S, IDLE_S, LEAST_BODY, LINGER_S, MAX_FIELDS, MAX_HEAD, MAX_TARGET, Limit
from schemas.event import BATCH
from tests.hub.api.doors import FEEDER, OPERATOR, READER, Said, Served, answer, ends, request, serving
from tests.hub.api.school import closed_day
from tests.until import until


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path) as served:
        yield served


async def passes(served: Served, seconds: float) -> None:
    """Machine time jumps, and the hub has looked at its connections."""
    before = [door.now for door in served.servers.doors]
    served.clock.pass_machine(seconds + 2 * limits.SWEEP_S)
    await until(lambda: all(door.now >= was + seconds for door, was in zip(served.servers.doors, before, strict=True)))


def refused(said: Said, status: int, code: str) -> None:
    assert (said.status, said.headers["content-type"]) == (status, "application/problem+json")
    told = json.loads(said.body)
    assert (told["type"], told["status"]) == (f"urn:skolnav:problem:{code}", status)
    assert said.headers["connection"] == "close"


# -- time --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [b"", b"\r\n\r\n", b"GET /hea", b"GET /healthz HTTP/1.1\r\nHost: hub\r\n", b"POST /v1/events HTTP/1.1\r\nHo"],
    ids=["nothing", "empty lines", "half a line", "half a head", "half a name"],
)
async def test_a_head_that_does_not_come_is_a_408(served: Served, sent: bytes) -> None:
    reader, writer = await served.open()
    writer.write(sent)
    await until(lambda: served.servers.standing.open == 1)
    await passes(served, HEAD_S)
    refused(await answer(reader), 408, "request-timeout")
    assert await ends(reader) == b""
    writer.close()
    await until(lambda: served.servers.standing.open == 0)
    assert await served.metric('skolnav_http_limits_reached_total{limit="head-time"}') == 1


async def test_a_head_in_drops_does_not_gain_time(served: Served) -> None:
    reader, writer = await served.open()
    for each in (b"GET /healthz", b" HTTP/1.1\r\n", b"Host: hub\r\n"):
        writer.write(each)
        await passes(served, HEAD_S / 3)
    refused(await answer(reader), 408, "request-timeout")
    writer.close()


@pytest.mark.parametrize(
    ("method", "path", "token"),
    [
        ("POST", "/v1/events", FEEDER),
        ("POST", "/v1/subscriptions", READER),
        ("PATCH", "/v1/subscriptions/f", READER),
        ("POST", "/oauth/token", ""),
        ("POST", "/v1/operator/apply", OPERATOR),
        ("POST", "/ss12000/v2.0/persons/lookup", READER),
        ("POST", "/ss12000/v2.0/attendanceEvents", FEEDER),
    ],
)
@pytest.mark.parametrize("framing", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("piece", [b"", b'5\r\n{"id'])
async def test_a_body_that_does_not_come_is_a_408_on_every_route(
    served: Served, method: str, path: str, token: str, framing: str, piece: bytes
) -> None:
    reader, writer = await served.open()
    writer.write(request(method, path, token, "Content-Type: application/json", framing) + piece)
    await until(lambda: served.servers.standing.open == 1)
    waiting = asyncio.ensure_future(answer(reader))
    for _ in range(2):
        await passes(served, BODY_S)
    said = await waiting
    assert (said.status, said.headers["content-type"]) == (408, "application/problem+json")
    assert await ends(reader) == b""
    writer.close()
    await until(lambda: not served.servers.standing.open)


async def test_a_route_that_does_not_read_the_body_answers_and_drops_it(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.api.protocol.UNREAD_S", 0.1)
    reader, writer = await served.open()
    writer.write(request("GET", "/healthz", "", "Content-Length: 1000") + b"half")
    assert (await answer(reader)).status == 200
    assert await ends(reader) == b""
    writer.close()


@pytest.mark.parametrize(("path", "token"), [("/v1/subscriptions", READER), ("/oauth/token", "")])
async def test_a_body_in_drops_is_a_408_although_something_always_comes(served: Served, path: str, token: str) -> None:
    reader, writer = await served.open()
    writer.write(request("POST", path, token, "Content-Type: application/json", "Content-Length: 9000"))
    await until(lambda: served.servers.standing.open == 1)
    waiting = asyncio.ensure_future(answer(reader))
    for _ in range(6):
        writer.write(b" ")
        await passes(served, BODY_S / 4)
    refused(await waiting, 408, "request-timeout")
    assert served.servers.standing.reached[Limit.BODY_TIME] == 1
    writer.close()


@pytest.mark.parametrize("path", ["/oauth/token", "/v1/subscriptions", "/v1/events", "/ss12000/v2.0/attendanceEvents"])
async def test_a_body_that_is_cut_off_leaves_no_fault_in_the_log(
    served: Served, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    _, writer = await served.open()
    writer.write(request("POST", path, FEEDER, "Content-Length: 1000", "Content-Type: application/json") + b"[")
    await until(lambda: served.servers.standing.open == 1)
    writer.transport.abort()
    await until(lambda: served.servers.standing.open == 0)
    await served.asks("GET", "/healthz")
    assert [each.getMessage() for each in caplog.records if each.levelno >= logging.ERROR] == []


async def test_a_body_that_keeps_a_pace_may_take_longer(served: Served) -> None:
    head = request("POST", "/connectors/echo/x", "", f"Content-Length: {LEAST_BODY * 9}")
    reader, writer = await served.open()
    writer.write(head + bytes(LEAST_BODY * 8))  # the connector is called, and reads on
    for part in (LEAST_BODY // 2, LEAST_BODY - LEAST_BODY // 2):
        await passes(served, 4)
        writer.write(bytes(part))
    said = await answer(reader)
    assert (said.status, len(said.body)) == (200, LEAST_BODY * 9 + len("POST "))
    writer.close()


async def test_an_idle_connection_is_closed_without_a_word_and_a_used_one_stays(served: Served) -> None:
    idle, used = await served.open(), await served.open()
    for _ in range(3):
        used[1].write(request("GET", "/healthz"))
        assert (await answer(used[0])).status == 200
        if not idle[0].at_eof() and _ == 0:
            idle[1].write(request("GET", "/healthz"))
            assert (await answer(idle[0])).status == 200
        await passes(served, IDLE_S / 2)
    assert await ends(idle[0]) == b""
    used[1].write(request("GET", "/healthz"))
    assert (await answer(used[0])).status == 200
    for _, writer in (idle, used):
        writer.close()


async def test_a_long_poll_outlives_the_deadlines_and_a_half_head_behind_it(served: Served) -> None:
    reader, writer = await served.open()
    writer.write(request("GET", "/v1/subscriptions/feed/events?wait=60", READER) + b"GET /heal")
    await until(lambda: served.servers.standing.open == 1)
    await passes(served, IDLE_S)
    published = await served.asks(
        "POST", "/v1/events", FEEDER, f"Content-Type: {BATCH}", body=b"[" + closed_day(1).to_json() + b"]"
    )
    assert published.status == 202
    assert (await answer(reader)).status == 200
    await passes(served, HEAD_S)
    refused(await answer(reader), 408, "request-timeout")
    writer.close()


async def test_what_is_sent_after_a_refusal_is_dropped_for_a_while(served: Served) -> None:
    """The client that is still writing gets to read why."""
    reader, writer = await served.open()
    writer.write(b"no http\r\n\r\n")
    refused(await answer(reader), 400, "invalid-request")
    writer.write(request("GET", "/healthz"))
    assert await ends(reader) == b""
    assert served.servers.standing.open == 1
    await passes(served, LINGER_S)
    await until(lambda: served.servers.standing.open == 0)
    writer.close()


# -- bytes -------------------------------------------------------------------------------------------------------

SHORT = "x" * (MAX_HEAD // 2 - 200)


@pytest.mark.parametrize(
    "fields",
    [[f"A: {SHORT}{SHORT}"], [f"{SHORT}{SHORT}: a"], [f"A{n}: {SHORT[:1000]}" for n in range(40)]],
    ids=["value", "name", "many"],
)
async def test_a_head_over_its_bound_is_a_431_whole_or_in_parts(served: Served, fields: Sequence[str]) -> None:
    over = ["B: " + "x" * 600, *fields]
    sent = request("GET", "/healthz", OPERATOR, *over)
    assert len(sent) > MAX_HEAD
    refused(await served.says(sent), 431, "head-too-large")
    refused(await served.says(*(sent[at : at + 5000] for at in range(0, len(sent), 5000))), 431, "head-too-large")
    assert (await served.asks("GET", "/healthz", OPERATOR, f"A: {SHORT}", f"B: {SHORT}")).status == 200
    assert await served.metric('skolnav_http_limits_reached_total{limit="head-bytes"}') == 2


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1\r\nHost: hub\r\nA: ", b"GET / HTTP/1.1\r\nHost: hub\r\n", b"\r\n"])
@pytest.mark.parametrize("piece", [b"x" * 9000, b"a:\r\n" * 2000], ids=["one", "lines"])
async def test_a_head_without_end_is_given_up_early(served: Served, start: bytes, piece: bytes) -> None:
    reader, writer = await served.open()
    writer.write(start)
    sent = 0
    while not reader._buffer and sent < 64 * MAX_HEAD:  # type: ignore[attr-defined]
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0)
        sent += len(piece)
    assert (await answer(reader)).status in (400, 431)
    writer.transport.abort()


async def test_the_number_of_fields_is_bounded(served: Served) -> None:
    fields = [f"X-{n}: a" for n in range(MAX_FIELDS - 2)]  # with Host and Authorization
    assert (await served.asks("GET", "/healthz", OPERATOR, *fields)).status == 200
    refused(await served.asks("GET", "/healthz", OPERATOR, *fields, "X: a"), 431, "head-too-large")
    assert await served.metric('skolnav_http_limits_reached_total{limit="head-fields"}') == 1


async def test_the_length_of_a_path_is_bounded(served: Served) -> None:
    assert (await served.asks("GET", "/" + "x" * (MAX_TARGET - 1))).status == 404
    refused(await served.asks("GET", "/" + "x" * MAX_TARGET), 414, "target-too-long")
    refused(await served.asks("GET", "/healthz?" + "x" * MAX_TARGET), 414, "target-too-long")
    refused(await served.says(b"GET /" + b"x" * (MAX_TARGET + 1)), 414, "target-too-long")


@pytest.mark.parametrize(
    "tail", [b"0\r\n" + b"A: b\r\n" * 100_000, b"0\r\nA: " + b"b" * 600_000, b"5;" + b"e" * 600_000]
)
async def test_what_follows_a_chunked_body_is_bounded(served: Served, tail: bytes) -> None:
    reader, writer = await served.open()
    writer.write(request("POST", "/v1/events", FEEDER, "Transfer-Encoding: chunked") + b"1\r\n[\r\n")
    await until(lambda: served.servers.standing.open == 1)
    writer.write(tail)
    refused(await answer(reader), 431, "head-too-large")
    writer.transport.abort()


async def test_trailer_fields_are_no_header_fields(served: Served) -> None:
    """RFC 9110, 6.5.1: else a trailer could name the event, or the client, anew."""
    event = closed_day(1)
    ce = [f"ce-{name}: {value}" for name, value in event.attributes.items() if name not in ("datacontenttype", "id")]
    data = json.dumps(event.data).encode()
    head = request("POST", "/v1/events", FEEDER, "Content-Type: application/json", "Transfer-Encoding: chunked", *ce)
    said = await served.says(head + b"%x\r\n%b\r\n0\r\nce-id: trailer\r\n\r\n" % (len(data), data))
    refused_for = json.loads(said.body)
    assert (said.status, [each["where"] for each in refused_for["errors"]]) == (422, ["id"])


async def test_requests_that_wait_for_earlier_answers_are_bounded(served: Served) -> None:
    reader, writer = await served.open()
    poll = request("GET", "/v1/subscriptions/feed/events?wait=1", READER)
    writer.write(poll + request("GET", "/healthz") * 1000)
    said = [await answer(reader) for _ in range(limits.MAX_PIPELINED + 2)]
    assert [each.status for each in said[:-1]] == [200] * (limits.MAX_PIPELINED + 1)
    refused(said[-1], 429, "too-many-requests")
    writer.close()


async def test_a_body_that_waits_for_an_earlier_answer_stays_in_the_socket(served: Served) -> None:
    reader, writer = await served.open()
    writer.write(request("GET", "/v1/subscriptions/feed/events?wait=60", READER))
    writer.write(request("POST", "/connectors/echo/x", "", f"Content-Length: {64 << 20}") + bytes(64 << 20))
    (connection,) = await until(lambda: list(served.servers.doors[0].connections))
    await until(lambda: connection.much_waits and connection.flow.read_paused)
    await served.asks("GET", "/healthz")
    assert writer.transport.get_write_buffer_size() > 32 << 20
    assert not reader.at_eof()
    writer.transport.abort()


async def test_a_client_that_leaves_ends_the_answer_before_the_last_too(served: Served) -> None:
    reader, writer = await served.open()
    pulls = served.servers.app.fastapi.state.pulls.open
    writer.write(request("GET", "/v1/subscriptions/stream/stream", READER))
    await reader.readuntil(b"\r\n\r\n")
    assert pulls["reader"] == 1
    writer.write(request("GET", "/healthz"))
    await passes(served, 1)
    writer.transport.abort()
    await until(lambda: not pulls["reader"])


# -- connections -------------------------------------------------------------------------------------------------


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_CONNECTIONS", 8)
    monkeypatch.setattr(pulls, "PART", 1)


async def test_silent_connections_make_room_for_new_ones(
    small: None, served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    silent = [await served.open() for _ in range(30)]
    half = await served.open()
    half[1].write(b"GET /healthz HTTP/1.1\r\nHost: hub\r\n")
    assert (await served.asks("GET", "/healthz")).status == 200
    assert served.servers.standing.open <= 8
    assert await served.metric('skolnav_http_limits_reached_total{limit="connections-per-address"}') > 20
    lines = [each.getMessage() for each in caplog.records if "connections-per-address" in each.getMessage()]
    assert len(lines) == 1, "one line, and not one for each connection"
    for _, writer in (*silent, half):
        writer.close()
    await passes(served, 60)
    lines = [each.getMessage() for each in caplog.records if "connections-per-address" in each.getMessage()]
    assert len(lines) == 2, "the number of the others, later"


async def test_silent_connections_of_many_addresses_make_room_too(small: None, served: Served) -> None:
    silent = [await served.open(f"127.0.7.{n}") for n in range(1, 30)]
    assert (await served.asks("GET", "/healthz")).status == 200
    assert await served.metric('skolnav_http_limits_reached_total{limit="connections"}') > 15
    for _, writer in silent:
        writer.close()


def abort(connection: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
    connection[1].transport.abort()


async def polls(served: Served, stack: AsyncExitStack, hosts: Sequence[str]) -> None:
    for host in hosts:
        connection = await served.open(host)
        stack.callback(abort, connection)
        connection[1].write(request("GET", "/v1/subscriptions/feed/events?wait=60", READER))
    pulls = served.servers.app.fastapi.state.pulls.open
    await until(lambda: pulls.get("reader") == len(hosts))


async def test_one_address_with_requests_under_way_is_refused_and_others_are_not(small: None, served: Served) -> None:
    async with AsyncExitStack() as stack:
        await polls(served, stack, ["127.0.0.1"] * 4)
        said = await served.says(b"", host="127.0.0.1")
        refused(said, 429, "too-many-requests")
        assert int(said.headers["retry-after"]) > 0
        assert (await served.says(request("GET", "/healthz"), host="127.0.0.2")).status == 200


async def test_when_all_are_under_way_the_next_is_a_503_and_the_local_socket_still_answers(
    small: None, served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    async with AsyncExitStack() as stack:
        await polls(served, stack, [f"127.0.0.{n}" for n in range(1, 9)])
        refused(await served.says(b"", host="127.0.0.9"), 503, "unavailable")
        reader, writer = await asyncio.open_unix_connection(str(served.servers.socket_path))
        writer.write(request("GET", "/metrics", OPERATOR))
        metrics = (await answer(reader)).body.decode()
        writer.close()
    assert 'skolnav_http_limits_reached_total{limit="connections"} 1.0' in metrics
    assert "skolnav_http_connections 9.0" in metrics
    assert [each.levelno for each in caplog.records if "http limit connections" in each.getMessage()] == [
        logging.WARNING
    ]


async def test_a_trusted_proxy_has_no_limit_of_its_own(small: None, tmp_path: Path) -> None:
    from ipaddress import ip_network

    async with serving(tmp_path, trusted_proxies=(ip_network("127.0.0.1/32"),)) as served, AsyncExitStack() as stack:
        await polls(served, stack, ["127.0.0.1"] * 7)
        assert (await served.asks("GET", "/healthz")).status == 200
