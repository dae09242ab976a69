"""How much a webhook gets at a time and per second: one limit for a subscription's live events, replays and tests."""

import asyncio

from hub.clock import Clock


class Limits:
    """`concurrency` deliveries at a time, `rate_per_s` begun per second (None: any number). One event loop uses it."""

    def __init__(self, clock: Clock, concurrency: int, rate_per_s: float | None = None) -> None:
        self.slots = asyncio.Semaphore(concurrency)
        self.concurrency = concurrency
        self.rate_per_s = rate_per_s
        self._clock = clock
        self._interval_s = 1 / rate_per_s if rate_per_s else 0.0
        self._next_at = 0.0

    async def turn(self) -> None:
        """Return when the next delivery may begin."""
        if not self._interval_s:
            return
        now = self._clock.monotonic()
        mine = max(now, self._next_at)
        self._next_at = mine + self._interval_s
        if mine > now:
            await self._clock.sleep(mine - now)
