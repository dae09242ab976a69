"""Counts what clients do to the hub's harm, and logs it for operators, at most once in `LINE_S`."""

import logging
from typing import Final

from hub.clock import Clock

LINE_S: Final = 60.0  # at most one line in the log in this time


class Counted:
    """How often a thing happened: `total`, and a line in the log at the first time and then at most each `LINE_S`."""

    def __init__(self, clock: Clock, log: logging.Logger, says: str) -> None:
        """`says` is the line. It holds no data of any client."""
        self.total = 0
        self._clock = clock
        self._log = log
        self._says = says
        self._unlogged = 0
        self._logged_at = float("-inf")

    def count(self) -> None:
        self.total += 1
        self._unlogged += 1
        now = self._clock.monotonic()
        if now - self._logged_at >= LINE_S:
            self._log.warning("%s (%d since the last line)", self._says, self._unlogged)
            self._logged_at, self._unlogged = now, 0
