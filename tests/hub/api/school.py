"""Events of the invented school by number, for tests of the door."""

from typing import Any

from schemas import Event
from tests import school
from tests.school import ABSENCE, UNIT, append, enrolment, event, uid
from tests.school import DAY_CLOSED as CLOSED

__all__ = ["ABSENCE", "CLOSED", "ORGANISATION", "absence", "append", "closed_day", "current", "person", "pupil"]

ORGANISATION = UNIT


def pupil(n: int) -> str:
    return uid("person", n)


def person(n: int, mark: str = "Ingen", version: int = 0) -> Event:
    names = {"givenName": "Prov", "familyName": f"Elev{n}"}
    data = school.pupil(pupil(n), mark, enrolments=[enrolment(cancelled=False)], **names)
    return event(school.PERSON, data, id=f"person-{n}-{mark}-{version}")


def current(clock: Any) -> Event:
    return school.current(clock.utc())


def absence(n: int, pupil_n: int, type_: str = ABSENCE, **data: Any) -> Event:
    """Absence number `n`, of pupil number `pupil_n`."""
    more = {"id": uid("absence", n), "organisation": {"id": UNIT}, **data}
    return event(type_, school.absence(pupil(pupil_n), **more), id=f"absence-{n}-{type_.split('.')[3][:3]}")


def closed_day(n: int, **data: Any) -> Event:
    """Concerns no person."""
    return event(CLOSED, {"organisation": {"id": uid("closed", n)}, "date": "2026-11-25", **data}, id=f"closed-{n}")
