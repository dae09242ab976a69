"""Family operator: what should have happened in the hub and did not, for the persons who run it.

Only a recipient whose contract has the category `operations` gets them; they hold no personal data. An alert is raised
once, may change (another error, another severity), and is cleared when it is over: its last event is its state.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from schemas.category import Category
from schemas.payload import Count, EventSpec, Part, Payload, Ref, Timestamp, Uuid

Line = Annotated[str, Field(min_length=1, max_length=1000)]
Word = Annotated[str, Field(max_length=200)]


class Words(Part):
    """A sentence or two in both languages."""

    sv: Annotated[Line, Category.OPERATIONS]
    en: Annotated[Line, Category.OPERATIONS]


class Alert(Payload):
    """What all events about an alert have in common. `place` is as in the configuration (`connectors.kitchen`)."""

    id: Annotated[Uuid, Category.OPERATIONS]
    severity: Annotated[Literal["critical", "warning", "info"], Category.OPERATIONS]
    code: Annotated[Word, Category.OPERATIONS]  # of the kind of alert: timer-failing, far-side-behind
    place: Annotated[Word, Category.OPERATIONS]
    what: Annotated[Word, Category.OPERATIONS]  # which of several at that place: a timer, a kitchen; often empty
    since: Annotated[Timestamp, Category.OPERATIONS]
    error: Annotated[Word, Category.OPERATIONS]  # the code of the last failure, or empty
    attempts: Annotated[Count, Category.OPERATIONS]  # failures in a row
    count: Annotated[Count, Category.OPERATIONS]  # how many wait behind it
    nextTry: Annotated[Timestamp | None, Category.OPERATIONS] = None
    says: Words  # what is wrong
    todo: Words  # what a person should do


_EXAMPLE: dict[str, Any] = {
    "id": "5e0b6a56-0f6d-4a0e-9a54-5f7c55a3c1f2",
    "severity": "critical",
    "code": "far-side-behind",
    "place": "connectors.kitchen",
    "what": "K-017",
    "since": "2026-11-24T08:30:02+01:00",
    "error": "unreachable",
    "attempts": 0,
    "count": 0,
    "nextTry": "2026-11-24T08:36:10+01:00",
    "says": {
        "sv": "K-017 har inte fått det som väntar (unreachable).",
        "en": "K-017 has not got what waits for it (unreachable).",
    },
    "todo": {
        "sv": "Ring K-017 om det är bråttom, och se till att dess system svarar. Hubben försöker igen av sig själv.",
        "en": "Call K-017 if it is urgent, and see that its system answers. The hub tries again by itself.",
    },
}


def _spec(what: str, *examples: dict[str, Any]) -> EventSpec:
    return EventSpec(
        type=f"se.skolnav.operator.alert.{what}.v1",
        subject=Ref("alert", "id"),
        key=Ref("alert", "id"),
        entity=Ref("alert", "id"),
        window=True,
        examples=examples,
    )


class AlertRaised(Alert):
    """Something that should have happened did not, and it has lasted long enough for a person to look."""

    spec = _spec("raised", _EXAMPLE)


class AlertChanged(Alert):
    """It still lasts, for another reason, with another severity, or with far more behind it."""

    spec = _spec("changed", {**_EXAMPLE, "error": "login-refused", "nextTry": None})


class AlertCleared(Alert):
    """It is over."""

    spec = _spec("cleared", {**_EXAMPLE, "nextTry": None})


TYPES = (AlertRaised, AlertChanged, AlertCleared)
