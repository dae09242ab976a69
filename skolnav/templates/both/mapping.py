"""Pure: from a record to an event's data, and from an event to a document. No input or output, no clock."""

import hashlib
import json
from typing import Any

from skolnav.events import Lesson, LessonCancelled
from skolnav.sdk import Event


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


def document(event: Event) -> dict[str, Any]:
    """A lesson as the outside system stores it."""
    lesson = event.as_(Lesson)
    cancelled = event.type == LessonCancelled.spec.type or bool(lesson.cancelled)
    return {"starts": lesson.startTime, "ends": lesson.endTime, "cancelled": cancelled}
