"""Family absence: that a pupil is, or will be, away. One entity per notification, SS 12000 `Absence` inside.

Every event carries the whole notification after the change; `changed` gives the previous values of what changed.
No reason travels: SS 12000 has no field for it, and a kitchen or a premises system needs none.
"""

from typing import Annotated, Any, Literal

from schemas.category import Category
from schemas.payload import EventSpec, Payload, PersonRef, Ref, Reference, Timestamp, Uuid


class Absence(Payload):
    """SS 12000 Absence: who, when, of which kind."""

    id: Annotated[Uuid, Category.NONE]
    student: PersonRef
    startTime: Annotated[Timestamp, Category.ATTENDANCE]
    endTime: Annotated[Timestamp, Category.ATTENDANCE]
    type: Annotated[Literal["Anmäld frånvaro", "Beviljad ledighet"], Category.ATTENDANCE]
    organisation: Reference | None = None
    registeredBy: Annotated[PersonRef | None, Category.STAFF] = None


class AbsenceChange(Absence):
    """An absence after a change."""

    changed: Annotated[dict[str, Any] | None, Category.ATTENDANCE] = None  # field -> its previous value


_STUDENT = Ref("person", "student.id")
_EXAMPLE = {
    "id": "6f1f6a2e-6d0b-4b0e-9a54-0a3f0f5a7c11",
    "student": {"id": "3b0b6f0e-0b52-4f0c-8f52-5d9a3a1f2c01"},
    "startTime": "2026-11-24T08:00:00+01:00",
    "endTime": "2026-11-24T16:00:00+01:00",
    "type": "Anmäld frånvaro",
    "organisation": {"id": "0d4d1c52-8a2e-4a35-9d1b-7f7c1f0f4a10"},
    "registeredBy": {"id": "9e2a5a0c-4a4e-4a43-8d9e-0c7b5a1b2c03"},
}


def _spec(what: str, **example: Any) -> EventSpec:
    return EventSpec(
        type=f"se.skolnav.absence.{what}.v1",
        subject=_STUDENT,
        key=_STUDENT,
        entity=Ref("absence", "id"),
        about=("student.id",),
        mentions=("registeredBy.id",),
        organisations=("organisation.id",),
        examples=({**_EXAMPLE, **example},),
    )


class AbsenceReported(Absence):
    """A guardian or the school says that a pupil is, or will be, away (anmäld frånvaro)."""

    spec = _spec("reported")


class AbsenceChanged(AbsenceChange):
    """The times or the kind of an absence were corrected."""

    spec = _spec("changed", endTime="2026-11-24T12:00:00+01:00", changed={"endTime": "2026-11-24T16:00:00+01:00"})


class AbsenceWithdrawn(AbsenceChange):
    """An absence was taken back: the pupil is there. The data is the notification as it was."""

    spec = _spec("withdrawn")


class LeaveGranted(Absence):
    """Leave was granted (beviljad ledighet, Education Act 7:18)."""

    spec = _spec("leave_granted", type="Beviljad ledighet")


TYPES = (AbsenceReported, AbsenceChanged, AbsenceWithdrawn, LeaveGranted)
