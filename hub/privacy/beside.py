"""Rows that no answer waits for: what was denied where nothing was told.

An answer that withholds takes the steps of one that knows nothing (promise 5), so the rows of its denials cannot be in
its own commit. They become durable within PAUSE_S, in one commit for all answers of that time, at a moment that does
not depend on the answer. A crash before it forgets them: the log of disclosures lacks these denials, and the entity is
restated only if the caller has asked again since.

Working out the rows may take as long as there is to withhold, so that too can be left for later (`later`).
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from hub.clock import Clock
from hub.store.base import Operation, Store, StoreUnavailable

PAUSE_S: Final = 1.0
MAX_ROWS: Final = 10_000  # while the store is away; further ones are dropped

Work = Callable[[], Awaitable[Sequence[Operation]]]

log = logging.getLogger(__name__)


class Beside:
    """Runs on the event loop."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._waiting: list[tuple[int, Operation]] = []  # numbered as they came
        self._under_way: dict[object, int] = {}  # commits: the number of the oldest row in each
        self._added = 0
        self._works: list[Work] = []
        self._task: asyncio.Task[None] | None = None

    def add(self, operations: Sequence[Operation]) -> int | None:
        """Make these durable in a moment. Returns what `is_saved` asks for; None: too many wait, these are dropped."""
        if len(self._waiting) + len(operations) > MAX_ROWS:
            return None
        for operation in operations:
            self._added += 1
            self._waiting.append((self._added, operation))
        if operations:
            self._begin()
        return self._added

    def is_saved(self, added: int) -> bool:
        """Whether everything up to this result of `add` is durable."""
        oldest = [number for number, _ in self._waiting[:1]]
        return all(number > added for number in (*oldest, *self._under_way.values()))

    def later(self, work: Work) -> None:
        """Call this in a moment, and make the operations that it returns durable."""
        self._works.append(work)
        del self._works[:-MAX_ROWS]
        self._begin()

    def _begin(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._save_soon())

    async def save(self) -> None:
        """Make durable what waits, now. Raises StoreUnavailable; then it still waits."""
        while self._works:
            work = self._works[0]
            operations = await work()
            if self._works and self._works[0] is work:  # not dropped meanwhile
                self._works.pop(0)
            self.add(operations)
        if self._waiting:
            await self.save_with()

    async def save_with(self, *operations: Operation) -> None:
        """Make these durable, and in the same commit what waits. Raises StoreUnavailable; then that still waits."""
        waiting, self._waiting = self._waiting, []
        commit = object()
        if waiting:
            self._under_way[commit] = waiting[0][0]
        try:
            await self._store.commit(*(operation for _, operation in waiting), *operations)
        except BaseException:
            self._waiting = sorted((*waiting, *self._waiting), key=lambda each: each[0])
            self._begin()
            raise
        finally:
            self._under_way.pop(commit, None)

    async def stop(self) -> None:
        """Save what waits and end."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        with contextlib.suppress(StoreUnavailable):
            await self.save()

    async def _save_soon(self) -> None:
        while self._waiting or self._works:
            await self._clock.sleep(PAUSE_S)
            try:
                await self.save()
            except Exception as error:
                log.error("denials could not be saved (%s); next try in %.1f s", type(error).__name__, PAUSE_S)
