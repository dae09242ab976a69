"""The failed attempts of one subscription: for its own client, and for operators."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.assembly.services import Services
from hub.operating.dead_letters import LetterEvent
from hub.store import attempts as rows


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionAttempt:
    """One attempt that failed. Events that a rule withholds are never attempted, so nothing here tells of them."""

    id: str
    at: datetime
    event: LetterEvent
    number: int  # of the attempts on this event, from 1
    result: str  # retry, dead, gone or misconfigured
    reason: str  # a code, such as `http-503` or `timeout`
    status: int | None  # the HTTP status; None if no answer came
    took_s: float
    lane: str


async def page(
    services: Services, *, subscription: str, before: int | None, limit: int
) -> Sequence[SubscriptionAttempt]:
    """The newest attempts, newest first, of those with ids below `before`. Raises StoreUnavailable."""
    found = await services.store.read(rows.page(services.store.tenant, subscription, before, limit))
    return [
        SubscriptionAttempt(
            id=str(row.n),
            at=row.at,
            event=LetterEvent(id=row.event_id, source=row.source, type=row.type),
            number=row.number,
            result=row.result,
            reason=row.reason,
            status=row.status,
            took_s=round(row.took_s, 6),
            lane=row.lane,
        )
        for row in found
    ]
