"""An invented municipality of two schools, small enough to know by heart."""

from typing import Any

from hub.assembly.services import Services
from schemas import Event
from tests.hub.ss12000.conftest import append, event, is_current

BODY, NORTH, SOUTH = (f"0d4d1c52-8a2e-4a35-9d1b-{n:012x}" for n in (1, 2, 3))
CLASS_7A, CLASS_8B, MATHS = (f"9a000000-0000-4000-8000-{n:012x}" for n in (1, 2, 3))
DUTY, OTHER_DUTY = (f"d0000000-0000-4000-8000-{n:012x}" for n in (1, 2))
MATHS_7A, LUNCH = (f"ac000000-0000-4000-8000-{n:012x}" for n in (1, 2))
ROOM = "50000000-0000-4000-8000-000000000001"
SOURCE = "urn:prov:sis"


def pupil(n: int) -> str:
    """In an order of its own, so that the order of ids is not that of numbers."""
    return f"{(n * 37) % 251:08x}-0000-4000-8000-{n:012x}"


TEACHER, GUARDIAN, SECRET = pupil(201), pupil(202), pupil(203)


def lesson_id(n: int) -> str:
    return f"77ab0000-0000-4000-8000-{n:012x}"


def person(id: str, given: str, family: str, mark: str = "Ingen", version: int = 0, **data: Any) -> Event:
    return event(
        "directory.person.upserted", f"person-{id}-{version}",
        {"id": id, "givenName": given, "familyName": family, "securityMarking": mark, "personStatus": "Aktiv", **data},
        SOURCE,
    )  # fmt: skip


def enrolled(at: str, school_type: str = "GR", **more: Any) -> dict[str, Any]:
    return {"enroledAt": {"id": at}, "schoolType": school_type, "startDate": "2024-08-15", "schoolYear": 7, **more}


def group(id: str, name: str, at: str, *members: str, version: int = 0, **data: Any) -> Event:
    return event(
        "directory.group.upserted", f"group-{id}-{version}",
        {
            "id": id, "displayName": name, "groupType": "Klass", "startDate": "2026-08-15", "schoolType": "GR",
            "organisation": {"id": at},
            "groupMemberships": [{"person": {"id": each}, "startDate": "2026-08-15"} for each in members], **data,
        },
        SOURCE,
    )  # fmt: skip


def lesson(n: int, day: str = "2026-11-24", activity: str = MATHS_7A, version: int = 0, **data: Any) -> Event:
    return event(
        "schedule.lesson.scheduled", f"lesson-{n}-{version}",
        {
            "id": lesson_id(n), "activity": {"id": activity}, "startTime": f"{day}T09:40:00+01:00",
            "endTime": f"{day}T11:00:00+01:00", "rooms": [{"id": ROOM, "displayName": "B214"}],
            "organisation": {"id": NORTH}, **data,
        },
        SOURCE,
    )  # fmt: skip


def absence(n: int, student: str, what: str = "reported", version: int = 0, **data: Any) -> Event:
    return event(
        f"absence.{what}", f"absence-{n}-{version}",
        {
            "id": f"6f000000-0000-4000-8000-{n:012x}", "student": {"id": student}, "type": "Anmäld frånvaro",
            "startTime": "2026-11-24T08:00:00+01:00", "endTime": "2026-11-24T16:00:00+01:00", **data,
        },
        SOURCE,
    )  # fmt: skip


