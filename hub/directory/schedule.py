"""Which lessons a day has: their places in the log, with the ids by which connectors ask for them.

This is an index, not a second copy of the lessons. It is built from the log's state when a connector first asks, and
follows the log from then on. The index may name too many lessons, never too few: an answer is made from the events at
these places, after the gate has reduced them.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from sys import intern
from typing import Any, Final, NamedTuple

from hub.bus.base import Log, Place, Stored
from hub.clock import to_us
from hub.directory import records
from schemas.event import parse_timestamp
from schemas.school_time import SCHOOL_ZONE

KIND: Final = "lesson"
PREFIX: Final = "se.skolnav.schedule.lesson."
DAYS: Final = 60  # of one lesson at most: later days of a longer one are not found

_SLICE: Final = 200  # lessons read in one turn: the event loop is shared


class FoundBy(NamedTuple):
    """The lower-case ids by which a lesson is found. `teachers` holds duties and persons."""

    organisations: tuple[str, ...]
    activities: tuple[str, ...]
    rooms: tuple[str, ...]
    groups: tuple[str, ...]
    teachers: tuple[str, ...]


class Row(NamedTuple):
    """The last event of one lesson. `days` are ISO dates in school time."""

    at: Place
    accepted_us: int
    days: tuple[str, ...]
    found_by: FoundBy


class Schedule:
    """The rows of all lessons in the log's state, by day. Runs on the event loop."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}  # by lesson
        self._days: dict[str, set[str]] = {}  # ISO date -> lessons
        self._shared: dict[Any, Any] = {}  # equal tuples (those of a weekly lesson) share one object
        self._forgotten: datetime | None = None
        self._loading: asyncio.Future[None] | None = None

    async def loaded(self, log: Log) -> None:
        """Return when all lessons are known; the first call reads them from the log. Raises LogUnavailable."""
        if self._loading is None:
            self._loading = asyncio.ensure_future(self._load(log))
        loading = self._loading
        try:
            await asyncio.shield(loading)
        except BaseException:
            failed = loading.done() and (loading.cancelled() or loading.exception() is not None)
            if failed and self._loading is loading:
                self._loading = None
            raise

    def observe(self, batch: Sequence[Stored]) -> None:
        """Follow the log. Never raises."""
        if self._loading is None:
            return
        for stored in batch:
            if stored.type.startswith(PREFIX):
                self._put(stored)

    def on(self, day: date) -> Iterator[Row]:
        """The rows of the lessons of a day in school time, in no order."""
        return (self._rows[lesson] for lesson in self._days.get(day.isoformat(), ()))

    def forget(self, before: datetime) -> None:
        """Drop the lessons that a trim up to this time deletes: those whose last event and last day are older."""
        self._forgotten, before_us = before, to_us(before)
        today = before.astimezone(SCHOOL_ZONE).date().isoformat()
        gone = [
            lesson
            for lesson, row in self._rows.items()
            if row.accepted_us < before_us and max(row.days, default="") < today
        ]
        for lesson in gone:
            self._remove(lesson)
        if gone:
            self._shared = {each: each for row in self._rows.values() for each in (row.days, row.found_by)}

    async def _load(self, log: Log) -> None:
        # `observe` already follows, so no event that is appended meanwhile is missed.
        after = ""
        while page := await log.states((KIND,), after):
            for number, stored in enumerate(page):
                if stored.type.startswith(PREFIX):
                    for before in reversed(stored.earlier):
                        self._put(before)
                    self._put(stored)
                if number % _SLICE == _SLICE - 1:
                    await asyncio.sleep(0)
            after = page[-1].entity or ""
        if self._forgotten is not None:
            self.forget(self._forgotten)

    def _put(self, stored: Stored) -> None:
        """Index one event of a lesson.

        A recipient that may see nothing of a change gets the lesson as it was before the change. So a change keeps the
        ids and days of the lesson before it, and so does an event that arrives here after a newer one.
        """
        if stored.entity is None:
            return
        lesson = stored.entity.partition("/")[2]
        try:
            data = stored.parsed["data"]
            days, found_by = days_of(data), _found_by(data)
        except (KeyError, TypeError, ValueError, OverflowError):
            return  # the event does not have the shape that the catalogue promises: no question finds its lesson
        at, accepted_us = stored.at, stored.accepted_us
        old = self._rows.get(lesson)
        if old is not None:
            if stored.continues or stored.at < old.at:
                days = _both(old.days, days)
                found_by = FoundBy(*map(_both, old.found_by, found_by))
            if stored.at < old.at:
                at, accepted_us = old.at, old.accepted_us
            self._remove(lesson)
        days, found_by = self._share(days), self._share(found_by)
        self._rows[lesson] = Row(at, accepted_us, days, found_by)
        for day in days:
            self._days.setdefault(day, set()).add(lesson)

    def _remove(self, lesson: str) -> None:
        for day in self._rows.pop(lesson).days:
            there = self._days[day]
            there.discard(lesson)
            if not there:
                del self._days[day]

    def _share(self, value: Any) -> Any:
        return self._shared.setdefault(value, value)


def days_of(data: Mapping[str, Any]) -> tuple[str, ...]:
    """The ISO dates in school time that a lesson touches. A lesson that ends at midnight does not touch the next day.

    Raises KeyError, ValueError or OverflowError if the lesson has no valid times.
    """
    start, end = parse_timestamp(data["startTime"]), parse_timestamp(data["endTime"])
    first = start.astimezone(SCHOOL_ZONE).date()
    last = (end - timedelta(microseconds=1)).astimezone(SCHOOL_ZONE).date()
    days = min(max((last - first).days, 0) + 1, DAYS)
    return tuple(intern((first + timedelta(days=n)).isoformat()) for n in range(days))


def _found_by(data: Mapping[str, Any]) -> FoundBy:
    organisation, activity = records.ref(data, "organisation"), records.ref(data, "activity")
    return FoundBy(
        organisations=() if organisation is None else (organisation,),
        activities=() if activity is None else (activity,),
        rooms=records.ids(data, "rooms"),
        groups=records.ids(data, "groups"),
        teachers=records.read_teachers(data),
    )


def _both(old: Iterable[str], new: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*old, *new)))
