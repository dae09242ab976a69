"""Deliveries over HTTP: what is sent, when, and what the answers mean."""

import asyncio
import contextlib
import json
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from standardwebhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response as Answer
from starlette.routing import Route

from hub.clock import SystemClock
from hub.delivery.base import Attempt, Outcome, Result
from hub.outbound.addresses import UrlRefused
from hub.outbound.tls import own_context
from hub.privacy.base import PermitRefused
from hub.sinks.webhook import WebhookSink
from tests.clock import HandClock
from tests.contracts.sink import attempt
from tests.hub.sinks.conftest import LOOPBACK, SECRET
from tests.peers.tls import Authority
from tests.peers.webhook import Received, WebhookReceiver, endless, hang, raw, status, then_close
from tests.until import until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"

Open = Callable[..., WebhookSink]


@pytest.fixture
async def open_sink() -> AsyncIterator[Open]:
    """Makes sinks that are closed at the end; loopback is allowed, an attempt may take 1 s."""
    opened: list[WebhookSink] = []

    def make(url: str, **options: Any) -> WebhookSink:
        options = {"clock": SystemClock(), "allow": LOOPBACK, "timeout_s": 1} | options
        opened.append(WebhookSink(url, options.pop("secrets", [SECRET]), **options))
        return opened[-1]

    yield make
    for sink in opened:
        await sink.close()


# What is sent


async def test_a_delivery_is_a_signed_cloudevent_that_the_official_library_verifies(
    receiver: WebhookReceiver, open_sink: Open
) -> None:
    await open_sink(receiver.url, origin="hub.example.se").deliver(attempt(1))
    [request] = receiver.received
    assert (request.method, request.path) == ("POST", "/hook")
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert request.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert request.headers["webhook-id"] == "msg_1"
    assert request.headers["webhook-request-origin"] == "hub.example.se"
    assert Webhook(SECRET).verify(request.body, request.headers) == json.loads(attempt(1).permit())


PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"traceparent": PARENT, "tracestate": "rojo=00f067aa0ba902b7"}, {PARENT, "rojo=00f067aa0ba902b7"}),
        ({"traceparent": PARENT}, {PARENT}),
        ({"traceparent": f"{PARENT}\r\nx-more: 1"}, set()),
        ({"traceparent": PARENT.upper(), "tracestate": "a=b"}, set()),
        ({"traceparent": "00-" + "0" * 32 + "-b7ad6b7169203331-01"}, set()),
        ({"traceparent": PARENT, "tracestate": "a=b\r\nx-more: 1"}, {PARENT}),
        ({"tracestate": "a=b"}, set()),
        ({"data": {"traceparent": PARENT}}, set()),
    ],
    ids=["both", "parent", "line break", "not lower case", "no trace", "state of two lines", "state alone", "in data"],
)
async def test_an_events_trace_context_is_its_deliverys_too_where_it_is_well_formed(
    receiver: WebhookReceiver, open_sink: Open, given: dict[str, Any], sent: set[str]
) -> None:
    made = attempt(1)
    body = json.dumps({**json.loads(made.permit()), **given}).encode()
    await open_sink(receiver.url).deliver(replace(made, permit=lambda: body))
    [request] = receiver.received
    assert {value for name, value in request.headers.items() if name.startswith("trace")} == sent
    assert "x-more" not in request.headers
    assert request.body == body


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"traceparent": PARENT}, {f"{PARENT[:36]}00f067aa0ba902b7-01"}),
        ({"traceparent": PARENT.replace("0af7", "0bf7")}, {PARENT.replace("0af7", "0bf7")}),
        ({}, set()),
    ],
    ids=["the event's trace", "another trace", "taken away"],
)
async def test_the_hubs_own_span_is_the_parent_in_a_trace_that_the_recipient_may_see(
    receiver: WebhookReceiver, open_sink: Open, given: dict[str, Any], sent: set[str]
) -> None:
    made = attempt(1)
    body = json.dumps({**json.loads(made.permit()), **given}).encode()
    own = f"{PARENT[:36]}00f067aa0ba902b7-01"
    await open_sink(receiver.url).deliver(replace(made, permit=lambda: body, traceparent=own))
    [request] = receiver.received
    assert {value for name, value in request.headers.items() if name.startswith("trace")} == sent


