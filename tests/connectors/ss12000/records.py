"""The invented school's records by number, as a school system sends them, and a small school made of them."""

from typing import Any

from tests import school as invented
from tests.school import uid as id_

META = {"created": "2026-08-17T08:00:00+02:00", "modified": "2026-08-17T08:00:00+02:00"}


def person(n: int, **more: Any) -> dict[str, Any]:
    names = {"givenName": "Aina", "familyName": f"Exempelsson{n}"}
    return {**invented.person(id_("person", n)), "meta": META, **names, **more}


def organisation(n: int = 0) -> dict[str, Any]:
    return invented.organisation(id_("organisation", n), meta=META, displayName=f"Skola {n}")


def group(n: int, members: range | list[int], **more: Any) -> dict[str, Any]:
    known = {"id": id_("group", n), "meta": META, "organisation": {"id": id_("organisation", 0)}}
    named = {"displayName": f"G{n}", "groupType": "Undervisning", "startDate": invented.TERM}
    return invented.group(*(id_("person", each) for each in members), **{**known, **named, **more})


def duty(n: int, who: int) -> dict[str, Any]:
    known = {"id": id_("duty", n), "meta": META, "dutyAt": {"id": id_("organisation", 0)}}
    return invented.duty(id_("person", who), **known, dutyRole="Lärare", startDate="2024-08-01")


def activity(n: int, **more: Any) -> dict[str, Any]:
    known = {"id": id_("activity", n), "meta": META, "organisation": {"id": id_("organisation", 0)}}
    named = {"displayName": f"Ämne {n}", "activityType": "Undervisning", "startDate": invented.TERM}
    taught = {"groups": [{"id": id_("group", n)}], "teachers": [{"duty": {"id": id_("duty", 0)}}]}
    return invented.activity(**{**known, **named, "calendarEventsRequired": True, **taught, **more})


def lesson(n: int, start: str, end: str = "", **more: Any) -> dict[str, Any]:
    known = {"id": id_("lesson", n), "meta": {"created": start, "modified": start}}
    times = {"activity": {"id": id_("activity", 0)}, "startTime": start, "endTime": end or start}
    return invented.lesson(**{**known, **times, **more})


def absence(n: int, who: int, start: str, end: str, **more: Any) -> dict[str, Any]:
    known = {"id": id_("absence", n), "meta": META, "startTime": start, "endTime": end}
    return invented.absence(id_("person", who), **{**known, **more})


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
