"""What a connector remembers: bytes by name, which only the connector understands."""

from collections.abc import Callable, Mapping

from sqlalchemy import Connection, bindparam, delete, select

from hub.store import tables
from hub.store.base import Operation
from hub.store.statements import upsert

_TABLE = tables.connector_state


def put(tenant: str, connector: str, changes: Mapping[str, bytes | None]) -> Operation:
    """Set these names; None forgets one."""
    kept = [
        {"tenant": tenant, "connector": connector, "name": name, "value": value}
        for name, value in changes.items()
        if value is not None
    ]
    gone = [{"gone": name} for name, value in changes.items() if value is None]
    forget = delete(_TABLE).where(
        _TABLE.c.tenant == tenant, _TABLE.c.connector == connector, _TABLE.c.name == bindparam("gone")
    )

    def operation(connection: Connection) -> None:
        if kept:
            connection.execute(upsert(connection, _TABLE), kept)
        if gone:
            connection.execute(forget, gone)

    return operation


def put_newest(tenant: str, connector: str, newest: Callable[[], Mapping[str, bytes | None]]) -> Operation:
    """Set what `newest` gives when this is written, in the store's thread: it may be written late, or again."""
    return lambda connection: put(tenant, connector, newest())(connection)


def load(tenant: str, connector: str) -> Callable[[Connection], dict[str, bytes]]:
    query = select(_TABLE.c.name, _TABLE.c.value).where(_TABLE.c.tenant == tenant, _TABLE.c.connector == connector)
    return lambda connection: {row.name: row.value for row in connection.execute(query)}
