"""How far the clients of each feed or stream have said that they have read: by coming back with a cursor."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, delete, select

from hub.clock import from_us, to_us
from hub.store import tables
from hub.store.base import Operation
from hub.store.statements import upsert

_TABLE = tables.acknowledged


def save(tenant: str, subscription: str, position: bytes, at: datetime) -> Operation:
    """`position` is a packed `hub.bus.base.Position`."""
    row = {"tenant": tenant, "subscription": subscription, "position": position, "at_us": to_us(at)}
    return lambda connection: connection.execute(upsert(connection, _TABLE), row)


def load(tenant: str) -> Callable[[Connection], dict[str, tuple[bytes, datetime]]]:
    """By subscription: the position, and when it was acknowledged."""
    query = select(_TABLE).where(_TABLE.c.tenant == tenant)
    return lambda connection: {
        row.subscription: (row.position, from_us(row.at_us)) for row in connection.execute(query)
    }


def forget(tenant: str, subscription: str) -> Operation:
    statement = delete(_TABLE).where(_TABLE.c.tenant == tenant, _TABLE.c.subscription == subscription)
    return lambda connection: connection.execute(statement)