async def test_a_receiver_on_starlette_and_uvicorn_takes_and_verifies_what_is_sent(open_sink: Open) -> None:
    verified: list[Any] = []

    async def hook(request: Request) -> Answer:
        try:
            verified.append(Webhook(SECRET).verify(await request.body(), dict(request.headers)))
        except WebhookVerificationError:
            return Answer("no", 401)
        return Answer("thanks", 202)

    app = Starlette(routes=[Route("/hook", hook, methods=["POST"])])
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/hook"
        try:
            sink = open_sink(url, timeout_s=10)
            assert [(await sink.deliver(attempt(n))).reason for n in (1, 2, 3)] == ["http-202"] * 3
            assert verified == [json.loads(attempt(n).permit()) for n in (1, 2, 3)]
            other = open_sink(url, secrets=["whsec_bnkgbnkgbnk="], timeout_s=10)
            assert (await other.deliver(attempt(4))).reason == "http-401"
        finally:
            await sink.close()
            server.should_exit = True
            await serving


async def test_a_delivery_id_cannot_write_headers_of_its_own(receiver: WebhookReceiver, open_sink: Open) -> None:
    sending = attempt(1)
    sending.delivery_id = "å\r\nX-Smuggled: 1"
    await open_sink(receiver.url).deliver(sending)
    [request] = receiver.received
    assert "x-smuggled" not in request.headers
    assert request.headers["webhook-id"] == "%C3%A5%0D%0AX-Smuggled%3A%201"
    Webhook(SECRET).verify(request.body, request.headers)


# The turn of the first byte


