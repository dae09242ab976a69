"""How many feeds and streams are open: bounded for each client, whatever number of subscriptions it has, and in all."""

import contextlib
import logging
from collections import Counter
from collections.abc import Iterator
from typing import Final

from hub.api.limits import Room
from hub.clock import Clock
from hub.http.counted import Counted
from hub.http.problems import ApiProblem

log = logging.getLogger(__name__)

MAX_EACH: Final = 64  # of one client
PART: Final = 0.5  # of all connections: the others are for publishers, look-ups and operators
LEAST_EACH: Final = 4  # of one client, however many the other clients have open


class Pulls:
    """The feeds and streams that are being answered: `open` has their number by client."""

    def __init__(self, clock: Clock) -> None:
        self.open: Counter[str] = Counter()
        self.refused = Counted(clock, log, "a feed or stream was refused, since as many are open as may be")
        self._most = int(Room.outside().most * PART)

    @contextlib.contextmanager
    def opened(self, client: str) -> Iterator[None]:
        """Count one as open until its answer has ended. Raises ApiProblem (429) if too many are."""
        own = self.open[client]
        if own >= MAX_EACH:
            raise self._refused(
                f"The client has {MAX_EACH} feeds and streams open. Close some of them, or wait for their answers."
            )
        if own >= LEAST_EACH and self.open.total() >= self._most:
            raise self._refused(
                "All clients together have as many feeds and streams open as the hub serves. "
                f"Up to {LEAST_EACH} of a client are always served: close some of the others, or ask again later."
            )
        self.open[client] += 1
        try:
            yield
        finally:
            self.open[client] -= 1
            if not self.open[client]:
                del self.open[client]

    def _refused(self, detail: str) -> ApiProblem:
        self.refused.count()
        return ApiProblem("too-many-requests", detail, headers={"Retry-After": "5"})
