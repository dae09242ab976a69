"""What is true in the municipality: pupils, groups, absences, diets, closed days, and how they change from a seed."""

import random
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from tests.end_to_end.school_year.calendar import FIRST, LAST, NEW_YEAR, ZONE, at

SPRING_ENDS: Final = date(2027, 6, 30)
DIETS: Final = ("GLUTEN", "LAKTOS", "VEG", "NÖT", "FISK")
NO_MARK, MARKS = "Ingen", ("Sekretessmarkering", "Skyddad folkbokföring")


@dataclass
class Span:
    """A stay at a unit, or a membership in a group, on whole days. `end` None: open."""

    where: str
    start: date
    end: date | None = None

    def on(self, day: date) -> bool:
        return self.start <= day and (self.end is None or day <= self.end)


@dataclass
class Pupil:
    id: str
    name: str
    stays: list[Span]
    memberships: list[Span]
    diet: tuple[str, ...] = ()
    mark: str = NO_MARK


@dataclass
class Group:
    id: str
    unit: str
    part: int  # which of the school's sittings it eats at
    start: date
    end: date


@dataclass
class Absence:
    id: str
    pupil: str
    unit: str
    start: datetime
    end: datetime
    granted: bool = False


@dataclass
class Changed:
    """What one batch of changes has touched: ids by kind of record."""

    pupils: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    absences: set[str] = field(default_factory=set)
    diets: set[str] = field(default_factory=set)
    gone: list[tuple[str, str]] = field(default_factory=list)  # (resource, id)
    closed: list[tuple[str, date, bool]] = field(default_factory=list)


