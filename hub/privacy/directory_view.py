"""The directory as one connector's contract lets it be seen: every answer passes the gate as events do.

Each entity's last event is decided on for the recipient, an intent is durable before the answer, and what the
decisions rest on is checked again in the turn in which the answer is given. Runs on the hub's loop.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Final

import orjson

from hub.bus.base import Log, Place
from hub.directory import questions
from hub.directory.directory import Directory
from hub.privacy.base import Decision, Recipient, Rule
from hub.privacy.telling import Telling, Unsettled, settled
from hub.store.base import Store
from plugins.errors import TemporaryError
from schemas import Category

SUBSCRIPTION: Final = "directory"  # what the log of disclosures calls a question
_PAGE: Final = 500  # bodies read at a time: the event loop is shared
_TRIES: Final = 5


class GuardedDirectory:
    """Implements `plugins.connector.DirectoryView` for one recipient. Raises TemporaryError, LogUnavailable,
    StoreUnavailable.
    """

    def __init__(
        self, *, directory: Directory, telling: Telling, store: Store, log: Log, recipient: Recipient
    ) -> None:  # fmt: skip
        self._directory = directory
        self._store = store
        self._log = log
        self._recipient = recipient
        self._categories = telling.categories(recipient)
        self._telling = telling
        self._teller = telling.to(recipient, SUBSCRIPTION)
        self._undecided: set[str] = set()  # persons left out of the last answer, since deciding on them failed

    async def persons(
        self, *, organisations: Sequence[str] = (), groups: Sequence[str] = (), on: date
    ) -> Sequence[Mapping[str, Any]]:
        """See `DirectoryView.persons`. `groups` and `diet` come where the contract has the category."""

        def places() -> Sequence[Place]:
            ids = questions.pupils(self._directory, organisations, groups, on)
            return [self._directory.persons[id].owner.at for id in ids]

        answer = []
        for decision in await self._decisions(places):
            person = decision.stored.about[0]
            seen = dict(self._data(decision))
            if Category.GROUP in self._categories:
                seen["groups"] = questions.groups_of(self._directory, person, on)
            if Category.DIET in self._categories:
                seen["diet"] = questions.diet_of(self._directory, person, on)
            answer.append(seen)
        return answer

    async def groups(self, *, organisations: Sequence[str] = ()) -> Sequence[Mapping[str, Any]]:
        """Reduced SS 12000 groups of these organisations and their parts (none given: all)."""
        wanted = frozenset(each.lower() for each in organisations)
        parts = self._directory.with_parts(wanted) if wanted else None
        return await self._all(
            [
                group.at
                for group in self._directory.groups.values()
                if parts is None or (group.organisation is not None and group.organisation in parts)
            ]
        )

    async def organisations(self) -> Sequence[Mapping[str, Any]]:
        """Reduced SS 12000 organisations."""
        return await self._all([each.at for each in self._directory.organisations.values()])

    async def activity(self, id: str) -> Mapping[str, Any] | None:
        """A reduced SS 12000 activity; None if it is unknown or not to be seen."""
        found = self._directory.activities.get(id.lower())
        answer = await self._all([found.at] if found is not None else [])
        return answer[0] if answer else None

    async def complete(self, organisations: Sequence[str], on: date) -> bool:
        """Whether every person there is known, and the sources have said `current` lately.

        A recipient that does not make sums learns of freshness alone: it must not learn that a person is not known yet.
        """
        directory = self._directory
        now = directory.clock.utc()
        if self._recipient.aggregates:
            missing = self._undecided.intersection(questions.pupils(directory, organisations, (), on))
            return not missing and questions.complete(directory, organisations, on, now)
        sources = {directory.persons[id].owner.source for id in questions.pupils(directory, organisations, (), on)}
        return bool(sources) and all(directory.fresh(source, now) for source in sources)

    # -- the way of every answer --------------------------------------------------------------------------------

    async def _all(self, places: Sequence[Place]) -> Sequence[Mapping[str, Any]]:
        """The reduced data of the entities whose states stand at these places, as far as they may be seen."""
        return [self._data(decision) for decision in await self._decisions(lambda: places)]

    async def _decisions(self, places: Callable[[], Sequence[Place]]) -> Sequence[Decision]:
        """The decisions that allow, in the turn in which they hold, their intents durable."""
        found: list[Decision] | None = None

        async def decide() -> None:
            nonlocal found
            found = await self._decide(places())

        try:
            await decide()
            return await settled(
                lambda: found if found is not None and self._telling.holds(found) else None, decide, _TRIES
            )
        except Unsettled:
            raise self._unsettled() from None

    async def _decide(self, places: Sequence[Place]) -> list[Decision] | None:
        """Decide on these states and make it durable. None if one was replaced and trimmed meanwhile."""
        ledger = self._teller.ledger()
        allowed: list[Decision] = []
        undecided: set[str] = set()
        for start in range(0, len(places), _PAGE):
            page = places[start : start + _PAGE]
            found = await self._log.get(page)
            if len(found) != len(page):
                return None
            changes = [stored.at for stored in found if stored.continues]
            # A change is read once more, with what it rests on: that may be all that the recipient may see of it.
            states = {each.at: each for each in await self._log.get(changes, state=True)} if changes else {}
            for stored in found:
                decision = ledger.judge(states.get(stored.at, stored), state=True)
                if decision.allowed:
                    ledger.disclose(decision)
                    allowed.append(decision)
                elif decision.rule is Rule.UNDECIDED:
                    ledger.withhold(decision)
                    undecided.update(stored.about)
        self._undecided = undecided
        if operations := ledger.operations():
            await self._store.commit(*operations)
        return allowed

    @staticmethod
    def _data(decision: Decision) -> Mapping[str, Any]:
        # A connector may do with its answer what it likes: never a share of what is stored.
        content: Any = orjson.loads(decision.stored.body) if decision.unchanged else decision.content
        data: Mapping[str, Any] = content["data"]
        return data

    def _unsettled(self) -> TemporaryError:
        return TemporaryError(
            "the directory could not be read",
            why="it changed each time between the decision and the answer",
            fix="It is tried again; if it lasts, look for a source that sends the same persons over and over",
            code="directory-unsettled",
        )