async def test_the_permit_comes_after_the_connection_and_in_the_turn_of_the_first_byte(open_sink: Open) -> None:
    """Promise 4. The far side is a bare socket that is looked at in the very turn: no loop of its own, no delay."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        accepted: list[socket.socket] = []
        seen: list[bytes] = []

        def permit() -> bytes:
            connection, _ = listening.accept()  # raises if nobody had connected before the permit
            connection.setblocking(False)
            accepted.append(connection)
            with pytest.raises(BlockingIOError):
                connection.recv(1)  # no byte had left
            # What runs next on the loop, before anything that was not ready in this turn.
            asyncio.get_running_loop().call_soon(lambda: seen.append(connection.recv(65536)))
            return b'{"id":"evt-1"}'

        sink = open_sink(f"http://127.0.0.1:{listening.getsockname()[1]}/hook")
        sending = attempt(1)
        sending.permit = permit
        task = asyncio.create_task(sink.deliver(sending))
        await until(lambda: seen)
        [connection] = accepted
        assert seen[0].startswith(b"POST /hook HTTP/1.1\r\n")
        assert seen[0].endswith(b'{"id":"evt-1"}')
        connection.send(OK)
        assert (await task).result is Result.DELIVERED
        connection.close()


async def test_after_a_refused_permit_the_connection_serves_the_next_attempt(
    receiver: WebhookReceiver, open_sink: Open
) -> None:
    sink = open_sink(receiver.url)
    await sink.deliver(attempt(1))
    with pytest.raises(PermitRefused):
        await sink.deliver(attempt(2, refuse=True))
    await sink.deliver(attempt(3))
    assert [request.headers["webhook-id"] for request in receiver.received] == ["msg_1", "msg_3"]
    assert receiver.connections == 1


# What answers mean


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (200, Outcome(Result.DELIVERED, "http-200")),
        (202, Outcome(Result.DELIVERED, "http-202")),
        (204, Outcome(Result.DELIVERED, "http-204")),
        (301, Outcome(Result.RETRY, "redirect", recipient_down=True)),
        (307, Outcome(Result.RETRY, "redirect", recipient_down=True)),
        (400, Outcome(Result.DEAD, "http-400")),
        (401, Outcome(Result.RETRY, "http-401", recipient_down=True)),
        (403, Outcome(Result.RETRY, "http-403", recipient_down=True)),
        (404, Outcome(Result.RETRY, "http-404", recipient_down=True)),
        (408, Outcome(Result.RETRY, "http-408")),
        (409, Outcome(Result.DEAD, "http-409")),
        (410, Outcome(Result.GONE, "http-410")),
        (413, Outcome(Result.DEAD, "http-413")),
        (415, Outcome(Result.RETRY, "http-415", recipient_down=True)),
        (418, Outcome(Result.DEAD, "http-418")),
        (422, Outcome(Result.DEAD, "http-422")),
        (425, Outcome(Result.RETRY, "http-425")),
        (429, Outcome(Result.RETRY, "http-429", recipient_down=True)),
        (500, Outcome(Result.RETRY, "http-500", recipient_down=True)),
        (503, Outcome(Result.RETRY, "http-503", recipient_down=True)),
        (599, Outcome(Result.RETRY, "http-599", recipient_down=True)),
        (600, Outcome(Result.RETRY, "protocol", recipient_down=True)),
    ],
)
async def test_a_status_decides_what_happens_next(
    receiver: WebhookReceiver, open_sink: Open, code: int, outcome: Outcome
) -> None:
    receiver.answer = status(code, body=b"")
    assert await open_sink(receiver.url).deliver(attempt(1)) == outcome


async def test_a_redirect_is_never_followed(receiver: WebhookReceiver, open_sink: Open) -> None:
    async with WebhookReceiver() as elsewhere:
        receiver.answer = status(307, f"Location: {elsewhere.url}")
        await open_sink(receiver.url).deliver(attempt(1))
        assert elsewhere.connections == 0


@pytest.mark.parametrize("code", [429, 503])
async def test_the_recipient_says_when_to_come_again(receiver: WebhookReceiver, open_sink: Open, code: int) -> None:
    receiver.answer = status(code, "retry-AFTER: 7")
    assert (await open_sink(receiver.url).deliver(attempt(1))).retry_after_s == 7


@pytest.mark.parametrize("wish", ["9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 31 Dec 2027 23:59:59 -" + "9" * 30])
async def test_a_wish_beyond_all_bounds_is_as_if_absent(receiver: WebhookReceiver, open_sink: Open, wish: str) -> None:
    """Promise 3: a receiver can't put itself away for good."""
    receiver.answer = status(503, f"Retry-After: {wish}")
    outcome = await open_sink(receiver.url).deliver(attempt(1))
    assert (outcome.reason, outcome.retry_after_s) == ("http-503", None)


