"""Feeds and streams: pages of the log through the gate, for clients that come and fetch.

A page is walked together (every event decided now), its disclosure made durable, and then turned into bytes in the
turn in which the first of them leaves. What is withheld shows in nothing: a page is short only at the head, denied
events end no long poll, and the cursor is fresh in every answer.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import orjson

from hub.bus.base import Log, Stored
from hub.clock import Clock, from_us, to_us
from hub.delivery.feed_cursor import CursorSealer, FeedCursor
from hub.delivery.follower import LIVE
from hub.delivery.readers import LiveReader, open_reader, state_kinds
from hub.delivery.walk import SLICE, LaneStage, LogStage, Slice, Stage, StateStage
from hub.directory.directory import Directory
from hub.keys import Keys
from hub.privacy.base import Decision, Intent, PermitRefused, Rule
from hub.privacy.disclosures import Disclosures
from hub.privacy.gate import PrivacyGate
from hub.privacy.withheld import WithheldMarks
from hub.registry.registry import Registry
from hub.store import cursors, lanes
from hub.store.base import Operation, Store
from hub.store.lanes import Lane
from hub.store.withheld import Withheld
from hub.subscriptions.matching import Matcher
from hub.subscriptions.model import Status, Subscription
from schemas import Catalogue

log = logging.getLogger(__name__)

MAX_PAGE: Final = 5000  # events
MAX_PAGE_BYTES: Final = 8 << 20  # of what is permitted: counting what is removed would tell of it
_DENIED_AT_A_TIME: Final = 5000  # places in one intent row for what was denied
_LANES_KEPT_S: Final = 2.0
_WAITS_LOOK_S: Final = 1.0
_REDOS: Final = 50  # decisions taken anew for one page, before the client is asked to come back


class CursorTooOld(LookupError):
    """What the client has read up to is older than the retention: it has missed events (410)."""


class NotReadable(Exception):
    """The subscription gives nothing now: paused or ended."""

    def __init__(self, status: Status) -> None:
        self.status = status
        super().__init__(status)


class Unsettled(Exception):
    """The directory changed again and again while the page was made: come back in a moment."""


@dataclass(slots=True, eq=False)
class _Entry:
    """A permitted event of a page, as far as is known."""

    stored: Stored  # as it was read: the decision may be about one that it rests on
    decision: Decision
    lane: str | None
    state: bool  # it stands for its entity as it is
    cursor: FeedCursor | None  # with this event read; where it was asked for


@dataclass(slots=True, eq=False)
class Page:
    """Permitted events and the cursor after them. `body` and `frames` must be called in the turn of the first byte."""

    subscription: Subscription
    limit: int
    each: bool  # every event has a cursor of its own
    entries: list[_Entry]
    cursor: FeedCursor
    at_head: bool
    _gate: PrivacyGate
    _sealer: CursorSealer
    refused: list[_Entry] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.entries)

    def permit(self) -> Sequence[bytes] | None:
        """Each event's bytes; None if the directory changed for some (`refused`): `Pages.redo` decides them anew."""
        permit = self._gate.permit
        bodies: list[bytes] = []
        self.refused.clear()
        for entry in self.entries:
            try:
                bodies.append(permit(entry.decision, entry.lane))
            except PermitRefused:
                self.refused.append(entry)
        return None if self.refused else bodies

    def next(self) -> str:
        """The cursor after the page, sealed anew at each call."""
        return self._sealer.seal(self.subscription, self.cursor)

    def cursor_of(self, index: int) -> str:
        """The cursor with the events up to `index` read, where each was to have one."""
        cursor = self.entries[index].cursor
        assert cursor is not None
        return self._sealer.seal(self.subscription, cursor)


