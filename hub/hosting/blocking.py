"""Threads for the blocking calls of one connector, which never hold up the end of the process."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

T = TypeVar("T")


class DaemonPool(Executor):
    """A ThreadPoolExecutor with daemon threads. The standard one joins its threads when the interpreter ends, so a
    connector's call that never returns would keep the hub from stopping. Threads start as they are needed.
    """

    def __init__(self, name: str, threads: int) -> None:
        self._name = name
        self._max = threads
        self._work: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._unfinished = 0
        self._lock = threading.Lock()
        self._closed = False

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError("this connector has been stopped")
            self._work.put((future, lambda: fn(*args, **kwargs)))
            self._unfinished += 1
            if len(self._threads) < min(self._unfinished, self._max):
                thread = threading.Thread(target=self._run, name=f"{self._name}-{len(self._threads)}", daemon=True)
                self._threads.append(thread)
                thread.start()
        return future

    def threads(self) -> list[threading.Thread]:
        """Those that run."""
        with self._lock:
            return [thread for thread in self._threads if thread.is_alive()]

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End each thread when its call has returned. Never waits, since a call may never return."""
        with self._lock:
            self._closed = True
            for _ in self._threads:
                self._work.put(None)

    def _run(self) -> None:
        while (item := self._work.get()) is not None:
            future, call = item
            if future.set_running_or_notify_cancel():
                try:
                    result = call()
                except BaseException as error:
                    future.set_exception(error)
                else:
                    future.set_result(result)
                    del result
            del item, future, call
            with self._lock:
                self._unfinished -= 1
