"""How far each subscription has got: the position read up to, and which places before it are still open."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, select

from hub.store import places, tables
from hub.store.base import Grouped, Operation
from hub.store.statements import upsert

_TABLE = tables.cursors


@dataclass(frozen=True, slots=True)
class Cursor:
    """One lane of one subscription. `position` is a packed `Position`; the live lane is "".

    `open` are the places read and not settled: at most the delivery window, decided anew at start. `accepted_us` is
    the acceptance time read up to, by which the age of what is behind is told.
    """

    subscription: str
    lane: str
    position: bytes
    open: tuple[int, ...]
    accepted_us: int


def save(tenant: str, *cursors: Cursor) -> Operation:
    """Keep these cursors; a later one for the same lane replaces the earlier."""
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
            Cursor(row.subscription, row.lane, row.position, places.unpack(row.open), row.accepted_us)
            for row in connection.execute(query)
        ]

    return read


def forget(tenant: str, subscription: str, lane: str | None = None) -> Operation:
    """Drop a subscription's cursors; with `lane` that lane's only."""
    statement = delete(_TABLE).where(_TABLE.c.tenant == tenant, _TABLE.c.subscription == subscription)
    if lane is not None:
        statement = statement.where(_TABLE.c.lane == lane)
    return lambda connection: connection.execute(statement)
