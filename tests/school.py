"""The one invented school of the tests: its ids, its SS 12000 records, and events made of them.

A record has what the standard requires, or what every test needs; further fields are keyword arguments. Everybody here
is invented. A suite with a peculiarity of its own builds it on top of these functions.
"""

import uuid
from datetime import datetime
from typing import Any, Final

from schemas import Event

Record = dict[str, Any]

SIS: Final = "urn:prov:sis"
OTHER: Final = "urn:prov:other"
"""Another source of the same school's records."""

PERSON: Final = "se.skolnav.directory.person.upserted.v1"
PERSON_GONE: Final = "se.skolnav.directory.person.deleted.v1"
CURRENT: Final = "se.skolnav.directory.current.v1"
GROUP: Final = "se.skolnav.directory.group.upserted.v1"
DUTY: Final = "se.skolnav.directory.duty.upserted.v1"
ORGANISATION: Final = "se.skolnav.directory.organisation.upserted.v1"
ACTIVITY: Final = "se.skolnav.directory.activity.upserted.v1"
ROOM: Final = "se.skolnav.directory.room.upserted.v1"
DIET: Final = "se.skolnav.directory.diet.upserted.v1"
ABSENCE: Final = "se.skolnav.absence.reported.v1"
ABSENCE_CHANGED: Final = "se.skolnav.absence.changed.v1"
LESSON: Final = "se.skolnav.schedule.lesson.scheduled.v1"
LESSON_CHANGED: Final = "se.skolnav.schedule.lesson.changed.v1"
DAY_CLOSED: Final = "se.skolnav.schedule.day.closed.v1"

DAY: Final = "2026-11-24"
"""A Tuesday in the term: the day of every lesson and absence that is given no other."""

TERM: Final = "2026-08-17"
"""The first day of the term."""


def uid(*name: str | int) -> str:
    """The same UUID for the same name, in every test, process and world. The order of UUIDs is not that of names."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(map(str, name))))


SCHOOL, UNIT, ELSEWHERE = uid("school"), uid("unit"), uid("elsewhere")
"""A school with one unit, and a unit elsewhere in the municipality."""

HIDDEN: Final = "Sekretessmarkering"


# -- records ----------------------------------------------------------------------------------------------------------


def person(id: str, mark: str | None = "Ingen", **more: Any) -> Record:
    """`mark` None leaves the marking out."""
    marking = {} if mark is None else {"securityMarking": mark}
    return {"id": id, "personStatus": "Aktiv", **marking, **more}


def enrolment(at: str = UNIT, **more: Any) -> Record:
    return {"enroledAt": {"id": at}, "schoolType": "GR", "schoolYear": 7, "startDate": TERM, **more}


def pupil(id: str, mark: str | None = "Ingen", at: str = UNIT, **more: Any) -> Record:
    return person(id, mark, **{"enrolments": [enrolment(at)], **more})


def tie(*guardians: str) -> list[Record]:
    """What ties a pupil to guardians."""
    return [{"person": {"id": each}, "relationType": "Vårdnadshavare"} for each in guardians]


def organisation(id: str = UNIT, **more: Any) -> Record:
    return {"id": id, "displayName": "Provskolan", "organisationType": "Skolenhet", "schoolTypes": ["GR"], **more}


def group(*members: str, **more: Any) -> Record:
    memberships = [{"person": {"id": each}, "startDate": TERM} for each in members]
    return {"id": uid("group"), "organisation": {"id": UNIT}, "groupMemberships": memberships, **more}


def duty(teacher: str, **more: Any) -> Record:
    return {"id": uid("duty", teacher), "person": {"id": teacher}, "dutyAt": {"id": UNIT}, **more}


def activity(**more: Any) -> Record:
    return {"id": uid("activity"), "organisation": {"id": UNIT}, **more}


def room(**more: Any) -> Record:
    return {"id": uid("room"), "displayName": "B214", "owner": {"id": UNIT}, **more}


def diet(who: str, *codes: str, **more: Any) -> Record:
    return {"id": uid("diet", who), "person": {"id": who}, "codes": list(codes), **more}


def lesson(**more: Any) -> Record:
    return {
        "id": uid("lesson"),
        "activity": {"id": uid("activity")},
        "startTime": f"{DAY}T09:40:00+01:00",
        "endTime": f"{DAY}T11:00:00+01:00",
        **more,
    }


def absence(student: str, /, **more: Any) -> Record:
    return {
        "id": uid("absence", student),
        "student": {"id": student},
        "startTime": f"{DAY}T08:00:00+01:00",
        "endTime": f"{DAY}T16:00:00+01:00",
        "type": "Anmäld frånvaro",
        **more,
    }


# -- events -----------------------------------------------------------------------------------------------------------


def envelope(type_: str, data: Record, *, id: str | None = None, source: str = SIS, **attributes: Any) -> Record:
    """An event in the JSON event format, under a random id unless it is given one.

    `type_` is a whole type or the middle of one of the hub's own: `absence.reported`.
    """
    whole = type_ if type_.endswith(".v1") else f"se.skolnav.{type_}.v1"
    made = {"specversion": "1.0", "id": id or str(uuid.uuid4()), "source": source, "type": whole, **attributes}
    return {**made, "data": data}


def event(type_: str, data: Record, *, id: str | None = None, source: str = SIS, **attributes: Any) -> Event:
    """The same as an `Event`."""
    made = envelope(type_, data, id=id, source=source, **attributes)
    return Event({name: value for name, value in made.items() if name != "data"}, data)


def current(as_of: datetime, source: str = SIS) -> Event:
    """The source has published everything that it knew at this time."""
    return event(CURRENT, {"asOf": as_of.isoformat()}, id=f"current-{source}-{as_of.isoformat()}", source=source)


async def append(hub: Any, *events: Event) -> None:
    """Store events in a hub's log (anything with a `log` and a `catalogue`)."""
    await hub.log.append([hub.catalogue.describe(each) for each in events])
