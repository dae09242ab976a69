"""Background tasks that belong to one part of the hub: referenced while they run, ended together."""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

T = TypeVar("T")


class Tasks:
    """The running tasks of one owner. The loop has only weak references: a task without any other may vanish.

    Iterating gives the tasks that have not ended.
    """

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, T], name: str | None = None) -> "asyncio.Task[T]":
        """Run `work` in the background. The loop's exception handler reports a failure that is never awaited."""
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
        """Cancel all of them and return when they have ended. Their exceptions are dropped."""
        self.cancel()
        await asyncio.gather(*self, return_exceptions=True)
