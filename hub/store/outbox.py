"""Events that connectors publish, on their way to the log. The relay appends them in order, then deletes them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, insert, select

from hub.store import tables
from hub.store.base import Operation
from hub.store.statements import next_numbers

_TABLE = tables.outbox


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One event to append. `n` rises in the order of the commits; no number is used twice."""

    n: int
    connector: str
    body: bytes


def add(tenant: str, connector: str, bodies: Sequence[bytes]) -> Operation:
    """Add events, in this order."""

    def operation(connection: Connection) -> None:
        if not bodies:
            return
        first = next_numbers(connection, tenant, "outbox", len(bodies))
        connection.execute(
            insert(_TABLE),
            [{"tenant": tenant, "n": n, "connector": connector, "body": body} for n, body in enumerate(bodies, first)],
        )

    return operation


def load(tenant: str, after: int = 0, limit: int = 500) -> Callable[[Connection], list[OutboxRow]]:
    """The oldest rows with numbers above `after`."""
    query = (
        select(_TABLE.c.n, _TABLE.c.connector, _TABLE.c.body)
        .where(_TABLE.c.tenant == tenant, _TABLE.c.n > after)
        .order_by(_TABLE.c.n)
        .limit(limit)
    )
    return lambda connection: [OutboxRow(row.n, row.connector, row.body) for row in connection.execute(query)]


def remove(tenant: str, ns: Sequence[int]) -> Operation:
    """Delete rows, once their events are in the log."""
    statement = delete(_TABLE).where(_TABLE.c.tenant == tenant, _TABLE.c.n == bindparam("done"))

    def operation(connection: Connection) -> None:
        if ns:
            connection.execute(statement, [{"done": n} for n in ns])

    return operation
