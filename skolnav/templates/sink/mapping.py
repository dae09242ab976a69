"""Pure: from an event to what the outside system takes. No input or output, no clock."""

import json
from typing import Any

from skolnav.events import Absence, AbsenceWithdrawn
from skolnav.sdk import Event


def file_name(prefix: str, event: Event) -> str:
    """One file per notification, also when the notification is changed or withdrawn."""
    return f"{prefix}-{event.as_(Absence).id}.json"


def content(event: Event) -> bytes:
    """The notification as it is now. `pupil` is the recipient's own pseudonym unless its contract has identity."""
    absence = event.as_(Absence)
    return _json(
        {
            "sequence": event.sequence or "",
            "pupil": absence.student.id,
            "from": absence.startTime,
            "to": absence.endTime,
            "withdrawn": event.type == AbsenceWithdrawn.spec.type,
        }
    )


def is_older(content: bytes, there: bytes | None) -> bool:
    """Whether the file that is there is at least as new as `content`: then a repeat or a replay changes nothing."""
    if there is None:
        return False
    return str(json.loads(content)["sequence"]) <= str(json.loads(there)["sequence"])


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode()
