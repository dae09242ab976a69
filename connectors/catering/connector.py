"""Joins counts, state and the wire: reports at their times and at the cut-offs, late changes as they come."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Final

from connectors.catering.client import Put
from connectors.catering.config import CateringConfig, EmailTransport, Kitchen
from connectors.catering.counting import SCHOOL, Away, days_between, overlaps, unplaced, window
from connectors.catering.mail import AddressBusy, MailClient, message
from connectors.catering.mapping import (
    Row,
    Snapshot,
    days_of_cutoff,
    days_of_report,
    event_data,
    fixed_at,
    is_late,
    make_row,
)
from connectors.catering.people import Census
from connectors.catering.state import (
    forget_past,
    keep_snapshot,
    mark_sending,
    note_absence,
    note_closed,
    organisation_of,
    queue,
    queued,
    snapshot,
    snapshots,
)
from connectors.catering.wire import open_wire
from plugins import Category, Connector, Context, Contract, Effect, Event, PermanentError, TemporaryError, daily
from schemas.absence import AbsenceChanged, AbsenceReported, AbsenceWithdrawn, LeaveGranted
from schemas.meals import MealsCount
from schemas.schedule import DayClosed

# A name under which other bytes stand is passed over; so many in a row are no accident.
_MOST_TAKEN: Final = 50


class Catering(Connector[CateringConfig]):
    """Portions per kitchen, date and sitting, twice a day, as a file, as an order over HTTPS, or by e-mail."""

    name = "catering"
    config_model = CateringConfig
    consumes = (AbsenceReported, AbsenceChanged, AbsenceWithdrawn, LeaveGranted, DayClosed)
    produces = (MealsCount,)
    contract = Contract(
        "school meals",
        "public task, Education Act 10:10 (free school meals)",
        {Category.GROUP, Category.ATTENDANCE, Category.DIET},
    )
    aggregates = True
    effect = Effect.VERIFIABLE  # of files; see effect_with
    start_from = "state"
    timeout_s = 300  # a report writes a file per kitchen, each over a connection of its own

    def __init__(self, config: CateringConfig, ctx: Context) -> None:
        super().__init__(config, ctx)
        self._wire = open_wire(config.transport, ctx)
        self._mail = MailClient(config.transport) if isinstance(config.transport, EmailTransport) else None

    @classmethod
    def effect_with(cls, config: CateringConfig) -> Effect:
        """Files and orders that can be read are looked at first; other orders have a key; mail may come twice."""
        if config.transport.kind == "email":
            return Effect.BLIND
        if config.transport.kind == "https" and not config.transport.read_back:
            return Effect.IDEMPOTENT
        return Effect.VERIFIABLE

    async def handle(self, event: Event) -> None:
        """Keep who is away or what is closed; tell a kitchen at once where its order was already fixed."""
        now = self.ctx.clock.school().astimezone(UTC)
        closed: date | None = None
        spans: list[Away] = []
        async with self.ctx.commit() as tx:
            if event.type == DayClosed.spec.type:
                closed = note_closed(tx.state, event, now)
            else:
                spans = note_absence(tx.state, event, now)
        touched = [
            (kitchen, told)
            for kitchen in self.config.kitchens
            for day in ([closed] if closed else days_between(spans, now, kitchen.days_ahead()))
            if (told := snapshot(self.ctx.state, kitchen, day)) is not None
            and _may_be_late(kitchen, told, now, None if closed else spans)
        ]
        if not touched:
            return
        census = await Census.open(self.ctx.directory)
        for kitchen, told in touched:
            if census.concerns(organisation_of(event.data), kitchen):
                await self._tell_late(census, kitchen, told, now)

    @daily(lambda config: config.report_times)
    async def report(self, due: datetime, complete: bool) -> None:
        """Tell each kitchen its day, and of days ahead what is new."""
        await self._tell_all(due, complete, [(k, day) for k in self.config.kitchens for day in days_of_report(k, due)])

    @daily(lambda config: config.cutoff_times())
    async def cut_off(self, due: datetime, complete: bool) -> None:
        """At a cut-off that is no report time: tell what is fixed now. From here on a change is late."""
        await self._tell_all(
            due,
            complete,
            [(k, day) for k in self.config.kitchens for day in days_of_cutoff(k, due)],
            only_news=True,
        )

    async def poll(self) -> None:
        """Send the mail that waits. It is forgotten only when it was sent: after a crash between, it comes twice."""
        if self._mail is None or not isinstance(self.config.transport, EmailTransport):
            return
        begun, busy = self.ctx.clock.utc(), None
        today = self.ctx.clock.school().date()
        waiting = [
            (kitchen, address, *each)
            for kitchen in self.config.kitchens
            for address in self.config.transport.recipients[kitchen.id]
            for each in queued(self.ctx.state, address, kitchen)
        ]
        if not waiting:
            return
        # What `handle` has staged can be read here a moment before the hub has made it durable. Waiting for a commit of
        # our own keeps the mail behind it (but for the width of one group commit), and says that it may have been sent.
        async with self.ctx.commit() as tx:
            mark_sending(tx.state, (name for _, _, name, _, _ in waiting))
        for kitchen, address, name, told, at in waiting:
            if (self.ctx.clock.utc() - begun).total_seconds() > self.poll_timeout_s / 2:
                return  # the rest is sent by the next poll: one that is cut off might have sent a mail
            try:
                if told.day >= today:
                    mail = message(self.config.transport, address, kitchen, told, at)
                    await self.ctx.blocking(self._mail.send, mail)
            except AddressBusy as error:
                busy = error
                continue
            except PermanentError as error:
                self.ctx.problem(error.code, f"kitchen {kitchen.id}: {error.why}")
            async with self.ctx.commit() as tx:
                del tx.state[name]
        if busy is not None:
            raise busy

    async def selftest(self) -> None:
        """A round trip that no kitchen sees: a file that is removed again, an order that does not exist, a mail that
        is not sent.
        """
        if self._mail is not None:
            await self.ctx.blocking(self._mail.probe)
        elif self._wire is not None:
            await self._wire.probe()

    async def reconcile(self) -> None:
        """Put back what was last told of today and later and is not there: the same again is the same order.

        Where other bytes stand under its name, somebody changed an order: the operator is told, and the kitchen gets
        the next revision. Of mail nothing can be known: none is sent again.
        """
        now = self.ctx.clock.school().astimezone(UTC)
        for kitchen in self.config.kitchens:
            for told in snapshots(self.ctx.state, kitchen):
                if told.day < now.astimezone(SCHOOL).date():
                    continue
                if self._wire is not None and await self._wire.put(kitchen, told) is Put.TAKEN:
                    self.ctx.problem("file-altered", f"kitchen {kitchen.id}, {told.day}, revision {told.revision}")
                    again = told.model_copy(update={"revision": told.revision + 1})
                    await self._place(kitchen, again, told.rows, now)

    async def _tell_all(
        self, due: datetime, complete: bool, meals: Sequence[tuple[Kitchen, date]], *, only_news: bool = False
    ) -> None:
        due = due.astimezone(UTC)
        now = max(due, self.ctx.clock.school().astimezone(UTC))
        census = await Census.open(self.ctx.directory) if meals else None
        for kitchen, day in meals:
            told = snapshot(self.ctx.state, kitchen, day)
            # A run is repeated after a crash, or when a kitchen further on failed: who was told is left alone.
            if census is not None and (told is None or told.due < due):
                today = day == due.astimezone(SCHOOL).date()
                await self._tell(census, kitchen, day, told, due, now, complete, always=today and not only_news)
        async with self.ctx.commit() as tx:
            forget_past(tx.state, now)

    async def _tell(
        self,
        census: Census,
        kitchen: Kitchen,
        day: date,
        told: Snapshot | None,
        due: datetime,
        now: datetime,
        complete: bool,
        *,
        always: bool,
    ) -> None:
        """Tell a kitchen the whole of one day, as of `due`; unless `always`, only where something is new."""
        to_come = [sitting for sitting in kitchen.sittings if window(sitting, day)[1] > now]
        if not to_come:
            return
        people = await census.people(kitchen, day, self.ctx.state)
        fixed = fixed_at(kitchen, day, due)
        rows: list[Row] = []
        news: list[Row] = []
        unlisted = 0
        for sitting in kitchen.sittings:
            before = told.row(sitting.id) if told is not None else None
            if sitting in to_come:
                counted = people.count(sitting)
                unlisted = max(unlisted, counted.unknown_diets)
                before = make_row(
                    sitting, counted, before, fixed, closed=people.closed, complete=complete and people.complete
                )
                news.append(before)
            if before is not None:  # of a sitting that is over, what was told stands
                rows.append(before)
        if unlisted:
            self.ctx.problem("unknown-diet", f"kitchen {kitchen.id}: {unlisted} diets are not in its diet_codes")
        if unplaced(kitchen, people.pupils):
            self.ctx.problem("pupil-without-sitting", f"kitchen {kitchen.id}: some pupils are in no sitting's groups")
        following = Snapshot.after(told, kitchen, day, due, rows)
        if always or told is None or following.is_news(told):
            await self._place(kitchen, following, news, due)
        else:
            # The kitchen sees no difference, but from now on more kinds of change are late.
            async with self.ctx.commit() as tx:
                keep_snapshot(tx.state, told.model_copy(update={"rows": tuple(rows)}))

    async def _tell_late(self, census: Census, kitchen: Kitchen, told: Snapshot, now: datetime) -> None:
        """Tell a kitchen what has changed in what it was told as fixed, if anything has."""
        people = await census.people(kitchen, told.day, self.ctx.state)
        rows: list[Row] = []
        news: list[Row] = []
        for sitting in kitchen.sittings:
            row = told.row(sitting.id)
            if row is not None and window(sitting, told.day)[1] > now:
                counted = people.count(sitting)
                if is_late(row, counted, people.closed):
                    row = make_row(sitting, counted, row, row.fixed, closed=people.closed, complete=people.complete)
                    news.append(row)
            if row is not None:
                rows.append(row)
        if news:
            # Named after the report that it comes late to: a repeat after a crash gives the same name and bytes.
            await self._place(kitchen, Snapshot.after(told, kitchen, told.day, told.due, rows), news, now)

    async def _place(self, kitchen: Kitchen, told: Snapshot, news: Iterable[Row], as_of: datetime) -> None:
        """Tell the kitchen, then keep the snapshot and publish its news, together. Mail is kept, and sent by `poll`.

        Another order under the same name was left by a run that crashed before it could keep what it had told, with
        other counts. The kitchen may have read it, so it is never replaced: the next revision is told.
        """
        for _ in range(_MOST_TAKEN):
            if self._wire is None or await self._wire.put(kitchen, told) is not Put.TAKEN:
                break
            told = told.model_copy(update={"revision": told.revision + 1})
        else:
            raise TemporaryError(
                f"catering: no free name for kitchen {kitchen.id} on {told.day}",
                why=f"{_MOST_TAKEN} files or orders that are not the hub's stand there",
                fix="See what else writes to the kitchen's system, and that no two kitchens have one unit_code",
                code="names-taken",
            )
        async with self.ctx.commit() as tx:
            keep_snapshot(tx.state, told)
            if isinstance(self.config.transport, EmailTransport):
                for address in self.config.transport.recipients[kitchen.id]:
                    queue(tx.state, address, told, as_of.astimezone(SCHOOL))
            for row in news:
                data = event_data(kitchen, told, row, as_of)
                tx.publish(MealsCount, data, time=as_of.astimezone(SCHOOL), complete=row.complete)


def _may_be_late(kitchen: Kitchen, told: Snapshot, now: datetime, spans: Sequence[Away] | None) -> bool:
    """Whether a change in `spans` (None: of the whole day) touches what was told as fixed. Asks no directory."""
    for sitting in kitchen.sittings:
        row = told.row(sitting.id)
        start, end = window(sitting, told.day)
        if row is None or not row.fixed or end <= now:
            continue
        if spans is None or any(overlaps(span, start, end) for span in spans):
            return True
    return False
