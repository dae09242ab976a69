"""Feeds and streams: pages of the log through the gate, for clients that fetch them.

The gate decides on all events of a page, their intents are made durable, and then the events become bytes in the turn
in which the first byte leaves. Withheld events change nothing that a client sees: a page is short only at the head,
denied events end no long poll, and every answer has a new cursor.

An answer with events waits for one commit. An answer without events waits for none, whether events were withheld or
not: else its time would show it. The rows of the denials become durable beside it (`hub.privacy.beside`), and until
then the answer's cursor stays where it was, so that a crash loses no mark. The hub remembers what the cursor passed
(`_Passed`), and does not decide on it again when the client comes back.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

import orjson

from hub.bus.base import Log, Stored
from hub.clock import Clock, from_us
from hub.delivery.acknowledging import Acknowledging
from hub.delivery.answers import OpenAnswers
from hub.delivery.feed_cursor import CursorSealer, FeedCursor
from hub.delivery.feed_reading import MAX_LATE, SLICE, FeedReading, FeedSlice, LateKeys, late, still_late
from hub.delivery.own_order import OwnOrder, own_order
from hub.delivery.reading import ReadCursor, Reader, Reading, state_kinds
from hub.delivery.retries import DECISION_DELAY_S
from hub.keys import Keys
from hub.privacy.base import Decision, PermitRefused, Rule
from hub.privacy.telling import LIVE, Teller, Telling, settled
from hub.registry.registry import Registry
from hub.store import cursors, lanes
from hub.store.base import Operation, Store
from hub.store.lanes import Lane
from hub.subscriptions.matching import Matcher
from hub.subscriptions.model import Status, Subscription
from hub.waiting import first_of
from schemas import Catalogue

log = logging.getLogger(__name__)

MAX_PAGE: Final = 5000  # events
MAX_PAGE_BYTES: Final = 8 << 20  # of permitted data: a limit that counts removed data would reveal their size
MAX_STREAM_BYTES: Final = 256 << 10  # the same for a page of a stream, since one page waits until the client reads
_DENIED_AT_A_TIME: Final = 5000  # denials in one commit
_WAITS_LOOK_S: Final = 1.0
_REDOS: Final = 50  # the most new decisions on parts of a page before the client is asked to come back


class CursorTooOld(LookupError):
    """The client has read up to a time before the retention, so it has missed events (410)."""


class NotReadable(Exception):
    """The subscription is paused or ended, so it has no pages now."""

    def __init__(self, status: Status) -> None:
        self.status = status
        super().__init__(status)


@dataclass(frozen=True, slots=True)
class _Feed:
    """One subscription's matcher and teller, made once."""

    subscription: Subscription
    matcher: Matcher
    teller: Teller
    own: OwnOrder | None


@dataclass(frozen=True, slots=True)
class _Passed:
    """From one cursor to another there are only denials."""

    begun: FeedCursor
    cursor: FeedCursor


@dataclass(slots=True, eq=False)
class _Entry:
    """An event of a page. It was permitted when the gate last decided on it."""

    stored: Stored  # the event as it was read: the decision may be about an earlier one of its entity
    decision: Decision
    part: FeedSlice  # the slice with which the event was read
    cursor: FeedCursor | None  # the cursor after this event; only on a page with a cursor for each event


