"""Lessons have no usable time of change, so the connector reads the whole window over and over, slice by slice.

Each poll reads today's and tomorrow's lessons, and a part of the rest. A round hurries through the whole window at
first, every night, by command, when the supplier calls because of lessons, and when a person has confirmed held
removals. A hurried round does not keep the directory waiting: after two minutes (or as long as the directory took, if
that is longer) it continues in the next poll, which comes at once.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from connectors.ss12000 import words
from connectors.ss12000.callback import Callback
from connectors.ss12000.client import NotAnswered, NotOffered
from connectors.ss12000.kinds import LESSONS
from connectors.ss12000.lessons import Window
from connectors.ss12000.lists import Listed
from connectors.ss12000.pull import WINDOW, Source
from connectors.ss12000.words import SUPPLIER

_FULL_SLICE: Final = 1000  # lessons; after a slice with more the next slices are shorter
_THIN_SLICE: Final = 200
_LONGEST_SLICE: Final = 14  # days
_AT_A_TIME: Final = timedelta(minutes=2)  # shortest stretch of a hurried round before the directory is read again
_REST: Final = timedelta(minutes=1)  # shortest pause between two rounds that the supplier's calls start
_SHARE: Final = 4  # the pause is also at least this many times as long as the last round took


@dataclass(slots=True)
class Round:
    """One walk through the whole window, over several polls."""

    window: Window
    next: date
    hurried: bool = False
    took: timedelta = timedelta()
    seen: set[str] = field(default_factory=set)


class Rounds:
    """The rounds of one supplier. `read` is called in `poll` and `reconcile`."""

    def __init__(self, source: Source, callback: Callback) -> None:
        self._source = source
        self._config = source.config
        self._ctx = source.ctx
        self._callback = callback
        self._round: Round | None = None
        self._whole = False  # the next round is to hurry
        self._days = 1  # days in a slice
        self._rest_until = source.ctx.clock.utc()

    def begin(self) -> None:
        """Read the whole window from its beginning, in a hurry."""
        self._round, self._whole = None, True

    async def read(self, window: Window, today: date, *, full: bool, spent: timedelta) -> None:
        """Read one poll's part. `full`: ask even a supplier that did not offer lessons. `spent`: how long the poll has
        lasted. Raises TemporaryError.
        """
        if self._ctx.state.get(f"absent/{LESSONS.resource}") and not full:
            return
        began, at_work = self._ctx.clock.utc(), self._round
        if at_work is None or at_work.window != window or (not at_work.hurried and self._urgent()):
            hurried = self._urgent() or (at_work is not None and at_work.hurried)
            at_work = self._round = Round(window, window.first, hurried)
            if hurried:
                # Cleared now: a later call may be about lessons that this round has read before it.
                self._whole = self._callback.lessons = False
        try:
            await self._part(at_work, today, max(_AT_A_TIME, spent))
        except NotOffered:
            self._round = None
            await self._source.not_offered(LESSONS)
            return
        finally:
            at_work.took += self._ctx.clock.utc() - began
        if at_work.next <= window.last:
            if at_work.hurried:
                self._ctx.poll_soon()
            return
        self._round = None
        await self._source.removals(LESSONS, at_work.seen, window)
        async with self._ctx.commit() as tx:
            tx.state[WINDOW] = [window.first.isoformat(), window.last.isoformat()]
        await self._source.keep_mark(LESSONS.resource, Listed(offsets=True), began)
        self._rest_until = self._ctx.clock.utc() + max(_REST, at_work.took * _SHARE)

    def _urgent(self) -> bool:
        if self._whole or self._source.watermark(LESSONS.resource) is None or self._source.holding.due(LESSONS):
            return True
        return self._callback.lessons and self._ctx.clock.utc() >= self._rest_until

    async def _part(self, at_work: Round, today: date, at_most: timedelta) -> None:
        began, budget = self._ctx.clock.utc(), self._config.lessons_per_poll
        window = at_work.window
        if at_work.next > window.first or not at_work.hurried:  # a hurried round comes to these days in a moment
            at_work.seen |= (await self._slice(window.part(today, 2), window)).seen
        while at_work.next <= window.last:  # at least one slice, however slow the supplier is
            part = window.part(at_work.next, self._days)
            listed = await self._slice(part, window)
            budget -= max(listed.count, 1)
            at_work.seen |= listed.seen
            at_work.next = part.last + timedelta(days=1)
            self._fit(listed.count)
            if self._ctx.clock.utc() - began >= at_most if at_work.hurried else budget <= 0:
                return

    async def _slice(self, part: Window, window: Window) -> Listed:
        try:
            return await self._source.read_list(LESSONS, part.filters(), window)
        except NotAnswered as error:
            raise SUPPLIER.temporary(words.REFUSED, resource=LESSONS.resource, status=error.status) from None

    def _fit(self, count: int) -> None:
        """Choose the slice's length: few requests where lessons are few, short lists where they are many."""
        if count > _FULL_SLICE:
            self._days = max(1, self._days // 2)
        elif count < _THIN_SLICE:
            self._days = min(_LONGEST_SLICE, self._days * 2)
