"""Dates and times of day follow school time, which only the context's clock knows."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from plugins.testing.rules import broken
from plugins.testing.school import School
from plugins.testing.suites.effect import Outcome, outcome_of
from plugins.testing.suites.subject import Peer, Subject, no_effect
from plugins.testing.tracing import CLOCKS, lines_that_call

_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)")


class SchoolTimeSuite(Subject):
    """School time rules, also when UTC has another date, and nothing asks the machine for the time."""

    @pytest.mark.asyncio
    async def test_an_hour_in_which_utc_has_another_date_is_like_the_next(
        self,
        peer: Peer,
        config: Mapping[str, Any],
        school: School,
        events: Sequence[Mapping[str, Any]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The events come at 00:15, and in another run at 02:15 of the same day."""
        outcomes = []
        for time_of_day in ("02:15", "00:15"):
            peer.reset()
            monkeypatch.setattr(self, "start", f"{type(self).start.partition('T')[0]}T{time_of_day}", raising=False)
            outcomes.append(await self._outcome(peer, config, school, events))
        assert outcomes[0] == outcomes[1], broken(
            "school-time",
            "what came at 00:15 school time, when UTC has the date of the day before, had another outcome than at "
            "02:15: take dates from ctx.clock.school(), or convert to Europe/Stockholm first",
        )

    @pytest.mark.asyncio
    async def test_the_same_moments_written_in_utc_have_the_same_outcome(
        self, peer: Peer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> None:
        """A source may write 09:40+01:00 or 08:40Z. What is passed on is compared as a moment, not as text."""
        usual = await self._outcome(peer, config, school, events)
        peer.reset()
        in_utc = [{**event, "data": _in_utc(event["data"])} for event in events]
        assert _moments(await self._outcome(peer, config, school, in_utc)) == _moments(usual), broken(
            "school-time",
            "events whose times are written in UTC had another outcome than those with the offset of school time: read "
            "a time with its offset, and convert it to Europe/Stockholm before you take its date or time of day",
        )

    @pytest.mark.asyncio
    async def test_nothing_asks_the_machine_for_the_time(
        self, peer: Peer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> None:
        """The lines that do are named. Tests and the demo move school time; the machine's clock stays behind."""
        with lines_that_call(self.connector, CLOCKS) as lines:
            await self._outcome(peer, config, school, events)
        assert not lines, broken(
            "school-time", f"asks the machine for the time instead of ctx.clock: {', '.join(sorted(lines))}"
        )

    async def _outcome(
        self, peer: Peer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> Outcome:
        async with self.running(config, school) as (hub, _):
            await self.play(hub, events)
            outcome = await outcome_of(self, hub, peer)
            assert any(outcome), no_effect(hub)
            return outcome


def _in_utc(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _in_utc(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_in_utc(each) for each in value]
    return _MOMENT.sub(_utc, value) if isinstance(value, str) else value


def _utc(found: re.Match[str]) -> str:
    return datetime.fromisoformat(found[0]).astimezone(UTC).isoformat().replace("+00:00", "Z")


def _moments(outcome: Outcome) -> Any:
    effects, published = outcome
    return sorted(_MOMENT.sub(_utc, each) for each in effects), sorted(
        _MOMENT.sub(_utc, repr(each)) for each in published.elements()
    )
