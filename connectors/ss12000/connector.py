"""Joins wire, rules and state: what has changed at every poll, everything nightly."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

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
    PERSONS,
    PRESENCES,
    Kind,
)
from connectors.ss12000.lessons import Window
from connectors.ss12000.lists import Listed
from connectors.ss12000.pull import Source
from connectors.ss12000.reader import SCHOOL_ZONE
from plugins import Answer, Connector, Context, Effect, Received, TemporaryError, Waiting
from schemas.absence import AbsenceChanged, AbsenceReported, AbsenceWithdrawn, LeaveGranted
from schemas.attendance import AttendanceRecorded, CheckedIn, CheckedOut
from schemas.directory import DirectoryCurrent
from schemas.schedule import LessonCancelled, LessonChanged, LessonScheduled

_DELETED: Final = "deletedEntities"
# Failures after which asking for the next resource makes no sense now.
_ALL_FAIL: Final = frozenset({"unreachable", "slow", "certificate", "login-refused", "token", "busy"})
_FULL_SLICE: Final = 1000  # lessons; a slice of the window with more is made shorter
_THIN_SLICE: Final = 200
_LONGEST_SLICE: Final = 14  # days
_CLOCK_OFF: Final = timedelta(minutes=5)


@dataclass(slots=True)
class Round:
    """One walk through the whole window, over several polls."""

    window: Window
    next: date
    seen: set[str] = field(default_factory=set)


class Ss12000(Connector[Ss12000Config]):
    """A school system's organisations, people, groups, lessons and absences, pulled over SS 12000 v2.1."""

    name = "ss12000"
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
    effect = Effect.IDEMPOTENT  # it only reads, and may subscribe to being told
    poll_timeout_s = 3600

    def __init__(self, config: Ss12000Config, ctx: Context) -> None:
        super().__init__(config, ctx)
        self._round: Round | None = None
        self._days = 1  # length of a slice of the window
        self._failing = ""  # the code that the operator was told last
        self._clock_told = False

    async def start(self) -> None:
        self._client = Client(self.config, self.ctx.clock.utc)
        self._source = Source(self.config, self.ctx, self._client)
        self._callback = Callback(self.config, self.ctx, self._client)

    async def poll(self) -> None:
        await self._pull(full=False)

    async def receive(self, request: Received) -> Answer | None:
        return self._callback.receive(request)

    async def reconcile(self) -> None:
        await self._pull(full=True)

    async def waiting(self) -> Sequence[Waiting]:
        return self._source.holding.waiting()

    async def confirm(self, word: str) -> None:
        await self._source.holding.confirm(word)

    async def selftest(self) -> None:
        """Read one page of organisations."""
        try:
            async for page in self._client.pages("organisations"):
                self._check_clock(page.date)
                return
        except (NotOffered, NotAnswered) as error:
            raise TemporaryError(
                "ss12000: organisations can't be read",
                why=f"the supplier answered {getattr(error, 'status', 404)}",
                fix="Check base_url, path and all, and what the hub's account may read",
                code="refused",
            ) from None

    async def stop(self) -> None:
        if hasattr(self, "_client"):
            await self._client.close()

    # -- a pull -------------------------------------------------------------------------------------------------

    async def _pull(self, *, full: bool) -> None:
        began = self.ctx.clock.utc()
        today = self.ctx.clock.school().astimezone(SCHOOL_ZONE).date()
        window = Window.around(today, self.config.window.back, self.config.window.ahead)
        failures: list[TemporaryError] = []
        steps = [(kind, self._wanted(kind)) for kind in DIRECTORY]
        for kind, wanted in steps:
            if wanted:
                await self._step(failures, self._source.pull(kind, window, full=full))
        await self._step(failures, self._deletions(window))
        # Without persons it would call marks fresh that nobody has read.
        if self._wanted(PERSONS) and not failures and not self._source.holding.any(DIRECTORY):
            async with self.ctx.commit() as tx:
                tx.publish(DirectoryCurrent, {"asOf": began.astimezone(UTC).isoformat(timespec="seconds")})
        if self._wanted(LESSONS):
            await self._step(failures, self._lessons(window, today, full=full))
        for kind in (ABSENCES, ATTENDANCES, PRESENCES):
            if self._wanted(kind):
                await self._step(failures, self._source.pull(kind, window, full=full))
        if full:
            await self._source.forget_registered(window)
        await self._callback.keep(full=full)
        if failures:
            raise failures[0]
        async with self.ctx.commit() as tx:
            tx.state["pulled"] = began.astimezone(UTC).isoformat(timespec="seconds")
        self._failing = ""

    def _wanted(self, kind: Kind) -> bool:
        return kind.resource in self.config.resources

    async def _step(self, failures: list[TemporaryError], work: Any) -> None:
        """One resource. What fails with it alone does not keep the others from being read."""
        try:
            await work
        except TemporaryError as error:
            self._tell(error)
            failures.append(error)
            if error.code in _ALL_FAIL:
                raise

    def _tell(self, error: TemporaryError) -> None:
        """Tell the operator once that pulls fail, and how old what is known is."""
        if error.code != self._failing:
            self._failing = error.code
            self.ctx.problem(
                error.code, f"{error.what}: {error.why}; last complete pull: {self.ctx.state.get('pulled', 'none yet')}"
            )

    def _check_clock(self, theirs: datetime | None) -> None:
        if theirs is not None and abs(theirs - self.ctx.clock.utc()) > _CLOCK_OFF and not self._clock_told:
            self._clock_told = True
            self.ctx.problem("clock-differs", "the supplier's clock and the hub's are more than 5 min apart")

    # -- deletions ----------------------------------------------------------------------------------------------

    async def _deletions(self, window: Window) -> None:
        """What /deletedEntities names and asking by id does not find. Whom it concerns also leaves their groups."""
        if self.ctx.state.get(f"absent/{_DELETED}"):
            return
        began = self.ctx.clock.utc()
        mark = self._source.watermark(_DELETED)
        style = self._source.watermark(PERSONS.resource)
        offsets = style.offsets if style is not None else True
        since = Watermark((mark or Watermark(began)).at, offsets)
        listed = Listed(offsets=offsets)
        named: dict[str, dict[str, None]] = {}
        try:
            async for page in self._client.pages(_DELETED, {"after": since.after(self.config.dialect.overlap)}):
                listed.date = listed.date or page.date
                for kind, id in deleted(page.data):
                    if kind is not None and id is not None and kind.key(id) in self.ctx.state:
                        named.setdefault(kind.resource, {})[id] = None
        except NotOffered:
            async with self.ctx.commit() as tx:
                tx.state[f"absent/{_DELETED}"] = True
            self.ctx.problem("not-offered", f"{_DELETED}: removals are found by the nightly comparison only")
            return
        except (NotAnswered, ListExpired):
            raise TemporaryError(
                f"ss12000: {_DELETED} could not be read", why="the supplier refused the question", code="refused"
            ) from None
        self._check_clock(listed.date)
        held, holding = False, self._source.holding
        for kind in reversed(ALL):
            ids = list(named.get(kind.resource, ()))
            if ids and not await holding.believable(kind, "announced", ids, self._source.count(kind)):
                held = True
                continue
            ended = await self._source.gone(kind, ids, window, announced=True)
            await holding.over(kind, "announced")
            if kind is PERSONS and ended:
                await self._source.reread_groups(self._source.groups_of(set(ended)), window)
        if not held:  # else they must be named again
            await self._source.keep_mark(_DELETED, listed, began)

    # -- lessons ------------------------------------------------------------------------------------------------

    async def _lessons(self, window: Window, today: date, *, full: bool) -> None:
        """Today's and tomorrow's, then as much of the window as a poll may read; all of it at first and nightly."""
        absent = bool(self.ctx.state.get(f"absent/{LESSONS.resource}"))
        if absent and not full:
            return
        full = full or self._source.holding.due(LESSONS)
        first = self._source.watermark(LESSONS.resource) is None
        began = self.ctx.clock.utc()
        budget = self.config.lessons_per_poll
        if full or self._round is None or self._round.window != window:
            self._round = Round(window, window.first)
        round_ = self._round
        try:
            if not (full or first):
                round_.seen |= (await self._slice(window.part(today, 2), window)).seen
            while round_.next <= window.last and (full or first or budget > 0):
                part = window.part(round_.next, self._days)
                listed = await self._slice(part, window)
                budget -= max(listed.count, 1)
                round_.seen |= listed.seen
                round_.next = part.last + timedelta(days=1)
                self._fit(listed.count)
        except NotOffered:
            await self._source.not_offered(LESSONS)
            return
        if round_.next > window.last:
            self._round = None
            await self._source.removals(LESSONS, round_.seen, window)
            await self._source.keep_mark(LESSONS.resource, Listed(offsets=True), began)

    async def _slice(self, part: Window, window: Window) -> Listed:
        try:
            return await self._source.read_list(LESSONS, part.filters(), window)
        except NotAnswered as error:
            raise TemporaryError(
                f"ss12000: {LESSONS.resource} could not be read",
                why=f"the supplier answered {error.status}",
                fix="See what the hub's account may read",
                code="refused",
            ) from None

    def _fit(self, count: int) -> None:
        """Fewer requests where there is little, short lists where there is much."""
        if count > _FULL_SLICE:
            self._days = max(1, self._days // 2)
        elif count < _THIN_SLICE:
            self._days = min(_LONGEST_SLICE, self._days * 2)