@dataclass(slots=True, eq=False, kw_only=True)
class Page:
    """Permitted events and the cursor after them.

    Call `permit` in the turn of the first byte. `each`: every event has its own cursor.
    """

    feed: _Feed
    limit: int
    each: bool
    cursor: FeedCursor
    start: FeedCursor  # where the reading of this page began
    sealer: CursorSealer
    changed: asyncio.Event  # set when there may be news although the log has none
    waits: bool = False  # the subscription waits as a whole
    at_head: bool = False
    blocked: bool = False  # the page ends before an undecided event, and the feed can serve no more events late
    entries: list[_Entry] = field(default_factory=list)
    refused: list[_Entry] = field(default_factory=list)
    rows: list[Operation] = field(default_factory=list)  # of the decisions; `Pages.settled` makes them durable
    begun: FeedCursor | None = None  # the client's cursor, while denials after it are not durable
    late: LateKeys = field(default_factory=LateKeys)  # events that wait for another decision, and those behind them

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def max_bytes(self) -> int:
        return MAX_STREAM_BYTES if self.each else MAX_PAGE_BYTES

    def permit(self) -> Sequence[bytes] | None:
        """Each event's bytes. None if the directory changed for some events, which are in `refused` then."""
        permit = self.feed.teller.permit
        bodies: list[bytes] = []
        self.refused.clear()
        for entry in self.entries:
            try:
                bodies.append(permit(entry.decision, entry.part.lane))
            except PermitRefused:
                self.refused.append(entry)
        return None if self.refused else bodies

    def next(self) -> str:
        """The cursor after the page, sealed anew at each call."""
        return self.sealer.seal(self.feed.subscription, self.begun or self.cursor)

    def cursor_of(self, index: int) -> str:
        """The cursor after the event at `index`, on a page with a cursor for each event."""
        cursor = self.entries[index].cursor
        assert cursor is not None
        return self.sealer.seal(self.feed.subscription, cursor)


