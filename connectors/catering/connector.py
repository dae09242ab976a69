"""Joins counts, memory and far side: reports at their times and at the cut-offs, late changes as they come."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from connectors.catering import words
from connectors.catering.client import open_client
from connectors.catering.config import CateringConfig, Kitchen, Sitting
from connectors.catering.counting import Away, overlaps, touches, unplaced, window
from connectors.catering.cutoffs import days_of_cutoff, days_of_report, fixed_at, is_late
from connectors.catering.mapping import make_row
from connectors.catering.memory import (
    Late,
    confirm_losses,
    days_told,
    forget_late,
    forget_loss,
    forget_past,
    keep_snapshot,
    last_snapshot,
    late,
    note_absence,
    note_closed,
    note_loss,
    put_late,
    snapshots,
    waiting_losses,
)
from connectors.catering.people import Census, People
from connectors.catering.snapshot import Row, Snapshot
from connectors.catering.standing import basis
from connectors.catering.telling import Teller, behind_error
from plugins import (
    Category,
    ConfigurationError,
    Connector,
    Context,
    Contract,
    Effect,
    Event,
    SkolnavError,
    TemporaryError,
    Text,
    Unfinished,
    Waiting,
    daily,
)
from plugins.wires.files import Put
from schemas.absence import AbsenceChanged, AbsenceReported, AbsenceWithdrawn, LeaveGranted
from schemas.meals import MealsCount
from schemas.schedule import DayClosed
from schemas.school_time import SCHOOL_ZONE

_ROUND_S: Final = 60.0  # after that, telling waits for the next poll, so that events and timers get their turn


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One run of a timer. Times are in UTC."""

    due: datetime
    now: datetime
    complete: bool  # every event accepted before `due` was handled
    only_news: bool  # at a cut-off; a report is sent without news too, so that silence means a fault

    def is_report_of(self, day: date) -> bool:
        return not self.only_news and day == self.due.astimezone(SCHOOL_ZONE).date()


