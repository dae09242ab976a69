"""Reading on from a feed cursor: what was asked for again, then the state, then the log. Decides nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from hub.bus.base import Log, Place, Position, Stored
from hub.clock import Clock, from_us, to_us
from hub.delivery.feed_cursor import FeedCursor, cut
from hub.store.lanes import Lane

SLICE: Final = 200  # events in one turn: the loop is shared


@dataclass(frozen=True, slots=True)
class Slice:
    """Some events. `after(n)` is the cursor with the first `n` of them read; the event at `n` may not be split off
    where `joined(n)`. `at_head` says that nothing was there after them.
    """

    events: Sequence[Stored]
    lane: str | None
    after: Callable[[int], FeedCursor]
    at_head: bool = False
    state: bool = False  # each stands for its entity as it is
    joined: Callable[[int], bool] = lambda n: False


class Stage(Protocol):
    async def read(self, cursor: FeedCursor, limit: int) -> Slice | None:
        """The next events of this stage; None if it is over (or was never there) for this cursor."""


class LaneStage:
    """Replays and resends, in the order in which they were asked for."""

    def __init__(self, log: Log, lanes: Sequence[Lane]) -> None:
        self._log = log
        self._lanes = [(to_us(lane.at), lane) for lane in lanes]

    async def read(self, cursor: FeedCursor, limit: int) -> Slice | None:
        for asked_us, lane in self._lanes:
            begun = asked_us == cursor.lane_us and cursor.lane_at is not None
            if not begun and asked_us <= cursor.lane_us:
                continue
            at = cursor.lane_at if begun else None
            found = await (self._again if lane.kind == "resend" else self._stretch)(cursor, lane, asked_us, at, limit)
            if found is not None:
                return found
        return None

    async def _stretch(
        self, cursor: FeedCursor, lane: Lane, asked_us: int, at: Position | None, limit: int
    ) -> Slice | None:
        start, until = at or Position.unpack(lane.start), Position.unpack(lane.until)
        batch = await self._log.read(start, limit)
        events = [stored for stored in batch.events if until.covers(stored.at)]
        over = batch.at_head or len(events) < len(batch.events) or batch.position.reached(until)

        def after(n: int) -> FeedCursor:
            if n < len(events):
                return replace(cursor, lane_us=asked_us, lane_at=_past(start, events[:n]))
            return replace(cursor, lane_us=asked_us, lane_at=None if over else batch.position)

        return Slice(events, lane.lane, after)

    async def _again(
        self, cursor: FeedCursor, lane: Lane, asked_us: int, at: Position | None, limit: int
    ) -> Slice | None:
        # How many of the places have been served stands where a stretch keeps its first offset.
        head = self._log.head()
        served = at.offsets[0] if at is not None else 0
        asked = [Place(place) for place in lane.places[served : served + limit]]
        events = await self._log.get(asked)

        def after(n: int) -> FeedCursor:
            reached = served + len(asked) if n >= len(events) else served + asked.index(events[n].at)
            if reached >= len(lane.places):
                return replace(cursor, lane_us=asked_us, lane_at=None)
            return replace(
                cursor, lane_us=asked_us, lane_at=Position(head.epoch, (reached, *([0] * (len(head.offsets) - 1))))
            )

        return Slice(events, lane.lane, after)


class StateStage:
    """The last event of each entity, kind by kind; `cursor.position` is where the log stood when it began."""

    def __init__(self, log: Log, kinds: Sequence[str], superseded: Callable[[str], bool]) -> None:
        self._log = log
        self._kinds = kinds
        self._superseded = superseded  # a person's state that is not from the source that the person belongs to

    def first(self) -> str:
        """What a cursor that has served nothing yet holds; "" if no type has state."""
        return f"{self._kinds[0]}/" if self._kinds else ""

    async def read(self, cursor: FeedCursor, limit: int) -> Slice | None:
        after = cursor.state_after
        kind = after.partition("/")[0]
        if kind not in self._kinds:
            return None  # over, or the type is gone from the subscription
        states = await self._log.states([kind], after, limit)
        # What is newer than the start of this comes again, in its place, from the log: served here too, the newer
        # of two changes would be the first to arrive.
        events = [
            stored for stored in states if cursor.position.covers(stored.at) and not self._superseded(_entity(stored))
        ]
        following = self._kinds[self._kinds.index(kind) + 1 :]
        end = f"{following[0]}/" if following else ""

        def past(n: int) -> FeedCursor:
            if n < len(events):
                return replace(cursor, state_after=cut(_entity(events[n - 1])) if n else after)
            return replace(cursor, state_after=cut(_entity(states[-1])) if states else end)

        def joined(n: int) -> bool:
            return n > 0 and cut(_entity(events[n])) == cut(_entity(events[n - 1]))

        return Slice(events, None, past, state=True, joined=joined)


class LogStage:
    """The log as it grows. Never over."""

    def __init__(self, log: Log, clock: Clock) -> None:
        self._log = log
        self._clock = clock

    async def read(self, cursor: FeedCursor, limit: int) -> Slice:
        asked_us = to_us(self._clock.utc())
        start = cursor.position
        if not self._log.knows(start):
            # It comes from what a backup that was put back has undone: only the time still says where the client was.
            start = await self._log.at(from_us(cursor.read_us))
        batch = await self._log.read(start, limit)
        events = batch.events

        def after(n: int) -> FeedCursor:
            if n >= len(events):
                read_us = asked_us if batch.at_head else _read_us(events, cursor.read_us)
                return replace(cursor, position=batch.position, read_us=max(read_us, cursor.read_us))
            taken = events[:n]
            return replace(cursor, position=_past(start, taken), read_us=_read_us(taken, cursor.read_us))

        return Slice(events, None, after, at_head=batch.at_head)


def _entity(stored: Stored) -> str:
    assert stored.entity is not None
    return stored.entity


def _past(position: Position, events: Sequence[Stored]) -> Position:
    for stored in events:
        position = position.past(stored.at)
    return position


def _read_us(events: Sequence[Stored], before: int) -> int:
    """Up to when everything has been read, if these were the next."""
    return max(before, events[-1].accepted_us) if events else before
