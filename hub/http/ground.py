"""The rights that an answer rests on (token, roles, data contract), checked again before each part of it leaves.

An answer takes time: a long poll waits, a stream stays open, a store writes. Meanwhile the configuration may be applied
anew, and an access token expires. So the right that a request began with is not enough for what leaves later.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from hub.http.auth import Authenticator, Principal
from hub.http.guesses import Address
from hub.http.problems import ApiProblem, unavailable

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_IN_SCOPE = "skolnav.ground"


class RightsEnded(Exception):
    """Part of an answer was held back. Not an ApiProblem: the framework counts the answer as begun already."""

    def __init__(self, problem: ApiProblem) -> None:
        self.problem = problem
        super().__init__(problem.code)


class Ground:
    """One request's caller, and the rights with which the request began."""

    def __init__(self, auth: Authenticator, authorization: bytes, address: Address, principal: Principal) -> None:
        self._auth = auth
        self._authorization = authorization
        self._address = address
        self._principal = principal
        self.also: Callable[[], object] = bool
        """What else the answer rests on. Raises ApiProblem when that has ended."""

    def holds(self) -> None:
        """Check the rights for this turn of the loop.

        Raises ApiProblem: 401 if the token is no longer valid, 403 if a role or the contract was removed, 503 if the
        contract was changed. Data decided on under the old contract must not leave; a new request may be answered.
        """
        before, now = self._principal, self._auth.principal(self._authorization, self._address)
        if now is not before:
            self._become(before, now)
        self.also()

    def _become(self, before: Principal, now: Principal) -> None:
        if now.id != before.id or not now.roles >= before.roles:
            raise ApiProblem("role-missing", "The client's roles have changed while the answer was made. Ask again.")
        if now.recipient != before.recipient:
            now.recipient_or_403()
            raise unavailable("The client's data contract has changed while the answer was made. Ask again.", 1)
        self._principal = now


def remember(scope: MutableMapping[str, Any], ground: Ground) -> None:
    """Let the answer to this request rest on this caller."""
    scope[_IN_SCOPE] = ground


def rest_on(scope: MutableMapping[str, Any], holds: Callable[[], object]) -> None:
    """Let the answer rest on this too, beside the caller's rights. `holds` raises ApiProblem when it has ended."""
    ground: Ground | None = scope.get(_IN_SCOPE)
    if ground is not None:
        ground.also = holds


def ask_again(scope: MutableMapping[str, Any]) -> None:
    """Check the rights of the request's caller, if it has any. Raises ApiProblem as `Ground.holds` does."""
    ground: Ground | None = scope.get(_IN_SCOPE)
    if ground is not None:
        ground.holds()


def asking_again(scope: MutableMapping[str, Any], send: Send) -> Send:
    """A `send` that checks the caller's rights in the turn in which a part of an answer to a GET leaves. It raises
    RightsEnded.

    Errors and empty parts pass: they reveal nothing. The answer to another method is not checked, since it must say
    that the act was done; a route whose act reveals data calls `ask_again` itself.
    """
    if scope["method"] != "GET":
        return send
    refusal = False

    async def asking(message: MutableMapping[str, Any]) -> None:
        nonlocal refusal
        if message["type"] == "http.response.start":
            refusal = message["status"] >= 400
        if not refusal and (message["type"] == "http.response.start" or message.get("body")):
            try:
                ask_again(scope)
            except ApiProblem as problem:
                raise RightsEnded(problem) from None
        await send(message)

    return asking
