"""One follower's durable trail: its operations and its cursor, committed together and in order.

The follower adds the operation for each change of its memory here, in the turn of the change. Each commit holds all
operations since the last one, and a snapshot of the cursor at that moment. The stored cursor therefore never runs ahead
of the operations that belong to it, also when a commit fails and is tried again.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

from hub.pauses import away_s
from hub.store.base import Operation, Store

LAZY_S: Final = 0.1  # how long a cursor may stay unsaved if no task waits for it; a crash repeats that much

log = logging.getLogger(__name__)


class Journal:
    """`snapshot` returns the operation that saves the present cursor; `rested` is called when everything is durable."""

    def __init__(
        self, store: Store, snapshot: Callable[[], Operation], rested: Callable[[], None] = lambda: None
    ) -> None:
        self._store = store
        self._snapshot = snapshot
        self._rested = rested
        self._pending: list[Operation] = []
        self._waiters: list[asyncio.Future[None]] = []
        self._dirty = False
        self._committing = False
        self._failures = 0
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def add(self, *operations: Operation) -> asyncio.Future[None]:
        """Make these durable, with the cursor of that moment. Never fails: it tries until the store can write."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending += operations
        self._waiters.append(waiter)
        self._dirty = True
        self._start()
        return waiter

    def attach(self, *operations: Operation) -> None:
        """Make these durable with the next commit, which something added in this turn begins."""
        self._pending += operations
        self.touch()

    def touch(self) -> None:
        """Save the cursor, which has moved, with the next commit or within LAZY_S. No task waits for that."""
        self._dirty = True
        if self._timer is None and not self._committing and not self._closed:
            self._timer = asyncio.get_running_loop().call_later(LAZY_S, self._start)

    def hurry(self) -> None:
        """Save now what waits for LAZY_S, since a task waits for it. A pause after a failed commit goes on."""
        if not self._failures:
            self._start()

    @property
    def resting(self) -> bool:
        """Everything added is durable."""
        return not self._dirty and not self._committing

    async def flush(self) -> None:
        """Return when everything added is durable."""
        if not self.resting:
            await self.add()

    def close(self) -> None:
        """Commit nothing more. Call `flush` first for an orderly end."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _start(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._committing or self._closed or not self._dirty:
            return
        operations, self._pending = self._pending, []
        waiters, self._waiters = self._waiters, []
        self._dirty = False
        self._committing = True
        future = self._store.commit(*operations, self._snapshot())
        future.add_done_callback(lambda done: self._done(done, operations, waiters))

    def _done(
        self, done: asyncio.Future[Any], operations: list[Operation], waiters: list[asyncio.Future[None]]
    ) -> None:
        self._committing = False
        if done.cancelled() or self._closed:
            return
        error = done.exception()
        if error is not None:
            self._pending = operations + self._pending
            self._waiters = waiters + self._waiters
            self._dirty = True
            self._failures += 1
            pause_s = away_s(self._failures)
            log.error("a commit to the store failed (%s); next try in %.1f s", type(error).__name__, pause_s)
            self._timer = asyncio.get_running_loop().call_later(pause_s, self._start)
            return
        self._failures = 0
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        if self._waiters:
            self._start()
        elif self._dirty:
            self.touch()
        else:
            self._rested()
