"""The same event twice has the same effect once; the events of one key take effect in order."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, ClassVar, Final

import pytest

from plugins.connector import Effect
from plugins.testing.hub import TestHub
from plugins.testing.rules import broken
from plugins.testing.school import School
from plugins.testing.suites.subject import Changes, Peer, Subject, no_effect
from plugins.testing.tracing import DIFFERENT_IN_EACH_PROCESS, lines_that_call
from plugins.testing.watching import lives_of

_CRASHES: Final = 4  # at the first change at the far side, the last, and between


class EffectSuite(Subject):
    """The same event twice has the same effect once (promise 6)."""

    @pytest.mark.asyncio
    async def test_there_is_an_effect(
        self, peer: Peer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> None:
        await self._undisturbed(peer, config, school, events)

    @pytest.mark.asyncio
    async def test_the_same_events_twice_have_one_effect(
        self, peer: Peer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> None:
        async with self.running(config, school) as (hub, name):
            await self.play(hub, events)
            once = list(peer.effects())
            assert once, no_effect(hub)
            await hub.replay(name)
            await self.polled(hub)
            assert list(peer.effects()) == once, broken(
                "one-effect", "delivering the same events again changed what is at the far side"
            )
            await self.check_undisturbed(hub, name)

    @pytest.mark.asyncio
    async def test_a_restart_has_no_effect_of_its_own(
        self, peer: Peer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> None:
        async with self.running(config, school) as (hub, name):
            await self.play(hub, events)
            once = list(peer.effects())
            assert once, no_effect(hub)
            await hub.restart()
            await self.polled(hub)
            assert list(peer.effects()) == once, broken("restart", "a restart changed what is at the far side")
            await self.check_undisturbed(hub, name)

    @pytest.mark.asyncio
    async def test_a_crash_between_effect_and_acknowledgement_repeats_nothing(
        self, peer: Peer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> None:
        """A connector whose effect is blind may repeat an effect here, and only here."""
        effect = self.connector.effect_with(self.connector.config_model.model_validate(config))
        with lines_that_call(self.connector, DIFFERENT_IN_EACH_PROCESS) as lines:
            async with self.running(config, school) as (hub, _):
                changes = Changes(peer)
                hub.crash_after_effect(lambda: changes.count() < 0)  # counts, and does not crash
                await self.play(hub, events)
                wanted = list(peer.effects())
                assert wanted, no_effect(hub)
        assert not lines, broken(
            "crash", f"has another value in the process that begins after a crash: {', '.join(sorted(lines))}"
        )
        total = max(changes.number, 1)
        for change in sorted({1 + n * (total - 1) // (_CRASHES - 1) for n in range(_CRASHES)}):
            peer.reset()
            async with self.running(config, school) as (hub, _):
                await self.play_over_a_crash(hub, peer, events, change=change)
                found = list(peer.effects())
            if effect is Effect.BLIND:
                assert distinct(found) == distinct(wanted), broken(
                    "crash", f"after a crash at change {change} of {total} an effect is missing or has changed"
                )
            else:
                assert in_any_order(found) == in_any_order(wanted), broken(
                    "crash",
                    f"after the crash at change {change} of {total} the far side is not as it is without one (an "
                    "effect that is repeated has another key, or an effect that was not kept is missing)",
                )

    async def _undisturbed(
        self, peer: Peer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> list[Any]:
        async with self.running(config, school) as (hub, name):
            await self.play(hub, events)
            await self.check_undisturbed(hub, name)
            effects = list(peer.effects())
            assert effects, no_effect(hub)
        return effects


class OrderSuite(Subject):
    """The events of one key take effect in order (promise 2). Those of others come in any order."""

    order_matters: ClassVar[str] = ""
    """Why the effects depend on the order in which events about different entities come; empty if they do not.

    With a reason only what is `standing()` at the far side in the end is compared, where the peer has it.
    """

    def key(self, effect: Any) -> Hashable:
        """Effects with the same key must keep their order. Default: all effects have the same key."""
        return None

    @pytest.mark.asyncio
    async def test_all_at_once_has_the_effects_of_one_at_a_time(
        self, peer: Peer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> None:
        async with self.running(config, school) as (hub, _):
            for event in events[:-1]:
                await hub.post([event])
                await hub.settle()
            await self.play(hub, events[-1:])
            one_at_a_time = self._by_key(peer.effects())
            assert one_at_a_time, no_effect(hub)
        peer.reset()
        async with self.running(config, school) as (hub, name):
            await self.play(hub, events)
            assert self._by_key(peer.effects()) == one_at_a_time, broken(
                "order", "what is at the far side, or its order, depends on the pace at which the events come"
            )
            await self.check_undisturbed(hub, name)

    @pytest.mark.asyncio
    async def test_events_about_others_may_come_first(
        self, peer: Peer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> None:
        """The entities in turn, and in another run the last one first. Those of one entity keep their order."""
        standing = getattr(peer, "standing", None)
        lives = lives_of(events, self.connector.consumes)
        found: list[Any] = []
        for each in (lives, lives[::-1]):
            peer.reset()
            async with self.running(config, school) as (hub, name):
                for life in each:
                    await hub.post(life)
                    await hub.settle()
                await self.play(hub, ())
                await self.check_undisturbed(hub, name)
                effects = peer.effects()
                assert effects, no_effect(hub)
                if self.order_matters:
                    found.append(in_any_order(standing() if standing else ()))
                else:
                    found.append({key: in_any_order(each) for key, each in self._by_key(effects).items()})
        assert found[0] == found[1], broken(
            "order",
            "events about different entities had another outcome when they came in another order: does an effect of "
            "one take the key or the entry of another, or is something (a closed day) applied only to what is known "
            "when it comes?",
        )

    def _by_key(self, effects: Sequence[Any]) -> dict[Hashable, list[Any]]:
        found: dict[Hashable, list[Any]] = defaultdict(list)
        for effect in effects:
            found[self.key(effect)].append(effect)
        return dict(found)


Outcome = tuple[Sequence[str], Counter[Any]]
"""The effects at the far side in any order, and what was published."""


async def outcome_of(subject: Subject, hub: TestHub, peer: Peer) -> Outcome:
    published = Counter(subject.told(event) for event in await hub.published())
    return in_any_order(peer.effects()), published


def in_any_order(effects: Sequence[Any]) -> list[str]:
    return sorted(map(repr, effects))


def distinct(effects: Sequence[Any]) -> set[str]:
    return set(map(repr, effects))
