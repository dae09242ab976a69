"""A far side that is down, slow or wrong: it gets everything late, and nothing else changes."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pytest

from plugins.connector import Effect
from plugins.errors import SkolnavError
from plugins.testing.hub import TestHub
from plugins.testing.rules import broken
from plugins.testing.school import School
from plugins.testing.suites.configuration import secrets_in
from plugins.testing.suites.effect import distinct, in_any_order
from plugins.testing.suites.subject import TAKES_ITS_TIME_OUT, FaultyPeer, Subject, no_effect, reported
from plugins.testing.watching import one_of_each


class FaultSuite(Subject):
    """Nothing is lost, given up or changed because the far side failed for a while (promises 1 and 3).

    It fails while the events come and at the first of `moments`, then works again. Where each call waits for its
    time-out (slow, never, drips), one event of each type comes, and the settings in `hasty` hold. `most_bytes` may be
    read of one answer.
    """

    _reconciles = False
    most_bytes: ClassVar[int] = 16 << 20  # the system alone takes several MiB that nothing has read

    def outcome(self, effects: Sequence[Any]) -> Sequence[Any]:
        """The part of the effects that is the same with and without a fault. Default: all of them, in any order.

        Override it where a timer's effect depends on events that the far side must have accepted first: a timer that
        was due during the fault may run before all of them got through (`complete` is false).
        """
        return in_any_order(effects)

    @pytest.mark.asyncio
    async def test_a_far_side_that_fails_for_a_while_is_told_everything_in_the_end(
        self,
        peer: FaultyPeer,
        config: Mapping[str, Any],
        school: School,
        events: Sequence[Mapping[str, Any]],
        fault: str,
    ) -> None:
        few = one_of_each(events, self.connector.consumes)
        for chosen in (few, events) if fault in TAKES_ITS_TIME_OUT else (events,):
            peer.reset()
            async with self.running(config, school) as (hub, name):
                await self.play(hub, chosen)
                await self.check_undisturbed(hub, name)
                wanted, nothing = list(peer.effects()), no_effect(hub)
            if wanted:
                events = chosen
                break
        assert wanted, nothing
        peer.reset()
        async with self.running(config, school) as (hub, name):
            before, had_problems, had = len(reported(hub, name)), len(hub.problems()), list(peer.effects())
            async with self._in_fault(hub, peer, fault, config):
                await self._meanwhile(hub, name, events, fault)
                assert fault != "down" or list(peer.effects()) == had, "the far side has a new effect: was it down?"
                poured = getattr(peer, "poured", lambda: 0)()
            assert poured <= self.most_bytes, broken(
                "bounded", f"{poured >> 20} MiB of an endless answer were read: bound what is read of an answer"
            )
            if fault != "slow":
                assert len(reported(hub, name)) > before, broken(
                    "effect-before-return",
                    f"no problem and no log line while it is {fault}: is the failure swallowed, is any answer taken "
                    "for success, or does the call return before its effect?",
                )
            if fault == "missing":  # that may call for a person, or be given up, and not pass unseen
                seen = self.watch.failures or hub.problems()[had_problems:] or await hub.dead_letters()
                assert seen, broken(
                    "effect-before-return",
                    'no call failed while each answer was a 404: "not found" was taken for success',
                )
                return
            await self.retried(hub)
            failed = len(self.watch.failures)
            await self.polled(hub)
            for moment in self.moments[1:]:
                await hub.advance_to(moment)
                await self.polled(hub)
            if len(self.watch.failures) > failed:  # on a busy machine a call to a far side that is well may fail too
                await self.retried(hub)
            found = list(peer.effects())
            assert not await hub.dead_letters(), broken(
                "temporary", f"events were given up because the far side was {fault}"
            )
        if self.connector.effect_with(self.connector.config_model.model_validate(config)) is Effect.BLIND:
            late, at_once = (sorted(distinct(self.outcome(each)), key=repr) for each in (found, wanted))
        else:
            late, at_once = list(self.outcome(found)), list(self.outcome(wanted))
        assert late == at_once, broken(
            "effect-before-return",
            f"the far side, which was {fault}, has other effects than without the fault: is a failure swallowed, is "
            "any answer taken for success, is an event dropped because one of another entity came first, does a call "
            "return before its effect, or has an event that comes after its time (a timer has run) still its effect?",
        )

    async def _meanwhile(self, hub: TestHub, name: str, events: Sequence[Mapping[str, Any]], fault: str) -> None:
        begun = time.monotonic()
        try:
            # Held, so that nothing is tried again by itself: each try would wait for one more time-out.
            with hub.clock.held():
                async with asyncio.timeout(self.patience_s + 1):
                    # One by one, as most sources do. Of events that come together, those of different keys have one
                    # `sequence`, and a connector that compares it across keys would not show.
                    for event in events:
                        await hub.post((event,))
                    await hub.settle()
                    await self.polled(hub)
                    await self._still_running(hub, name, fault)
                    for moment in self.moments[:1]:
                        await hub.advance_to(moment)
                        await self.polled(hub)
        except TimeoutError:
            pass
        took = time.monotonic() - begun
        assert took < self.patience_s, broken(
            "time-out", f"a far side that is {fault} held the connector up for {took:.0f} s: give its calls a time-out"
        )
        await self._still_running(hub, name, fault)

    async def _still_running(self, hub: TestHub, name: str, fault: str) -> None:
        status = await hub.status(name)
        assert status == "running" or fault == "missing", broken(
            "temporary", f"a far side that is {fault} may work later: raise TemporaryError ({status})"
        )


class SelftestSuite(Subject):
    """The self-test is a real round trip: it passes when the far side works and fails when it does not."""

    @pytest.mark.asyncio
    async def test_it_passes_and_leaves_nothing(
        self, peer: FaultyPeer, config: Mapping[str, Any], school: School
    ) -> None:
        async with self.running(config, school) as (hub, name):
            before = list(peer.effects())
            await hub.selftest(name)
            assert list(peer.effects()) == before, broken("selftest", "the self-test left something at the far side")

    @pytest.mark.asyncio
    async def test_it_fails_while_the_far_side_does_and_says_what_to_do(
        self, peer: FaultyPeer, config: Mapping[str, Any], school: School, fault: str
    ) -> None:
        async with self.running(config, school) as (hub, name):
            async with self._in_fault(hub, peer, fault, config):
                begun = time.monotonic()
                error = await _failure(hub, name)
                took = time.monotonic() - begun
            assert took < self.patience_s, broken(
                "time-out", f"a far side that is {fault} held the self-test up for {took:.0f} s"
            )
            if fault != "slow" or error is not None:
                assert error is not None, broken("selftest", f"the self-test passes although the far side is {fault}")
                assert error.why or error.fix, broken("selftest", "the error has neither `why` nor `fix`")
                secrets = secrets_in(self.connector.config_model, config)
                assert not any(secret in str(error) for secret in secrets), broken(
                    "no-leaks", "the error repeats a secret"
                )
            await hub.selftest(name)


async def _failure(hub: TestHub, name: str) -> SkolnavError | None:
    try:
        await hub.selftest(name)
    except SkolnavError as error:
        return error
    except Exception as error:
        pytest.fail(f"raise by what happens next (plugins.errors), not {type(error).__name__}")
    return None
