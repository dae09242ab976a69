"""Family schedule: lessons as SS 12000 CalendarEvents, and days when a school is closed.

A lesson also carries the organisation, groups and teachers of its activity, so that recipients need not look the
activity up. It does not list the pupils of its groups; only exceptions name pupils.
"""

from typing import Annotated, Any

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


class Teacher(Part):
    """A teacher who holds the lesson, by duty, by person or both. A substitute is here instead of the usual teacher."""

    duty: Reference | None = None
    person: PersonRef | None = None


class StudentException(Part):
    """A pupil outside the group who takes part, or one in the group who does not; for all or part of the lesson."""

    student: PersonRef
    participates: Annotated[bool, Category.ATTENDANCE]
    startTime: Annotated[Timestamp | None, Category.ATTENDANCE] = None
    endTime: Annotated[Timestamp | None, Category.ATTENDANCE] = None
    teachingLength: Annotated[Minutes | None, Category.ATTENDANCE] = None


class TeacherException(Part):
    """A teacher who holds this lesson instead of the activity's teacher, or a teacher of the activity who does not."""

    duty: Reference
    participates: Annotated[bool, Category.STAFF]
    startTime: Annotated[Timestamp | None, Category.STAFF] = None
    endTime: Annotated[Timestamp | None, Category.STAFF] = None
    teachingLength: Annotated[Minutes | None, Category.STAFF] = None


class LessonFields(Part):
    """Any fields of a lesson."""

    id: Annotated[Uuid | None, Category.NONE] = None
    meta: Meta | None = None
    activity: Reference | None = None
    startTime: Annotated[Timestamp | None, Category.NONE] = None
    endTime: Annotated[Timestamp | None, Category.NONE] = None
    cancelled: Annotated[bool | None, Category.NONE] = None  # None means false
    teachingLengthTeacher: Annotated[Minutes | None, Category.STAFF] = None
    teachingLengthStudent: Annotated[Minutes | None, Category.NONE] = None
    comment: Annotated[str | None, Category.FREE_TEXT] = None
    studentExceptions: Annotated[list[StudentException] | None, Category.ATTENDANCE] = None
    teacherExceptions: Annotated[list[TeacherException] | None, Category.STAFF] = None
    rooms: list[Reference] | None = None
    resources: list[Reference] | None = None
    # These come from the activity. None: look in the directory; an empty list: the lesson has none.
    activityType: Annotated[str | None, Category.NONE] = None
    organisation: Reference | None = None
    groups: list[Reference] | None = None
    teachers: Annotated[list[Teacher] | None, Category.STAFF] = None


class Lesson(Payload, LessonFields):
    """A lesson: an SS 12000 CalendarEvent with its activity's organisation, groups and teachers."""

    id: Annotated[Uuid, Category.NONE]
    activity: Reference
    startTime: Annotated[Timestamp, Category.NONE]
    endTime: Annotated[Timestamp, Category.NONE]


class LessonChange(Lesson):
    """A lesson after a change."""

    changed: LessonFields | None = None  # the previous values of the changed fields


_LESSON = Ref("lesson", "id")
_PEOPLE = ("teachers[].person.id", "studentExceptions[].student.id")
_BARE: dict[str, Any] = {
    "id": "77ab0000-2bd2-404e-83aa-61df6ffb0801",
    "meta": {"created": "2026-10-19T08:00:00+02:00", "modified": "2026-10-19T08:00:00+02:00"},
    "activity": {"id": directory.ACTIVITY["id"]},
    "startTime": "2026-11-24T09:40:00+01:00",
    "endTime": "2026-11-24T11:00:00+01:00",
    "rooms": [{"id": directory.ROOM["id"], "displayName": "B214"}],
}
_FULL: dict[str, Any] = {
    **_BARE,
    "teachingLengthTeacher": 80,
    "teachingLengthStudent": 80,
    "activityType": "Undervisning",
    "organisation": {"id": directory.SCHOOL_UNIT["id"]},
    "groups": [{"id": directory.TEACHING_GROUP["id"], "displayName": "MA7"}],
    "teachers": [{"duty": {"id": directory.DUTY["id"]}, "person": {"id": directory.TEACHER["id"]}}],
    "studentExceptions": [{"student": {"id": directory.PUPIL["id"]}, "participates": False}],
}
_MOVED = {
    "rooms": [],
    "startTime": "2026-11-24T10:00:00+01:00",
    "changed": {"startTime": _FULL["startTime"], "rooms": _FULL["rooms"]},
}
_SUBSTITUTE = {
    "teachers": [{"duty": {"id": directory.DUTY_BARE["id"]}}],
    "teacherExceptions": [
        {"duty": {"id": directory.DUTY["id"]}, "participates": False},
        {"duty": {"id": directory.DUTY_BARE["id"]}, "participates": True},
    ],
    "changed": {"teachers": _FULL["teachers"], "teacherExceptions": None},
}


def _spec(what: str, *examples: dict[str, Any], mentions: tuple[str, ...] = _PEOPLE) -> EventSpec:
    return EventSpec(
        type=f"se.skolnav.schedule.lesson.{what}.v1",
        subject=_LESSON,
        key=_LESSON,
        entity=_LESSON,
        mentions=mentions,
        organisations=("organisation.id",),
        groups=("activity.id", "groups[].id"),
        window=True,
        until="endTime",
        makes=what == "scheduled",
        examples=examples,
    )


class LessonScheduled(Lesson):
    """A lesson was added to the schedule."""

    spec = _spec("scheduled", _FULL, _BARE)


class LessonChanged(LessonChange):
    """A lesson was changed: moved, given another room or teacher, or no longer cancelled."""

    spec = _spec("changed", {**_FULL, **_MOVED}, {**_FULL, **_SUBSTITUTE}, _BARE, mentions=was(*_PEOPLE))


class LessonCancelled(LessonChange):
    """A lesson was cancelled. The data is the lesson as it was, with `cancelled` true."""

    spec = _spec("cancelled", {**_FULL, "cancelled": True}, {**_BARE, "cancelled": True}, mentions=was(*_PEOPLE))


class DayClosed(Payload):
    """A school or school unit, with its parts, is closed on a date: study day, heat, power cut.

    `closed` false withdraws that: the day is a school day after all.
    """

    organisation: Reference
    date: Annotated[Date, Category.NONE]
    closed: Annotated[bool, Category.NONE] = True
    comment: Annotated[str | None, Category.FREE_TEXT] = None

    spec = EventSpec(
        type="se.skolnav.schedule.day.closed.v1",
        subject=Ref("organisation", "organisation.id"),
        key=Ref("organisation", "organisation.id"),
        entity=Ref("day", "organisation.id/date"),
        organisations=("organisation.id",),
        window=True,
        until="date",
        examples=(
            {"organisation": {"id": directory.SCHOOL["id"]}, "date": "2026-11-25", "comment": "Studiedag"},
            {"organisation": {"id": directory.SCHOOL["id"]}, "date": "2026-11-25", "closed": False},
        ),
    )


TYPES = (LessonScheduled, LessonChanged, LessonCancelled, DayClosed)
