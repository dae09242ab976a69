"""`GET /v1/state/{subject}`: the last known state of a subject, through the gate."""

import contextlib
import re
import uuid
from collections.abc import Awaitable, Callable, Collection, MutableMapping, Sequence
from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from hub.assembly.services import Services
from hub.bus.base import Stored
from hub.config.model import Role
from hub.http.access import Caller, Parts
from hub.http.head_method import no_head, only_head
from hub.http.problems import ApiProblem
from hub.http.sending import Send, send_batch
from hub.http.unread import SHARE, Share
from hub.privacy.base import Decision, PermitRefused, Recipient, Rule
from hub.privacy.before import closed, outside
from hub.privacy.telling import settled
from hub.store import audit

PREFIX: Final = "/v1/state/"
PERSON: Final = "se.skolnav.directory.person.upserted.v1"
SUBSCRIPTION: Final = "state"  # what the log of disclosures calls a look-up
_ENTITY: Final = re.compile(r"[a-z_]+/[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)

router = APIRouter(tags=["state"])


@router.get(PREFIX + "{subject:path}", summary="The last known state", response_class=Response)
async def state(subject: str, parts: Parts, who: Caller) -> Response:
    """The last event of each entity with this subject (`person/<uuid>`, `lesson/<uuid>`), as the client's data contract
    lets it be seen. A person is named by the pseudonym that the client knows; under a contract with `identity` by the
    SS 12000 id too. The answer for a subject that is withheld is the same 404 as for one that does not exist.
    """
    who.require(Role.SUBSCRIBER)
    return _State(parts, who.recipient_or_403(), subject)


class _State(Response):
    def __init__(self, parts: Services, recipient: Recipient, subject: str) -> None:
        self._parts = parts
        self._recipient = recipient
        self._subject = subject
        self._teller = parts.telling.to(recipient, SUBSCRIPTION)
        self._decisions: Sequence[Decision] = ()
        self.background = None

    async def __call__(
        self, scope: Any, receive: Callable[[], Awaitable[MutableMapping[str, Any]]], send: Send
    ) -> None:
        if only_head(scope):
            raise no_head()
        share: Share = scope[SHARE]
        async with share.slot() as slot:
            # One read and one commit, whatever there is (promise 5). Nothing is read that may not be told anyhow.
            found = await self._parts.log.states_of(*self._look_for())
            stored = [each for each in found if each.entity is not None]
            await self._decide(stored)
            bodies = await settled(self._permit, lambda: self._decide(stored))
            if not bodies:
                raise ApiProblem("not-found", "Nothing is known of this subject that the client may see.")
            slot.made()
            await send_batch(send, bodies, (), lambda: self._permit() is not None)

    def _look_for(self) -> tuple[str, Collection[str]]:
        """The subject whose state to read, and of which kinds of entity.

        If the directory alone decides that nothing may be told, the subject is one that does not exist.
        """
        gate, name = self._parts.gate, self._name()
        kinds = {
            entry.spec.entity.kind
            for entry in self._parts.catalogue
            if entry.spec.entity is not None and not gate.view(self._recipient, entry.type).forbidden
        }
        if self._closed(name, leaving=True):
            return f"person/{uuid.uuid4()}", kinds
        if self._closed(name):  # only the person's end may be told
            kinds &= {"person"}
        return name, kinds

    def _closed(self, name: str, *, leaving: bool = False) -> bool:
        parts = self._parts
        kind, _, id = name.partition("/")
        if kind not in ("person", "duty"):
            return False
        person = id if kind == "person" else parts.directory.duty_person(id)
        now_us = parts.clock.utc_us()
        if person is None or closed(parts.directory, self._recipient, (person,), now_us, leaving=leaving):
            return True
        scope = parts.gate.view(self._recipient, PERSON).scope
        return kind == "person" and outside(scope, PERSON, person, now_us, unknown=True)

    def _name(self) -> str:
        """The subject as the log has it.

        Under a contract without `identity` a person is found by pseudonym alone. If an SS 12000 id were accepted too,
        the answer would show which person the pseudonym belongs to.
        """
        kind, _, id = self._subject.partition("/")
        if kind == "person":
            with contextlib.suppress(ValueError):
                return f"person/{self._parts.gate.person_of(self._recipient, id)}"
        return self._subject.lower() if _ENTITY.fullmatch(self._subject) else self._subject

    async def _decide(self, stored: Sequence[Stored]) -> None:
        """Decide now, and make it durable. Each look-up takes one commit, of the same rows if it tells nothing."""
        ledger = self._teller.ledger()
        decisions = []
        for each in stored:
            decision = ledger.judge(each, state=True)
            if decision.allowed:
                decisions.append(decision)
            elif decision.rule is Rule.UNDECIDED:
                ledger.withhold(decision)
        ledger.disclose(decisions)
        if not decisions:
            ledger.store_beside()
        store, now = self._parts.store, self._parts.clock.utc()
        read = audit.add(store.tenant, now, actor=self._recipient.name, action="state.read", target="")
        await store.commit(read, *ledger.operations())
        self._decisions = decisions

    def _permit(self) -> Sequence[bytes] | None:
        try:
            return [self._teller.permit(decision) for decision in self._decisions]
        except PermitRefused:
            return None