class World:
    """The truth of the moment. Each method that changes it notes in `changed` what it touched."""

    def __init__(self, *, schools: int, pupils: int, seed: int) -> None:
        self.dice = random.Random(seed)
        self.parents = {self._id(): self._id() for _ in range(schools)}  # unit -> the school that it is a part of
        self.units = list(self.parents)
        self.pupils: dict[str, Pupil] = {}
        self.groups: dict[str, Group] = {}
        self.absences: dict[str, Absence] = {}
        self.closed: set[tuple[str, date]] = set()
        self.at_unit: dict[str, set[str]] = defaultdict(set)  # who ever stayed there
        self.changed = Changed()
        self._names = 0
        for unit in self.units:
            self._open_groups(unit, max(4, pupils // schools // 25), FIRST - timedelta(days=7), SPRING_ENDS)
        for n in range(pupils):
            self.enrol(self.units[n % schools], FIRST - timedelta(days=7))

    # -- changes ----------------------------------------------------------------------------------------------------

    def enrol(self, unit: str, start: date) -> Pupil:
        self._names += 1
        pupil = Pupil(self._id(), f"Kanariesson{self._names}x", [Span(unit, start)], [])
        self.pupils[pupil.id] = pupil
        self._place(pupil, unit, start)
        if self.dice.random() < 0.08:
            pupil.diet = self._diet()
            self.changed.diets.add(pupil.id)
        if self.dice.random() < 0.01:
            pupil.mark = self.dice.choice(MARKS)
        self.changed.pupils.add(pupil.id)
        return pupil

    def directory_moves(self, today: date) -> None:
        """A day's share of moves, new pupils, diets and marks: about one pupil in 60 has some change in a week."""
        for _ in range(self._some(0.003)):
            self._one_move(self._anybody(today), today)

    def report_absences(self, day: date, share: float) -> None:
        """Guardians and schools report absences from `day` on, about this share of the pupils."""
        for _ in range(self._some(share)):
            pupil = self._anybody(day)
            if pupil is not None:
                self._report(pupil, day)

    def correct_absences(self, day: date, share: float) -> None:
        """Some absences of the day are changed or withdrawn."""
        today = [
            each for each in self.absences.values() if each.start < at(day, "23:00") and each.end > at(day, "06:00")
        ]
        for absence in self.dice.sample(today, min(len(today), max(1, round(len(today) * share)))):
            if self.dice.random() < 0.4:
                self._withdraw(absence.id)
            else:
                absence.end = max(absence.start, at(absence.start.date(), "10:00")) + timedelta(
                    minutes=self.dice.choice((0, 90, 105, 360))
                )
                self.changed.absences.add(absence.id)

    def close(self, unit: str, day: date, closed: bool = True) -> None:
        (self.closed.add if closed else self.closed.discard)((unit, day))
        self.changed.closed.append((unit, day, closed))

    def forget_absences(self, before: datetime) -> None:
        """The school system lists no old absences; nothing announces that."""
        for id in [id for id, each in self.absences.items() if each.end < before]:
            del self.absences[id]

    def end_school_year(self) -> None:
        """June: the school system makes next year's groups and places every pupil; a tenth leaves school."""
        for unit in self.units:
            old = [each for each in self.groups.values() if each.unit == unit]
            here = [each for each in self.pupils.values() if self.unit_of(each, LAST) == unit]
            self._open_groups(unit, len(old), NEW_YEAR - timedelta(days=7), date(2028, 6, 30))
            for pupil in here:
                for membership in pupil.memberships:
                    membership.end = min(membership.end or SPRING_ENDS, SPRING_ENDS)
                    self.changed.groups.add(membership.where)
                if self.dice.random() < 0.1:
                    for stay in pupil.stays:
                        stay.end = min(stay.end or SPRING_ENDS, SPRING_ENDS)
                else:
                    self._place(pupil, unit, NEW_YEAR - timedelta(days=7))
                self.changed.pupils.add(pupil.id)
            for _ in range(len(here) // 10):
                self.enrol(unit, NEW_YEAR - timedelta(days=7))

    def drop_old_groups(self) -> None:
        """July: the school system deletes the groups that have ended."""
        for id in [id for id, each in self.groups.items() if each.end == SPRING_ENDS]:
            del self.groups[id]
            self.changed.gone.append(("groups", id))
            for pupil in self.pupils.values():
                pupil.memberships = [each for each in pupil.memberships if each.where != id]

    # -- what is so -------------------------------------------------------------------------------------------------

    def unit_of(self, pupil: Pupil, day: date) -> str | None:
        return next((each.where for each in reversed(pupil.stays) if each.on(day)), None)

    def members(self) -> dict[str, list[tuple[str, Span]]]:
        found: dict[str, list[tuple[str, Span]]] = defaultdict(list)
        for pupil in self.pupils.values():
            for each in pupil.memberships:
                found[each.where].append((pupil.id, each))
        return found

    # -- inside -----------------------------------------------------------------------------------------------------

    def _id(self) -> str:
        return str(uuid.UUID(int=self.dice.getrandbits(128), version=4))

    def _some(self, share: float) -> int:
        """About this share of all pupils: at least now and then one."""
        wanted = share * len(self.pupils)
        return int(wanted) + (self.dice.random() < wanted % 1)

    def _anybody(self, day: date) -> Pupil | None:
        pupil = self.pupils[self.dice.choice(list(self.pupils))]
        return pupil if self.unit_of(pupil, day) is not None else None

    def _diet(self) -> tuple[str, ...]:
        return tuple(self.dice.sample(DIETS, self.dice.choice((1, 1, 1, 2))))

    def _open_groups(self, unit: str, number: int, start: date, end: date) -> None:
        for part in range(number):
            group = Group(self._id(), unit, part % 2, start, end)
            self.groups[group.id] = group
            self.changed.groups.add(group.id)

    def _place(self, pupil: Pupil, unit: str, start: date) -> None:
        self.at_unit[unit].add(pupil.id)
        there = [each.id for each in self.groups.values() if each.unit == unit and each.start <= start <= each.end]
        if there:
            group = self.dice.choice(there)
            pupil.memberships.append(Span(group, start))
            self.changed.groups.add(group)

    def _one_move(self, pupil: Pupil | None, today: date) -> None:
        what = self.dice.choice(("unit", "second", "group", "out", "gone", "new", "diet", "diet", "mark", "mark"))
        if pupil is None:
            return
        tomorrow = today + timedelta(days=1)
        start = self.dice.choice((today, tomorrow))
        match what:
            case "unit":
                to = self.dice.choice(self.units)
                self._leave(pupil, start - timedelta(days=1))
                pupil.stays.append(Span(to, start))
                self._place(pupil, to, start)
            case "second":
                to = self.dice.choice(self.units)
                if not any(each.where == to for each in pupil.stays):
                    pupil.stays.append(Span(to, start))
                    self._place(pupil, to, start)
            case "group":
                unit = self.unit_of(pupil, today)
                assert unit is not None
                self._end_memberships(pupil, start - timedelta(days=1))
                self._place(pupil, unit, start)
            case "out":
                self._leave(pupil, start - timedelta(days=1))
            case "gone":
                self._end_memberships(pupil, today)
                del self.pupils[pupil.id]
                for id in [id for id, each in self.absences.items() if each.pupil == pupil.id]:
                    self._withdraw(id)
                self.changed.gone.append(("persons", pupil.id))
                return
            case "new":
                self.enrol(self.dice.choice(self.units), start)
            case "diet":
                pupil.diet = () if pupil.diet and self.dice.random() < 0.4 else self._diet()
                self.changed.diets.add(pupil.id)
            case "mark":
                pupil.mark = self.dice.choice(MARKS) if pupil.mark == NO_MARK else NO_MARK
        self.changed.pupils.add(pupil.id)

    def _leave(self, pupil: Pupil, last: date) -> None:
        pupil.stays = [each for each in pupil.stays if each.start <= last]
        for stay in pupil.stays:
            stay.end = min(stay.end or last, last)
        self._end_memberships(pupil, last)

    def _end_memberships(self, pupil: Pupil, last: date) -> None:
        self.changed.groups |= {each.where for each in pupil.memberships}
        pupil.memberships = [each for each in pupil.memberships if each.start <= last]
        for each in pupil.memberships:
            each.end = min(each.end or last, last)

    def _report(self, pupil: Pupil, day: date) -> None:
        unit = self.unit_of(pupil, day)
        assert unit is not None
        start, end = self.dice.choice(
            (("00:00", "23:59"), ("08:00", "16:00"), ("08:00", "16:00"), ("08:00", "11:10"), ("11:20", "16:00"),
             ("10:00", "11:31"), ("08:00", "10:30"))
        )  # fmt: skip
        last = day + timedelta(days=self.dice.choice((0, 0, 0, 0, 0, 1, 2, 7)))
        absence = Absence(self._id(), pupil.id, unit, at(day, start), at(last, end), self.dice.random() < 0.2)
        self.absences[absence.id] = absence
        self.changed.absences.add(absence.id)

    def _withdraw(self, id: str) -> None:
        del self.absences[id]
        self.changed.absences.discard(id)
        self.changed.gone.append(("absences", id))


def utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), ZONE)
