"""Far sides with a mind of their own: one of several refuses what it gets, or one takes what it gets at once."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pytest

from plugins.connector import Effect
from plugins.testing.hub import TestHub
from plugins.testing.school import School
from plugins.testing.suites.effect import distinct
from plugins.testing.suites.subject import Peer, Subject, no_effect, reported


class RefusingPeer(Peer, Protocol):
    """Several far sides behind one instance: kitchens, mailboxes, rooms."""

    def far_side(self, effect: Any) -> str:
        """The id of the far side that has an effect, as the configuration names it."""

    def refuse_one(self, far_side: str, on: bool) -> None:
        """While on, this far side accepts nothing: it says no to each request, and the others accept theirs."""


class TakingPeer(Peer, Protocol):
    """A far side that may take what it gets. `effects` goes on listing what came, also if it is no longer there."""

    def take_at_once(self, on: bool) -> None:
        """While on, each effect is taken as soon as it is there: the connector can't read it back."""


class SeveralFarSidesSuite(Subject):
    """One far side's refusal is its own (promise 3): the others get theirs, it is named, and it gets its own later.

    Give a configuration with at least three far sides, so that some come after the one that refuses.
    """

    @pytest.mark.asyncio
    async def test_one_that_refuses_keeps_nothing_from_the_others(
        self, peer: RefusingPeer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> None:
        async with self.running(config, school) as (hub, _):
            await self.play(hub, events)
            wanted = _by_far_side(peer)
            assert wanted, no_effect(hub)
        assert len(wanted) >= 3, f"there must be at least three far sides with effects, not {sorted(wanted)}"
        for refusing in list(wanted)[:2]:
            peer.reset()
            async with self.running(config, school) as (hub, name):
                peer.refuse_one(refusing, True)
                try:
                    await self.play(hub, events)
                    await self._only_that_one(hub, name, refusing, peer=peer, wanted=wanted)
                finally:
                    peer.refuse_one(refusing, False)
                await self.retried(hub)
                await self.polled(hub)
                assert _by_far_side(peer).get(refusing), f"{refusing} got nothing after it had ceased to refuse"

    async def _only_that_one(
        self,
        hub: TestHub,
        name: str,
        refusing: str,
        *,
        peer: RefusingPeer,
        wanted: Mapping[str, Sequence[Any]],
    ) -> None:
        found = _by_far_side(peer)
        assert refusing not in found, f"{refusing} was to refuse: does the peer's `refuse_one` work?"
        others = {id: effects for id, effects in wanted.items() if id != refusing}
        assert found == others, f"the other far sides have other effects because {refusing} refuses"
        status = await hub.status(name)
        assert status == "running", f"one far side that refuses must not pause the instance ({status})"
        assert not await hub.dead_letters(), "events were given up because one far side refuses"
        assert any(refusing in line for line in reported(hub, name)), f"no problem and no log line names {refusing}"


class TakenAtOnceSuite(Subject):
    """A far side may take what it gets at once: that is no failure, and nothing is repeated otherwise (promise 6)."""

    @pytest.mark.asyncio
    async def test_what_is_taken_at_once_has_arrived(
        self, peer: TakingPeer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> None:
        wanted = await self._taken(peer, config, school, events, taking=False)
        peer.reset()
        found = await self._taken(peer, config, school, events, taking=True)
        assert found == wanted, "what came differs where the far side takes it at once"

    @pytest.mark.asyncio
    async def test_a_repeat_after_a_crash_is_the_same(
        self, peer: TakingPeer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> None:
        wanted = await self._taken(peer, config, school, events, taking=True)
        peer.reset()
        peer.take_at_once(True)
        try:
            async with self.running(config, school) as (hub, _):
                await self.play_over_a_crash(hub, peer, events)
                found = list(peer.effects())
        finally:
            peer.take_at_once(False)
        assert distinct(found) == distinct(wanted), "after the crash something came that differs from before"
        if self.connector.effect_with(self.connector.config_model.model_validate(config)) is Effect.IDEMPOTENT:
            return
        assert len(found) <= len(wanted) + 1, "more was repeated than what the crash had hit"

    async def _taken(
        self,
        peer: TakingPeer,
        config: Mapping[str, Any],
        school: School,
        events: Sequence[Mapping[str, Any]],
        *,
        taking: bool,
    ) -> list[Any]:
        peer.take_at_once(taking)
        try:
            async with self.running(config, school) as (hub, name):
                await self.play(hub, events)
                await self.retried(hub)
                await self.polled(hub)
                found = list(peer.effects())
                assert found, no_effect(hub)
                status = await hub.status(name)
                assert status == "running", f"what is taken at once has arrived: no failure ({status})"
                return found
        finally:
            peer.take_at_once(False)


def _by_far_side(peer: RefusingPeer) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for effect in peer.effects():
        found[peer.far_side(effect)].append(effect)
    return dict(found)