class Pages:
    """`retention` is how long the log keeps events; `waits` tells of a subscription that must wait as a whole."""

    def __init__(
        self,
        *,
        log: Log,
        store: Store,
        directory: Directory,
        gate: PrivacyGate,
        disclosures: Disclosures,
        withheld: WithheldMarks,
        registry: Registry,
        catalogue: Catalogue,
        keys: Keys,
        clock: Clock,
        retention: timedelta,
        waits: Callable[[Subscription], bool] = lambda subscription: False,
    ) -> None:
        self._log = log
        self._store = store
        self._directory = directory
        self._gate = gate
        self._disclosures = disclosures
        self._withheld = withheld
        self._registry = registry
        self._catalogue = catalogue
        self._clock = clock
        self.retention = retention
        self._waits = waits
        self._sealer = CursorSealer(keys)
        self._lanes: dict[str, tuple[float, Sequence[Lane]]] = {}
        self._matchers: dict[str, tuple[Subscription, Matcher]] = {}
        self._changed = asyncio.Event()
        self.closing = False
        registry.listen(lambda subscription: self.wake())

    def wake(self) -> None:
        """Let those that wait look again: a lane was added, a subscription changed, or the hub stops."""
        self._lanes.clear()
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def close(self) -> None:
        """Answer long polls and end streams: the hub stops."""
        self.closing = True
        self.wake()

    async def open(self, id: str, token: str | None) -> FeedCursor:
        """The cursor that a client begins with. Raises CursorUnknown, CursorTooOld, NotReadable, KeyError."""
        subscription = self._current(id)
        if token is None:
            return await self._first(subscription)
        cursor = self._sealer.open(subscription, token)
        if from_us(cursor.read_us) < self._clock.utc() - self.retention:
            raise CursorTooOld
        return cursor

    async def page(self, id: str, cursor: FeedCursor, limit: int, wait_s: float = 0.0, *, each: bool = False) -> Page:
        """Up to `limit` permitted events after `cursor`; with `wait_s`, wait so long for the first of them.

        Their disclosure is durable. With `each` every event has its cursor. Raises NotReadable, KeyError,
        LogUnavailable, StoreUnavailable.
        """
        deadline = asyncio.get_running_loop().time() + wait_s
        while True:
            changed = self._changed
            subscription = self._current(id)
            page = Page(subscription, limit, each, [], cursor, False, self._gate, self._sealer)
            waits = self._waits(subscription)
            if not waits:
                await self._fill(page)
            if page.entries or not await self._wait(None if waits else page.cursor, changed, deadline):
                return page
            cursor = page.cursor

    async def settled(self, page: Page) -> Sequence[bytes]:
        """Each event's bytes, in the turn in which this returns. Raises Unsettled if the directory never rests."""
        for _ in range(_REDOS):
            bodies = page.permit()
            if bodies is not None:
                return bodies
            await self._redo(page)
        raise Unsettled

    # -- inside -------------------------------------------------------------------------------------------------

    def _current(self, id: str) -> Subscription:
        subscription = self._registry.get(id)
        if subscription.status is not Status.ACTIVE:
            raise NotReadable(subscription.status)
        return subscription

    def _matcher(self, subscription: Subscription) -> Matcher:
        known = self._matchers.get(subscription.id)
        if known is None or known[0] is not subscription:
            known = self._matchers[subscription.id] = (subscription, Matcher(subscription))
        return known[1]

    async def _first(self, subscription: Subscription) -> FeedCursor:
        now_us = to_us(self._clock.utc())
        head = self._log.head()
        if subscription.start_from == "state":
            first = self._state(subscription).first()
            return FeedCursor(head, now_us, first, lane_us=now_us)
        position = self._log.start()
        if subscription.start_from == "now":
            rows = await self._store.read(cursors.load(self._store.tenant))
            row = next((row for row in rows if row.subscription == subscription.id and row.lane == LIVE), None)
            reader = open_reader(self._log, row.position) if row is not None else None
            position = reader.position if isinstance(reader, LiveReader) else head
        # It has read nothing; what was trimmed before it came is nothing that it missed.
        return FeedCursor(position, now_us, lane_us=now_us)

    async def _fill(self, page: Page) -> None:
        """Read on from the page's cursor until it is full or the head is reached; then its intents are durable."""
        subscription = page.subscription
        matcher = self._matcher(subscription)
        book = _Book(subscription, self._withheld, self._disclosures)
        stages = await self._stages(subscription)
        had, size, full = len(page.entries), 0, False
        while not full and not page.at_head:
            part = await self._read(stages, page.cursor, max(64, min(SLICE, page.limit - len(page.entries))))
            taken = len(part.events)
            for index, stored in enumerate(part.events):
                if full and not part.joined(index):
                    taken = index
                    break
                if not matcher.may_match(stored):
                    continue
                decision = self._decide(stored, subscription, matcher, part.lane, part.state, book)
                if decision is None:
                    continue
                own = part.after(index + 1) if page.each else None
                page.entries.append(_Entry(stored, decision, part.lane, part.state, own))
                size += len(stored.body)
                if size >= MAX_PAGE_BYTES:
                    size = _size(page.entries[had:])
                full = len(page.entries) >= page.limit or size >= MAX_PAGE_BYTES
            page.cursor = part.after(taken)
            page.at_head = part.at_head and taken == len(part.events)
            book.turn_ends()
            if book.many():
                await self._store.commit(*book.operations())
            else:
                await asyncio.sleep(0)
        book.allow(page.entries[had:])
        if operations := book.operations():
            await self._store.commit(*operations)

    async def _redo(self, page: Page) -> None:
        """Decide anew what `permit` refused, and fill the page up again if that took something out of it."""
        page.subscription = subscription = self._current(page.subscription.id)
        matcher = self._matcher(subscription)
        book = _Book(subscription, self._withheld, self._disclosures)
        again, page.refused = page.refused, []
        for entry in again:
            decision = self._decide(entry.stored, subscription, matcher, entry.lane, entry.state, book)
            if decision is None:
                page.entries.remove(entry)
            else:
                entry.decision = decision
                book.allow([entry])
        await self._store.commit(*book.operations())
        if len(page.entries) < page.limit and not page.at_head:
            await self._fill(page)

    def _decide(
        self,
        stored: Stored,
        subscription: Subscription,
        matcher: Matcher,
        lane: str | None,
        state: bool,
        book: "_Book",
    ) -> Decision | None:
        """The decision, if the recipient gets the event. What is to be kept otherwise goes into the book."""
        recipient = subscription.recipient
        try:
            decision = self._gate.decide(stored, recipient, state=state)
            if decision.stored is not stored and not matcher.matches(decision.stored):
                book.deny(Rule.FILTER, stored, lane)
                return None
            if decision.allowed and matcher.filter is not None:
                content = decision.content
                assert content is not None
                if not matcher.filter(content):
                    book.deny(Rule.FILTER, stored, lane)
                    return None
        except Exception as error:
            # Not surely permitted, so not sent; not lost either: its state comes when its persons are settled.
            log.error("%s: no decision on %s: %s", subscription.id, stored.id, type(error).__name__)
            book.deny(Rule.UNKNOWN, stored, lane)
            if stored.entity is not None:
                book.mark([Withheld(person, stored.entity, recipient.name) for person in stored.about])
            return None
        if decision.withheld:
            book.mark(decision.withheld)
        if not decision.allowed:
            book.deny(decision.rule, stored, lane)
            return None
        return decision

    async def _stages(self, subscription: Subscription) -> Sequence[Stage]:
        return (
            LaneStage(self._log, await self._lanes_of(subscription.id)),
            self._state(subscription),
            LogStage(self._log, self._clock),
        )

    def _state(self, subscription: Subscription) -> StateStage:
        return StateStage(self._log, state_kinds(self._catalogue, subscription.types), self._directory.superseded)

    async def _lanes_of(self, id: str) -> Sequence[Lane]:
        """What was asked for again within the retention. Kept for a moment: every append wakes every long poll."""
        now = self._clock.monotonic()
        known = self._lanes.get(id)
        if known is None or now >= known[0] + _LANES_KEPT_S:
            asked = await self._store.read(lanes.load(self._store.tenant, id))
            oldest = self._clock.utc() - self.retention
            known = self._lanes[id] = (now, [lane for lane in asked if lane.at > oldest])
        return known[1]

    async def _read(self, stages: Sequence[Stage], cursor: FeedCursor, limit: int) -> Slice:
        for stage in stages:
            found = await stage.read(cursor, limit)
            if found is not None:
                return found
        raise AssertionError("the log's stage is never over")

    async def _wait(self, cursor: FeedCursor | None, changed: asyncio.Event, deadline: float) -> bool:
        """Wait for something after `cursor` (None: for some time). False if the time is up or the hub stops."""
        left = deadline - asyncio.get_running_loop().time()
        if self.closing or left <= 0:
            return False
        waiting: list[asyncio.Future[object]] = [asyncio.ensure_future(changed.wait())]
        if cursor is not None:
            waiting.append(asyncio.ensure_future(self._log.wait(cursor.position)))
        else:
            left = min(left, _WAITS_LOOK_S)
        try:
            await asyncio.wait(waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            return not self.closing and asyncio.get_running_loop().time() < deadline
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)


