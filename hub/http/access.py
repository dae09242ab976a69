"""FastAPI dependencies: the running hub, the caller, the caller's language and the caller's subscription."""

from typing import Annotated, Final

from fastapi import Depends, Header, Request

from hub.assembly.services import Services
from hub.config.model import Role
from hub.http.auth import LOCAL, Authenticator, Principal
from hub.http.ground import Ground, remember
from hub.http.guesses import address_of
from hub.http.languages import preferred
from hub.http.problems import ApiProblem
from hub.subscriptions.model import Subscription
from hub.texts import Language

_NO_SUBSCRIPTION: Final = (
    "There is no such subscription, or it belongs to another client. GET /v1/subscriptions lists the caller's own."
)


async def services(request: Request) -> Services:
    found: Services = request.app.state.services
    return found


async def caller(request: Request) -> Principal:
    """The caller, on whom the answer rests from now on. Raises ApiProblem (401, 429)."""
    auth: Authenticator = request.app.state.auth
    header = request.headers.get("authorization")
    if header is None and request.app.state.local:
        return LOCAL
    address = address_of(request.scope)
    if header is None:
        return auth.principal(None, address)
    authorization = header.encode("latin-1")
    found = auth.principal(authorization, address)
    remember(request.scope, Ground(auth, authorization, address, found))
    return found


async def caller_if_known(request: Request) -> Principal | None:
    """The caller if the token is valid, else None. For routes that answer anyone and tell an operator more."""
    try:
        return await caller(request)
    except ApiProblem:
        return None


async def operator(who: Annotated[Principal, Depends(caller)]) -> Principal:
    who.require(Role.OPERATOR)
    return who


async def spoken(accept_language: Annotated[str, Header()] = "") -> Language:
    return preferred(accept_language)


Parts = Annotated[Services, Depends(services)]
Caller = Annotated[Principal, Depends(caller)]
CallerIfKnown = Annotated[Principal | None, Depends(caller_if_known)]
Operator = Annotated[Principal, Depends(operator)]
Spoken = Annotated[Language, Depends(spoken)]


def subscription_of(parts: Services, who: Principal, id: str, *, also_operator: bool = False) -> Subscription:
    """The caller's own subscription, or with `also_operator` any one if the caller is an operator.

    Raises ApiProblem: 403, and 404 both for no subscription and for another client's, so that ids can't be probed.
    """
    who.require(Role.SUBSCRIBER, Role.OPERATOR)
    try:
        found = parts.subscriptions.get(id)
    except KeyError:
        raise ApiProblem("not-found", _NO_SUBSCRIPTION) from None
    own = Role.SUBSCRIBER in who.roles and found.recipient.name == f"client/{who.id}"
    if not own and not (also_operator and Role.OPERATOR in who.roles):
        raise ApiProblem("not-found", _NO_SUBSCRIPTION)
    return found
