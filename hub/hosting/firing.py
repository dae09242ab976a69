"""What the two kinds of timers of one instance share: daily timers (`daily_timers`), timers at a moment
(`moment_timers`).

A timer waits for its due time, then for the events before it. A run that failed is tried again after a pause.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from hub.clock import Clock
from hub.hosting.connector_errors import MAX_BACKOFF_S, backoff_s, code_of
from hub.pauses import jittered
from hub.waiting import set_within
from plugins.errors import ConfigurationError

CAUGHT_UP_S: Final = 60.0  # machine time that a timer waits for the events before it (docs/architecture.md, Time)
LATE_S: Final = 60.0  # a timer that is due this long before the hub's start was missed
LONGEST_SLEEP_S: Final = 60.0  # the wall clock may be set while we sleep by the monotonic one
_SHORTEST_SLEEP_S: Final = 0.001

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerTrouble:
    """A run of a timer that should have happened and did not. Times are machine time."""

    name: str  # without a moment's key, which may be about a person
    state: Literal["late", "failing", "given-up"]
    since: datetime  # when it first failed, or was due
    error: str  # the code of the last failure; empty where it is only late
    failures: int
    next_try: datetime | None  # None: nothing is tried again before the timer is due the next time
    runs: int  # how many runs: more than one only for timers at a moment


@dataclass(kw_only=True, eq=False)
class Firing:
    """What the timers of one instance need for their runs.

    `caught_up(instance, moment)` returns once the instance has handled all events accepted before a moment of school
    time; False if some of them wait for a retry. `on_problem(instance, code, detail)` is for the operator.
    """

    instance: str
    clock: Clock
    caught_up: Callable[[str, datetime], Awaitable[bool]]
    on_problem: Callable[[str, str, str], None]
    dice: random.Random = field(default_factory=random.Random)

    async def handled_before(self, due: datetime) -> bool:
        """Whether all events that were accepted before `due` have been handled, within CAUGHT_UP_S."""
        try:
            async with self.clock.timeout(CAUGHT_UP_S):
                return await self.caught_up(self.instance, due)
        except TimeoutError:
            return False

    async def wait(self, changed: asyncio.Event, seconds: float | None) -> None:
        """Return after `seconds` of machine time (LONGEST_SLEEP_S at most), or when `changed` is set; clears `changed`.

        Where `seconds` is None, return only when `changed` is set.
        """
        if seconds is None:
            await changed.wait()
        else:
            await set_within(changed, min(max(seconds, _SHORTEST_SLEEP_S), LONGEST_SLEEP_S), self.clock)
        changed.clear()

    def late(self, name: str, due: datetime, runs: int = 1) -> TimerTrouble | None:
        """The trouble of runs that were due at `due` (school time) and have not ended; None while it is early to say.

        A run waits for the events before it, so it is late only after CAUGHT_UP_S more.
        """
        machine_s = -self.clock.machine_seconds_until(due)
        # In machine time, since the demo's school time runs faster. A clock that a test moves says only that it is due.
        passed = self.clock.school().astimezone(UTC) - due.astimezone(UTC)
        passed = timedelta(seconds=machine_s) if machine_s > 0 else passed
        if passed.total_seconds() <= LATE_S + CAUGHT_UP_S:
            return None
        return TimerTrouble(
            name=name, state="late", since=self.clock.utc() - passed, error="", failures=0, next_try=None, runs=runs
        )

    def at(self, machine: float) -> datetime:
        """A moment of the monotonic clock as machine time."""
        return self.clock.utc() + timedelta(seconds=machine - self.clock.monotonic())

    def pause_s(self, error: BaseException, failures: int) -> float:
        """Seconds until the next try of a run that has failed this many times."""
        # Only a person can correct a configuration. The run is tried again now and then, in case a person has.
        pause_s = MAX_BACKOFF_S if isinstance(error, ConfigurationError) else backoff_s(failures, error)
        return jittered(pause_s, self.dice)

    def failed(self, run: str, error: BaseException, pause_s: float) -> None:
        """Log a run that will be tried again. `run` names the timer, without data."""
        log.warning("%s: timer %s failed: %s; next try in %.0f s", self.instance, run, code_of(error), pause_s)

    def given_up(self, run: str, error: BaseException) -> None:
        """Log a run that will not be tried again, and inform the operator. `run` as in `failed`."""
        log.error("%s: timer %s is given up: %s", self.instance, run, code_of(error))
        self.on_problem(self.instance, code_of(error), f"timer {run} is given up")
