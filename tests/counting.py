"""Counts the simulated I/O on a request's path: reads and appends of the log, reads and commits of the store.

    app = CountedApp(app)                    # served as the app itself would be, in process or by a real server
    with counted(hub.log, hub.store):
        ...                                  # requests
    steps_of(app.paths[-1])                  # the steps of the last request, up to the first byte of its answer

A step belongs to the request whose task made it (a context variable), so what other tasks of the hub do meanwhile is
not counted.
"""

import functools
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

FIRST_BYTE: Final = "first byte"
READS: Final = ("read", "get", "find", "search", "count", "states", "states_of", "states_about", "at", "oldest_time")

_path: ContextVar[list["Step"] | None] = ContextVar("path", default=None)


@dataclass
class Step:
    """One call: of the log (`log.read`) or the store (`store.commit`), and the rows that it returned or changed."""

    what: str
    rows: int = 0


Path = Sequence[Step]


def steps_of(path: Path, *, rows: bool = True) -> list[tuple[str, int] | str]:
    """The steps up to the first byte; without `rows` only which calls there were."""
    found: list[tuple[str, int] | str] = []
    for step in path:
        if step.what == FIRST_BYTE:
            break
        found.append((step.what, step.rows) if rows else step.what)
    return found


@contextmanager
def counting() -> Iterator[list[Step]]:
    """The steps of this task, and of the tasks that it starts meanwhile."""
    path: list[Step] = []
    token = _path.set(path)
    try:
        yield path
    finally:
        _path.reset(token)


@contextmanager
def counted(log: Any, store: Any) -> Iterator[None]:
    """Count the calls of this log and this store. They are wrapped in place: all parts of a hub hold the same two."""
    for name in (*READS, "append", "restate"):
        setattr(log, name, _of_log(name, getattr(log, name)))
    store.read = _read(store.read)
    store.commit = _commit(store.commit)
    try:
        yield
    finally:
        for name in (*READS, "append", "restate"):
            delattr(log, name)
        del store.read, store.commit


class CountedApp:
    """An ASGI application that notes the path of each request to `app`, in the order in which they came."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app
        self.paths: list[list[Step]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def sent(message: Any) -> None:
            if not any(step.what == FIRST_BYTE for step in path):
                path.append(Step(FIRST_BYTE))
            await send(message)

        with counting() as path:
            self.paths.append(path)
            await self._app(scope, receive, sent)


def _note(what: str) -> Step:
    step, path = Step(what), _path.get()
    if path is not None:
        path.append(step)
    return step


def _size(found: Any) -> int:
    found = getattr(found, "events", getattr(found, "stored", found))
    if isinstance(found, list | tuple):
        return len(found) + sum(len(getattr(each, "earlier", ())) for each in found)
    return 0 if found is None else 1


def _of_log(name: str, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(call)
    async def wrapped(*args: Any, **more: Any) -> Any:
        step = _note(f"log.{name}")
        found = await call(*args, **more)
        step.rows = _size(found)
        return found

    return wrapped


def _read(call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(call)
    async def wrapped(query: Callable[[Connection], Any]) -> Any:
        step = _note("store.read")
        found = await call(query)
        step.rows = _size(found)
        return found

    return wrapped


def _commit(call: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    @functools.wraps(call)
    def wrapped(*operations: Callable[[Connection], Any]) -> Awaitable[None]:
        step = _note("store.commit")

        def begins(connection: Connection) -> None:
            step.rows = -_changes(connection)

        def ends(connection: Connection) -> None:
            step.rows += _changes(connection)

        return call(begins, *operations, ends)

    return wrapped


def _changes(connection: Connection) -> int:
    changes: int = connection.connection.driver_connection.total_changes  # type: ignore[union-attr]
    return changes
