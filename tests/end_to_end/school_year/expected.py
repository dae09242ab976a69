"""What each kitchen must get, from the rules in the README of catering and the truth alone, without the connector."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, Final

from tests.end_to_end.school_year.calendar import at, holidays, on_break
from tests.end_to_end.school_year.world import Absence, Pupil, World, utc

STAFF: Final = 7
CODES: Final = {"GLUTEN": "GLUTENFRI", "LAKTOS": "LAKTOSFRI", "VEG": "VEGETARISK", "GLUTEN+LAKTOS": "GL-LAKTOSFRI"}
NAMES: Final = ("NORMAL", *CODES.values(), "ÖVRIG", "PERSONAL")
KINDS: Final = ("normal", "special", "bulk")
REPORTS: Final = ("08:00", "09:30")
SHARE_OF_KIND: Final = {"normal": ("NORMAL", "PERSONAL"), "special": (*CODES.values(), "ÖVRIG")}

Portions = dict[str, int]


@dataclass(frozen=True)
class CutOff:
    time: str
    before: int = 0
    school_days: bool = False


@dataclass(frozen=True)
class Sitting:
    id: str
    start: str
    end: str
    part: int | None = None  # of the school's groups; None: every pupil


@dataclass(frozen=True)
class Kitchen:
    """A kitchen as its caterer's contract describes it."""

    id: str
    code: str
    target: str  # folder, sftp or https
    units: tuple[str, ...]
    sittings: tuple[Sitting, ...]
    cutoffs: tuple[tuple[str, CutOff], ...]  # by kind
    share: float = 0
    latest: bool = False  # eats where the latest enrolment is
    daily: bool = False  # serves on Sundays and holidays too

    def cutoff(self, kind: str) -> CutOff:
        rules = dict(self.cutoffs)
        return rules.get(kind, rules["normal"])


@cache
def serves(kitchen: Kitchen, day: date) -> bool:
    summer = date(2027, 6, 12) <= day < date(2027, 8, 16)
    if kitchen.daily:
        return not summer
    return day.isoweekday() <= 5 and day not in holidays(day.year) and day not in on_break()


@cache
def cutoff_at(kitchen: Kitchen, kind: str, day: date) -> datetime:
    rule = kitchen.cutoff(kind)
    left, on = rule.before, day
    while left:
        on -= timedelta(days=1)
        left -= not rule.school_days or serves(kitchen, on)
    return utc(at(on, rule.time))


def fixed(kitchen: Kitchen, day: date, now: datetime) -> set[str]:
    return {kind for kind in KINDS if cutoff_at(kitchen, kind, day) <= utc(now)}


@cache
def counted(kitchen: Kitchen, today: date) -> dict[datetime, tuple[date, ...]]:
    """The moments of one day at which the kitchen's orders are counted, and the days of meals that are counted then."""
    reach = [day for day in _ahead(today) if serves(kitchen, day) and _first_cutoff(kitchen, day) <= today]
    found: dict[datetime, set[date]] = defaultdict(set)
    for clock in REPORTS:
        if reach:
            found[utc(at(today, clock))] |= set(reach)
    for day in reach:
        for kind in KINDS:
            moment = cutoff_at(kitchen, kind, day)
            if moment.astimezone(at(today, "12:00").tzinfo).date() == today:
                found[moment].add(day)
    return {moment: tuple(sorted(days)) for moment, days in found.items()}


def _ahead(today: date) -> Iterator[date]:
    return (today + timedelta(days=n) for n in range(40))


def _first_cutoff(kitchen: Kitchen, day: date) -> date:
    zone = at(day, "12:00").tzinfo
    return min(cutoff_at(kitchen, kind, day).astimezone(zone).date() for kind in KINDS)


