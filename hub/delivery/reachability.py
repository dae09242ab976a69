"""Whether a recipient as a whole can be reached. After some failures in a row deliveries are held, then probed."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from hub.clock import Clock
from hub.delivery.retries import HOLD_AFTER, hold_s

GIVE_UP_S: Final = 72 * 3600.0  # a recipient that has failed for this long without a break is paused


@dataclass(frozen=True, slots=True)
class Down:
    """A recipient that as a whole does not take deliveries."""

    since: datetime  # the first failure in a row, machine time
    attempts: int  # failures in a row, without those of attempts that were under way when deliveries were held
    reason: str  # of the last failure: `http-503`, `timeout`
    next_try: datetime | None  # while deliveries are held


class Reachability:
    """`probe()` is called when a hold is over: one attempt shows whether the recipient is back."""

    def __init__(self, clock: Clock, dice: random.Random, probe: Callable[[], None]) -> None:
        self._clock = clock
        self._dice = dice
        self._probe = probe
        self._streak = 0  # failures in a row of the recipient as a whole
        self._down_since: datetime | None = None
        self._hold: asyncio.TimerHandle | None = None
        self._hold_until: datetime | None = None
        self._reason = ""

    @property
    def holding(self) -> bool:
        """Whether deliveries are held for now."""
        return self._hold is not None

    @property
    def held(self) -> bool:
        """Whether so many attempts in a row have failed that deliveries are held, also while one attempt probes."""
        return self._streak >= HOLD_AFTER

    @property
    def down(self) -> Down | None:
        """None while the recipient answers."""
        if self._down_since is None:
            return None
        next_try = self._hold_until if self._hold is not None else None
        return Down(self._down_since, self._streak, self._reason, next_try)

    def slots(self, concurrency: int) -> int:
        """How many attempts may be under way."""
        if self._hold is not None:
            return 0
        return 1 if self._streak >= HOLD_AFTER else concurrency

    def answered(self) -> bool:
        """Note that the recipient has answered. Returns whether that ends a time in which deliveries were held."""
        back = self._streak >= HOLD_AFTER
        self._streak, self._down_since = 0, None
        return back

    def failed(self, retry_after_s: float | None, parked_since: datetime | None, reason: str = "") -> bool:
        """Note that the recipient as a whole has failed. Returns whether to give it up.

        `parked_since`: when the first of its keys was parked.
        """
        now = self._clock.utc()
        if self._hold is None:  # during a hold only attempts from before it can fail, which is no news
            self._streak += 1
            self._reason = reason
        self._down_since = self._down_since or parked_since or now
        if (now - self._down_since).total_seconds() >= GIVE_UP_S:
            return True
        if self._streak >= HOLD_AFTER and self._hold is None:
            delay = hold_s(self._streak, retry_after_s, self._dice)
            self._hold_until = now + timedelta(seconds=delay)
            self._hold = asyncio.get_running_loop().call_later(delay, self._end_hold)
        return False

    def stop(self) -> None:
        """Probe no more. A hold does not end."""
        if self._hold is not None:
            self._hold.cancel()

    def _end_hold(self) -> None:
        self._hold = None
        self._probe()
