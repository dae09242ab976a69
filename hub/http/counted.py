"""Things that clients do to the hub and operators should see: each counted, and told in the log now and then."""

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
        self._untold = 0
        self._told = float("-inf")

    def count(self) -> None:
        self.total += 1
        self._untold += 1
        now = self._clock.monotonic()
        if now - self._told >= LINE_S:
            self._log.warning("%s (%d since the last line)", self._says, self._untold)
            self._told, self._untold = now, 0
