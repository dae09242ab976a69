"""The control plane's store: subscriptions, cursors, parked keys, outbox, timers, disclosures.

It holds no payload, except what connectors keep as their state and what they publish.

Callers write through *operations*, small functions that run in an open transaction. `Store.commit(a, b)` makes both
durable or neither, in the order of the calls. Many callers' operations share one transaction (group commit). Each table
group has a module with its operations (`cursors`, `parked`, ...), written in SQLAlchemy Core so that SQLite and
PostgreSQL run the same code.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")

Operation = Callable[[Connection], Any]
"""Runs inside the writer's transaction. Its result is dropped. If it raises, its whole commit is rolled back."""


class Grouped:
    """An operation whose rows are written in one statement with other callers' rows, which costs far less per row.

    `run(connection, tenant, rows)` writes the rows of any number of callers, in the order of their calls. They are
    written before the next operation that is not grouped, so that the changes to a table keep the order of the calls.
    """

    __slots__ = ("rows", "run", "tenant")

    def __init__(
        self, run: Callable[[Connection, str, list[dict[str, Any]]], None], tenant: str, rows: list[dict[str, Any]]
    ) -> None:
        self.run, self.tenant, self.rows = run, tenant, rows

    def __call__(self, connection: Connection) -> None:
        if self.rows:
            self.run(connection, self.tenant, self.rows)


class StoreUnavailable(Exception):
    """The store cannot be written or read now (disk full, database away). Nothing of the commit was stored."""


class Store(Protocol):
    tenant: str

    def commit(self, *operations: Operation) -> asyncio.Future[None]:
        """Enqueue operations in this turn. The future is done when all of them are durable.

        Commits become durable in the order of the calls. The future fails with StoreUnavailable, or with the exception
        of one of these operations: then none of them is stored, while other callers' operations are.
        """

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run a query on a read-only connection, which sees all commits so far. Raises StoreUnavailable."""

    async def close(self) -> None: ...
