"""The objects of SS 12000 v2.1.0, made from what the client may see. An object has only fields that the standard lists.

Records of school systems have oddities. An answer leaves out a value that the standard does not allow, and an item of a
list without a required value. The object itself may lack a required value too, because the source did not send it or
the client's contract hides it. Then an enumeration has its "other" (`Övrigt`, `Annan personal`) and a name is empty; a
date, a reference or `meta` is left out, since none of them has a neutral value. docs/consumers.md lists the cases.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from hub.ss12000.civic import civic_no
from schemas.contract import SCHOOL_TYPES as SCHOOL_TYPES
from schemas.event import parse_timestamp
from schemas.school_time import as_school_time

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\Z")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_POSTCODE: Final = re.compile(r"(SE-?)?\d{3} ?\d{2}\Z", re.ASCII)

ORGANISATION_TYPES: Final = frozenset(
    {
        "Huvudman", "Verksamhetsområde", "Förvaltning", "Rektorsområde", "Skola", "Skolenhet", "Varumärke", "Bolag",
        "Övrigt",
    }
)  # fmt: skip
GROUP_TYPES: Final = frozenset(
    ["Undervisning", "Klass", "Mentor", "Provgrupp", "Schema", "Avdelning", "Personalgrupp", "Övrigt"]
)
DUTY_ROLES: Final = frozenset(
    {
        "Rektor", "Lärare", "Förskollärare", "Barnskötare", "Bibliotekarie", "Lärarassistent", "Fritidspedagog",
        "Annan personal", "Studie- och yrkesvägledare", "Förstelärare", "Kurator", "Skolsköterska", "Skolläkare",
        "Skolpsykolog", "Speciallärare/specialpedagog", "Skoladministratör", "Övrig arbetsledning",
        "Övrig pedagogisk personal", "Förskolechef",
    }
)  # fmt: skip
ASSIGNMENT_ROLES: Final = frozenset(
    {
        "Mentor", "Förskollärare", "Barnskötare", "Fritidspedagog", "Specialpedagog", "Elevhälsopersonal",
        "Pedagogisk ledare", "Schemaläggare", "Lärarassistent", "Administrativ personal",
    }
)  # fmt: skip
ACTIVITY_TYPES: Final = frozenset(["Undervisning", "Elevaktivitet", "Provaktivitet", "Läraraktivitet", "Övrigt"])
ABSENCE_TYPES: Final = frozenset({"Beviljad ledighet", "Anmäld frånvaro"})
_ADDRESS_TYPES: Final = frozenset({"Folkbokföring", "Särskild postadress", "Tillfällig adress", "Postadress"})
_VISIT_TYPES: Final = frozenset(["Besöksadress", "Leveransadress", "Postadress", "Fakturaadress"])
_EMAIL_TYPES: Final = frozenset({"Privat", "Skola elev", "Skola personal", "Arbete övrigt"})
_RELATIONS: Final = frozenset({"Vårdnadshavare", "Annan ansvarig", "God man", "Utsedd behörig"})
_MAX_SCHOOL_YEAR: Final = 10
_MOST_DIGITS: Final = 15  # of a whole number that is written as text: JSON has room for it


class Shaper:
    """The state of shaping one answer. With `named` it collects the references, whose names are filled in at the end.

    `received_us` is the time at which the hub received the entity that is being shaped.
    """

    __slots__ = ("named", "received_us", "refs")

    def __init__(self, *, named: bool) -> None:
        self.named = named
        self.received_us = 0
        self.refs: list[tuple[str, dict[str, Any]]] = []  # (kind, reference)


Conv = Callable[[Any, Shaper], Any]
"""From a value in the event to the value in the answer; None: leave it out."""

_SCHEMAS: Final[dict[Conv, Mapping[str, Any]]] = {}  # of what each returns


def _returns(convert: Conv, schema: Mapping[str, Any]) -> Conv:
    _SCHEMAS[convert] = schema
    return convert


def schema_of(convert: Conv) -> dict[str, Any]:
    """JSON Schema of what it returns; of a Shape: an object whose needed fields are required."""
    if not isinstance(convert, Shape):
        return dict(_SCHEMAS[convert])
    properties = {name: schema_of(each) for name, each in convert.fields}
    required = {"required": list(convert.needed)} if convert.needed else {}
    return {"type": "object", **required, "properties": properties}


class Shape:
    """An object's fields in the standard's order. Without the fields in `needed` there is no object (list items)."""

    __slots__ = ("fields", "finish", "needed")

    def __init__(
        self,
        *needed: str,
        finish: Callable[[dict[str, Any], Mapping[str, Any], Shaper], None] | None = None,
        **fields: Conv,
    ) -> None:
        self.needed = needed
        self.fields = tuple(fields.items())
        self.finish = finish

    def __call__(self, data: Any, shaper: Shaper) -> dict[str, Any] | None:
        if not isinstance(data, dict):
            return None
        out: dict[str, Any] = {}
        for name, convert in self.fields:
            value = data.get(name)
            if value is not None and (value := convert(value, shaper)) is not None:
                out[name] = value
        if self.finish is not None:
            self.finish(out, data, shaper)
        for name in self.needed:
            if name not in out:
                return None
        return out


def text(value: Any, shaper: Shaper) -> str | None:
    return value if isinstance(value, str) else None


def id_(value: Any, shaper: Shaper) -> str | None:
    return value.lower() if isinstance(value, str) and _UUID.match(value) else None


def date_(value: Any, shaper: Shaper) -> str | None:
    return value[:10] if isinstance(value, str) and _DATE.match(value) else None


def instant(value: Any, shaper: Shaper) -> str | None:
    return value if isinstance(value, str) and moment(value) is not None else None


def integer(value: Any, shaper: Shaper) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def flag(value: Any, shaper: Shaper) -> bool | None:
    return value if isinstance(value, bool) else None


def email(value: Any, shaper: Shaper) -> str | None:
    return value if isinstance(value, str) and "@" in value else None


def school_year(value: Any, shaper: Shaper) -> int | None:
    year = integer(value, shaper)
    return year if year is not None and 0 <= year <= _MAX_SCHOOL_YEAR else None


for _convert, _schema in (
    (text, {"type": "string"}),
    (id_, {"type": "string", "format": "uuid"}),
    (date_, {"type": "string", "format": "date"}),
    (instant, {"type": "string", "format": "date-time"}),
    (integer, {"type": "integer"}),
    (flag, {"type": "boolean"}),
    (email, {"type": "string"}),
    (school_year, {"type": "integer", "minimum": 0, "maximum": _MAX_SCHOOL_YEAR}),
):
    _returns(_convert, _schema)


def one_of(values: frozenset[str], otherwise: str | None = None) -> Conv:
    return _returns(
        lambda value, shaper: value if isinstance(value, str) and value in values else otherwise,
        {"type": "string", "enum": sorted(values)},
    )


def ref(kind: str) -> Conv:
    """A reference to an entity of one of the hub's kinds, with its name if the client asked for names."""

    def convert(value: Any, shaper: Shaper) -> dict[str, Any] | None:
        id = value.get("id") if isinstance(value, dict) else None
        if not isinstance(id, str):
            return None
        out: dict[str, Any] = {"id": id.lower()}
        if shaper.named:
            name = value.get("displayName")
            if isinstance(name, str):
                out["displayName"] = name
            shaper.refs.append((kind, out))
        return out

    return _returns(convert, {"$ref": "#/components/schemas/Ss12000Reference"})


