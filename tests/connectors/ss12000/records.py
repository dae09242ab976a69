"""Invented SS 12000 records for these tests, and a small school made of them."""

import uuid
from typing import Any

META = {"created": "2026-08-17T08:00:00+02:00", "modified": "2026-08-17T08:00:00+02:00"}


def id_(kind: str, n: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{kind}/{n}"))


def person(n: int, **more: Any) -> dict[str, Any]:
    return {
        "id": id_("person", n),
        "meta": META,
        "givenName": "Aina",
        "familyName": f"Exempelsson{n}",
        "securityMarking": "Ingen",
        **more,
    }


def organisation(n: int = 0) -> dict[str, Any]:
    return {
        "id": id_("organisation", n),
        "meta": META,
        "displayName": f"Skola {n}",
        "organisationType": "Skolenhet",
        "schoolTypes": ["GR"],
    }


def group(n: int, members: range | list[int], **more: Any) -> dict[str, Any]:
    return {
        "id": id_("group", n),
        "meta": META,
        "displayName": f"G{n}",
        "groupType": "Undervisning",
        "startDate": "2026-08-17",
        "organisation": {"id": id_("organisation", 0)},
        "groupMemberships": [{"person": {"id": id_("person", each)}} for each in members],
        **more,
    }


def duty(n: int, who: int) -> dict[str, Any]:
    return {
        "id": id_("duty", n),
        "meta": META,
        "person": {"id": id_("person", who)},
        "dutyAt": {"id": id_("organisation", 0)},
        "dutyRole": "Lärare",
        "startDate": "2024-08-01",
    }


def activity(n: int, **more: Any) -> dict[str, Any]:
    return {
        "id": id_("activity", n),
        "meta": META,
        "displayName": f"Ämne {n}",
        "calendarEventsRequired": True,
        "startDate": "2026-08-17",
        "activityType": "Undervisning",
        "groups": [{"id": id_("group", n)}],
        "organisation": {"id": id_("organisation", 0)},
        "teachers": [{"duty": {"id": id_("duty", 0)}}],
        **more,
    }


def lesson(n: int, start: str, end: str = "", **more: Any) -> dict[str, Any]:
    return {
        "id": id_("lesson", n),
        "meta": {"created": start, "modified": start},
        "activity": {"id": id_("activity", 0)},
        "startTime": start,
        "endTime": end or start,
        **more,
    }


def absence(n: int, who: int, start: str, end: str, **more: Any) -> dict[str, Any]:
    return {
        "id": id_("absence", n),
        "meta": META,
        "student": {"id": id_("person", who)},
        "startTime": start,
        "endTime": end,
        "type": "Anmäld frånvaro",
        **more,
    }


def school(pupils: int = 30, lessons: int = 8) -> dict[str, list[dict[str, Any]]]:
    """A unit with a group, its teacher, and a lesson an hour on Tuesday 2026-11-24."""
    return {
        "organisations": [organisation()],
        "persons": [person(n) for n in range(pupils + 1)],
        "groups": [group(0, range(1, pupils + 1))],
        "duties": [duty(0, 0)],
        "activities": [activity(0)],
        "rooms": [],
        "calendarEvents": [
            lesson(n, f"2026-11-24T{8 + n:02d}:00:00+01:00", f"2026-11-24T{8 + n:02d}:50:00+01:00")
            for n in range(lessons)
        ],
        "absences": [absence(0, 1, "2026-11-24T08:00:00+01:00", "2026-11-24T16:00:00+01:00")],
        "attendances": [],
        "attendanceEvents": [],
    }
