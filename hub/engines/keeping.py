"""The commits that a connector makes outside of handle(): tried until they hold."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from hub.clock import Clock
from hub.store.base import Operation, Store

STORE_RETRY_S: Final = (0.1, 0.5, 2.0, 10.0)

log = logging.getLogger(__name__)


class Keeping:
    """Those of one instance. All of it runs on the hub's loop; `wake()` is called when the outbox has got rows."""

    def __init__(self, instance: str, store: Store, clock: Clock, wake: Callable[[], None]) -> None:
        self._instance = instance
        self._store = store
        self._clock = clock
        self._wake = wake
        self._tasks: set[asyncio.Task[None]] = set()

    async def keep(self, operations: Sequence[Operation], published: bool) -> None:
        """Return when it is durable. Whoever stops waiting does not stop it."""
        task = asyncio.get_running_loop().create_task(self._commit(operations, published))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.shield(task)

    def stop(self) -> None:
        """Try no more: the instance has ended, and the next one begins with what the store has."""
        for task in self._tasks:
            task.cancel()

    async def _commit(self, operations: Sequence[Operation], published: bool) -> None:
        failures = 0
        while True:  # until it holds: the state in memory shows these changes already
            try:
                await self._store.commit(*operations)
                break
            except Exception as error:
                delay = STORE_RETRY_S[min(failures, len(STORE_RETRY_S) - 1)]
                failures += 1
                log.error(
                    "%s: the store took no commit (%s); next try in %.1f s", self._instance, type(error).__name__, delay
                )
                await self._clock.sleep(delay)
        if published:
            self._wake()