def many(item: Conv) -> Conv:
    def convert(value: Any, shaper: Shaper) -> list[Any] | None:
        if not isinstance(value, list):
            return None
        return [out for each in value if (out := item(each, shaper)) is not None]

    return _returns(convert, {"type": "array", "items": schema_of(item)})


def some(item: Conv) -> Conv:
    """A list with at least one item."""
    listed = many(item)
    return _returns(
        lambda value, shaper: listed(value, shaper) or None,
        {"type": "array", "items": schema_of(item), "minItems": 1},
    )


def moment(value: Any) -> datetime | None:
    """A time, aware; one without an offset is school time. None for a value that is not a time."""
    if not isinstance(value, str):
        return None
    try:
        return parse_timestamp(value)
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return as_school_time(found) if found.tzinfo is None else found


def _address(out: dict[str, Any], data: Mapping[str, Any], shaper: Shaper) -> None:
    # Swedish school systems leave the country out, which the standard requires.
    if "country" not in out and _POSTCODE.match(out.get("postalCode", "")):
        out["country"] = "Sverige"


def _phone(out: dict[str, Any], data: Mapping[str, Any], shaper: Shaper) -> None:
    out.setdefault("mobile", True)  # the standard's default


def _identifier(out: dict[str, Any], data: Mapping[str, Any], shaper: Shaper) -> None:
    out.setdefault("globallyUnique", False)  # no source says that it is


