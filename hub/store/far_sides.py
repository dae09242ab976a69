"""When each far side of a connector last got its own, and since when it is behind. `hub.hosting.far_sides` keeps it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from hub.clock import from_us, to_us
from hub.store import tables
from hub.store.base import Operation
from hub.store.statements import upsert

_TABLE = tables.far_sides


@dataclass(frozen=True, slots=True)
class FarSideRow:
    """Times are UTC; `code` is empty while it is not behind."""

    connector: str
    name: str
    reached: datetime | None
    behind: datetime | None
    code: str


def put(tenant: str, side: FarSideRow) -> Operation:
    row = {
        "tenant": tenant,
        "connector": side.connector,
        "name": side.name,
        "reached_us": _us(side.reached),
        "behind_us": _us(side.behind),
        "code": side.code,
    }
    return lambda connection: connection.execute(upsert(connection, _TABLE), row)


def load(tenant: str) -> Callable[[Connection], list[FarSideRow]]:
    query = select(_TABLE).where(_TABLE.c.tenant == tenant)
    return lambda connection: [
        FarSideRow(row.connector, row.name, _time(row.reached_us), _time(row.behind_us), row.code)
        for row in connection.execute(query)
    ]


def forget(tenant: str, connector: str, name: str) -> Operation:
    statement = delete(_TABLE).where(_TABLE.c.tenant == tenant, _TABLE.c.connector == connector, _TABLE.c.name == name)
    return lambda connection: connection.execute(statement)


def _us(at: datetime | None) -> int | None:
    return None if at is None else to_us(at)


def _time(us: int | None) -> datetime | None:
    return None if us is None else from_us(us)
