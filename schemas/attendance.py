"""Family attendance: SS 12000 Attendance (registered at a lesson) and AttendanceEvent (a child comes or leaves).

There is no field `absenceReason`: it is free text that often reveals an illness, and no recipient needs it. If a source
sends it, it reaches no recipient, since the hub delivers no unknown field.
"""

from typing import Annotated, Any, Literal

from schemas import directory_examples as directory
from schemas.category import Category
from schemas.payload import (
    Date,
    EventSpec,
    Meta,
    Minutes,
    Part,
    Payload,
    PersonRef,
    Ref,
    Reference,
    Timestamp,
    Uuid,
    was,
)


class AttendanceFields(Part):
    """Any fields of an SS 12000 Attendance. The four numbers of minutes add up to the length of the lesson."""

    id: Annotated[Uuid | None, Category.NONE] = None
    meta: Annotated[Meta | None, Category.ATTENDANCE] = None
    calendarEvent: Annotated[Reference | None, Category.ATTENDANCE] = None
    student: PersonRef | None = None
    reporter: Annotated[PersonRef | None, Category.STAFF] = None
    isReported: Annotated[bool | None, Category.ATTENDANCE] = None
    attendanceMinutes: Annotated[Minutes | None, Category.ATTENDANCE] = None
    validAbsenceMinutes: Annotated[Minutes | None, Category.ATTENDANCE] = None  # giltig frånvaro
    invalidAbsenceMinutes: Annotated[Minutes | None, Category.ATTENDANCE] = None  # ogiltig frånvaro
    otherAttendanceMinutes: Annotated[Minutes | None, Category.ATTENDANCE] = None  # present elsewhere
    reportedTimestamp: Annotated[Timestamp | None, Category.ATTENDANCE] = None
    organisation: Reference | None = None


class AttendanceRecorded(Payload, AttendanceFields):
    """A pupil's attendance at a lesson was registered, or corrected (then with `changed`).

    If `isReported` is false, nothing has been registered yet, and the minutes have no meaning.
    """

    id: Annotated[Uuid, Category.NONE]
    calendarEvent: Annotated[Reference, Category.ATTENDANCE]
    student: PersonRef
    isReported: Annotated[bool, Category.ATTENDANCE]
    changed: AttendanceFields | None = None  # the previous values of the changed fields

    spec = EventSpec(
        type="se.skolnav.attendance.recorded.v1",
        subject=Ref("person", "student.id"),
        key=Ref("person", "student.id"),
        entity=Ref("attendance", "id"),
        about=("student.id",),
        mentions=(*was("reporter.id"), "changed.student.id"),
        organisations=("organisation.id",),
        window=True,
        examples=(
            {
                "id": "a77e0000-5b21-4c1e-9a1f-0f3e5d2c0901",
                "calendarEvent": {"id": "77ab0000-2bd2-404e-83aa-61df6ffb0801"},
                "student": {"id": directory.PUPIL["id"]},
                "reporter": {"id": directory.TEACHER["id"]},
                "isReported": True,
                "attendanceMinutes": 60,
                "validAbsenceMinutes": 0,
                "invalidAbsenceMinutes": 20,
                "otherAttendanceMinutes": 0,
                "reportedTimestamp": "2026-11-24T10:02:00+01:00",
                "organisation": {"id": directory.SCHOOL_UNIT["id"]},
                "changed": {"attendanceMinutes": 80, "invalidAbsenceMinutes": 0},
            },
            {
                "id": "a77e0000-5b21-4c1e-9a1f-0f3e5d2c0902",
                "calendarEvent": {"id": "77ab0000-2bd2-404e-83aa-61df6ffb0801"},
                "student": {"id": directory.PUPIL["id"]},
                "isReported": False,
            },
        ),
    )