class Pages:
    """Makes pages. `retention`: how long the log keeps events. `waits`: whether a subscription must wait as a whole."""

    def __init__(
        self,
        *,
        log: Log,
        store: Store,
        telling: Telling,
        registry: Registry,
        catalogue: Catalogue,
        keys: Keys,
        clock: Clock,
        retention: timedelta,
        waits: Callable[[Subscription], bool] = lambda subscription: False,
        served: Callable[[str, int], None] = lambda subscription, events: None,
    ) -> None:
        self._log = log
        self._store = store
        self._telling = telling
        self._registry = registry
        self._catalogue = catalogue
        self._clock = clock
        self.retention = retention
        self._waits = waits
        self._served = served
        self._sealer = CursorSealer(keys)
        self._lanes: dict[str, Sequence[Lane]] = {}
        self._lane_changes = 0
        self._passed: dict[str, _Passed] = {}  # by subscription
        self._added: dict[str, int] = {}  # by subscription: its last denials that no answer waited for
        self._feeds: dict[str, _Feed] = {}
        self._changed = asyncio.Event()
        self.acknowledging = Acknowledging(log, store, clock)
        self.closing = False
        registry.listen(self._look_again)
        self.answers = OpenAnswers()

    def wake(self) -> None:
        """Let waiting requests look again: a lane was added, a subscription changed, or the hub stops."""
        self._forget_lanes()
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def close(self) -> None:
        """Answer long polls and end streams: the hub stops."""
        self.closing = True
        self.wake()

    async def open(self, id: str, token: str | None) -> FeedCursor:
        """The cursor in the client's token; None: the cursor of a new client. Also while the subscription is paused.

        Raises CursorUnknown, CursorTooOld, KeyError.
        """
        subscription = self._registry.get(id)
        if token is None:
            return await self._first(subscription)
        cursor = self._sealer.open(subscription, token)
        self.check_age(cursor)
        if not cursor.read.state_after:
            self.acknowledging.note(id, cursor.read.position)
        return cursor

    def check_age(self, cursor: FeedCursor) -> None:
        """Raises CursorTooOld."""
        if from_us(cursor.read_us) < self._clock.utc() - self.retention:
            raise CursorTooOld

    def check_readable(self, id: str) -> None:
        """Raises NotReadable if the subscription has no pages now, and KeyError if there is none."""
        self._current(id)

    async def readable(self, id: str, wait_s: float) -> None:
        """Wait until a paused subscription is resumed, for at most `wait_s`.

        Raises KeyError if it was deleted, and NotReadable if it has ended.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while (status := self._registry.get(id).status) is not Status.ACTIVE and not self.closing:
                    if status is Status.ENDED:
                        raise NotReadable(status)
                    await self._changed.wait()

    async def page(
        self,
        id: str,
        cursor: FeedCursor,
        limit: int,
        wait_s: float = 0.0,
        *,
        each: bool = False,
        before: Page | None = None,
    ) -> Page:
        """Up to `limit` permitted events after `cursor`. If there are none, wait for the first for up to `wait_s`.

        `settled` makes the page durable. With `each` every event has its own cursor. `before`: an empty page of the
        same answer. Raises NotReadable, KeyError, LogUnavailable, StoreUnavailable.
        """
        deadline = asyncio.get_running_loop().time() + wait_s
        start = cursor
        if (passed := self._passed.get(id)) is not None and passed.begun == cursor:
            cursor = passed.cursor
        while True:
            changed = self._changed
            feed = self._current(id)
            page = Page(
                feed=feed, limit=limit, each=each, cursor=cursor, start=start, sealer=self._sealer, changed=changed
            )
            if before is not None:
                page.rows, before.rows = before.rows, []
            page.waits = self._waits(feed.subscription)
            if not page.waits:
                await self._fill(page)
            if page.entries or not await self.news(page, deadline):
                return page
            cursor, before = page.cursor, page

    async def news(self, page: Page, deadline: float) -> bool:
        """Wait until there may be an event after this page. False if the time is up (loop time) or the hub stops."""
        cursor = None if page.waits or page.blocked else page.cursor
        return await self._wait(page.feed.subscription.id, cursor, page.changed, deadline)

    async def settled(self, page: Page, begun: FeedCursor | None = None) -> Sequence[bytes]:
        """Make the page's events durable. Returns each event's bytes, in the turn in which this returns.

        `begun`: the cursor with which the client came. Raises StoreUnavailable; Unsettled if the directory keeps
        changing; NotReadable or KeyError if the subscription was paused, ended or deleted meanwhile.
        """

        def permitted() -> Sequence[bytes] | None:
            if self._current(page.feed.subscription.id).subscription is page.feed.subscription:
                return page.permit()
            page.refused[:] = page.entries  # the subscription has changed: it may ask for less now
            return None

        if page.entries:
            await self._make_durable(page)
        else:
            self._pass(page, begun or page.start)
        return await settled(permitted, lambda: self._redo(page), _REDOS)

    # -- inside -------------------------------------------------------------------------------------------------

    def _look_again(self, subscription: Subscription) -> None:
        self._feeds.pop(subscription.id, None)
        self._passed.pop(subscription.id, None)
        if subscription.reason == "removed":
            self._added.pop(subscription.id, None)
            self.acknowledging.forget(subscription.id)
        self.wake()

    def _pass(self, page: Page, begun: FeedCursor) -> None:
        """Leave the denials of a page without events to be stored beside the answer."""
        begun = replace(begun, read_us=page.cursor.read_us)  # the client has come today, whatever was withheld
        id = page.feed.subscription.id
        beside, rows, page.rows = self._telling.withheld.beside, page.rows, []
        added = beside.add(rows) if rows else self._added.get(id, 0)
        if added is None:
            page.begun = begun  # they are decided on again
            return
        self._added[id] = added
        if not beside.is_saved(added):
            page.begun = begun
            self._passed[id] = _Passed(begun, page.cursor)

    async def _make_durable(self, page: Page) -> None:
        """One commit: the cursor moves past all that this feed has denied, so those rows are part of it."""
        id, beside = page.feed.subscription.id, self._telling.withheld.beside
        rows, page.rows = page.rows + self.acknowledging.operations(page.feed.subscription.id), []
        if beside.is_saved(self._added.get(id, 0)):
            await self._store.commit(*rows)
        else:
            await beside.save_with(*rows)

    def _current(self, id: str) -> _Feed:
        subscription = self._registry.get(id)
        if subscription.status is not Status.ACTIVE:
            raise NotReadable(subscription.status)
        known = self._feeds.get(id)
        if known is None or known.subscription is not subscription:
            matcher = Matcher(subscription)
            teller = self._telling.to(subscription.recipient, id, matcher)
            known = self._feeds[id] = _Feed(subscription, matcher, teller, self._own(subscription))
        return known

    async def _first(self, subscription: Subscription) -> FeedCursor:
        now_us = self._clock.utc_us()
        if subscription.start_from == "state":
            read = Reading(self._log, self._kinds(subscription)).from_state()
        else:
            read = ReadCursor(self._log.start())
        if subscription.start_from == "now":
            rows = await self._store.read(cursors.load(self._store.tenant, subscription.id))
            row = next((row for row in rows if row.lane == LIVE), None)
            position = Reader.open(self._log, row.position).position if row is not None else None
            read = ReadCursor(position or self._log.head())
        # The client has read nothing, so it has not missed the events that were trimmed before its first request.
        return FeedCursor(read=read, read_us=now_us, lane_us=now_us)

    async def _fill(self, page: Page) -> None:
        """Read on from the page's cursor until the page is full or the head is reached. Its rows are in `page.rows`."""
        feed, had, size = page.feed, len(page.entries), 0
        limit, most_bytes = page.limit, page.max_bytes
        ledger = feed.teller.ledger()
        lateness: list[Operation] = []
        asked = await self._lanes_of(feed.subscription.id)
        reading = FeedReading(self._log, self._clock, asked, self._kinds(feed.subscription), feed.own)
        now = self._clock.utc()
        room = MAX_LATE - sum(still_late(lane, now) for lane in asked)
        page.late = await LateKeys.of(self._log, asked, page.cursor)
        full = may_end = page.blocked = False
        while not (full and may_end) and not page.at_head and not page.blocked:
            part = await reading.read(page.cursor, max(64, min(SLICE, limit - len(page.entries))))
            taken, lane = len(part.events), part.lane or LIVE
            allowed: list[Decision] = []
            for index, stored in enumerate(part.events):
                if full and part.may_end(index):
                    taken = index
                    break
                if part.late:
                    page.late.served(part.lane, stored)
                if not feed.matcher.may_match(stored):
                    continue
                held = bool(page.late) and page.late.hold(part.lane, stored)
                decision = None if held else ledger.judge(stored, state=part.state, lane=lane)
                if decision is None or decision.rule is Rule.UNDECIDED:
                    if not part.late and len(lateness) >= room:
                        taken, page.blocked = index, True
                        break
                    lateness.append(self._late(page, stored, part))
                    continue
                if not decision.allowed:
                    continue
                allowed.append(decision)
                page.entries.append(_Entry(stored, decision, part, part.after(index + 1) if page.each else None))
                size += len(stored.body)
                if size >= most_bytes:
                    size = _size(page.entries[had:])
                full = len(page.entries) >= limit or size >= most_bytes
            ledger.disclose(allowed, lane)
            if allowed:
                self._served(feed.subscription.id, len(allowed))
            may_end = part.may_end(taken)
            page.cursor = part.after(taken)
            page.at_head = part.at_head and taken == len(part.events)
            if ledger.denied >= _DENIED_AT_A_TIME:
                await self._store.commit(*ledger.operations())
            await asyncio.sleep(0)
        page.rows += ledger.operations()
        await self._add_late(page, lateness)

    async def _redo(self, page: Page) -> None:
        """Decide again on the events that `permit` refused, and fill the page up if that removes events from it."""
        page.feed = feed = self._current(page.feed.subscription.id)
        ledger = feed.teller.ledger()
        lateness: list[Operation] = []
        again, page.refused = page.refused, []
        for entry in again:
            if page.late.hold(entry.part.lane, entry.stored):
                continue  # removed below
            if not feed.matcher.may_match(entry.stored):
                page.entries.remove(entry)
                continue
            decision = ledger.judge(entry.stored, state=entry.part.state, lane=entry.part.lane or LIVE)
            if decision.allowed:
                entry.decision = decision
                ledger.disclose([decision], entry.part.lane or LIVE)
                continue
            page.entries.remove(entry)
            if decision.rule is Rule.UNDECIDED:
                lateness.append(self._late(page, entry.stored, entry.part))
        for entry in [entry for entry in page.entries if page.late.hold(entry.part.lane, entry.stored)]:
            page.entries.remove(entry)
            lateness.append(self._late(page, entry.stored, entry.part))
        page.rows += ledger.operations()
        await self._add_late(page, lateness)
        if len(page.entries) < page.limit and not page.at_head and not page.blocked:
            await self._fill(page)
        await self._make_durable(page)

    async def _add_late(self, page: Page, rows: Sequence[Operation]) -> None:
        """Store the rows of late lanes before anything reads the lanes again."""
        if rows:
            page.rows += rows
            await self._make_durable(page)
            self._forget_lanes(page.feed.subscription.id)

    def _late(self, page: Page, stored: Stored, part: FeedSlice) -> Operation:
        """The row of a late lane: deciding on this event, or on an older one of its key, failed.

        The event must neither leave nor be lost. The page goes on without it. Some seconds later the feed serves the
        event in a lane of its own, as a webhook gets an event whose key was parked. If deciding fails again, a later
        row replaces this one.
        """
        page.late.add(part.lane, stored)
        due = self._clock.utc() + timedelta(seconds=DECISION_DELAY_S)
        return lanes.add(self._store.tenant, late(page.feed.subscription.id, stored, part, due))

    def _own(self, subscription: Subscription) -> OwnOrder | None:
        return own_order(self._log, self._catalogue, self._telling, subscription.recipient)

    def _kinds(self, subscription: Subscription) -> Sequence[str]:
        return state_kinds(self._catalogue, subscription.types)

    async def _lanes_of(self, id: str) -> Sequence[Lane]:
        """The lanes that were added within the retention.

        Read once, then kept until one is added (`wake`, `_add_late`): each append wakes every long poll, and a read of
        the store that depends on when the last one was would show in the time of an answer.
        """
        known = self._lanes.get(id)
        if known is None:
            changes = self._lane_changes
            known = await self._store.read(lanes.load(self._store.tenant, id))
            if changes == self._lane_changes:
                self._lanes[id] = known
        oldest = self._clock.utc() - self.retention
        return [lane for lane in known if lane.at > oldest]

    def _forget_lanes(self, id: str | None = None) -> None:
        """Read the lanes again, of one subscription or of all. A read that is under way may lack the newest."""
        self._lane_changes += 1
        if id is None:
            self._lanes.clear()
        else:
            self._lanes.pop(id, None)

    async def _wait(self, id: str, cursor: FeedCursor | None, changed: asyncio.Event, deadline: float) -> bool:
        """Wait for an event after `cursor` (None: for some time). False if the time is up or the hub stops."""
        loop, now = asyncio.get_running_loop(), self._clock.utc()
        due = [(lane.at - now).total_seconds() for lane in await self._lanes_of(id) if lane.at > now]
        left = deadline - loop.time()
        if self.closing or left <= 0:
            return False
        waits: list[Coroutine[Any, Any, Any]] = [changed.wait()]
        if cursor is not None:
            waits.append(self._log.wait(cursor.read.position))
            left = min(left, *due) if due else left
        else:
            left = min(left, _WAITS_LOOK_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(left):
                await first_of(*waits)
        return not self.closing and loop.time() < deadline


def _size(entries: Sequence[_Entry]) -> int:
    """Bytes of permitted data. Called only if the stored bodies, which are at least as large, exceed the limit."""
    return sum(
        len(entry.decision.stored.body) if entry.decision.unchanged else len(orjson.dumps(entry.decision.content))
        for entry in entries
    )
