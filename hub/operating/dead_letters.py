"""Dead letters: events that the hub gave up on delivering, with the reason and never with their data."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.assembly.services import Services
from hub.operating.reasons import reason_of
from hub.store import dead_letters as rows
from hub.texts import Language


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
    says: str  # the reason in the reader's language
    attempts: int
    first_at: datetime  # the first attempt
    dead_at: datetime

    @classmethod
    def of(cls, row: rows.DeadLetter, says: str) -> "DeadLetter":
        return cls(
            id=row.id,
            subscription=row.subscription,
            event=LetterEvent(id=row.event_id, source=row.source, type=row.type),
            reason=row.reason,
            says=says,
            attempts=row.attempts,
            first_at=row.first_at,
            dead_at=row.dead_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedLetter:
    """A dead letter that a person has sent again or discarded."""

    letter: DeadLetter
    ended_at: datetime
    how: str  # `resent` or `discarded`
    by: str  # the client's id; empty for a reader who may not know it
    note: str  # why it was discarded
    lane: str  # in which it was sent again

    @classmethod
    def of(cls, row: rows.EndedLetter, says: str) -> "EndedLetter":
        return cls(
            letter=DeadLetter.of(row.letter, says), ended_at=row.ended_at, how=row.how, by=row.by, note=row.note,
            lane=row.new_lane,
        )  # fmt: skip


async def history(
    services: Services, *, subscription: str | None, before: str | None, limit: int, language: Language = "en"
) -> Sequence[EndedLetter]:
    """Ended letters, newest first, below the letter `before`, of one subscription or (None) of all.

    Raises StoreUnavailable.
    """
    found = await services.store.read(rows.ended_page(services.store.tenant, subscription, before, limit))
    return [EndedLetter.of(row, _says(services, row.letter, language)) for row in found]


async def page(
    services: Services, *, subscription: str | None, after: str, limit: int, language: Language = "en"
) -> Sequence[DeadLetter]:
    """Dead letters after the letter `after`, of one subscription or (None) of all. Raises StoreUnavailable."""
    found = await services.store.read(rows.page(services.store.tenant, subscription, after, limit))
    return [DeadLetter.of(row, _says(services, row, language)) for row in found]


def _says(services: Services, row: rows.DeadLetter, language: Language) -> str:
    return reason_of(services, row.subscription, row.reason, language)
