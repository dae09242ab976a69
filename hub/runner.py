"""Threads for blocking work: one writer for each file, with group commit, and a small pool for reads.

Log and store of the embedded engine get a `Runner`. The crash simulation gives them another runner, which runs the same
code on a virtual clock, without threads, so that the simulation can stop the code between any two commits.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

Commit = Callable[[Sequence[Any]], Sequence[Any]]
"""Make a group of items durable in one transaction. One result for each item; an exception fails its item."""

Durable = Callable[[Sequence[Any]], None]
"""Called on the event loop with a group's results, just before the group's futures are done and in the same turn."""


class Writer(Protocol):
    def submit(self, item: Any) -> asyncio.Future[Any]:
        """Enqueue an item in this turn. The future is done when it is durable. Items keep the order of the calls."""

    async def close(self) -> None:
        """Commit what is enqueued, then end the writer."""


class Runner(Protocol):
    def writer(self, name: str, commit: Commit, on_durable: Durable | None = None) -> Writer: ...

    async def read(self, function: Callable[[], T]) -> T: ...

    def close(self) -> None: ...


class ThreadRunner:
    """The runner with threads. Make one for each backend; the backend's reads run in `readers` threads."""

    def __init__(self, readers: int = 2) -> None:
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="skolnav-read")

    def writer(self, name: str, commit: Commit, on_durable: Durable | None = None) -> "ThreadWriter":
        return ThreadWriter(name, commit, on_durable)

    async def read(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, function)

    def close(self) -> None:
        self._readers.shutdown(wait=True, cancel_futures=True)


class ThreadWriter:
    """A writer thread with group commit: items that come during a transaction go into the next one."""

    def __init__(self, name: str, commit: Commit, on_durable: Durable | None = None, max_group: int = 4096) -> None:
        self._loop = asyncio.get_running_loop()
        self._commit = commit
        self._on_durable = on_durable
        self._max_group = max_group
        self._closed = False
        self._queue: queue.SimpleQueue[tuple[Any, asyncio.Future[Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=f"skolnav-{name}", daemon=True)
        self._thread.start()

    def submit(self, item: Any) -> asyncio.Future[Any]:
        if self._closed:
            raise RuntimeError(f"{self._thread.name} is closed")  # else the caller would wait for ever
        future = self._loop.create_future()
        self._queue.put((item, future))
        return future

    async def close(self) -> None:
        self._closed = True
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        ended = False
        while not ended:
            group: list[tuple[Any, asyncio.Future[Any]]] = []
            first = self._queue.get()
            if first is None:
                return
            group.append(first)
            with contextlib.suppress(queue.Empty):
                while len(group) < self._max_group:
                    more = self._queue.get_nowait()
                    if more is None:
                        ended = True
                        break
                    group.append(more)
            try:
                results: Sequence[Any] = self._commit([item for item, _ in group])
            except Exception as error:  # the backend failed as a whole, so all callers get the error
                results = [error] * len(group)
            with contextlib.suppress(RuntimeError):  # the loop is closed, and its callers with it
                self._loop.call_soon_threadsafe(self._settle, group, results)

    def _settle(self, group: Sequence[tuple[Any, asyncio.Future[Any]]], results: Sequence[Any]) -> None:
        try:
            if self._on_durable is not None:
                self._on_durable(results)
        finally:  # the loop reports a failing listener, which must not leave the callers waiting for ever
            self._answer(group, results)

    @staticmethod
    def _answer(group: Sequence[tuple[Any, asyncio.Future[Any]]], results: Sequence[Any]) -> None:
        for (_, future), result in zip(group, results, strict=True):
            if future.cancelled():
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
