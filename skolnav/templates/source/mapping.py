"""Pure: from a record of the outside system to an event's data. No input or output, no clock."""

import hashlib
import json
from typing import Any


def absence(record: Any) -> dict[str, Any]:
    """The data of an absence event. Raises KeyError, TypeError for a record that can't be read."""
    return {
        "id": record["id"],
        "student": {"id": record["pupil"]},
        "startTime": record["from"],
        "endTime": record["to"],
        "type": "Anmäld frånvaro",
    }


def digest(record: Any) -> str:
    """Differs where the record has changed."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
