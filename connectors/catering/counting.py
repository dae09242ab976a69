"""How many eat: pupils of open units, in the sitting's groups, who are not away during the sitting. Pure."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from connectors.catering.config import NORMAL, OTHER, Kitchen, Sitting
from schemas.school_time import SCHOOL_ZONE, school_moment

_NEVER = "9999-12-31"
Pupil = Mapping[str, Any]  # a reduced SS 12000 Person with `groups` and `diet`, see plugins.DirectoryView.persons


@dataclass(frozen=True, slots=True)
class Away:
    """One absence: a pupil's pseudonym and [start, end) in UTC; `organisation` where the notification names one;
    `reported`: the day on which it came.
    """

    student: str
    start: datetime
    end: datetime
    organisation: str | None = None
    reported: date | None = None


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


def touches(away: Away, day: date) -> bool:
    """Whether the absence has a moment on that day, by school time."""
    return away.start.astimezone(SCHOOL_ZONE).date() <= day <= away.end.astimezone(SCHOOL_ZONE).date()


class Organisations:
    """Which organisation is a part of which, from SS 12000 `parentOrganisation`. Ids in lower case."""

    def __init__(self, organisations: Iterable[Mapping[str, Any]] = ()) -> None:
        known = list(organisations)
        self._parents = {str(o["id"]).lower(): _reference(o.get("parentOrganisation")) for o in known}
        self._ends = {str(o["id"]).lower(): (o.get("endDate") or _NEVER)[:10] for o in known}

    def line(self, organisation: str) -> list[str]:
        """The organisation itself, then those above it, nearest first. A cycle in the source ends the line."""
        line: list[str] = []
        here: str | None = organisation.lower()
        while here is not None and here not in line:
            line.append(here)
            here = self._parents.get(here)
        return line

    def unknown(self, units: Collection[str]) -> frozenset[str]:
        return frozenset(units) - self._parents.keys()

    def go_on(self, units: Collection[str], day: date) -> bool:
        """Whether one of `units` is known and has not ended before that day, nor a school above it."""
        return any(
            unit in self._ends and all(self._ends.get(each, _NEVER) >= day.isoformat() for each in self.line(unit))
            for unit in units
        )

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
        _reference(enrolment.get("enroledAt")) in units and _is_active(enrolment, day)
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
    groups: Collection[str] | None = None,
) -> Count:
    """Count one sitting.

    `pupils` are those enrolled at the kitchen's units that day. `open_units` None: no unit is closed. Else pupils of
    the other units count as absent, and if no pupil is left no staff eats either. `groups`: those that exist that day
    (None: all); a sitting's other groups feed nobody.
    """
    start, end = window(sitting, day)
    away = _away(absences, start, end, kitchen.absence_share)
    portions: Counter[str] = Counter(dict.fromkeys(kitchen.diets(), 0))
    unknown: set[str] = set()
    enrolled = absent = expected = 0
    for pupil in pupils:
        if not eats_at(sitting, pupil, groups):
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
    lower = {_folded(code) for code in unknown}
    return Count(
        enrolled=enrolled,
        absent=absent,
        portions=dict(portions),
        staff=staff,
        unknown_diets=len(unknown),
        near_diets=frozenset(code for code in (*kitchen.diet_codes, NORMAL) if _folded(code) in lower),
    )


def _folded(code: str) -> str:
    """A diet code, or a combination of some, whatever its letters' case: the order of its parts rests on that."""
    return "+".join(sorted(part.casefold() for part in code.split("+")))


def eats_at(sitting: Sitting, pupil: Pupil, groups: Collection[str] | None = None) -> bool:
    """Whether the sitting feeds a pupil of the kitchen. `groups`: those that exist that day (None: all)."""
    return not sitting.groups or any(
        group in sitting.groups and (groups is None or group in groups) for group in _groups(pupil)
    )


def _away(absences: Iterable[Away], start: datetime, end: datetime, share: float) -> set[str]:
    """The pupils whose absences together cover at least this share of [start, end), and some of it."""
    spans: dict[str, list[tuple[datetime, datetime]]] = {}
    for absence in absences:
        if overlaps(absence, start, end):
            spans.setdefault(absence.student, []).append((max(absence.start, start), min(absence.end, end)))
    needed = (end - start) * share
    return {student for student, found in spans.items() if _covered(found) >= needed}


def _covered(spans: Iterable[tuple[datetime, datetime]]) -> timedelta:
    """How long the spans are together, where they overlap once."""
    covered, until = timedelta(0), datetime.min.replace(tzinfo=UTC)
    for start, end in sorted(spans):
        covered += max(end - max(start, until), timedelta(0))
        until = max(until, end)
    return covered


def eats_here(kitchen: Kitchen, pupil: Pupil, day: date, parts: Collection[str]) -> bool:
    """Whether a pupil who is enrolled at `parts` eats there, by the kitchen's rule for two enrolments on one day."""
    if kitchen.enrolments == "each":
        return True
    active = [each for each in pupil.get("enrolments") or () if _is_active(each, day)]
    latest = max(((each.get("startDate") or "")[:10] for each in active), default="")
    return any(
        _reference(each.get("enroledAt")) in parts for each in active if (each.get("startDate") or "")[:10] == latest
    )


def exists_on(group: Mapping[str, Any] | None, day: date) -> bool:
    """Whether a group is known and has members on that day, whatever its memberships say."""
    return group is not None and _is_active(group, day)


def has_ended(group: Mapping[str, Any], day: date) -> bool:
    return (group.get("endDate") or _NEVER)[:10] < day.isoformat()


def _is_active(record: Mapping[str, Any], day: date) -> bool:
    return (
        not record.get("cancelled")
        and (record.get("startDate") or "")[:10] <= day.isoformat()
        and not has_ended(record, day)
    )


def unplaced(kitchen: Kitchen, pupils: Iterable[Pupil], groups: Collection[str] | None = None) -> int:
    """The number of pupils who are in no sitting's groups, and would get no food."""
    if any(not sitting.groups for sitting in kitchen.sittings):
        return 0
    placed = frozenset[str]().union(*(sitting.groups for sitting in kitchen.sittings))
    placed = placed if groups is None else placed & frozenset(groups)
    return sum(placed.isdisjoint(_groups(pupil)) for pupil in pupils)


def groups_of(pupils: Iterable[Pupil]) -> frozenset[str]:
    return frozenset[str]().union(*map(_groups, pupils))


def organisation_of_group(group: Mapping[str, Any]) -> str | None:
    return _reference(group.get("organisation"))


def _groups(pupil: Pupil) -> set[str]:
    return {group.lower() for group in pupil.get("groups") or ()}


def _reference(value: Any) -> str | None:
    found = value.get("id") if isinstance(value, Mapping) else None
    return found.lower() if isinstance(found, str) else None
