"""The body of a request to a connector while it arrives: the hub holds a bounded part, and gives up a stalled body."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from hub.api.ingest import Receive
from hub.clock import Clock
from hub.http.problems import ApiProblem
from plugins.receiving import BodyLost

AHEAD: Final = 256 << 10  # bytes that are read before the connector is called
AHEAD_S: Final = 10.0  # longest time to read those, and to read the rest of a body that no connector wants
STALL_S: Final = 5.0  # longest time between two pieces of a body that a connector reads
MOST_UNWANTED: Final = 1 << 20  # bytes of a body that no connector wants, which are read before the answer


class Arriving:
    """A body of at most `limit` bytes. As an asynchronous iterator it gives its pieces in any thread's event loop.

    `problem`: why the rest of the body will not arrive, once that is known. Then the client gets it as the answer,
    whatever the connector answers. `waited_s`: how long the connector has waited for pieces.
    """

    def __init__(self, receive: Receive, limit: int, clock: Clock) -> None:
        self.problem: ApiProblem | None = None
        self.waited_s = 0.0
        self._receive = receive
        self._limit = limit
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._held = b""
        self._size = 0
        self._ended = False
        self._closed = False

    # -- in the hub's loop ------------------------------------------------------------------------------------------

    async def ahead(self) -> bytes | None:
        """Read until the body has ended or fills AHEAD. Returns the whole body, or None if more is to come.

        So a small body is there before the connector is called, and a client that sends it slowly does not hold up the
        connector. Raises ApiProblem.
        """
        pieces: list[bytes] = []
        async with self._within(AHEAD_S):
            while not self._ended and self._size < AHEAD:
                pieces.append(await self._next())
        self._held = b"".join(pieces)
        return self._held if self._ended else None

    async def drop(self) -> None:
        """Read the rest and drop it, so that the answer does not depend on whether a connector has read the body.

        Raises ApiProblem.
        """
        async with self._within(AHEAD_S):
            while not self._ended and self._size <= MOST_UNWANTED:
                await self._next()

    def close(self) -> None:
        """Give the connector no more of the body, since it has answered."""
        self._closed = True
        self._held = b""

    async def _piece(self) -> bytes:
        """The next piece; empty at the end. Raises ApiProblem, BodyLost."""
        if self._closed:
            raise BodyLost("the request has been answered", code="body-lost")
        held, self._held = self._held, b""
        while not held and not self._ended:
            async with self._within(STALL_S):
                held = await self._next()
        return held

    async def _next(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise self._failed(ApiProblem("invalid-request", "The body ended early. Send it again."))
        piece: bytes = message.get("body", b"")
        self._size += len(piece)
        if self._size > self._limit:
            raise self._failed(too_large(self._limit))
        self._ended = not message.get("more_body")
        return piece

    @asynccontextmanager
    async def _within(self, seconds: float) -> AsyncIterator[None]:
        try:
            async with self._clock.timeout(seconds):
                yield
        except TimeoutError:
            raise self._failed(
                ApiProblem("request-timeout", "The body did not arrive in time.", {"Connection": "close"})
            ) from None

    def _failed(self, problem: ApiProblem) -> ApiProblem:
        self.problem = problem
        return problem

    # -- in the connector's loop ------------------------------------------------------------------------------------

    def __aiter__(self) -> "Arriving":
        return self

    async def __anext__(self) -> bytes:
        """The next piece. The hub reads no piece from the socket before the connector asks for it. Raises BodyLost."""
        since = self._clock.monotonic()
        try:
            piece = await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._piece(), self._loop))
        except ApiProblem as problem:
            code = _CODES[problem.code]
            raise BodyLost("the rest of the body will not come", why=problem.in_language("en"), code=code) from None
        finally:
            self.waited_s += self._clock.monotonic() - since
        if not piece:
            raise StopAsyncIteration
        return piece


_CODES: Final = {"invalid-request": "body-lost", "request-timeout": "body-slow", "too-large": "body-too-large"}


def too_large(limit: int) -> ApiProblem:
    size = f"{limit / (1 << 20):g} MiB" if limit >= 1 << 20 else f"{limit / (1 << 10):g} KiB"
    return ApiProblem("too-large", f"A body here holds at most {size}.")
