"""The newest events in memory, so that followers at the head cost no thread hop and no disk."""

from collections.abc import Sequence
from typing import Final

from hub.bus.base import Stored

# What an event costs beside its body: the columns' strings and the objects around them, measured (bench/log.py).
_OBJECTS: Final = 1000
# A recipient that looks inside parses the event, and the parsed value stays with it for the others.
_PARSED: Final = 4


class Ring:
    """The last contiguous events of each partition, within one bound on their memory."""

    def __init__(self, heads: Sequence[int], limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._bytes = 0
        self._parts = [_Part(head + 1) for head in heads]
        self._order: list[int] = []  # the partition of each event held, oldest first, from `_order_from` on
        self._order_from = 0

    def feed(self, partition: int, stored: Stored) -> None:
        """Add the event that follows the newest of its partition."""
        self._parts[partition].items.append(stored)
        self._order.append(partition)
        self._bytes += _cost(stored)
        while self._bytes > self._limit and self._order_from < len(self._order) - 1:
            self._bytes -= _cost(self._parts[self._order[self._order_from]].drop())
            self._order_from += 1
        if self._order_from > 4096 and self._order_from * 2 > len(self._order):
            del self._order[: self._order_from]
            self._order_from = 0

    def reaches(self, partition: int, offset: int) -> bool:
        """Whether every event after `offset` is here."""
        return offset + 1 >= self._parts[partition].first

    def after(self, partition: int, offset: int, limit: int) -> Sequence[Stored]:
        """Up to `limit` events after `offset`, which the ring must reach."""
        part = self._parts[partition]
        start = part.dropped + offset + 1 - part.first
        return part.items[start : start + limit]  # type: ignore[return-value]

    def at(self, partition: int, offset: int) -> Stored | None:
        """The event at `offset`, or None where the ring does not reach back."""
        part = self._parts[partition]
        index = part.dropped + offset - part.first
        return part.items[index] if part.dropped <= index < len(part.items) else None


class _Part:
    """A list that is cut at its head now and then: `items[dropped]` is the event at offset `first`."""

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
