"""Dead letters: events that the hub gave up on delivering, with the reason and never with their data."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.assembly.services import Services
from hub.store import dead_letters as rows


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterEvent:
    """The event of a dead letter. All fields are empty if the event was trimmed from the log while it waited."""

    id: str
    source: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    id: str
    subscription: str  # its id
    event: LetterEvent
    reason: str  # a code, such as `http-400`
    attempts: int
    first_at: datetime  # the first attempt
    dead_at: datetime

    @classmethod
    def of(cls, row: rows.DeadLetter) -> "DeadLetter":
        return cls(
            id=row.id,
            subscription=row.subscription,
            event=LetterEvent(id=row.event_id, source=row.source, type=row.type),
            reason=row.reason,
            attempts=row.attempts,
            first_at=row.first_at,
            dead_at=row.dead_at,
        )


async def page(services: Services, *, subscription: str | None, after: str, limit: int) -> Sequence[DeadLetter]:
    """Dead letters after the letter `after`, of one subscription or (None) of all. Raises StoreUnavailable."""
    found = await services.store.read(rows.page(services.store.tenant, subscription, after, limit))
    return [DeadLetter.of(row) for row in found]
