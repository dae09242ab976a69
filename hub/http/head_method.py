"""`HEAD` for every path that has `GET`: the same answer without its body (RFC 9110, 9.3.2)."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from typing import Any

from hub.waiting import first_of

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Coroutine[Any, Any, None]]


async def answer_head(app: Application, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """Call `app` as for `GET`, and cancel it once the head is sent, since a stream would never end by itself."""
    answered = asyncio.Event()

    async def head(message: Message) -> None:
        if message["type"] == "http.response.start" and not answered.is_set():
            await send(message)
            await send({"type": "http.response.body", "body": b""})
            answered.set()

    await first_of(app({**scope, "method": "GET"}, receive, head), answered.wait())
