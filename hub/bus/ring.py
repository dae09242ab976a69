"""The newest events in memory: a follower that reads at the head needs no other thread and no disk access."""

from collections import deque
from collections.abc import Sequence
from typing import Final

from hub.bus.base import Place, Stored, offset_of, partition_of

# Bytes of memory that an event takes beside its body: the columns' strings and the objects around them (measured).
_OBJECTS: Final = 1000
# A parsed event takes this many times the size of its body. The first recipient that looks inside parses it for all.
_PARSED: Final = 4


class Ring:
    """The newest events of each partition without gaps, within one limit on the memory of all of them."""

    def __init__(self, heads: Sequence[int], limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._bytes = 0
        self._parts = [_Part(head + 1) for head in heads]
        self._order: deque[int] = deque()  # the partition of each event held, oldest first

    def feed(self, events: Sequence[Stored]) -> None:
        """Add events. Each must follow the newest event of its partition."""
        for stored in events:
            partition = partition_of(stored.at)
            self._parts[partition].items.append(stored)
            self._order.append(partition)
            self._bytes += _OBJECTS + _PARSED * len(stored.body)
        while self._bytes > self._limit and self._order:
            self._bytes -= _cost(self._parts[self._order.popleft()].drop())

    def forget(self, trimmed: Sequence[int]) -> None:
        """Drop events up to these offsets, oldest first; stop at the first event that lies past them."""
        while self._order and self._parts[self._order[0]].first <= trimmed[self._order[0]]:
            self._bytes -= _cost(self._parts[self._order.popleft()].drop())

    def reaches(self, partition: int, offset: int) -> bool:
        """Whether the ring holds every event after `offset`."""
        return offset + 1 >= self._parts[partition].first

    def after(self, partition: int, offset: int, limit: int) -> Sequence[Stored]:
        """Up to `limit` events after `offset`. Call it only if the ring `reaches` that offset."""
        part = self._parts[partition]
        start = part.dropped + offset + 1 - part.first
        return part.items[start : start + limit]  # type: ignore[return-value]

    def at(self, at: Place) -> Stored | None:
        """The event at a place, or None if the ring does not hold it."""
        part = self._parts[partition_of(at)]
        index = part.dropped + offset_of(at) - part.first
        return part.items[index] if part.dropped <= index < len(part.items) else None


class _Part:
    """One partition's events. `items[dropped]` is the event at offset `first`; the list's head is cut now and then."""

    __slots__ = ("dropped", "first", "items")

    def __init__(self, first: int) -> None:
        self.first = first
        self.dropped = 0
        self.items: list[Stored | None] = []

    def drop(self) -> Stored:
        oldest = self.items[self.dropped]
        assert oldest is not None
        self.items[self.dropped] = None
        self.dropped += 1
        self.first += 1
        if self.dropped > 1024 and self.dropped * 2 > len(self.items):
            del self.items[: self.dropped]
            self.dropped = 0
        return oldest


def _cost(stored: Stored) -> int:
    return _OBJECTS + _PARSED * len(stored.body)
