"""`/connectors/<instance>/...`: what outside systems send to a connector (`plugins.Connector.receive`).

A client shows no token here: the connector itself must know the client, by a path that can't be guessed or a signature.
Until the connector has checked a request, the request costs the hub at most the first part of its body
(`arriving.AHEAD`) and one of `MAX_OPEN` places. One address never holds all places, and sends at most `PER_S` requests
a second in the long run.
"""

import logging
import math
from collections import Counter
from typing import Final

from hub.api.arriving import Arriving, too_large
from hub.api.ingest import Receive, Scope, Send
from hub.assembly.services import Services
from hub.http.problems import NO_SUCH_PATH, ApiProblem, unavailable
from hub.http.rates import Rates, caller_of
from plugins.errors import TemporaryError
from plugins.receiving import Answer, Received
from plugins.retry_after import believable

log = logging.getLogger(__name__)

PREFIX: Final = "/connectors/"
MAX_OPEN: Final = 32  # requests at a time, from all addresses
MAX_OPEN_EACH: Final = 24  # requests at a time, from one address
PER_S: Final = 20.0  # requests a second from one address, in the long run
BURST: Final = 100  # requests at once from one address
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
                f"One address may send {PER_S:.0f} requests a second, {BURST} at once.",
                {"Retry-After": str(math.ceil(wait_s))},
            )
        if self._open.total() >= MAX_OPEN or self._open[caller] >= MAX_OPEN_EACH:
            raise ApiProblem(
                "too-many-requests", "Too many requests to connectors are open. Send it again.", {"Retry-After": "1"}
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
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        hosts = self._services.hosts
        limit = hosts.receive_limit(instance)
        declared = headers.get("content-length", "0")
        if declared.isdigit() and int(declared) > limit:
            raise too_large(limit)
        body = Arriving(receive, limit, self._services.clock)
        whole = await body.ahead()  # also where there is no such instance: the answer must not depend on that
        request = Received(
            "GET" if scope["method"] == "HEAD" else scope["method"],  # the server leaves the body of the answer out
            slash + path,
            query=scope.get("query_string", b"").decode("latin-1"),
            headers=headers,
            body=body if whole is None else whole,
        )
        try:
            answer = await self._ask(instance, request)
        except ApiProblem:
            if body.problem is None:
                raise
            answer = None
        finally:
            body.close()
        if answer is None and body.problem is None:
            await body.drop()
        if body.problem is not None:
            raise body.problem
        return answer

    async def _ask(self, instance: str, request: Received) -> Answer | None:
        try:
            return await self._services.hosts.receive(instance, request)
        except TemporaryError as error:
            wish_s = believable(error.retry_after_s)
            again = AGAIN_S if wish_s is None else max(1, round(wish_s))
            raise unavailable("The connector can't take this now; send it again.", again) from None
        except Exception as error:  # the instance informs the operator, with the line in the connector
            log.warning("connectors/%s: receive failed: %s", instance, type(error).__name__)
            raise ApiProblem("internal", "The connector could not take this. The hub's log says where.") from None


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
