"""`HEAD` for paths that have `GET`: the same answer without its body (RFC 9110, 9.3.2).

What discloses data is an exception. A disclosure is written down when an answer is made, so an answer that nobody gets
must not be made. Such a response asks `only_head`, and sends a head that depends on no data, or is refused (`no_head`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from typing import Any, Final

from hub.http.problems import ApiProblem
from hub.waiting import first_of

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Coroutine[Any, Any, None]]

_ONLY: Final = "skolnav.only-head"


def only_head(scope: MutableMapping[str, Any]) -> bool:
    """The request is a `HEAD`, although its route sees a `GET`."""
    return _ONLY in scope


def no_head() -> ApiProblem:
    """The answer to a `HEAD` where the status itself depends on the data that a `GET` would disclose."""
    return ApiProblem(
        "method-not-allowed", "Here even the status would disclose data. Use GET.", headers={"Allow": "GET"}
    )


def as_get(scope: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The scope of a `HEAD` as its route sees it. What the route remembers in the scope, it remembers in this one."""
    return {**scope, "method": "GET", _ONLY: True}


async def answer_head(app: Application, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """Call `app`, and cancel it once the head is sent: a stream would never end by itself. `scope`: of `as_get`."""
    answered = asyncio.Event()

    async def head(message: Message) -> None:
        if message["type"] == "http.response.start" and not answered.is_set():
            await send(message)
            await send({"type": "http.response.body", "body": b""})
            answered.set()

    await first_of(app(scope, receive, head), answered.wait())