# Receivers that misbehave: bounded time and memory, a typed outcome, and the sink works on


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(hang, "timeout", id="never answers"),
        pytest.param(endless(b"HTTP/1.1 ", b"2", pause_s=0.05), "protocol", id="drips a status"),
        pytest.param(
            endless(b"HTTP/1.1 200 OK\r\nX-A: ", b"a", pause_s=0.02), "timeout", id="drips a header that never ends"
        ),
        pytest.param(endless(b"HTTP/1.1 200 OK\r\n", b"X-A: a\r\n" * 200), "protocol", id="floods with headers"),
        pytest.param(endless(b"HTTP/1.1 200 OK\r\nX-A: ", b"a" * 4096), "protocol", id="floods with one header"),
        pytest.param(
            endless(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 20), "protocol", id="floods with interim"
        ),
        pytest.param(raw(b"SSH-2.0-OpenSSH_9.9\r\n"), "protocol", id="is not HTTP"),
        pytest.param(raw(b"\x00\xff" * 5000), "protocol", id="garbage"),
        pytest.param(raw(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"), "protocol", id="101"),
        pytest.param(raw(b"HTTP/1.1 2\r\n\r\n"), "protocol", id="no status"),
        pytest.param(raw(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), "protocol", id="nonsense length"),
        pytest.param(then_close(raw(b"")), "closed", id="closes without a byte"),
        pytest.param(then_close(raw(b"HTTP/1.1 200 OK\r\nX")), "closed", id="closes within the head"),
    ],
)
async def test_what_is_no_answer_is_tried_again_later(
    receiver: WebhookReceiver, open_sink: Open, answer: Any, reason: str
) -> None:
    """Promise 3: a hostile recipient costs its own slot, and that for a known time."""
    receiver.answer = answer
    sink = open_sink(receiver.url)
    async with asyncio.timeout(5):
        assert await sink.deliver(attempt(1)) == Outcome(Result.RETRY, reason, recipient_down=True)
        await receiver.wait_until_closed()
    receiver.answer = status(204)
    assert (await sink.deliver(attempt(1))).result is Result.DELIVERED


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(endless(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n", b"a" * 65536), id="100 MiB"),
        pytest.param(
            endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"4000\r\n" + b"a" * 16384 + b"\r\n"),
            id="endless chunks",
        ),
        pytest.param(
            endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-A: ", b"a" * 65536),
            id="an endless trailer",
        ),
        pytest.param(endless(b"HTTP/1.1 200 OK\r\n\r\n", b"a" * 65536), id="until it closes, which is never"),
        pytest.param(endless(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"a", pause_s=0.05), id="drips"),
        pytest.param(then_close(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"a")), id="cut short"),
        pytest.param(then_close(raw(b"HTTP/1.1 200 OK\r\n\r\n", b"until the end")), id="until it closes"),
        pytest.param(raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"nonsense"), id="a broken chunk"),
        pytest.param(raw(OK + b"HTTP/1.1 500 Oh\r\n\r\n"), id="two answers"),
        pytest.param(raw(OK + b"garbage"), id="more than an answer"),
    ],
)
async def test_the_status_counts_whatever_follows_and_the_connection_is_not_kept(
    receiver: WebhookReceiver, open_sink: Open, answer: Any
) -> None:
    receiver.answer = answer
    sink = open_sink(receiver.url)
    async with asyncio.timeout(5):
        assert await sink.deliver(attempt(1)) == Outcome(Result.DELIVERED, "http-200")
        await receiver.wait_until_closed()
    receiver.answer = status(204)
    assert (await sink.deliver(attempt(2))).result is Result.DELIVERED
    assert receiver.connections == 2


