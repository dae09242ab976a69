"""`GET /v1/state/{subject}`: what the hub knows now, through the gate."""

import contextlib
import re
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from hub.assembly.services import Services
from hub.bus.base import Stored
from hub.config.model import Role
from hub.delivery.pages import Unsettled
from hub.http.access import Caller, Parts
from hub.http.problems import ApiProblem
from hub.http.sending import Send, send_batch
from hub.privacy.base import Decision, Intent, PermitRefused, Recipient
from hub.store import audit
from hub.store.base import Operation
from hub.store.withheld import Withheld

_REDOS: Final = 20
_ENTITY: Final = re.compile(r"[a-z_]+/[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)

router = APIRouter(tags=["state"])


@router.get("/v1/state/{subject:path}", summary="The last known state", response_class=Response)
async def state(subject: str, parts: Parts, who: Caller) -> Response:
    """The last event of each entity with this subject (`person/<uuid>`, `lesson/<uuid>`), as the client's data contract
    lets it be seen. A person is named by the pseudonym that the client knows; under a contract with `identity` by the
    SS 12000 id too. What is not there and what may not be told is the same 404.
    """
    who.require(Role.SUBSCRIBER)
    return _State(parts, who.recipient_or_403(), subject)


class _State(Response):
    def __init__(self, parts: Services, recipient: Recipient, subject: str) -> None:
        self._parts = parts
        self._recipient = recipient
        self._subject = subject
        self.background = None

    async def __call__(
        self, scope: Any, receive: Callable[[], Awaitable[MutableMapping[str, Any]]], send: Send
    ) -> None:
        superseded = self._parts.directory.superseded
        found = await self._parts.log.states_of(self._name())
        stored = [each for each in found if each.entity is not None and not superseded(each.entity)]
        for _ in range(_REDOS):
            decisions = await self._decide(stored)
            bodies = self._permit(decisions)
            if bodies is not None:
                break
        else:
            raise Unsettled
        if not bodies:
            raise ApiProblem("not-found", "Nothing is known of this subject that the client may see.")
        await send_batch(send, bodies, (), lambda: self._permit(decisions) is not None)

    def _name(self) -> str:
        """The subject as the log has it. Under a contract without `identity` a person goes by the pseudonym alone: an
        SS 12000 id must lead nowhere there, since the answer would tell whose the pseudonym is.
        """
        kind, _, id = self._subject.partition("/")
        if kind == "person":
            with contextlib.suppress(ValueError):
                return f"person/{self._parts.gate.person_of(self._recipient, id)}"
        return self._subject.lower() if _ENTITY.fullmatch(self._subject) else self._subject

    async def _decide(self, stored: Sequence[Stored]) -> Sequence[Decision]:
        """Decide now, and make it durable. Looking something up takes one commit, whatever comes of it."""
        decisions = [self._parts.gate.decide(each, self._recipient, state=True) for each in stored]
        intents = [
            Intent(
                self._recipient.name,
                "state",
                "live",
                decision.rule,
                decision.allowed,
                tuple(contract.version for contract in self._recipient.contracts),
                (decision.stored.at,),
                decision.stored.about,
            )
            for decision in decisions
        ]
        marks: list[Withheld] = [mark for decision in decisions for mark in decision.withheld]
        tenant, now = self._parts.store.tenant, self._parts.clock.utc()
        operations: list[Operation] = [audit.add(tenant, now, self._recipient.name, "state.read", "")]
        if intents:
            operations.append(self._parts.disclosures.record(intents))
        if marks:
            operations.append(self._parts.withheld.mark(marks))
        await self._parts.store.commit(*operations)
        return [decision for decision in decisions if decision.allowed]

    def _permit(self, decisions: Sequence[Decision]) -> Sequence[bytes] | None:
        try:
            return [self._parts.gate.permit(decision) for decision in decisions]
        except PermitRefused:
            return None
