"""The days on which the clocks change are days like others: each timer runs once, and the effects are the same."""

import copy
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar, Final

import pytest

from plugins.testing.rules import broken
from plugins.testing.school import School
from plugins.testing.suites.effect import in_any_order
from plugins.testing.suites.subject import Peer, Subject, no_effect
from plugins.testing.watching import TimerRun
from plugins.timers import daily_timers_of
from schemas.school_time import SCHOOL_ZONE

_WEEK: Final = timedelta(days=7)
_NEAR: Final = timedelta(days=60)  # dates that are further from the start than this are not moved
_AROUND: Final = 3  # dates that are at most this many days from the day of the run are counted from it
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d\Z")
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)")


class DaylightSuite(Subject):
    """On a day with 25 or 23 hours the same events have the same effects as a week before, each timer once.

    The events are moved to these days by the wall clock (they are Sundays: let the configuration serve them).
    """

    days: ClassVar[Sequence[str]] = ("2026-10-25", "2027-03-28")

    def alike(self, effect: Any, day: date) -> Any:
        """An effect without what differs between days. Default: its text in wall clock times, with days counted from
        that date.
        """
        text = _MOMENT.sub(lambda found: _on_the_wall(found[0]), repr(effect))
        for days in range(-_AROUND, _AROUND + 1):
            each = day + timedelta(days=days)
            text = text.replace(each.isoformat(), f"<day{days:+}>").replace(f"{each:%Y%m%d}", f"<day{days:+}>")
        return text

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        super().pytest_generate_tests(metafunc)
        if "changing_day" in metafunc.fixturenames:
            metafunc.parametrize("changing_day", self.days)

    @pytest.mark.asyncio
    async def test_a_day_on_which_the_clocks_change_is_told_as_any_other(
        self,
        peer: Peer,
        config: Mapping[str, Any],
        school: School,
        events: Sequence[Mapping[str, Any]],
        changing_day: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        day = date.fromisoformat(changing_day)
        outcomes = []
        for each in (day - _WEEK, day):
            peer.reset()
            monkeypatch.setattr(self, "start", f"{each}T00:00", raising=False)
            effects = await self._played(
                peer, config, school, [moved(event, self._first_day(), each) for event in events]
            )
            outcomes.append(in_any_order([self.alike(effect, each) for effect in effects]))
            self._check_timers(config, each, self.watch.timers)
        usual, changing = outcomes
        assert changing == usual, broken(
            "school-time", f"{day}, when the clocks change, has other effects than {day - _WEEK}"
        )

    async def _played(
        self, peer: Peer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> list[Any]:
        """The effects of a day: the events come at its beginning, then every hour, and `moments`, pass."""
        async with self.running(config, school) as (hub, _):
            today = hub.clock.school().date()
            await hub.post(events)
            await hub.settle()
            await self.polled(hub)
            midnight = datetime.combine(today, time(0), SCHOOL_ZONE).astimezone(UTC)
            # Each hour of the night in which the clocks change, then every fourth.
            hours = [midnight + timedelta(hours=n) for n in (0, 1, 2, 3, 4, 5, 9, 13, 17, 21)]
            moments = [hub.clock.resolve(moment.rpartition("T")[2]).astimezone(UTC) for moment in self.moments]
            end = hub.clock.resolve("23:59").astimezone(UTC)
            for moment in sorted({*hours, *moments, end}):
                local = moment.astimezone(SCHOOL_ZONE)
                if local.date() == today and moment > hub.clock.school().astimezone(UTC):
                    await hub.advance_to(local)
                    await self.polled(hub)
            effects = list(peer.effects())
            assert effects, no_effect(hub)
            return effects

    def _check_timers(self, config: Mapping[str, Any], day: date, seen: Sequence[TimerRun]) -> None:
        moments = [(each.name, each.key, each.due, each.at) for each in seen if each.key is not None]
        runs = {(name, key, due) for name, key, due, _ in moments}
        assert len(runs) == len(moments), broken("school-time", f"a moment of {day} came twice")
        early = [due for _, _, due, at in moments if due.astimezone(UTC) > at.astimezone(UTC)]
        assert not early, broken("school-time", "a moment came too early")
        model = self.connector.config_model.model_validate(config)
        wanted = sorted(
            (name, _first_minute(day, at))
            for name, timer in daily_timers_of(self.connector).items()
            for at in {*timer.times(model)}
            if at > time(0, 59)  # the hub was started at midnight
        )
        found = sorted(
            (each.name, each.due.astimezone(UTC))
            for each in seen
            if each.key is None and each.due.astimezone(SCHOOL_ZONE).time() > time(0, 59)
        )
        assert found == wanted, broken(
            "school-time", f"timers came at other moments of {day} than they should, or not once"
        )

    def _first_day(self) -> date:
        return datetime.fromisoformat(type(self).start).date()


def _first_minute(day: date, at: time) -> datetime:
    """When the wall clock first shows a time on a day, or the next time that it shows. Each minute (UTC) is tried."""
    moment = datetime.combine(day, time(0), SCHOOL_ZONE).astimezone(UTC)
    while moment.astimezone(SCHOOL_ZONE).time() < at:
        moment += timedelta(minutes=1)
    return moment


def moved(event: Mapping[str, Any], first: date, day: date) -> dict[str, Any]:
    """The event with its dates and times moved by whole days; times of day by the wall clock stay."""

    def move(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: move(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [move(inner) for inner in value]
        if isinstance(value, str) and _DATE.match(value):
            found = date.fromisoformat(value)
            return (found + (day - first)).isoformat() if abs(found - first) < _NEAR else value
        if isinstance(value, str) and _MOMENT.fullmatch(value):
            local = datetime.fromisoformat(value).astimezone(SCHOOL_ZONE)
            return (local + (day - first)).isoformat() if abs(local.date() - first) < _NEAR else value
        return value

    return {**event, "data": move(copy.deepcopy(event["data"]))}


def _on_the_wall(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone(SCHOOL_ZONE).replace(tzinfo=None).isoformat()
