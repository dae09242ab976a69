"""Lets the year pass: the real connectors on the real hub, from one moment that matters to the next. Judges each."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from connectors.catering.connector import Catering
from connectors.ss12000.connector import Ss12000
from plugins.testing import TestHub, open_hub
from schemas.directory import DietDeleted, DietUpserted, DirectoryCurrent
from schemas.schedule import DayClosed
from tests.end_to_end.school_year.calendar import END, FIRST, LAST, NEW_YEAR, ZONE, at, days, on_break
from tests.end_to_end.school_year.expected import (
    CODES,
    REPORTS,
    SHARE_OF_KIND,
    STAFF,
    Kitchen,
    Truth,
    counted,
    fixed,
    kitchens,
    serves,
)
from tests.end_to_end.school_year.inbox import Inbox, Row
from tests.end_to_end.school_year.source import RESOURCES, SchoolSystem
from tests.end_to_end.school_year.world import Changed, World, utc
from tests.peers.orders import order_peer
from tests.peers.sftp import sftp_peer
from tests.peers.sis import TOKEN, serving
from tests.school import envelope, uid

DIETS, TOWN = "urn:year:diets", "urn:year:town"
TARGETS: Final = ("folder", "sftp", "https")
RECONFIGURED: Final = NEW_YEAR + timedelta(days=2)  # the operator forgot the new groups for two days
FAULTS_KEPT: Final = 60
STALE_AFTER: Final = timedelta(minutes=30)
_NUDGE_S: Final = 1.1  # machine time: more than the pause before a poll that a connector asks for


@dataclass(frozen=True)
class Size:
    kitchens: int
    schools: int
    pupils: int


SMALL: Final = Size(4, 3, 300)
FULL: Final = Size(40, 30, 12_000)


@dataclass(frozen=True)
class Outage:
    """`what`: school system, hub, a target, or a clock that lies."""

    what: str
    start: datetime
    end: datetime


def _outage(what: str, start: str, end: str) -> Outage:
    first, last = (datetime.fromisoformat(each).replace(tzinfo=ZONE) for each in (start, end))
    return Outage(what, first, last)


OUTAGES: Final = (
    _outage("sis", "2026-09-15T07:10", "2026-09-15T10:50"),
    _outage("sis", "2026-11-10T12:05", "2026-11-12T12:05"),  # longer than the hub trusts a directory
    _outage("sis", "2027-02-09T06:30", "2027-02-09T08:10"),
    _outage("hub", "2026-10-06T07:40", "2026-10-06T08:41"),  # over a report and a cut-off
    _outage("hub", "2026-10-23T18:00", "2026-10-26T08:20"),  # over the change of the clock
    _outage("hub", "2027-03-10T08:05", "2027-03-10T08:06"),
    _outage("folder", "2026-09-22T07:45", "2026-09-22T09:10"),
    _outage("folder", "2026-12-01T08:20", "2026-12-02T10:05"),
    _outage("folder", "2027-04-14T09:20", "2027-04-14T10:05"),
    _outage("sftp", "2026-09-23T07:45", "2026-09-23T09:10"),
    _outage("sftp", "2026-12-08T08:20", "2026-12-09T10:05"),
    _outage("sftp", "2027-04-15T09:20", "2027-04-15T10:05"),
    _outage("https", "2026-09-24T07:45", "2026-09-24T09:10"),
    _outage("https", "2026-12-15T08:20", "2026-12-16T10:05"),
    _outage("https", "2027-04-20T09:20", "2027-04-20T10:05"),
    _outage("clock", "2027-01-18T07:30", "2027-01-25T07:30"),
)


def _between(*spans: tuple[str, str]) -> frozenset[date]:
    return frozenset(day for first, last in spans for day in days(date.fromisoformat(first), date.fromisoformat(last)))


EVENTFUL: Final = _between(
    ("2026-08-17", "2026-08-17"),
    ("2026-09-15", "2026-09-15"),
    ("2026-09-22", "2026-09-24"),
    ("2026-10-06", "2026-10-06"),
    ("2026-10-23", "2026-10-23"),
    ("2026-10-25", "2026-10-26"),
    ("2026-11-10", "2026-11-12"),
    ("2026-12-24", "2026-12-24"),
    ("2027-01-18", "2027-01-18"),
    ("2027-01-25", "2027-01-25"),
    ("2027-02-09", "2027-02-09"),
    ("2027-03-10", "2027-03-10"),
    ("2027-03-28", "2027-03-28"),
    ("2027-06-15", "2027-06-15"),
    ("2027-07-05", "2027-07-06"),
    ("2027-08-15", "2027-08-18"),
)
"""Days on which something happens that does not happen every day; of each outage that begins on one, every day."""


@dataclass
class Found:
    """What the judge has found. A year without faults has an empty list."""

    faults: list[str] = field(default_factory=list)
    checks: int = 0
    orders: int = 0
    incomplete: int = 0
    confirmed: list[str] = field(default_factory=list)  # what an operator had to confirm, by day
    problems: Counter[str] = field(default_factory=Counter)
    spent_s: Counter[str] = field(default_factory=Counter)

    def fault(self, text: str) -> None:
        """Note a fault; after many, the rest is like them."""
        if len(self.faults) < FAULTS_KEPT:
            self.faults.append(text)


class Play:
    """One year. `now` is school time."""

    def __init__(self, size: Size, seed: int) -> None:
        self.world = World(schools=size.schools, pupils=size.pupils, seed=seed)
        self.kitchens = kitchens(self.world, size.kitchens)
        self.found = Found()
        self.down: set[str] = set()
        self.now = at(FIRST - timedelta(days=1), "12:00")
        self._pulled = utc(self.now)
        self._queue: list[dict[str, Any]] = []  # events that their publishers hold while the hub is down
        self._recovering = True  # no report has been made yet since the hub or the school system was away
        self._revisions: dict[tuple[str, str], int] = {}

    async def run(self, folder: Path, last: date, only: frozenset[date] | None, say: Callable[[str], object]) -> Found:
        async with AsyncExitStack() as stack:
            self.hub: TestHub = open_hub(self.now)
            self.source = SchoolSystem(self.world, self.hub.clock.utc)
            stack.enter_context(serving(self.source))
            self.sftp = await stack.enter_async_context(sftp_peer(folder / "sftp"))
            self.orders = await stack.enter_async_context(order_peer(folder / "https", readable=True))
            self.files = folder / "in"
            self.files.mkdir(parents=True)
            known = {each.id: each for each in self.kitchens}
            self.inbox = Inbox(known, [self.files, self.sftp.root / "in"], self.orders)
            await stack.enter_async_context(self.hub)
            await self._begin()
            for day in days(FIRST, last):
                if only is not None and day not in only:
                    self._recovering = True  # the directory has grown old meanwhile
                    continue
                began, known = time.monotonic(), len(self.found.faults)
                await self._day(day)
                for fault in self.found.faults[known:]:
                    say(f"FAULT {fault}")
                say(f"{day} {time.monotonic() - began:6.1f} s, {len(self.found.faults)} faults")
            self._notice_problems()
        self.found.faults += self.inbox.faults
        self.found.orders, self.found.incomplete = self.inbox.came, self.inbox.incomplete
        return self.found

    async def _begin(self) -> None:
        self._tell_source()
        auth = {"token": TOKEN}
        await self.hub.add(
            Ss12000,
            {"base_url": f"{self.source.url}/v2.0", "auth": auth, "poll": "24h", "resources": list(RESOURCES),
             "stale_after": STALE_AFTER, "answer_timeout_s": 30, "window": {"back": "7d", "ahead": "14d"}},
            "sis",
        )  # fmt: skip
        await self._configure(FIRST)
        await self._tell_hub()
        await self._pull()

    # -- a day ------------------------------------------------------------------------------------------------------

    async def _day(self, day: date) -> None:
        steps: list[tuple[datetime, int, Callable[[], Coroutine[Any, Any, None]]]] = []

        def step(clock: str | datetime, rank: int, do: Callable[[], Coroutine[Any, Any, None]]) -> None:
            steps.append((utc(at(day, clock) if isinstance(clock, str) else clock), rank, do))

        moments = sorted({moment for kitchen in self.kitchens for moment in counted(kitchen, day)})
        for moment in moments:
            step(moment - timedelta(minutes=1), 1, self._keep_up)
            step(moment, 2, lambda moment=moment: self._judge_count(moment, day))  # type: ignore[misc]
        for outage in OUTAGES:
            for clock, do in ((outage.start, self._goes_down), (outage.end, self._comes_back)):
                if clock.date() == day:
                    step(clock, 0, lambda do=do, outage=outage: do(outage.what))  # type: ignore[misc]
        served = any(serves(kitchen, day) for kitchen in self.kitchens)
        term = day.isoweekday() < 6 and day not in on_break() and served
        if served:
            step("06:00", 1, lambda: self._morning(day, 0.03 if term else 0.01))
            step("10:15", 1, lambda: self._late(day, final=True))
        if term:
            step("08:15", 1, lambda: self._late(day))
            step("08:45", 1, lambda: self._late(day, closes=True))
            step("09:25", 1, lambda: self._moves(day))
            step("13:50", 1, lambda: self._afternoon(day))
        if special := self._school_years(day):
            step("06:30", 1, special)
        if steps:
            step("05:00", 1, lambda: self._night(day))
        for moment, _, do in sorted(steps, key=lambda each: each[:2]):
            await self._timed("hub", self._advance(moment))
            await do()

    def _school_years(self, day: date) -> Callable[[], Coroutine[Any, Any, None]] | None:
        async def end() -> None:
            self.world.end_school_year()
            await self._follow()

        async def drop() -> None:
            self.world.drop_old_groups()
            await self._follow()

        async def configure() -> None:
            await self._configure(day)
            await self._pull()

        named = {date(2027, 6, 15): end, date(2027, 7, 5): drop, date(2027, 7, 6): self._follow,
                 NEW_YEAR - timedelta(days=1): self._follow, RECONFIGURED: configure}  # fmt: skip
        return named.get(day)

    async def _night(self, day: date) -> None:
        """03:40 is over."""
        self.world.forget_absences(at(day - timedelta(days=14), "00:00"))
        self.source.forget_absences()
        self.inbox.look()
        self.inbox.forget(day)
        self._notice_problems()
        if "hub" not in self.down:
            await self._pull()
            for waiting in await self.hub.waiting("sis"):
                self.found.confirmed.append(f"{day} {waiting.word.partition(':')[0]}")
                await self._settling(self.hub.confirm("sis", waiting.word))

    async def _morning(self, day: date, share: float) -> None:
        self.world.directory_moves(day)
        self.world.report_absences(day, share)
        if self.world.dice.random() < 0.1:
            later = day + timedelta(days=self.world.dice.randrange(1, 9))
            self.world.close(self._some_unit(), later, self.world.dice.random() < 0.8)
        await self._follow()

    async def _late(self, day: date, *, closes: bool = False, final: bool = False) -> None:
        self.world.report_absences(day, 0.002)
        self.world.correct_absences(day, 0.02)
        shut = {unit for unit, on in self.world.closed if on == day}
        if closes and self.world.dice.random() < 0.05:
            self.world.close(self._some_unit(), day)
        elif final and shut and self.world.dice.random() < 0.3:
            self.world.close(sorted(shut)[0], day, False)
        await self._follow()
        self._judge_late(final=final)

    async def _moves(self, day: date) -> None:
        self.world.directory_moves(day)
        await self._follow()

    async def _afternoon(self, day: date) -> None:
        """Changes of tomorrow: today's orders have been served."""
        self.world.directory_moves(day + timedelta(days=1))
        self.world.report_absences(day + timedelta(days=1), 0.01)
        await self._follow()

    def _some_unit(self) -> str:
        unit = self.world.dice.choice(self.world.units)
        return self.world.parents[unit] if self.world.dice.random() < 0.3 else unit

    # -- the hub and its world --------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        """Let everybody know what has changed."""
        self._tell_source()
        await self._tell_hub()
        await self._pull()

    def _tell_source(self) -> None:
        changed, self.world.changed = self.world.changed, Changed()
        self.source.follow(changed)
        self.inbox.names |= changed.pupils | {
            self.world.pupils[id].name for id in changed.pupils & set(self.world.pupils)
        }
        for id in sorted(changed.diets):
            pupil = self.world.pupils.get(id)
            data = {"id": uid("diet", id), "person": {"id": id}}
            if pupil is not None and pupil.diet:
                self._publish(DietUpserted, {**data, "codes": list(pupil.diet)}, DIETS)
            else:
                self._publish(DietDeleted, data, DIETS)
        for unit, day, closed in changed.closed:
            data = {"organisation": {"id": unit}, "date": day.isoformat(), "closed": closed}
            self._publish(DayClosed, data, TOWN)

    def _publish(self, model: Any, data: dict[str, Any], source: str) -> None:
        self._queue.append(envelope(model.spec.type, data, source=source, datacontenttype="application/json"))

    async def _tell_hub(self) -> None:
        if "hub" not in self.down:
            self._publish(DirectoryCurrent, {"asOf": self.hub.clock.utc().isoformat()}, DIETS)
            events, self._queue = self._queue, []
            await self.hub.post(events)
            await self._settling(self.hub.settle())  # else the machine's time would jump while they are handled

    async def _pull(self) -> None:
        """A minute passes for the machine, and the school system is asked for changes."""
        self._pass_machine()
        if "hub" not in self.down:
            self._pulled = utc(self.now)
            await self._timed("pull", self._settling(self.hub.poll("sis")))

    async def _keep_up(self) -> None:
        """Pull if the last pull is about as old as a complete sum allows: a real hub asks every minute."""
        if utc(self.now) - self._pulled > STALE_AFTER - timedelta(minutes=10):
            await self._pull()

    def _pass_machine(self) -> None:
        ahead = utc(self.now) + timedelta(seconds=60) - self.hub.clock.utc()
        self.hub.clock.pass_machine(max(60.0, ahead.total_seconds()))

    async def _advance(self, moment: datetime) -> None:
        self.now = moment.astimezone(ZONE)
        if "hub" in self.down:
            self.hub.clock.advance_to(self.now)
        else:
            if utc(self.now) - self.hub.clock.utc() > timedelta(hours=2):
                self._pass_machine()
            await self._settling(self.hub.advance_to(self.now))

    async def _settling(self, work: Coroutine[Any, Any, Any]) -> None:
        """Wait for work in the hub. Polls that a connector asks for come without their pause."""
        doing = asyncio.ensure_future(work)
        for _ in range(8):
            done, _ = await asyncio.wait([doing], timeout=0.05)
            if done:
                break
            self.hub.clock.pass_machine(_NUDGE_S)
        await doing

    async def _timed(self, what: str, work: Coroutine[Any, Any, Any]) -> None:
        began = time.monotonic()
        await work
        self.found.spent_s[what] += time.monotonic() - began

    async def _goes_down(self, what: str) -> None:
        if what == "clock":
            self.source.lies_by = timedelta(hours=1)
            return
        self.down.add(what)
        self._recovering = self._recovering or what in ("sis", "hub")
        match what:
            case "sis":
                self.source.down = True
            case "hub":
                self._notice_problems()
                await self.hub.crash()
            case "folder":
                self.files.rename(self.files.with_name("away"))
            case "sftp":
                self.sftp.faults.down = True
            case "https":
                self.orders.down(True)

    async def _comes_back(self, what: str) -> None:
        self.down.discard(what)
        match what:
            case "clock":
                self.source.lies_by = timedelta(0)
            case "sis":
                self.source.down = False
            case "hub":
                self._pass_machine()
                await self._settling(self.hub.restart())
                await self._tell_hub()
            case "folder":
                self.files.with_name("away").rename(self.files)
            case "sftp":
                self.sftp.faults.down = False
            case "https":
                self.orders.down(False)
        await self._pull()
        if what in TARGETS:
            self.hub.clock.pass_machine(600)  # longer than any pause after a failure
            await self._settling(self.hub.poll(f"kitchens-{what}"))
            self._judge_late(only=what)

    async def _configure(self, day: date) -> None:
        for target in TARGETS:
            mine = [each for each in self.kitchens if each.target == target]
            if mine:
                transport = {"folder": {"kind": "folder", "path": str(self.files)}, "sftp": self.sftp.transport(),
                             "https": self.orders.transport()}[target]  # fmt: skip
                settings = {"report_times": list(REPORTS), "kitchens": [self._settings(each, day) for each in mine]}
                work = self.hub.add(Catering, {**settings, "transport": transport}, f"kitchens-{target}")
                await self._settling(work)

    def _settings(self, kitchen: Kitchen, day: date) -> dict[str, Any]:
        def groups(part: int | None) -> dict[str, Any]:
            found = [each.id for each in self.world.groups.values() if each.unit in kitchen.units and each.part == part]
            of_today = [id for id in found if self.world.groups[id].end >= day]
            return {} if part is None else {"groups": of_today}

        cutoffs = [
            {"applies_to": kind, "time": rule.time, "offset_days": rule.before,
             "days": "school" if rule.school_days else "calendar"}
            for kind, rule in kitchen.cutoffs
        ]  # fmt: skip
        summer = days(LAST + timedelta(days=1), NEW_YEAR - timedelta(days=1))
        closed = {"holidays": None, "also": summer} if kitchen.daily else {"also": sorted(on_break())}
        return {
            "id": kitchen.id, "unit_code": kitchen.code, "units": list(kitchen.units), "staff_portions": STAFF,
            "sittings": [{"id": each.id, "from": each.start, "to": each.end, **groups(each.part)}
                         for each in kitchen.sittings],
            "cutoffs": cutoffs, "diet_codes": CODES, "absence_share": kitchen.share,
            "enrolments": "latest" if kitchen.latest else "each", "closed_days": closed,
            "weekdays": list(range(1, 8 if kitchen.daily else 6)),
        }  # fmt: skip

    def _notice_problems(self) -> None:
        for line in self.hub.problems():
            self.found.problems[" ".join(line.split()[:2])] += 1

    # -- the judge --------------------------------------------------------------------------------------------------

    async def _judge_count(self, moment: datetime, today: date) -> None:
        """At a report or cut-off: each order that was counted now is right and complete, or says that it may not be."""
        self.inbox.look()
        truth = Truth(self.world)
        if moment in {utc(at(today, clock)) for clock in REPORTS} and not self.down & {"sis", "hub"}:
            self._recovering = False
        for kitchen in self._reachable():
            for day in counted(kitchen, today).get(moment, ()):
                for sitting, row in self._to_come(kitchen, day):
                    expected = truth.order(kitchen, day, sitting)
                    self._judge(kitchen, day, sitting.id, row, expected, set(expected))
            if serves(kitchen, today) and moment in {utc(at(today, clock)) for clock in REPORTS}:
                self._judge_silence(kitchen, today)

    def _judge_late(self, *, final: bool = False, only: str | None = None) -> None:
        """After changes: what was fixed is right again. `final`: today's orders are right in all."""
        self.inbox.look()
        truth = Truth(self.world)
        today = self.now.date()
        for kitchen in self._reachable():
            if only not in (None, kitchen.target):
                continue
            for day in {day for id, day in list(self.inbox.last) if id == kitchen.id and day >= today}:
                kinds = fixed(kitchen, day, self.now)
                names = {name for kind in kinds & SHARE_OF_KIND.keys() for name in SHARE_OF_KIND[kind]}
                for sitting, row in self._to_come(kitchen, day):
                    expected = truth.order(kitchen, day, sitting)
                    self._judge(
                        kitchen, day, sitting.id, row, expected, set(expected) if final and day == today else names
                    )

    def _reachable(self) -> Iterator[Kitchen]:
        return (each for each in self.kitchens if "hub" not in self.down and each.target not in self.down)

    def _to_come(self, kitchen: Kitchen, day: date) -> Iterator[tuple[Any, Row | None]]:
        for sitting in kitchen.sittings:
            if utc(at(day, sitting.end)) > utc(self.now):
                yield sitting, self.inbox.last.get((kitchen.id, day), {}).get(sitting.id)

    def _judge(
        self, kitchen: Kitchen, day: date, sitting: str, row: Row | None, expected: dict[str, int], names: Iterable[str]
    ) -> None:
        self.found.checks += 1
        where = f"{self.now:%Y-%m-%d %H:%M} {kitchen.id}/{kitchen.target} {day} {sitting}"
        if row is None:
            self.found.fault(f"{where}: no order")
            return
        wrong = {
            name: (row.portions.get(name), expected[name]) for name in names if row.portions.get(name) != expected[name]
        }
        if row.complete and wrong:
            self.found.fault(f"{where} r{row.revision} {row.status}: (sent, right) {wrong}")
        elif not row.complete and not self._excused(kitchen, day):
            self.found.fault(f"{where} r{row.revision}: incomplete without an outage {wrong or ''}")

    def _excused(self, kitchen: Kitchen, day: date) -> bool:
        """Whether an order may be incomplete now.

        It is where a pupil is away from one of the kitchen's units who has no enrolment at all, since it was withdrawn
        on its first day: nothing shows whether the pupil is expected.
        """
        start, end = at(day, "00:00"), at(day + timedelta(days=1), "00:00")
        for absence in self.world.absences.values():
            pupil = self.world.pupils.get(absence.pupil)
            if absence.start < end and absence.end > start and pupil is not None and not pupil.stays:
                units = {absence.unit, self.world.parents[absence.unit]}
                if not units.isdisjoint(kitchen.units):
                    return True
        grouped = any(sitting.part is not None for sitting in kitchen.sittings)
        forgotten = grouped and NEW_YEAR - timedelta(days=9) <= self.now.date() < RECONFIGURED
        return self._recovering or forgotten

    def _judge_silence(self, kitchen: Kitchen, day: date) -> None:
        """Silence means a fault: each report has a new revision, news or not."""
        for sitting, row in self._to_come(kitchen, day):
            key = (f"{kitchen.id} {day}", sitting.id)
            if row is not None:
                if row.revision <= self._revisions.get(key, 0):
                    self.found.fault(f"{self.now:%Y-%m-%d %H:%M} {kitchen.id}: no new revision at a report")
                self._revisions[key] = row.revision


async def play(
    size: Size,
    folder: Path,
    *,
    seed: int = 10,
    last: date = END,
    only: frozenset[date] | None = None,
    say: Callable[[str], object] = lambda text: None,
) -> Found:
    """Play a year of this size, all days of it or `only` some. `say` gets a line a day."""
    return await Play(size, seed).run(folder, last, only, say)