class Catering(Connector[CateringConfig]):
    """Portions per kitchen, date and sitting, twice a day, as a file, as an order over HTTPS, or by e-mail."""

    name = "catering"
    summary = Text(
        "Portioner per kök, dag och sittning, två gånger om dagen, som fil, som order över HTTPS eller med e-post.",
        "Portions per kitchen, date and sitting, twice a day, as a file, as an order over HTTPS, or by e-mail.",
    )
    config_model = CateringConfig
    consumes = (AbsenceReported, AbsenceChanged, AbsenceWithdrawn, LeaveGranted, DayClosed)
    produces = (MealsCount,)
    contract = Contract(
        "school meals",
        "public task, Education Act 10:10 (free school meals)",
        {Category.GROUP, Category.ATTENDANCE, Category.DIET},
        swedish=("skolmåltider", "uppgift av allmänt intresse, skollagen 10:10 (kostnadsfria skolmåltider)"),
    )
    aggregates = True
    effect = Effect.VERIFIABLE  # of files; see effect_with
    start_from = "state"
    problems = words.PROBLEMS
    timeout_s = 300  # a report writes a file per kitchen, each over a connection of its own

    def __init__(self, config: CateringConfig, ctx: Context) -> None:
        super().__init__(config, ctx)
        self._client = open_client(config.transport, ctx)
        self._teller = Teller(ctx, self._client, config.kitchens)
        # The pupils of a kitchen's last count of a day. In memory alone: after a restart an absence at any school is a
        # reason to count.
        self._pupils: dict[tuple[str, date], frozenset[str]] = {}

    @classmethod
    def effect_with(cls, config: CateringConfig) -> Effect:
        """Files and readable orders are read before they are written; other orders have a key; mail may come twice."""
        if config.transport.kind == "email":
            return Effect.BLIND
        if config.transport.kind == "https" and not config.transport.read_back:
            return Effect.IDEMPOTENT
        return Effect.VERIFIABLE

    async def handle(self, event: Event) -> None:
        """Store an absence or a closed day. Where an order may have been fixed already, `poll` counts it anew."""
        now = self.ctx.clock.school().astimezone(UTC)
        closed: date | None = None
        spans: list[Away] = []
        async with self.ctx.commit() as tx:
            if event.type == DayClosed.spec.type:
                closed = note_closed(tx.state, event, now)
            else:
                spans = note_absence(tx.state, event, now)
            touched = self._touched(closed, spans, now)
            if touched:
                put_late(tx.state, event, touched)
        # Nothing is told here, before all is durable: a far side that refuses must not keep an event from counting.
        # Nor is anything counted: many late changes come together, and one count reads all pupils of a kitchen.
        if touched:
            self.ctx.poll_soon()

    def _touched(self, closed: date | None, spans: Sequence[Away], now: datetime) -> list[tuple[Kitchen, date]]:
        """The meals of which something is fixed that these changes may touch. Asks no directory."""
        return [
            (kitchen, day)
            for kitchen in self.config.kitchens
            for day in days_told(self.ctx.state, kitchen)
            if (day == closed or any(touches(span, day) for span in spans))
            and (last := last_snapshot(self.ctx.state, kitchen, day)) is not None
            and _may_be_late(kitchen, last, now, None if closed else spans)
        ]

    @daily(lambda config: config.report_times)
    async def report(self, due: datetime, complete: bool) -> None:
        """Send each kitchen its day, and those days ahead that have news."""
        meals = [(kitchen, day) for kitchen in self.config.kitchens for day in days_of_report(kitchen, due)]
        await self._send_all(self._run(due, complete=complete, only_news=False), meals)

    @daily(lambda config: config.cutoff_times())
    async def cut_off(self, due: datetime, complete: bool) -> None:
        """At a cut-off that is no report time: send what is fixed now. From here on a change is late."""
        meals = [(kitchen, day) for kitchen in self.config.kitchens for day in days_of_cutoff(kitchen, due)]
        await self._send_all(self._run(due, complete=complete, only_news=True), meals)

    async def poll(self) -> Unfinished | None:
        """Count late changes, and send what waits.

        Returns the far sides that are behind, with the first one's code: the others got theirs.
        """
        await self._count_late()
        behind = await self._teller.send(within_s=_ROUND_S, patient=True)
        return Unfinished(next(iter(behind.values())).code, tuple(behind)) if behind else None

    async def waiting(self) -> Sequence[Waiting]:
        """The kitchens that have lost all pupils of a sitting, or most of them."""
        return [
            Waiting(
                _word(kitchen),
                f"kitchen {kitchen.id}: orders without the pupils who are gone, sittings {', '.join(sorted(found))}",
                min(found.values()),
                f"kök {kitchen.id}: beställningar utan de elever som är borta, sittning {', '.join(sorted(found))}",
            )
            for kitchen in self.config.kitchens
            if (found := waiting_losses(self.ctx.state, kitchen))
        ]

    async def confirm(self, word: str) -> None:
        """The kitchen's next report has what the directory knows."""
        now = self.ctx.clock.school().astimezone(UTC)
        async with self.ctx.commit() as tx:
            for kitchen in self.config.kitchens:
                if _word(kitchen) == word:
                    confirm_losses(tx.state, kitchen, now)

    async def selftest(self) -> None:
        """A round trip that no kitchen sees: a file that is removed again, an order that does not exist, a mail that
        is not sent.
        """
        await self._client.probe()

    async def reconcile(self) -> None:
        """Put back the last snapshots of today and later that are missing: the same again is the same order.

        Where other content has a snapshot's name, a person or program has changed the order: the operator sees a
        problem, and the kitchen gets the next revision. Mail cannot be read back, so none is sent again.
        """
        if self._client.blind:
            return
        behind: dict[str, SkolnavError] = {}
        for kitchen in self.config.kitchens:
            if self._teller.is_behind(kitchen):
                continue  # what waits for it comes first
            try:
                await self._put_back(kitchen)
            except (TemporaryError, ConfigurationError) as error:
                behind[kitchen.id] = error
        behind |= await self._teller.send(within_s=_ROUND_S, patient=False)
        if behind:
            raise behind_error(behind)

    async def _put_back(self, kitchen: Kitchen) -> None:
        (to,) = self._client.sides(kitchen)
        now = self.ctx.clock.school().astimezone(UTC)
        for last in snapshots(self.ctx.state, kitchen):
            if last.day >= now.astimezone(SCHOOL_ZONE).date() and await self._client.put(to, last, now) is Put.TAKEN:
                self.ctx.problem("file-altered", f"kitchen {kitchen.id}, {last.day}, revision {last.revision}")
                again = last.model_copy(update={"revision": last.revision + 1})
                await self._teller.keep(kitchen, again, last.rows, now)

    def _run(self, due: datetime, *, complete: bool, only_news: bool) -> Run:
        due = due.astimezone(UTC)
        now = max(due, self.ctx.clock.school().astimezone(UTC))
        return Run(due=due, now=now, complete=complete, only_news=only_news)

    async def _send_all(self, run: Run, meals: Sequence[tuple[Kitchen, date]]) -> None:
        census = await Census.open(self.ctx.directory, self.ctx.state) if meals else None
        for kitchen, day in meals:
            last = last_snapshot(self.ctx.state, kitchen, day)
            # A run repeats after a crash, or when a kitchen is behind. It passes over what was counted already.
            if census is not None and (last is None or last.due < run.due):
                await self._count_day(census, kitchen, day, last=last, run=run)
        async with self.ctx.commit() as tx:
            forget_past(tx.state, run.now)
        today = run.now.astimezone(SCHOOL_ZONE).date()
        self._pupils = {meal: pupils for meal, pupils in self._pupils.items() if meal[1] >= today}
        if behind := await self._teller.send(within_s=_ROUND_S, patient=False):
            raise behind_error(behind)

    async def _count_day(self, census: Census, kitchen: Kitchen, day: date, *, last: Snapshot | None, run: Run) -> None:
        """Keep a kitchen's whole day, as of `run.due`; except in a report of that day only if it has news."""
        to_come = [sitting for sitting in kitchen.sittings if window(sitting, day)[1] > run.now]
        if not to_come:
            return
        people = await self._people(census, kitchen, day)
        fixed = fixed_at(kitchen, day, run.due)
        self._report_unknown(people)
        rows: list[Row] = []
        news: list[Row] = []
        unlisted = 0
        near: set[str] = set()
        standing = False
        for sitting in kitchen.sittings:
            row = last.row(sitting.id) if last is not None else None
            if sitting in to_come:
                order = people.order(sitting)
                unlisted = max(unlisted, order.count.unknown_diets)
                near |= order.count.near_diets
                standing = standing or order.stands
                row = make_row(
                    sitting,
                    order.count,
                    row,
                    fixed,
                    closed=people.closed,
                    complete=run.complete and order.complete,
                    basis=basis(kitchen, sitting),
                )
                news.append(row)
                await self._note_loss(people, sitting, run.now, lost=order.lost)
            if row is not None:  # a sitting that is over keeps its last row
                rows.append(row)
        if unlisted:
            differ = f"; upper and lower case alone make them differ from {', '.join(sorted(near))}" if near else ""
            said = f"kitchen {kitchen.id}: {unlisted} diets are not in its diet_codes{differ}"
            self.ctx.problem("unknown-diet", said)
        if standing:
            self.ctx.problem(
                "last-order-stands",
                f"kitchen {kitchen.id}, {day}: the directory is not complete and lacks its pupils; the last order is "
                "sent again, marked incomplete. See why the school system's directory is not current",
            )
        if unplaced(kitchen, people.pupils, people.groups):
            self.ctx.problem("pupil-without-sitting", f"kitchen {kitchen.id}: some pupils are in no sitting's groups")
        following = Snapshot.after(last, kitchen, day, due=run.due, rows=rows)
        if last is None or run.is_report_of(day) or following.is_news(last):
            await self._teller.keep(kitchen, following, news, run.due, scheduled=run.is_report_of(day))
        else:
            # The kitchen sees no difference, but from now on more kinds of change are late.
            async with self.ctx.commit() as tx:
                keep_snapshot(tx.state, last.model_copy(update={"rows": tuple(rows)}))

    def _report_unknown(self, people: People) -> None:
        """Report the ids in the settings that lead nowhere: their pupils would get no food."""
        of = people.kitchen
        if people.unknown_units:
            self.ctx.problem("unknown-unit", f"kitchen {of.id}: {', '.join(sorted(people.unknown_units))}")
        for sitting in of.sittings:
            if lost := people.lost_groups(sitting):
                ids = ", ".join(sorted(lost))
                self.ctx.problem("unknown-group", f"kitchen {of.id}, sitting {sitting.id}: unknown or ended: {ids}")
            if idle := people.idle_groups(sitting):
                ids = ", ".join(sorted(idle))
                said = f"kitchen {of.id}, sitting {sitting.id}: begin later, or belong to another unit: {ids}"
                self.ctx.problem("idle-group", said)

    async def _note_loss(self, people: People, sitting: Sitting, now: datetime, *, lost: bool) -> None:
        """Store whether a day's count has lost a sitting's pupils, and tell the operator."""
        kitchen = people.kitchen
        if not lost:
            if sitting.id in waiting_losses(self.ctx.state, kitchen):
                async with self.ctx.commit() as tx:
                    forget_loss(tx.state, kitchen, sitting.id, people.day)
            return
        async with self.ctx.commit() as tx:
            note_loss(tx.state, kitchen, sitting.id, people.day, now)
        self.ctx.problem(
            "pupils-gone",
            f"kitchen {kitchen.id}, sitting {sitting.id}, {people.day}: no pupil is left, or less than half; the last "
            "order is sent again if there is one, marked incomplete. If it is right that they are gone: "
            f"skolnav connectors confirm {self.ctx.instance} {_word(kitchen)}",
        )

    async def _count_late(self) -> None:
        """Count once each meal that late changes may touch."""
        changes = late(self.ctx.state)
        if not changes:
            return
        now = self.ctx.clock.school().astimezone(UTC)
        kitchens = {kitchen.id: kitchen for kitchen in self.config.kitchens}
        census = await Census.open(self.ctx.directory, self.ctx.state)
        counted: set[tuple[str, date]] = set()
        for change in changes:
            for id, day in change.meals:
                kitchen = kitchens.get(id)
                if kitchen is None or (id, day) in counted or not self._reaches(census, change, kitchen, day):
                    continue
                counted.add((id, day))
                last = last_snapshot(self.ctx.state, kitchen, day)
                if last is not None and _may_be_late(kitchen, last, now, None):
                    await self._note_late(census, kitchen, last, now)
        async with self.ctx.commit() as tx:
            forget_late(tx.state, changes)

    def _reaches(self, census: Census, change: Late, kitchen: Kitchen, day: date) -> bool:
        """Whether a change may touch the kitchen's order.

        An absence names one school. The pupil may be at two, or move to another one before the absence is over.
        """
        if census.concerns(change.organisation, kitchen):
            return True
        if change.student is None:
            return False
        pupils = self._pupils.get((kitchen.id, day))
        return pupils is None or change.student in pupils

    async def _people(self, census: Census, kitchen: Kitchen, day: date) -> People:
        people = await census.people(kitchen, day)
        self._pupils[kitchen.id, day] = frozenset(pupil["id"] for pupil in people.pupils)
        return people

    async def _note_late(self, census: Census, kitchen: Kitchen, last: Snapshot, now: datetime) -> None:
        """Keep the late changes to a kitchen's last snapshot."""
        people = await self._people(census, kitchen, last.day)
        rows: list[Row] = []
        news: list[Row] = []
        for sitting in kitchen.sittings:
            row = last.row(sitting.id)
            if row is not None and window(sitting, last.day)[1] > now:
                order = people.order(sitting)
                if is_late(row, order.count, people.closed):
                    row = make_row(
                        sitting,
                        order.count,
                        row,
                        row.fixed,
                        closed=people.closed,
                        complete=order.complete,
                        basis=basis(kitchen, sitting),
                    )
                    news.append(row)
            if row is not None:
                rows.append(row)
        if news:
            # Named after the report that it is late for.
            following = Snapshot.after(last, kitchen, last.day, due=last.due, rows=rows)
            await self._teller.keep(kitchen, following, news, now)


def _word(kitchen: Kitchen) -> str:
    """What a person confirms a kitchen without pupils by. Plain letters, which a kitchen's id need not have."""
    return f"no-pupils.{hashlib.sha256(kitchen.id.encode()).hexdigest()[:8]}"


def _may_be_late(kitchen: Kitchen, last: Snapshot, now: datetime, spans: Sequence[Away] | None) -> bool:
    """Whether a change in `spans` (None: of the whole day) touches a fixed row that is to come. Asks no directory."""
    for sitting in kitchen.sittings:
        row = last.row(sitting.id)
        start, end = window(sitting, last.day)
        if row is None or not row.fixed or end <= now:
            continue
        if spans is None or any(overlaps(span, start, end) for span in spans):
            return True
    return False
