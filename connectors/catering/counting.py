"""How many eat: pupils of open units, in the sitting's groups, who are not away during the sitting. Pure."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from connectors.catering.config import NORMAL, OTHER, Kitchen, Sitting
from schemas.school_time import SCHOOL_ZONE, school_moment

Pupil = Mapping[str, Any]  # a reduced SS 12000 Person with `groups` and `diet`, see plugins.DirectoryView.persons


@dataclass(frozen=True, slots=True)
class Away:
    """One absence: a pupil's pseudonym and [start, end) in UTC; `organisation` where the notification names one."""

    student: str
    start: datetime
    end: datetime
    organisation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """One sitting's sum. `portions` has every diet of the kitchen, zero or not, and does not count staff."""

    enrolled: int
    absent: int
    portions: Mapping[str, int]
    staff: int
    unknown_diets: int  # number of different diets that are not in the kitchen's `diet_codes`
    near_diets: frozenset[str] = frozenset()  # codes of the kitchen that such diets differ from in case alone


def instant(day: date, at: time) -> datetime:
    """A school time in UTC: two datetimes of one zone compare by wall clock, which is wrong in October."""
    return school_moment(day, at).astimezone(UTC)


def window(sitting: Sitting, day: date) -> tuple[datetime, datetime]:
    return instant(day, sitting.from_), instant(day, sitting.to)


def overlaps(away: Away, start: datetime, end: datetime) -> bool:
    """Whether the absence and [start, end) have a moment in common. An absence that ends at `start` has none."""
    return max(away.start, start) < min(away.end, end)


def days_between(spans: Iterable[Away], now: datetime, ahead: int) -> list[date]:
    """The days that one of the absences touches, from today to `ahead` days later, by school time."""
    today = now.astimezone(SCHOOL_ZONE).date()
    days: set[date] = set()
    for away in spans:
        first = max(away.start.astimezone(SCHOOL_ZONE).date(), today)
        last = min(away.end.astimezone(SCHOOL_ZONE).date(), today + timedelta(days=ahead))
        days.update(first + timedelta(days=n) for n in range((last - first).days + 1))
    return sorted(days)


class Organisations:
    """Which organisation is a part of which, from SS 12000 `parentOrganisation`. Ids in lower case."""

    def __init__(self, organisations: Iterable[Mapping[str, Any]] = ()) -> None:
        self._parents = {str(o["id"]).lower(): _reference(o.get("parentOrganisation")) for o in organisations}

    def line(self, organisation: str) -> list[str]:
        """The organisation itself, then those above it, nearest first. A cycle in the source ends the line."""
        line: list[str] = []
        here: str | None = organisation.lower()
        while here is not None and here not in line:
            line.append(here)
            here = self._parents.get(here)
        return line

    def parts(self, units: Collection[str]) -> frozenset[str]:
        """`units` and all their parts."""
        return frozenset(units) | {o for o in self._parents if not _disjoint(self.line(o), units)}

    def related(self, organisation: str, units: Collection[str]) -> bool:
        """Whether one of `units` is the organisation, a part of it, or above it."""
        here = organisation.lower()
        return not _disjoint(self.line(here), units) or any(here in self.line(unit) for unit in units)

    def open_parts(self, units: Collection[str], closed: Collection[str]) -> frozenset[str]:
        """The parts of `units` that are open: neither closed themselves nor below a closed organisation."""
        return frozenset(part for part in self.parts(units) if _disjoint(self.line(part), closed))


def _disjoint(line: Iterable[str], units: Collection[str]) -> bool:
    return not any(organisation in units for organisation in line)


def at_school(pupil: Pupil, day: date, units: Collection[str]) -> bool:
    """Whether the pupil has an enrolment on that day at one of `units`."""
    return any(
        _reference(enrolment.get("enroledAt")) in units
        and not enrolment.get("cancelled")
        and (enrolment.get("startDate") or "")[:10] <= day.isoformat()
        and (enrolment.get("endDate") or "9999-12-31")[:10] >= day.isoformat()
        for enrolment in pupil.get("enrolments") or ()
    )


def diet(kitchen: Kitchen, codes: Iterable[str]) -> tuple[str, str | None]:
    """(the kitchen's diet, the source's code if the kitchen does not list it else None). One pupil is one portion."""
    code = "+".join(sorted(set(codes) - {NORMAL}))
    if not code:
        return NORMAL, None
    known = kitchen.diet_codes.get(code)
    return (known, None) if known is not None else (OTHER, code)


def count(
    kitchen: Kitchen,
    sitting: Sitting,
    day: date,
    pupils: Iterable[Pupil],
    absences: Iterable[Away],
    open_units: Collection[str] | None = None,
) -> Count:
    """Count one sitting.

    `pupils` are those enrolled at the kitchen's units that day. `open_units` None: no unit is closed. Else pupils of
    the other units count as absent, and if no pupil is left no staff eats either.
    """
    start, end = window(sitting, day)
    away = {absence.student for absence in absences if overlaps(absence, start, end)}
    portions: Counter[str] = Counter(dict.fromkeys(kitchen.diets(), 0))
    unknown: set[str] = set()
    enrolled = absent = expected = 0
    for pupil in pupils:
        if sitting.groups and sitting.groups.isdisjoint(_groups(pupil)):
            continue
        enrolled += 1
        is_open = open_units is None or at_school(pupil, day, open_units)
        expected += is_open
        if pupil["id"] in away or not is_open:
            absent += 1
            continue
        name, unlisted = diet(kitchen, pupil.get("diet") or ())
        portions[name] += 1
        if unlisted is not None:
            unknown.add(unlisted)
    staff = sitting.staff_portions if sitting.staff_portions is not None else kitchen.staff_portions
    if open_units is not None and not expected:
        staff = 0
    lower = {code.casefold() for code in unknown}
    return Count(
        enrolled=enrolled,
        absent=absent,
        portions=dict(portions),
        staff=staff,
        unknown_diets=len(unknown),
        near_diets=frozenset(code for code in kitchen.diet_codes if code.casefold() in lower),
    )


def unplaced(kitchen: Kitchen, pupils: Iterable[Pupil]) -> int:
    """The number of pupils who are in no sitting's groups, and would get no food."""
    if any(not sitting.groups for sitting in kitchen.sittings):
        return 0
    placed = frozenset[str]().union(*(sitting.groups for sitting in kitchen.sittings))
    return sum(placed.isdisjoint(_groups(pupil)) for pupil in pupils)


def _groups(pupil: Pupil) -> set[str]:
    return {group.lower() for group in pupil.get("groups") or ()}


def _reference(value: Any) -> str | None:
    found = value.get("id") if isinstance(value, Mapping) else None
    return found.lower() if isinstance(found, str) else None
