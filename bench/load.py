"""Sends events over HTTP as fast as a connection's answers come, or at a given pace. Raw sockets on the loop: the
generator must not be what is measured.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, cast

TOKEN: Final = "bench-token"  # of a hub that lives for one measurement
STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"


@dataclass
class Load:
    """What became of what was sent. Times in seconds; `acked` is CLOCK_MONOTONIC in ns, by event id."""

    accepted: int = 0  # requests answered 202
    refused: dict[int, int] = field(default_factory=dict)  # other statuses
    took_s: float = 0.0
    waits_s: list[float] = field(default_factory=list)
    acked: dict[bytes, int] = field(default_factory=dict)


class Connection(asyncio.Protocol):
    """One request at a time; `done(status)` is called with its answer."""

    def __init__(self) -> None:
        self.done: Callable[[int], None] = lambda status: None
        self._kept = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def send(self, request: bytes) -> None:
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        data = self._kept + data if self._kept else data
        end = data.find(b"\r\n\r\n")
        if end >= 0:
            at = data.lower().find(b"content-length:", 0, end)
            length = int(data[at + 15 : data.index(b"\r", at)]) if at >= 0 else 0
            if len(data) >= end + 4 + length:
                self._kept = data[end + 4 + length :]
                self.done(int(data[9:12]))
                return
        self._kept = data

    def connection_lost(self, exc: Exception | None) -> None:
        self.done(0)


def request(body: bytes, content_type: str = STRUCTURED) -> bytes:
    return (
        b"POST /v1/events HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %b\r\nContent-Type: %b\r\n"
        b"Content-Length: %d\r\n\r\n%b"
    ) % (TOKEN.encode(), content_type.encode(), len(body), body)


async def _connect(port: int, number: int) -> list[Connection]:
    loop = asyncio.get_running_loop()
    return [(await loop.create_connection(Connection, "127.0.0.1", port))[1] for _ in range(number)]


async def flat_out(port: int, connections: int, next_request: Callable[[], bytes | None]) -> Load:
    """Each connection sends the next request when the last is answered, until `next_request` gives None."""
    load = Load()
    opened = await _connect(port, connections)
    finished = asyncio.get_running_loop().create_future()
    left = connections
    began = time.perf_counter()

    def start(connection: Connection) -> None:
        sent = 0.0

        def go() -> None:
            nonlocal sent, left
            message = next_request()
            if message is None:
                connection.done = lambda status: None
                left -= 1
                if not left and not finished.done():
                    finished.set_result(None)
                return
            sent = time.perf_counter()
            connection.send(message)

        def done(status: int) -> None:
            load.waits_s.append(time.perf_counter() - sent)
            if status == 202:
                load.accepted += 1
            elif status == 0:
                if not finished.done():
                    finished.set_exception(ConnectionError("the hub closed a connection"))
                return
            else:
                load.refused[status] = load.refused.get(status, 0) + 1
            go()

        connection.done = done
        go()

    for connection in opened:
        start(connection)
    try:
        await finished
    finally:
        load.took_s = time.perf_counter() - began
        for connection in opened:
            connection.done = lambda status: None
            connection.transport.close()
    return load


async def paced(port: int, per_s: float, number: int, make: Callable[[], bytes], connections: int = 64) -> Load:
    """One event each 1/`per_s` seconds, whatever the answers do (an open loop); acknowledgements are noted by id."""
    load = Load()
    free = deque(await _connect(port, connections))
    opened = list(free)
    waiting: deque[tuple[bytes, float]] = deque()  # no connection was free
    loop = asyncio.get_running_loop()
    finished = loop.create_future()
    answered = 0

    def send(connection: Connection, body: bytes, due: float) -> None:
        start = body.index(b'"id":"') + 6
        id_ = body[start : body.index(b'"', start)]

        def done(status: int) -> None:
            nonlocal answered
            load.acked[id_] = time.monotonic_ns()
            load.waits_s.append(time.perf_counter() - due)
            if status == 202:
                load.accepted += 1
            else:
                load.refused[status] = load.refused.get(status, 0) + 1
            answered += 1
            if answered == number:
                finished.set_result(None)
            elif waiting:
                send(connection, *waiting.popleft())
            else:
                free.append(connection)

        connection.done = done
        connection.send(request(body))

    began = time.perf_counter()
    for n in range(number):
        due = began + n / per_s
        if (ahead := due - time.perf_counter()) > 0:
            await asyncio.sleep(ahead)
        body = make()
        if free:
            send(free.popleft(), body, due)
        else:
            waiting.append((body, due))
    await finished
    load.took_s = time.perf_counter() - began
    for connection in opened:
        connection.done = lambda status: None
        connection.transport.close()
    return load
