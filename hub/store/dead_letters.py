"""Dead letters: events that a recipient will not get unless a person acts. Their places and reasons, no content."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select

from hub.clock import from_us, to_us
from hub.store import tables
from hub.store.base import Operation
from hub.store.statements import upsert

_TABLE = tables.dead_letters


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A delivery that the hub gave up. `id` comes from `new_id`, so that ids sort by time; times are aware, UTC.

    `reason` is a short code (`http-400`), never data.
    """

    id: str
    subscription: str
    lane: str
    place: int
    event_id: str
    source: str
    type: str
    reason: str
    attempts: int
    first_at: datetime
    dead_at: datetime


def new_id(dead_at: datetime) -> str:
    """A new id that sorts after those of earlier times."""
    return f"{to_us(dead_at):014x}-{secrets.token_hex(5)}"


def add(tenant: str, letter: DeadLetter) -> Operation:
    """Store a dead letter. Storing a letter twice leaves one."""
    row = {
        "tenant": tenant,
        "id": letter.id,
        "subscription": letter.subscription,
        "lane": letter.lane,
        "place": letter.place,
        "event_id": letter.event_id,
        "source": letter.source,
        "type": letter.type,
        "reason": letter.reason,
        "attempts": letter.attempts,
        "first_us": to_us(letter.first_at),
        "dead_us": to_us(letter.dead_at),
    }
    return lambda connection: connection.execute(upsert(connection, _TABLE), row)


def page(
    tenant: str, subscription: str | None = None, after: str = "", limit: int = 100
) -> Callable[[Connection], list[DeadLetter]]:
    """Dead letters with ids above `after`, in the order of their ids, of one subscription or all."""
    query = select(_TABLE).where(_TABLE.c.tenant == tenant, _TABLE.c.id > after)
    if subscription is not None:
        query = query.where(_TABLE.c.subscription == subscription)
    query = query.order_by(_TABLE.c.id).limit(limit)
    return lambda connection: [_letter(row) for row in connection.execute(query)]


def counts(tenant: str) -> Callable[[Connection], dict[str, int]]:
    """The number of dead letters by subscription, without subscriptions that have none."""
    query = (
        select(_TABLE.c.subscription, func.count().label("letters"))
        .where(_TABLE.c.tenant == tenant)
        .group_by(_TABLE.c.subscription)
    )
    return lambda connection: {row.subscription: row.letters for row in connection.execute(query)}


def get(tenant: str, id: str) -> Callable[[Connection], DeadLetter | None]:
    query = select(_TABLE).where(_TABLE.c.tenant == tenant, _TABLE.c.id == id)

    def read(connection: Connection) -> DeadLetter | None:
        row = connection.execute(query).one_or_none()
        return None if row is None else _letter(row)

    return read


def remove(tenant: str, id: str) -> Operation:
    statement = delete(_TABLE).where(_TABLE.c.tenant == tenant, _TABLE.c.id == id)
    return lambda connection: connection.execute(statement)


def forget(tenant: str, subscription: str) -> Operation:
    """Delete all dead letters of a subscription."""
    statement = delete(_TABLE).where(_TABLE.c.tenant == tenant, _TABLE.c.subscription == subscription)
    return lambda connection: connection.execute(statement)


def _letter(row: Row[Any]) -> DeadLetter:
    return DeadLetter(
        id=row.id,
        subscription=row.subscription,
        lane=row.lane,
        place=row.place,
        event_id=row.event_id,
        source=row.source,
        type=row.type,
        reason=row.reason,
        attempts=row.attempts,
        first_at=from_us(row.first_us),
        dead_at=from_us(row.dead_us),
    )
