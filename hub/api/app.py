"""The hub's HTTP interface: FastAPI, with plain ASGI functions ahead of it for events and for connectors' paths."""

import logging
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Match

from hub.api import catalogue, feed, health, metrics, openapi, operator, pages, protection, state, subscriptions
from hub.api.inbound import PREFIX as CONNECTORS
from hub.api.inbound import Inbound
from hub.api.ingest import PATH, Ingest, Message, Receive, Scope, Send, send_problem
from hub.api.limits import Standing
from hub.api.pulls import Pulls
from hub.assembly.services import Services
from hub.bus.base import LogUnavailable
from hub.delivery.base import NotFound
from hub.delivery.feed_cursor import CursorUnknown
from hub.delivery.pages import CursorTooOld, NotReadable
from hub.hosting.connector_errors import NothingWaits, NotRunning
from hub.http import oauth
from hub.http.auth import Authenticator, OAuthRefused
from hub.http.bodies import require_no_coding
from hub.http.browsers import guarded
from hub.http.ground import RightsEnded, asking_again
from hub.http.guesses import Guesses
from hub.http.head_method import answer_head, as_get
from hub.http.languages import preferred
from hub.http.problems import MEDIA_TYPE, NO_SUCH_PATH, ApiProblem, invalid_content, unavailable
from hub.http.rates import caller_of
from hub.http.unread import CUT, SHARE, Share, Unread
from hub.operating.acts import ConnectorFailed, NoSuchConnector
from hub.operating.events import NoSuchEvent
from hub.operating.why import NoSuchRecipient
from hub.privacy.telling import Unsettled
from hub.ss12000.answers import Provider
from hub.ss12000.errors import answer_to
from hub.ss12000.notify import Notifier
from hub.ss12000.routes import PREFIX as SS12000
from hub.ss12000.routes import router as ss12000
from hub.store.base import StoreUnavailable
from hub.subscriptions.errors import (
    Expired,
    FileOwned,
    NoContract,
    NotNarrower,
    SpecRefused,
    UnknownSubscription,
    problem_text,
)
from hub.subscriptions.spec import SpecProblem
from hub.texts import Text, both, reason, text

log = logging.getLogger(__name__)

