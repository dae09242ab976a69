"""The hub's work by the clock: it trims what is past its retention, begins a new day, and ends subscriptions."""

import asyncio
from collections.abc import Callable
from datetime import time, timedelta
from typing import Final

from hub.assembly.services import Services
from hub.delivery import history
from hub.pauses import AWAY_S
from hub.privacy import records
from hub.store import lanes
from hub.tasks import Tasks
from hub.waiting import set_within
from schemas.school_time import school_moment

SEARCH_EVERY_S: Final = 10.0
LONGEST_S: Final = 3600.0  # machine time between two looks
_AT_ONCE_S: Final = 0.1
_AFTER_FAILURE_S: Final = AWAY_S[-1]


class Maintenance:
    """Four loops, from `start` to `stop`. They report failures to `problem(where, code, detail)` and try again."""

    def __init__(self, services: Services, problem: Callable[[str, str, str], None]) -> None:
        self._services = services
        self._problem = problem
        self._tasks = Tasks()

    def start(self) -> None:
        self._tasks.start(self._tidy(), name="tidy")
        self._tasks.start(self._trim_records(), name="trim records")
        self._tasks.start(self._expire(), name="expire")
        self._tasks.start(self._prepare_searches(), name="prepare searches")

    async def stop(self) -> None:
        await self._tasks.stop()

    async def _tidy(self) -> None:
        """Trim events that are past their retention. After midnight, examine the marks that the new day may free."""
        services = self._services
        clock = services.clock
        today = clock.school().date()
        while True:
            try:
                before = clock.utc() - services.config.retention
                services.directory.schedule.forget(before)
                await services.log.trim(before)
                await services.store.commit(lanes.forget_ended(services.store.tenant, before))
                await history.trim(services.store, before)
                await services.kept_marks.tidy()
                await services.withheld.tidy()
                if clock.school().date() != today:
                    today = clock.school().date()
                    services.withheld.new_day(today)
            except Exception as error:
                self._problem("maintenance", type(error).__name__, "")
            await clock.sleep(self._next_look_s())

    async def _trim_records(self) -> None:
        """Trim the log of disclosures and the audit. In a loop of its own, since a first trim may take long."""
        services = self._services
        while True:
            try:
                await records.trim(services.store, services.clock, services.config.disclosure_retention)
            except records.ChainBroken as broken:
                self._problem("disclosures", "chain-broken", f"row {broken.row}; see skolnav disclosures verify")
            except Exception as error:
                self._problem("maintenance", type(error).__name__, "")
            await services.clock.sleep(self._next_look_s())

    async def _prepare_searches(self) -> None:
        """Add new events to the search index, in pieces with a pause after each: searches are rare, appends are not."""
        clock = self._services.clock
        while True:
            pause_s = SEARCH_EVERY_S
            try:
                if await self._services.log.keep_up():
                    pause_s = _AT_ONCE_S
            except Exception as error:
                self._problem("maintenance", type(error).__name__, "")
            await clock.sleep(pause_s)

    def _next_look_s(self) -> float:
        clock = self._services.clock
        midnight = school_moment(clock.school().date() + timedelta(days=1), time(0, 0, 1))
        return max(_AT_ONCE_S, min(LONGEST_S, clock.machine_seconds_until(midnight)))

    async def _expire(self) -> None:
        """End each subscription at its `expires_at`. A created or changed subscription may be the next to expire."""
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
            await set_within(changed, min(max(wait_s, least_s), LONGEST_S), clock)
