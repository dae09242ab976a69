"""What connectors ask about a school: its pupils, staff, groups, rooms and lessons, and whether all of them are known.

The answers are ids and places in the log, before the gate. `hub.privacy.directory_view` decides which part of an answer
a connector gets.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from hub.bus.base import Place
from hub.directory.directory import Directory
from hub.directory.records import Group, Room, ids, read_teachers, ref, within
from hub.directory.schedule import Row, days_of


def pupils(directory: Directory, organisations: Collection[str], groups: Collection[str], on: date) -> list[str]:
    """Ids of pupils who on a date are enrolled at one of `organisations` or their parts, and are in one of `groups`.

    Empty `organisations`: enrolled anywhere; empty `groups`: in any group or none. Only known persons with personStatus
    Aktiv; sorted.
    """
    day = on.isoformat()
    parts = _parts(directory, organisations)
    candidates = (
        set(directory.persons)
        if parts is None
        else {person for organisation in parts for person in directory.enrolled(organisation)}
    )
    if groups:
        members = set()
        for id in groups:
            group = directory.groups.get(id.lower())
            if group is not None:
                members |= {each.person for each in group.members if within(each.start, each.end, day)}
        candidates &= members
    found = []
    for id in candidates:
        person = directory.persons[id]
        if (
            person.known
            and person.owner.active
            and any(
                each.active(day) and (parts is None or each.organisation in parts) for each in person.owner.enrolments
            )
        ):
            found.append(id)
    return sorted(found)


def staff(directory: Directory, organisations: Collection[str], on: date) -> dict[str, list[str]]:
    """Persons with a duty on a date at one of `organisations` or their parts (empty: anywhere) -> ids of those duties.

    Only known persons with personStatus Aktiv.
    """
    day = on.isoformat()
    parts = _parts(directory, organisations)
    found: dict[str, list[str]] = {}
    for id, duty in directory.duties.items():
        if not within(duty.start, duty.end, day) or not (parts is None or duty.organisation in parts):
            continue
        person = None if duty.person is None else directory.persons.get(duty.person)
        if duty.person is not None and person is not None and person.known and person.owner.active:
            found.setdefault(duty.person, []).append(id)
    return found


def owned(
    directory: Directory, table: Mapping[str, Group] | Mapping[str, Room], organisations: Collection[str]
) -> list[Place]:
    """Places of the groups or rooms that belong to one of `organisations` or their parts (empty: of all)."""
    parts = _parts(directory, organisations)
    return [each.at for each in table.values() if parts is None or each.organisation in parts]


class Members:
    """Who is a member of which group on a date. For many persons, whose groups are mostly the same."""

    def __init__(self, directory: Directory, on: date) -> None:
        self._directory = directory
        self._day = on.isoformat()
        self._members: dict[str, frozenset[str]] = {}

    def groups_of(self, person: str) -> list[str]:
        """Ids of the groups that a person is a member of that day."""
        return sorted(id for id in self._directory.groups_of(person) if person in self._of(id))

    def _of(self, group: str) -> frozenset[str]:
        members = self._members.get(group)
        if members is None:
            listed = self._directory.groups[group].members
            members = frozenset(each.person for each in listed if within(each.start, each.end, self._day))
            self._members[group] = members
        return members


def diet_of(directory: Directory, person: str, on: date) -> list[str]:
    """The person's diet codes on a date, of all their diet records; sorted, each once."""
    day = on.isoformat()
    diets = (directory.diets[id] for id in directory.diets_of(person))
    return sorted({code for diet in diets if within(diet.start, diet.end, day) for code in diet.codes})