class AttendanceEvent(Payload):
    """SS 12000 AttendanceEvent: a child came or left (preschool, leisure centre)."""

    id: Annotated[Uuid, Category.NONE]
    meta: Annotated[Meta | None, Category.ATTENDANCE] = None
    time: Annotated[Timestamp, Category.ATTENDANCE]
    eventType: Annotated[str, Category.ATTENDANCE]
    person: PersonRef
    group: Annotated[Reference | None, Category.GROUP] = None
    registeredBy: Annotated[PersonRef | None, Category.STAFF] = None
    organisation: Reference | None = None


_PRESENCE = {
    "id": "c4ec0000-7a11-4f0e-8d3b-1b2c3d4e1001",
    "time": "2026-11-24T07:31:00+01:00",
    "eventType": "In",
    "person": {"id": directory.PUPIL["id"]},
    "group": {"id": directory.GROUP["id"]},
    "registeredBy": {"id": directory.TEACHER["id"]},
}
_LEFT = {
    "id": "c4ec0000-7a11-4f0e-8d3b-1b2c3d4e1002",
    "time": "2026-11-24T15:58:00+01:00",
    "eventType": "Ut",
    "person": {"id": directory.PUPIL["id"]},
    "organisation": {"id": directory.SCHOOL_UNIT["id"]},
}


def _presence(what: str, *examples: dict[str, Any]) -> EventSpec:
    return EventSpec(
        type=f"se.skolnav.attendance.{what}.v1",
        subject=Ref("person", "person.id"),
        key=Ref("person", "person.id"),
        entity=Ref("presence", "person.id"),  # the last event, of either type, shows whether the child is present
        owned=False,  # the school system and a terminal at the door both report when a child comes and goes
        about=("person.id",),
        mentions=("registeredBy.id",),
        organisations=("organisation.id",),
        groups=("group.id",),
        window=True,
        examples=examples,
    )


class CheckedIn(AttendanceEvent):
    """A child came."""

    eventType: Annotated[Literal["In"], Category.ATTENDANCE]
    spec = _presence("checked_in", _PRESENCE)


class CheckedOut(AttendanceEvent):
    """A child left."""

    eventType: Annotated[Literal["Ut"], Category.ATTENDANCE]
    spec = _presence("checked_out", _LEFT)


class UnauthorisedConfirmed(Payload):
    """A person at the school has confirmed that a pupil's absence was unauthorised (ogiltig frånvaro).

    The school must then inform the guardians on the same day (Education Act 7:17). `minutes` is the sum over
    `calendarEvents`.
    """

    id: Annotated[Uuid, Category.NONE]
    student: PersonRef
    date: Annotated[Date, Category.ATTENDANCE]
    minutes: Annotated[Minutes, Category.ATTENDANCE]
    calendarEvents: Annotated[list[Reference] | None, Category.ATTENDANCE] = None
    confirmedBy: Annotated[PersonRef | None, Category.STAFF] = None
    confirmedAt: Annotated[Timestamp | None, Category.ATTENDANCE] = None
    organisation: Reference | None = None

    spec = EventSpec(
        type="se.skolnav.attendance.unauthorised_confirmed.v1",
        subject=Ref("person", "student.id"),
        key=Ref("person", "student.id"),
        entity=Ref("unauthorised", "id"),
        about=("student.id",),
        mentions=("confirmedBy.id",),
        organisations=("organisation.id",),
        window=True,
        examples=(
            {
                "id": "0f710000-2f4a-4e0d-a3b1-9c8d7e6f1101",
                "student": {"id": directory.PUPIL["id"]},
                "date": "2026-11-24",
                "minutes": 80,
                "calendarEvents": [{"id": "77ab0000-2bd2-404e-83aa-61df6ffb0801"}],
                "confirmedBy": {"id": directory.TEACHER["id"]},
                "confirmedAt": "2026-11-24T12:10:00+01:00",
                "organisation": {"id": directory.SCHOOL_UNIT["id"]},
            },
            {
                "id": "0f710000-2f4a-4e0d-a3b1-9c8d7e6f1102",
                "student": {"id": directory.PUPIL["id"]},
                "date": "2026-11-23",
                "minutes": 20,
            },
        ),
    )


TYPES = (AttendanceRecorded, CheckedIn, CheckedOut, UnauthorisedConfirmed)
