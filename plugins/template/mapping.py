"""Pure: from an event to what the outside system takes. No input or output, no clock."""

import json
from typing import Any

from plugins import Event
from schemas.absence import AbsenceWithdrawn


def file_name(prefix: str, event: Event) -> str:
    """One file per notification, also when the notification is changed or withdrawn."""
    return f"{prefix}-{event.data['id']}.json"


def content(event: Event) -> bytes:
    """The notification as it is now. `pupil` is the recipient's own pseudonym unless its contract has identity."""
    data = event.data
    return _json(
        {
            "sequence": event.sequence or "",
            "pupil": data["student"]["id"],
            "from": data["startTime"],
            "to": data["endTime"],
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