def complete(directory: Directory, organisations: Collection[str], on: date, now: datetime) -> bool:
    """Whether every person there is known, and the persons' sources are fresh and not overdue at `now` (machine time).

    False if an organisation is unknown, if a group there has a member that day that no source has described, or if the
    source of a pupil is not fresh. Where there is no pupil, every source that has sent a `directory.current` must be
    fresh. A source of diets counts too, once it has sent one, and a source of absences alone, whose `completeUntil` is
    over.
    """
    wanted = frozenset(each.lower() for each in organisations)
    if not wanted <= directory.organisations.keys() or directory.part_overdue(now):
        return False
    day = on.isoformat()
    parts = _parts(directory, wanted)
    there = pupils(directory, wanted, (), on)
    for group in directory.groups.values():
        if (parts is not None and group.organisation not in parts) or not within(group.start, group.end, day):
            continue
        for each in group.members:
            if each.person not in directory.persons and within(each.start, each.end, day):
                return False
    sources = {directory.persons[person].owner.source for person in there}
    sends_current = directory.current_sources()
    sources = sources or set(sends_current)
    sources |= {diet.source for diet in directory.diets.values() if diet.source in sends_current}
    return has_latest(directory, sources, now)


def has_latest(directory: Directory, sources: Collection[str], now: datetime) -> bool:
    """Whether there are sources, and the hub has the latest word of each."""
    return bool(sources) and all(
        directory.fresh(source, now) and not directory.overdue(source, now) for source in sources
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LessonQuestion:
    """Which lessons are asked for. None: any. Ids are lower-case."""

    on: date
    room: str | None = None
    group: str | None = None
    organisations: frozenset[str] = frozenset()


def lessons(directory: Directory, question: LessonQuestion, teacher: frozenset[str] | None) -> list[Row]:
    """Rows of all lessons that match the question, and perhaps of others. In no order.

    `teacher`: the ids of a person and their duties, as the log has them; None: any teacher. The teachers and groups of
    a lesson's activity count too, since a lesson that shows none is judged by those of its activity (`answers`).
    """
    parts = _parts(directory, question.organisations)
    found = []
    for row in directory.schedule.on(question.on):
        by = row.found_by
        if question.room is not None and question.room not in by.rooms:
            continue
        if question.group is not None and question.group not in by.groups:
            activities = (directory.activities.get(each) for each in by.activities)
            if not any(question.group in each.groups for each in activities if each is not None):
                continue
        if teacher is not None:
            names = (*by.teachers, *(name for each in by.activities for name in directory.teachers.get(each, ())))
            if teacher.isdisjoint(names):
                continue
        if parts is not None and parts.isdisjoint(
            (*by.organisations, *_owners(directory, (*by.activities, *by.groups)))
        ):
            continue
        found.append(row)
    return found


def answers(
    directory: Directory,
    question: LessonQuestion,
    teacher: frozenset[str] | None,
    lesson: Mapping[str, Any],
    activity: Mapping[str, Any],
) -> bool:
    """Whether a lesson matches the question, judged by its reduced data and those of its activity ({}: not visible).

    `teacher`: the ids by which the recipient may know the teacher. A lesson that shows no groups or no teachers has
    those of its activity, as the recipient reads it.
    """
    day = question.on.isoformat()
    if day not in days_of(lesson):
        return False
    if question.room is not None and question.room not in ids(lesson, "rooms"):
        return False
    groups = ids(lesson, "groups")
    if question.group is not None and question.group not in (groups or ids(activity, "groups")):
        return False
    if teacher is not None and teacher.isdisjoint(read_teachers(lesson) or read_teachers(activity, day)):
        return False
    parts = _parts(directory, question.organisations)
    if parts is None:
        return True
    organisation, activity_id = ref(lesson, "organisation"), ref(lesson, "activity")
    if organisation is not None:
        return organisation in parts
    return not parts.isdisjoint(_owners(directory, (*(() if activity_id is None else (activity_id,)), *groups)))


def _parts(directory: Directory, organisations: Collection[str]) -> frozenset[str] | None:
    """The organisations with their parts; None if no organisation is given."""
    return directory.with_parts(frozenset(each.lower() for each in organisations)) if organisations else None


def _owners(directory: Directory, entities: Iterable[str]) -> Sequence[str]:
    found = (directory.owner_of(each)[0] for each in entities)
    return [each for each in found if each is not None]
