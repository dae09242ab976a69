"""One lane of one subscription on its way through the log (docs/architecture.md, Delivery).

read -> decide -> intent durable -> permit and first byte -> outcome -> cursor. Order holds per key: of one key at
most one event is on its way; one that fails parks its key, and what comes after it for that key waits behind it,
while all other keys flow on. Everything that changes here is told to the journal in the same turn.
"""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import blake2b
from typing import Any, Final

from hub.bus.base import Log, LogUnavailable, Place, Position, Stored
from hub.clock import Clock, from_us
from hub.delivery.base import Attempt, Outcome, Result, Sink
from hub.delivery.journal import Journal
from hub.delivery.parking import EVENT, STATE, ParkedKey, Parking
from hub.delivery.readers import Reader
from hub.delivery.retries import DECISION_DELAY_S, HOLD_AFTER, hold_s, next_delay_s
from hub.privacy.base import Decision, Gate, Intent, PermitRefused, Rule
from hub.privacy.disclosures import Disclosures
from hub.privacy.withheld import WithheldMarks
from hub.store import cursors, dead_letters, parked
from hub.store.base import Operation, Store
from hub.subscriptions.matching import Matcher
from hub.subscriptions.model import Subscription

LIVE: Final = "live"
WINDOW: Final = 1024  # open deliveries of one follower
PAGE: Final = 64  # events taken in one turn: the event loop is shared
MAX_PARKED: Final = 10_000
GRACE_S: Final = 5.0  # how long attempts under way may take when a follower stops
GIVE_UP_S: Final = 72 * 3600.0  # a recipient that has failed without a break for so long is paused

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """What every follower works with."""

    tenant: str
    log: Log
    store: Store
    gate: Gate
    disclosures: Disclosures
    withheld: WithheldMarks
    clock: Clock
    dice: random.Random
    id_key: bytes  # delivery ids are keyed with it, so that they tell nothing of the event
    problem: Callable[[str, str, str], None] = lambda where, code, detail: None  # for the operator
    waits: Callable[[Subscription], bool] = lambda subscription: False  # it must wait as a whole at its cursor


@dataclass(slots=True, eq=False)
class Item:
    """An event that is permitted (as far as is known) and not yet done with."""

    stored: Stored
    key: bytes
    decision: Decision | None = None  # None: to be decided when its turn comes
    intended: bool = False  # its intent is durable
    state: bool = False  # it stands for its entity as it is
    early: bool = False  # a parked key's, tried before its time to see whether the recipient is back
    parked: ParkedKey | None = None


