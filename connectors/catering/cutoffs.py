"""A kitchen's cut-offs: when an order becomes fixed, which days that concerns, and which changes come too late. Pure.

The rules themselves (`applies_to`, `offset_days`, `time`) are settings: `config.CutOff`, with `Kitchen.cutoff` for the
kinds that have no rule of their own.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import takewhile

from connectors.catering.config import KINDS, NORMAL, Kind, Kitchen
from connectors.catering.counting import Count, instant
from connectors.catering.days import school_days_before, served_from
from connectors.catering.snapshot import Row
from schemas.school_time import SCHOOL_ZONE


def cutoff_at(kitchen: Kitchen, kind: Kind, day: date) -> datetime:
    """The moment from which a change of that kind is late for that day's meals, in UTC."""
    return instant(cutoff_day(kitchen, kind, day), kitchen.cutoff(kind).time)


def cutoff_day(kitchen: Kitchen, kind: Kind, day: date) -> date:
    """The day of the cut-off for that day's meals."""
    rule = kitchen.cutoff(kind)
    if rule.days == "school":
        return school_days_before(kitchen, day, rule.offset_days)
    return day - timedelta(days=rule.offset_days)


def fixed_at(kitchen: Kitchen, day: date, moment: datetime) -> tuple[Kind, ...]:
    """The kinds of change that are late for that day's meals at `moment`, which includes the cut-off itself."""
    moment = moment.astimezone(UTC)
    return tuple(kind for kind in KINDS if moment >= cutoff_at(kitchen, kind, day))


def days_of_report(kitchen: Kitchen, due: datetime) -> list[date]:
    """The days of meals that a report is about: its own day, and those ahead that a cut-off of the kitchen reaches."""
    today = due.astimezone(SCHOOL_ZONE).date()
    ahead = served_from(kitchen, today)
    return list(takewhile(lambda day: min(cutoff_day(kitchen, kind, day) for kind in KINDS) <= today, ahead))


def days_of_cutoff(kitchen: Kitchen, due: datetime) -> list[date]:
    """The days of meals for which some kind becomes fixed at exactly `due`."""
    # Python calls two times in different zones unequal in the hour that comes twice, even if they are one moment.
    due = due.astimezone(UTC)
    return [day for day in days_of_report(kitchen, due) if any(cutoff_at(kitchen, kind, day) == due for kind in KINDS)]


def changes(last: Row, count: Count, closed: Collection[str]) -> frozenset[Kind]:
    """The kinds of change between the last row and a count. A unit closed, or opened again, is one `bulk` change."""
    if set(last.closed) != set(closed):
        return frozenset({"bulk"})
    kinds: set[Kind] = set()
    if (last.portions.get(NORMAL, 0), last.staff) != (count.portions.get(NORMAL, 0), count.staff):
        kinds.add("normal")
    if _special(last.portions) != _special(count.portions):
        kinds.add("special")
    return frozenset(kinds)


def is_late(last: Row | None, count: Count, closed: Collection[str]) -> bool:
    """Whether a count changes something that the kitchen already has as fixed."""
    return last is not None and not changes(last, count, closed).isdisjoint(last.fixed)


def _special(portions: Mapping[str, int]) -> dict[str, int]:
    return {name: number for name, number in portions.items() if name != NORMAL and number}
