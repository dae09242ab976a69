"""Tables whose rows are numbered as they come, and trimmed from the oldest on: attempts, the audit."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, Table, delete, select

from hub.clock import to_us
from hub.store.base import Operation


def expired(table: Table, tenant: str, before: datetime, limit: int) -> Callable[[Connection], int | None]:
    """The number up to which the oldest rows, at most `limit`, were all written before this time; None: no row was."""
    query = select(table.c.n, table.c.at_us).where(table.c.tenant == tenant).order_by(table.c.n).limit(limit)

    def read(connection: Connection) -> int | None:
        upto = None
        for row in connection.execute(query):
            if row.at_us >= to_us(before):
                break
            upto = row.n
        return upto

    return read


def trim(table: Table, tenant: str, upto: int) -> Operation:
    """Remove the rows up to this number."""
    return lambda connection: connection.execute(delete(table).where(table.c.tenant == tenant, table.c.n <= upto))
