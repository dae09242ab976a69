"""The next due time of each connector's daily timers. `hub.hosting` runs them; the rows outlive the process."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from hub.clock import from_us, to_us
from hub.store import tables
from hub.store.base import Operation
from hub.store.statements import upsert

_TABLE = tables.timers


@dataclass(frozen=True, slots=True)
class Timer:
    """The next due time of one connector's timer: aware; `load` returns UTC."""

    connector: str
    name: str
    due: datetime


def set_due(tenant: str, timer: Timer) -> Operation:
    """Store when a timer is due next."""
    row = {"tenant": tenant, "connector": timer.connector, "name": timer.name, "due_us": to_us(timer.due)}
    return lambda connection: connection.execute(upsert(connection, _TABLE), row)


def load(tenant: str) -> Callable[[Connection], list[Timer]]:
    query = select(_TABLE.c.connector, _TABLE.c.name, _TABLE.c.due_us).where(_TABLE.c.tenant == tenant)
    return lambda connection: [Timer(row.connector, row.name, from_us(row.due_us)) for row in connection.execute(query)]


def forget(tenant: str, connector: str) -> Operation:
    """Drop all timers of a connector."""
    statement = delete(_TABLE).where(_TABLE.c.tenant == tenant, _TABLE.c.connector == connector)
    return lambda connection: connection.execute(statement)
