"""Two injected clocks (docs/architecture.md, Time). Nothing else in the hub asks the machine what time it is."""

import asyncio
import time
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from schemas.school_time import SCHOOL_ZONE

NEVER_US: Final = 1 << 62  # a time in microseconds that does not come


class Clock(Protocol):
    """Machine time for what machines agree on, school time for what people plan."""

    def monotonic(self) -> float:
        """Seconds, for time-outs, retries and rate limits."""

    def utc(self) -> datetime:
        """Machine time, UTC: acceptance, signatures, tokens, freshness, disclosures."""

    def utc_us(self) -> int:
        """`utc` in microseconds since 1970. A tenth of the cost of a datetime, for what runs for each event."""

    def school(self) -> datetime:
        """School time (`schemas.school_time`): cut-offs, timers, windows, "today"."""

    async def sleep(self, seconds: float) -> None:
        """Wait in machine time."""

    def timeout(self, seconds: float) -> AbstractAsyncContextManager[asyncio.Timeout]:
        """`asyncio.timeout` in machine time."""

    def machine_seconds_until(self, due: datetime) -> float:
        """Seconds of machine time until school time reaches `due`; 0 or less if it has."""


class SystemClock:
    """The machine's clocks. With `start` and `speed` school time begins at another time and runs faster (demo only)."""

    def __init__(self, start: datetime | None = None, speed: float = 1.0) -> None:
        self._origin = time.time()
        self._start = start
        self._speed = speed

    def monotonic(self) -> float:
        return time.monotonic()

    def utc(self) -> datetime:
        return datetime.now(UTC)

    def utc_us(self) -> int:
        return time.time_ns() // 1000

    def school(self) -> datetime:
        if self._start is None:
            return datetime.now(SCHOOL_ZONE)
        passed = timedelta(seconds=(time.time() - self._origin) * self._speed)
        # The sum is made in UTC: on the wall clock it would be an hour wrong after a daylight-saving change.
        return (self._start.astimezone(UTC) + passed).astimezone(SCHOOL_ZONE)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def timeout(self, seconds: float) -> asyncio.Timeout:
        return asyncio.timeout(seconds)

    def machine_seconds_until(self, due: datetime) -> float:
        return (due - self.school()).total_seconds() / self._speed


def to_us(moment: datetime) -> int:
    """Microseconds since 1970 UTC, exactly (a float would round)."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def from_us(microseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
