"""The directory's tables, and how an event changes them. `hub.directory.directory` answers questions from them.

While a batch is applied, the names that it changes are collected, so that versions and listeners agree on them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from sys import intern
from typing import Any, Final

from hub.bus.base import Place, Position, Stored
from hub.bus.news import Belongings
from hub.clock import Clock, to_us
from hub.directory import records
from hub.directory.records import Activity, Diet, Duty, Enrolment, Group, Mark, Organisation, Person, Room, within
from schemas.event import parse_timestamp

KINDS: Final = ("activity", "diet", "duty", "group", "organisation", "person", "room", "source")
PREFIX: Final = "se.skolnav.directory."
STRUCTURE: Final = (
    "organisations"  # the name whose `version` covers all organisations, and the organisation of each entity
)
SKEW_US: Final = 5 * 60 * 1_000_000  # a `current` stays valid if the machine's clock is set back by at most this


@dataclass(frozen=True, slots=True)
class Change:
    """The changes of one batch. `names` are ids of persons and, for other entities, entity names (`duty/<id>`).

    `entities` are the entities whose events caused the change. `refreshed` are the sources that became fresh. `moved`
    are the persons, known before, who today belong to an organisation that they did not belong to before the batch;
    `left` those who were not protected before and are now, each with where they belonged before; `returned` those who
    were deleted, unknown or protected before, and are not now.
    """

    names: frozenset[str]
    entities: frozenset[str]
    refreshed: frozenset[str]
    moved: Mapping[str, Belongings] = field(default_factory=dict)
    left: Mapping[str, Belongings] = field(default_factory=dict)
    accepted_us: int = 0  # acceptance time of the batch
    returned: frozenset[str] = frozenset()


class Tables:
    """All records, by lower-case id. `on_problem(code, event_id)` is called for an event that could not be applied."""

    def __init__(self, clock: Clock, max_age: timedelta, on_problem: Callable[[str, str], None]) -> None:
        self.clock = clock
        self.persons: dict[str, Person] = {}
        self.groups: dict[str, Group] = {}
        self.activities: dict[str, Activity] = {}
        self.duties: dict[str, Duty] = {}
        self.rooms: dict[str, Room] = {}
        self.organisations: dict[str, Organisation] = {}
        self.diets: dict[str, Diet] = {}
        self._max_age_us = max_age // timedelta(microseconds=1)
        self._on_problem = on_problem
        self.teachers: dict[str, tuple[str, ...]] = {}  # activity -> its teachers by duty or person, at any date
        self._current: dict[str, int] = {}  # source -> complete as of, microseconds
        self._complete_until: dict[str, int] = {}  # source -> what it last said, microseconds; none: it gave no time
        self._part_complete_until: dict[str, int] = {}  # the same, of sources that publish no persons
        self._counter = 0
        self._versions: dict[str, int] = {}  # of all names but persons
        self._children: dict[str, tuple[str, ...]] = {}
        self._duties_of: dict[str, tuple[str, ...]] = {}
        self._groups_of: dict[str, tuple[str, ...]] = {}
        self._diets_of: dict[str, tuple[str, ...]] = {}
        self._enrolled: dict[str, set[str]] = {}  # organisation -> persons with an enrolment there, at any date
        self._enrolments: dict[Enrolment, Enrolment] = {}  # equal enrolments (a whole class's) share one object
        # Of deleted entities: a group, activity or room -> its organisation; duty/<id> -> its person.
        self._former: dict[str, str] = {}
        self._parts: dict[frozenset[str], frozenset[str]] = {}
        self._names: set[str] = set()
        self._entities: set[str] = set()
        self._refreshed: set[str] = set()
        self._moved: dict[str, Belongings] = {}
        # Of persons whom this batch may change: whether they were to be seen before it, and where they belonged. None:
        # they were not known, so nobody has been told of them.
        self._before: dict[str, tuple[bool, Belongings] | None] = {}
        self._remarked: set[tuple[str, str]] = set()  # (person, source) whose protection began, ended or changed
        self._void: Position | None = None  # each `directory.current` up to here is from before a restored backup

    def fresh_until(self, source: str, now_us: int) -> int | None:
        """Until when (microseconds) the source's last `directory.current` is valid; None if it is not valid now."""
        as_of = self._current.get(source)
        if as_of is None or now_us - as_of > self._max_age_us or as_of - now_us > SKEW_US:
            return None
        return as_of + self._max_age_us + 1

    def kin(self, person: str) -> tuple[str, ...]:
        """The persons who may share this person's home: their children, and siblings by a common guardian."""
        found = self.persons.get(person)
        children = self._children.get(person, ())
        if found is None or not (guardians := found.guardians):
            return children
        siblings = {child for guardian in guardians for child in self._children.get(guardian, ())}
        siblings.discard(person)
        return (*children, *sorted(siblings.difference(children)))

    def version(self, name: str) -> int:
        """A number that rises with each change of what the gate reads of a person, a duty, or `STRUCTURE`. 0: unknown.

        Time alone does not change the number: a decision holds the time at which it becomes invalid (`judge`).
        """
        found = self.persons.get(name)
        return found.version if found is not None else self._versions.get(name, 0)

    @property
    def changes(self) -> int:
        """A number that rises with each change of what the gate reads of any name, and of how fresh a source is."""
        return self._counter

    def _apply(self, stored: Stored) -> None:
        if stored.leaves:  # it tells recipients of a mark that the tables have already
            left = self.persons.get(stored.about[0])
            if left is not None and left.mark is Mark.PROTECTED:
                left.left = True
            return
        kind, _, what = stored.type.removeprefix(PREFIX).rpartition(".v")[0].partition(".")
        id = intern(stored.subject.partition("/")[2])
        before = self._counter + len(self._refreshed)
        try:
            data = stored.parsed.get("data") or {}
            if kind == "current":
                self._set_current(stored, data)
            elif kind == "person":
                self._set_person(stored, id, data, what == "deleted")
            elif kind in KINDS:
                self._set_other(kind, id, stored, None if what == "deleted" else data)
        except Exception:
            self._forget(kind, id, stored)
            self._on_problem("directory-event-not-applied", stored.id)
        if stored.entity is not None and self._counter + len(self._refreshed) != before:
            self._entities.add(stored.entity)

    def _forget(self, kind: str, id: str, stored: Stored) -> None:
        """Make the entity of an event that cannot be applied unknown, until a valid event follows."""
        if kind == "person":
            self._replace(id, records.PersonRecord(source=intern(stored.source), at=stored.at, mark=Mark.UNKNOWN))
        elif kind in KINDS and kind != "source":
            self._set_other(kind, id, stored, None)

    def _set_current(self, stored: Stored, data: dict[str, Any]) -> None:
        if "persons" not in data.get("resources", ("persons",)):
            self._set_part_current(stored.source, data.get("completeUntil"))
            return
        self._part_complete_until.pop(stored.source, None)
        if self._void is not None and self._void.covers(stored.at):
            # Marks may have come after the backup. Only the source itself can say that the directory has them all.
            return
        # A source's clock may be ahead, but no source is complete as of a time after the acceptance of its event.
        as_of = min(to_us(parse_timestamp(data["asOf"])), stored.accepted_us)
        now_us = self.clock.utc_us()
        before = self.fresh_until(stored.source, now_us)
        if as_of >= self._current.get(stored.source, as_of):
            self._current[intern(stored.source)] = as_of
            if (until := data.get("completeUntil")) is not None:
                self._complete_until[intern(stored.source)] = to_us(parse_timestamp(until))
            else:
                self._complete_until.pop(stored.source, None)
        if before is None and self.fresh_until(stored.source, now_us) is not None:
            self._refreshed.add(stored.source)
            self._counter += 1

    def _set_part_current(self, source: str, until: str | None) -> None:
        if until is None:
            self._part_complete_until.pop(source, None)
        else:
            self._part_complete_until[intern(source)] = to_us(parse_timestamp(until))

    def _set_person(self, stored: Stored, id: str, data: dict[str, Any], deleted: bool) -> None:
        if deleted:
            found = self.persons.get(id)
            before = found.record_of(stored.source) if found is not None else None
            self._replace(id, records.gone(stored.source, stored.at, before))
            return
        record = records.read_person(stored.source, stored.at, data)
        shared = tuple(self._enrolments.setdefault(each, each) for each in record.enrolments)
        self._replace(id, replace(record, enrolments=shared, adds=stored.adds))

    def _replace(self, id: str, record: records.PersonRecord) -> None:
        person = self.persons.get(id)
        before: tuple[Any, ...] = ()
        touched = {id}
        places: set[str] = set()
        today = self.clock.school().date().isoformat()
        protected_by = None
        if person is None:
            person = self.persons[id] = Person(record)
            self._before.setdefault(id, None)
        else:
            old = person.record_of(record.source)
            if old is not None and old.at > record.at:
                return
            protected_by = _protection(old)
            before = _outlook(person)
            touched.update(self.kin(id), person.guardians)
            for name in touched:
                self._note_before(name, today)
            places = {each.organisation for each in person.owner.enrolments if each.active(today)}
            self._index(id, person, adding=False)
            person.put(record)
        self._index(id, person, adding=True)
        if _protection(person.record_of(record.source)) != protected_by:
            self._remarked.add((id, record.source))
        if _outlook(person) == before:
            return
        if places and any(each.organisation not in places for each in person.owner.enrolments if each.active(today)):
            noted = self._before[id]
            if noted is not None:
                self._moved.setdefault(id, noted[1])
        touched.update(self.kin(id), person.guardians)
        for name in touched:
            self._note_before(name, today)
            self._shelter(name)
            self._bump(name)

    def _lift(self, id: str, source: str) -> None:
        """End a person's protection by one source, and count the change for all whom it concerns."""
        person = self.persons[id]
        touched = {id, *self.kin(id), *person.guardians}
        today = self.clock.school().date().isoformat()
        for name in touched:
            self._note_before(name, today)
        self._index(id, person, adding=False)
        person.lift(source)
        self._index(id, person, adding=True)
        for name in touched:
            self._shelter(name)
            self._bump(name)

    def belongings(self, person: str, on: str, now_us: int) -> frozenset[tuple[str, str | None]]:
        """(organisation, school type or None) that a person belongs to on an ISO date: by enrolment, by duty, and as
        the guardian of open pupils. A protected pupil does not count: the guardian's place would reveal the pupil's.
        """
        found = self.persons.get(person)
        if found is None:
            return frozenset()
        belongs: set[tuple[str, str | None]] = {
            (each.organisation, each.school_type) for each in found.owner.enrolments if each.active(on)
        }
        for duty_id in self._duties_of.get(person, ()):
            duty = self.duties[duty_id]
            if duty.organisation is not None and within(duty.start, duty.end, on):
                belongs.add((duty.organisation, None))
        for child in self._children.get(person, ()):
            if self.persons[child].seen and self.fresh_until(self.persons[child].owner.source, now_us) is not None:
                belongs.update(
                    (each.organisation, each.school_type)
                    for each in self.persons[child].owner.enrolments
                    if each.active(on)
                )
        return frozenset(belongs)

    def _note_before(self, id: str, today: str) -> None:
        """Note how a person is before the first change of this batch. Whoever is not in the tables yet is not noted."""
        person = self.persons.get(id)
        if person is None or id in self._before:
            return
        self._before[id] = person.seen, tuple(self.belongings(id, today, self.clock.utc_us()))

    def _shelter(self, id: str) -> None:
        """Work out whether a person is here only because of protected persons: as their guardian, and as nothing else.

        An enrolment or a duty, at any date, is a place of the person's own; so is a child who is open, since that child
        explains the guardian to a recipient. Whether the child's mark is stale does not matter.
        """
        person = self.persons.get(id)
        if person is None:
            return
        sheltered = False
        if not person.owner.enrolments and id not in self._duties_of:
            for child in self._children.get(id, ()):
                found = self.persons[child]
                if found.own_mark is Mark.NONE:
                    sheltered = False
                    break
                sheltered = sheltered or found.own_mark is Mark.PROTECTED
        person.shelter(sheltered)

    def _index(self, id: str, person: Person, *, adding: bool) -> None:
        change = _added if adding else _removed
        for guardian in person.guardians:
            change(self._children, guardian, id)
        for enrolment in person.owner.enrolments if person.known else ():
            at = self._enrolled.setdefault(enrolment.organisation, set())
            (at.add if adding else at.discard)(id)

    def _set_other(self, kind: str, id: str, stored: Stored, data: dict[str, Any] | None) -> None:
        """Apply an event of any entity but a person: its last event counts, from any source."""
        at = stored.at
        match kind:
            case "group":
                self._set_group(id, records.read_group(at, data) if data is not None else None)
            case "duty":
                self._set_duty(id, records.read_duty(at, data) if data is not None else None)
            case "diet":
                self._set_diet(id, stored, data)
            case "activity":
                self._set_activity(id, at, data)
            case "room":
                self._own(kind, self.rooms, id, records.read_room(at, data) if data is not None else None)
            case "organisation":
                organisation = records.read_organisation(at, data) if data is not None else None
                self._own(kind, self.organisations, id, organisation)
                self._parts.clear()

    def _set_activity(self, id: str, at: Place, data: dict[str, Any] | None) -> None:
        # No decision rests on the teachers: they are not in the record, so a change of teachers raises no version.
        if teachers := records.read_teachers(data) if data is not None else ():
            self.teachers[id] = teachers
        else:
            self.teachers.pop(id, None)
        self._own("activity", self.activities, id, records.read_activity(at, data) if data is not None else None)

    def _own(self, kind: str, table: dict[str, Any], id: str, record: Any) -> None:
        """Store a record that other entities belong to, or remove it (None)."""
        old = table.get(id)
        if record is not None:
            table[id] = record
            if old is not None and _same(old, record):
                return
        elif old is None:
            return
        else:
            del table[id]
            if kind != "organisation" and old.organisation is not None:
                self._former[id] = old.organisation
        self._bump(f"{kind}/{id}")
        self._bump(STRUCTURE)

    def _set_group(self, id: str, group: Group | None) -> None:
        old = self.groups.get(id)
        before = {member.person for member in old.members} if old is not None else set()
        after = {member.person for member in group.members} if group is not None else set()
        for person in before - after:
            _removed(self._groups_of, person, id)
        for person in after - before:
            _added(self._groups_of, person, id)
        self._own("group", self.groups, id, group)

    def _set_duty(self, id: str, duty: Duty | None) -> None:
        old = self.duties.get(id)
        persons = {each.person for each in (old, duty) if each is not None and each.person is not None}
        if old is not None and old.person is not None:
            _removed(self._duties_of, old.person, id)
            self._former[f"duty/{id}"] = old.person
        if duty is not None and duty.person is not None:
            _added(self._duties_of, duty.person, id)
        version = self.version(f"duty/{id}")
        self._own("duty", self.duties, id, duty)
        if self.version(f"duty/{id}") != version:
            today = self.clock.school().date().isoformat()
            for person in persons:
                self._note_before(person, today)
                self._shelter(person)
                self._bump(person)

    def _set_diet(self, id: str, stored: Stored, data: dict[str, Any] | None) -> None:
        old = self.diets.pop(id, None)
        if old is not None:
            _removed(self._diets_of, old.person, id)
        person = records.ref(data, "person") if data is not None else None
        if data is not None and person is not None:
            self.diets[id] = records.read_diet(stored.source, stored.at, person, data)
            _added(self._diets_of, person, id)

    def _bump(self, name: str) -> None:
        self._counter += 1
        person = self.persons.get(name)
        if person is not None:
            person.version = self._counter
        else:
            self._versions[name] = self._counter
        self._names.add(name)

    def _collect(self, accepted_us: int = 0) -> Change | None:
        names, self._names = self._names, set()
        entities, self._entities = self._entities, set()
        refreshed, self._refreshed = self._refreshed, set()
        moved, self._moved = self._moved, {}
        before, self._before = self._before, {}
        if not names and not refreshed:
            return None
        left: dict[str, Belongings] = {}
        returned: set[str] = set()
        for id, noted in before.items():
            if noted is None:
                continue
            person, (seen, at) = self.persons[id], noted
            if seen and person.mark is Mark.PROTECTED:
                left[id] = at
            elif not seen and person.seen:
                returned.add(id)
        return Change(
            frozenset(names), frozenset(entities), frozenset(refreshed), moved=moved, left=left,
            returned=frozenset(returned), accepted_us=accepted_us,
        )  # fmt: skip


def _protection(record: records.PersonRecord | None) -> tuple[str, ...] | None:
    """The guardians whom a protection covers; None: the record does not protect the person."""
    return None if record is None or record.mark is not Mark.PROTECTED else record.guardians


def _outlook(person: Person) -> tuple[Any, ...]:
    """The fields of a person that decisions and answers may rest on."""
    owner = person.owner
    return (person.own_mark, person.known, owner.source, owner.active, owner.enrolments, person.guardians)


def _same(old: Any, new: Any) -> bool:
    """Whether two records are equal except for their place in the log."""
    return all(getattr(old, name) == getattr(new, name) for name in old.__slots__ if name != "at")


def _added(index: dict[str, tuple[str, ...]], name: str, id: str) -> None:
    have = index.get(name, ())
    if id not in have:
        index[name] = (*have, id)


def _removed(index: dict[str, tuple[str, ...]], name: str, id: str) -> None:
    rest = tuple(each for each in index.get(name, ()) if each != id)
    if rest:
        index[name] = rest
    else:
        index.pop(name, None)
