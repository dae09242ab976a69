"""What a connector declares makes a difference: leaving out one type, one timer or one category changes something."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Final

import pytest

from plugins.connector import Connector
from plugins.testing.rules import broken
from plugins.testing.school import School
from plugins.testing.suites.effect import Outcome, outcome_of
from plugins.testing.suites.subject import Peer, Subject, no_effect
from plugins.testing.watching import entity_of, without_category, without_timer
from plugins.timers import daily_timers_of, moment_timers_of
from schemas import Category

_IMPERSONAL: Final = frozenset({Category.NONE, Category.AGGREGATE})


class SensitivitySuite(Subject):
    """Each consumed type, each timer and each category of the contract changes the effects or what is published.

    So do the events about the school's second room (`room`), and an event whose type its entity has had before: a day
    that is closed and opened again (`again`). If a part of the connector can't be seen so (a timer that only tidies
    up), name it in `no_difference`.
    """

    no_difference: ClassVar[Mapping[str, str]] = {}
    """A type, the name of a timer, a category, `room` or `again` -> why it makes no difference in this test."""

    @pytest.mark.asyncio
    async def test_each_part_makes_a_difference(
        self, peer: Peer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> None:
        async with self.running(config, school) as (hub, name):
            await self.play(hub, events)
            await self.check_undisturbed(hub, name)
            whole = await outcome_of(self, hub, peer)
            assert any(whole), no_effect(hub)
        again = await self._outcome(peer, config, school, events)
        assert again == whole, broken(
            "stable-effects",
            "two runs with the same events have different outcomes: let `effects` (or `told`) leave out what differs",
        )
        idle = [what async for what in self._idle(peer, config, school, events, whole)]
        assert not idle, broken("makes-a-difference", "\n".join(f"{what} makes no difference" for what in idle))

    async def _idle(
        self,
        peer: Peer,
        config: Mapping[str, Any],
        school: School,
        events: Sequence[Mapping[str, Any]],
        whole: Outcome,
    ) -> AsyncIterator[str]:
        cls = self.connector
        for model in cls.consumes:
            type_ = model.spec.type
            if type_ in self.no_difference:
                continue
            rest = [event for event in events if event["type"] != type_]
            assert len(rest) < len(events), broken(
                "makes-a-difference", f"`events` has no event of type {type_}: nothing shows that it is used"
            )
            if await self._outcome(peer, config, school, rest) == whole:
                yield f"the consumed type {type_}"
        for part, says, rest in self._parts(school, events):
            if part not in self.no_difference and await self._outcome(peer, config, school, rest) == whole:
                yield says
        for name in sorted({*daily_timers_of(cls), *moment_timers_of(cls)} - {*self.no_difference}):
            with self._instead(without_timer(cls, name)):
                if await self._outcome(peer, config, school, events) == whole:
                    yield f"the timer {name}() (are `moments` late enough for it to run?)"
        categories = cls.contract.categories if cls.contract is not None else frozenset()
        for category in sorted(categories - _IMPERSONAL - {*self.no_difference}):
            with self._instead(without_category(cls, category)):
                if await self._outcome(peer, config, school, events) == whole:
                    yield f"the category {category.value} of the contract"

    def _parts(
        self, school: School, events: Sequence[Mapping[str, Any]]
    ) -> Iterator[tuple[str, str, list[Mapping[str, Any]]]]:
        """Parts of the story, each with what is said of it and the events without it."""
        rest = [event for event in events if school.other_room not in json.dumps(event["data"])]
        if len(rest) < len(events):
            yield "room", "what happens in the school's second room (room)", rest
        seen: set[Any] = set()
        again = []
        for event in events:
            entity = entity_of(event, self.connector.consumes)
            if entity is not None and (event["type"], entity) in seen:
                again.append(event)
            seen.add((event["type"], entity))
        if again:
            types = ", ".join(sorted({event["type"] for event in again}))
            yield (
                "again",
                f"a second event of type {types} about the same (again)",
                [event for event in events if event not in again],
            )

    async def _outcome(
        self, peer: Peer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> Outcome:
        peer.reset()
        async with self.running(config, school) as (hub, _):
            await self.play(hub, events)
            return await outcome_of(self, hub, peer)

    @contextmanager
    def _instead(self, connector: type[Connector[Any]]) -> Iterator[None]:
        self.connector, usual = connector, self.__dict__.get("connector")  # type: ignore[misc]
        try:
            yield
        finally:
            if usual is None:
                del self.connector
            else:
                self.connector = usual  # type: ignore[misc]
