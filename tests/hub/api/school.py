"""An invented school as events: who is there, and who is away."""

from typing import Any

from schemas import Event

ORGANISATION = "0d4d1c52-8a2e-4a35-9d1b-7f7c1f0f4a10"
SOURCE = "urn:prov:sis"
CLOSED = "se.skolnav.schedule.day.closed.v1"
ABSENCE = "se.skolnav.absence.reported.v1"


def pupil(n: int) -> str:
    return f"{n:08x}-0000-4000-8000-000000000000"


def person(n: int, mark: str = "Ingen", version: int = 0) -> Event:
    return Event(
        {
            "specversion": "1.0",
            "id": f"person-{n}-{mark}-{version}",
            "source": SOURCE,
            "type": "se.skolnav.directory.person.upserted.v1",
        },
        {
            "id": pupil(n),
            "givenName": "Prov",
            "familyName": f"Elev{n}",
            "securityMarking": mark,
            "personStatus": "Aktiv",
            "enrolments": [
                {"enroledAt": {"id": ORGANISATION}, "schoolType": "GR", "startDate": "2024-08-15", "cancelled": False}
            ],
        },
    )


def current(clock: Any) -> Event:
    return Event(
        {
            "specversion": "1.0",
            "id": f"current-{clock.utc().isoformat()}",
            "source": SOURCE,
            "type": "se.skolnav.directory.current.v1",
        },
        {"asOf": clock.utc().isoformat()},
    )


def absence(n: int, pupil_n: int, type_: str = ABSENCE, **data: Any) -> Event:
    return Event(
        {"specversion": "1.0", "id": f"absence-{n}-{type_.split('.')[3][:3]}", "source": SOURCE, "type": type_},
        {
            "id": f"{n:08x}-1111-4111-8111-111111111111",
            "student": {"id": pupil(pupil_n)},
            "startTime": "2026-11-24T08:00:00+01:00",
            "endTime": "2026-11-24T16:00:00+01:00",
            "type": "Anmäld frånvaro",
            "organisation": {"id": ORGANISATION},
            **data,
        },
    )


def closed_day(n: int, **data: Any) -> Event:
    """Concerns no person."""
    return Event(
        {"specversion": "1.0", "id": f"closed-{n}", "source": SOURCE, "type": CLOSED},
        {"organisation": {"id": f"{n:08x}-2222-4222-8222-222222222222"}, "date": "2026-11-25", **data},
    )


async def append(hub: Any, *events: Event) -> None:
    await hub.log.append([hub.catalogue.describe(event) for event in events])
