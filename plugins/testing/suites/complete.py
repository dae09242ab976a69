"""A result that may lack something says so."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from plugins.testing.rules import broken
from plugins.testing.school import School
from plugins.testing.suites.effect import outcome_of
from plugins.testing.suites.subject import Peer, Subject
from plugins.timers import daily_timers_of


class CompleteSuite(Subject):
    """What a daily timer makes with `complete` false differs from what it makes with `complete` true.

    The hub is down when the first of `moments` comes, so that the timer runs late: nobody knows what sources have yet
    to send.
    """

    says_nothing: ClassVar[Mapping[str, str]] = {}
    """The name of a daily timer -> the reason why its result need not say that it may lack something."""
    of_today: ClassVar[Mapping[str, str]] = {}
    """The name of a daily timer -> the reason why a run that comes a day late does something else, or nothing."""

    @pytest.mark.asyncio
    async def test_a_result_that_may_lack_something_says_so(
        self, peer: Peer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> None:
        names = {*daily_timers_of(self.connector)} - {*self.says_nothing}
        if not names:
            pytest.skip("the connector has no daily timer whose result could lack something")
        assert self.moments, broken("complete", "nothing to check: give `moments` at which the daily timers run")
        whole = await self._made(peer, config, school, events, late=False)
        runs = [run for run in self.watch.timers if run.name in names]
        assert runs, broken("complete", f"nothing to check: none of {', '.join(sorted(names))} ran at `moments`")
        peer.reset()
        lacking = await self._made(peer, config, school, events, late=True)
        assert any(not run.complete for run in self.watch.timers if run.name in names), broken(
            "complete", "nothing to check: no daily timer that was missed ran after the restart"
        )
        assert lacking != whole, broken(
            "complete",
            "what a timer made with complete=False can't be told from what it makes with complete=True: state it in "
            "what is published (`tx.publish(..., complete=complete)`) and at the far side",
        )

    @pytest.mark.asyncio
    async def test_a_timer_that_is_late_is_about_the_moment_it_was_due(
        self, peer: Peer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> None:
        """The hub is down from before the first of `moments` until shortly before midnight, or shortly after it."""
        if not {*daily_timers_of(self.connector)} - {*self.of_today}:
            pytest.skip("the connector has no daily timer that is about the moment it was due")
        assert self.moments, broken("complete", "nothing to check: give `moments` at which the daily timers run")
        found = []
        for until in (timedelta(days=1, minutes=-1), timedelta(days=1, minutes=20)):
            peer.reset()
            async with self.running(config, school) as (hub, _):
                await hub.post(events)
                await hub.settle()
                await self.polled(hub)
                await hub.crash()
                hub.clock.advance_to(hub.clock.resolve("00:00") + until)
                await hub.restart()
                await self.polled(hub)
                found.append(await outcome_of(self, hub, peer))
        assert found[0] == found[1], broken(
            "complete",
            "a daily timer that came after midnight had another outcome than one that came before: what it makes is "
            "about `due`, and not about the time of the run",
        )

    async def _made(
        self,
        peer: Peer,
        config: Mapping[str, Any],
        school: School,
        events: Sequence[Mapping[str, Any]],
        *,
        late: bool,
    ) -> Any:
        async with self.running(config, school) as (hub, _):
            await hub.post(events)
            await hub.settle()
            await self.polled(hub)
            first = hub.clock.resolve(self.moments[0])
            if late:
                await hub.crash()
                hub.clock.advance_to(first + timedelta(minutes=5))
                await hub.restart()
            else:
                await hub.advance_to(first)
                await hub.advance_to(first + timedelta(minutes=5))
            await self.polled(hub)
            return await outcome_of(self, hub, peer)
