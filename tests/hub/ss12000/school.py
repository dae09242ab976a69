"""An invented municipality of two schools, small enough to know by heart."""

from typing import Any

from hub.assembly.services import Services
from schemas import Event
from tests import school
from tests.hub.ss12000.conftest import is_current
from tests.school import ELSEWHERE, HIDDEN, SIS, UNIT, append, event, tie, uid

BODY, NORTH, SOUTH = uid("municipality"), UNIT, ELSEWHERE
CLASS_7A, CLASS_8B, MATHS = (uid("group", name) for name in ("7A", "8B", "maths"))
DUTY, OTHER_DUTY = uid("duty", 1), uid("duty", 2)
MATHS_7A, LUNCH = uid("activity", "maths 7A"), uid("activity", "lunch")
ROOM = uid("room")
SOURCE = SIS


def pupil(n: int) -> str:
    return uid("person", n)


TEACHER, GUARDIAN, SECRET = uid("teacher"), uid("guardian"), uid("secret")


def lesson_id(n: int) -> str:
    return uid("lesson", n)


def absence_id(n: int) -> str:
    return uid("absence", n)


def attendance_id(n: int) -> str:
    return uid("attendance", n)


def check_in_id(n: int) -> str:
    return uid("check-in", n)


def person(id: str, given: str, family: str, mark: str = "Ingen", version: int = 0, **data: Any) -> Event:
    record = school.person(id, mark, givenName=given, familyName=family, **data)
    return event(school.PERSON, record, id=f"person-{id}-{version}")


def enrolled(at: str, school_type: str = "GR", **more: Any) -> dict[str, Any]:
    return school.enrolment(at, **{"schoolType": school_type, "startDate": "2024-08-15", **more})


def group(id: str, name: str, at: str, *members: str, version: int = 0, **data: Any) -> Event:
    known = {"displayName": name, "groupType": "Klass", "startDate": school.TERM, "schoolType": "GR"}
    record = school.group(*members, **{"id": id, "organisation": {"id": at}, **known, **data})
    return event(school.GROUP, record, id=f"group-{id}-{version}")


def lesson(n: int, day: str = school.DAY, activity: str = MATHS_7A, version: int = 0, **data: Any) -> Event:
    known = {
        "id": lesson_id(n), "activity": {"id": activity}, "startTime": f"{day}T09:40:00+01:00",
        "endTime": f"{day}T11:00:00+01:00", "rooms": [{"id": ROOM, "displayName": "B214"}],
        "organisation": {"id": NORTH},
    }  # fmt: skip
    return event(school.LESSON, school.lesson(**{**known, **data}), id=f"lesson-{n}-{version}")


def absence(n: int, student: str, what: str = "reported", version: int = 0, **data: Any) -> Event:
    record = school.absence(student, **{"id": absence_id(n), **data})
    return event(f"absence.{what}", record, id=f"absence-{n}-{version}")


