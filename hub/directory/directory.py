"""The directory: the persons, their protection, and where they belong. In memory, built from the log's state.

The log calls `observe` with durable events before it acknowledges them, so no reader sees an event that the directory
does not know. Each change of something that a decision may rest on raises a version; `permit` compares versions.
Connectors' questions are in `hub.directory.questions`, the lessons in `hub.directory.schedule`.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from hub.bus.base import LEFT, Log, Place, Position, Stored
from hub.clock import NEVER_US, Clock, from_us, to_us
from hub.directory.records import Mark, PersonRecord
from hub.directory.schedule import Schedule
from hub.directory.tables import KINDS, PREFIX, Change, Tables
from hub.store.kept_marks import KeptMark

MAX_AGE: Final = timedelta(hours=26)


class Protection(StrEnum):
    """Whether data about a person may be delivered at all. Contracts are applied after this."""

    OPEN = "open"
    PROTECTED = "protected"
    UNKNOWN = "unknown"  # no source knows the person, or none gave a mark
    STALE = "stale"  # the mark is Ingen, but its source has sent no `directory.current` within `max_age`


class Directory(Tables):
    """Any thread may read it while it holds `lock`; only the event loop changes it.

    `on_problem(code, event_id)` is called, without data, for an event that could not be applied. `schedule` is for the
    event loop alone.
    """

    def __init__(
        self,
        clock: Clock,
        max_age: timedelta = MAX_AGE,
        on_problem: Callable[[str, str], None] = lambda code, event_id: None,
    ) -> None:
        super().__init__(clock, max_age, on_problem)
        self.lock = threading.RLock()
        self.schedule = Schedule()
        self._listeners: list[Callable[[Change], None]] = []
        # Called with each (person, source) whose protection began, ended or changed, in the turn of the change.
        self.on_marks: Callable[[set[tuple[str, str]]], None] | None = None

    # -- life ---------------------------------------------------------------------------------------------------

    async def load(self, log: Log, void: Position | None = None) -> None:
        """Apply the log's state. Call it before anything is appended.

        `void`: how far the log reached when a backup was restored. Nobody counts as open by a `directory.current` from
        before, since the backup may lack a mark.
        """
        self._void = void
        after = ""
        leaving: list[Stored] = []  # applied last, since each follows a record of its person
        while page := await log.states(KINDS, after):
            with self.lock:
                leaving += [stored for stored in page if stored.leaves]
                for stored in page:
                    if stored.leaves:
                        continue
                    # Of a deleted entity the directory remembers the owner, and the mark that guards the deletion.
                    for before in reversed(stored.earlier):
                        self._apply(before)
                    self._apply(stored)
            after = page[-1].entity or ""
        for stored in leaving:
            self._apply(stored)
        self._collect()

    def remember(self, marks: Iterable[KeptMark]) -> list[KeptMark]:
        """Apply what the store has kept of protections, after `load`. Returns the marks that are void now.

        A mark is void if its source has ended it since, or if an officer has lifted it and the source has published the
        person anew since.
        """
        void = []
        with self.lock:
            for mark in marks:
                found = self.persons.get(mark.person)
                record = found.record_of(mark.source) if found is not None else None
                if mark.lifted:
                    if record is None or record.at > mark.at or record.mark is not Mark.PROTECTED:
                        void.append(mark)
                    else:
                        self._lift(mark.person, mark.source)
                elif record is None:
                    # The log has forgotten the deleted person. Each event to come is later than place 0.
                    before = PersonRecord(
                        source=mark.source, at=Place(0), mark=Mark.PROTECTED, guardians=mark.guardians, gone=True
                    )
                    self._replace(mark.person, before)
                elif record.mark is Mark.NONE and record.at > mark.at:
                    void.append(mark)
                elif record.mark is not Mark.PROTECTED or record.guardians != mark.guardians:
                    guardians = tuple(dict.fromkeys((*record.guardians, *mark.guardians)))
                    held = record.held or not (record.gone or record.mark is Mark.PROTECTED)
                    kept = replace(record, mark=Mark.PROTECTED, held=held, guardians=guardians)
                    self._replace(mark.person, kept)
            self._collect()
            self._remarked.clear()
        return void

    def observe(self, batch: Sequence[Stored]) -> None:
        """Apply the directory events of a durable batch and call the listeners, all in this turn. Never raises."""
        self.schedule.observe(batch)
        events = [stored for stored in batch if stored.type.startswith(PREFIX)]
        if not events:
            return
        with self.lock:
            for stored in events:
                self._apply(stored)
            change = self._collect(events[-1].accepted_us)
            remarked, self._remarked = self._remarked, set()
        if remarked and self.on_marks is not None:
            self.on_marks(remarked)
        if change is not None:
            self._tell(change, events[0].id)

    def lift(self, person: str, source: str) -> None:
        """End a person's protection by a source that does not end it itself, and call the listeners. For an officer."""
        with self.lock:
            self._lift(person, source)
            change = self._collect()
        if change is not None:
            self._tell(change, "")

    def kept_mark(self, person: str, source: str) -> KeptMark | None:
        """What the store should keep of a person's protection by a source; None: the source does not protect them."""
        found = self.persons.get(person)
        record = found.record_of(source) if found is not None else None
        if record is None or record.mark is not Mark.PROTECTED:
            return None
        return KeptMark(person=person, source=source, at=record.at, guardians=record.guardians)

    def protected(self) -> set[tuple[str, str]]:
        """(person, source) of each record that protects its person."""
        return {(id, record.source) for id, person in self.persons.items() for record in person.protecting}

    def _tell(self, change: Change, event_id: str) -> None:
        for listener in self._listeners:
            try:
                listener(change)
            except Exception:
                self._on_problem("directory-listener-failed", event_id)

    def listen(self, listener: Callable[[Change], None]) -> None:
        """Call `listener` with each change, in the turn in which the change is applied."""
        self._listeners.append(listener)

    # -- protection ---------------------------------------------------------------------------------------------

    def protection(self, person: str, now: datetime) -> Protection:
        """The protection of this person (lower-case id) at `now` (machine time)."""
        return self.judge(person, to_us(now))[0]

    def judge(self, person: str, now_us: int, *, leaving: bool = False) -> tuple[Protection, int]:
        """The protection, and the machine time (microseconds) at which it ends by itself, without an event.

        A person whom all sources have deleted counts as unknown, except for events that announce the deletion
        (`leaving`).
        """
        found = self.persons.get(person)
        if found is None:
            return Protection.UNKNOWN, NEVER_US
        mark = found.mark
        if mark is Mark.PROTECTED:
            return Protection.PROTECTED, NEVER_US
        if mark is Mark.UNKNOWN or not (found.known or leaving):
            return Protection.UNKNOWN, NEVER_US
        # The source that the person belongs to must be fresh.
        until = self.fresh_until(found.owner.source, now_us)
        return (Protection.STALE, NEVER_US) if until is None else (Protection.OPEN, until)

    def has_left(self, person: str) -> bool:
        """Whether the person is protected, and recipients have been told of it as of a deletion."""
        found = self.persons.get(person)
        return found is not None and found.left

    def may_have_left(self, person: str, source: str) -> bool:
        """Whether this source's deletion of the person may be delivered: the record's last mark was Ingen, and it did
        not only add a mark to the person of another source.
        """
        found = self.persons.get(person)
        record = None if found is None else found.record_of(source)
        return record is not None and record.mark is Mark.NONE and not record.adds

    def fresh(self, source: str, now: datetime) -> bool:
        """Whether the source has sent `directory.current` within `max_age`."""
        return self.fresh_until(source, to_us(now)) is not None

    def overdue(self, source: str, now: datetime) -> bool:
        """Whether the source should have declared itself complete again by now: its `completeUntil` is over."""
        until = self._complete_until.get(source)
        return until is not None and to_us(now) >= until

    def part_overdue(self, now: datetime) -> bool:
        """Whether a source that publishes no persons should have declared itself complete again by now."""
        return any(to_us(now) >= until for until in self._part_complete_until.values())

    def current_sources(self) -> frozenset[str]:
        """Every source that has ever sent `directory.current`."""
        return frozenset(self._current)

    def current_as_of(self, source: str) -> datetime | None:
        """The `asOf` of the source's last `directory.current`; None if the source never sent one."""
        as_of = self._current.get(source)
        return None if as_of is None else from_us(as_of)

    def superseded(self, entity: str) -> bool:
        """Whether this entity is a record of a person from a source that the person does not belong to now.

        Such a record must not be restated: the copy would become the person's latest record. The end of a person who
        became protected (`LEFT`) counts as superseded once the protection has ended.
        """
        kind, _, rest = entity.partition("/")
        person, _, source = rest.partition("/")
        found = self.persons.get(person) if kind == "person" else None
        if source == LEFT:
            return found is None or found.mark is not Mark.PROTECTED
        return found is not None and found.known and found.owner.source != source

    # -- belonging ----------------------------------------------------------------------------------------------

    def starting(self, on: date) -> set[str]:
        """The persons with an enrolment that begins on this date."""
        day = on.isoformat()
        return {id for id, person in self.persons.items() if any(each.start == day for each in person.owner.enrolments)}

    def owner_of(self, id: str) -> tuple[str | None, str | None]:
        """(organisation, school type) of a group, activity, room or duty, also if it is deleted; None: not known."""
        if (group := self.groups.get(id)) is not None:
            return group.organisation, group.school_type
        if (activity := self.activities.get(id)) is not None:
            if activity.organisation is not None:
                return activity.organisation, None
            owners = (self.groups[each] for each in activity.groups if each in self.groups)
            return next(((each.organisation, each.school_type) for each in owners if each.organisation), (None, None))
        if (room := self.rooms.get(id)) is not None:
            return room.organisation, None
        if (duty := self.duties.get(id)) is not None:
            return duty.organisation, None
        return self._former.get(id), None

    def duty_person(self, id: str) -> str | None:
        """The person whose duty this is, also of a deleted duty; None if the person is not known."""
        duty = self.duties.get(id)
        return duty.person if duty is not None else self._former.get(f"duty/{id}")

    def with_parts(self, organisations: frozenset[str]) -> frozenset[str]:
        """These organisations and all organisations below them."""
        known = self._parts.get(organisations)
        if known is None:
            below: dict[str, list[str]] = {}
            for id, each in self.organisations.items():
                if each.parent is not None:
                    below.setdefault(each.parent, []).append(id)
            reached = set(organisations)
            waiting = list(organisations)
            while waiting:
                for part in below.get(waiting.pop(), ()):
                    if part not in reached:
                        reached.add(part)
                        waiting.append(part)
            known = self._parts[organisations] = frozenset(reached)
        return known

    def unplaced(self, organisation: str) -> str | None:
        """The first unknown organisation on the way up; None if the way to the top is known."""
        seen: set[str] = set()
        here: str | None = organisation
        while here is not None and here not in seen:
            seen.add(here)
            found = self.organisations.get(here)
            if found is None:
                return here
            here = found.parent
        return None

    def school_types(self, organisation: str) -> frozenset[str]:
        """The school types of an organisation and its parts."""
        parts = self.with_parts(frozenset({organisation}))
        return frozenset(
            type_ for part in parts if part in self.organisations for type_ in self.organisations[part].school_types
        )

    def children_of(self, person: str) -> tuple[str, ...]:
        """Ids of the pupils whose guardian this person is."""
        return self._children.get(person, ())

    def groups_of(self, person: str) -> tuple[str, ...]:
        """Ids of the groups that have the person as a member, at any time."""
        return self._groups_of.get(person, ())

    def duties_of(self, person: str) -> tuple[str, ...]:
        """Ids of the person's duties, at any time."""
        return self._duties_of.get(person, ())

    def duties_at(self, person: str, organisation: str | None) -> tuple[str, ...]:
        """Ids of the person's duties at an organisation; all the person's duties if none is there or it is None."""
        duties = self.duties_of(person)
        return tuple(each for each in duties if self.duties[each].organisation == organisation) or duties

    def diets_of(self, person: str) -> tuple[str, ...]:
        """Ids of the person's diet records."""
        return self._diets_of.get(person, ())

    def enrolled(self, organisation: str) -> Iterable[str]:
        """The persons with an enrolment at exactly this organisation, at any time."""
        return self._enrolled.get(organisation, ())
