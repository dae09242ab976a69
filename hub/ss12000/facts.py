"""Facts: for each kind of entity the few values that filters and sort keys use.

They are computed twice: from the log's data, to find candidates fast, and from the data that the client may see. Only
the latter decide.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from hub.clock import to_us
from hub.ss12000.civic import civic_no
from hub.ss12000.shapes import moment, organisation_name

_SWEDISH: Final = str.maketrans("åäöæø", "{|}|}")  # these three letters follow z; so do the characters in ASCII


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
    civic: str  # in twelve characters, or unchanged if it has no known form
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
    teachers: tuple[str, ...]  # persons, if the source names no duty


class Room(NamedTuple):
    name: str
    owner: str


class Lesson(NamedTuple):
    start_us: int
    end_us: int
    activity: str
    organisation: str
    students: tuple[str, ...]  # those of exceptions
    duties: tuple[str, ...]  # those of exceptions


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
    """A sort key for a name: Swedish order, without regard to case."""
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
        name=organisation_name(data),
        start=_day(data, "startDate"),
        end=_day(data, "endDate"),
        parent=_ref(data, "parentOrganisation"),
        unit_code=_text(data, "schoolUnitCode"),
        code=_text(data, "organisationCode"),
        municipality=_text(data, "municipalityCode"),
        type=_text(data, "organisationType"),
        school_types=_texts(data, "schoolTypes"),
    )


def _person(data: Data, received_us: int) -> Person:
    civic = data.get("civicNo")
    number = _text(civic, "value") if isinstance(civic, dict) else ""
    return Person(
        given=_text(data, "givenName").casefold(),
        middle=_text(data, "middleName").casefold(),
        family=_text(data, "familyName").casefold(),
        civic=civic_no(number, _day(data, "birthDate"), received_us) if number else "",
        principals=_texts(data, "eduPersonPrincipalNames"),
        identifiers=tuple(
            (_text(each, "value"), _text(each, "context")) for each in _items(data, "externalIdentifiers")
        ),
        enrolments=tuple(
            Enrolment(_ref(each, "enroledAt"), _day(each, "startDate"), _day(each, "endDate"))
            for each in _items(data, "enrolments")
            if each.get("cancelled") is not True
        ),
    )


def _group(data: Data) -> Group:
    return Group(
        name=_text(data, "displayName"),
        start=_day(data, "startDate"),
        end=_day(data, "endDate"),
        type=_text(data, "groupType"),
        school_type=_text(data, "schoolType"),
        organisation=_ref(data, "organisation"),
    )


def _duty(data: Data) -> Duty:
    return Duty(
        start=_day(data, "startDate"),
        end=_day(data, "endDate"),
        organisation=_ref(data, "dutyAt"),
        role=_text(data, "dutyRole"),
        person=_ref(data, "person"),
        groups=_refs(data, "assignmentRole", "group"),
    )


def _activity(data: Data) -> Activity:
    teachers = _items(data, "teachers")
    return Activity(
        name=_text(data, "displayName"),
        start=_day(data, "startDate"),
        end=_day(data, "endDate"),
        organisation=_ref(data, "organisation"),
        groups=tuple(found for each in _items(data, "groups") if (found := _text(each, "id").lower())),
        duties=tuple(found for each in teachers if (found := _ref(each, "duty"))),
        teachers=tuple(found for each in teachers if not _ref(each, "duty") and (found := _ref(each, "person"))),
    )


def _room(data: Data) -> Room:
    return Room(_text(data, "displayName"), _ref(data, "owner"))


def _lesson(data: Data) -> Lesson:
    return Lesson(
        start_us=microseconds(data.get("startTime")),
        end_us=microseconds(data.get("endTime")),
        activity=_ref(data, "activity"),
        organisation=_ref(data, "organisation"),
        students=_refs(data, "studentExceptions", "student"),
        duties=_refs(data, "teacherExceptions", "duty"),
    )


def _absence(data: Data) -> Absence:
    return Absence(
        start_us=microseconds(data.get("startTime")),
        end_us=microseconds(data.get("endTime")),
        student=_ref(data, "student"),
        organisation=_ref(data, "organisation"),
        registered_by=_ref(data, "registeredBy"),
        type=_text(data, "type"),
    )


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


def facts(kind: str, data: Data, received_us: int) -> Any:
    """The facts of an entity of this kind (as in the log's state), which the hub received at `received_us`."""
    return _person(data, received_us) if kind == "person" else _FACTS[kind](data)
