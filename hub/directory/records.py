"""What the directory remembers of each entity, read from SS 12000 objects as school systems really send them.

A record holds only what the gate and the connectors' questions need: no name, no contact, no address. Ids are
lower-case and interned. Dates stay ISO strings, which compare as dates do. `at` is the place in the log of the event
that carries the whole object.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from sys import intern
from typing import Any, NamedTuple

from hub.bus.base import Place
from schemas.directory import is_unprotected


class Mark(IntEnum):
    """securityMarking (skyddsmarkering) as one source gives it. Where sources differ, the larger value counts."""

    NONE = 0  # Ingen
    UNKNOWN = 1  # missing, or not a text: never read as Ingen
    PROTECTED = 2  # Sekretessmarkering, Skyddad folkbokföring, and every other text


class Enrolment(NamedTuple):
    """SS 12000 enrolment (inskrivning). Both dates are inclusive; "" means no limit."""

    organisation: str
    school_type: str | None
    school_year: int | None
    start: str
    end: str

    def active(self, on: str) -> bool:
        """Whether the enrolment is valid on an ISO date."""
        return within(self.start, self.end, on)


class Member(NamedTuple):
    """One group membership. Both dates are inclusive; "" means no limit."""

    person: str
    start: str
    end: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRecord:
    """A person as one source describes them. `gone`: the source has deleted the person; other fields are older.

    A source's PROTECTED ends by the same source's Ingen alone. `held`: the source's newest object has no readable mark,
    so `mark` is that of an older one.
    """

    source: str
    at: Place
    mark: Mark
    held: bool = False
    active: bool = False  # personStatus Aktiv
    enrolments: tuple[Enrolment, ...] = ()  # those not cancelled
    guardians: tuple[str, ...] = ()  # responsibles (vårdnadshavare and others)
    gone: bool = False
    adds: bool = False  # the source is not the person's owner: only the mark counts


class Person:
    """The records of all sources about a person, the latest last, and the values that follow from them.

    Only records of sources that have not deleted the person count; if all sources have, all records count. A record
    with PROTECTED always counts for the mark and the guardians: a protection outlives its record. `own_mark` is the
    strictest mark of the records that count, `owner` the latest of them that does not only add a mark. `mark` is what
    decisions rest on: PROTECTED also for a person who is here only because of protected persons (`shelter`). `version`
    rises with each change of something that a decision may rest on.
    """

    __slots__ = ("_sheltered", "guardians", "known", "left", "mark", "own_mark", "owner", "records", "version")

    def __init__(self, record: PersonRecord) -> None:
        self.version = 0
        self.left = False  # while the person is protected: recipients have been told that they left
        self.records: tuple[PersonRecord, ...] = ()
        self._sheltered = False
        self.put(record)

    def put(self, record: PersonRecord) -> None:
        """Replace the source's earlier record with this one, and keep the protection that it does not end."""
        before = self.record_of(record.source)
        self._set(record if before is None else _protected_as(before, record))

    def lift(self, source: str) -> None:
        """End the protection by this source's record, which the source itself does not end any more."""
        before = self.record_of(source)
        if before is not None and before.mark is Mark.PROTECTED:
            self._set(replace(before, mark=Mark.UNKNOWN, held=False))

    def shelter(self, sheltered: bool) -> None:
        """Whether the person is here only because of protected persons, and so is withheld as they are."""
        self._sheltered = sheltered
        self.mark = Mark.PROTECTED if sheltered else self.own_mark
        self.left = self.left and self.mark is Mark.PROTECTED

    @property
    def seen(self) -> bool:
        """Whether recipients may see the person, while the owner is fresh."""
        return self.known and self.mark is Mark.NONE

    @property
    def protecting(self) -> tuple[PersonRecord, ...]:
        """The records that protect the person."""
        return tuple(each for each in self.records if each.mark is Mark.PROTECTED)

    def _set(self, record: PersonRecord) -> None:
        others = [other for other in self.records if other.source != record.source]
        self.records = tuple(sorted((*others, record), key=lambda each: each.at))
        live = [each for each in self.records if not each.gone]
        guarding = [each for each in self.records if not each.gone or each.mark is Mark.PROTECTED]
        self.known = bool(live)
        counted = live or self.records
        self.own_mark = max(each.mark for each in guarding or self.records)
        self.owner = next((each for each in reversed(counted) if not each.adds), counted[-1])
        self.guardians = tuple(dict.fromkeys(guardian for each in guarding for guardian in each.guardians))
        self.shelter(self._sheltered)

    def record_of(self, source: str) -> PersonRecord | None:
        """The record of this source, also if the source has deleted the person."""
        return next((record for record in self.records if record.source == source), None)


