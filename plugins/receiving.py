"""What clients send to a connector over HTTP, and what it answers."""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from plugins.errors import TemporaryError

_HEADER: Final = re.compile(r"[A-Za-z0-9-]+\Z")
_HEADER_VALUE: Final = re.compile(r"[\x20-\x7e]*\Z")


class BodyLost(TemporaryError):
    """The rest of a body will not arrive. `code` is the reason: `body-lost`, `body-slow`, `body-too-large`.

    Do not catch it: the hub sends the answer that fits, and reports no problem to the operator.
    """


class Received:
    """What a client sent to `/connectors/<instance>/...`. The hub has not authenticated the client.

    A `HEAD` comes as a `GET`: the hub sends the answer without its body.
    `path` is what follows the instance's name, percent-decoded: "" or "/...". `query` is as it was sent, without the
    question mark. `headers` have names in lower case.
    """

    __slots__ = ("_arriving", "headers", "method", "path", "query", "whole")

    def __init__(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes | AsyncIterator[bytes] = b"",
    ) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.headers: Mapping[str, str] = {} if headers is None else headers
        self.whole = body if isinstance(body, bytes) else None
        """The body if all of it is in memory; None while it is still arriving."""
        self._arriving = None if isinstance(body, bytes) else body

    async def stream(self) -> AsyncIterator[bytes]:
        """The body in pieces, as it arrives. The client is slowed down to the pace at which the connector reads.

        It can be streamed only once, unless `body()` was called before. Raises BodyLost.
        """
        if self.whole is not None:
            if self.whole:
                yield self.whole
            return
        arriving, self._arriving = self._arriving, None
        if arriving is None:
            raise RuntimeError("the body has been streamed already")
        async for piece in arriving:
            yield piece

    async def body(self) -> bytes:
        """The whole body, in memory. Raises BodyLost."""
        if self.whole is None:
            self.whole = b"".join([piece async for piece in self.stream()])
        return self.whole

    def __repr__(self) -> str:
        # Neither path nor headers: both may hold the secret by which the client is recognised.
        return f"<Received {self.method}>"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the hub sends back. Raises ValueError for what can't be sent over HTTP."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 200 <= self.status <= 599:
            raise ValueError("the status of an answer is 200 to 599")
        if not all(_HEADER.match(name) and _HEADER_VALUE.match(value) for name, value in self.headers.items()):
            raise ValueError("a header's name is letters, digits and hyphens; its value visible ASCII and spaces")