def _person(out: dict[str, Any], data: Mapping[str, Any], shaper: Shaper) -> None:
    out.setdefault("givenName", "")
    out.setdefault("familyName", "")
    if "civicNo" in out:
        out["civicNo"]["value"] = civic_no(out["civicNo"]["value"], out.get("birthDate", ""), shaper.received_us)


def _activity(out: dict[str, Any], data: Mapping[str, Any], shaper: Shaper) -> None:
    out.setdefault("displayName", "")
    # True would mean that lessons of it remain to be scheduled, which no source says.
    out.setdefault("calendarEventsRequired", False)


def organisation_name(data: Mapping[str, Any]) -> str:
    """An organisation's name; without one the code that people know it by; else empty."""
    found = (data.get(name) for name in ("displayName", "schoolUnitCode", "organisationCode"))
    return next((each for each in found if isinstance(each, str) and each), "")


def _organisation(out: dict[str, Any], data: Mapping[str, Any], shaper: Shaper) -> None:
    out["displayName"] = organisation_name(data)
    out.setdefault("organisationType", "Övrigt")


def _group(out: dict[str, Any], data: Mapping[str, Any], shaper: Shaper) -> None:
    out.setdefault("displayName", "")
    out.setdefault("groupType", "Övrigt")


def _duty(out: dict[str, Any], data: Mapping[str, Any], shaper: Shaper) -> None:
    out.setdefault("dutyRole", "Annan personal")


def _room(out: dict[str, Any], data: Mapping[str, Any], shaper: Shaper) -> None:
    out.setdefault("displayName", "")


_PLACE: Final[dict[str, Conv]] = {
    "streetAddress": text, "locality": text, "postalCode": text, "countyCode": integer, "municipalityCode": integer,
    "realEstateDesignation": text, "country": text,
}  # fmt: skip

ORGANISATION: Final = Shape(
    id=id_, displayName=text, organisationCode=text, organisationType=one_of(ORGANISATION_TYPES, "Övrigt"),
    organisationNumber=text, parentOrganisation=ref("organisation"), schoolUnitCode=text,
    schoolTypes=many(one_of(SCHOOL_TYPES)),
    address=Shape("streetAddress", "locality", "postalCode", type=one_of(_VISIT_TYPES), **_PLACE, finish=None),
    municipalityCode=text, url=text, email=email, phoneNumber=text,
    contactInfo=many(Shape("infoType", "info", infoType=one_of(frozenset({"Support", "Publik"})), info=text)),
    startDate=date_, endDate=date_, finish=_organisation,
)  # fmt: skip

RESPONSIBLE: Final = Shape("person", person=ref("person"), relationType=one_of(_RELATIONS))

PERSON: Final = Shape(
    id=id_, givenName=text, middleName=text, familyName=text, eduPersonPrincipalNames=many(text),
    externalIdentifiers=many(
        Shape("value", "context", value=text, context=text, globallyUnique=flag, finish=_identifier)
    ),
    civicNo=Shape("value", value=text, nationality=text), birthDate=date_,
    sex=one_of(frozenset({"Man", "Kvinna", "Okänt"})),
    personStatus=one_of(frozenset({"Aktiv", "Utvandrad", "Avliden"})),
    emails=many(Shape("value", "type", value=email, type=one_of(_EMAIL_TYPES))),
    phoneNumbers=many(
        Shape("value", "type", value=text, type=one_of(frozenset({"Hem", "Arbete"})), mobile=flag, finish=_phone)
    ),
    addresses=many(
        Shape("streetAddress", "locality", "postalCode", "country", type=one_of(_ADDRESS_TYPES), **_PLACE,
              finish=_address)
    ),
    photo=text,
    enrolments=many(
        Shape("enroledAt", "schoolType", "startDate", enroledAt=ref("organisation"), schoolYear=school_year,
              schoolType=one_of(SCHOOL_TYPES), startDate=date_, endDate=date_, cancelled=flag, educationCode=text,
              programme=ref("programme"), specification=text)
    ),
    responsibles=many(RESPONSIBLE),
    finish=_person,
)  # fmt: skip