MAX_JSON: Final = 64 << 10  # bytes of a request body on a path that accepts no events
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Api:
    """The ASGI application. `local`: it serves the hub's own socket, where a call without a token is an operator's."""

    def __init__(
        self,
        services: Services,
        *,
        local: bool = False,
        apply: operator.Apply | None = None,
        door: Standing | None = None,
        watched: "Api | None" = None,
    ) -> None:
        """`watched`: the API of the address outside, whose figures this one shows."""
        self.guesses: Guesses = Guesses(services.clock) if watched is None else watched.guesses
        if watched is None:
            services.alerts.count_wrong_tokens(lambda: self.guesses.failed)
        self._auth = auth = Authenticator(services, self.guesses)
        self.unread: Unread = Unread(services.clock) if watched is None else watched.unread
        self.pulls: Pulls = Pulls(services.clock) if watched is None else watched.pulls
        self.ingest = Ingest(services, auth)
        self.inbound: Inbound = Inbound(services) if watched is None else watched.inbound
        self.fastapi = _fastapi(services, auth)
        self.fastapi.state.local = local
        self.notifier: Notifier = self.fastapi.state.ss12000_notifier
        self.fastapi.state.apply = apply
        self.fastapi.state.unread = self.unread
        self.fastapi.state.pulls = self.pulls
        self.fastapi.state.inbound = self.inbound
        self.fastapi.state.guesses = self.guesses
        self.fastapi.state.door = door or Standing()

    async def start(self) -> None:
        """Begin to notify SS 12000 subscribers of changes. Raises StoreUnavailable."""
        await self.notifier.start()

    async def stop(self) -> None:
        await self.notifier.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.fastapi(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = guarded(message.get("headers", ()))
            await send(message)

        try:
            if scope["path"] == PATH and scope["method"] == "POST":
                await self.ingest(scope, receive, send)  # it starts to answer only when everything is done
            elif scope["path"] == PATH:  # FastAPI has no route for this path
                raise ApiProblem("method-not-allowed", "Events are published with POST.", headers={"Allow": "POST"})
            elif scope["path"].startswith(CONNECTORS):
                self._share(scope)
                await self.inbound(scope, receive, watched)
            elif scope["method"] == "HEAD":
                self._share(scope)
                asked = as_get(scope)
                await answer_head(self.fastapi, asked, _bounded(asked, receive), asking_again(asked, watched))
            else:
                self._share(scope)
                await self.fastapi(scope, _bounded(scope, receive), asking_again(scope, watched))
        except (ApiProblem, RightsEnded) as error:
            refused = error.problem if isinstance(error, RightsEnded) else error
            if started:  # the connection ends with the answer cut short, which the client can tell from a whole one
                log.info("%s %s: ended, %s", scope["method"], route_of(scope), refused.code)
                _cut(scope)
            elif scope["path"].startswith(SS12000):
                await answer_to(refused)(scope, receive, send)
            else:
                await send_problem(refused, dict(scope["headers"]), send)
        except ClientDisconnect:
            log.info("%s %s: the client left before the body ended", scope["method"], route_of(scope))
        except ConnectionAbortedError:
            log.info("%s %s: given up, the client does not read", scope["method"], route_of(scope))
            _cut(scope)
        except Exception as error:
            # Where it happened, without the text of the exception, which may quote what was sent.
            where = "".join(traceback.format_tb(error.__traceback__)[-3:])
            log.error("%s %s failed: %s\n%s", scope["method"], route_of(scope), type(error).__name__, where)
            if not started:
                await send_problem(_fault(error, ""), dict(scope["headers"]), send)

    def client_of(self, scope: Scope) -> str | None:
        """The id of the client whose token a request has, as far as that is known without opening a token."""
        return self._auth.name_of(next((value for name, value in scope["headers"] if name == b"authorization"), b""))

    def _share(self, scope: Scope) -> None:
        """Bound what the caller leaves unread: a client by its name, any other caller by its address."""
        known = self.client_of(scope)
        owner = caller_of(scope.get("client")) if known is None else f"client/{known}"
        scope[SHARE] = share = Share(self.unread, owner)
        share.require()


def create_app(
    services: Services,
    *,
    local: bool = False,
    apply: operator.Apply | None = None,
    door: Standing | None = None,
    watched: Api | None = None,
) -> Api:
    """The API of a running hub, for a server such as uvicorn. `apply` reads its configuration file again.

    `door` is what `/metrics` shows of connections and limits.
    """
    return Api(services, local=local, apply=apply, door=door, watched=watched)


def _bounded(scope: Scope, receive: Receive) -> Receive:
    """A `receive` that accepts at most MAX_JSON bytes. Raises ApiProblem (413, 415)."""
    too_large = ApiProblem("too-large", f"A body here holds at most {MAX_JSON >> 10} KiB.")
    headers = dict(scope["headers"])
    if b"content-encoding" in headers:
        require_no_coding(scope["headers"])
    declared = headers.get(b"content-length", b"0")
    if declared.isdigit() and int(declared) > MAX_JSON:
        raise too_large
    left = MAX_JSON

    async def bounded() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise too_large
        return message

    return bounded


def _cut(scope: Scope) -> None:
    """Drop what the client has not read, since nothing of an answer that ends short may leave any more."""
    cut: Callable[[], None] | None = scope.get(CUT)
    if cut is not None:
        cut()


def route_of(scope: Scope) -> str:
    """The path as the route declares it. The path that was called may hold a person's id."""
    return getattr(scope.get("route"), "path", PATH if scope["path"] == PATH else "(no route)")


def _fastapi(services: Services, auth: Authenticator) -> FastAPI:
    api = FastAPI(title="Skolnav", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    api.state.services = services
    api.state.auth = auth
    api.state.ss12000 = Provider(services)
    api.state.ss12000_notifier = Notifier(services, auth.client)
    parts = (health, metrics, catalogue, openapi, pages, oauth, subscriptions, feed, state, operator, protection)
    for part in parts:
        api.include_router(part.router)
    api.include_router(ss12000)
    openapi.describe(api, [part.router for part in parts])

    @api.exception_handler(ApiProblem)
    async def problem(request: Request, error: ApiProblem) -> Response:
        return _answer(request, error)

    @api.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return _answer(request, invalid_content(error.errors()))

    @api.exception_handler(OAuthRefused)
    async def oauth_refused(request: Request, error: OAuthRefused) -> Response:
        return oauth.refusal(error)

    @api.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        if error.status_code == 405:
            return _answer(
                request,
                ApiProblem(
                    "method-not-allowed",
                    "See /openapi.json for what is served here.",
                    headers={"Allow": ", ".join(_allowed(api, request.scope))},
                ),
            )
        if error.status_code == 404:
            return _answer(request, ApiProblem("not-found", NO_SUCH_PATH))
        return _answer(request, ApiProblem("invalid-request", "The body or a header cannot be read."))

    for type_, make in _PROBLEMS.items():
        api.add_exception_handler(type_, partial(_problem_of, make))
    return api


def _allowed(api: FastAPI, scope: Scope) -> list[str]:
    """The methods that a path has. The framework knows them by route, and its own answer names those of one route."""
    found: set[str] = set()
    for method in _METHODS:
        for route in api.routes:
            match, _ = route.matches({**scope, "method": method})
            if match is Match.FULL:
                found.add(method)
                break
    head = "GET" in found and not scope["path"].startswith(state.PREFIX)
    return sorted(found | {"HEAD"} if head else found)


async def _problem_of(make: Callable[[Any, str], ApiProblem], request: Request, error: Exception) -> Response:
    return _answer(request, make(error, preferred(request.headers.get("accept-language", ""))))


def _fault(error: Exception, language: str) -> ApiProblem:
    return ApiProblem("internal", both("refusal.fault"))


def _unknown(error: Exception, language: str) -> ApiProblem:
    return ApiProblem("not-found", both("refusal.unknown"))


def _file_owned(error: FileOwned, language: str) -> ApiProblem:
    return ApiProblem("owned-by-file", error.says(language))


def _state(error: Expired, language: str) -> ApiProblem:
    return ApiProblem("state-conflict", error.says(language))


def _no_contract(error: NoContract, language: str) -> ApiProblem:
    return ApiProblem("no-contract", error.says(language))


def _wider(error: NotNarrower, language: str) -> ApiProblem:
    # The error's own text names what is outside the contract, and the caller wrote that.
    return ApiProblem("contract-too-wide", text("subscription.not-narrower", language, extra="`categories`, `scope`"))


def _refused(error: SpecRefused, language: str) -> ApiProblem:
    return invalid_content(
        {"loc": each.where, "type": each.key.replace("config.", ""), "msg": _says(each, language)}
        for each in error.problems
    )


# What the hub's rooms raise, and the problem document that the caller gets for it. A detail is in the caller's
# language where its text comes from the catalogue.
_PROBLEMS: Final[Mapping[type[Exception], Callable[[Any, str], ApiProblem]]] = {
    Exception: _fault,  # `Api` logs it
    NotFound: _unknown,
    UnknownSubscription: _unknown,
    FileOwned: _file_owned,
    Expired: _state,
    NoContract: _no_contract,
    NotNarrower: _wider,
    SpecRefused: _refused,
    LogUnavailable: lambda error, _: unavailable(both("refusal.log-away"), 5),
    StoreUnavailable: lambda error, _: unavailable(both("refusal.store-away"), 5),
    Unsettled: lambda error, _: unavailable(both("refusal.unsettled"), 1),
    CursorUnknown: lambda error, _: ApiProblem("cursor-unknown", both("refusal.cursor-unknown")),
    CursorTooOld: lambda error, _: ApiProblem("cursor-too-old", both("refusal.cursor-too-old")),
    NotReadable: lambda error, _: ApiProblem(
        "state-conflict", f"The subscription is {error.status}. Resume it, then continue from the same cursor."
    ),
    NoSuchConnector: lambda error, _: ApiProblem("not-found", both("refusal.no-such-connector")),
    NotRunning: lambda error, _: ApiProblem(
        "state-conflict", both("refusal.not-running", says=Text(reason(error.code, "sv"), reason(error.code, "en")))
    ),
    NothingWaits: lambda error, _: ApiProblem("state-conflict", both("refusal.nothing-waits")),
    ConnectorFailed: lambda error, _: unavailable(both("refusal.connector-failed"), 5),
    NoSuchEvent: lambda error, _: ApiProblem("not-found", both("refusal.no-event")),
    NoSuchRecipient: lambda error, _: ApiProblem("not-found", both("refusal.no-such-recipient")),
}


def _says(problem: SpecProblem, language: str) -> str:
    """The problem without its place, which the answer names in a field of its own."""
    return problem_text(replace(problem, where=()), language).removeprefix(": ")


def _answer(request: Request, problem: ApiProblem) -> Response:
    return Response(
        problem.body(request.headers.get("accept-language", "")),
        problem.status,
        headers=dict(problem.headers),
        media_type=MEDIA_TYPE,
    )
