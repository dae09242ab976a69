"""A webhook receiver on loopback, raw asyncio: it records what comes, and misbehaves on request.

async with WebhookReceiver() as receiver:
    receiver.answer = status(503, "Retry-After: 7")
    ...
    await receiver.wait_for(1)
    assert receiver.received[0].headers["webhook-id"] == ...
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self


@dataclass(frozen=True)
class Received:
    """One request. Header names are lower-case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int  # 1 for the first connection that was accepted


Answer = Callable[[Received, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Writes the answer. Raising ConnectionError, or closing the writer, ends the connection."""


class WebhookReceiver:
    """Listens on a free port of `host`. `answer` may be exchanged at any time; it says 204 at first."""

    def __init__(self, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self.received: list[Received] = []
        self.connections = 0  # accepted so far
        self.open = 0  # accepted and not yet closed
        self.answer: Answer = status(204)
        self.port = 0
        self._host = host
        self._tls = tls
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self._host}:{self.port}/hook"

    async def wait_for(self, number: int, timeout_s: float = 5) -> list[Received]:
        """Until so many requests have come, whole."""
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(lambda: len(self.received) >= number)
        return self.received

    async def wait_until_closed(self, timeout_s: float = 5) -> None:
        """Until no connection is open."""
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(lambda: self.open == 0)

    async def disconnect(self) -> None:
        """Close all connections, as a server does that restarts; keep listening."""
        for task in self._tasks:
            task.cancel()
        await self.wait_until_closed()

    async def vanish(self) -> None:
        """Stop listening, and close all connections."""
        self._server.close()
        await self.disconnect()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self._host, 0, ssl=self._tls, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self.open += 1
        number = self.connections
        try:
            while not writer.is_closing():
                request = await _read(reader, number)
                async with self._changed:
                    self.received.append(request)
                    self._changed.notify_all()
                await self.answer(request, reader, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()
            self.open -= 1
            async with self._changed:
                self._changed.notify_all()


async def _read(reader: asyncio.StreamReader, number: int) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Received(method, path, headers, body, number)


# How to answer


def status(code: int, *headers: str, body: bytes = b"") -> Answer:
    """A correct answer."""
    lines = [f"HTTP/1.1 {code} Whatever", *headers]
    if code != 204:
        lines.append(f"Content-Length: {len(body)}")
    return raw("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def raw(*pieces: bytes) -> Answer:
    """These bytes, each piece in a segment of its own."""

    async def answer(_: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)

    return answer


def then_close(first: Answer) -> Answer:
    async def answer(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await first(request, reader, writer)
        await writer.drain()
        writer.close()

    return answer


async def hang(_: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Never answers, and notices when the client gives up."""
    await reader.read()
    raise ConnectionError


def endless(start: bytes, piece: bytes, pause_s: float = 0) -> Answer:
    """`start`, then `piece` again and again until the client gives up: a drip, a flood."""

    async def answer(_: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)

    return answer
