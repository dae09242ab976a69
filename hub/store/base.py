"""The control plane's store: subscriptions, cursors, parked keys, outbox, timers, disclosures. Never payload of others.

Written through *operations*: small functions on an open transaction. `Store.commit(a, b)` makes both durable together
or neither, in the order of the calls; many callers' operations share one transaction (group commit). What an
operation does stands in the module of its table group (`cursors`, `parked`, ...); they are plain SQLAlchemy Core, so
that SQLite and PostgreSQL run the same.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")

Operation = Callable[[Connection], Any]
"""Runs inside the writer's transaction. Its result is dropped; raising undoes the whole commit it is a part of."""


class Grouped:
    """An operation whose rows may be written together with those of other callers: far cheaper a row.

    `run(connection, tenant, rows)` writes rows of any number of callers in their order. What is grouped is written
    before the next operation that is not, so that the order of a table's changes stays that of the calls.
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
    """The store can't be written or read now (disk full, database away). Nothing of the commit was stored."""


class Store(Protocol):
    tenant: str

    def commit(self, *operations: Operation) -> asyncio.Future[None]:
        """Enqueue now; the future is done when all are durable. Commits become durable in the order of the calls.

        The future fails with StoreUnavailable, or with what an operation raised (then nothing of this call's
        operations is stored, and other callers' are).
        """

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run a query on a read-only connection of its own. Sees what is committed. Raises StoreUnavailable."""

    async def close(self) -> None: ...
