"""`/connectors/<instance>/...`: what outside systems send to a connector (`plugins.Connector.receive`).

Whoever calls has shown no token: the connector itself must know the caller, by a path that can't be guessed or a
signature. Until it has looked, a request costs the hub at most `MAX_BODY` bytes and one of `MAX_OPEN` places, of which
one address never has all; and no address comes in more often than `PER_S`.
"""

import asyncio
import logging
import math
from collections import Counter
from typing import Final

from hub.api.ingest import Receive, Scope, Send
from hub.assembly.services import Services
from hub.http.problems import NO_SUCH_PATH, ApiProblem, unavailable
from hub.http.rates import Rates, caller_of
from plugins.connector import Answer, Received
from plugins.errors import TemporaryError

log = logging.getLogger(__name__)

PREFIX: Final = "/connectors/"
MAX_BODY: Final = 1 << 20  # bytes
MAX_OPEN: Final = 32  # requests at a time, of all callers
MAX_OPEN_EACH: Final = 24  # of one address
PER_S: Final = 20.0  # requests a second of one address, in the long run. Behind a proxy all callers are one
BURST: Final = 100  # of one address at once
BODY_TIMEOUT_S: Final = 10.0
AGAIN_S: Final = 5


class Inbound:
    """An ASGI application for the paths below `PREFIX`. It raises ApiProblem before it has begun to answer."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._open: Counter[str] = Counter()
        self._rates = Rates(services.clock, PER_S, BURST)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = caller_of(scope.get("client"))
        if (wait_s := self._rates.wait_s(caller)) > 0:
            raise ApiProblem(
                "too-many-requests",
                f"From one address {PER_S:.0f} requests a second are taken, {BURST} at once.",
                {"Retry-After": str(math.ceil(wait_s))},
            )
        if self._open.total() >= MAX_OPEN or self._open[caller] >= MAX_OPEN_EACH:
            raise ApiProblem(
                "too-many-requests", "The hub's connectors have as much to do as it lets in.", {"Retry-After": "1"}
            )
        self._open[caller] += 1
        try:
            answer = await self._answer(scope, receive)
        finally:
            self._open[caller] -= 1
            if not self._open[caller]:
                del self._open[caller]
        if answer is None:
            raise ApiProblem("not-found", NO_SUCH_PATH)
        await _send(answer, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer | None:
        instance, slash, path = scope["path"].removeprefix(PREFIX).partition("/")
        headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]
        # Read first, whoever it is for: what is wrong with a body must not tell which instances there are.
        body = await _body(dict(headers), receive)
        request = Received(
            scope["method"], slash + path, scope.get("query_string", b"").decode("latin-1"), dict(headers), body
        )
        try:
            return await self._services.hosts.receive(instance, request)
        except TemporaryError as error:
            again = AGAIN_S if error.retry_after_s is None else max(1, round(error.retry_after_s))
            raise unavailable("The connector can't take this now; send it again.", again) from None
        except Exception as error:  # told to the operator by the instance, with its place
            log.warning("connectors/%s: receive failed: %s", instance, type(error).__name__)
            raise ApiProblem("internal", "The connector could not take this. The hub's log says where.") from None


async def _body(headers: dict[str, str], receive: Receive) -> bytes:
    declared = headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > MAX_BODY:
        raise _too_large()
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ApiProblem("invalid-request", "The body ended early. Send it again.")
                body += message.get("body", b"")
                if len(body) > MAX_BODY:
                    raise _too_large()
                if not message.get("more_body"):
                    return bytes(body)
    except TimeoutError:
        raise ApiProblem(
            "request-timeout", f"The body did not arrive within {BODY_TIMEOUT_S:.0f} s.", {"Connection": "close"}
        ) from None


def _too_large() -> ApiProblem:
    return ApiProblem("too-large", f"A body here holds at most {MAX_BODY >> 20} MiB.")


async def _send(answer: Answer, send: Send) -> None:
    empty = answer.status in (204, 304)
    headers = [
        (name.lower().encode("ascii"), value.encode("ascii"))
        for name, value in answer.headers.items()
        if name.lower() not in ("content-length", "transfer-encoding", "connection")
    ]
    if not empty:
        headers.append((b"content-length", b"%d" % len(answer.body)))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if empty else answer.body})
