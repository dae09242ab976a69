"""`POST /v1/events`: the way in. A plain ASGI function ahead of FastAPI, since each event pays for every step here.

Promise 1: the 202 is sent after `Log.append` has returned, that is after fsync. A batch is validated whole before
any event is stored. Waiting requests are bounded in bytes (each client, and all together) and in number (each client).
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from typing import TYPE_CHECKING, Any, Final

import orjson

from hub.assembly.services import Services
from hub.bus.base import IdConflict, LogUnavailable, OwnedByAnother
from hub.config.model import Role
from hub.http.auth import Authenticator, Principal
from hub.http.bodies import require_no_coding
from hub.http.browsers import NO_SNIFFING, guarded
from hub.http.guesses import address_of
from hub.http.problems import MEDIA_TYPE, SHOWN, ApiProblem, invalid_events, unauthenticated, unavailable
from schemas import Described, Event, InvalidEvent, Problem
from schemas.event import BATCH, STRUCTURED

if TYPE_CHECKING:
    from hub.spans import Accepting

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PATH: Final = "/v1/events"
MAX_BODY: Final = 1 << 20  # bytes of one request
MAX_BATCH: Final = 1000  # events of one request
HUBS_OWN: Final = "se.skolnav.operator."  # alerts: the hub alone publishes them
MAX_WAITING_BYTES: Final = 64 << 20  # bytes of all requests that wait for their answer
MAX_CLIENT_BYTES: Final = 16 << 20  # of those, bytes of one client
MAX_WAITING: Final = 1024  # requests of one client that wait for their answer
BODY_TIMEOUT_S: Final = 30.0
# A caller whose request takes longer to arrive is asked for again: its access token may have expired meanwhile.
SOON_S: Final = 1.0
_SLICE: Final = 50  # events validated in one turn of the loop

_JSON: Final = re.compile(r"application/(?:[\w.+-]+\+)?json", re.ASCII)
_NOTHING: Final = orjson.dumps({"accepted": 0, "duplicates": 0, "ids": []})  # for a batch without events
_JSON_HEADERS: Final = [(b"content-type", b"application/json"), NO_SNIFFING]


class _Waiting:
    """What one client has waiting for its answer."""

    __slots__ = ("bytes", "requests")

    def __init__(self) -> None:
        self.requests = 0
        self.bytes = 0


class Ingest:
    """The ASGI application of one path and method."""

    def __init__(self, services: Services, auth: Authenticator) -> None:
        self._services = services
        self._catalogue = services.catalogue
        self._log = services.log
        self._auth = auth
        self._spans = services.spans
        self._waiting_bytes = 0
        self._waiting: dict[str, _Waiting] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        try:
            config = self._services.config
            client = self._publisher(scope, headers)
            waiting = self._waiting.get(client.id)
            if waiting is None:
                waiting = self._waiting[client.id] = _Waiting()
            if waiting.requests >= MAX_WAITING:
                raise ApiProblem(
                    "too-many-requests",
                    f"{MAX_WAITING} requests of this client wait for an answer. Wait for these, or send batches.",
                    headers={"Retry-After": "1"},
                )
            waiting.requests += 1
            span = None if self._spans is None else self._spans.accepting(headers.get(b"traceparent", b""))
            try:
                answer = await self._accept(
                    client, config, waiting, scope=scope, headers=headers, receive=receive, span=span
                )
            except ApiProblem as problem:
                if span is not None:
                    span.ended(problem.status, problem.code)
                raise
            finally:
                waiting.requests -= 1
                if not waiting.requests:
                    del self._waiting[client.id]
        except ApiProblem as problem:
            await send_problem(problem, headers, send)
            return
        if span is not None:
            span.ended(202)
        await send({"type": "http.response.start", "status": 202, "headers": [*_JSON_HEADERS, _length(answer)]})
        await send({"type": "http.response.body", "body": answer})

    def _publisher(self, scope: Scope, headers: dict[bytes, bytes]) -> Principal:
        """The caller. Raises ApiProblem (401, 403, 429)."""
        client = self._auth.principal(headers.get(b"authorization"), address_of(scope))
        if Role.PUBLISHER not in client.roles:
            client.require(Role.PUBLISHER)
        return client

    def _still(self, client: Principal, scope: Scope, headers: dict[bytes, bytes]) -> Principal:
        """The same client as the configuration has it now. Raises ApiProblem if the caller is that client no more."""
        found = self._publisher(scope, headers)
        if found.id != client.id:
            raise unauthenticated(token_given=True)
        return found

    async def _accept(
        self,
        client: Principal,
        config: object,
        waiting: _Waiting,
        *,
        scope: Scope,
        headers: dict[bytes, bytes],
        receive: Receive,
        span: "Accepting | None",
    ) -> bytes:
        """`config`: the configuration under which the caller was found to be `client`."""
        if b"content-encoding" in headers:
            require_no_coding(scope["headers"])
        declared = headers.get(b"content-length")
        if declared is not None and declared.isdigit() and int(declared) > MAX_BODY:
            raise _too_large()
        now = self._services.clock.monotonic
        asked = now()
        body = await self._body(waiting, receive)
        try:
            try:
                described = None
                # The configuration may be applied anew while a body arrives, or while a large batch is checked.
                while described is None or config is not self._services.config:
                    if config is not self._services.config or now() - asked > SOON_S:
                        config, client = self._services.config, self._still(client, scope, headers)
                    described = await self._describe(client, _events(headers, scope, body))
            except InvalidEvent as error:  # the body as a whole
                raise invalid_events(error.problems) from None
            if not described:
                return _NOTHING
            if span is not None:
                span.events = described
            try:
                appended = await self._log.append(described, client.corrects)
            except IdConflict as conflict:
                raise _conflict(conflict, len(described)) from None
            except OwnedByAnother as refused:
                types = [described[index].event.type for index in refused.indexes]
                self._services.refusals.note(f"clients.{client.id}", zip(types, refused.owners, strict=True))
                raise _owned(refused, len(described)) from None
            except LogUnavailable:
                raise unavailable(
                    "The log cannot be written now (the disk may be full). Nothing was stored. Send it again.", 5
                ) from None
            return orjson.dumps(
                {
                    "accepted": len(appended.stored),
                    "duplicates": appended.duplicates,
                    "ids": [each.event.attributes["id"] for each in described],
                }
            )
        finally:
            self._hold(waiting, -len(body))

    async def _body(self, waiting: _Waiting, receive: Receive) -> bytes:
        """The whole body. Its length counts as waiting until the caller of this method subtracts it."""
        message = await receive()
        parts: list[bytes] = [message.get("body", b"")]
        held = len(parts[0])
        self._hold(waiting, held)
        try:
            self._bounded(waiting, held)
            if message.get("more_body"):
                async with asyncio.timeout(BODY_TIMEOUT_S):
                    while message.get("more_body"):
                        message = await receive()
                        parts.append(message.get("body", b""))
                        held += len(parts[-1])
                        self._hold(waiting, len(parts[-1]))
                        self._bounded(waiting, held)
            if message["type"] == "http.disconnect":
                raise ApiProblem("invalid-request", "The body ended early. Nothing was stored. Send it again.")
            return parts[0] if len(parts) == 1 else b"".join(parts)
        except BaseException as error:
            self._hold(waiting, -held)
            if isinstance(error, TimeoutError):
                raise ApiProblem(
                    "request-timeout",
                    f"The body did not arrive within {BODY_TIMEOUT_S:.0f} s. Nothing was stored. Send it again.",
                    headers={"Connection": "close"},
                ) from None
            raise

    def _hold(self, waiting: _Waiting, size: int) -> None:
        waiting.bytes += size
        self._waiting_bytes += size

    def _bounded(self, waiting: _Waiting, held: int) -> None:
        if held > MAX_BODY:
            raise _too_large()
        if waiting.bytes > MAX_CLIENT_BYTES:
            raise ApiProblem(
                "too-many-requests",
                f"{MAX_CLIENT_BYTES >> 20} MiB of this client wait for an answer. Nothing was stored. Wait for those "
                "answers, then send it again.",
                headers={"Retry-After": "1"},
            )
        # When all is full, a client is refused only beyond an even share, so that others never lock it out.
        if self._waiting_bytes > MAX_WAITING_BYTES and waiting.bytes > MAX_WAITING_BYTES // len(self._waiting):
            raise unavailable(
                "The hub's queue is full. Nothing was stored. Send it again after the time in Retry-After.", 1
            )

    async def _describe(self, client: Principal, events: Iterable[Event | InvalidEvent]) -> list[Described]:
        """Check every event of a batch, so that the problem names all bad ones."""
        single = not isinstance(events, Iterator)
        restricted = client.publishes is not None or client.sources is not None
        described: list[Described] = []
        problems: list[Problem] = []
        forbidden: list[dict[str, str]] = []
        for index, event in enumerate(events):
            if index and index % _SLICE == 0:
                await asyncio.sleep(0)
                if index >= MAX_BATCH:
                    raise _too_large()
            if isinstance(event, InvalidEvent):
                problems += event.problems
                continue
            type_ = event.attributes["type"]
            if restricted or type_.startswith(HUBS_OWN):
                rule = "publishes" if type_.startswith(HUBS_OWN) else None
                rule = rule or client.may_not_publish(type_, event.attributes["source"])
                if rule is not None:
                    forbidden.append({"where": "$" if single else f"[{index}]", "rule": rule})
                    continue
            try:
                described.append(self._catalogue.describe(event, "" if single else f"[{index}]."))
            except InvalidEvent as error:
                problems += error.problems
        if forbidden:
            raise ApiProblem(
                "not-permitted-to-publish",
                "The client's `publishes` (types) or `sources` in the configuration do not cover what `errors` names; "
                "nothing was stored. A client may not publish as a source that belongs to another client.",
                more={"errors": forbidden[:SHOWN]},
            )
        if problems:
            raise invalid_events(problems)
        return described


def _events(headers: dict[bytes, bytes], scope: Scope, body: bytes) -> Iterable[Event | InvalidEvent]:
    """Read the body in the mode of its content type: a list of one event, or an iterator over a batch.

    Raises ApiProblem (415, 422).
    """
    given = headers.get(b"content-type", b"").decode("latin-1")
    media_type, _, parameters = given.partition(";")
    media_type = media_type.strip().lower()
    if parameters and not _is_utf8(parameters):
        raise ApiProblem("media-type", "JSON is UTF-8: leave `charset` out, or write utf-8.")
    if media_type == STRUCTURED:
        return [Event.from_structured(body)]
    if media_type == BATCH:
        return Event.read_batch(body)
    if any(name.startswith(b"ce-") for name in headers):
        # Without a content type the body is examined (RFC 9110, 8.3): data is JSON, or the event is not valid.
        if media_type and not _JSON.fullmatch(media_type):
            raise ApiProblem("media-type", "In binary mode the data is JSON: send `Content-Type: application/json`.")
        return [Event.from_binary(((n.decode("latin-1"), v.decode("latin-1")) for n, v in scope["headers"]), body)]
    raise ApiProblem(
        "media-type",
        f"Send `{STRUCTURED}` (one event), `{BATCH}` (an array of events), or `application/json` with the attributes "
        "in `ce-` headers.",
    )


def _is_utf8(parameters: str) -> bool:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset" and value.strip().strip('"').lower() not in ("utf-8", "utf8"):
            return False
    return True


def _too_large() -> ApiProblem:
    # The connection stays open, and the server drops the rest of the body. If it were closed now, the client would
    # often see a reset instead of this answer.
    return ApiProblem(
        "too-large",
        f"One request holds at most {MAX_BODY >> 20} MiB and {MAX_BATCH} events; nothing was stored. Send smaller "
        "batches.",
    )


def _conflict(conflict: IdConflict, count: int) -> ApiProblem:
    return ApiProblem(
        "id-conflict",
        "An event with this `source` and `id` exists with other content. Nothing was stored. A new event needs a new "
        "id, and a repeated event must be the same in every part.",
        more={
            "errors": [
                {"where": "id" if count == 1 else f"[{index}].id", "rule": "id-conflict"} for index in conflict.indexes
            ]
        },
    )


def _owned(refused: OwnedByAnother, count: int) -> ApiProblem:
    return ApiProblem(
        "owned-by-another",
        "An entity belongs to the source that made it, and a person to the source that first described the person. "
        "What `errors` names would change or move what belongs to another source; nothing was stored. The municipality "
        "can allow it: `corrects` of this client in the configuration.",
        more={
            "errors": [
                {"where": "$" if count == 1 else f"[{index}]", "rule": "owned-by-another"}
                for index in refused.indexes[:SHOWN]
            ]
        },
    )


def _length(body: bytes) -> tuple[bytes, bytes]:
    return b"content-length", b"%d" % len(body)


async def send_problem(problem: ApiProblem, headers: dict[bytes, bytes], send: Send) -> None:
    """Answer with a problem document."""
    body = problem.body(headers.get(b"accept-language", b"").decode("latin-1"))
    listed = [(b"content-type", MEDIA_TYPE.encode()), _length(body)]
    listed += [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": guarded(listed)})
    await send({"type": "http.response.body", "body": body})
