"""The attempts of one follower: tasks that work off what is ready, as many at a time as there are slots."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from hub.delivery.window import Item


class Workers:
    """`attempt` is awaited for each ready item. `slots()` is the number of tasks that may run now: 0 stops them after
    the attempt under way. `rested()` is called when a task has nothing more to do, `ended(task)` when it has ended.
    """

    def __init__(
        self,
        ready: deque[Item],
        attempt: Callable[[Item], Awaitable[None]],
        *,
        slots: Callable[[], int],
        rested: Callable[[], None],
        ended: Callable[[asyncio.Task[Any]], None],
    ) -> None:
        self._ready = ready
        self._attempt = attempt
        self._slots = slots
        self._rested = rested
        self._ended = ended
        self._tasks: set[asyncio.Task[None]] = set()
        self._working = 0
        self._starting = 0  # tasks that have not yet run

    def pump(self) -> None:
        """Start a task for each ready item, as far as there are slots."""
        while self._starting < len(self._ready) and self._working < self._slots():
            self._working += 1
            self._starting += 1
            task = asyncio.get_running_loop().create_task(self._work(), name="attempt")
            self._tasks.add(task)
            task.add_done_callback(self._done)

    async def stop(self, grace_s: float) -> None:
        """Give the attempts under way a moment, then cancel them."""
        if self._tasks:
            await asyncio.wait(tuple(self._tasks), timeout=grace_s)
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self) -> None:
        self._starting -= 1
        try:
            while self._ready and self._working <= self._slots():
                await self._attempt(self._ready.popleft())
        finally:
            self._working -= 1
        self._rested()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._ended(task)
