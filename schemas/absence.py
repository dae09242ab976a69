"""Family absence: a pupil is, or will be, away. Each notification is one entity; its data is an SS 12000 `Absence`.

Every event carries the whole notification after the change; `changed` has the previous values of the changed fields.
There is no field for the reason: SS 12000 has none, and neither a kitchen nor a premises system needs it.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from schemas.category import Category
from schemas.payload import EventSpec, Meta, Part, Payload, PersonRef, Ref, Reference, Timestamp, Uuid, was
from schemas.timestamps import parse_timestamp

AbsenceType = Literal["Anmäld frånvaro", "Beviljad ledighet"]


class AbsenceFields(Part):
    """Any fields of an SS 12000 Absence: the pupil, the times, the kind."""

    id: Annotated[Uuid | None, Category.NONE] = None
    meta: Annotated[Meta | None, Category.ATTENDANCE] = None
    student: PersonRef | None = None
    startTime: Annotated[Timestamp | None, Category.ATTENDANCE] = None
    endTime: Annotated[Timestamp | None, Category.ATTENDANCE] = None
    type: Annotated[AbsenceType | None, Category.ATTENDANCE] = None
    organisation: Reference | None = None
    registeredBy: Annotated[PersonRef | None, Category.STAFF] = None  # a guardian or staff


class Absence(Payload, AbsenceFields):
    """A whole SS 12000 Absence. An absence that ends before it starts is refused."""

    id: Annotated[Uuid, Category.NONE]
    student: PersonRef
    startTime: Annotated[Timestamp, Category.ATTENDANCE]
    endTime: Annotated[Timestamp, Category.ATTENDANCE]
    type: Annotated[AbsenceType, Category.ATTENDANCE]

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        start, end = self.startTime, self.endTime
        # Nearly all pairs have the same offset; then the texts compare as the times do, and need no parsing.
        alike = start[10] == end[10] and start[19:] == end[19:]
        if not (alike and start <= end) and parse_timestamp(end) < parse_timestamp(start):
            raise PydanticCustomError("ends_before_it_starts", "endTime is before startTime")
        return self


class AbsenceChange(Absence):
    """An absence after a change."""

    changed: AbsenceFields | None = None  # the previous values of the changed fields


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
_BARE = {name: value for name, value in _EXAMPLE.items() if name not in ("organisation", "registeredBy")}
_CORRECTED = {"endTime": "2026-11-24T12:00:00+01:00", "changed": {"endTime": "2026-11-24T16:00:00+01:00"}}


def _spec(what: str, *examples: dict[str, Any], changes: bool = False) -> EventSpec:
    return EventSpec(
        type=f"se.skolnav.absence.{what}.v1",
        subject=_STUDENT,
        key=_STUDENT,
        entity=Ref("absence", "id"),
        about=("student.id",),
        mentions=(*was("registeredBy.id"), "changed.student.id") if changes else ("registeredBy.id",),
        organisations=("organisation.id",),
        makes=not changes,
        examples=examples,
    )


class AbsenceReported(Absence):
    """A guardian or the school says that a pupil is, or will be, away (anmäld frånvaro)."""

    spec = _spec("reported", _EXAMPLE, _BARE)


class AbsenceChanged(AbsenceChange):
    """The times or the kind of an absence were corrected."""

    spec = _spec("changed", {**_EXAMPLE, **_CORRECTED}, {**_BARE, "endTime": "2026-11-25T16:00:00+01:00"}, changes=True)


class AbsenceWithdrawn(AbsenceChange):
    """An absence was withdrawn: the pupil is present. The data is the notification as it was."""

    spec = _spec("withdrawn", _EXAMPLE, changes=True)


class LeaveGranted(Absence):
    """Leave was granted (beviljad ledighet, Education Act 7:18)."""

    spec = _spec("leave_granted", {**_EXAMPLE, "type": "Beviljad ledighet"})


TYPES = (AbsenceReported, AbsenceChanged, AbsenceWithdrawn, LeaveGranted)
