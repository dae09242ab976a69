"""A virtual world for the crash simulation: an event loop whose time jumps, and blocking work without threads.

The loop runs one callback after another in a seeded order of delays, never sleeps, and can be stopped before any of its
steps: that is a crash. Whatever the SQLite files hold then is what survives.
"""

import asyncio
import random
import selectors
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from hub.bus.base import LogUnavailable
from hub.runner import Commit, Durable
from hub.store.base import StoreUnavailable
from tests.clock import MORNING, HandClock

T = TypeVar("T")


class Deadlock(Exception):
    """Nothing is scheduled and nothing can happen any more: somebody waits for ever."""


class _Selector(selectors.DefaultSelector):
    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Deadlock
        if timeout > 0:
            self.loop.now += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time starts at `now` and moves only when all that is ready has run."""

    def __init__(self, now: float) -> None:
        selector = _Selector()
        super().__init__(selector)
        selector.loop = self
        self.now = now
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self.now


class SimClock(HandClock):
    """The loop's virtual time, which goes on over crashes, is machine time and school time."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    @property
    def now(self) -> datetime:  # type: ignore[override]
        return MORNING + timedelta(seconds=self._loop.now)

    def monotonic(self) -> float:
        return self._loop.now

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class SimRunner:
    """Commits and reads happen in one step of the loop, after a random delay: a crash falls before or after one.

    `broken()` says that the disk takes nothing now.
    """

    def __init__(self, dice: random.Random, broken: Callable[[], bool] = lambda: False) -> None:
        self._dice = dice
        self._broken = broken

    def writer(self, name: str, commit: Commit, on_durable: Durable | None = None) -> "SimWriter":
        failure = LogUnavailable if name == "log" else StoreUnavailable
        return SimWriter(self._dice, commit, on_durable, self._broken, failure)

    async def read(self, function: Callable[[], T]) -> T:
        await asyncio.sleep(self._dice.random() * 0.002)
        return function()

    def close(self) -> None:
        pass


class SimWriter:
    def __init__(
        self, dice: random.Random, commit: Commit, on_durable: Durable | None, broken: Callable[[], bool],
        failure: type[Exception],
    ) -> None:  # fmt: skip
        self._failure = failure
        self._dice = dice
        self._commit = commit
        self._on_durable = on_durable
        self._broken = broken
        self._queue: list[tuple[Any, asyncio.Future[Any]]] = []
        self._task: asyncio.Task[None] | None = None

    def submit(self, item: Any) -> asyncio.Future[Any]:
        future = asyncio.get_running_loop().create_future()
        self._queue.append((item, future))
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())
        return future

    async def close(self) -> None:
        while self._queue or (self._task is not None and not self._task.done()):
            await asyncio.sleep(0.001)

    async def _run(self) -> None:
        while self._queue:
            await asyncio.sleep(self._dice.random() * 0.004)
            size = self._dice.randint(1, len(self._queue))
            group, self._queue = self._queue[:size], self._queue[size:]
            results: Sequence[Any]
            if self._broken():
                results = self._commit_fails(len(group))
            else:
                try:
                    results = self._commit([item for item, _ in group])
                except Exception as error:
                    results = [error] * len(group)
            # Durable now, told later: a crash in between is the one that repeats.
            await asyncio.sleep(self._dice.random() * 0.004)
            if self._on_durable is not None:
                self._on_durable(results)
            for (_, future), result in zip(group, results, strict=True):
                if future.cancelled():
                    continue
                if isinstance(result, Exception):
                    future.set_exception(result)
                else:
                    future.set_result(result)

    def _commit_fails(self, count: int) -> Sequence[Any]:
        return [self._failure("simulated")] * count
