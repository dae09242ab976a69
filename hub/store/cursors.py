"""The cursor of each subscription: the position that delivery has read up to, and the places that are still open."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, select

from hub.store import places, tables
from hub.store.base import Grouped, Operation
from hub.store.statements import upsert

_TABLE = tables.cursors


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """The cursor of one lane of one subscription. `lane` is `live`, or the name of a replay's or resend's lane.

    `position` is a packed `hub.delivery.reading.Reader`. `open` are the places that delivery has read and not settled,
    at most its window; after a start the gate decides on them again. `accepted_us` is the acceptance time of the last
    event read: it gives the age of the events that are not delivered.
    """

    subscription: str
    lane: str
    position: bytes
    open: tuple[int, ...]
    accepted_us: int


def save(tenant: str, *cursors: Cursor) -> Operation:
    """Store these cursors. Each replaces its lane's cursor."""
    rows = [
        {
            "tenant": tenant,
            "subscription": cursor.subscription,
            "lane": cursor.lane,
            "position": cursor.position,
            "open": places.pack(cursor.open),
            "accepted_us": cursor.accepted_us,
        }
        for cursor in cursors
    ]
    return Grouped(_save, tenant, rows)


def _save(connection: Connection, tenant: str, rows: list[dict[str, Any]]) -> None:
    connection.execute(upsert(connection, _TABLE), rows)


def load(tenant: str, subscription: str | None = None) -> Callable[[Connection], list[Cursor]]:
    """All cursors, or those of one subscription's lanes."""
    query = select(_TABLE.c.subscription, _TABLE.c.lane, _TABLE.c.position, _TABLE.c.open, _TABLE.c.accepted_us).where(
        _TABLE.c.tenant == tenant
    )
    if subscription is not None:
        query = query.where(_TABLE.c.subscription == subscription)

    def read(connection: Connection) -> list[Cursor]:
        return [
            Cursor(
                subscription=row.subscription,
                lane=row.lane,
                position=row.position,
                open=places.unpack(row.open),
                accepted_us=row.accepted_us,
            )
            for row in connection.execute(query)
        ]

    return read


def forget(tenant: str, subscription: str, lane: str | None = None) -> Operation:
    """Delete a subscription's cursors, or only the cursor of `lane`."""
    statement = delete(_TABLE).where(_TABLE.c.tenant == tenant, _TABLE.c.subscription == subscription)
    if lane is not None:
        statement = statement.where(_TABLE.c.lane == lane)
    return lambda connection: connection.execute(statement)