def _protected_as(before: PersonRecord, record: PersonRecord) -> PersonRecord:
    """The new record of a source, with what stays of a protection that it does not end.

    Many systems no longer name the guardians of a protected child. The guardians of before stay, so that the family
    is withheld with the child.
    """
    if before.mark is Mark.PROTECTED and record.mark is Mark.UNKNOWN:
        record = replace(record, mark=Mark.PROTECTED, held=True)
    if record.mark is not Mark.PROTECTED or not before.guardians:
        return record
    return replace(record, guardians=tuple(dict.fromkeys((*record.guardians, *before.guardians))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    at: Place
    organisation: str | None
    school_type: str | None
    start: str
    end: str
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Activity:
    at: Place
    organisation: str | None
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """SS 12000 duty (tjänstgöring): who works where."""

    at: Place
    person: str | None
    organisation: str | None
    start: str
    end: str


@dataclass(frozen=True, slots=True)
class Room:
    at: Place
    organisation: str | None


@dataclass(frozen=True, slots=True)
class Organisation:
    at: Place
    parent: str | None
    school_types: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diet:
    at: Place
    source: str
    person: str
    codes: tuple[str, ...]
    start: str
    end: str


def within(start: str, end: str, on: str) -> bool:
    """Whether an ISO date lies between two others, both inclusive; "" means no limit."""
    return start <= on and (not end or on <= end)


def read_mark(data: Mapping[str, Any]) -> Mark:
    value = data.get("securityMarking")
    if not isinstance(value, str) or not value.strip():
        return Mark.UNKNOWN
    return Mark.NONE if is_unprotected(value) else Mark.PROTECTED


def read_person(source: str, at: Place, data: Mapping[str, Any]) -> PersonRecord:
    guardians = (ref(item, "person") for item in _items(data, "responsibles"))
    return PersonRecord(
        source=intern(source),
        at=at,
        mark=read_mark(data),
        active=(data.get("personStatus") or "Aktiv") == "Aktiv",
        enrolments=tuple(_enrolments(data)),
        guardians=tuple(dict.fromkeys(found for found in guardians if found)),
    )


def gone(source: str, at: Place, before: PersonRecord | None) -> PersonRecord:
    """The record of a person whom `source` has deleted. Its mark decides which recipients may learn of the deletion."""
    if before is None:
        return PersonRecord(source=intern(source), at=at, mark=Mark.UNKNOWN, gone=True)
    return replace(before, at=at, gone=True)


def read_group(at: Place, data: Mapping[str, Any]) -> Group:
    members = [
        Member(person, _date(item, "startDate"), _date(item, "endDate"))
        for item in _items(data, "groupMemberships")
        if (person := ref(item, "person"))
    ]
    return Group(
        at=at,
        organisation=ref(data, "organisation"),
        school_type=_text(data, "schoolType"),
        start=_date(data, "startDate"),
        end=_date(data, "endDate"),
        members=tuple(members),
    )


def read_activity(at: Place, data: Mapping[str, Any]) -> Activity:
    return Activity(at, ref(data, "organisation"), ids(data, "groups"))


def read_teachers(data: Mapping[str, Any], on: str | None = None) -> tuple[str, ...]:
    """The ids by which an activity or a lesson names its teachers: of duties, of persons, or of both.

    `on`: only the teachers of this ISO date; None: at any time.
    """
    found: dict[str, None] = {}
    for item in _items(data, "teachers"):
        if on is None or within(_date(item, "startDate"), _date(item, "endDate"), on):
            found.update((id, None) for name in ("duty", "person") if (id := ref(item, name)))
    return tuple(found)


def read_duty(at: Place, data: Mapping[str, Any]) -> Duty:
    return Duty(
        at=at,
        person=ref(data, "person"),
        organisation=ref(data, "dutyAt"),
        start=_date(data, "startDate"),
        end=_date(data, "endDate"),
    )


def read_room(at: Place, data: Mapping[str, Any]) -> Room:
    return Room(at, ref(data, "owner"))


def read_organisation(at: Place, data: Mapping[str, Any]) -> Organisation:
    listed = data.get("schoolTypes")
    types = listed if isinstance(listed, list) else []
    return Organisation(
        at, ref(data, "parentOrganisation"), frozenset(intern(item) for item in types if isinstance(item, str))
    )


def read_diet(source: str, at: Place, person: str, data: Mapping[str, Any]) -> Diet:
    listed = data.get("codes")
    codes = listed if isinstance(listed, list) else []
    return Diet(
        at=at,
        source=intern(source),
        person=person,
        codes=tuple(intern(code) for code in codes if isinstance(code, str)),
        start=_date(data, "startDate"),
        end=_date(data, "endDate"),
    )


def _enrolments(data: Mapping[str, Any]) -> Iterable[Enrolment]:
    for item in _items(data, "enrolments"):
        organisation = ref(item, "enroledAt")
        if organisation is None or item.get("cancelled") is True:
            continue
        year = item.get("schoolYear")
        yield Enrolment(
            organisation=organisation,
            school_type=_text(item, "schoolType"),
            school_year=year if isinstance(year, int) else None,
            start=_date(item, "startDate"),
            end=_date(item, "endDate"),
        )


def _items(data: Mapping[str, Any], name: str) -> Iterable[Mapping[str, Any]]:
    """The objects in a list; null and a missing list are empty. Raises TypeError for an item that is not an object."""
    for item in data.get(name) or ():
        if not isinstance(item, dict):
            raise TypeError(f"{name} holds something that is not an object")
        yield item


def ids(data: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """The lower-case ids in a list of references."""
    return tuple(found for item in _items(data, name) if (found := _id(item)))


def ref(data: Mapping[str, Any], name: str) -> str | None:
    """The lower-case id in the reference of this name; None if there is none."""
    value = data.get(name)
    return _id(value) if isinstance(value, dict) else None


def _id(value: Mapping[str, Any]) -> str | None:
    found = value.get("id")
    return intern(found.lower()) if isinstance(found, str) else None


def _text(data: Mapping[str, Any], name: str) -> str | None:
    value = data.get(name)
    return intern(value) if isinstance(value, str) and value else None


def _date(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    return intern(value[:10]) if isinstance(value, str) else ""
