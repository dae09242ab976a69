"""The keys of a lane whose first event failed: in memory, and in the store's rows. They wait; all others flow.

A parked key is the event that is tried next, and the places of the events behind it. Each change of a parked key
returns store operations. They belong in the same commit as the cause of the change.
"""

import asyncio
import heapq
import itertools
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from hub.bus.base import Place, Position
from hub.clock import Clock
from hub.store import parked
from hub.store.base import Operation

EVENT: Final = "event"  # what a parked key waits with: an event of the log,
STATE: Final = "state"  # or one that stands for its entity as it is


@dataclass(slots=True, eq=False)
class ParkedKey:
    """A key whose first event failed: that event, and the places of those that wait behind it."""

    key: bytes
    place: Place
    cause: str  # EVENT or STATE
    attempts: int
    due: datetime
    since: datetime
    reason: str
    waiting: deque[Place] = field(default_factory=deque)
    active: bool = False  # it is about to be tried, or being tried


class Parking:
    """All parked keys of one subscription's lane.

    `was_state(place)` answers whether the lane read the event at a place as its entity's state. `ripe(key, early)` is
    called when a key's event is to be tried; `early`: before its time, as a test whether the recipient is back.
    `woken()` is called each time the keys have been examined.
    """

    def __init__(
        self,
        tenant: str,
        subscription: str,
        lane: str,
        clock: Clock,
        *,
        was_state: Callable[[Place], bool],
        ripe: Callable[[ParkedKey, bool], None],
        woken: Callable[[], None],
    ) -> None:
        self._tenant = tenant
        self._subscription = subscription
        self._lane = lane
        self._clock = clock
        self._was_state = was_state
        self._ripe = ripe
        self._woken = woken
        self._keys: dict[bytes, ParkedKey] = {}
        self._due: list[tuple[datetime, int, ParkedKey]] = []
        self._ticket = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = False

    def __len__(self) -> int:
        return len(self._keys)

    def get(self, key: bytes) -> ParkedKey | None:
        return self._keys.get(key)

    def restore(self, rows: Iterable[tuple[parked.Parked, Sequence[int]]]) -> None:
        """Restore the parked keys from the store."""
        for row, waiting in rows:
            key = ParkedKey(
                row.key, Place(row.place), row.cause, row.attempts, row.due, row.since, row.reason,
                deque(Place(place) for place in waiting),
            )  # fmt: skip
            self._keys[row.key] = key
            self._schedule(key)

    def stop(self) -> None:
        """No key becomes ripe any more."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- what others may ask ------------------------------------------------------------------------------------

    def since(self) -> datetime | None:
        """When the first of them was parked; None if there are none."""
        return min((key.since for key in self._keys.values()), default=None)

    def active(self, head: Position | None = None) -> bool:
        """Whether one is being tried, or about to be: with an event up to `head` where given."""
        return any(key.active and (head is None or head.covers(key.place)) for key in self._keys.values())

    def holds(self, head: Position) -> bool:
        """Whether an event up to `head` is parked."""
        return any(head.covers(key.place) for key in self._keys.values())

    # -- changes ------------------------------------------------------------------------------------------------

    def park(
        self, key: bytes, place: Place, cause: str, *, counted: bool, delay_s: float, reason: str, waiting: list[Place]
    ) -> list[Operation]:
        """A key's first event has failed. `counted`: it was an attempt at the recipient."""
        now = self._clock.utc()
        made = ParkedKey(
            key, place, cause, int(counted), now + timedelta(seconds=delay_s), now, reason, deque(waiting)
        )  # fmt: skip
        self._keys[key] = made
        self._schedule(made)
        return [self._row(made), *([self._wait_row(key, waiting)] if waiting else [])]

    def wait_behind(self, key: ParkedKey, place: Place) -> Operation:
        """A later event of a parked key."""
        key.waiting.append(place)
        return self._wait_row(key.key, [place])

    def postpone(self, key: ParkedKey, reason: str, delay_s: float, *, counted: bool) -> Operation:
        """The key's event failed again, or could not be tried."""
        key.attempts += counted
        key.reason = reason
        key.due = self._clock.utc() + timedelta(seconds=delay_s)
        key.active = False
        self._schedule(key)
        return self._row(key)

    def advance(self, key: ParkedKey) -> list[Operation]:
        """The parked event has ended: the next waiting event takes its place, or the key is free."""
        if not key.waiting:
            del self._keys[key.key]
            return [parked.unpark(self._tenant, self._subscription, self._lane, key.key)]
        key.place = key.waiting.popleft()
        key.attempts, key.reason, key.cause = 0, "", STATE if self._was_state(key.place) else EVENT
        key.since = key.due = self._clock.utc()
        self._activate(key)
        gone = parked.drop_waiting(self._tenant, self._subscription, self._lane, key.key, [key.place])
        return [gone, self._row(key)]

    # -- when they are tried ------------------------------------------------------------------------------------

    def hasten(self) -> None:
        """The recipient is back: keys that wait for it need not wait until they are due."""
        now = self._clock.utc()
        for key in self._keys.values():
            if not key.active and key.due > now:
                key.due = now
                self._schedule(key)

    def probe(self) -> None:
        """Try the key that is due first, though its time has not come."""
        sleeping = [key for key in self._keys.values() if not key.active]
        if sleeping:
            self._activate(min(sleeping, key=lambda key: key.due), early=True)

    def wake(self) -> None:
        """Make the keys ripe that are due, and set the timer for the next."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._stopped:
            return
        now = self._clock.utc()
        while self._due:
            due, _, key = self._due[0]
            if key.active or key.due != due or self._keys.get(key.key) is not key:
                heapq.heappop(self._due)  # it has moved on since
            elif due <= now:
                heapq.heappop(self._due)
                self._activate(key)
            else:
                self._timer = asyncio.get_running_loop().call_later((due - now).total_seconds(), self.wake)
                break
        self._woken()

    def _schedule(self, key: ParkedKey) -> None:
        heapq.heappush(self._due, (key.due, next(self._ticket), key))
        if self._due[0][2] is key:
            self.wake()

    def _activate(self, key: ParkedKey, *, early: bool = False) -> None:
        key.active = True
        self._ripe(key, early)

    # -- rows ---------------------------------------------------------------------------------------------------

    def _row(self, key: ParkedKey) -> Operation:
        row = parked.Parked(
            subscription=self._subscription,
            lane=self._lane,
            key=key.key,
            place=key.place,
            cause=key.cause,
            attempts=key.attempts,
            due=key.due,
            since=key.since,
            reason=key.reason,
        )
        return parked.park(self._tenant, row)

    def _wait_row(self, key: bytes, places: Sequence[Place]) -> Operation:
        return parked.wait(self._tenant, self._subscription, self._lane, key, places)
