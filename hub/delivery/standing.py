"""How far one lane has come: for operators, and for tasks that wait for the lane."""

from datetime import datetime

from hub.bus.base import Position
from hub.clock import from_us
from hub.delivery.journal import Journal
from hub.delivery.parking import Parking
from hub.delivery.reading import Reader
from hub.delivery.window import Window


class Standing:
    """Answers from the follower's parts. The follower sets `started`, `idle` and `read_us`."""

    def __init__(self, reader: Reader, window: Window, parking: Parking, journal: Journal) -> None:
        self._reader = reader
        self._window = window
        self._parking = parking
        self._journal = journal
        self.started = False
        self.idle = False  # the follower has read all events that there are
        self.read_us = 0  # acceptance time of the newest event read

    @property
    def open(self) -> int:
        """Open deliveries."""
        return len(self._window)

    @property
    def parked(self) -> int:
        """Parked keys."""
        return len(self._parking)

    @property
    def finished(self) -> bool:
        """Whether a lane with an end has reached it."""
        return self.started and self._reader.done and not self._window and not self._parking

    def settled(self, head: Position) -> bool:
        """Whether nothing up to `head` is left to do now, and all is durable. Keys that wait for a try do not count.

        The caller waits for that, so what is left to save is saved at once.
        """
        done = self._reader.reached(head) and not self._window and not self._parking.active()
        if done:
            self._journal.hurry()
        return done and self._journal.resting

    def tried(self, head: Position) -> bool:
        """Whether every event up to `head` has been delivered, has ended, or waits for its next try."""
        return (
            self._reader.reached(head)
            and not any(head.covers(place) for place in self._window)
            and not self._parking.active(head)
        )

    def handled(self, head: Position) -> bool:
        """Whether every event up to `head` has been delivered or has ended: none is open, parked or waiting."""
        return self.tried(head) and not self._parking.holds(head)

    def oldest_undelivered(self) -> datetime | None:
        """Acceptance time of the oldest event that has not reached the recipient; None if all events have."""
        oldest = self._window.oldest_us()
        since = self._parking.since()
        found = [from_us(oldest)] if oldest is not None else []
        found += [since] if since is not None else []
        if not self.idle and self.read_us:
            found.append(from_us(self.read_us))
        return min(found, default=None)