def base() -> list[Event]:
    """Everything but who is secret."""
    return [
        event("directory.organisation.upserted", {
            "id": id, "displayName": name, "organisationType": type_, "municipalityCode": "0180", **more,
        }, id=f"organisation-{id}")
        for id, name, type_, more in (
            (BODY, "Provköpings kommun", "Huvudman", {"organisationNumber": "2120000000"}),
            (NORTH, "Norrskolan", "Skolenhet", {
                "parentOrganisation": {"id": BODY}, "schoolUnitCode": "12345678", "schoolTypes": ["GR"],
            }),
            (SOUTH, "Söderskolan", "Skolenhet", {
                "parentOrganisation": {"id": BODY}, "schoolUnitCode": "87654321", "schoolTypes": ["GRS"],
            }),
        )
    ] + [
        person(GUARDIAN, "Gun", "Öberg", emails=[{"value": "gun@example.se", "type": "Privat"}]),
        person(TEACHER, "Tore", "Ängström", emails=[{"value": "tore@example.se", "type": "Skola personal"}]),
        person(pupil(1), "Åsa", "Öberg", enrolments=[enrolled(NORTH)],
               civicNo={"value": "130102-0116"}, birthDate="2013-01-02",
               responsibles=tie(GUARDIAN)),
        person(pupil(2), "Bo", "Alm", enrolments=[enrolled(NORTH)]),
        person(pupil(3), "Zita", "Ek", enrolments=[enrolled(SOUTH, "GRS")]),
        person(pupil(4), "Ärla", "Ek", enrolments=[enrolled(NORTH, endDate="2025-06-10")]),
        group(CLASS_7A, "7A", NORTH, pupil(1), pupil(2)),
        group(CLASS_8B, "8B", SOUTH, pupil(3)),
        event("directory.duty.upserted", {
            "id": DUTY, "person": {"id": TEACHER}, "dutyAt": {"id": NORTH}, "dutyRole": "Lärare",
            "startDate": "2024-01-01", "signature": "TOÄ",
            "assignmentRole": [{"group": {"id": CLASS_7A}, "assignmentRoleType": "Mentor"}],
        }, id="duty-1"),
        event("directory.activity.upserted", {
            "id": MATHS_7A, "displayName": "Matematik 7A", "activityType": "Undervisning", "startDate": "2026-08-15",
            "calendarEventsRequired": True, "groups": [{"id": CLASS_7A}], "organisation": {"id": NORTH},
            "teachers": [{"duty": {"id": DUTY}}],
        }, id="activity-1"),
        event("directory.activity.upserted", {
            "id": LUNCH, "displayName": "Lunch 8B", "activityType": "Övrigt", "startDate": "2026-08-15",
            "calendarEventsRequired": False, "groups": [{"id": CLASS_8B}], "organisation": {"id": SOUTH},
        }, id="activity-2"),
        event("directory.room.upserted", {
            "id": ROOM, "displayName": "B214", "seats": 30, "owner": {"id": NORTH},
        }, id="room-1"),
        lesson(1), lesson(2, "2026-11-25"),
        lesson(3, activity=LUNCH, organisation={"id": SOUTH}, rooms=[],
               studentExceptions=[{"student": {"id": pupil(2)}, "participates": True}]),
        absence(1, pupil(1), registeredBy={"id": GUARDIAN}, organisation={"id": NORTH}),
        absence(2, pupil(3), startTime="2026-11-25T08:00:00+01:00", endTime="2026-11-25T12:00:00+01:00"),
        event("attendance.recorded", {
            "id": attendance_id(1), "calendarEvent": {"id": lesson_id(1)},
            "student": {"id": pupil(2)}, "isReported": True, "attendanceMinutes": 60, "invalidAbsenceMinutes": 20,
            "reporter": {"id": TEACHER}, "organisation": {"id": NORTH},
        }, id="attendance-1"),
        event("attendance.checked_in", {
            "id": check_in_id(1), "person": {"id": pupil(3)}, "eventType": "In",
            "time": "2026-11-24T07:31:00+01:00", "group": {"id": CLASS_8B}, "registeredBy": {"id": TEACHER},
        }, id="in-1"),
    ]  # fmt: skip


def secret() -> list[Event]:
    """A pupil with protected personal data, everywhere."""
    return [
        person(SECRET, "Canary", "Hemlig", HIDDEN, enrolments=[enrolled(NORTH)],
               civicNo={"value": "130303-9999"}, emails=[{"value": "canary@example.se", "type": "Privat"}]),
        absence(99, SECRET),
        event("attendance.recorded", {
            "id": attendance_id(99), "calendarEvent": {"id": lesson_id(1)},
            "student": {"id": SECRET}, "isReported": True, "attendanceMinutes": 80,
        }, id="attendance-99"),
        event("attendance.checked_in", {
            "id": check_in_id(99), "person": {"id": SECRET}, "eventType": "In",
            "time": "2026-11-24T07:31:00+01:00", "group": {"id": CLASS_8B},
        }, id="in-99"),
    ]  # fmt: skip


async def load(hub: Services, *more: Event) -> None:
    await append(hub, *base(), *more, is_current(hub, SOURCE))