def _size(entries: Sequence[_Entry]) -> int:
    """Bytes of what is permitted. Worked out only where the bodies as stored, which are no smaller, are too many."""
    return sum(
        len(entry.decision.stored.body) if entry.decision.unchanged else len(orjson.dumps(entry.decision.content))
        for entry in entries
    )


class _Book:
    """What must be durable before a page leaves: an intent per lane, the denials by rule, the marks."""

    def __init__(self, subscription: Subscription, withheld: WithheldMarks, disclosures: Disclosures) -> None:
        self._subscription = subscription
        self._withheld = withheld
        self._disclosures = disclosures
        self._denied: dict[tuple[str, Rule], list[Stored]] = {}
        self._count = 0
        self._intents: list[Intent] = []
        self._marks: list[Withheld] = []
        self._kept: list[Operation] = []

    def mark(self, marks: Sequence[Withheld]) -> None:
        self._marks += marks

    def deny(self, rule: Rule, stored: Stored, lane: str | None) -> None:
        self._denied.setdefault((lane or LIVE, rule), []).append(stored)
        self._count += 1

    def allow(self, entries: Iterable[_Entry]) -> None:
        by_lane: dict[str, list[Stored]] = {}
        for entry in entries:
            by_lane.setdefault(entry.lane or LIVE, []).append(entry.decision.stored)
        self._intents += [self._intent(lane, Rule.ALLOWED, True, events) for lane, events in by_lane.items()]

    def turn_ends(self) -> None:
        """Hand the marks over now, so that no change of the directory comes between a denial and its mark."""
        if self._marks:
            self._kept.append(self._withheld.mark(self._marks))
            self._marks = []

    def many(self) -> bool:
        return self._count >= _DENIED_AT_A_TIME

    def operations(self) -> list[Operation]:
        """What was told since the last call, as operations of one commit."""
        self._intents += [self._intent(lane, rule, False, events) for (lane, rule), events in self._denied.items()]
        self.turn_ends()
        operations = self._kept
        if self._intents:
            operations.append(self._disclosures.record(self._intents))
        self._denied, self._count, self._intents, self._kept = {}, 0, [], []
        return operations

    def _intent(self, lane: str, rule: Rule, allowed: bool, events: Sequence[Stored]) -> Intent:
        recipient = self._subscription.recipient
        return Intent(
            recipient.name,
            self._subscription.id,
            lane,
            rule,
            allowed,
            tuple(contract.version for contract in recipient.contracts),
            tuple(stored.at for stored in events),
            tuple({person for stored in events for person in stored.about}),
        )
