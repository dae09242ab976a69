"""One lane of one subscription on its way through the log (docs/architecture.md, Delivery).

read -> decide -> intent durable -> permit and first byte -> outcome -> cursor. Order holds per key: at most one event
of a key is on its way. An event that fails parks its key: later events of that key wait behind it, while the events of
all other keys are delivered. Every change of memory goes to the journal in the same turn.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from hub.bus.base import LogUnavailable, Place, Position, Stored
from hub.delivery.base import Attempt, Outcome, Result, Sink
from hub.delivery.journal import Journal
from hub.delivery.letters import dead_letter
from hub.delivery.parking import EVENT, STATE, ParkedKey, Parking
from hub.delivery.parts import Parts
from hub.delivery.reachability import Down, Reachability
from hub.delivery.reading import Reader
from hub.delivery.retries import DECISION_DELAY_S, next_delay_s
from hub.delivery.standing import Standing
from hub.delivery.window import Item, Window
from hub.delivery.workers import Workers
from hub.pauses import until_it_works
from hub.privacy.base import Decision, PermitRefused, Rule
from hub.privacy.telling import LIVE
from hub.store import attempts, cursors, parked
from hub.store.base import Operation
from hub.subscriptions.matching import Matcher
from hub.subscriptions.model import Subscription

if TYPE_CHECKING:
    from hub.spans import Delivering, Spans

WINDOW: Final = 1024  # open deliveries of the live lane
LANE_WINDOW: Final = 64  # open deliveries of a replay's or resend's lane
PAGE: Final = 64  # events decided on in one turn: the event loop is shared
MAX_PARKED: Final = 10_000
GRACE_S: Final = 5.0  # how long attempts under way may take when a follower stops

log = logging.getLogger(__name__)


class Follower:
    """Delivers one lane.

    `ended(result, reason)` is called once, when a person or the registry must act; `progressed()` after every change
    for which another task may wait; `died()` for each dead letter.
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
        self._teller = parts.telling.to(subscription.recipient, subscription.id, self._matcher)
        self._journal = Journal(parts.store, self._cursor, progressed)
        self._window = Window()
        self._most_open = WINDOW if lane == LIVE else LANE_WINDOW
        self._reopening: tuple[Place, ...] = ()  # open when the hub stopped, and not yet decided on again
        self._parking = Parking(
            parts.tenant, subscription.id, lane, parts.clock, was_state=reader.was_state, ripe=self._ripe,
            woken=self._pump,
        )  # fmt: skip
        self._recipient = Reachability(parts.clock, parts.dice, self._probe)
        self._workers = Workers(
            self._window.ready, self._attempt, slots=self._slots, rested=self._rested, ended=self._ended_task
        )  # fmt: skip
        self._reading: asyncio.Task[None] | None = None
        self._room = asyncio.Event()
        self._stop = asyncio.Event()
        self._revoked = False
        self.standing = Standing(reader, self._window, self._parking, self._journal)

    # -- life ---------------------------------------------------------------------------------------------------

    def restore(self, rows: Iterable[tuple[parked.Parked, Sequence[int]]]) -> None:
        """Restore the parked keys from the store. Before `start`."""
        self._parking.restore(rows)

    async def start(self, open_places: Sequence[Place] = ()) -> None:
        """Decide again on the events that were open when the hub stopped, then read on."""
        if open_places:
            self._reopening = tuple(open_places)
            get, was_state = self._parts.log.get, self._reader.was_state
            states = await get([place for place in open_places if was_state(place)], state=True)
            events = await get([place for place in open_places if not was_state(place)])
            await self._take((states, True), (events, False))
        self.standing.started = True
        self._parking.wake()
        self._reading = asyncio.get_running_loop().create_task(self._read(), name="read")
        self._reading.add_done_callback(self._ended_task)

    async def stop(self, *, save_s: float | None = None) -> None:
        """Stop in order: attempts under way get a moment to finish; the cursor lists those that did not.

        `save_s` bounds the last save, for the end of the process. Without it `stop` waits until the store can write:
        otherwise a connector whose state in memory is newer than the store's would handle its last events again.
        """
        self._halt()
        self._recipient.stop()
        await self._workers.stop(GRACE_S)
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        try:
            await asyncio.wait_for(self._journal.flush(), save_s)
        except TimeoutError:
            log.error("subscription %s: the cursor could not be saved before the stop", self.subscription.id)
        self._journal.close()
        await self._sink.close()

    def revoke(self) -> None:
        """Send nothing more, from this turn on: the subscription was changed, paused or deleted. `stop` comes next."""
        self._revoked = True
        self._halt()

    def look_again(self) -> None:
        """Check again whether to wait: the reason may be gone."""
        self._room.set()

    @property
    def holding(self) -> bool:
        """Whether deliveries are held because the recipient as a whole fails."""
        return self._recipient.holding

    @property
    def held(self) -> bool:
        """As `holding`, also while one attempt probes whether the recipient is back."""
        return self._recipient.held

    @property
    def down(self) -> Down | None:
        """Since when and why the recipient as a whole fails; None while it answers."""
        return self._recipient.down

    @property
    def waits(self) -> bool:
        """Whether the subscription waits as a whole for the directory's first load."""
        return self._parts.waits(self.subscription)

    @property
    def position(self) -> Position | None:
        """Up to where it has read; None while it reads the state."""
        return self._reader.position

    # -- reading ------------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        while not self._stop.is_set():
            if self._crowded():
                self._room.clear()
                await self._room.wait()
                continue
            if self._reader.behind:
                self._parts.problem(self.subscription.id, "behind", self.lane)
            found = await until_it_works(
                partial(self._reader.next, min(PAGE, self._most_open - len(self._window))), clock=self._parts.clock,
                failed=self._log_away, retry_on=(LogUnavailable,),
            )  # fmt: skip
            if self._stop.is_set():
                return
            if found.events:
                await self._take((found.events, found.state), accept=True)
                continue
            if self._reader.accept():  # the reader moved past trimmed events, or past the end of the state
                self._journal.touch()
                continue
            self.standing.idle = True
            self._progressed()
            if self._reader.done:
                return
            await self._reader.wait()
            self.standing.idle = False

    def _log_away(self, error: Exception, pause_s: float) -> None:
        log.error("subscription %s: the log can't be read; next try in %.1f s", self.subscription.id, pause_s)

    def _crowded(self) -> bool:
        """Whether to stop reading for now: enough events wait, the recipient is down, or too many keys are parked."""
        return (
            len(self._window.ready) >= max(PAGE, 4 * self._sink.concurrency)
            or len(self._window) >= self._most_open
            or self._recipient.holding
            or len(self._parking) >= MAX_PARKED
            or self._parts.waits(self.subscription)
        )

    async def _take(self, *groups: tuple[Sequence[Stored], bool], accept: bool = False) -> None:
        """Decide on events in one turn, make the decisions durable, then release the permitted ones.

        A group: some events, and whether each of them stands for its entity as it is.
        """
        items: list[Item] = []
        allowed: list[Decision] = []
        operations: list[Operation] = []
        ledger, window, lane = self._teller.ledger(), self._window, self.lane
        for events, state in groups:
            for stored in events:
                if not self._matcher.may_match(stored) or stored.at in window:
                    continue
                key = self._key(stored)
                blocked = self._parking.get(key)
                if blocked is not None:
                    operations.append(self._parking.wait_behind(blocked, stored.at))
                    continue
                item = Item(stored, key, state=state)
                decision = ledger.judge(stored, state=state, lane=lane)
                if decision.allowed:
                    allowed.append(decision)
                    item.decision = decision
                elif (
                    decision.rule is not Rule.UNDECIDED
                ):  # the turn of an undecided event comes later; it then parks its key
                    continue
                items.append(item)
                window.add(item)
            if events:
                self.standing.read_us = events[-1].accepted_us
        self._reopening = ()
        if accept:
            self._reader.accept()
        ledger.disclose(allowed, lane)
        operations += ledger.operations()
        if operations or items:
            await self._journal.add(*operations)
            window.intend(items)
            self._pump()
        else:
            self._journal.touch()

    # -- attempts -----------------------------------------------------------------------------------------------

    def _slots(self) -> int:
        if self._stop.is_set() or not self.standing.started:
            return 0
        return self._recipient.slots(self._sink.concurrency)

    def _pump(self) -> None:
        self._workers.pump()
        if not self._room.is_set() and not self._crowded():
            self._room.set()

    def _rested(self) -> None:
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
            lane = None if self.lane == LIVE else self.lane
            number = 1 if item.parked is None else item.parked.attempts + 1
            span = None if self._parts.spans is None else self._span(self._parts.spans, sent, number, lane)
            attempt = Attempt(
                stored=sent,
                delivery_id=self._parts.delivery_id(self.subscription.id, sent),
                number=number,
                permit=partial(self._permit, item.decision, lane),
                lane=lane,
                traceparent="" if span is None else span.traceparent,
            )
            began = self._parts.clock.monotonic()
            try:
                outcome = await self._sink.deliver(attempt)
            except PermitRefused:
                if self._revoked:
                    return  # the event stays open, or parked, for the follower that comes next
                item.decision, item.intended = None, False
                continue
            except Exception as error:  # a bug in the sink must not end the follower
                log.error("the sink of %s failed: %s", self.subscription.id, type(error).__name__)
                outcome = Outcome(Result.RETRY, f"sink-{type(error).__name__}")
            if span is not None:
                span.ended(outcome.result, outcome.reason, outcome.status)
            self._count(item, outcome)
            if outcome.result is not Result.DELIVERED:
                self._journal.attach(self._failure(item, attempt, outcome, self._parts.clock.monotonic() - began))
            self._settle(item, outcome)
            return

    def _span(self, spans: "Spans", sent: Stored, number: int, lane: str | None) -> "Delivering":
        return spans.delivering(
            sent.body, id=sent.id, type=sent.type, subscription=self.subscription.id,
            connector=self.subscription.sink["kind"] == "connector", number=number, lane=lane,
        )  # fmt: skip

    def _permit(self, decision: Decision, lane: str | None) -> bytes:
        if self._revoked:
            raise PermitRefused
        return self._teller.permit(decision, lane)

    async def _load(self, item: Item, key: ParkedKey) -> bool:
        """Fetch a parked key's event. False: the log is away, or has trimmed the event, which becomes a dead letter."""
        try:
            found = await self._parts.log.get([key.place], state=key.cause == STATE)
        except LogUnavailable:
            self._postpone(key, "log-unavailable", DECISION_DELAY_S)
            return False
        if not found:
            self._journal.add(self._give_up(None, key.place, "trimmed", key), *self._parking.advance(key))
            return False
        item.stored = found[0]
        item.state = key.cause == STATE
        return True

    async def _decide_again(self, item: Item) -> bool:
        """Decide now and make the intent durable. False if the event does not leave now."""
        ledger = self._teller.ledger()
        decision = ledger.judge(item.stored, state=item.state, lane=self.lane)
        if decision.rule is Rule.UNDECIDED:
            if item.parked is not None:
                self._postpone(item.parked, "decision", DECISION_DELAY_S)
            else:
                self._park(item, "decision", DECISION_DELAY_S)
            return False
        if not decision.allowed:
            self._journal.add(*ledger.operations(), *self._close(item))
            return False
        ledger.disclose([decision], self.lane)
        item.decision = decision
        await self._journal.add(*ledger.operations())
        item.intended = True
        return True

    # -- outcomes -----------------------------------------------------------------------------------------------

    def _settle(self, item: Item, outcome: Outcome) -> None:
        """Apply the outcome of an attempt, in one turn with its journal entries."""
        self._note_reachability(outcome)
        match outcome.result:
            case Result.DELIVERED:
                operations = [*outcome.operations, *self._close(item)]
                if operations:
                    durable = self._journal.add(*operations)
                    if outcome.on_stored is not None:
                        on_stored = outcome.on_stored
                        durable.add_done_callback(lambda done: None if done.cancelled() else on_stored())
                else:
                    self._journal.touch()
            case Result.RETRY:
                if item.parked is not None:
                    self._fail_again(item, item.parked, outcome)
                else:
                    delay = next_delay_s(1, outcome.retry_after_s, self._parts.dice)
                    assert delay is not None
                    self._park(item, outcome.reason, delay, counted=True)
            case Result.DEAD:
                letter = self._give_up(_sent(item), item.stored.at, outcome.reason, item.parked)
                self._journal.add(letter, *self._close(item))
            case Result.GONE | Result.MISCONFIGURED:
                # The event stays open (or parked): nothing is lost if the subscription is resumed.
                if item.parked is not None:
                    self._postpone(item.parked, outcome.reason, DECISION_DELAY_S)
                self._end(outcome.result, outcome.reason)
        self._pump()

    def _note_reachability(self, outcome: Outcome) -> None:
        """Note whether the recipient as a whole can be reached."""
        if not outcome.recipient_down:
            if self._recipient.answered():
                self._parking.hasten()
        elif self._recipient.failed(outcome.retry_after_s, self._parking.since(), outcome.reason):
            self._end(Result.MISCONFIGURED, "failing")

    def _probe(self) -> None:
        """Make one attempt with the next event; if there is none, with the parked key that is due first."""
        if not self._window.ready:
            self._parking.probe()
        self._parking.wake()
        self._room.set()

    def _end(self, result: Result, reason: str) -> None:
        if not self._stop.is_set():
            self._halt()
            self._ended(result, reason)

    def _halt(self) -> None:
        """Begin no new reading and no new attempts."""
        self._stop.set()
        self._parking.stop()
        self._room.set()

    def _close(self, item: Item) -> list[Operation]:
        """End the event: the next event of its key has its turn. Returns the store operations."""
        if item.parked is not None:
            return self._parking.advance(item.parked)
        self._window.close(item)
        return []

    # -- parked keys --------------------------------------------------------------------------------------------

    def _park(self, item: Item, reason: str, delay_s: float, *, counted: bool = False) -> None:
        """Park an event after its first failure: its key's events move from the window to rows of the store.

        `counted`: the failure was an attempt at the recipient.
        """
        _, *waiting = self._window.remove(item.key)
        operations = self._parking.park(
            item.key,
            item.stored.at,
            STATE if item.state else EVENT,
            counted=counted,
            delay_s=delay_s,
            reason=reason,
            waiting=waiting,
        )
        self._journal.add(*operations)
        if len(self._parking) >= MAX_PARKED:
            self._end(Result.MISCONFIGURED, "too-many-parked")

    def _fail_again(self, item: Item, key: ParkedKey, outcome: Outcome) -> None:
        left = (key.due - self._parts.clock.utc()).total_seconds()
        if item.early and left > 0:  # a probe: it does not count, and the next try keeps its time
            self._postpone(key, outcome.reason, left)
            return
        delay = next_delay_s(key.attempts + 1, outcome.retry_after_s, self._parts.dice)
        if delay is None:
            letter = self._give_up(_sent(item), key.place, outcome.reason, key)
            self._journal.add(letter, *self._parking.advance(key))
        else:
            self._postpone(key, outcome.reason, delay, counted=True)

    def _postpone(self, key: ParkedKey, reason: str, delay_s: float, *, counted: bool = False) -> None:
        self._journal.add(self._parking.postpone(key, reason, delay_s, counted=counted))

    def _ripe(self, key: ParkedKey, early: bool) -> None:
        self._window.ready.append(Item(_NOT_LOADED, key.key, parked=key, early=early))

    # -- rows ---------------------------------------------------------------------------------------------------

    def _cursor(self) -> Operation:
        row = cursors.Cursor(
            subscription=self.subscription.id, lane=self.lane, position=self._reader.pack(),
            open=(*self._window, *self._reopening), accepted_us=self.standing.read_us,
        )  # fmt: skip
        return cursors.save(self._parts.tenant, row)

    def _count(self, item: Item, outcome: Outcome) -> None:
        if outcome.result is not Result.DELIVERED:
            self._parts.count(self.subscription.id, "failed")
        elif self.lane == LIVE:
            latency_us = self._parts.clock.utc_us() - item.stored.accepted_us
            self._parts.delivered(self.subscription.id, max(0.0, latency_us / 1_000_000))
        else:
            self._parts.delivered(self.subscription.id, None)

    def _failure(self, item: Item, attempt: Attempt, outcome: Outcome, took_s: float) -> Operation:
        """The row of a failed attempt, for the commit that holds what follows from the failure."""
        sent = attempt.stored  # the event that the recipient may get, which may be an earlier one of the entity
        row = attempts.FailedAttempt(
            subscription=self.subscription.id, lane=self.lane, place=item.stored.at, event_id=sent.id,
            source=sent.source, type=sent.type, number=attempt.number, at=self._parts.clock.utc(), took_s=took_s,
            result=outcome.result, reason=outcome.reason, status=outcome.status,
        )  # fmt: skip
        return attempts.add(self._parts.tenant, row)

    def _give_up(self, stored: Stored | None, at: Place, reason: str, key: ParkedKey | None) -> Operation:
        self._died()
        self._parts.count(self.subscription.id, "dead")
        return dead_letter(
            self._parts,
            subscription=self.subscription.id,
            lane=self.lane,
            stored=stored,
            at=at,
            reason=reason,
            key=key,
        )

    def _key(self, stored: Stored) -> bytes:
        return self._parts.key_of(stored)

    def _ended_task(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            # A bug of the hub: pausing keeps and shows the undelivered events; going on might lose or reorder them.
            log.error("follower of %s stopped", self.subscription.id, exc_info=error)
            self._end(Result.MISCONFIGURED, f"fault-{type(error).__name__}")


def _sent(item: Item) -> Stored:
    """The event that the recipient may get: of a state perhaps an earlier event, since the last change is withheld."""
    return item.stored if item.decision is None else item.decision.stored


# Stands for a parked key's event until `_load` has fetched it.
_NOT_LOADED: Final = Stored(
    at=Place(0), type="", source="", id="", subject="", key="", entity=None, about=(), organisations=(), extras=False,
    accepted_us=0, body=b"",
)  # fmt: skip