async def test_a_flood_behind_the_status_is_cut_off_early(receiver: WebhookReceiver, open_sink: Open) -> None:
    taken = 0

    async def flood(_: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n")
        while taken < 104857600:
            writer.write(b"a" * 65536)
            await writer.drain()
            taken += 65536

    receiver.answer = flood
    await open_sink(receiver.url, timeout_s=20).deliver(attempt(1))
    await receiver.wait_until_closed()
    assert taken < 20_000_000  # what the machine's own buffers take, and 64 KiB


async def test_a_body_that_drips_holds_the_slot_for_a_second_only(receiver: WebhookReceiver, open_sink: Open) -> None:
    receiver.answer = endless(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"a", pause_s=0.1)
    async with asyncio.timeout(10):
        assert (await open_sink(receiver.url, timeout_s=20).deliver(attempt(1))).result is Result.DELIVERED


async def test_what_is_said_unasked_ends_the_connection(receiver: WebhookReceiver, open_sink: Open) -> None:
    async def speak_twice(_: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await asyncio.sleep(0.05)  # the answer is taken, the connection kept
        writer.write(b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n")

    receiver.answer = speak_twice
    sink = open_sink(receiver.url)
    assert (await sink.deliver(attempt(1))).result is Result.DELIVERED
    await receiver.wait_until_closed()


async def test_a_trailer_is_no_header(receiver: WebhookReceiver, open_sink: Open) -> None:
    receiver.answer = raw(b"HTTP/1.1 503 Oh\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nRetry-After: 9\r\n\r\n")
    assert (await open_sink(receiver.url).deliver(attempt(1))).retry_after_s is None


async def test_an_answer_in_pieces_after_interim_ones_is_read(receiver: WebhookReceiver, open_sink: Open) -> None:
    receiver.answer = raw(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nRetry-After: 99\r\n\r\nHTTP/1.1 50",
        b"3 Later\r\nRetry-",
        b"After: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"2\r\nOK\r\n0\r\n\r\n",
    )
    sink = open_sink(receiver.url)
    for _ in range(2):
        assert (await sink.deliver(attempt(1))).retry_after_s == 3
    assert receiver.connections == 1


async def test_a_receiver_that_answers_without_reading_is_believed_and_its_connection_dropped(open_sink: Open) -> None:
    """Unsent bytes on a kept connection would delay the next event's first byte beyond its permit."""
    connected = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connected
        connected += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(OK)
        with contextlib.suppress(ConnectionError):
            await writer.drain()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1024)
    sink = open_sink(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", timeout_s=20)
    big = Attempt(attempt(1).stored, "msg_1", 1, lambda: b"x" * 50_000_000)
    assert (await sink.deliver(big)).result is Result.DELIVERED
    assert (await sink.deliver(attempt(2))).result is Result.DELIVERED
    assert connected == 2
    server.close()


# Connections, slots and rate


async def test_a_connection_is_kept_and_used_again(receiver: WebhookReceiver, open_sink: Open) -> None:
    sink = open_sink(receiver.url)
    for n in range(10):
        await sink.deliver(attempt(n))
    assert receiver.connections == 1


async def test_a_connection_that_the_server_closes_after_each_answer_is_not(
    receiver: WebhookReceiver, open_sink: Open
) -> None:
    receiver.answer = then_close(status(200, "Connection: close"))
    sink = open_sink(receiver.url)
    for n in range(3):
        assert (await sink.deliver(attempt(n))).result is Result.DELIVERED
    assert receiver.connections == 3


async def test_a_kept_connection_that_closed_unnoticed_costs_no_attempt(
    receiver: WebhookReceiver, open_sink: Open
) -> None:
    sink = open_sink(receiver.url)
    await sink.deliver(attempt(1))

    async def close_the_kept_one(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if request.connection == 1:
            raise ConnectionError
        await status(204)(request, reader, writer)

    receiver.answer = close_the_kept_one
    calls: list[int] = []
    assert (await sink.deliver(attempt(2, calls=calls))).result is Result.DELIVERED
    assert calls == [2, 2]  # the second try had a permit of its own
    assert [request.connection for request in receiver.received] == [1, 1, 2]


async def test_a_fresh_connection_that_closes_is_not_tried_twice(receiver: WebhookReceiver, open_sink: Open) -> None:
    receiver.answer = then_close(raw(b""))
    assert (await open_sink(receiver.url).deliver(attempt(1))).reason == "closed"
    assert len(receiver.received) == 1


async def test_never_more_than_concurrency_at_a_time(receiver: WebhookReceiver, open_sink: Open) -> None:
    """Promise 3: slots are a recipient's own, and bounded."""
    at_once = peak = 0

    async def slow(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal at_once, peak
        at_once += 1
        peak = max(peak, at_once)
        for _ in range(20):
            await asyncio.sleep(0)
        at_once -= 1
        await status(204)(request, reader, writer)

    receiver.answer = slow
    sink = open_sink(receiver.url, concurrency=3, timeout_s=5)
    outcomes = await asyncio.gather(*(sink.deliver(attempt(n)) for n in range(30)))
    assert all(outcome.result is Result.DELIVERED for outcome in outcomes)
    assert peak == 3
    assert receiver.connections == 3


async def test_a_cancelled_attempt_closes_its_connection(receiver: WebhookReceiver, open_sink: Open) -> None:
    receiver.answer = hang
    task = asyncio.create_task(open_sink(receiver.url, timeout_s=60).deliver(attempt(1)))
    await receiver.wait_for(1)
    task.cancel()
    await receiver.wait_until_closed()


async def test_a_hanging_recipient_does_not_delay_another(receiver: WebhookReceiver, open_sink: Open) -> None:
    """Promise 3."""
    async with WebhookReceiver() as stuck:
        stuck.answer = hang
        slow = open_sink(stuck.url, timeout_s=5)
        hanging = [asyncio.create_task(slow.deliver(attempt(n))) for n in range(50)]
        await stuck.wait_for(slow.concurrency)
        async with asyncio.timeout(3):
            assert (await open_sink(receiver.url).deliver(attempt(1))).result is Result.DELIVERED
        assert len(stuck.received) == slow.concurrency
        for task in hanging:
            task.cancel()


async def test_a_rate_spaces_deliveries_in_machine_time(receiver: WebhookReceiver, open_sink: Open) -> None:
    clock = HandClock()
    sink = open_sink(receiver.url, clock=clock, rate_per_s=2)
    for n in range(5):
        await sink.deliver(attempt(n))
    assert clock.monotonic() == pytest.approx(2)  # the first at once, then every half second
    clock.move(minutes=1)
    await sink.deliver(attempt(9))
    assert clock.monotonic() == pytest.approx(62)  # idle time is not saved up


# Addresses and TLS


async def test_every_connection_resolves_anew_and_goes_to_what_was_checked(
    receiver: WebhookReceiver, open_sink: Open
) -> None:
    """DNS rebinding: the name first leads to an allowed address, then to inner ones, and a public one without TLS."""
    answers = [["127.0.0.1"], ["10.0.0.1"], ["127.0.0.1", "169.254.169.254"], ["193.10.0.1"], []]
    asked: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return answers.pop(0)

    receiver.answer = then_close(status(200, "Connection: close"))
    sink = open_sink(f"http://kitchen.example:{receiver.port}/", resolve=resolve)
    assert (await sink.deliver(attempt(1))).result is Result.DELIVERED
    assert asked == ["kitchen.example"]
    assert receiver.received[0].headers["host"] == f"kitchen.example:{receiver.port}"
    refused = Outcome(Result.RETRY, "address-refused", recipient_down=True)
    calls: list[int] = []
    assert [await sink.deliver(attempt(2, calls=calls)) for _ in range(3)] == [refused] * 3
    assert (await sink.deliver(attempt(2, calls=calls))).reason == "dns"
    assert calls == []
    assert receiver.connections == 1


async def test_a_sink_that_must_stay_inside_reaches_allowed_addresses_only(
    receiver: WebhookReceiver, open_sink: Open
) -> None:
    """docs/architecture.md, Time: with a school clock of the hub's own, outbound is loopback only."""

    async def resolve(host: str, port: int) -> list[str]:
        return ["193.10.0.1"]

    outside = open_sink("https://skola.example/", public=False, resolve=resolve)
    assert (await outside.deliver(attempt(1))).reason == "address-refused"
    assert (await open_sink(receiver.url, public=False).deliver(attempt(1))).result is Result.DELIVERED


async def test_the_next_address_of_a_name_is_tried_where_one_is_dead(
    receiver: WebhookReceiver, open_sink: Open
) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.2", "127.0.0.1"]  # nobody listens on the first

    assert (
        await open_sink(f"http://skola.example:{receiver.port}/", resolve=resolve).deliver(attempt(1))
    ).result is Result.DELIVERED


async def test_a_name_server_that_never_answers_is_asked_once_and_ends_in_time(open_sink: Open) -> None:
    asked = 0

    async def resolve(host: str, port: int) -> list[str]:
        nonlocal asked
        asked += 1
        await asyncio.Event().wait()
        return []

    sink = open_sink("https://skola.example/", resolve=resolve, timeout_s=0.1)
    outcomes = await asyncio.gather(*(sink.deliver(attempt(n)) for n in range(8)))
    assert {outcome.reason for outcome in outcomes} == {"dns"}
    assert asked == 1


def test_a_refused_url_never_becomes_a_sink() -> None:
    with pytest.raises(UrlRefused):
        WebhookSink("http://10.0.0.1/", [SECRET], clock=SystemClock(), allow=LOOPBACK)


async def loopback(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


async def test_tls_is_verified_for_the_urls_name(authority: Authority, open_sink: Open) -> None:
    async with WebhookReceiver(tls=authority.server_context("skola.example")) as receiver:
        url = f"https://skola.example:{receiver.port}/"
        trusting = authority.client_context()
        sink = open_sink(url, ssl_context=trusting, resolve=loopback, timeout_s=5)
        for n in range(3):
            assert (await sink.deliver(attempt(n))).result is Result.DELIVERED
        assert receiver.connections == 1
        other_name = open_sink(f"https://annan.example:{receiver.port}/", ssl_context=trusting, resolve=loopback)
        unknown_authority = open_sink(url, resolve=loopback)
        calls: list[int] = []
        for refused in (other_name, unknown_authority):
            outcome = await refused.deliver(attempt(9, calls=calls))
            assert outcome == Outcome(Result.RETRY, "tls", recipient_down=True)
        assert calls == []


async def test_tls_with_a_server_that_speaks_plain_http_or_nothing_ends_in_time(
    receiver: WebhookReceiver, open_sink: Open
) -> None:
    sink = open_sink(receiver.url.replace("http:", "https:"), timeout_s=0.3)
    assert (await sink.deliver(attempt(1))).reason in ("tls", "connect")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sink = open_sink(f"https://127.0.0.1:{silent.getsockname()[1]}/", timeout_s=0.3)
        assert (await sink.deliver(attempt(1))).reason == "connect"


async def test_a_closed_sink_sends_nothing(receiver: WebhookReceiver, open_sink: Open) -> None:
    sink = open_sink(receiver.url)
    await sink.close()
    assert (await sink.deliver(attempt(1))).reason == "closed"
    assert receiver.connections == 0


async def test_the_previous_secret_signs_until_its_end_and_no_longer(
    receiver: WebhookReceiver, open_sink: Open
) -> None:
    clock = HandClock()
    old = "whsec_Z2FtbWFsIGdhbW1hbCBnYW1tYWwgZ2FtbWFs"
    sink = open_sink(receiver.url, secrets=[SECRET, old], clock=clock, previous_until=clock.utc() + timedelta(hours=1))
    await sink.deliver(attempt(1))
    clock.move(hours=1)
    await sink.deliver(attempt(2))
    before, after = (request.headers["webhook-signature"].split() for request in receiver.received)
    assert (len(before), len(after)) == (2, 1)


async def test_a_webhooks_own_authority_and_certificate_are_shown_and_trusted(
    authority: Authority, tmp_path: Path, open_sink: Open
) -> None:
    """The recipient asks for a certificate of its authority, which no machine knows."""
    demanding = authority.server_context("skola.example")
    demanding.verify_mode = ssl.CERT_REQUIRED
    demanding.load_verify_locations(authority.file())
    certificate, key = (path.read_text() for path in authority.identity("hub.example.se"))
    ca = authority.file().read_text()
    async with WebhookReceiver(tls=demanding) as receiver:
        url = f"https://skola.example:{receiver.port}/"
        known = own_context(ca=ca, certificate=certificate, key=key)
        sink = open_sink(url, ssl_context=known, resolve=loopback, timeout_s=5)
        assert (await sink.deliver(attempt(1))).result is Result.DELIVERED
        unknown = own_context(ca=ca, certificate=None, key=None)
        refused = await open_sink(url, ssl_context=unknown, resolve=loopback, timeout_s=5).deliver(attempt(2))
        assert refused.result is Result.RETRY
        assert len(receiver.received) == 1


def test_certificates_that_cannot_be_used_are_refused_without_being_quoted(authority: Authority) -> None:
    certificate, key = (path.read_text() for path in authority.identity("hub.example.se"))
    other = authority.identity("other.example.se")[1].read_text()
    for ca, shown, its in (("hemligt", None, None), (None, certificate, other), (None, key, key), (None, "x", "y")):
        with pytest.raises(ValueError) as error:
            own_context(ca=ca, certificate=shown, key=its)
        assert "BEGIN" not in str(error.value)
        assert "hemligt" not in str(error.value)
