"""The moments that one connector instance waits for (`tx.at`): which are pending, and which is due next.

All of them are in memory, as the instance's state is, and each change is durable through the store. They are changed in
the connector's thread only; the hub's loop reads them.
"""

import heapq
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from itertools import count
from typing import Final

from hub.clock import to_us
from hub.hosting.newest import Newest
from hub.store import moments as rows
from hub.store.base import Operation
from hub.store.moments import Moment, Target
from plugins.errors import PermanentError, TemporaryError
from schemas.school_time import SCHOOL_ZONE

MOST_PENDING: Final = 100_000  # of one instance: about 40 MB
LONGEST_KEY: Final = 200
_STALE: Final = 1000  # the queue is rebuilt at about this many entries whose moments were moved or withdrawn

MomentChanges = dict[Target, Moment | None]
"""By timer and key: the new moment; None withdraws the timer."""


def _refused(what: str, fix: str) -> PermanentError:
    return PermanentError(f"the connector has set {what}", fix=fix, code="timer")


class Moments:
    """The pending moments of one instance.

    `declared` names the class's timers. `sooner()` is called in the connector's thread when a change makes the first
    pending moment an earlier one than before.
    """

    def __init__(
        self,
        tenant: str,
        connector: str,
        *,
        declared: Collection[str],
        loaded: Iterable[Moment],
        sooner: Callable[[], None],
    ) -> None:
        self._tenant = tenant
        self._connector = connector
        self._declared = declared
        self._sooner = sooner
        self._pending: dict[Target, Moment] = {(each.name, each.key): each for each in loaded}
        self._numbers = count()  # of queue entries: moments themselves are never compared
        self._queue = [(each.due_us, next(self._numbers), each) for each in self._pending.values()]
        heapq.heapify(self._queue)
        self._newest: Newest[Target, Moment | None] = Newest()
        self._lock = threading.Lock()

    # -- in the connector's thread ----------------------------------------------------------------------------------

    def checked(self, when: datetime, name: str, key: str) -> Moment:
        """The moment that a connector asks for. Raises PermanentError, which quotes neither key nor time."""
        if name not in self._declared:
            raise _refused("a timer that is not declared", "Decorate the method that `name` names with @at_moment")
        if not isinstance(key, str) or not 1 <= len(key) <= LONGEST_KEY or not key.isprintable():
            raise _refused("a timer with an unusable key", f"Give 1 to {LONGEST_KEY} printable characters")
        if not isinstance(when, datetime) or when.utcoffset() is None:
            raise _refused("a timer for a time without zone", "Give an aware datetime")
        try:
            moment = when.astimezone(UTC)
            moment.astimezone(SCHOOL_ZONE)
        except OverflowError:
            raise _refused("a timer for a time outside the calendar", "Give a time in the years 1 to 9999") from None
        return Moment(name, key, to_us(moment))

    def apply(self, changes: Mapping[Target, Moment | None]) -> Operation:
        """Apply these changes in memory; returns what makes them durable."""
        with self._lock:
            before = self._first()
            for target, moment in changes.items():
                if moment is None:
                    self._pending.pop(target, None)
                else:
                    self._pending[target] = moment
                    heapq.heappush(self._queue, (moment.due_us, next(self._numbers), moment))
            if len(self._queue) > 2 * len(self._pending) + _STALE:
                self._queue = [entry for entry in self._queue if self.has(entry[2])]
                heapq.heapify(self._queue)
            after = self._first()
        if after is not None and (before is None or after < before):
            self._sooner()
        return rows.put_newest(self._tenant, self._connector, self._newest.of(changes))

    def ended(self, moment: Moment) -> Operation | None:
        """Remove a moment whose timer has run. None if the connector has moved or withdrawn it meanwhile."""
        return self.apply({(moment.name, moment.key): None}) if self.has(moment) else None

    def require_room(self, target: Target, *staged: Mapping[Target, Moment | None]) -> None:
        """Raises TemporaryError where one more moment, beside those that `staged` changes, would be too many."""
        if len(self._pending) + sum(map(len, staged)) < MOST_PENDING:
            return
        if self.is_set(target, *staged):
            return
        changes = {each: moment for layer in staged for each, moment in layer.items()}
        added = sum((moment is not None) - (each in self._pending) for each, moment in changes.items())
        if len(self._pending) + added >= MOST_PENDING:
            raise TemporaryError(
                f"{self._connector}: {MOST_PENDING:,} timers are pending, and no more can be set",
                fix="Set a timer for the next thing only, and withdraw timers that are needed no more",
                code="too-many-timers",
            )

    def is_set(self, target: Target, *staged: Mapping[Target, Moment | None]) -> bool:
        """Whether a moment is pending for `target` with the changes in `staged`; a later layer overrules an earlier."""
        for layer in reversed(staged):
            if target in layer:
                return layer[target] is not None
        return target in self._pending

    # -- from any thread --------------------------------------------------------------------------------------------

    def has(self, moment: Moment) -> bool:
        """Whether the moment is still pending: neither moved, nor withdrawn, nor ended."""
        return self._pending.get((moment.name, moment.key)) is moment

    def next_due_us(self) -> int | None:
        """The due time of the earliest moment that `take` has not given out; None if there is none."""
        with self._lock:
            return self._first()

    def late(self, until_us: int) -> Mapping[str, int]:
        """How many moments, by timer, were due by `until_us` and have not been given out."""
        with self._lock:
            return Counter(each.name for due_us, _, each in self._queue if due_us <= until_us and self.has(each))

    def take(self, until_us: int) -> Moment | None:
        """Give out the earliest moment that is due by `until_us`, to be run. It stays pending until `ended`."""
        with self._lock:
            first = self._first()
            return heapq.heappop(self._queue)[2] if first is not None and first <= until_us else None

    def put_back(self, moment: Moment) -> None:
        """Let `take` give out a moment again, since its caller could not run it."""
        with self._lock:
            heapq.heappush(self._queue, (moment.due_us, next(self._numbers), moment))

    def all_landed(self) -> None:
        """All changes that were made so far are durable."""
        self._newest.all_landed()

    def _first(self) -> int | None:
        while self._queue and not self.has(self._queue[0][2]):
            heapq.heappop(self._queue)
        return self._queue[0][0] if self._queue else None
