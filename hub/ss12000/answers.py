"""How every answer is made: decide what the client may see, render it, make the disclosure durable, and send.

The answer is sent in a turn in which the decision still holds.
"""

import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson
from starlette.responses import Response

from hub.assembly.services import Services
from hub.http.ground import ask_again
from hub.http.head_method import no_head, only_head
from hub.http.problems import ApiProblem
from hub.http.sending import Send, send_head, send_permitted
from hub.http.unread import SHARE, Share, Slot
from hub.privacy.base import Recipient
from hub.privacy.telling import settled
from hub.ss12000.errors import JSON, NotFound, answer_to
from hub.ss12000.index import Index
from hub.ss12000.paging import Orders, Tokens
from hub.ss12000.sight import Sight
from hub.store import audit

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Make = Callable[[Sight], Awaitable[Any]]
"""Makes the JSON of an answer from what may be seen. Raises NotFound, Refused."""

Check = Callable[[Sight], None]
"""Whether a list may be asked for so, by the contract and without data. Raises Refused."""


def unchecked(sight: Sight) -> None:
    """The contract forbids no question."""


class Provider:
    """What all answers share: the index, page tokens and stored orders."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.index = Index(services.log, services.catalogue, services.directory, services.config.tenant)
        self.tokens = Tokens(services.keys)
        self.orders = Orders()

    def answer(self, recipient: Recipient, what: str, make: Make, check: Check | None = None) -> Response:
        """`check`: of a list, whose `HEAD` is answered after it. None: the answer's status depends on data."""
        return Gated(self, recipient, what, make, check)


class Gated(Response):
    """An answer that is made when it is sent. `what` goes into the audit: the name of the list, never the query."""

    def __init__(self, provider: Provider, recipient: Recipient, what: str, make: Make, check: Check | None) -> None:
        self._provider = provider
        self._recipient = recipient
        self._what = what
        self._make = make
        self._check = check
        self.background = None

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if only_head(scope):
            await self._answer_head(scope, receive, send)
            return
        share: Share = scope[SHARE]
        try:
            async with share.slot() as slot:
                await self._answer(slot, scope, receive, send)
        except ApiProblem as error:
            await answer_to(error)(scope, receive, send)

    async def _answer(self, slot: Slot, scope: Any, receive: Receive, send: Send) -> None:
        sight: Sight | None = None
        body: bytes | None = None

        async def prepare() -> None:
            nonlocal sight, body
            sight = Sight(self._provider.services, self._provider.index, self._recipient)
            body = await self._prepare(sight)

        try:
            await prepare()
            seen = await settled(lambda: sight if sight is not None and sight.holds() else None, prepare)
            ask_again(scope)
            if body is None:
                raise NotFound
        except Exception as error:
            await answer_to(error)(scope, receive, send)
            return

        def still_permitted() -> bool:
            with contextlib.suppress(ApiProblem):
                ask_again(scope)
                return seen.holds()
            return False

        slot.made()
        await send_permitted(send, JSON, body, still_permitted)

    async def _answer_head(self, scope: Any, receive: Receive, send: Send) -> None:
        try:
            if self._check is None:
                raise no_head()
            self._check(Sight(self._provider.services, self._provider.index, self._recipient))
        except Exception as error:
            await answer_to(error)(scope, receive, send)
            return
        await send_head(send, JSON)

    async def _prepare(self, sight: Sight) -> bytes | None:
        """Make the body, and its disclosure durable; None if the client may see nothing.

        Takes one commit whatever the outcome, so that the duration reveals nothing.
        """
        body: bytes | None = None
        with contextlib.suppress(NotFound):
            body = orjson.dumps(await self._make(sight))
        services = self._provider.services
        store, now = services.store, services.clock.utc()
        read = audit.add(store.tenant, now, actor=self._recipient.name, action="ss12000.read", target=self._what)
        await store.commit(read, *sight.operations())
        return body
