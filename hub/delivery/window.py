"""The open deliveries of one follower: in log order per key, and at most one event of a key on its way."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from hub.bus.base import Place, Stored
from hub.delivery.parking import ParkedKey
from hub.privacy.base import Decision


@dataclass(slots=True, eq=False)
class Item:
    """An event that is not yet delivered, denied or given up."""

    stored: Stored
    key: bytes
    decision: Decision | None = None  # None: the gate decides when the event's turn comes
    intended: bool = False  # its intent is durable
    state: bool = False  # the event stands for its entity as it is
    early: bool = False  # the event of a parked key, tried before its time as a test whether the recipient is back
    parked: ParkedKey | None = None


class Window:
    """Items by key. `ready` holds those whose turn has come; items of parked keys are in `ready` alone."""

    def __init__(self) -> None:
        self.ready: deque[Item] = deque()
        self._open: dict[Place, Item] = {}
        self._queues: dict[bytes, deque[Item]] = {}

    def __len__(self) -> int:
        return len(self._open)

    def __contains__(self, place: Place) -> bool:
        return place in self._open

    def __iter__(self) -> Iterator[Place]:
        return iter(self._open)

    def oldest_us(self) -> int | None:
        """When the oldest open event was accepted; None if none is open."""
        return min((item.stored.accepted_us for item in self._open.values()), default=None)

    def add(self, item: Item) -> None:
        """Open a delivery. Its turn comes after `intend`, and after the earlier events of its key."""
        self._open[item.stored.at] = item
        queue = self._queues.get(item.key)
        if queue is None:
            self._queues[item.key] = deque((item,))
        else:
            queue.append(item)

    def intend(self, items: Iterable[Item]) -> None:
        """Note that the intents of these items are durable."""
        for item in items:
            item.intended = True
            queue = self._queues.get(item.key)
            if queue and queue[0] is item:
                self.ready.append(item)

    def close(self, item: Item) -> None:
        """End a delivery: the next event of its key has its turn."""
        del self._open[item.stored.at]
        queue = self._queues[item.key]
        queue.popleft()
        if not queue:
            del self._queues[item.key]
        elif queue[0].intended:
            self.ready.append(queue[0])

    def remove(self, key: bytes) -> Sequence[Place]:
        """Remove a key's events from the window. Returns their places in log order."""
        places = [item.stored.at for item in self._queues.pop(key)]
        for place in places:
            del self._open[place]
        return places
