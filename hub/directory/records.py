"""What the directory remembers of each entity, read from SS 12000 objects as school systems really send them.

Only what the gate and the connectors' questions need is kept: no name, no contact, no address. Ids are lower-case and
shared (interned), dates stay ISO strings, which compare like dates. `at` is where in the log the whole object stands.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from sys import intern
from typing import Any, NamedTuple

from hub.bus.base import Place


class Mark(IntEnum):
    """securityMarking (skyddsmarkering) as one source gives it; of several the larger counts."""

    NONE = 0  # Ingen
    UNKNOWN = 1  # missing or no text: never taken for Ingen
    PROTECTED = 2  # Sekretessmarkering, Skyddad folkbokföring, and whatever else stands there


class Enrolment(NamedTuple):
    """SS 12000 enrolment (inskrivning). Dates inclusive; "" is open."""

    organisation: str
    school_type: str | None
    school_year: int | None
    start: str
    end: str

    def active(self, on: str) -> bool:
        return within(self.start, self.end, on)


class Member(NamedTuple):
    """One group membership. Dates inclusive; "" is open."""

    person: str
    start: str
    end: str


@dataclass(frozen=True, slots=True)
class PersonRecord:
    """One source's word about a person. `gone`: it said `deleted`; the rest is what it had said before."""

    source: str
    at: Place
    mark: Mark
    active: bool = False  # personStatus Aktiv
    enrolments: tuple[Enrolment, ...] = ()  # those not cancelled
    guardians: tuple[str, ...] = ()  # responsibles (vårdnadshavare and others)
    gone: bool = False


class Person:
    """All sources' words about a person, the latest last, and what follows from them.

    `mark` is the strictest of the sources that know the person (after the last `deleted`, of those that knew it);
    `owner` the record of the source that the person belongs to: the last to say `upserted`. `version` rises with
    everything that a decision may rest on.
    """

    __slots__ = ("guardians", "known", "mark", "owner", "records", "version")

    def __init__(self, record: PersonRecord) -> None:
        self.version = 0
        self.records: tuple[PersonRecord, ...] = ()
        self.put(record)

    def put(self, record: PersonRecord) -> None:
        """Take a source's latest word in place of its earlier one."""
        others = [other for other in self.records if other.source != record.source]
        self.records = tuple(sorted((*others, record), key=lambda each: each.at))
        live = [each for each in self.records if not each.gone]
        self.known = bool(live)
        counted = live or self.records
        self.mark = max(each.mark for each in counted)
        self.owner = counted[-1]
        self.guardians = tuple(dict.fromkeys(guardian for each in live for guardian in each.guardians))

    def record_of(self, source: str) -> PersonRecord | None:
        return next((record for record in self.records if record.source == source), None)


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Duty:
    """SS 12000 duty (tjänst): who works where."""

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


@dataclass(frozen=True, slots=True)
class Diet:
    at: Place
    source: str
    person: str
    codes: tuple[str, ...]
    start: str
    end: str


def within(start: str, end: str, on: str) -> bool:
    """Whether an ISO date lies between two others, both inclusive; "" is open."""
    return start <= on and (not end or on <= end)


def read_mark(data: Mapping[str, Any]) -> Mark:
    value = data.get("securityMarking")
    if not isinstance(value, str) or not value.strip():
        return Mark.UNKNOWN
    return Mark.NONE if value.strip().casefold() == "ingen" else Mark.PROTECTED


def read_person(source: str, at: Place, data: Mapping[str, Any]) -> PersonRecord:
    return PersonRecord(
        intern(source),
        at,
        read_mark(data),
        (data.get("personStatus") or "Aktiv") == "Aktiv",
        tuple(_enrolments(data)),
        tuple(dict.fromkeys(found for item in _items(data, "responsibles") if (found := ref(item, "person")))),
    )


def gone(source: str, at: Place, before: PersonRecord | None) -> PersonRecord:
    """What is left of a person whom `source` deleted: nothing to find, but still the mark that guards the deletion."""
    if before is None:
        return PersonRecord(intern(source), at, Mark.UNKNOWN, gone=True)
    return replace(before, at=at, gone=True)


def read_group(at: Place, data: Mapping[str, Any]) -> Group:
    members = [
        Member(person, _date(item, "startDate"), _date(item, "endDate"))
        for item in _items(data, "groupMemberships")
        if (person := ref(item, "person"))
    ]
    return Group(
        at,
        ref(data, "organisation"),
        _text(data, "schoolType"),
        _date(data, "startDate"),
        _date(data, "endDate"),
        tuple(members),
    )


def read_activity(at: Place, data: Mapping[str, Any]) -> Activity:
    groups = (_id(item) for item in _items(data, "groups"))
    return Activity(at, ref(data, "organisation"), tuple(found for found in groups if found))


def read_duty(at: Place, data: Mapping[str, Any]) -> Duty:
    return Duty(
        at, ref(data, "person"), ref(data, "dutyAt"), _date(data, "startDate"), _date(data, "endDate")
    )  # fmt: skip


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
        at,
        intern(source),
        person,
        tuple(intern(code) for code in codes if isinstance(code, str)),
        _date(data, "startDate"),
        _date(data, "endDate"),
    )


def _enrolments(data: Mapping[str, Any]) -> Iterable[Enrolment]:
    for item in _items(data, "enrolments"):
        organisation = ref(item, "enroledAt")
        if organisation is None or item.get("cancelled") is True:
            continue
        year = item.get("schoolYear")
        yield Enrolment(
            organisation,
            _text(item, "schoolType"),
            year if isinstance(year, int) else None,
            _date(item, "startDate"),
            _date(item, "endDate"),
        )


def _items(data: Mapping[str, Any], name: str) -> Iterable[Mapping[str, Any]]:
    """The objects in a list; null and a missing list are empty. Raises TypeError on anything else."""
    for item in data.get(name) or ():
        if not isinstance(item, dict):
            raise TypeError(f"{name} holds something that is no object")
        yield item


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
