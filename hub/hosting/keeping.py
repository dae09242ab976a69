"""What a connector keeps, on its way to and from the store: each commit is tried until it succeeds."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from hub.clock import Clock
from hub.delivery.base import Outcome
from hub.pauses import until_it_works
from hub.store import connector_state, moments
from hub.store.base import Operation, Store
from hub.store.moments import Moment

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a call or a transaction keeps: the connector sees it from now on, and it must be committed in this order."""

    operations: Sequence[Operation] = ()
    publishes: bool = False  # the outbox gets rows


class Keeping:
    """The commits of one instance. Everything here runs on the hub's loop.

    `wake()` is called when the outbox has got rows; `all_landed()` when the store has all that was kept so far.

    The state in memory is ahead of the store: by the commits that are under way here, and by the outcomes that delivery
    commits with its cursor. An instance that begins with what the store has must wait until they have `landed`.
    """

    def __init__(
        self, instance: str, store: Store, clock: Clock, *, wake: Callable[[], None], all_landed: Callable[[], None]
    ) -> None:
        self._instance = instance
        self._store = store
        self._clock = clock
        self._wake = wake
        self._all_landed = all_landed
        self._commits: set[asyncio.Task[None]] = set()
        self._outcomes: set[asyncio.Future[None]] = set()

    async def load_state(self) -> dict[str, bytes]:
        """The state as the store has it."""
        return await self._until_it_succeeds(
            "gave no state", lambda: self._store.read(connector_state.load(self._store.tenant, self._instance))
        )

    async def load_moments(self) -> list[Moment]:
        """The pending moments as the store has them."""
        return await self._until_it_succeeds(
            "gave no moments", lambda: self._store.read(moments.load(self._store.tenant, self._instance))
        )

    async def keep(self, kept: Kept) -> None:
        """Commit, and return when the commit is durable. It goes on if the caller stops waiting."""
        task = asyncio.get_running_loop().create_task(self._commit(kept))
        self._commits.add(task)
        task.add_done_callback(self._committed)
        await asyncio.shield(task)

    def handed_out(self, outcome: Outcome) -> Outcome:
        """The same outcome, whose `on_stored` also notes here that delivery has made the outcome durable."""
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
            self._look_whether_all_landed()

        return replace(outcome, on_stored=on_stored)

    async def landed(self, limit_s: float) -> bool:
        """Wait until the store has all changes that were made so far; False if it does not after `limit_s`."""
        under_way = {*self._commits, *self._outcomes}
        if not under_way:
            return True
        _, late = await asyncio.wait(under_way, timeout=limit_s)
        return not late

    def stop(self) -> None:
        """Cancel the commits that are under way."""
        for task in self._commits:
            task.cancel()

    async def _commit(self, kept: Kept) -> None:
        # Until it succeeds: the state in memory shows these changes already.
        await self._until_it_succeeds("refused a commit", lambda: self._store.commit(*kept.operations))
        if kept.publishes:
            self._wake()

    def _committed(self, task: "asyncio.Task[None]") -> None:
        self._commits.discard(task)
        if not task.cancelled():
            self._look_whether_all_landed()

    def _look_whether_all_landed(self) -> None:
        if not self._commits and not self._outcomes:
            self._all_landed()

    async def _until_it_succeeds(self, failed: str, work: Callable[[], Awaitable[T]]) -> T:
        def away(error: Exception, pause_s: float) -> None:
            log.error(
                "%s: the store %s (%s); next try in %.1f s", self._instance, failed, type(error).__name__, pause_s
            )

        return await until_it_works(work, clock=self._clock, failed=away)
