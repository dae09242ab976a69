"""Whether the log and the store can be written: tried at each look, since only a write shows that a disk is full."""

import asyncio
import logging
from collections.abc import Awaitable
from typing import Final

from hub.alerts.condition import Condition
from hub.bus.base import Log, LogUnavailable
from hub.clock import Clock
from hub.store.base import Operation, Store, StoreUnavailable
from hub.store.statements import touch

LONGEST_S: Final = 10.0  # a write that takes longer counts as failed

log = logging.getLogger(__name__)


class Writable:
    """Tries both, and keeps since when one of them is away."""

    def __init__(self, store: Store, event_log: Log, clock: Clock) -> None:
        self._store = store
        self._log = event_log
        self._clock = clock
        self._away: dict[str, Condition] = {}

    def conditions(self) -> list[Condition]:
        return list(self._away.values())

    async def try_log(self) -> None:
        await self._tried("log-away", self._log.append([]))

    async def commit(self, *operations: Operation) -> bool:
        """Commit these, or the smallest change if there are none. Whether that is durable."""
        return await self._tried("store-away", self._store.commit(touch(self._store.tenant), *operations))

    async def _tried(self, code: str, write: Awaitable[object]) -> bool:
        try:
            async with asyncio.timeout(LONGEST_S):
                await write
        except Exception as error:
            known = self._away.get(code)
            why = ""
            if isinstance(error, TimeoutError):
                why = "timeout"
            elif not isinstance(error, LogUnavailable | StoreUnavailable):
                why = f"error-{type(error).__name__}"
            if known is None:
                log.error("%s: nothing can be written: %s", code, type(error).__name__)
            since, attempts = (self._clock.utc(), 1) if known is None else (known.since, known.attempts + 1)
            self._away[code] = Condition(code=code, place="hub", since=since, error=why, attempts=attempts)
            return False
        self._away.pop(code, None)
        return True
