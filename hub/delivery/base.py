"""Between delivery and a sink: one attempt, what it may send, and how it ended."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from hub.bus.base import Stored


class Result(StrEnum):
    DELIVERED = "delivered"
    RETRY = "retry"  # temporary: the key waits, then is tried again
    DEAD = "dead"  # permanent for this event: dead letter, the key goes on
    GONE = "gone"  # the recipient wants nothing more (410): the subscription ends
    MISCONFIGURED = "misconfigured"  # nothing can succeed until a person acts: the subscription pauses


@dataclass(slots=True)
class Outcome:
    """How one attempt ended. `reason` is a short stable code for operators, never data (`http-503`, `timeout`).

    `operations` are store operations (a connector's state and outbox) that must commit together with the cursor.
    `recipient_down` says that the recipient as a whole failed (no connection, 5xx, 429), not this event alone.
    """

    result: Result
    reason: str = ""
    retry_after_s: float | None = None
    recipient_down: bool = False
    operations: Sequence[Callable[..., object]] = field(default_factory=tuple)
    on_stored: Callable[[], None] | None = None  # called when `operations` are durable


@dataclass(slots=True)
class Attempt:
    """One try to deliver one event to one recipient.

    `permit()` gives the bytes that may leave (one JSON event) or raises PermitRefused, which the sink lets through.
    It must be called in the turn of the first byte, and bytes can be had in no other way. `delivery_id` is stable
    over retries: what the recipient deduplicates on.
    """

    stored: Stored
    delivery_id: str
    number: int  # 1 for the first try
    permit: Callable[[], bytes]
    lane: str | None = None


class Sink(Protocol):
    """Where one subscription's events go. Bounded in time and memory: a hostile recipient ends in an Outcome."""

    concurrency: int  # attempts at a time, of different keys; slots of its own

    async def deliver(self, attempt: Attempt) -> Outcome:
        """Try once, in bounded time. Every failure of the far side is an Outcome; PermitRefused passes through."""

    async def close(self) -> None: ...
