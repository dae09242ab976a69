"""What a hub does by the clock: trimming the log, the turn of the day, and subscriptions that expire."""

import asyncio
from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Final

from hub.assembly.services import Services
from hub.clock import SCHOOL_ZONE

LONGEST_S: Final = 3600.0  # machine time between two looks
_AT_ONCE_S: Final = 0.1
_AFTER_FAILURE_S: Final = 10.0


class Maintenance:
    """Two loops, from `start` to `stop`. `problem(where, code, detail)` is called when a look failed."""

    def __init__(self, services: Services, problem: Callable[[str, str, str], None]) -> None:
        self._services = services
        self._problem = problem
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._tidy()), asyncio.create_task(self._expire())]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _tidy(self) -> None:
        """Trim events that are past their retention; after midnight take up enrolments that begin that day."""
        services = self._services
        clock = services.clock
        today = clock.school().date()
        while True:
            try:
                before = clock.utc() - services.config.retention
                services.directory.schedule.forget(before)
                await services.log.trim(before)
                if clock.school().date() != today:
                    today = clock.school().date()
                    services.withheld.new_day(today)
            except Exception as error:
                self._problem("maintenance", type(error).__name__, "")
            await clock.sleep(self._next_look_s())

    def _next_look_s(self) -> float:
        clock = self._services.clock
        school = clock.school()
        midnight = datetime.combine(school.date() + timedelta(days=1), time(0, 0, 1), SCHOOL_ZONE)
        return max(_AT_ONCE_S, min(LONGEST_S, clock.machine_seconds_until(midnight)))

    async def _expire(self) -> None:
        """End each subscription at its `expires_at`. A subscription that is made or changed may be the next."""
        registry, clock = self._services.subscriptions, self._services.clock
        changed = asyncio.Event()
        registry.listen(lambda subscription: changed.set())
        while True:
            changed.clear()
            least_s = _AT_ONCE_S
            try:
                await registry.expire()
            except Exception as error:
                self._problem("maintenance", type(error).__name__, "")
                least_s = _AFTER_FAILURE_S
            expiry = registry.next_expiry()
            wait_s = LONGEST_S if expiry is None else (expiry - clock.utc()).total_seconds()
            waits = [
                asyncio.create_task(clock.sleep(min(max(wait_s, least_s), LONGEST_S))),
                asyncio.create_task(changed.wait()),
            ]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for each in waits:
                    each.cancel()
