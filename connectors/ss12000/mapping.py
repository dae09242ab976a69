"""Pure: from a record that was read to the events that tell it, and to what is kept to know it again.

What is kept of a record is small: a digest, and what other records need of it (whose duty, which groups, who is a
member). Only lessons and absences are kept whole, since their events tell what was before.
"""

from collections.abc import Mapping
from typing import Any, Final

from connectors.ss12000.kinds import (
    ABSENCES,
    ACTIVITIES,
    ATTENDANCES,
    DUTIES,
    GROUPS,
    LESSONS,
    PRESENCES,
    Kind,
)
from connectors.ss12000.lessons import Told, of_activity, vanished
from connectors.ss12000.reader import alike, objects, ref, without_meta
from schemas import Payload
from schemas.absence import AbsenceChanged, AbsenceFields, AbsenceReported, AbsenceWithdrawn, LeaveGranted
from schemas.attendance import AttendanceRecorded, CheckedIn, CheckedOut

_PRESENCE: Final[Mapping[str, type[Payload]]] = {"In": CheckedIn, "Ut": CheckedOut}
_LEAVE: Final = "Beviljad ledighet"


def digest_kept(kept: Any) -> str | None:
    """The digest in what is kept of a record."""
    if isinstance(kept, list):
        kept = kept[0]
    elif isinstance(kept, Mapping):
        kept = kept.get("d")
    return kept if isinstance(kept, str) else None


def to_keep(kind: Kind, record: Mapping[str, Any], digest: str, day: str) -> Any:
    """What is kept of a record, as a JSON value. `day`: today, for what is forgotten by age."""
    if kind is GROUPS:
        members = (ref(item, "person") for item in objects(record.get("groupMemberships")))
        return [digest, sorted({member for member in members if member})]
    if kind is DUTIES:
        return [digest, ref(record, "person")]
    if kind is ACTIVITIES:
        return [digest, of_activity(record)]
    if kind is ABSENCES:
        return {"d": digest, "a": without_meta(record)}
    if kind in (ATTENDANCES, PRESENCES):
        return [digest, day]
    return digest


def tell(kind: Kind, record: dict[str, Any], before: Any) -> Told | None:
    """What a new or changed record of any kind but a lesson tells; None if nothing that a receiver could see."""
    if kind.upserted is not None:
        return kind.upserted, record
    if kind is ABSENCES:
        return _absence(record, before["a"] if before is not None else None)
    if kind is ATTENDANCES:
        return AttendanceRecorded, {name: value for name, value in record.items() if name != "absenceReason"}
    model = _PRESENCE.get(record["eventType"])
    # What a pupil's card registered stays: a correction of it is a new word about the same moment.
    return (model, record) if model is not None else None


def tell_gone(kind: Kind, id: str, before: Any, deleted_at: str | None = None) -> Told | None:
    """What the end of a record tells; None where no event can."""
    if kind.deleted is not None:
        gone: dict[str, Any] = {"id": id}
        if deleted_at is not None:
            gone["deletedAt"] = deleted_at
        if kind is DUTIES and isinstance(before, list) and before[1]:
            gone["person"] = {"id": before[1]}
        return kind.deleted, gone
    if kind is LESSONS:
        return vanished(before["l"])
    if kind is ABSENCES:
        return AbsenceWithdrawn, dict(before["a"])
    return None


def _absence(record: dict[str, Any], before: Mapping[str, Any] | None) -> Told | None:
    if before is None:
        return (LeaveGranted if record["type"] == _LEAVE else AbsenceReported), record
    changed = {
        name: before.get(name)
        for name in AbsenceFields.model_fields
        if name not in ("id", "meta") and not alike(before.get(name), record.get(name))
    }
    return (AbsenceChanged, {**record, "changed": changed}) if changed else None