class Follower:
    """Delivers one lane.

    `ended(result, reason)` is called once, when a person or the registry must act; `progressed()` when something that
    others may wait for has changed; `died()` with each dead letter.
    """

    def __init__(
        self,
        parts: Parts,
        subscription: Subscription,
        sink: Sink,
        reader: Reader,
        *,
        lane: str = LIVE,
        ended: Callable[[Result, str], None],
        progressed: Callable[[], None] = lambda: None,
        died: Callable[[], None] = lambda: None,
    ) -> None:
        self.subscription = subscription
        self.lane = lane
        self._parts = parts
        self._sink = sink
        self._reader = reader
        self._ended = ended
        self._progressed = progressed
        self._died = died
        self._matcher = Matcher(subscription)
        self._journal = Journal(parts.store, self._cursor, progressed)
        self._open: dict[Place, Item] = {}
        self._reopening: tuple[Place, ...] = ()  # open when the hub stopped, and not yet decided anew
        self._queues: dict[bytes, deque[Item]] = {}
        self._ready: deque[Item] = deque()
        self._parking = Parking(
            parts.tenant, subscription.id, lane, parts.clock, ripe=self._ripe, woken=self._pump
        )  # fmt: skip
        self._tasks: set[asyncio.Task[None]] = set()
        self._workers = 0
        self._starting = 0  # workers that have not yet run
        self._room = asyncio.Event()
        self._stop = asyncio.Event()
        self._streak = 0  # failures in a row of the recipient as a whole
        self._down_since: datetime | None = None
        self._hold: asyncio.TimerHandle | None = None
        self._reading_us = 0  # acceptance time of the newest event taken
        self._started = False
        self.idle = False  # everything that is there has been read

    # -- life ---------------------------------------------------------------------------------------------------

    def restore(self, rows: Iterable[tuple[parked.Parked, Sequence[int]]]) -> None:
        """Take up the parked keys that the store kept. Before `start`."""
        self._parking.restore(rows)

    async def start(self, open_places: Sequence[Place] = ()) -> None:
        """Decide anew what was open when the hub stopped, then read on."""
        if open_places:
            self._reopening = tuple(open_places)
            state = self._reader.state
            await self._take(await self._parts.log.get(open_places, state=state), state=state)
        self._started = True
        self._parking.wake()
        self._spawn(self._read())

    async def stop(self, *, save_s: float | None = None) -> None:
        """End in order: what is on its way gets a moment to come home; the cursor says what did not.

        `save_s` bounds the last save, for the end of the process. Without it this waits until the store takes it: a
        connector's state is ahead in memory, and its events would be handled again on top of that.
        """
        self._halt()
        if self._hold is not None:
            self._hold.cancel()
        busy = [task for task in self._tasks if task.get_name() == "attempt"]
        if busy:
            await asyncio.wait(busy, timeout=GRACE_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            await asyncio.wait_for(self._journal.flush(), save_s)
        except TimeoutError:
            log.error("subscription %s: the cursor could not be saved before the stop", self.subscription.id)
        self._journal.close()
        await self._sink.close()

    def look_again(self) -> None:
        """What made it wait may be over."""
        self._room.set()

    # -- what others may ask ------------------------------------------------------------------------------------

    @property
    def open(self) -> int:
        return len(self._open)

    @property
    def parked(self) -> int:
        return len(self._parking)

    @property
    def holding(self) -> bool:
        return self._hold is not None

    @property
    def finished(self) -> bool:
        """A lane that has an end has come to it."""
        return self._started and self._reader.done and not self._open and not self._parking

    def settled(self, head: Position) -> bool:
        """Nothing up to `head` is left to do now, and all of it is durable; keys that wait for a try do not count."""
        return self._reader.reached(head) and not self._open and not self._parking.active() and self._journal.resting

    def tried(self, head: Position) -> bool:
        """Every event up to `head` has been delivered, has ended, or waits for its next try."""
        return (
            self._reader.reached(head)
            and not any(head.covers(place) for place in self._open)
            and not self._parking.active(head)
        )

    def handled(self, head: Position) -> bool:
        """Every event up to `head` has been delivered or has ended: none is open, parked or waiting."""
        return self.tried(head) and not self._parking.holds(head)

    def oldest_undelivered(self) -> datetime | None:
        """Acceptance time of the oldest event that has not reached the recipient; None if all have."""
        oldest = min((item.stored.accepted_us for item in self._open.values()), default=None)
        since = self._parking.since()
        found = [from_us(oldest)] if oldest is not None else []
        found += [since] if since is not None else []
        if not self.idle and self._reading_us:
            found.append(from_us(self._reading_us))
        return min(found, default=None)

    # -- reading ------------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        while not self._stop.is_set():
            if self._crowded():
                self._room.clear()
                await self._room.wait()
                continue
            if self._reader.behind:
                self._parts.problem(self.subscription.id, "behind", self.lane)
            try:
                events = await self._reader.next(min(PAGE, WINDOW - len(self._open)))
            except LogUnavailable:
                await self._parts.clock.sleep(1.0)
                continue
            if self._stop.is_set():
                return
            if events:
                await self._take(events, state=self._reader.state, accept=True)
                continue
            before = self._reader.pack()
            self._reader.accept()
            if self._reader.pack() != before:  # what was there had been trimmed, or another phase begins
                self._journal.touch()
                continue
            self.idle = True
            self._progressed()
            if self._reader.done:
                return
            await self._reader.wait()
            self.idle = False

    def _crowded(self) -> bool:
        """Whether to stop reading for now: enough is at hand, the recipient is down, or too many keys are parked."""
        return (
            len(self._ready) >= max(PAGE, 4 * self._sink.concurrency)
            or len(self._open) >= WINDOW
            or self._hold is not None
            or len(self._parking) >= MAX_PARKED
            or self._parts.waits(self.subscription)
        )

    async def _take(self, events: Sequence[Stored], *, state: bool = False, accept: bool = False) -> None:
        """Decide on events in one turn, make the decisions durable, then let them go."""
        items: list[Item] = []
        operations: list[Operation] = []
        judged: dict[tuple[Rule, bool], list[Decision]] = {}
        for stored in events:
            if not self._matcher.may_match(stored) or stored.at in self._open:
                continue
            key = self._key(stored)
            blocked = self._parking.get(key)
            if blocked is not None:
                operations.append(self._parking.wait_behind(blocked, stored.at))
                continue
            item = Item(stored, key, state=state)
            decision = self._decide(stored, state)
            if decision is not None:
                judged.setdefault((decision.rule, decision.allowed), []).append(decision)
                if decision.withheld:
                    operations.append(self._parts.withheld.mark(decision.withheld))
                if not decision.allowed:
                    continue
                item.decision = decision
            items.append(item)
            self._open[stored.at] = item
            self._queues.setdefault(key, deque()).append(item)
        self._reopening = ()
        if events:
            self._reading_us = events[-1].accepted_us
        if accept:
            self._reader.accept()
        if judged:
            intents = [self._intent(rule, allowed, decisions) for (rule, allowed), decisions in judged.items()]
            operations.append(self._parts.disclosures.record(intents))
        if operations or items:
            await self._journal.add(*operations)
            for item in items:
                item.intended = True
                queue = self._queues.get(item.key)
                if queue and queue[0] is item:
                    self._ready.append(item)
            self._pump()
        else:
            self._journal.touch()

    def _decide(self, stored: Stored, state: bool) -> Decision | None:
        """The gate's decision with the subscription's own filter on what is left; None if deciding failed."""
        try:
            decision = self._parts.gate.decide(stored, self.subscription.recipient, state=state)
            wanted = self._matcher.filter
            if decision.stored is not stored and not self._matcher.matches(decision.stored):
                decision.allowed, decision.rule, decision.content = False, Rule.FILTER, None
            if wanted is not None and decision.content is not None and not wanted(decision.content):
                decision.allowed, decision.rule, decision.content = False, Rule.FILTER, None
            return decision
        except Exception as error:
            log.error("deciding on an event failed: %s; its key is tried again", type(error).__name__)
            return None

    # -- attempts -----------------------------------------------------------------------------------------------

    def _slots(self) -> int:
        if self._stop.is_set() or self._hold is not None or not self._started:
            return 0
        return 1 if self._streak >= HOLD_AFTER else self._sink.concurrency

    def _pump(self) -> None:
        while self._starting < len(self._ready) and self._workers < self._slots():
            self._workers += 1
            self._starting += 1
            self._spawn(self._work(), "attempt")
        if not self._room.is_set() and not self._crowded():
            self._room.set()

    async def _work(self) -> None:
        self._starting -= 1
        try:
            while self._ready and self._workers <= self._slots():
                await self._attempt(self._ready.popleft())
        finally:
            self._workers -= 1
        if not self._stop.is_set():
            self._pump()
            self._progressed()

    async def _attempt(self, item: Item) -> None:
        if item.parked is not None and not await self._load(item, item.parked):
            return
        while True:
            if (item.decision is None or not item.intended) and not await self._decide_again(item):
                return
            assert item.decision is not None
            sent = item.decision.stored
            attempt = Attempt(
                sent,
                self.delivery_id(sent),
                1 if item.parked is None else item.parked.attempts + 1,
                partial(self._parts.gate.permit, item.decision, None if self.lane == LIVE else self.lane),
                None if self.lane == LIVE else self.lane,
            )
            try:
                outcome = await self._sink.deliver(attempt)
            except PermitRefused:
                item.decision, item.intended = None, False
                continue
            except Exception as error:  # a fault of the sink's own must not end the follower
                log.error("sink of %s failed: %s", self.subscription.id, type(error).__name__)
                outcome = Outcome(Result.RETRY, f"sink-{type(error).__name__}")
            self._settle(item, outcome)
            return

    async def _load(self, item: Item, key: ParkedKey) -> bool:
        """Fetch a parked key's event. False if the log no longer has it: dead letter, and the key goes on."""
        try:
            found = await self._parts.log.get([key.place], state=key.cause == STATE)
        except LogUnavailable:
            self._postpone(key, "log-unavailable", DECISION_DELAY_S)
            return False
        if not found:
            self._journal.add(self._dead_letter(None, key.place, "trimmed", key), *self._parking.advance(key))
            return False
        item.stored = found[0]
        item.state = key.cause == STATE
        return True

    async def _decide_again(self, item: Item) -> bool:
        """A decision of this moment and its intent. False if the event does not go out now."""
        decision = self._decide(item.stored, item.state)
        if decision is None:
            if item.parked is not None:
                self._postpone(item.parked, "decision", DECISION_DELAY_S)
            else:
                self._park(item, Outcome(Result.RETRY, "decision"), count=False)
            return False
        operations = [self._parts.withheld.mark(decision.withheld)] if decision.withheld else []
        intent = self._intent(decision.rule, decision.allowed, [decision])
        operations.append(self._parts.disclosures.record([intent]))
        if not decision.allowed:
            self._journal.add(*operations, *self._close(item))
            return False
        item.decision = decision
        await self._journal.add(*operations)
        item.intended = True
        return True

    # -- outcomes -----------------------------------------------------------------------------------------------

    def _settle(self, item: Item, outcome: Outcome) -> None:
        """What follows from an attempt: in one turn, told to the journal."""
        self._feel(outcome)
        match outcome.result:
            case Result.DELIVERED:
                operations = [*outcome.operations, *self._close(item)]
                if operations:
                    durable = self._journal.add(*operations)
                    if outcome.on_stored is not None:
                        told = outcome.on_stored
                        durable.add_done_callback(lambda done: None if done.cancelled() else told())
                else:
                    self._journal.touch()
            case Result.RETRY:
                if item.parked is not None:
                    self._fail_again(item, item.parked, outcome)
                else:
                    self._park(item, outcome)
            case Result.DEAD:
                letter = self._dead_letter(item.stored, item.stored.at, outcome.reason, item.parked)
                self._journal.add(letter, *self._close(item))
            case Result.GONE | Result.MISCONFIGURED:
                # It stays open (or parked): nothing is lost if the subscription is taken up again.
                if item.parked is not None:
                    self._postpone(item.parked, outcome.reason, DECISION_DELAY_S)
                self._end(outcome.result, outcome.reason)
        self._pump()

    def _feel(self, outcome: Outcome) -> None:
        """Is the recipient as a whole there? After some failures in a row it is left in peace, then probed."""
        if not outcome.recipient_down:
            if self._streak >= HOLD_AFTER:
                self._parking.hasten()
            self._streak, self._down_since = 0, None
            return
        now = self._parts.clock.utc()
        if self._hold is None:  # what was on its way when the hold began tells nothing new
            self._streak += 1
        self._down_since = self._down_since or self._parking.since() or now
        if (now - self._down_since).total_seconds() >= GIVE_UP_S:
            self._end(Result.MISCONFIGURED, "failing")
        elif self._streak >= HOLD_AFTER and self._hold is None:
            delay = hold_s(self._streak, outcome.retry_after_s, self._parts.dice)
            self._hold = asyncio.get_running_loop().call_later(delay, self._probe)

    def _probe(self) -> None:
        """One attempt with whatever is at hand; with nothing new, the parked key that is due first."""
        self._hold = None
        if not self._ready:
            self._parking.probe()
        self._parking.wake()
        self._room.set()

    def _end(self, result: Result, reason: str) -> None:
        if not self._stop.is_set():
            self._halt()
            self._ended(result, reason)

    def _halt(self) -> None:
        """Nothing new begins."""
        self._stop.set()
        self._parking.stop()
        self._room.set()

    def _close(self, item: Item) -> list[Operation]:
        """The event is done with; the next of its key may go."""
        if item.parked is not None:
            return self._parking.advance(item.parked)
        del self._open[item.stored.at]
        queue = self._queues[item.key]
        queue.popleft()
        if not queue:
            del self._queues[item.key]
        elif queue[0].intended:
            self._ready.append(queue[0])
        return []

    # -- parked keys --------------------------------------------------------------------------------------------

    def _park(self, item: Item, outcome: Outcome, *, count: bool = True) -> None:
        """The first failure: the key's events leave the window and wait in rows."""
        delay = next_delay_s(1, outcome.retry_after_s, self._parts.dice) if count else DECISION_DELAY_S
        assert delay is not None
        queue = self._queues.pop(item.key)
        waiting = [queued.stored.at for queued in queue][1:]
        for queued in queue:
            del self._open[queued.stored.at]
        operations = self._parking.park(
            item.key,
            item.stored.at,
            STATE if item.state else EVENT,
            counted=count,
            delay_s=delay,
            reason=outcome.reason,
            waiting=waiting,
        )
        self._journal.add(*operations)
        if len(self._parking) >= MAX_PARKED:
            self._end(Result.MISCONFIGURED, "too-many-parked")

    def _fail_again(self, item: Item, key: ParkedKey, outcome: Outcome) -> None:
        left = (key.due - self._parts.clock.utc()).total_seconds()
        if item.early and left > 0:  # only to look: it has its tries still, at their times
            self._postpone(key, outcome.reason, left)
            return
        delay = next_delay_s(key.attempts + 1, outcome.retry_after_s, self._parts.dice)
        if delay is None:
            key.attempts += 1
            self._journal.add(
                self._dead_letter(item.stored, key.place, outcome.reason, key, counted=True),
                *self._parking.advance(key),
            )
        else:
            self._postpone(key, outcome.reason, delay, counted=True)

    def _postpone(self, key: ParkedKey, reason: str, delay_s: float, *, counted: bool = False) -> None:
        self._journal.add(self._parking.postpone(key, reason, delay_s, counted=counted))

    def _ripe(self, key: ParkedKey, early: bool) -> None:
        self._ready.append(Item(_NOT_LOADED, key.key, parked=key, early=early))

    # -- rows ---------------------------------------------------------------------------------------------------

    def _cursor(self) -> Operation:
        row = cursors.Cursor(
            self.subscription.id, self.lane, self._reader.pack(), (*self._open, *self._reopening), self._reading_us
        )  # fmt: skip
        return cursors.save(self._parts.tenant, row)

    def _dead_letter(
        self, stored: Stored | None, at: Place, reason: str, key: ParkedKey | None, *, counted: bool = False
    ) -> Operation:
        now = self._parts.clock.utc()
        attempts = 1 if key is None else key.attempts + (not counted)
        letter = dead_letters.DeadLetter(
            id=dead_letters.new_id(now),
            subscription=self.subscription.id,
            lane=self.lane,
            place=at,
            event_id="" if stored is None else stored.id,
            source="" if stored is None else stored.source,
            type="" if stored is None else stored.type,
            reason=reason,
            attempts=attempts,
            first_at=now if key is None else key.since,
            dead_at=now,
        )
        self._died()
        log.warning("subscription %s: dead letter %s (%s)", self.subscription.id, letter.id, reason)
        return dead_letters.add(self._parts.tenant, letter)

    def _intent(self, rule: Rule, allowed: bool, decisions: Sequence[Decision]) -> Intent:
        recipient = self.subscription.recipient
        return Intent(
            recipient.name,
            self.subscription.id,
            self.lane,
            rule,
            allowed,
            tuple(contract.version for contract in recipient.contracts),
            tuple(decision.stored.at for decision in decisions),
            tuple({person for decision in decisions for person in decision.stored.about}),
        )

    def _key(self, stored: Stored) -> bytes:
        return blake2b(stored.key.encode(), digest_size=12, key=self._parts.id_key).digest()

    def delivery_id(self, stored: Stored) -> str:
        """What the recipient deduplicates on: the same over retries, restarts and replays, and telling nothing."""
        name = f"{self.subscription.id}\0{stored.source}\0{stored.id}"
        return "msg_" + blake2b(name.encode(), digest_size=16, key=self._parts.id_key).hexdigest()

    def _spawn(self, work: Any, name: str = "read") -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended_task)

    def _ended_task(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # A fault of ours: pausing keeps what is undelivered and shows it; going on might lose or reorder.
            log.error("follower of %s stopped", self.subscription.id, exc_info=error)
            self._end(Result.MISCONFIGURED, f"fault-{type(error).__name__}")


_NOT_LOADED: Final = Stored(Place(0), "", "", "", "", "", None, (), (), False, 0, b"")
