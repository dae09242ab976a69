"""The hub as one connector instance sees it: `plugins.connector.Context` on the hub's store, clock and directory."""

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
from hub.hosting.connector_errors import coded
from hub.hosting.connector_state import Changes, ConnectorState, EditableState, StateView, transaction_ended
from hub.hosting.keeping import Kept
from hub.hosting.moments import MomentChanges, Moments
from hub.hosting.publishing import Publisher
from hub.store import outbox
from hub.store.base import Operation
from hub.store.moments import Moment
from plugins.connector import DirectoryView, State
from plugins.errors import ConfigurationError, TemporaryError
from schemas import Payload

T = TypeVar("T")

OnMain = Callable[[Coroutine[Any, Any, T]], Awaitable[T]]
"""Run a coroutine on the hub's event loop and await its result in the connector's."""


class Staged:
    """The changes of a transaction, or of a whole call of `handle` or `confirm`: all are committed or all dropped."""

    def __init__(self) -> None:
        self.changes: Changes = {}
        self.moments: MomentChanges = {}
        self.bodies: list[bytes] = []
        self.open = True

    def add(self, later: "Staged") -> None:
        self.changes |= later.changes
        self.moments |= later.moments
        self.bodies += later.bodies


CALL: ContextVar[Staged | None] = ContextVar("skolnav_call", default=None)
"""What the `handle` or `confirm` call in this task has staged so far; None in `run`, `poll` and timers."""


def staged_now() -> Staged | None:
    staged = CALL.get()
    # A task that handle() has started may outlive the call. From then on the task commits for itself, as `run` does.
    return staged if staged is not None and staged.open else None


class InstanceContext:
    """One instance's context, used in the connector's thread only."""

    def __init__(
        self,
        instance: str,
        *,
        tenant: str,
        clock: Clock,
        state: ConnectorState,
        moments: Moments,
        publisher: Publisher,
        directory: DirectoryView | None,
        pool: DaemonPool,
        durable: Callable[[Kept], Awaitable[None]],
        problem: Callable[[str, str], None],
        poll_soon: Callable[[], None],
        far_side: Callable[[str, str, datetime | None], None],
    ) -> None:
        self.instance = instance
        self.clock = clock
        self.log = logging.getLogger(f"skolnav.connector.{instance}")
        self.abandoned = False  # the hub gave this instance up: what it still does must have no effect
        self.moments = moments
        self.publisher = publisher
        self.tenant = tenant
        self.values = state
        self._directory = directory
        self._pool = pool
        self._durable = durable
        self._problem = problem
        self._poll_soon = poll_soon
        self._far_side = far_side

    @property
    def state(self) -> State:
        staged = staged_now()
        return StateView(self.values) if staged is None else StateView(self.values, staged.changes)

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
        call = staged_now()
        overlays = () if call is None else (call.changes,)
        transaction = OpenTransaction(self, EditableState(self.values, *overlays), call)
        try:
            yield transaction
        finally:
            transaction.close()
        if call is not None and call.open:
            call.add(transaction.staged)
        else:
            await self.keep(transaction.staged)

    async def keep(self, staged: Staged) -> None:
        """Apply what is staged, and return when it is durable. Raises as `kept`."""
        await self.make_durable(self.kept(staged))

    async def make_durable(self, kept: Kept) -> None:
        if kept.operations:
            await self._durable(kept)

    def kept(self, staged: Staged) -> Kept:
        """Apply what is staged to the state in memory, which the connector reads; returns what must be committed.

        Raises TemporaryError if the instance has been given up.
        """
        self._require_in_charge()
        operations: list[Operation] = []
        if staged.changes:
            operations.append(self.values.apply(staged.changes))
        if staged.moments:
            operations.append(self.moments.apply(staged.moments))
        if staged.bodies:
            operations.append(outbox.add(self.tenant, self.instance, staged.bodies))
        return Kept(operations=operations, publishes=bool(staged.bodies))

    def moment_ended(self, moment: Moment) -> Kept:
        """End a moment whose timer has run; returns what must be committed. Raises as `kept`."""
        self._require_in_charge()
        ended = self.moments.ended(moment)
        return Kept() if ended is None else Kept(operations=[ended])

    def _require_in_charge(self) -> None:
        if self.abandoned:
            raise TemporaryError(f"{self.instance} has been replaced", why="it blocked, or did not end in time")

    async def blocking(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(function, *args, **kwargs))

    def require_room(self, events: int) -> None:
        """Raises PermanentError if one call can't publish more than `events`. In the hub's process it can."""

    def poll_soon(self) -> None:
        self._poll_soon()

    def problem(self, code: str, detail: str = "") -> None:
        self._problem(code, detail)

    def far_side(self, name: str, code: str = "", next_try: datetime | None = None) -> None:
        if next_try is not None and (not isinstance(next_try, datetime) or next_try.utcoffset() is None):
            raise ValueError("far_side(): `next_try` must be a datetime with an offset")
        if not self.abandoned:
            self._far_side(str(name), coded(code) if code else "", next_try)


class OpenTransaction:
    """`plugins.connector.Transaction` while its block is open.

    `call`: what the `handle` or `confirm` call around the block has staged; None outside such a call.
    """

    def __init__(self, context: InstanceContext, state: EditableState, call: Staged | None) -> None:
        self.state = state
        self.staged = Staged()
        self.staged.changes = state.changes
        self._publisher = context.publisher
        self._require_room = context.require_room
        self._moments = context.moments
        self._call = call
        self._open = True

    def publish(
        self,
        model: type[Payload],
        data: BaseModel | Mapping[str, Any],
        *,
        time: datetime | None = None,
        complete: bool | None = None,
    ) -> str:
        self._require_open()
        self._require_room(len(self.staged.bodies) + (0 if self._call is None else len(self._call.bodies)))
        event = self._publisher.build(model, data, time, complete)
        self.staged.bodies.append(event.to_json())
        return event.id

    def at(self, when: datetime, name: str, key: str) -> None:
        self._require_open()
        moment = self._moments.checked(when, name, key)
        self._moments.require_room((name, key), *self._staged_moments())
        self.staged.moments[name, key] = moment

    def withdraw(self, name: str, key: str) -> None:
        self._require_open()
        if self._moments.is_set((name, key), *self._staged_moments()):
            self.staged.moments[name, key] = None

    def close(self) -> None:
        """The block has ended: what would be staged from now on would be lost."""
        self.state.close()
        self._open = False

    def _require_open(self) -> None:
        if not self._open:
            raise transaction_ended()

    def _staged_moments(self) -> list[MomentChanges]:
        return [self.staged.moments] if self._call is None else [self._call.moments, self.staged.moments]


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
