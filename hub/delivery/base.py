"""The interface between delivery and a sink: one attempt, the bytes that it may send, and its outcome."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from hub.bus.base import Stored

PULLED: Final = frozenset({"feed", "stream"})
"""The kinds of sink whose clients fetch their events."""


class NotFound(LookupError):
    """No such subscription or dead letter."""


class TooManyLanes(Exception):
    """As many replays of the subscription wait or run as the hub keeps."""


class EmptySpan(ValueError):
    """A replay's span ends before it begins, or holds no time. Judged by the times alone, never by the events."""


class Result(StrEnum):
    DELIVERED = "delivered"
    RETRY = "retry"  # temporary: the event's key waits, then the event is tried again
    DEAD = "dead"  # permanent for this event: it becomes a dead letter, and the next event of the key is tried
    GONE = "gone"  # the recipient wants no more deliveries (410): the subscription ends
    MISCONFIGURED = "misconfigured"  # no delivery can succeed until a person acts: the subscription pauses


@dataclass(slots=True)
class Outcome:
    """How one attempt ended. `reason` is a short stable code for operators, never data (`http-503`, `timeout`).

    `operations` are store operations (a connector's state and outbox) that must commit together with the cursor.
    `recipient_down`: the recipient as a whole failed (no connection, 5xx, 429), not only this event. `status`: the
    HTTP status of the recipient's answer.
    """

    result: Result
    reason: str = ""
    retry_after_s: float | None = None
    recipient_down: bool = False
    operations: Sequence[Callable[..., object]] = field(default_factory=tuple)
    on_stored: Callable[[], None] | None = None  # called when `operations` are durable
    status: int | None = field(default=None, compare=False)  # for the record: `reason` and `result` decide


@dataclass(slots=True)
class Attempt:
    """One try to deliver one event to one recipient.

    `permit()` returns the bytes that may leave (one JSON event) or raises PermitRefused, which the sink lets through.
    Call it in the turn of the first byte; there is no other way to get the bytes. `delivery_id` is the same in all
    tries: the recipient deduplicates on it.
    """

    stored: Stored
    delivery_id: str
    number: int  # 1 for the first try
    permit: Callable[[], bytes]
    lane: str | None = None
    traceparent: str = ""  # of the hub's own span of this attempt; empty: it makes none


class Sink(Protocol):
    """Where one subscription's events go. Bounded in time and memory, also if the recipient is hostile."""

    concurrency: int  # the most attempts at a time, all for different keys

    async def deliver(self, attempt: Attempt) -> Outcome:
        """Try once, in bounded time. Every failure of the far side is an Outcome. Raises PermitRefused."""

    async def close(self) -> None: ...
