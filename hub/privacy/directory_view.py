"""The directory as one connector's contract lets it be seen: every answer passes the gate as events do.

Each entity's last event is decided on for the recipient, an intent is durable before the answer, and what the
decisions rest on is checked again in the turn in which the answer is given. Runs on the hub's loop.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import orjson

from hub.bus.base import Log, Place
from hub.directory import questions
from hub.directory.directory import Directory
from hub.privacy.base import Decision, Intent, PermitRefused, Recipient, Rule
from hub.privacy.disclosures import Disclosures
from hub.privacy.gate import PrivacyGate
from hub.store.base import Store
from plugins.errors import TemporaryError
from schemas import Category

SUBSCRIPTION: Final = "directory"  # what the log of disclosures calls a question
LANE: Final = "live"
_PAGE: Final = 500  # bodies read at a time: the event loop is shared
_TRIES: Final = 5


class GuardedDirectory:
    """Implements `plugins.connector.DirectoryView` for one recipient. Raises TemporaryError, LogUnavailable,
    StoreUnavailable.
    """

    def __init__(
        self,
        directory: Directory,
        gate: PrivacyGate,
        disclosures: Disclosures,
        store: Store,
        log: Log,
        recipient: Recipient,
        tenant: str,
    ) -> None:
        self._directory = directory
        self._gate = gate
        self._disclosures = disclosures
        self._store = store
        self._log = log
        self._recipient = recipient
        self._tenant = tenant

    async def persons(
        self, *, organisations: Sequence[str] = (), groups: Sequence[str] = (), on: date
    ) -> Sequence[Mapping[str, Any]]:
        """See `DirectoryView.persons`. `groups` and `diet` come where the contract has the category."""
        allowed = self._gate.allowed(self._recipient)
        for _ in range(_TRIES):
            ids = questions.pupils(self._directory, organisations, groups, on)
            places = [self._directory.persons[id].owner.at for id in ids]
            decisions = await self._decide(places)
            if decisions is None or not self._stands(decisions):
                continue
            answer = []
            for decision in decisions:
                person = decision.stored.about[0]
                seen = dict(self._data(decision))
                if Category.GROUP in allowed:
                    seen["groups"] = questions.groups_of(self._directory, person, on)
                if Category.DIET in allowed:
                    seen["diet"] = questions.diet_of(self._directory, person, on)
                answer.append(seen)
            return answer
        raise self._unsettled()

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
        """Whether everyone there is known and the sources' word is fresh.

        Who does not make sums hears of freshness alone: that somebody is not known yet is not for them.
        """
        directory = self._directory
        now = directory.clock.utc()
        if self._recipient.aggregates:
            return questions.complete(directory, organisations, on, now)
        sources = {directory.persons[id].owner.source for id in questions.pupils(directory, organisations, (), on)}
        return bool(sources) and all(directory.fresh(source, now) for source in sources)

    # -- the way of every answer --------------------------------------------------------------------------------

    async def _all(self, places: Sequence[Place]) -> Sequence[Mapping[str, Any]]:
        for _ in range(_TRIES):
            decisions = await self._decide(places)
            if decisions is not None and self._stands(decisions):
                return [self._data(decision) for decision in decisions]
        raise self._unsettled()

    async def _decide(self, places: Sequence[Place]) -> list[Decision] | None:
        """The decisions that allow, their intents durable. None if something was replaced and trimmed meanwhile."""
        judged: dict[tuple[Rule, bool], list[Decision]] = {}
        for start in range(0, len(places), _PAGE):
            page = places[start : start + _PAGE]
            found = await self._log.get(page)
            if len(found) != len(page):
                return None
            for stored in found:
                decision = self._gate.decide(stored, self._recipient, state=True)
                judged.setdefault((decision.rule, decision.allowed), []).append(decision)
        if judged:
            intents = [self._intent(rule, allowed, each) for (rule, allowed), each in judged.items()]
            await self._store.commit(self._disclosures.record(intents))
        return [decision for each in judged.values() for decision in each if decision.allowed]

    def _intent(self, rule: Rule, allowed: bool, decisions: Sequence[Decision]) -> Intent:
        return Intent(
            self._recipient.name,
            SUBSCRIPTION,
            LANE,
            rule,
            allowed,
            tuple(contract.version for contract in self._recipient.contracts),
            tuple(decision.stored.at for decision in decisions),
            tuple({person for decision in decisions for person in decision.stored.about}),
        )

    def _stands(self, decisions: Sequence[Decision]) -> bool:
        """Whether what the decisions rest on still holds, in this turn."""
        try:
            for decision in decisions:
                self._gate.check(decision)
        except PermitRefused:
            return False
        return True

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
