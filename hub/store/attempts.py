"""Failed attempts: one row each, with ids, a code and times, no content. A delivery that succeeds at once has none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from hub.clock import from_us, to_us
from hub.store import tables
from hub.store.base import Grouped, Operation
from hub.store.statements import next_numbers

_TABLE = tables.attempts


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedAttempt:
    """One attempt that did not deliver.

    `number` counts the attempts on the event, from 1; an attempt that only tests whether the recipient is back has the
    number of the attempt that comes next. `result` says what follows (`hub.delivery.base.Result`), `reason` is a short
    code (`http-503`), never data. `status`: the HTTP status; None if no answer came. `n` orders the rows; 0 before the
    row is stored.
    """

    subscription: str
    lane: str
    place: int
    event_id: str
    source: str
    type: str
    number: int
    at: datetime
    took_s: float
    result: str
    reason: str
    status: int | None
    n: int = 0


def add(tenant: str, attempt: FailedAttempt) -> Operation:
    row = {
        "subscription": attempt.subscription,
        "lane": attempt.lane,
        "place": attempt.place,
        "event_id": attempt.event_id,
        "source": attempt.source,
        "type": attempt.type,
        "number": attempt.number,
        "at_us": to_us(attempt.at),
        "took_us": round(attempt.took_s * 1_000_000),
        "result": attempt.result,
        "reason": attempt.reason,
        "status": attempt.status,
    }
    return Grouped(_add, tenant, [row])


def _add(connection: Connection, tenant: str, rows: list[dict[str, Any]]) -> None:
    first = next_numbers(connection, tenant, "attempts", len(rows))
    values = [{**row, "tenant": tenant, "n": n} for n, row in enumerate(rows, first)]
    connection.execute(insert(_TABLE), values)


def page(
    tenant: str, subscription: str | None = None, before: int | None = None, limit: int = 100
) -> Callable[[Connection], list[FailedAttempt]]:
    """The newest attempts with numbers below `before` (None: the newest of all), newest first."""
    query = select(_TABLE).where(_TABLE.c.tenant == tenant)
    if subscription is not None:
        query = query.where(_TABLE.c.subscription == subscription)
    if before is not None:
        query = query.where(_TABLE.c.n < before)
    query = query.order_by(_TABLE.c.n.desc()).limit(limit)
    return lambda connection: [_attempt(row) for row in connection.execute(query)]


def for_places(tenant: str, places: Sequence[int]) -> Callable[[Connection], list[FailedAttempt]]:
    """The attempts on the events at these places, oldest first."""
    query = select(_TABLE).where(_TABLE.c.tenant == tenant, _TABLE.c.place.in_(places)).order_by(_TABLE.c.n)
    return lambda connection: [_attempt(row) for row in connection.execute(query)]


def forget(tenant: str, subscription: str) -> Operation:
    """Delete all attempts of a subscription."""
    statement = delete(_TABLE).where(_TABLE.c.tenant == tenant, _TABLE.c.subscription == subscription)
    return lambda connection: connection.execute(statement)


def _attempt(row: Row[Any]) -> FailedAttempt:
    return FailedAttempt(
        subscription=row.subscription,
        lane=row.lane,
        place=row.place,
        event_id=row.event_id,
        source=row.source,
        type=row.type,
        number=row.number,
        at=from_us(row.at_us),
        took_s=row.took_us / 1_000_000,
        result=row.result,
        reason=row.reason,
        status=row.status,
        n=row.n,
    )
