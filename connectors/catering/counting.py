"""Who eats: pupils of open units, in the sitting's groups, who are not away while it lasts. Pure."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from connectors.catering.config import NORMAL, OTHER, Kitchen, Sitting

SCHOOL: Final = ZoneInfo("Europe/Stockholm")

Pupil = Mapping[str, Any]  # a reduced SS 12000 Person with `groups` and `diet`, see plugins.DirectoryView.persons


@dataclass(frozen=True, slots=True)
class Away:
    """One absence: a pupil's pseudonym and [start, end) in UTC; `organisation` where the notification names one."""

    student: str
    start: datetime
    end: datetime
    organisation: str | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """One sitting's sum. `portions` has every diet that the kitchen is told of; staff are not among them."""

    enrolled: int
    absent: int
    portions: Mapping[str, int]
    staff: int
    unknown_diets: int  # how many different diets are not in the kitchen's `diet_codes`


def instant(day: date, at: time) -> datetime:
    """A school time as an instant, in UTC: datetimes of one zone compare by wall clock, which lies in October.

    A repeated local time is the first one, a missing one the next valid minute (docs/architecture.md, Time).
    """
    wall = datetime.combine(day, at)
    while True:
        moment = wall.replace(tzinfo=SCHOOL).astimezone(UTC)
        if moment.astimezone(SCHOOL).replace(tzinfo=None) == wall:
            return moment
        wall += timedelta(minutes=1)


def window(sitting: Sitting, day: date) -> tuple[datetime, datetime]:
    return instant(day, sitting.from_), instant(day, sitting.to)


def overlaps(away: Away, start: datetime, end: datetime) -> bool:
    """Whether the absence and [start, end) have a moment in common. One that ends as the sitting begins has none."""
    return max(away.start, start) < min(away.end, end)


def days_between(spans: Iterable[Away], now: datetime, ahead: int) -> list[date]:
    """The days that an absence touches, from today to `ahead` days later, by school time."""
    today = now.astimezone(SCHOOL).date()
    days: set[date] = set()
    for away in spans:
        first = max(away.start.astimezone(SCHOOL).date(), today)
        last = min(away.end.astimezone(SCHOOL).date(), today + timedelta(days=ahead))
        days.update(first + timedelta(days=n) for n in range((last - first).days + 1))
    return sorted(days)


class Organisations:
    """Which organisation is a part of which, from SS 12000 `parentOrganisation`. Ids in lower case."""

    def __init__(self, organisations: Iterable[Mapping[str, Any]] = ()) -> None:
        self._parents = {str(o["id"]).lower(): _reference(o.get("parentOrganisation")) for o in organisations}

    def line(self, organisation: str) -> list[str]:
        """The organisation itself, then what it is a part of, upwards. A cycle in the source ends it."""
        line: list[str] = []
        here: str | None = organisation.lower()
        while here is not None and here not in line:
            line.append(here)
            here = self._parents.get(here)
        return line

    def parts(self, units: Collection[str]) -> frozenset[str]:
        """`units` and all that is a part of them."""
        return frozenset(units) | {o for o in self._parents if not _disjoint(self.line(o), units)}

    def related(self, organisation: str, units: Collection[str]) -> bool:
        """Whether one of `units` is the organisation, a part of it, or what it is a part of."""
        here = organisation.lower()
        return not _disjoint(self.line(here), units) or any(here in self.line(unit) for unit in units)

    def open_parts(self, units: Collection[str], closed: Collection[str]) -> frozenset[str]:
        """The parts of `units` that are not closed, neither themselves nor as a part of what is."""
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
    """(the kitchen's diet, the source's code where the kitchen does not list it). One pupil is one portion."""
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

    `pupils` are those enrolled at the kitchen's units that day. `open_units`: the units that are open where one is
    closed; pupils of the others are absent, and where that is all of them no staff eats. None: nothing is closed.
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
    return Count(enrolled, absent, dict(portions), staff, len(unknown))


def unplaced(kitchen: Kitchen, pupils: Iterable[Pupil]) -> int:
    """How many pupils are in no sitting's groups, and would get no food."""
    if any(not sitting.groups for sitting in kitchen.sittings):
        return 0
    placed = frozenset[str]().union(*(sitting.groups for sitting in kitchen.sittings))
    return sum(placed.isdisjoint(_groups(pupil)) for pupil in pupils)


def _groups(pupil: Pupil) -> set[str]:
    return {group.lower() for group in pupil.get("groups") or ()}


def _reference(value: Any) -> str | None:
    found = value.get("id") if isinstance(value, Mapping) else None
    return found.lower() if isinstance(found, str) else None
