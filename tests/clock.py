"""The clock of tests in which no time passes by itself.

A test of a hub that runs takes `plugins.testing.ManualClock`, whose machine time runs and can be made to jump.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

from hub.clock import to_us
from schemas.school_time import SCHOOL_ZONE

MORNING: Final = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)
"""A Tuesday in the term, 08:00 in school time."""


class HandClock:
    """Machine time and school time stand still until the test moves them. A sleep moves them by its length."""

    def __init__(self, now: datetime = MORNING) -> None:
        self.now = now

    def monotonic(self) -> float:
        return (self.now - MORNING).total_seconds()

    def utc(self) -> datetime:
        return self.now

    def utc_us(self) -> int:
        return to_us(self.now)

    def school(self) -> datetime:
        return self.now.astimezone(SCHOOL_ZONE)

    async def sleep(self, seconds: float) -> None:
        due = self.now + timedelta(seconds=seconds)
        await asyncio.sleep(0)
        self.now = max(self.now, due)

    def timeout(self, seconds: float) -> asyncio.Timeout:
        """In real seconds: a part that hangs must not hang its test."""
        return asyncio.timeout(seconds)

    def machine_seconds_until(self, due: datetime) -> float:
        return (due - self.now).total_seconds()

    def move(self, **by: float) -> None:
        """Move both times by a timedelta's arguments: `move(hours=2)`."""
        self.now += timedelta(**by)
