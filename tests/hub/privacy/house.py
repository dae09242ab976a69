"""A small world for tests of directory and gate: the real catalogue, directory and gate, events without a log.

Invented people only. `say` makes an event durable in name: it is described by the catalogue, given a place and told
to the directory, as the log's writer does.
"""

import itertools
import uuid
from datetime import datetime
from typing import Any

import orjson

from hub.bus.base import Place, Stored
from hub.clock import to_us
from hub.directory.directory import Directory
from hub.keys import Keys
from hub.privacy.base import Decision, PayloadLevel, Recipient
from hub.privacy.gate import PrivacyGate
from schemas import Catalogue, Category, DataContract, Event, Scope, core_catalogue
from tests.clock import HandClock

SIS = "urn:test:sis"
OTHER = "urn:test:other"
ALL = frozenset(Category)

PERSON = "se.skolnav.directory.person.upserted.v1"
PERSON_GONE = "se.skolnav.directory.person.deleted.v1"
CURRENT = "se.skolnav.directory.current.v1"
GROUP = "se.skolnav.directory.group.upserted.v1"
DUTY = "se.skolnav.directory.duty.upserted.v1"
ORGANISATION = "se.skolnav.directory.organisation.upserted.v1"
ACTIVITY = "se.skolnav.directory.activity.upserted.v1"
ROOM = "se.skolnav.directory.room.upserted.v1"
DIET = "se.skolnav.directory.diet.upserted.v1"
ABSENCE = "se.skolnav.absence.reported.v1"
ABSENCE_CHANGED = "se.skolnav.absence.changed.v1"
LESSON = "se.skolnav.schedule.lesson.scheduled.v1"
LESSON_CHANGED = "se.skolnav.schedule.lesson.changed.v1"


def uid(name: str) -> str:
    """The same UUID for the same name, in every test and world."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


SCHOOL, UNIT, ELSEWHERE = uid("school"), uid("unit"), uid("elsewhere")


def contract(*categories: Category, purpose: str = "test", **scope: Any) -> DataContract:
    return DataContract(
        purpose=purpose,
        legal_basis="test",
        categories=frozenset(categories),
        scope=Scope(**{name: frozenset(value) for name, value in scope.items()}),
    )


def recipient(
    *contracts: DataContract, name: str = "client/acme", level: PayloadLevel = PayloadLevel.FULL, **rest: bool
) -> Recipient:
    return Recipient(name, contracts or (contract(*ALL),), level, **rest)


def person(id: str, mark: str | None = "Ingen", **rest: Any) -> dict[str, Any]:
    """An SS 12000 Person; `mark` None leaves the marking out."""
    data: dict[str, Any] = {"id": id, "personStatus": "Aktiv", **rest}
    if mark is not None:
        data["securityMarking"] = mark
    return data


def pupil(id: str, mark: str | None = "Ingen", at: str = UNIT, **rest: Any) -> dict[str, Any]:
    enrolment = {"enroledAt": {"id": at}, "schoolType": "GR", "schoolYear": 7, "startDate": "2026-08-17"}
    return person(id, mark, **{"enrolments": [enrolment], **rest})


def absence(student: str, /, **rest: Any) -> dict[str, Any]:
    return {
        "id": uid(f"absence {student}"),
        "student": {"id": student},
        "startTime": "2026-11-24T08:00:00+01:00",
        "endTime": "2026-11-24T16:00:00+01:00",
        "type": "Anmäld frånvaro",
        **rest,
    }


def lesson(**rest: Any) -> dict[str, Any]:
    return {
        "id": uid("lesson"),
        "activity": {"id": uid("activity")},
        "startTime": "2026-11-24T09:40:00+01:00",
        "endTime": "2026-11-24T11:00:00+01:00",
        **rest,
    }


class House:
    """Directory and gate on a clock in the test's hand."""

    def __init__(self, catalogue: Catalogue | None = None, current: bool = True) -> None:
        self.clock = HandClock()
        self.catalogue = catalogue or core_catalogue()
        self.problems: list[tuple[str, str]] = []
        self.directory = Directory(self.clock, on_problem=lambda code, id: self.problems.append((code, id)))
        self.gate = PrivacyGate(self.catalogue, self.directory, Keys(b"k" * 32), self.clock, "test")
        self._numbers = itertools.count(1)
        if current:
            self.current()

    def stored(self, type_: str, data: dict[str, Any], source: str = SIS, **attributes: Any) -> Stored:
        """An event as the log would keep it. The directory is not told."""
        number = next(self._numbers)
        now = self.clock.utc()
        event = Event(
            {
                "specversion": "1.0", "id": f"e{number}", "source": source, "type": type_, "time": now.isoformat(),
                "datacontenttype": "application/json", **attributes,
            },
            data,
        )  # fmt: skip
        id_ = event.id
        described = self.catalogue.describe(event)
        whole = {**described.event.to_dict(), "sequence": f"{to_us(now) + number:016d}"}
        return Stored(
            Place(number), type_, source, id_, described.subject, described.key, described.entity,
            described.about, described.organisations, described.extras, to_us(now),
            orjson.dumps(whole, option=orjson.OPT_SORT_KEYS),
        )  # fmt: skip

    def say(self, type_: str, data: dict[str, Any], source: str = SIS, **attributes: Any) -> Stored:
        """An event that the directory has been told of."""
        stored = self.stored(type_, data, source, **attributes)
        self.directory.observe((stored,))
        return stored

    def current(self, source: str = SIS, as_of: datetime | None = None) -> Stored:
        return self.say(CURRENT, {"asOf": (as_of or self.clock.utc()).isoformat()}, source)

    def tree(self) -> None:
        """A school with one unit, and a unit elsewhere."""
        self.say(ORGANISATION, {"id": SCHOOL, "organisationType": "Skola"})
        self.say(ORGANISATION, {"id": UNIT, "parentOrganisation": {"id": SCHOOL}, "schoolTypes": ["GR"]})
        self.say(ORGANISATION, {"id": ELSEWHERE, "schoolTypes": ["GY"]})

    def later(self, **passed: float) -> None:
        self.clock.move(**passed)

    def decide(self, stored: Stored, to: Recipient, **how: bool) -> Decision:
        return self.gate.decide(stored, to, **how)

    def bytes_for(self, stored: Stored, to: Recipient) -> bytes | None:
        """What leaves for this recipient now; None if nothing does."""
        decision = self.gate.decide(stored, to)
        return self.gate.permit(decision) if decision.allowed else None

    def seen(self, stored: Stored, to: Recipient) -> Any:
        """The data in what leaves. Fails if nothing does."""
        body = self.bytes_for(stored, to)
        assert body is not None, self.gate.decide(stored, to).rule
        return orjson.loads(body)["data"]
