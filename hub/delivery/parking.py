"""The parked keys of a lane, in memory and in the store's rows. Their events wait; all other keys are delivered.

A parked key holds the event that is tried next, and the places of the key's later events. Each change of a parked key
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

EVENT: Final = "event"  # the lane read the parked event from the log
STATE: Final = "state"  # the lane read it as its entity's state


@dataclass(slots=True, eq=False, kw_only=True)
class ParkedKey:
    """A key whose first event failed: that event's place, and the places of the key's later events."""

    key: bytes
    place: Place
    cause: str  # EVENT or STATE
    attempts: int
    due: datetime
    since: datetime
    reason: str
    waiting: deque[Place] = field(default_factory=deque)
    active: bool = False  # its event is being tried, or about to be


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
                key=row.key, place=Place(row.place), cause=row.cause, attempts=row.attempts, due=row.due,
                since=row.since, reason=row.reason, waiting=deque(Place(place) for place in waiting),
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
        """When the first of the parked keys was parked; None if there are none."""
        return min((key.since for key in self._keys.values()), default=None)

    def active(self, head: Position | None = None) -> bool:
        """Whether an event (None: any; else one up to `head`) is being tried, or about to be."""
        return any(key.active and (head is None or head.covers(key.place)) for key in self._keys.values())

    def holds(self, head: Position) -> bool:
        """Whether an event up to `head` is parked."""
        return any(head.covers(key.place) for key in self._keys.values())

    # -- changes ------------------------------------------------------------------------------------------------

    def park(
        self, key: bytes, place: Place, cause: str, *, counted: bool, delay_s: float, reason: str, waiting: list[Place]
    ) -> list[Operation]:
        """Park a key whose first event has failed. `counted`: the failure was an attempt at the recipient."""
        now = self._clock.utc()
        made = ParkedKey(
            key=key, place=place, cause=cause, attempts=int(counted), due=now + timedelta(seconds=delay_s), since=now,
            reason=reason, waiting=deque(waiting),
        )  # fmt: skip
        self._keys[key] = made
        self._schedule(made)
        return [self._row(made), *([self._wait_row(key, waiting)] if waiting else [])]

    def wait_behind(self, key: ParkedKey, place: Place) -> Operation:
        """Add a later event of a parked key."""
        key.waiting.append(place)
        return self._wait_row(key.key, [place])

    def postpone(self, key: ParkedKey, reason: str, delay_s: float, *, counted: bool) -> Operation:
        """Try the key's event again later: it failed again, or could not be tried."""
        key.attempts += counted
        key.reason = reason
        key.due = self._clock.utc() + timedelta(seconds=delay_s)
        key.active = False
        self._schedule(key)
        return self._row(key)

    def advance(self, key: ParkedKey) -> list[Operation]:
        """End the parked event: try the key's next event, or free the key if there is none."""
        if not key.waiting:
            del self._keys[key.key]
            return [parked.unpark(self._tenant, self._subscription, self._lane, key=key.key)]
        key.place = key.waiting.popleft()
        key.attempts, key.reason, key.cause = 0, "", STATE if self._was_state(key.place) else EVENT
        key.since = key.due = self._clock.utc()
        self._activate(key)
        gone = parked.drop_waiting(self._tenant, self._subscription, self._lane, key=key.key, places=[key.place])
        return [gone, self._row(key)]

    # -- when they are tried ------------------------------------------------------------------------------------

    def hasten(self) -> None:
        """Make all keys due now: the recipient is back."""
        now = self._clock.utc()
        for key in self._keys.values():
            if not key.active and key.due > now:
                key.due = now
                self._schedule(key)

    def probe(self) -> None:
        """Try the key that is due first, before its time."""
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
                heapq.heappop(self._due)  # an old entry: the key has changed since
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
        return parked.wait(self._tenant, self._subscription, self._lane, key=key, places=places)
