"""The hub as one connector instance sees it: `plugins.connector.Context` on the real store, clock and directory."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from datetime import date, datetime
from functools import partial
from typing import Any, TypeVar

from pydantic import BaseModel

from hub.clock import Clock
from hub.hosting.blocking import DaemonPool
from hub.hosting.connector_state import Changes, ConnectorState, EditableState, StateView
from hub.hosting.publishing import Publisher
from hub.store import outbox
from hub.store.base import Operation
from plugins.connector import DirectoryView
from plugins.errors import ConfigurationError, TemporaryError
from schemas import Payload

T = TypeVar("T")

OnMain = Callable[[Coroutine[Any, Any, T]], Awaitable[T]]
"""Run a coroutine on the hub's event loop and await its result in the connector's."""


class Staged:
    """What one call of `handle` has kept so far: it becomes durable with the cursor, or is dropped as a whole."""

    def __init__(self) -> None:
        self.changes: Changes = {}
        self.bodies: list[bytes] = []
        self.open = True


CALL: ContextVar[Staged | None] = ContextVar("skolnav_call", default=None)
"""The call of `handle` that this task is in; None in `run`, `poll`, timers and what they start."""


def staged_now() -> Staged | None:
    staged = CALL.get()
    # A task that handle() started and left behind goes on after the call: then it is on its own, like `run`.
    return staged if staged is not None and staged.open else None


class InstanceContext:
    """One instance's context. All of it is used in the connector's thread."""

    def __init__(
        self,
        instance: str,
        *,
        tenant: str,
        clock: Clock,
        state: ConnectorState,
        publisher: Publisher,
        directory: DirectoryView | None,
        pool: DaemonPool,
        durable: Callable[[Sequence[Operation], bool], Awaitable[None]],
        problem: Callable[[str, str], None],
        poll_soon: Callable[[], None],
    ) -> None:
        self.instance = instance
        self.clock = clock
        self.log = logging.getLogger(f"skolnav.connector.{instance}")
        self.abandoned = False  # the hub gave this instance up: whatever it still does must not count
        self._tenant = tenant
        self._state = state
        self._publisher = publisher
        self._directory = directory
        self._pool = pool
        self._durable = durable
        self._problem = problem
        self._poll_soon = poll_soon

    @property
    def state(self) -> Mapping[str, Any]:
        staged = staged_now()
        return StateView(self._state.values) if staged is None else StateView(self._state.values, staged.changes)

    @property
    def directory(self) -> DirectoryView:
        if self._directory is None:
            raise ConfigurationError(
                f"{self.instance} asks the directory without a data contract",
                fix="Give the connector class a `contract`",
            )
        return self._directory

    def commit(self) -> AbstractAsyncContextManager["OpenTransaction"]:
        return self._commit()

    @asynccontextmanager
    async def _commit(self) -> AsyncIterator["OpenTransaction"]:
        staged = staged_now()
        overlays = () if staged is None else (staged.changes,)
        transaction = OpenTransaction(EditableState(self._state.values, *overlays), self._publisher)
        yield transaction
        if staged is not None and staged.open:
            staged.changes |= transaction.state.changes
            staged.bodies += transaction.bodies
        else:
            operations = self.operations(transaction.state.changes, transaction.bodies)
            if operations:
                await self._durable(operations, bool(transaction.bodies))

    def operations(self, changes: Changes, bodies: list[bytes]) -> list[Operation]:
        """Apply changes in memory now; returns what must be committed for them, in this order."""
        if self.abandoned:
            raise TemporaryError(f"{self.instance} has been replaced", why="it blocked, or did not end in time")
        operations: list[Operation] = []
        if changes:
            operations.append(self._state.apply(changes))
        if bodies:
            operations.append(outbox.add(self._tenant, self.instance, bodies))
        return operations

    async def blocking(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(function, *args, **kwargs))

    def poll_soon(self) -> None:
        self._poll_soon()

    def problem(self, code: str, detail: str = "") -> None:
        self._problem(code, detail)


class OpenTransaction:
    """`plugins.connector.Transaction` while its block is open."""

    def __init__(self, state: EditableState, publisher: Publisher) -> None:
        self.state = state
        self.bodies: list[bytes] = []
        self._publisher = publisher

    def publish(
        self,
        model: type[Payload],
        data: BaseModel | Mapping[str, Any],
        *,
        time: datetime | None = None,
        complete: bool | None = None,
    ) -> str:
        event = self._publisher.build(model, data, time, complete)
        self.bodies.append(event.to_json())
        return event.id


class DirectoryFromAfar:
    """A directory view whose work is done on the hub's event loop, where the directory lives."""

    def __init__(self, view: DirectoryView, on_main: Callable[[Coroutine[Any, Any, Any]], Awaitable[Any]]) -> None:
        self._view = view
        self._on_main = on_main

    async def persons(
        self, *, organisations: Sequence[str] = (), groups: Sequence[str] = (), on: date
    ) -> Sequence[Mapping[str, Any]]:
        return await self._on_main(self._view.persons(organisations=organisations, groups=groups, on=on))  # type: ignore[no-any-return]

    async def staff(self, *, organisations: Sequence[str] = (), on: date) -> Sequence[Mapping[str, Any]]:
        return await self._on_main(self._view.staff(organisations=organisations, on=on))  # type: ignore[no-any-return]

    async def rooms(self, *, organisations: Sequence[str] = ()) -> Sequence[Mapping[str, Any]]:
        return await self._on_main(self._view.rooms(organisations=organisations))  # type: ignore[no-any-return]

    async def lessons(
        self,
        *,
        on: date,
        room: str | None = None,
        teacher: str | None = None,
        group: str | None = None,
        organisations: Sequence[str] = (),
    ) -> Sequence[Mapping[str, Any]]:
        asked = self._view.lessons(on=on, room=room, teacher=teacher, group=group, organisations=organisations)
        return await self._on_main(asked)  # type: ignore[no-any-return]

    async def groups(self, *, organisations: Sequence[str] = ()) -> Sequence[Mapping[str, Any]]:
        return await self._on_main(self._view.groups(organisations=organisations))  # type: ignore[no-any-return]

    async def organisations(self) -> Sequence[Mapping[str, Any]]:
        return await self._on_main(self._view.organisations())  # type: ignore[no-any-return]

    async def activity(self, id: str) -> Mapping[str, Any] | None:
        return await self._on_main(self._view.activity(id))  # type: ignore[no-any-return]

    async def complete(self, organisations: Sequence[str], on: date) -> bool:
        return await self._on_main(self._view.complete(organisations, on))  # type: ignore[no-any-return]
