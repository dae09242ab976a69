"""The timers that a connector has set for a moment: one row for each (connector, name, key).

A row is written in the commit of the state that belongs to it, and deleted once the timer has run or was withdrawn.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select

from hub.clock import from_us
from hub.store import tables
from hub.store.base import Operation
from hub.store.statements import upsert

_TABLE = tables.moments

Target = tuple[str, str]
"""The timer's name (the connector's method) and the connector's own key."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When one timer is due, in microseconds since 1970 UTC."""

    name: str
    key: str
    due_us: int
    loaded: bool = field(default=False, compare=False)  # read from the store: set before this instance started

    @property
    def due(self) -> datetime:
        """In UTC."""
        return from_us(self.due_us)


def put_newest(tenant: str, connector: str, newest: Callable[[], Mapping[Target, Moment | None]]) -> Operation:
    """Set the moments that `newest` returns, called in the store's thread at the write. None deletes the row."""
    forget = delete(_TABLE).where(
        _TABLE.c.tenant == tenant,
        _TABLE.c.connector == connector,
        _TABLE.c.name == bindparam("gone_name"),
        _TABLE.c.key == bindparam("gone_key"),
    )

    def operation(connection: Connection) -> None:
        changes = newest()
        kept = [
            {"tenant": tenant, "connector": connector, "name": name, "key": key, "due_us": moment.due_us}
            for (name, key), moment in changes.items()
            if moment is not None
        ]
        gone = [{"gone_name": name, "gone_key": key} for (name, key), moment in changes.items() if moment is None]
        if kept:
            connection.execute(upsert(connection, _TABLE), kept)
        if gone:
            connection.execute(forget, gone)

    return operation


def load(tenant: str, connector: str) -> Callable[[Connection], list[Moment]]:
    """All moments of one connector, in no particular order."""
    query = select(_TABLE.c.name, _TABLE.c.key, _TABLE.c.due_us).where(
        _TABLE.c.tenant == tenant, _TABLE.c.connector == connector
    )
    return lambda connection: [Moment(row.name, row.key, row.due_us, loaded=True) for row in connection.execute(query)]
