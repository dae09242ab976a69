"""A clock that a test moves by hand."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from typing import Final

from schemas.school_time import SCHOOL_ZONE, as_school_time, school_moment

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class ManualClock:
    """School time stands still until a test moves it. Machine time begins at the same moment, runs, and can jump.

    School time rules timers, cut-offs and "today"; machine time rules time-outs, retries and polling. Moving one does
    not move the other. Several threads and event loops may use one clock.
    """

    def __init__(self, start: datetime | str) -> None:
        """`start` in school time: an aware datetime, or text like `2026-11-24T07:30`."""
        self._school = _school(start)
        self._began = self._school.astimezone(UTC)
        self._origin = time.monotonic()
        self._jumped = 0.0
        # Since when machine time is held (None: it runs), and for how many seconds it was held before. One value, since
        # other threads read it.
        self._holding: tuple[float | None, float] = (None, 0.0)
        self._lock = threading.Lock()
        self._sleepers: dict[asyncio.Future[None], tuple[asyncio.AbstractEventLoop, float]] = {}
        self._listeners: list[Callable[[], None]] = []

    def monotonic(self) -> float:
        held_since, held_s = self._holding
        now = time.monotonic() if held_since is None else held_since
        return now - held_s + self._jumped

    def utc(self) -> datetime:
        return self._began + timedelta(seconds=self.monotonic() - self._origin)

    def utc_us(self) -> int:
        """Machine time in microseconds since 1970."""
        return (self.utc() - _EPOCH) // timedelta(microseconds=1)

    def school(self) -> datetime:
        return self._school

    def machine_seconds_until(self, due: datetime) -> float:
        """0 or less if school time has reached `due`; else more than any sleep, since only a move brings it nearer."""
        passed = due.astimezone(UTC) <= self._school.astimezone(UTC)
        return 0.0 if passed else float(timedelta(days=3650).total_seconds())

    async def sleep(self, seconds: float) -> None:
        """Wait in machine time: as long as it takes, or until `pass_machine` has made up for it."""
        await self._sleep_until(self._running() + seconds)

    async def _sleep_until(self, until: float) -> None:
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[None] = loop.create_future()
        with self._lock:
            self._sleepers[woken] = (loop, until)
        try:
            while (left := until - self._running()) > 0:
                await asyncio.wait([woken], timeout=left)
                if woken.done():
                    return
        finally:
            with self._lock:
                self._sleepers.pop(woken, None)

    @asynccontextmanager
    async def timeout(self, seconds: float) -> AsyncIterator[asyncio.Timeout]:
        """`asyncio.timeout` in machine time: `pass_machine` makes it run out. It runs on inside `held`."""
        until = self._running() + seconds  # computed here, since the task below begins later

        async def run_out() -> None:
            await self._sleep_until(until)
            timer.reschedule(asyncio.get_running_loop().time())

        async with asyncio.timeout(None) as timer:
            running = asyncio.create_task(run_out())
            try:
                yield timer
            finally:
                running.cancel()

    def advance_to(self, moment: datetime | time_of_day | str) -> None:
        """Move school time on: to a moment, or to a time of the same day (`"08:30"`).

        Raises ValueError for a moment in the past.
        """
        target = self.resolve(moment)
        if target.astimezone(UTC) < self._school.astimezone(UTC):
            raise ValueError(f"school time is {self._school.isoformat()} already")
        self._school = target
        for callback in list(self._listeners):
            callback()

    def resolve(self, moment: datetime | time_of_day | str) -> datetime:
        """A moment of school time. A time of day (`"08:30"`) means the present day."""
        if isinstance(moment, str) and "T" not in moment:
            moment = time_of_day.fromisoformat(moment)
        if isinstance(moment, time_of_day):
            moment = school_moment(self._school.date(), moment)
        return _school(moment)

    def advance(self, **by: float) -> None:
        """Move school time on by a timedelta's arguments: `advance(hours=2)`. These are hours that pass, not hours of
        the wall clock.
        """
        self.advance_to((self._school.astimezone(UTC) + timedelta(**by)).astimezone(SCHOOL_ZONE))

    def pass_machine(self, seconds: float) -> None:
        """Let machine time jump: all sleeps and time-outs that would have ended by then end."""
        self._jumped += seconds
        now = self._running()
        with self._lock:
            due = [(woken, loop) for woken, (loop, until) in self._sleepers.items() if until <= now]
        for woken, loop in due:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_wake, woken)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold `monotonic` and `utc` inside the block: only `pass_machine` moves them, so that no retry comes due.

        `timeout` and `sleep` run on: what they limit, or wait for, goes on too. Not to be nested.
        """
        since, (_, held_s) = time.monotonic(), self._holding
        self._holding = (since, held_s)
        try:
            yield
        finally:
            self._holding = (None, held_s + time.monotonic() - since)

    def _running(self) -> float:
        """Machine time as if it had never been held."""
        return time.monotonic() + self._jumped

    def on_move(self, callback: Callable[[], None]) -> None:
        """Call `callback` at each move of school time, in the turn of the code that moves it."""
        self._listeners.append(callback)


def _wake(sleeper: "asyncio.Future[None]") -> None:
    if not sleeper.done():
        sleeper.set_result(None)


def _school(moment: datetime | str) -> datetime:
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    return as_school_time(moment)
