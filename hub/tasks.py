"""Background tasks that belong to one part of the hub: kept while they run, ended together."""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

T = TypeVar("T")


class Tasks:
    """The running tasks of one owner. The loop itself keeps weak references only: a task that no one keeps may vanish.

    Iterating gives the tasks that have not ended.
    """

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, T], name: str | None = None) -> "asyncio.Task[T]":
        """Run it in the background. A failure that no one reads is reported by the loop's exception handler."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    def __iter__(self) -> Iterator["asyncio.Task[Any]"]:
        return iter(tuple(self._running))

    def cancel(self) -> None:
        """Cancel all of them; `stop` waits for their end too."""
        for task in self:
            task.cancel()

    async def stop(self) -> None:
        """Cancel all of them and return when they have ended. What they raise is dropped."""
        self.cancel()
        await asyncio.gather(*self, return_exceptions=True)