def base() -> list[Event]:
    """Everything but who is secret."""
    return [
        event("directory.organisation.upserted", f"organisation-{id}", {
            "id": id, "displayName": name, "organisationType": type_, "municipalityCode": "0180", **more,
        }, SOURCE)
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
               responsibles=[{"person": {"id": GUARDIAN}, "relationType": "Vårdnadshavare"}]),
        person(pupil(2), "Bo", "Alm", enrolments=[enrolled(NORTH)]),
        person(pupil(3), "Zita", "Ek", enrolments=[enrolled(SOUTH, "GRS")]),
        person(pupil(4), "Ärla", "Ek", enrolments=[enrolled(NORTH, endDate="2025-06-10")]),
        group(CLASS_7A, "7A", NORTH, pupil(1), pupil(2)),
        group(CLASS_8B, "8B", SOUTH, pupil(3)),
        event("directory.duty.upserted", "duty-1", {
            "id": DUTY, "person": {"id": TEACHER}, "dutyAt": {"id": NORTH}, "dutyRole": "Lärare",
            "startDate": "2024-01-01", "signature": "TOÄ",
            "assignmentRole": [{"group": {"id": CLASS_7A}, "assignmentRoleType": "Mentor"}],
        }, SOURCE),
        event("directory.activity.upserted", "activity-1", {
            "id": MATHS_7A, "displayName": "Matematik 7A", "activityType": "Undervisning", "startDate": "2026-08-15",
            "calendarEventsRequired": True, "groups": [{"id": CLASS_7A}], "organisation": {"id": NORTH},
            "teachers": [{"duty": {"id": DUTY}}],
        }, SOURCE),
        event("directory.activity.upserted", "activity-2", {
            "id": LUNCH, "displayName": "Lunch 8B", "activityType": "Övrigt", "startDate": "2026-08-15",
            "calendarEventsRequired": False, "groups": [{"id": CLASS_8B}], "organisation": {"id": SOUTH},
        }, SOURCE),
        event("directory.room.upserted", "room-1", {
            "id": ROOM, "displayName": "B214", "seats": 30, "owner": {"id": NORTH},
        }, SOURCE),
        lesson(1), lesson(2, "2026-11-25"),
        lesson(3, activity=LUNCH, organisation={"id": SOUTH}, rooms=[],
               studentExceptions=[{"student": {"id": pupil(2)}, "participates": True}]),
        absence(1, pupil(1), registeredBy={"id": GUARDIAN}, organisation={"id": NORTH}),
        absence(2, pupil(3), startTime="2026-11-25T08:00:00+01:00", endTime="2026-11-25T12:00:00+01:00"),
        event("attendance.recorded", "attendance-1", {
            "id": "a7000000-0000-4000-8000-000000000001", "calendarEvent": {"id": lesson_id(1)},
            "student": {"id": pupil(2)}, "isReported": True, "attendanceMinutes": 60, "invalidAbsenceMinutes": 20,
            "reporter": {"id": TEACHER}, "organisation": {"id": NORTH},
        }, SOURCE),
        event("attendance.checked_in", "in-1", {
            "id": "c4000000-0000-4000-8000-000000000001", "person": {"id": pupil(3)}, "eventType": "In",
            "time": "2026-11-24T07:31:00+01:00", "group": {"id": CLASS_8B}, "registeredBy": {"id": TEACHER},
        }, SOURCE),
    ]  # fmt: skip


def secret() -> list[Event]:
    """A pupil with protected personal data, everywhere."""
    return [
        person(SECRET, "Canary", "Hemlig", "Sekretessmarkering", enrolments=[enrolled(NORTH)],
               civicNo={"value": "130303-9999"}, emails=[{"value": "canary@example.se", "type": "Privat"}]),
        absence(99, SECRET),
        event("attendance.recorded", "attendance-99", {
            "id": "a7000000-0000-4000-8000-000000000099", "calendarEvent": {"id": lesson_id(1)},
            "student": {"id": SECRET}, "isReported": True, "attendanceMinutes": 80,
        }, SOURCE),
        event("attendance.checked_in", "in-99", {
            "id": "c4000000-0000-4000-8000-000000000099", "person": {"id": SECRET}, "eventType": "In",
            "time": "2026-11-24T07:31:00+01:00", "group": {"id": CLASS_8B},
        }, SOURCE),
    ]  # fmt: skip


async def load(hub: Services, *more: Event) -> None:
    await append(hub, *base(), *more, is_current(hub, SOURCE))
