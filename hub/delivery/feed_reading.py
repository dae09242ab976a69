"""Reading from a feed cursor: first the lanes of events that are served again, then the state and the log.

Decides nothing. If deciding on an event failed, the hub itself adds a *late* lane that serves the event again: a feed
has no place to park the event, and its cursor moves on. Newer events of the same key get such lanes too, and wait
behind the first (`LateKeys`), as they wait behind a parked event of a webhook.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Self

from hub.bus.base import Log, Place, Position, Stored
from hub.clock import Clock, from_us, to_us
from hub.delivery.feed_cursor import FeedCursor, cut
from hub.delivery.own_order import OwnOrder
from hub.delivery.reading import ReadCursor, Reading, entity_of
from hub.store.lanes import Lane

SLICE: Final = 200  # events in one turn: the event loop is shared
MAX_LATE: Final = 1000  # late events of one feed: with more of them the fault is the hub's, and the feed waits
LATE_FOR: Final = timedelta(minutes=10)

_LATE: Final = ("late", "late-state")


@dataclass(frozen=True, slots=True)
class FeedSlice:
    """Some events of one lane. `after(n)` is the cursor with the first `n` of them read."""

    events: Sequence[Stored]
    lane: str | None  # None: the live lane
    after: Callable[[int], FeedCursor]
    state: bool = False  # each event stands for its entity as it is
    at_head: bool = False  # there were no events after these
    late: bool = False  # deciding on them has failed before
    name: Callable[[Stored], str] = entity_of  # of state: the name by which a cursor holds an event

    def may_end(self, n: int) -> bool:
        """Whether a page may end before the event at `n`: whether a sealed cursor finds that event (see `cut`)."""
        if not self.state:
            return True
        reached = self.after(n).read.state_after
        short = cut(reached)
        return short == reached if n >= len(self.events) else short != cut(self.name(self.events[n]))


def late(subscription: str, stored: Stored, part: FeedSlice, due: datetime) -> Lane:
    """The lane row by which a feed serves an event again after deciding on the event has failed.

    A second failure replaces the row by a row that is due later, so there is one row for each such event. The event's
    place adds less than a second to `due`, so that no two rows of a subscription are due at the same time: a cursor
    distinguishes them by that time.
    """
    due += timedelta(microseconds=stored.at % 1_000_000)
    name = f"late/{stored.at}/{part.lane or ''}"
    return Lane(
        subscription=subscription,
        lane=name,
        kind="late-state" if part.state else "late",
        start=b"",
        until=b"",
        places=(stored.at,),
        by="hub",
        at=due,
        done=False,
    )


def still_late(lane: Lane, now: datetime) -> bool:
    """Whether deciding on this lane's event failed lately. The row stays after a success, since cursors refer to it."""
    return lane.kind in _LATE and lane.at > now - LATE_FOR


def _served_lane(lane: Lane) -> str | None:
    """The lane in which the event of a late lane is served; None: the live lane."""
    return lane.lane.split("/", 2)[2] or None


class LateKeys:
    """The late events that a client has not been served, by lane and key. Order holds per key, so newer ones wait."""

    def __init__(self) -> None:
        self._places: dict[tuple[str | None, str], set[Place]] = {}

    @classmethod
    async def of(cls, log: Log, lanes: Sequence[Lane], cursor: FeedCursor) -> Self:
        """Those of a subscription's lanes that come after the client's cursor. Raises LogUnavailable."""
        late = {
            Place(place): _served_lane(lane)
            for lane in lanes
            if lane.kind in _LATE and to_us(lane.at) > cursor.lane_us
            for place in lane.places
        }
        keys = cls()
        for stored in await log.get(sorted(late)) if late else ():
            keys.add(late[stored.at], stored)
        return keys

    def __bool__(self) -> bool:
        return bool(self._places)

    def add(self, lane: str | None, stored: Stored) -> None:
        self._places.setdefault((lane, stored.key), set()).add(stored.at)

    def served(self, lane: str | None, stored: Stored) -> None:
        """Forget an event that was decided on."""
        places = self._places.get((lane, stored.key), set())
        places.discard(stored.at)
        if not places:
            self._places.pop((lane, stored.key), None)

    def hold(self, lane: str | None, stored: Stored) -> bool:
        """Whether an older event of its key is late in this lane."""
        return any(place < stored.at for place in self._places.get((lane, stored.key), ()))


class FeedReading:
    """`lanes`: the lanes of events that are served again, in the order of their times. `own`: as for `Reading`."""

    def __init__(
        self, log: Log, clock: Clock, lanes: Sequence[Lane], kinds: Sequence[str], own: OwnOrder | None = None
    ) -> None:
        self._log = log
        self._clock = clock
        self._lanes = [(to_us(lane.at), lane) for lane in lanes]
        self._reading = Reading(log, kinds, own=own)

    async def read(self, cursor: FeedCursor, limit: int) -> FeedSlice:
        """The next events. Never waits. Raises LogUnavailable."""
        now_us = self._clock.utc_us()
        for asked_us, lane in self._lanes:
            begun = asked_us == cursor.lane_us and (cursor.lane_at is not None or cursor.lane_served > 0)
            if asked_us > now_us or not (begun or asked_us > cursor.lane_us):
                continue
            here = cursor if begun else replace(cursor, lane_us=asked_us, lane_at=None, lane_served=0)
            return await (self._stretch if lane.kind == "replay" else self._places)(here, lane, limit)
        return await self._read_on(cursor, now_us, limit)

    async def _stretch(self, cursor: FeedCursor, lane: Lane, limit: int) -> FeedSlice:
        """Part of a replay: a stretch of the log."""
        reading = Reading(self._log, until=Position.unpack(lane.until))
        found = await reading.read(ReadCursor(cursor.lane_at or Position.unpack(lane.start)), limit)

        def after(n: int) -> FeedCursor:
            reached = found.after(n)
            over = n >= len(found.events) and (found.at_head or reading.over(reached))
            return replace(cursor, lane_at=None if over else reached.position)

        return FeedSlice(found.events, lane.lane, after)

    async def _places(self, cursor: FeedCursor, lane: Lane, limit: int) -> FeedSlice:
        """Part of a resend, or a late event: single places of the log."""
        served = cursor.lane_served
        asked = [Place(place) for place in lane.places[served : served + limit]]
        state = lane.kind == "late-state"
        events = await self._log.get(asked, state=state)

        def after(n: int) -> FeedCursor:
            reached = served + (len(asked) if n >= len(events) else asked.index(events[n].at))
            return replace(cursor, lane_served=reached if reached < len(lane.places) else 0)

        name = lane.lane if lane.kind == "resend" else _served_lane(lane)
        return FeedSlice(events, name, after, state=state, late=lane.kind != "resend")

    async def _read_on(self, cursor: FeedCursor, now_us: int, limit: int) -> FeedSlice:
        start = cursor.read
        if not start.state_after and not self._log.knows(start.position):
            # The cursor refers to events that the restore of a backup has removed. Only the acceptance time still shows
            # how far the client has read.
            start = ReadCursor(await self._log.at(from_us(cursor.read_us)))
        found = await self._reading.read(start, limit)

        def after(n: int) -> FeedCursor:
            read_us = cursor.read_us
            if not found.state:
                if n >= len(found.events) and found.at_head:
                    read_us = max(read_us, now_us)
                elif n and found.events:
                    read_us = max(read_us, found.events[min(n, len(found.events)) - 1].accepted_us)
            return replace(cursor, read=found.after(n), read_us=read_us)

        at_head = found.at_head and not found.state
        return FeedSlice(found.events, None, after, state=found.state, at_head=at_head, name=found.name)
