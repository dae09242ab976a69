"""Pure: from a record to its events, and to the little that the connector keeps to know it again.

It keeps a digest, and the parts that other records need (a duty's person, a lesson's groups, a group's members). It
keeps only lessons and absences whole, since their events carry previous values.
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
    ORGANISATIONS,
    PERSONS,
    PRESENCES,
    Kind,
)
from connectors.ss12000.lessons import News, of_activity, vanished
from connectors.ss12000.reader import alike, objects, ref, without_meta
from schemas import Payload
from schemas.absence import AbsenceChanged, AbsenceFields, AbsenceReported, AbsenceWithdrawn, LeaveGranted
from schemas.attendance import AttendanceRecorded, CheckedIn, CheckedOut

_PRESENCE: Final[Mapping[str, type[Payload]]] = {"In": CheckedIn, "Ut": CheckedOut}
_LEAVE: Final = "Beviljad ledighet"


def digest_kept(kept: Any) -> str | None:
    """The digest of a record, from the connector's state."""
    if isinstance(kept, list):
        kept = kept[0]
    elif isinstance(kept, Mapping):
        kept = kept.get("d")
    return kept if isinstance(kept, str) else None


def to_keep(kind: Kind, record: Mapping[str, Any], digest: str, day: str) -> Any:
    """The connector's state for a record, as a JSON value. `day`: today, for records that are forgotten by age."""
    if kind is PERSONS:
        schools = (ref(item, "enroledAt") for item in objects(record.get("enrolments")))
        return [digest, sorted({school for school in schools if school})]
    if kind is GROUPS:
        members = (ref(item, "person") for item in objects(record.get("groupMemberships")))
        return [digest, sorted({member for member in members if member}), ref(record, "organisation")]
    if kind is ORGANISATIONS:
        return [digest, record.get("endDate")]
    if kind is DUTIES:
        return [digest, ref(record, "person")]
    if kind is ACTIVITIES:
        return [digest, of_activity(record)]
    if kind is ABSENCES:
        return {"d": digest, "a": without_meta(record)}
    if kind in (ATTENDANCES, PRESENCES):
        return [digest, day]
    return digest


def schools_of(kind: Kind, kept: Any) -> list[str]:
    """The schools that a known person or group belongs to, from the connector's state."""
    if not isinstance(kept, list):
        return []
    if kind is PERSONS:
        return list(kept[1] or ())
    return [kept[2]] if kind is GROUPS and len(kept) > 2 and kept[2] else []


def end_of_school(kept: Any) -> str | None:
    """The last day (ISO date) of a known organisation, from the connector's state; None: it goes on."""
    return kept[1] if isinstance(kept, list) and isinstance(kept[1], str) else None


def belongs_to(kind: Kind, kept: Any) -> list[str]:
    """The schools of a known person, or the members of a known group, from the connector's state."""
    return list(kept[1] or ()) if kind in (PERSONS, GROUPS) and isinstance(kept, list) else []


def bare(digest: str) -> Any:
    """The connector's state for a person of whom only the id and the mark could be read."""
    return [digest, None]


def is_bare(kind: Kind, kept: Any) -> bool:
    """Whether nothing of a known person but the id and the mark could be read."""
    return kind is PERSONS and isinstance(kept, list) and kept[1] is None


def news_of(kind: Kind, record: dict[str, Any], before: Any) -> News | None:
    """The event for a new or changed record of any kind but a lesson; None if a receiver could see no change."""
    if kind.upserted is not None:
        return kind.upserted, record
    if kind is ABSENCES:
        return _absence(record, before["a"] if before is not None else None)
    if kind is ATTENDANCES:
        return AttendanceRecorded, {name: value for name, value in record.items() if name != "absenceReason"}
    model = _PRESENCE.get(record["eventType"])
    # The event of a pupil's card stays: a correction of it is one more event about the same moment.
    return (model, record) if model is not None else None


def end_of(kind: Kind, id: str, before: Any, deleted_at: str | None = None) -> News | None:
    """The event for the end of a record; None if there is none for its kind."""
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


def _absence(record: dict[str, Any], before: Mapping[str, Any] | None) -> News | None:
    if before is None:
        return (LeaveGranted if record["type"] == _LEAVE else AbsenceReported), record
    changed = {
        name: before.get(name)
        for name in AbsenceFields.model_fields
        if name not in ("id", "meta") and not alike(before.get(name), record.get(name))
    }
    return (AbsenceChanged, {**record, "changed": changed}) if changed else None
