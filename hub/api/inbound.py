"""`/connectors/<instance>/...`: what outside systems send to a connector (`plugins.Connector.receive`).

A client shows no token here: the connector itself must know the client, by a path that can't be guessed or a signature.
Until the connector has checked a request, the request costs the hub at most the first part of its body
(`arriving.AHEAD`) and one of its instance's places: the callers of one instance never use up another's. One address
never holds all places of an instance, and sends at most `PER_S` requests a second in the long run.
"""

import logging
import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from hub.api.arriving import Arriving, too_large
from hub.api.ingest import Receive, Scope, Send
from hub.assembly.services import Services
from hub.http.counted import Counted
from hub.http.problems import NO_SUCH_PATH, ApiProblem, unavailable
from hub.http.rates import Rates, caller_of
from plugins.errors import TemporaryError
from plugins.receiving import Answer, BodyLost, Received
from plugins.retry_after import believable

log = logging.getLogger(__name__)

PREFIX: Final = "/connectors/"
MAX_OPEN: Final = 32  # requests to one instance at a time, from all addresses
MAX_OPEN_EACH: Final = 24  # requests to one instance at a time, from one address
MAX_ASTRAY: Final = 32  # requests at a time to names that no instance has
PER_S: Final = 20.0  # requests a second from one address, in the long run
BURST: Final = 100  # requests at once from one address
AGAIN_S: Final = 5


class Inbound:
    """An ASGI application for the paths below `PREFIX`. It raises ApiProblem before it has begun to answer."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.refused = Counted(
            services.clock, log, "a request to a connector was refused, since as many are open as may be"
        )
        self._open: Counter[str] = Counter()  # by the instance's name in the path
        self._of_caller: Counter[tuple[str, str]] = Counter()  # by that name and the address
        self._astray = 0
        self._rates = Rates(services.clock, PER_S, BURST)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = caller_of(scope.get("client"))
        if (wait_s := self._rates.wait_s(caller)) > 0:
            raise ApiProblem(
                "too-many-requests",
                f"One address may send {PER_S:.0f} requests a second, {BURST} at once.",
                {"Retry-After": str(math.ceil(wait_s))},
            )
        instance, slash, path = scope["path"].removeprefix(PREFIX).partition("/")
        with self._place(instance, caller):
            answer = await self._answer(instance, slash + path, scope, receive)
        if answer is None:
            raise ApiProblem("not-found", NO_SUCH_PATH)
        await _send(answer, send)

    @contextmanager
    def _place(self, name: str, caller: str) -> Iterator[None]:
        """Hold a place of the instance with this name. Raises ApiProblem.

        A name that no instance has gets places too, so that a 429 does not tell which names there are.
        """
        if self._open[name] >= MAX_OPEN or self._of_caller[name, caller] >= MAX_OPEN_EACH:
            self.refused.count()
            raise ApiProblem(
                "too-many-requests",
                "Too many requests to this connector are open. Send it again.",
                {"Retry-After": "1"},
            )
        astray = not self._services.hosts.receives(name)
        if astray and self._astray >= MAX_ASTRAY:
            self.refused.count()
            raise ApiProblem("not-found", NO_SUCH_PATH)  # what it would get after its body was read
        self._astray += astray
        self._open[name] += 1
        self._of_caller[name, caller] += 1
        try:
            yield
        finally:
            self._astray -= astray
            _give_back(self._open, name)
            _give_back(self._of_caller, (name, caller))

    async def _answer(self, instance: str, path: str, scope: Scope, receive: Receive) -> Answer | None:
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
            path,
            query=scope.get("query_string", b"").decode("latin-1"),
            headers=headers,
            body=body if whole is None else whole,
        )
        try:
            answer = await self._ask(instance, request, lambda: body.waited_s)
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

    async def _ask(self, instance: str, request: Received, waited_s: Callable[[], float]) -> Answer | None:
        try:
            return await self._services.hosts.receive(instance, request, waited_s)
        except BodyLost:  # a client that is so slow that the time of the call was over, or `Arriving.problem` has why
            raise ApiProblem("request-timeout", "The body did not arrive in time.", {"Connection": "close"}) from None
        except TemporaryError as error:
            wish_s = believable(error.retry_after_s)
            again = AGAIN_S if wish_s is None else max(1, round(wish_s))
            raise unavailable("The connector can't take this now; send it again.", again) from None
        except Exception as error:  # the instance informs the operator, with the line in the connector
            log.warning("connectors/%s: receive failed: %s", instance, type(error).__name__)
            raise ApiProblem("internal", "The connector could not take this. The hub's log says where.") from None


def _give_back(places: Counter[Any], key: Hashable) -> None:
    places[key] -= 1
    if not places[key]:
        del places[key]


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
