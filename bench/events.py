"""The events that are sent: invented people, made from templates, so that making them costs next to nothing."""

import itertools
import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

SOURCE: Final = "urn:bench:sis"
ORGANISATION: Final = str(uuid.UUID(int=0x0D4D1C528A2E4A359D1B7F7C1F0F4A10))
PERSONS: Final = [str(uuid.uuid5(uuid.NAMESPACE_URL, f"urn:bench:person:{n}")) for n in range(1000)]
KITCHENS: Final = [f"K-{n:03d}" for n in range(200)]
SIZE: Final = 1024  # bytes of one event as it is sent

_TIME: Final = "2026-11-24T07:42:00+01:00"
_numbers = itertools.count(1)
_run = uuid.uuid4().hex[:8]  # ids differ between runs on the same data

Make = Callable[[], bytes]
"""Makes the next event of a family."""


def directory() -> Iterator[bytes]:
    """What the hub must know before events about persons pass: a school unit, its pupils, and that this is all."""
    meta = {"created": _TIME, "modified": _TIME}
    yield _event(
        "se.skolnav.directory.organisation.upserted.v1",
        {
            "id": ORGANISATION,
            "meta": meta,
            "displayName": "Mätskolan",
            "organisationType": "Skolenhet",
            "schoolTypes": ["GR"],
        },
    )
    for number, person in enumerate(PERSONS):
        yield _event(
            "se.skolnav.directory.person.upserted.v1",
            {
                "id": person,
                "meta": meta,
                "givenName": f"Elev{number}",
                "familyName": "Påhittad",
                "securityMarking": "Ingen",
                "personStatus": "Aktiv",
                "enrolments": [
                    {
                        "enroledAt": {"id": ORGANISATION},
                        "schoolType": "GR",
                        "schoolYear": 7,
                        "startDate": "2026-08-17",
                        "cancelled": False,
                    }
                ],
            },
        )
    yield _event("se.skolnav.directory.current.v1", {"asOf": datetime.now(UTC).isoformat()})


def absences(size: int = SIZE) -> Make:
    """Absences of 1,000 pupils in turn: events about a person, from which a recipient without `staff` gets less."""
    data = {
        "id": "@entity@",
        "student": {"id": "@person@"},
        "startTime": "2026-11-24T08:00:00+01:00",
        "endTime": "2026-11-24T16:00:00+01:00",
        "type": "Anmäld frånvaro",
        "organisation": {"id": ORGANISATION, "displayName": "@pad@"},
        "registeredBy": {"id": PERSONS[0]},
    }
    persons = itertools.cycle(PERSONS)
    make = _template("se.skolnav.absence.reported.v1", data, ("@entity@", "@person@"), size)
    return lambda: make(str(uuid.uuid4()), next(persons))


def meals(size: int = SIZE) -> Make:
    """Kitchens' orders: events that concern no person."""
    data = {
        "kitchen": "@kitchen@",
        "schoolUnits": [{"id": ORGANISATION, "displayName": "@pad@"}],
        "date": "2026-11-24",
        "sitting": "1",
        "servingTime": "11:10",
        "revision": 1,
        "status": "preliminary",
        "due": _TIME,
        "asOf": _TIME,
        "counts": [{"diet": "NORMAL", "portions": 208}, {"diet": "GLUTENFRI", "portions": 4}],
        "staffPortions": 9,
        "enrolled": 235,
        "absent": 23,
        "complete": True,
    }
    kitchens = itertools.cycle(KITCHENS)
    make = _template("se.skolnav.meals.count.v1", data, ("@kitchen@",), size)
    return lambda: make(next(kitchens))


def batch(make: Make, number: int) -> bytes:
    return b"[" + b",".join(make() for _ in range(number)) + b"]"


def _event(type_: str, data: Any, id_: str | None = None) -> bytes:
    envelope = {
        "specversion": "1.0",
        "id": id_ or f"evt-{_run}-{next(_numbers):010d}",
        "source": SOURCE,
        "type": type_,
        "time": _TIME,
        "datacontenttype": "application/json",
        "data": data,
    }
    return json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode()


def _template(type_: str, data: Any, holes: tuple[str, ...], size: int) -> Callable[..., bytes]:
    """A function of the holes' values, in the order in which they stand in `data`, that gives a whole event."""
    text = _event(type_, data, "@id@").replace(b"%", b"%%")
    for hole in ("@id@", *holes):
        text = text.replace(hole.encode(), b"%b")
    filled = text.replace(b"@pad@", b"") % tuple(
        b"x" * n for n in (23, *(36 if h != "@kitchen@" else 5 for h in holes))
    )
    text = text.replace(b"@pad@", b"x" * max(1, size - len(filled)))

    def make(*values: str) -> bytes:
        return text % (b"evt-%b-%010d" % (_run.encode(), next(_numbers)), *(value.encode() for value in values))

    return make
