"""What is asked of each kind of entity: the few values that filters and sort keys look at.

Taken twice: from what the log has, to find candidates fast, and from what the client may see, which alone decides.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from hub.clock import to_us
from hub.ss12000.civic import civic_no
from hub.ss12000.shapes import moment, organisation_name

_SWEDISH: Final = str.maketrans("åäöæø", "{|}|}")  # these three follow z, in ASCII too


class Organisation(NamedTuple):
    name: str
    start: str
    end: str
    parent: str
    unit_code: str
    code: str
    municipality: str
    type: str
    school_types: tuple[str, ...]


class Enrolment(NamedTuple):
    organisation: str
    start: str
    end: str


class Person(NamedTuple):
    given: str
    middle: str
    family: str
    civic: str  # in twelve digits, or as it came if it is of no known shape
    principals: tuple[str, ...]
    identifiers: tuple[tuple[str, str], ...]  # (value, context)
    enrolments: tuple[Enrolment, ...]


class Group(NamedTuple):
    name: str
    start: str
    end: str
    type: str
    school_type: str
    organisation: str


class Duty(NamedTuple):
    start: str
    end: str
    organisation: str
    role: str
    person: str
    groups: tuple[str, ...]


class Activity(NamedTuple):
    name: str
    start: str
    end: str
    organisation: str
    groups: tuple[str, ...]
    duties: tuple[str, ...]
    teachers: tuple[str, ...]  # persons, where the source names no duty


class Room(NamedTuple):
    name: str
    owner: str


class Lesson(NamedTuple):
    start_us: int
    end_us: int
    activity: str
    organisation: str
    students: tuple[str, ...]  # of exceptions
    duties: tuple[str, ...]  # of exceptions


class Absence(NamedTuple):
    start_us: int
    end_us: int
    student: str
    organisation: str
    registered_by: str
    type: str


class Attendance(NamedTuple):
    student: str
    lesson: str
    organisation: str


class Presence(NamedTuple):
    person: str
    group: str


Data = Mapping[str, Any]


def collated(name: str) -> str:
    """A name as it sorts in Swedish, whatever its case."""
    return name.casefold().translate(_SWEDISH)


def _text(data: Data, name: str) -> str:
    value = data.get(name)
    return value if isinstance(value, str) else ""


def _ref(data: Data, name: str) -> str:
    value = data.get(name)
    id = value.get("id") if isinstance(value, dict) else None
    return id.lower() if isinstance(id, str) else ""


def _items(data: Data, name: str) -> list[Data]:
    value = data.get(name)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _refs(data: Data, name: str, inner: str) -> tuple[str, ...]:
    return tuple(found for each in _items(data, name) if (found := _ref(each, inner)))


def _texts(data: Data, name: str) -> tuple[str, ...]:
    value = data.get(name)
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def _day(data: Data, name: str) -> str:
    return _text(data, name)[:10]


def microseconds(value: Any) -> int:
    found = moment(value)
    return 0 if found is None else to_us(found)


def _organisation(data: Data) -> Organisation:
    return Organisation(
        organisation_name(data), _day(data, "startDate"), _day(data, "endDate"), _ref(data, "parentOrganisation"),
        _text(data, "schoolUnitCode"), _text(data, "organisationCode"), _text(data, "municipalityCode"),
        _text(data, "organisationType"), _texts(data, "schoolTypes"),
    )  # fmt: skip


def _person(data: Data, told_us: int) -> Person:
    civic = data.get("civicNo")
    number = _text(civic, "value") if isinstance(civic, dict) else ""
    return Person(
        _text(data, "givenName").casefold(), _text(data, "middleName").casefold(),
        _text(data, "familyName").casefold(), civic_no(number, _day(data, "birthDate"), told_us) if number else "",
        _texts(data, "eduPersonPrincipalNames"),
        tuple((_text(each, "value"), _text(each, "context")) for each in _items(data, "externalIdentifiers")),
        tuple(
            Enrolment(_ref(each, "enroledAt"), _day(each, "startDate"), _day(each, "endDate"))
            for each in _items(data, "enrolments")
            if each.get("cancelled") is not True
        ),
    )  # fmt: skip


def _group(data: Data) -> Group:
    return Group(
        _text(data, "displayName"), _day(data, "startDate"), _day(data, "endDate"), _text(data, "groupType"),
        _text(data, "schoolType"), _ref(data, "organisation"),
    )  # fmt: skip


def _duty(data: Data) -> Duty:
    return Duty(
        _day(data, "startDate"), _day(data, "endDate"), _ref(data, "dutyAt"), _text(data, "dutyRole"),
        _ref(data, "person"), _refs(data, "assignmentRole", "group"),
    )  # fmt: skip


def _activity(data: Data) -> Activity:
    teachers = _items(data, "teachers")
    return Activity(
        _text(data, "displayName"), _day(data, "startDate"), _day(data, "endDate"), _ref(data, "organisation"),
        tuple(found for each in _items(data, "groups") if (found := _text(each, "id").lower())),
        tuple(found for each in teachers if (found := _ref(each, "duty"))),
        tuple(found for each in teachers if not _ref(each, "duty") and (found := _ref(each, "person"))),
    )  # fmt: skip


def _room(data: Data) -> Room:
    return Room(_text(data, "displayName"), _ref(data, "owner"))


def _lesson(data: Data) -> Lesson:
    return Lesson(
        microseconds(data.get("startTime")), microseconds(data.get("endTime")), _ref(data, "activity"),
        _ref(data, "organisation"), _refs(data, "studentExceptions", "student"),
        _refs(data, "teacherExceptions", "duty"),
    )  # fmt: skip


def _absence(data: Data) -> Absence:
    return Absence(
        microseconds(data.get("startTime")), microseconds(data.get("endTime")), _ref(data, "student"),
        _ref(data, "organisation"), _ref(data, "registeredBy"), _text(data, "type"),
    )  # fmt: skip


def _attendance(data: Data) -> Attendance:
    return Attendance(_ref(data, "student"), _ref(data, "calendarEvent"), _ref(data, "organisation"))


def _presence(data: Data) -> Presence:
    return Presence(_ref(data, "person"), _ref(data, "group"))


_FACTS: Final[Mapping[str, Callable[[Data], Any]]] = {
    "organisation": _organisation,
    "group": _group,
    "duty": _duty,
    "activity": _activity,
    "room": _room,
    "lesson": _lesson,
    "absence": _absence,
    "attendance": _attendance,
    "presence": _presence,
}


def facts(kind: str, data: Data, told_us: int) -> Any:
    """Of an entity of this kind (as the log's state names it), as its source told the hub at this time."""
    return _person(data, told_us) if kind == "person" else _FACTS[kind](data)
