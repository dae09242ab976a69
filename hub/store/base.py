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