_GROUP: Final[dict[str, Conv]] = {
    "id": id_, "displayName": text, "startDate": date_, "endDate": date_, "groupType": one_of(GROUP_TYPES, "Övrigt"),
    "schoolType": one_of(SCHOOL_TYPES), "organisation": ref("organisation"),
}  # fmt: skip
GROUP_FRAGMENT: Final = Shape(**_GROUP, finish=_group)
GROUP: Final = Shape(
    **_GROUP, finish=_group,
    groupMemberships=many(Shape("person", person=ref("person"), startDate=date_, endDate=date_)),
)  # fmt: skip

DUTY: Final = Shape(
    id=id_, person=ref("person"), dutyAt=ref("organisation"), dutyRole=one_of(DUTY_ROLES, "Annan personal"),
    description=text, signature=text, dutyPercent=integer, hoursPerYear=integer, startDate=date_, endDate=date_,
    # "Lärare" is not an assignment role: activities name the teachers.
    assignmentRole=many(
        Shape("group", "assignmentRoleType", group=ref("group"), assignmentRoleType=one_of(ASSIGNMENT_ROLES),
              startDate=date_, endDate=date_)
    ),
    finish=_duty,
)  # fmt: skip

ACTIVITY: Final = Shape(
    id=id_, displayName=text, calendarEventsRequired=flag, startDate=date_, endDate=date_,
    activityType=one_of(ACTIVITY_TYPES), comment=text, minutesPlanned=integer, groups=some(ref("group")),
    organisation=ref("organisation"),
    teachers=many(
        Shape("duty", duty=ref("duty"), startDate=date_, endDate=date_, minutesPlanned=integer, grader=flag)
    ),
    syllabus=ref("syllabus"), parentActivity=ref("activity"), finish=_activity,
)  # fmt: skip

ROOM: Final = Shape(id=id_, displayName=text, seats=integer, owner=ref("organisation"), finish=_room)


def _lesson(out: dict[str, Any], data: Mapping[str, Any], shaper: Shaper) -> None:
    out.setdefault("cancelled", False)


CALENDAR_EVENT: Final = Shape(
    id=id_, activity=ref("activity"), startTime=instant, endTime=instant, cancelled=flag,
    teachingLengthTeacher=integer, teachingLengthStudent=integer, comment=text,
    studentExceptions=many(
        Shape("student", "participates", student=ref("person"), participates=flag, startTime=instant,
              endTime=instant, teachingLength=integer)
    ),
    teacherExceptions=many(
        Shape("duty", "participates", duty=ref("duty"), participates=flag, startTime=instant, endTime=instant,
              teachingLength=integer)
    ),
    rooms=many(ref("room")), resources=many(ref("resource")), finish=_lesson,
)  # fmt: skip

ABSENCE: Final = Shape(
    id=id_, student=ref("person"), startTime=instant, endTime=instant, type=one_of(ABSENCE_TYPES),
    organisation=ref("organisation"), registeredBy=ref("person"),
)  # fmt: skip

ATTENDANCE: Final = Shape(
    id=id_, calendarEvent=ref("lesson"), student=ref("person"), reporter=ref("person"), isReported=flag,
    attendanceMinutes=integer, validAbsenceMinutes=integer, invalidAbsenceMinutes=integer,
    otherAttendanceMinutes=integer, reportedTimestamp=instant,
)  # fmt: skip

ATTENDANCE_EVENT: Final = Shape(
    id=id_, time=instant, eventType=one_of(frozenset({"In", "Ut"})), person=ref("person"), registeredBy=ref("person"),
    group=ref("group"),
)  # fmt: skip
