"""The state of a connector: bytes by name, which only the connector understands."""

from collections.abc import Callable, Mapping
from typing import Final

from sqlalchemy import Connection, bindparam, delete, select

from hub.store import tables
from hub.store.base import Operation
from hub.store.statements import upsert

_TABLE = tables.connector_state
# Made once: a connector may commit for each event.
_FORGET: Final = delete(_TABLE).where(
    _TABLE.c.tenant == bindparam("of_tenant"),
    _TABLE.c.connector == bindparam("of_connector"),
    _TABLE.c.name == bindparam("gone"),
)


def put(tenant: str, connector: str, changes: Mapping[str, bytes | None]) -> Operation:
    """Set these names to these values; None deletes a name."""
    kept = [
        {"tenant": tenant, "connector": connector, "name": name, "value": value}
        for name, value in changes.items()
        if value is not None
    ]
    of = {"of_tenant": tenant, "of_connector": connector}
    gone = [{**of, "gone": name} for name, value in changes.items() if value is None]

    def operation(connection: Connection) -> None:
        if kept:
            connection.execute(upsert(connection, _TABLE), kept)
        if gone:
            connection.execute(_FORGET, gone)

    return operation


def put_newest(tenant: str, connector: str, newest: Callable[[], Mapping[str, bytes | None]]) -> Operation:
    """Set the result of `newest`, which is called in the store's thread at the write: that may be late, or repeated."""
    return lambda connection: put(tenant, connector, newest())(connection)


def load(tenant: str, connector: str) -> Callable[[Connection], dict[str, bytes]]:
    query = select(_TABLE.c.name, _TABLE.c.value).where(_TABLE.c.tenant == tenant, _TABLE.c.connector == connector)
    return lambda connection: {row.name: row.value for row in connection.execute(query)}
