"""How much a webhook gets at a time and per second: one limit for a subscription's live events, replays and tests.

What all webhooks of one client get at a time is bounded too: a client with many subscriptions must not use up the
hub's connections.
"""

import asyncio

from hub.clock import Clock


class Limits:
    """`concurrency` deliveries at a time, `rate_per_s` begun per second (None: any number). One event loop uses it."""

    def __init__(
        self,
        clock: Clock,
        concurrency: int,
        rate_per_s: float | None = None,
        of_client: asyncio.Semaphore | None = None,
    ) -> None:
        """`of_client`: the slots that all webhooks of the client share. None: only `concurrency` counts."""
        self.concurrency = concurrency
        self.rate_per_s = rate_per_s
        self.slots = asyncio.Semaphore(concurrency)
        self._of_client = of_client or asyncio.Semaphore(concurrency)
        self._first = asyncio.Lock()
        self._clock = clock
        self._interval_s = 1 / rate_per_s if rate_per_s else 0.0
        self._next_at = 0.0

    async def begin(self) -> None:
        """Return when a delivery that has one of `slots` may begin. `end` must follow."""
        if not self._interval_s:
            await self._of_client.acquire()
            return
        async with self._first:
            await self._turn()

    def end(self) -> None:
        """The delivery has ended."""
        self._of_client.release()

    async def _turn(self) -> None:
        """Wait for the next turn, and only then for a slot of the client."""
        now = self._clock.monotonic()
        begins = max(now, self._next_at)
        if begins > now:
            await self._clock.sleep(begins - now)
        waits = self._of_client.locked()
        await self._of_client.acquire()
        self._next_at = (self._clock.monotonic() if waits else begins) + self._interval_s
