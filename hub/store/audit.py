"""The audit: which client did what to the hub, without data. Written in the same commit as the act itself."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from hub.clock import from_us, to_us
from hub.store import tables
from hub.store.base import Operation
from hub.store.statements import next_numbers

_TABLE = tables.audit


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One act: `actor` (a client id, `hub` for the hub itself), `action` (`subscription.paused`), `target` (an id)."""

    n: int
    at: datetime
    actor: str
    action: str
    target: str


def add(tenant: str, at: datetime, *, actor: str, action: str, target: str) -> Operation:
    """Note an act, in the commit of the act itself."""

    def operation(connection: Connection) -> None:
        n = next_numbers(connection, tenant, "audit", 1)
        connection.execute(
            insert(_TABLE),
            {"tenant": tenant, "n": n, "at_us": to_us(at), "actor": actor, "action": action, "target": target},
        )

    return operation


def page(tenant: str, after: int = 0, limit: int = 100) -> Callable[[Connection], list[AuditRow]]:
    """Rows with numbers above `after`, in the order in which they were written."""
    query = select(_TABLE).where(_TABLE.c.tenant == tenant, _TABLE.c.n > after).order_by(_TABLE.c.n).limit(limit)
    return lambda connection: [
        AuditRow(n=row.n, at=from_us(row.at_us), actor=row.actor, action=row.action, target=row.target)
        for row in connection.execute(query)
    ]
