"""How many events wait for a subscription that takes none now: paused, pending, or waiting for the directory."""

import asyncio
from datetime import datetime
from typing import Final

from hub.bus.base import Log, LogUnavailable, Position
from hub.clock import from_us
from hub.subscriptions.matching import Matcher
from hub.subscriptions.model import Subscription

PAGE: Final = 1000
MOST: Final = 20_000  # events read in one call of `count`; the next call goes on from there


class Backlog:
    """Counts the events of a subscription's types after a position, each once, however often it is asked."""

    def __init__(self, log: Log, subscription: Subscription, position: Position) -> None:
        self.events = 0
        self.oldest: datetime | None = None  # acceptance time of the first of them
        self._log = log
        self._matches = Matcher(subscription).matches
        self._position = position
        self._counting = asyncio.Lock()

    @property
    def counted(self) -> bool:
        """Whether everything in the log has been counted."""
        return self._position.reached(self._log.head())

    async def count(self) -> None:
        """Count what came since the last call, at most MOST events. An outage of the log ends the call early.

        Calls that overlap count one after the other.
        """
        async with self._counting:
            for _ in range(MOST // PAGE):
                if self.counted:
                    return
                try:
                    batch = await self._log.read(self._position, PAGE)
                except LogUnavailable:
                    return
                found = [stored for stored in batch.events if self._matches(stored)]
                if found and self.oldest is None:
                    self.oldest = from_us(found[0].accepted_us)
                self.events += len(found)
                self._position = batch.position
                if batch.at_head:
                    return
