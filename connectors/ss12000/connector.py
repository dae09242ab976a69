"""Joins client, rules and state: at every poll it reads the changes, and every night everything."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from connectors.ss12000 import words
from connectors.ss12000.callback import Callback
from connectors.ss12000.client import Client, ListExpired, NotAnswered, NotOffered
from connectors.ss12000.config import Ss12000Config
from connectors.ss12000.delta import Watermark, deleted
from connectors.ss12000.kinds import (
    ABSENCES,
    ALL,
    ATTENDANCES,
    DIRECTORY,
    LESSONS,
    ORGANISATIONS,
    PERSONS,
    PRESENCES,
    Kind,
)
from connectors.ss12000.lessons import Window
from connectors.ss12000.lists import Listed
from connectors.ss12000.pull import Source
from connectors.ss12000.rounds import Rounds
from connectors.ss12000.words import SUPPLIER
from plugins import Answer, ConfigurationError, Connector, Context, Effect, Received, TemporaryError, Text, Waiting
from schemas.absence import AbsenceChanged, AbsenceReported, AbsenceWithdrawn, LeaveGranted
from schemas.attendance import AttendanceRecorded, CheckedIn, CheckedOut
from schemas.directory import DirectoryCurrent
from schemas.schedule import LessonCancelled, LessonChanged, LessonScheduled
from schemas.school_time import SCHOOL_ZONE

_DELETED: Final = "deletedEntities"
# Codes of failures after which no query for the next resource makes sense now.
_ALL_FAIL: Final = frozenset({"unreachable", "slow", "certificate", "login-refused", "token", "busy"})
_ENDED: Final = {True: "deletedEntities/directory", False: "deletedEntities/dated"}  # steps of a lap
_DATED: Final = tuple(kind for kind in ALL if kind not in DIRECTORY)
_OF_ABSENCES: Final = frozenset({ABSENCES.resource, _ENDED[False]})
_CURRENT: Final = "directory.current"
_LONG_S: Final = 600.0
_OLD: Final = timedelta(hours=6)  # the connector starts anew a lap that was cut short longer ago
_PAUSE: Final = timedelta(seconds=30)  # less than a poll: between two `directory.current`
_CLOCK_OFF: Final = timedelta(minutes=5)


@dataclass(slots=True)
class Announced:
    """What /deletedEntities named. A record that a list of the same lap has is not gone by announcement alone."""

    began: datetime
    listed: Listed
    named: dict[str, dict[str, None]] = field(default_factory=dict)  # ids by resource
    held: bool = False  # whether some of these removals wait for a person


@dataclass(slots=True)
class Lap:
    """One walk through all resources. If its time ends or the supplier fails, the next poll continues it. If each poll
    began anew, a walk that takes longer than one poll may last would never end.
    """

    began: datetime
    full: bool
    done: set[str] = field(default_factory=set)  # resources that the lap has tried
    failures: list[TemporaryError] = field(default_factory=list)
    announced: Announced | None = None
    complete_until: datetime | None = None  # as in the lap's `directory.current`; None: it has published none


class Ss12000(Connector[Ss12000Config]):
    """A school system's organisations, people, groups, lessons and absences, pulled over SS 12000 v2.1."""

    name = "ss12000"
    summary = Text(
        "Skolsystemets organisation, personer, grupper, lektioner och frånvaro, hämtade över SS 12000 v2.1.",
        "A school system's organisations, people, groups, lessons and absences, pulled over SS 12000 v2.1.",
    )
    config_model = Ss12000Config
    produces = (
        *(model for kind in DIRECTORY for model in (kind.upserted, kind.deleted) if model is not None),
        DirectoryCurrent,
        LessonScheduled,
        LessonChanged,
        LessonCancelled,
        AbsenceReported,
        AbsenceChanged,
        AbsenceWithdrawn,
        LeaveGranted,
        AttendanceRecorded,
        CheckedIn,
        CheckedOut,
    )
    effect = Effect.IDEMPOTENT  # it only reads, and may subscribe to notifications
    poll_timeout_s = 3600
    problems = words.PROBLEMS

    def __init__(self, config: Ss12000Config, ctx: Context) -> None:
        super().__init__(config, ctx)
        self._lap: Lap | None = None
        self._reported: dict[str, str] = {}  # codes of failures that the operator has seen, by resource
        self._again: set[str] = set()  # resources whose nightly reading failed
        self._clock_reported = False
        self._long_reported = False
        self._deleted_reported = False
        self._current_as_of: datetime | None = None  # of the last `directory.current`
        self._absences_as_of: datetime | None = None  # when the last complete reading of absences began

    async def start(self) -> None:
        try:
            self._client = Client(self.config, self.ctx.clock)
        except ConfigurationError as error:  # a file that has gone since the configuration was read
            self.ctx.problem(error.code, f"{error.what}. {error.why or 'It is missing, or no PEM'}. {error.fix}")
            raise
        self._source = Source(self.config, self.ctx, self._client)
        self._callback = Callback(self.config, self.ctx, self._client)
        self._rounds = Rounds(self._source, self._callback)

    async def poll(self) -> str | None:
        return await self._watched(self._pull(full=False))

    async def receive(self, request: Received) -> Answer | None:
        return await self._callback.receive(request)

    async def reconcile(self) -> None:
        await self._watched(self._pull(full=True))

    async def waiting(self) -> Sequence[Waiting]:
        return [*self._source.holding.waiting(), *self._source.growth.waiting()]

    async def confirm(self, word: str) -> None:
        await self._source.holding.confirm(word)
        await self._source.growth.confirm(word)

    async def selftest(self) -> None:
        """Read one page of organisations."""
        asked = self.ctx.clock.utc()
        try:
            async for page in self._client.pages(ORGANISATIONS.resource):
                self._check_clock(page.date, asked)
                return
        except (NotOffered, NotAnswered) as error:
            raise SUPPLIER.temporary(
                words.REFUSED, resource=ORGANISATIONS.resource, status=getattr(error, "status", 404)
            ) from None

    async def stop(self) -> None:
        if hasattr(self, "_client"):
            await self._client.close()

    # -- a pull -------------------------------------------------------------------------------------------------

    async def _pull(self, *, full: bool) -> str | None:
        """Returns the code of the first list that could not be read; None if all could."""
        today = self.ctx.clock.school().astimezone(SCHOOL_ZONE).date()
        window = Window.around(today, self.config.window.back, self.config.window.ahead)
        now, lap = self.ctx.clock.utc(), self._lap
        if lap is None or (full and not lap.full) or now - lap.began > _OLD:
            lap = self._lap = Lap(now, full)
            self._source.came.clear()
            if full:
                self._rounds.begin()
        elif PERSONS.resource in lap.done and self._wanted(PERSONS):
            # Again: a mark must be in force before any other event is published.
            await self._step(lap, PERSONS.resource, self._source.pull(PERSONS, window, full=False))
        for kind in DIRECTORY:
            await self._read(lap, kind, window)
        # After the directory, so that no answer to this delays a new mark; before absences, which may outlive it.
        if _DELETED not in lap.done:
            await self._step(lap, _DELETED, self._announced(lap))
        await self._deletions(lap, DIRECTORY, window)
        await self._publish_current(lap)
        if self._left(lap, LESSONS):
            spent = self.ctx.clock.utc() - now
            await self._step(lap, LESSONS.resource, self._rounds.read(window, today, full=lap.full, spent=spent))
        for kind in (ABSENCES, ATTENDANCES, PRESENCES):
            await self._read(lap, kind, window)
        await self._deletions(lap, _DATED, window)
        await self._note_absences(lap)
        if lap.full:
            await self._source.forget_registered(window)
        await self._callback.keep(full=lap.full)
        self._lap = None
        if len(lap.failures) >= len(lap.done - {_CURRENT}):
            raise lap.failures[0]
        self._reported.pop("", None)
        # The operator sees the one list that failed, and every poll tries it again; the other lists keep their pace.
        if not lap.failures:
            async with self.ctx.commit() as tx:
                tx.state["pulled"] = lap.began.astimezone(UTC).isoformat(timespec="seconds")
        if self.ctx.clock.utc() - lap.began < timedelta(seconds=_LONG_S):
            self._long_reported = False
        return lap.failures[0].code if lap.failures else None

    async def _publish_current(self, lap: Lap) -> None:
        if _CURRENT in lap.done:
            return
        lap.done.add(_CURRENT)
        as_of = self._current_as_of
        held = self._source.holding.any(DIRECTORY)
        if as_of is not None and lap.began - as_of < _PAUSE and not lap.failures and not held:
            return  # a supplier that calls after each change starts a pull a second; the log keeps each statement
        if self._wanted(PERSONS) and not lap.failures and not self._source.knows(ORGANISATIONS, PERSONS):
            # An account without rights may get empty lists, which would look like a finished first load.
            nothing = SUPPLIER.temporary(words.EMPTY)
            self._report(_CURRENT, nothing)
            lap.failures.append(nothing)
        else:
            self._reported.pop(_CURRENT, None)
        self._current_as_of = None
        if self._statement() is not None and not lap.failures and not held:
            await self._say_current(lap)

    def _statement(self) -> Mapping[str, Any] | None:
        """What a `directory.current` of this instance is about; None: it publishes none.

        Without persons a statement about the directory would declare marks fresh that were never read.
        """
        if self._wanted(PERSONS):
            return {}
        return {"resources": sorted(self.config.resources)} if self._wanted(ABSENCES) else None

    async def _say_current(self, lap: Lap) -> None:
        """Publish that the directory is complete as of the lap's beginning, and until when sums are."""
        self._current_as_of = lap.began
        lap.complete_until = self._complete_until(lap)
        times = {"asOf": lap.began, "completeUntil": lap.complete_until}
        async with self.ctx.commit() as tx:
            data = {name: time.astimezone(UTC).isoformat(timespec="seconds") for name, time in times.items()}
            tx.publish(DirectoryCurrent, {**data, **(self._statement() or {})})

    def _complete_until(self, lap: Lap) -> datetime:
        """At most the lap's beginning, so that it is over, where absences fail and were never read."""
        as_of = self._absences_as_of if self._lacks_absences() else lap.began
        return lap.began if as_of is None else as_of + self.config.stale_age()

    def _lacks_absences(self) -> bool:
        """Whether absences could not be read, or removals of absences are held: a pupil may be back at school."""
        return not self._reported.keys().isdisjoint(_OF_ABSENCES) or self._source.holding.any((ABSENCES,))

    async def _note_absences(self, lap: Lap) -> None:
        """Note how new the absences are. Correct what the lap has published before it read them."""
        if not self._lacks_absences():
            self._absences_as_of = lap.began
        if lap.complete_until is not None and lap.complete_until != self._complete_until(lap):
            await self._say_current(lap)

    def _left(self, lap: Lap, kind: Kind) -> bool:
        return self._wanted(kind) and kind.resource not in lap.done

    async def _watched(self, pull: Coroutine[Any, Any, str | None]) -> str | None:
        """Report a long pull to the operator while it goes on: it may last an hour without a failure."""

        async def report() -> None:
            await self.ctx.clock.sleep(_LONG_S)
            if not self._long_reported:
                self._long_reported = True
                self.ctx.problem(
                    "pull-slow",
                    f"a pull goes on for more than {_LONG_S / 60:g} min; last complete pull: {self._pulled()}",
                )

        reporting = asyncio.create_task(report())
        try:
            return await pull
        finally:
            reporting.cancel()

    def _pulled(self) -> Any:
        return self.ctx.state.get("pulled", "none yet")

    def _wanted(self, kind: Kind) -> bool:
        return kind.resource in self.config.resources

    async def _read(self, lap: Lap, kind: Kind, window: Window) -> None:
        """Read a resource other than lessons."""
        if self._left(lap, kind):
            full = lap.full or kind.resource in self._again
            await self._step(lap, kind.resource, self._source.pull(kind, window, full=full))

    async def _step(self, lap: Lap, resource: str, work: Coroutine[Any, Any, None]) -> None:
        """Read one resource. A failure of this resource alone does not keep the others from being read."""
        try:
            await work
        except TemporaryError as error:
            if error.code in _ALL_FAIL:
                self._report("", error)
                raise
            self._report(resource, error)
            lap.failures.append(error)
            if lap.full:
                self._again.add(resource)
        else:
            self._reported.pop(resource, None)
            self._again.discard(resource)
        lap.done.add(resource)

    def _report(self, resource: str, error: TemporaryError) -> None:
        """Report once that a resource can't be read, with the time of the last complete pull."""
        if self._reported.get(resource) != error.code:
            self._reported[resource] = error.code
            self.ctx.problem(error.code, f"{error.what}: {error.why}; last complete pull: {self._pulled()}")

    def _check_clock(self, theirs: datetime | None, ours: datetime) -> None:
        """Report once if the supplier's clock and the hub's differ. Both times are of the moment of the request."""
        if theirs is not None and abs(theirs - ours) > _CLOCK_OFF and not self._clock_reported:
            self._clock_reported = True
            self.ctx.problem("clock-differs", "the supplier's clock and the hub's are more than 5 min apart")

    # -- deletions ----------------------------------------------------------------------------------------------

    async def _announced(self, lap: Lap) -> None:
        """Read what /deletedEntities names."""
        absent = bool(self.ctx.state.get(f"absent/{_DELETED}"))
        if absent and not lap.full:
            return
        began = self.ctx.clock.utc()
        mark = self._source.watermark(_DELETED)
        style = self._source.watermark(PERSONS.resource)
        offsets = style.offsets if style is not None else True
        since = Watermark((mark or Watermark(began)).at, offsets)
        after = since.after(self._source.overlap(PERSONS.resource, since))
        found = Announced(began, Listed(offsets=offsets))
        unreadable = 0
        try:
            async for page in self._client.pages(_DELETED, {"after": after}):
                found.listed.date = found.listed.date or page.date
                for kind, id in deleted(page.data):
                    unreadable += id is None
                    if kind is not None and id is not None:
                        found.named.setdefault(kind.resource, {})[id] = None
        except (NotOffered, NotAnswered, ListExpired) as error:
            if isinstance(error, ListExpired) or mark is not None:
                raise SUPPLIER.temporary(words.QUESTION_REFUSED, resource=_DELETED) from None
            # Never answered yet, by a 404 or another refusal: the nightly comparison finds removals without it.
            if not absent:
                async with self.ctx.commit() as tx:
                    tx.state[f"absent/{_DELETED}"] = True
                self.ctx.problem("not-offered", f"{_DELETED}: removals are found by the nightly comparison only")
            return
        self._check_clock(found.listed.date, began)
        if unreadable and not self._deleted_reported:
            self._deleted_reported = True  # the supplier names the same records again for a while
            self.ctx.problem("record-not-read", f"{_DELETED}: id: must be a UUID ({unreadable} of them)")
        lap.announced = found

    async def _deletions(self, lap: Lap, kinds: Sequence[Kind], window: Window) -> None:
        """End the announced records of these resources, once in a lap, after their lists."""
        step = _ENDED[kinds is DIRECTORY]
        if lap.announced is not None and step not in lap.done:
            await self._step(lap, step, self._end_announced(lap.announced, kinds, window))

    async def _end_announced(self, announced: Announced, kinds: Sequence[Kind], window: Window) -> None:
        """Publish the end of announced records that no list had and a query by id does not find.

        The groups of a deleted person are published anew, without the person.
        """
        holding, state = self._source.holding, self.ctx.state
        listed = self._source.back() | self._source.came
        for kind in reversed(kinds):
            named = announced.named.get(kind.resource, ())
            ids = [id for id in named if (key := kind.key(id)) in state and key not in listed]
            if ids and not await holding.believable(kind, "announced", ids, self._source.count(kind)):
                announced.held = True
                continue
            ended = await self._source.gone(kind, ids, window, announced=True)
            await holding.over(kind, "announced")
            if kind is PERSONS and ended:
                await self._source.reread_groups(self._source.groups_of(set(ended)), window)
        await self._source.keep_back({kind.key(id) for kind in ALL for id in announced.named.get(kind.resource, ())})
        if kinds is _DATED and not announced.held:  # else the supplier must name them again
            await self._source.keep_mark(_DELETED, announced.listed, announced.began)
