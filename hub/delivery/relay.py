"""The relay: it moves connectors' events from the outbox into the log (docs/architecture.md, The order of commits).

An outbox row is written in the same store commit as the connector's state and cursor. The relay appends rows in order,
with the event ids in them, and then deletes the rows. After a crash in between it appends some events again, and the
log drops them as duplicates. A row whose event no longer fits its type stays: it is tried again when the hub starts.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from hub.bus.base import Corrects, IdConflict, Log, LogUnavailable, OwnedByAnother, corrects_nothing
from hub.clock import Clock
from hub.pauses import until_it_works
from hub.store import outbox
from hub.store.base import Store, StoreUnavailable
from schemas import Catalogue, Described, Event, InvalidEvent

PAGE: Final = 500

log = logging.getLogger(__name__)


class Relay:
    """One background task. `wake` after a commit that wrote outbox rows."""

    def __init__(
        self, *, tenant: str, store: Store, log: Log, catalogue: Catalogue, clock: Clock,
        on_problem: Callable[[str, str], None] = lambda code, detail: None,
        corrects: Corrects = corrects_nothing,
        on_refused: Callable[[str, str, str], None] = lambda connector, type_, owner: None,
        on_moved: Callable[[str, int], None] = lambda connector, rows: None,
    ) -> None:  # fmt: skip
        self._tenant = tenant
        self._store = store
        self._log = log
        self._catalogue = catalogue
        self._clock = clock
        self._on_problem = on_problem
        self._corrects = corrects
        self._on_refused = on_refused
        self._looked_up_to = 0  # rows up to this number have been appended, or stay because they can't be
        self._on_moved = on_moved
        self._woken = asyncio.Event()
        self._woken.set()
        self._empty = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), name="relay")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def wake(self) -> None:
        self._empty.clear()
        self._woken.set()

    @property
    def idle(self) -> bool:
        """Whether the outbox is empty, except for rows written without a `wake` and rows that can't be appended."""
        return self._empty.is_set()

    async def _run(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            while await until_it_works(
                self._pass_on, clock=self._clock, failed=_log_wait, retry_on=(StoreUnavailable, LogUnavailable)
            ):
                pass
            if not self._woken.is_set():
                self._empty.set()

    async def _pass_on(self) -> bool:
        """Append one page of rows and delete them. False if there is no further page."""
        rows = await self._store.read(outbox.load(self._tenant, after=self._looked_up_to, limit=PAGE))
        if not rows:
            return False
        batch: list[tuple[str, Described]] = []
        kept: set[int] = set()
        for row in rows:
            try:
                batch.append((row.connector, self._catalogue.describe(Event.from_structured(row.body))))
            except InvalidEvent:
                # The event was valid when it was published: since then the package of its type has been removed or
                # changed, or a validator of the type fails now and then.
                kept.add(row.n)
                self._on_problem("outbox-invalid", row.connector)
        while batch and (left_out := await self._append(batch)):
            batch = [each for index, each in enumerate(batch) if index not in left_out]
        await self._store.commit(outbox.remove(self._tenant, [row.n for row in rows if row.n not in kept]))
        self._looked_up_to = rows[-1].n
        for connector, moved in Counter(row.connector for row in rows if row.n not in kept).items():
            self._on_moved(connector, moved)
        return len(rows) == PAGE

    async def _append(self, batch: Sequence[tuple[str, Described]]) -> frozenset[int]:
        """Append a batch. Returns the events that the log refuses: then nothing was stored, and the others must not
        wait for these.
        """
        try:
            await self._log.append([described for _, described in batch], self._corrects)
        except IdConflict as conflict:
            for index in conflict.indexes:  # ids are random, so this is a fault
                self._on_problem("outbox-conflict", batch[index][1].event.id)
            return frozenset(conflict.indexes)
        except OwnedByAnother as refused:
            for index, owner in zip(refused.indexes, refused.owners, strict=True):
                connector, described = batch[index]
                self._on_refused(connector, described.event.type, owner)
            return frozenset(refused.indexes)
        return frozenset()


def _log_wait(error: Exception, pause_s: float) -> None:
    log.error("the outbox waits (%s); next try in %.1f s", type(error).__name__, pause_s)
