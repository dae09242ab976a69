"""What a connector keeps, on its way to and from the store: tried until it holds."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from hub.clock import Clock
from hub.delivery.base import Outcome
from hub.store import connector_state
from hub.store.base import Operation, Store

T = TypeVar("T")

STORE_RETRY_S: Final = (0.1, 0.5, 2.0, 10.0)

log = logging.getLogger(__name__)


class Keeping:
    """Of one instance. All of it runs on the hub's loop; `wake()` is called when the outbox has got rows.

    The state in memory is ahead of the store: by the commits that are under way here, and by the outcomes that delivery
    commits with its cursor. Who begins with what the store has must wait until they have `landed`.
    """

    def __init__(self, instance: str, store: Store, clock: Clock, wake: Callable[[], None]) -> None:
        self._instance = instance
        self._store = store
        self._clock = clock
        self._wake = wake
        self._commits: set[asyncio.Task[None]] = set()
        self._outcomes: set[asyncio.Future[None]] = set()

    async def load(self) -> dict[str, bytes]:
        """The state as the store has it."""
        return await self._until_it_holds(
            "gave no state", lambda: self._store.read(connector_state.load(self._store.tenant, self._instance))
        )

    async def keep(self, operations: Sequence[Operation], published: bool) -> None:
        """Return when it is durable. Whoever stops waiting does not stop it."""
        task = asyncio.get_running_loop().create_task(self._commit(operations, published))
        self._commits.add(task)
        task.add_done_callback(self._commits.discard)
        await asyncio.shield(task)

    def handed_out(self, outcome: Outcome) -> Outcome:
        """The same outcome, and delivery tells when it is durable."""
        if not outcome.operations:
            return outcome
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._outcomes.add(stored)

        def on_stored() -> None:
            self._outcomes.discard(stored)
            if not stored.done():
                stored.set_result(None)
            if outcome.on_stored is not None:
                outcome.on_stored()

        return replace(outcome, on_stored=on_stored)

    async def landed(self, limit_s: float) -> bool:
        """Wait until the store has all that is kept; False if it has not within so long."""
        under_way = {*self._commits, *self._outcomes}
        if not under_way:
            return True
        _, late = await asyncio.wait(under_way, timeout=limit_s)
        return not late

    def stop(self) -> None:
        """Try no more."""
        for task in self._commits:
            task.cancel()

    async def _commit(self, operations: Sequence[Operation], published: bool) -> None:
        # Until it holds: the state in memory shows these changes already.
        await self._until_it_holds("took no commit", lambda: self._store.commit(*operations))
        if published:
            self._wake()

    async def _until_it_holds(self, failed: str, work: Callable[[], Awaitable[T]]) -> T:
        failures = 0
        while True:
            try:
                return await work()
            except Exception as error:
                delay = STORE_RETRY_S[min(failures, len(STORE_RETRY_S) - 1)]
                failures += 1
                log.error(
                    "%s: the store %s (%s); next try in %.1f s", self._instance, failed, type(error).__name__, delay
                )
            await self._clock.sleep(delay)
