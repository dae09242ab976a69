"""What one client may see, for one answer: entities are read from the log, decided on, and checked again at the end.

The answer reveals nothing about an entity whose decision is not in `rests_on`. Those decisions are durable before the
first byte leaves, and hold in the turn in which it leaves.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hub.assembly.services import Services
from hub.bus.base import Place, Stored
from hub.privacy.base import Decision, Recipient, Rule
from hub.privacy.before import closed, unread
from hub.ss12000.index import Index, Row, Table
from hub.store.base import Operation
from schemas import Category

SUBSCRIPTION: Final = "ss12000"  # what the log of disclosures calls an answer
BLOCK: Final = 500  # events read from the log at a time
_PERSON_OF: Final = {"duty": "person", "absence": "student", "attendance": "student", "presence": "person"}  # facts
SLICE: Final = 100  # decisions in one turn: the event loop is shared


@dataclass(slots=True)
class Seen:
    """An entity as the client may see it. `data` belongs to the reduced event: do not change it."""

    row: Row
    decision: Decision
    data: Mapping[str, Any]


def _person_of(kind: str, row: Row) -> str:
    """The person whom an entity is about, if the index knows that; else ""."""
    found: str = row.id if kind == "person" else getattr(row.facts, _PERSON_OF.get(kind, ""), "")
    return found


class Sight:
    """One client's view, for as long as one answer takes."""

    def __init__(self, services: Services, index: Index, recipient: Recipient) -> None:
        self.services = services
        self.index = index
        self.recipient = recipient
        self.categories = services.gate.allowed(recipient)
        self.rests_on: dict[Place, Decision] = {}
        self._checked: dict[Place, Decision] = {}  # of entities that only led to others
        self._ledger = services.telling.to(recipient, SUBSCRIPTION).ledger()
        self._known: dict[tuple[str, str], Seen | None] = {}
        self._closed: dict[str, bool] = {}  # persons
        self._hidden: dict[tuple[str, str], Row] = {}

    def may(self, needs: Iterable[Category]) -> bool:
        return self.categories.issuperset(needs)

    def forbids(self, types: Iterable[str]) -> bool:
        """Whether the contract leaves nothing of these event types, for any person."""
        return all(self.services.gate.view(self.recipient, type_).forbidden for type_ in types)

    def person(self, name: str) -> frozenset[str]:
        """The ids of the person whom the client calls `name`: that name, and the SS 12000 id."""
        return frozenset({name, self.services.gate.person_of(self.recipient, name)})

    def called(self, person: str) -> str:
        """The id by which the client knows a person: the SS 12000 id, or the client's pseudonym for it."""
        if Category.IDENTITY in self.categories:
            return person
        return self.services.gate.pseudonyms(self.recipient).of(person)

    async def see(self, table: Table, rows: Sequence[Row]) -> list[Seen]:
        """The entities that the client may see, in the same order."""
        wanted = [row for row in rows if not self.hides(table.kind, row) and (table.kind, row.key) not in self._known]
        for start in range(0, len(wanted), BLOCK):
            part = wanted[start : start + BLOCK]
            stored = {each.at: each for each in await self._read(part)}
            for number, row in enumerate(part):
                event = stored.get(row.at)
                if event is None:
                    table.drop(row)  # replaced meanwhile, or past its retention
                self._known[table.kind, row.key] = None if event is None else self.judge(row, event)
                if number % SLICE == SLICE - 1:
                    await asyncio.sleep(0)
        return [seen for row in rows if (seen := self._known.get((table.kind, row.key))) is not None]

    def closed(self, persons: Iterable[str]) -> bool:
        """Whether nothing about one of these persons may be seen, because of the person's protection."""
        services = self.services
        return closed(services.directory, self.recipient, persons, services.clock.utc_us())

    def hides(self, kind: str, row: Row) -> bool:
        """Whether an entity is withheld because of its person, as far as that is known without reading the entity.

        Such an entity is not read, so that it takes no more time than one that does not exist (promise 5).
        """
        person = _person_of(kind, row)
        if row.ended or not person:
            return False
        closed = self._closed.get(person)
        if closed is None:
            closed = self._closed[person] = self.closed((person,))
        if closed:
            self._hidden[kind, row.key] = row
        return closed

    def judge(self, row: Row, event: Stored) -> Seen | None:
        """The entity as the client may see it, from its state."""
        decision = self._ledger.judge(event, state=True)
        content = decision.content
        if content is None:
            if decision.rule is Rule.UNDECIDED:
                self._ledger.withhold(decision)
            return None
        shown = row if decision.stored is event else row.as_of(decision.stored)
        return Seen(shown, decision, content.get("data") or {})

    async def _read(self, rows: Sequence[Row]) -> Sequence[Stored]:
        """The events. Those that rest on earlier events come with these: the client may see these."""
        get = self.services.log.get
        changes = [row.at for row in rows if row.continues]
        whole = await get([row.at for row in rows if not row.continues])
        return [*whole, *(await get(changes, state=True))] if changes else whole

    def modified_us(self, kind: str, row: Row) -> int:
        """When the entity was modified for this client, as far as that is known without reading the entity."""
        if row.news is None:
            return row.modified_us
        person = _person_of(kind, row)
        gate, about = self.services.gate, (person,) if person else ()
        return gate.told_us(self.recipient, row.type, about, row.news, row.modified_us)

    async def as_modified(self, table: Table, rows: Sequence[Row], limit: int) -> list[Row]:
        """The rows with the times at which they were modified for this client; without those that it may not see.

        If a page of `limit` shows them all, all are read: then the reads do not tell that one of them had a change of
        which the client sees nothing (promise 5).
        """
        read = rows if len(rows) <= limit else [row for row in rows if row.continues]
        seen = {each.row.key: each.row for each in await self.see(table, read)}
        return [
            seen[row.key] if row.continues else row.dated(self.modified_us(table.kind, row)) if row.news else row
            for row in rows
            if not row.continues or row.key in seen
        ]

    async def see_ids(self, kind: str, ids: Iterable[str]) -> dict[str, Seen]:
        """The entities with these SS 12000 ids that exist and that the client may see, by id."""
        table = await self.index.table(kind)
        found = (self.index.find(table, id) for id in ids)
        rows = [row for row in found if row is not None and not row.ended]
        return {seen.row.id: seen for seen in await self.see(table, rows)}

    def use(self, seen: Seen) -> None:
        """Note that the answer shows this entity."""
        self.rests_on[seen.row.at] = seen.decision

    def look(self, seen: Seen) -> None:
        """Note that the answer was found by way of this entity."""
        self._checked[seen.row.at] = seen.decision

    def operations(self) -> list[Operation]:
        """The rows for what the answer discloses, what was denied, and the marks. Call it when the answer is whole.

        A marked entity is restated once the client may see it: then it is newly modified, and in the client's next
        delta.
        """
        hidden, self._hidden = self._hidden, {}
        if hidden:
            self._ledger.refuse_later(
                unread("", row.at, f"{kind}/{key}", (_person_of(kind, row),)) for (kind, key), row in hidden.items()
            )
        if not self.rests_on:
            self._ledger.store_beside()
        self._ledger.disclose(tuple(self.rests_on.values()))
        return self._ledger.operations(marks_beside=True)

    def holds(self) -> bool:
        """Whether all that the answer rests on holds in this turn."""
        telling = self.services.telling
        return telling.holds(self.rests_on.values()) and telling.holds(self._checked.values())