class Truth:
    """The world at one moment, indexed."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._absent: dict[str, list[Absence]] = defaultdict(list)
        for each in world.absences.values():
            self._absent[each.pupil].append(each)

    def order(self, kitchen: Kitchen, day: date, sitting: Sitting) -> Portions:
        world = self.world
        here = [unit for unit in world.units if unit in kitchen.units or world.parents[unit] in kitchen.units]
        closed = {unit for unit in here if {(unit, day), (world.parents[unit], day)} & world.closed}
        open_ = set(here) - closed
        portions = Counter(dict.fromkeys(NAMES, 0))
        expected = 0
        for id in {id for unit in here for id in world.at_unit[unit]}:
            pupil = world.pupils.get(id)
            if pupil is None or not self._belongs(kitchen, pupil, day, here, sitting):
                continue
            if not any(stay.where in open_ and stay.on(day) for stay in pupil.stays):
                continue
            expected += 1
            if not self._away(kitchen, pupil, day, sitting):
                code = "+".join(sorted(pupil.diet))
                portions[CODES.get(code, "ÖVRIG") if code else "NORMAL"] += 1
        portions["PERSONAL"] = 0 if closed and not expected else STAFF
        return dict(portions)

    def _belongs(self, kitchen: Kitchen, pupil: Pupil, day: date, here: Sequence[str], sitting: Sitting) -> bool:
        stays = [stay for stay in pupil.stays if stay.on(day)]
        if kitchen.latest and stays:
            last = max(stay.start for stay in stays)
            stays = [stay for stay in stays if stay.start == last]
        if not any(stay.where in here for stay in stays):
            return False
        if sitting.part is None:
            return True
        for membership in pupil.memberships:
            group = self.world.groups[membership.where]
            eats_then = group.part == sitting.part and group.unit in here and group.start <= day <= group.end
            if eats_then and membership.on(day):
                return True
        return False

    def _away(self, kitchen: Kitchen, pupil: Pupil, day: date, sitting: Sitting) -> bool:
        absences = self._absent.get(pupil.id)
        if not absences:
            return False
        start, end = utc(at(day, sitting.start)), utc(at(day, sitting.end))
        minutes = set[int]()  # of the sitting, which the absences cover
        for each in absences:
            first, last = max(utc(each.start), start), min(utc(each.end), end)
            if first < last:
                minutes |= set(
                    range(int((first - start).total_seconds() // 60), int((last - start).total_seconds() // 60))
                )
        return bool(minutes) and len(minutes) >= kitchen.share * (end - start).total_seconds() / 60


def kitchens(world: World, number: int) -> list[Kitchen]:
    """The municipality's kitchens: one for each school, of four kinds, then further kitchens of two kinds."""
    found = []
    for n in range(number):
        target = ("folder", "sftp", "folder", "https", "folder")[n % 5]
        unit = world.units[n % len(world.units)]
        kind: dict[str, Any] = _KINDS[n % 4] if n < len(world.units) else _EXTRA[(n - len(world.units)) % 2]
        units = (unit,)
        if kind.get("whole"):
            units = (world.parents[unit],)
        elif kind.get("two"):
            units = (unit, world.units[(n + 1) % len(world.units)])
        known = {name: value for name, value in kind.items() if name not in ("whole", "two")}
        found.append(Kitchen(id=f"K-{n:03}", code=f"{10000000 + n}", target=target, units=units, **known))
    return found


_DAY_BEFORE: Final = CutOff("09:00", 1)
_KINDS: Final[tuple[dict[str, Any], ...]] = (
    {"whole": True, "sittings": (Sitting("1", "11:10", "11:40"),),
     "cutoffs": (("normal", CutOff("08:30")), ("special", _DAY_BEFORE), ("bulk", _DAY_BEFORE))},
    {"sittings": (Sitting("A", "10:50", "11:20", 0), Sitting("B", "11:20", "11:50", 1)),
     "cutoffs": (("normal", CutOff("08:30")),)},
    {"sittings": (Sitting("1", "11:00", "12:00"),), "share": 0.5,
     "cutoffs": (("normal", CutOff("14:00", 1, school_days=True)),)},
    {"sittings": (Sitting("1", "10:45", "11:15"), Sitting("2", "11:30", "12:00")), "latest": True,
     "cutoffs": (("normal", CutOff("08:30")),)},
)  # fmt: skip
_EXTRA: Final[tuple[dict[str, Any], ...]] = (
    {"sittings": (Sitting("1", "11:10", "11:40"),), "daily": True, "cutoffs": (("normal", CutOff("02:30")),)},
    {"two": True, "sittings": (Sitting("MELLIS", "14:30", "15:00"),), "cutoffs": (("normal", CutOff("08:30")),)},
)
