"""Sends permitted events: the first byte leaves in the turn in which the gate gave the permit."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from schemas.event import BATCH

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


async def send_batch(
    send: Send, bodies: Sequence[bytes], headers: Sequence[tuple[bytes, bytes]], still_permitted: Callable[[], bool]
) -> None:
    """Answer with a CloudEvents batch. Call it in the turn of the permit."""
    await send_permitted(send, BATCH, b"[" + b",".join(bodies) + b"]", still_permitted, headers)


async def send_head(send: Send, content_type: str, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
    """The answer to a `HEAD`: 200 without what depends on data (RFC 9110, 9.3.2 lets such fields be left out)."""
    fields = [(b"content-type", content_type.encode()), (b"cache-control", b"no-store"), *headers]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": b""})


async def send_permitted(
    send: Send,
    content_type: str,
    body: bytes,
    still_permitted: Callable[[], bool],
    headers: Sequence[tuple[bytes, bytes]] = (),
) -> None:
    """Answer 200 with this body. Call it in the turn of the permit. Raises ConnectionAbortedError.

    The server waits before the first byte if the client has not read the answer before this one. Then `still_permitted`
    is called. If that returns False, the connection ends, and only headers were sent.
    """
    turn = _Turn()
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [
                (b"content-type", content_type.encode()),
                (b"content-length", b"%d" % len(body)),
                (b"cache-control", b"no-store"),
                *headers,
            ],
        }
    )
    if turn.over and not still_permitted():
        raise ConnectionAbortedError("the permit ran out while the client did not read")
    await send({"type": "http.response.body", "body": body})


class _Turn:
    """`over` becomes True when the event loop begins its next turn."""

    def __init__(self) -> None:
        self.over = False
        asyncio.get_running_loop().call_soon(self._end)

    def _end(self) -> None:
        self.over = True
