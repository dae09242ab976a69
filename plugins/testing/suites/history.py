"""What a connector makes of the past: old events that come again, restarts, entities that it meets late, and years."""

import copy
import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, ClassVar, Final

import pytest

from plugins.testing.hub import TestHub
from plugins.testing.memory import held
from plugins.testing.rules import broken
from plugins.testing.school import School
from plugins.testing.suites.daylight import moved
from plugins.testing.suites.effect import Outcome, outcome_of
from plugins.testing.suites.subject import Peer, Subject, no_effect
from plugins.testing.surroundings import caches
from plugins.testing.watching import entity_of
from schemas import Payload

_STEP: Final = timedelta(days=60)
_ROUNDS: Final = 4
_LITTLE: Final = 2000  # bytes of memory


class HistorySuite(Subject):
    """An old event changes nothing, a restart changes nothing, and what is over is forgotten."""

    growth: ClassVar[float] = 1.2
    """What is kept after four times the same work, sixty days apart each, is at most this many times that after two."""

    @pytest.mark.asyncio
    async def test_an_event_that_comes_again_alone_changes_nothing(
        self, peer: Peer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> None:
        """Each event comes again, also those that are older than what the connector has seen of their entity."""
        async with self.running(config, school) as (hub, name):
            for event in events[:-1]:
                await hub.post([event])
                await hub.settle()
            await self.play(hub, events[-1:])
            before = await outcome_of(self, hub, peer)
            assert any(before), no_effect(hub)
            for event in self._one_of_each_kind(events):
                await hub.resend(name, event["id"])
                await self.polled(hub)
                assert await outcome_of(self, hub, peer) == before, broken(
                    "stale",
                    f"an event of type {event['type']} that came again alone, after newer ones, changed the outcome: "
                    "ignore what is older than what is known (event.sequence)",
                )
            await self.check_undisturbed(hub, name)

    @pytest.mark.asyncio
    async def test_a_restart_between_two_events_changes_nothing(
        self, peer: Peer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> None:
        wanted = await self._in_halves(peer, config, school, events, restart=False)
        peer.reset()
        found = await self._in_halves(peer, config, school, events, restart=True)
        assert found == wanted, broken(
            "restart", "a restart between the events changed the outcome: is anything kept in memory alone?"
        )

    async def _in_halves(
        self,
        peer: Peer,
        config: Mapping[str, Any],
        school: School,
        events: Sequence[Mapping[str, Any]],
        *,
        restart: bool,
    ) -> Outcome:
        async with self.running(config, school) as (hub, name):
            for half in (events[: len(events) // 2], events[len(events) // 2 :]):
                await hub.post(half)
                await hub.settle()
                if restart:
                    await hub.restart()
                await self.polled(hub)
            await self.play(hub, [])
            outcome = await outcome_of(self, hub, peer)
            assert any(outcome), no_effect(hub)
            await self.check_undisturbed(hub, name)
            return outcome

    @pytest.mark.asyncio
    async def test_the_last_event_of_an_entity_is_enough(
        self, peer: Peer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> None:
        """As after a late start, or a restored backup: an event carries the whole entity after its change."""
        standing = getattr(peer, "standing", None)
        if standing is None:
            pytest.skip("the peer has no standing(): what is at the far side now, without what has been")
        lives = _lives(events, self.connector.consumes)
        assert lives, broken("last-event", "nothing to check: no two of the `events` are about the same entity")
        seen: list[Any] = []
        for life in lives:  # each alone, since what another entity leads to may hide it
            found = []
            for each in (life, life[-1:]):
                peer.reset()
                async with self.running(config, school) as (hub, _):
                    await self.play(hub, each)
                    found.append(list(standing()))
            seen += found[0]
            assert found[0] == found[1], broken(
                "last-event",
                f"what was there before an event of type {life[-1]['type']} is still there (or is missed): compare "
                "with what was known of the entity, and take away what its last event no longer says",
            )
        assert seen, no_effect(hub)

    @pytest.mark.asyncio
    async def test_what_is_over_is_forgotten(
        self, peer: Peer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> None:
        """The same work for other entities, sixty days later each time: state and memory stop growing."""
        first = datetime.fromisoformat(type(self).start)
        async with self.running(config, school) as (hub, name):
            sizes, memory, timers, cached = [], [], [], []
            for n in range(_ROUNDS):
                day = (first + n * _STEP).date()
                await self._advance(hub, datetime.combine(day, first.time()))
                await hub.post([_anew(event, first.date(), day, n) for event in events])
                await hub.settle()
                await self.polled(hub)
                for moment in self.moments:
                    await self._advance(hub, _on(hub, moment, day, first.date()))
                await self._advance(hub, datetime.combine(day + _STEP / 2, first.time()))
                sizes.append(len(json.dumps(await hub.state(name))))
                memory.append(held(self.watch.instances[-1]) if self.watch.instances else 0)  # none: in another process
                timers.append(len(await hub.timers(name)))
                cached.append(caches(self.connector))
            assert sizes[-1] <= max(sizes[1] * self.growth, 200), broken(
                "forgets", f"the state grows for ever: {', '.join(map(str, sizes))} bytes after each sixty days"
            )
            assert memory[-1] <= max(memory[1] * self.growth, memory[1] + _LITTLE), broken(
                "forgets",
                f"the memory of the instance grows for ever: {', '.join(map(str, memory))} bytes after each sixty days",
            )
            assert timers[-1] <= max(timers[1] * self.growth, timers[1] + 1), broken(
                "forgets",
                f"the timers that wait grow for ever: {', '.join(map(str, timers))} after each sixty days: withdraw "
                "those that are no longer needed",
            )
            growing = [
                f"{cache} ({before} -> {cached[-1][cache]})"
                for cache, before in cached[1].items()
                if cached[-1].get(cache, 0) > max(before * self.growth, before + 1)
            ]
            assert not growing, broken("forgets", f"caches grow for ever: {', '.join(growing)}: give them a `maxsize`")

    async def _advance(self, hub: TestHub, moment: datetime) -> None:
        if hub.clock.resolve(moment.isoformat()) > hub.clock.school():
            await hub.advance_to(moment.isoformat())
            await self.polled(hub)

    def _one_of_each_kind(self, events: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """For each type an event that is not the last of its entity, and one that is."""
        last = {entity_of(event, self.connector.consumes): event["id"] for event in events}
        found = {}
        for event in events:
            is_last = last[entity_of(event, self.connector.consumes)] == event["id"]
            found[event["type"], is_last] = event
        return list(found.values())


def _lives(events: Sequence[Mapping[str, Any]], models: Sequence[type[Payload]]) -> list[list[Mapping[str, Any]]]:
    """The events of each entity that has several; of entities with the same types, one."""
    lives: dict[Any, list[Mapping[str, Any]]] = {}
    for event in events:
        if (entity := entity_of(event, models)) is not None:
            lives.setdefault(entity, []).append(event)
    by_types = {tuple(event["type"] for event in life): life for life in lives.values() if len(life) > 1}
    return list(by_types.values())


def _on(hub: TestHub, moment: str, day: date, first: date) -> datetime:
    if "T" not in moment:
        return datetime.combine(day, datetime.fromisoformat(f"{day}T{moment}").time())
    at = datetime.fromisoformat(moment)
    return datetime.combine(day + (at.date() - first), at.time())


def _anew(event: Mapping[str, Any], first: date, day: date, n: int) -> dict[str, Any]:
    """The event of another day, about another entity."""
    made = moved(copy.deepcopy(dict(event)), first, day)
    made["id"] = f"{event['id']}-{n}"
    if n and isinstance(made["data"].get("id"), str):
        made["data"]["id"] = str(uuid.uuid5(uuid.UUID(made["data"]["id"]), str(n)))
    return made
