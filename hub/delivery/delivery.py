"""Delivery as a whole: a follower for each lane of each subscription whose events are pushed.

Delivery follows the registry: it starts and stops followers as subscriptions are created, changed, paused or resumed.
Clients pull feeds and streams (`hub.delivery.pages`); for those this module stores only the cursor of their beginning.
"""

import asyncio
import contextlib
import itertools
import logging
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from hub.bus.base import LogUnavailable, Place, Position
from hub.clock import from_us
from hub.delivery import again
from hub.delivery.backlog import Backlog
from hub.delivery.base import PULLED, Attempt, NotFound, Outcome, Result, Sink
from hub.delivery.follower import Follower
from hub.delivery.own_order import own_order
from hub.delivery.parts import Parts
from hub.delivery.reachability import Down
from hub.delivery.reading import ReadCursor, Reader, state_kinds
from hub.delivery.retries import handshake_s
from hub.pauses import away_s, until_it_works
from hub.privacy.base import PermitRefused
from hub.privacy.telling import LIVE
from hub.registry.registry import Registry
from hub.store import acknowledged, attempts, cursors, dead_letters, lanes, parked
from hub.store.base import Operation, StoreUnavailable
from hub.subscriptions.model import Status, Subscription
from hub.tasks import Tasks
from schemas import Catalogue

MAX_LANES: Final = 4  # replays and resends of one subscription that run at a time
SAVE_S: Final = 5.0  # how long the stop of the hub waits for a store that cannot write

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """One subscription's status, for operators only: it would reveal to a subscriber what was withheld."""

    state: Status
    reason: str
    lag_s: float  # age of the oldest event that has not reached the recipient; 0 if all events have
    open: int
    parked: int
    dead: int
    holding: bool  # the recipient as a whole fails, so deliveries pause for a while
    down: Down | None  # since when and why the recipient as a whole fails; for a pending webhook, why it can't be asked
    waits: bool  # the subscription waits as a whole for the directory's first load
    waiting: int  # events that wait because nothing is delivered: paused, pending, or waiting for the directory
    lanes: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Resting:
    """A paused or pending subscription: its position (None: some deliveries are open), since when, its parked keys."""

    position: Position | None
    since: datetime
    parked: int
    backlog: Backlog
    open: int  # deliveries that were open


class Delivery:
    """`make_sink` builds a subscription's sink; `handshake` asks a webhook for its consent and returns why there is
    none; empty if it consents.
    """

    def __init__(
        self,
        parts: Parts,
        *,
        registry: Registry,
        catalogue: Catalogue,
        make_sink: Callable[[Subscription], Sink],
        handshake: Callable[[Subscription], Awaitable[str]],
    ) -> None:
        self._parts = parts
        self._registry = registry
        self._catalogue = catalogue
        self._make_sink = make_sink
        self._handshake = handshake
        self._followers: dict[tuple[str, str], Follower] = {}
        self._changes: asyncio.Queue[str] = asyncio.Queue()
        self._tasks = Tasks()
        self._shaking: dict[str, asyncio.Task[Any]] = {}
        self._progress = asyncio.Event()
        self._changed_again: set[str] = set()  # subscriptions with a change that is not applied yet
        self._agreeing: set[str] = set()  # subscriptions whose changes are being applied
        self._busy = 0  # changes that are being applied
        self._started = parts.clock.utc()
        self._starting: set[str] = set()  # subscriptions whose followers do not run yet after the hub's start
        self._resting: dict[str, _Resting] = {}  # by paused or pending subscription
        self._behind_load: dict[str, Backlog] = {}  # by subscription that waits for the directory
        self._asked: dict[str, Down] = {}  # by pending subscription: the handshakes that failed
        self._dead: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()  # by subscription: failed starts in a row
        self._sending: Counter[str] = Counter()  # by subscription: what may still send apart from its followers

    # -- life ---------------------------------------------------------------------------------------------------

    async def prepare(self) -> None:
        """Give every new subscription its cursor. Call it before anything is published, so that no event is missed."""
        known = {row.subscription for row in await self._parts.store.read(cursors.load(self._parts.tenant))}
        fresh = [each for each in self._registry.all() if each.id not in known]
        if fresh:
            await self._parts.store.commit(*(self.first_cursor(each) for each in fresh))

    async def start(self) -> None:
        """Begin to start the followers of every subscription at its cursors. They start in the background."""
        self._started = self._parts.clock.utc()
        self._dead = Counter(await self._parts.store.read(dead_letters.counts(self._parts.tenant)))
        self._starting.update(each.id for each in self._registry.all())
        self._registry.listen(self._changed)
        self._busy += 1
        self._tasks.start(self._run())

    async def stop(self) -> None:
        await self._tasks.stop()
        await asyncio.gather(*(follower.stop(save_s=SAVE_S) for follower in self._followers.values()))
        self._followers.clear()

    def first_cursor(self, subscription: Subscription) -> Operation:
        """Store where a new subscription begins. The caller commits this together with the subscription itself."""
        where = self._parts.log
        match subscription.start_from:
            case "now":
                reader = Reader(where, ReadCursor(where.head()))
            case "oldest":
                reader = Reader(where, ReadCursor(where.start()))
            case "state":
                reader = Reader.from_state(where, state_kinds(self._catalogue, subscription.types))
        row = cursors.Cursor(
            subscription=subscription.id,
            lane=LIVE,
            position=reader.pack(),
            open=(),
            accepted_us=self._parts.clock.utc_us(),
        )
        return cursors.save(self._parts.tenant, row)

    def look_again(self) -> None:
        """Ask again whether subscriptions must wait as a whole (`Parts.waits`)."""
        for follower in self._followers.values():
            follower.look_again()

    # -- what operators start -----------------------------------------------------------------------------------

    async def replay(
        self, id: str, *, since: datetime | Position | None = None, until: datetime | None = None, by: str
    ) -> str:
        """Send a stretch of the log again, in a lane of its own with new decisions; returns the lane's name.

        `since` is a time or a position (None: the oldest event in the log), `until` a time (None: now). The live cursor
        does not move. At most MAX_LANES lanes run at a time; the others wait. Raises NotFound, EmptySpan, TooManyLanes.
        """
        subscription = self._get(id)
        lane = await again.replay(self._parts, subscription, since=since, until=until, by=by)
        self._changed(subscription)
        return lane

    async def resend(self, id: str, letters: Sequence[str], *, by: str) -> Sequence[str]:
        """End dead letters and try their events again, in lanes of their own; returns the lanes' names.

        All or none of them. Raises NotFound.
        """
        subscription = self._get(id)
        found = await again.resend(self._parts, subscription, letters, by=by)
        self._dead[id] -= len(set(letters))
        self._changed(subscription)
        return found

    async def discard(self, id: str, letters: Sequence[str], *, note: str, by: str) -> None:
        """End dead letters without trying their events again, all or none of them. `note` says why. Raises NotFound."""
        await again.discard(self._parts, self._get(id), letters, note=note, by=by)
        self._dead[id] -= len(set(letters))

    async def test(self, id: str) -> Outcome:
        """Deliver a test event about no person now, without waiting for open deliveries. Raises NotFound."""
        subscription = self._get(id)
        stored = again.test_event(self._parts, subscription)

        def permit() -> bytes:
            if not self._is_current(subscription):
                raise PermitRefused
            return stored.body

        sink = self._make_sink(subscription)
        try:
            with self._may_send(id):
                return await sink.deliver(
                    Attempt(stored=stored, delivery_id=f"msg_{secrets.token_hex(16)}", number=1, permit=permit)
                )
        except PermitRefused:
            raise NotFound(id) from None
        finally:
            await sink.close()

    # -- what others ask ----------------------------------------------------------------------------------------

    def status(self, id: str) -> DeliveryStatus:
        """Raises NotFound."""
        subscription = self._get(id)
        running = [follower for (name, _), follower in self._followers.items() if name == id]
        live = self._followers.get((id, LIVE))
        waits, backlog, waiting_events = live is not None and live.waits, self._behind_load.get(id), 0
        oldest = min(filter(None, (follower.standing.oldest_undelivered() for follower in running)), default=None)
        waiting = sum(follower.standing.parked for follower in running)
        if not running and id in self._resting:
            resting = self._resting[id]
            waiting = resting.parked
            backlog, waiting_events = resting.backlog, resting.backlog.events + resting.open
            if waiting or resting.position is None:
                oldest = resting.since
            elif not resting.position.reached(self._parts.log.head()):
                # While the log is being counted, the age is the longest that it can be.
                oldest = backlog.oldest if backlog.counted or backlog.oldest else resting.since
        elif waits and backlog is not None:
            waiting_events = backlog.events
            oldest = min(filter(None, (oldest, backlog.oldest)), default=None)
        elif id in self._starting:
            oldest = self._started  # its follower does not run yet: events may wait
        lag_s = 0.0 if oldest is None else max(0.0, (self._parts.clock.utc() - oldest).total_seconds())
        return DeliveryStatus(
            state=subscription.status,
            reason=subscription.reason,
            lag_s=lag_s,
            open=sum(follower.standing.open for follower in running),
            parked=waiting,
            dead=self._dead[id],
            holding=any(follower.held for follower in running),
            down=self._asked.get(id) or next((found for each in running if (found := each.down)), None),
            waits=waits,
            waiting=waiting_events,
            lanes=[follower.lane for follower in running if follower.lane != LIVE],
        )

    async def count_waiting(self) -> None:
        """Count what has come for subscriptions to which nothing is delivered now. `status` shows what was counted."""
        log = self._parts.log
        waiting = {id: each for (id, lane), each in self._followers.items() if lane == LIVE and each.waits}
        for id, follower in waiting.items():
            if id not in self._behind_load:
                position = follower.position or log.head()
                self._behind_load[id] = Backlog(log, follower.subscription, position)
        for id in self._behind_load.keys() - waiting.keys():
            del self._behind_load[id]
        for backlog in (*self._behind_load.values(), *(each.backlog for each in self._resting.values())):
            await backlog.count()

    async def caught_up(self, id: str) -> bool:
        """Wait until all events accepted before this call have been tried; returns whether all of them were handled.

        False: some events wait for their next try. For timers, which run after the events before them.
        """
        head = self._parts.log.head()
        await self._until(lambda: (live := self._followers.get((id, LIVE))) is not None and live.standing.tried(head))
        return self._followers[id, LIVE].standing.handled(head)

    async def ended(self, id: str) -> None:
        """Return when nothing of a deleted subscription can leave any more: attempts under way have ended."""
        await self._until(
            lambda: not self._sending[id] and id not in self._shaking and all(key[0] != id for key in self._followers)
        )
        del self._sending[id]

    @contextlib.contextmanager
    def _may_send(self, id: str) -> Iterator[None]:
        self._sending[id] += 1
        try:
            yield
        finally:
            self._sending[id] -= 1
            self._progress.set()

    async def settled(self) -> None:
        """Return when nothing is left to do now: every running follower is at the head and idle (tests, demo)."""
        await self._until(
            lambda: (
                not self._busy
                and self._changes.empty()
                and all(follower.standing.settled(self._parts.log.head()) for follower in self._followers.values())
            )
        )

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            self._progress.clear()
            await self._progress.wait()

    # -- following the registry ---------------------------------------------------------------------------------

    def _changed(self, subscription: Subscription) -> None:
        """A change counts from this turn on: what a follower has decided under the old subscription does not leave."""
        for (id, _), follower in self._followers.items():
            if id == subscription.id and follower.subscription is not subscription:
                follower.revoke()
        self._changes.put_nowait(subscription.id)

    async def _run(self) -> None:
        for subscription in self._registry.all():
            self._begin(subscription.id)
        self._busy -= 1
        while True:
            self._progress.set()
            self._begin(await self._changes.get())

    def _begin(self, id: str) -> None:
        """Apply a change after the earlier ones of its subscription, and without waiting for other subscriptions.

        A recipient that does not end its delivery must not delay the change or deletion of another subscription.
        """
        self._changed_again.add(id)
        if id not in self._agreeing:
            self._agreeing.add(id)
            self._busy += 1
            self._tasks.start(self._agree_in_turn(id))

    async def _agree_in_turn(self, id: str) -> None:
        while id in self._changed_again:
            self._changed_again.remove(id)
            await self._agree(id)
            self._starting.discard(id)
        self._agreeing.remove(id)
        self._busy -= 1
        self._progress.set()

    async def _agree(self, id: str) -> None:
        """Make the followers agree with the registry. After an outage try again later; after another error pause."""
        try:
            await self._apply(id)
            self._failures.pop(id, None)
        except (StoreUnavailable, LogUnavailable) as error:
            self._failures[id] += 1
            pause_s = away_s(self._failures[id])
            log.error("subscription %s can't start (%s); next try in %.1f s", id, type(error).__name__, pause_s)
            asyncio.get_running_loop().call_later(pause_s, self._changes.put_nowait, id)
        except Exception as error:
            log.error("subscription %s can't start, so it is paused: %s", id, type(error).__name__, exc_info=error)
            self._tasks.start(self._set_status(id, Status.PAUSED, f"fault-{type(error).__name__}"))

    async def _apply(self, id: str) -> None:
        """Start or stop one subscription's followers as the registry demands."""
        try:
            subscription: Subscription | None = self._registry.get(id)
        except KeyError:
            subscription = None
        pushed = subscription is not None and subscription.sink["kind"] not in PULLED
        wanted = pushed and subscription is not None and subscription.status is Status.ACTIVE
        for key in [key for key in self._followers if key[0] == id]:
            if not wanted or self._followers[key].subscription is not subscription:
                with self._may_send(id):
                    await self._followers.pop(key).stop()
        shaking = self._shaking.pop(id, None)
        if shaking is not None:
            with self._may_send(id):
                shaking.cancel()
                await asyncio.gather(shaking, return_exceptions=True)
        self._resting.pop(id, None)
        self._behind_load.pop(id, None)
        self._asked.pop(id, None)
        if subscription is None:
            await self._forget(id)
        elif pushed and subscription.status is Status.PAUSED:
            await self._rest(subscription)
        elif wanted:
            await self._start_lanes(subscription)
        elif pushed and subscription.status is Status.PENDING:
            await self._rest(subscription)
            self._shaking[id] = self._tasks.start(self._shake(subscription))

    async def _start_lanes(self, subscription: Subscription) -> None:
        tenant, store, id = self._parts.tenant, self._parts.store, subscription.id
        rows = await store.read(cursors.load(tenant, id))
        if not any(row.lane == LIVE for row in rows):
            await store.commit(self.first_cursor(subscription))
            rows = await store.read(cursors.load(tenant, id))
        waiting = await store.read(parked.load(tenant, id))
        for row in sorted(rows, key=lambda row: row.lane != LIVE):
            if not self._is_current(subscription):
                return  # the subscription changed or was deleted meanwhile; that change is next in the queue
            if (id, row.lane) in self._followers:
                continue
            if row.lane != LIVE and self._running_lanes(id) >= MAX_LANES:
                break  # the other lanes wait until one of these has ended
            follower = Follower(
                self._parts,
                subscription,
                self._make_sink(subscription),
                Reader.open(
                    self._parts.log,
                    row.position,
                    state_kinds(self._catalogue, subscription.types),
                    own_order(self._parts.log, self._catalogue, self._parts.telling, subscription.recipient),
                ),
                lane=row.lane,
                ended=partial(self._ended, id),
                progressed=partial(self._progressed, id, row.lane),
                died=partial(self._count_dead, id),
            )
            follower.restore(entry for entry in waiting if entry[0].lane == row.lane)
            self._followers[id, row.lane] = follower
            try:
                await follower.start([Place(place) for place in row.open])
            except Exception:
                del self._followers[id, row.lane]
                await follower.stop(save_s=SAVE_S)
                raise

    def _running_lanes(self, id: str) -> int:
        return sum(key[0] == id and key[1] != LIVE for key in self._followers)

    async def _rest(self, subscription: Subscription) -> None:
        """Note how far a paused or pending subscription is behind: it has no follower, and its status must show its
        lag.
        """
        id = subscription.id
        tenant, store = self._parts.tenant, self._parts.store
        live = next((row for row in await store.read(cursors.load(tenant, id)) if row.lane == LIVE), None)
        if live is None:
            return
        reader = Reader.open(self._parts.log, live.position)
        # With open deliveries, or in the middle of the state, more events will come wherever the log's head is.
        position = reader.position if not live.open else None
        since = from_us(live.accepted_us) if live.accepted_us else self._parts.clock.utc()
        backlog = Backlog(self._parts.log, subscription, reader.position or self._parts.log.head())
        keys = len(await store.read(parked.load(tenant, id)))
        self._resting[id] = _Resting(position, since, keys, backlog, open=len(live.open))

    async def _forget(self, id: str) -> None:
        """Delete the rows of a deleted subscription."""
        tenant = self._parts.tenant
        self._dead.pop(id, None)
        await self._parts.store.commit(
            cursors.forget(tenant, id), parked.forget(tenant, id), dead_letters.forget(tenant, id),
            lanes.forget(tenant, id), attempts.forget(tenant, id), acknowledged.forget(tenant, id),
        )  # fmt: skip

    async def _shake(self, subscription: Subscription) -> None:
        """Ask the webhook until it consents. The cursor does not move meanwhile."""
        clock = self._parts.clock
        since = clock.utc()
        for failures in itertools.count(1):
            reason = "unreachable"
            with contextlib.suppress(OSError, StoreUnavailable):
                reason = await self._handshake(subscription)
                if not reason:
                    await self._registry.consented(subscription)
                    return
            pause_s = handshake_s(failures)
            self._asked[subscription.id] = Down(since, failures, reason, clock.utc() + timedelta(seconds=pause_s))
            await clock.sleep(pause_s)

    def _ended(self, id: str, result: Result, reason: str) -> None:
        status = Status.ENDED if result is Result.GONE else Status.PAUSED
        log.warning("subscription %s is %s (%s)", id, status, reason)
        self._tasks.start(self._set_status(id, status, reason))

    async def _set_status(self, id: str, status: Status, reason: str) -> None:
        def failed(error: Exception, pause_s: float) -> None:
            log.error("the status of subscription %s could not be stored; next try in %.1f s", id, pause_s)

        await until_it_works(
            lambda: self._registry.set_status(id, status, reason, actor="hub"), clock=self._parts.clock, failed=failed,
            retry_on=(StoreUnavailable,),
        )  # fmt: skip

    def _count_dead(self, id: str) -> None:
        self._dead[id] += 1

    def _progressed(self, id: str, lane: str) -> None:
        self._progress.set()
        if lane != LIVE and (follower := self._followers.get((id, lane))) is not None and follower.standing.finished:
            del self._followers[id, lane]
            self._busy += 1  # in this turn, so that nobody takes the lane for settled before its end is stored
            self._tasks.start(self._finish(id, lane, follower))

    async def _finish(self, id: str, lane: str, follower: Follower) -> None:
        tenant = self._parts.tenant

        def failed(error: Exception, pause_s: float) -> None:
            log.error("the end of lane %s of %s could not be stored; next try in %.1f s", lane, id, pause_s)

        try:
            await follower.stop()
            await until_it_works(
                lambda: self._parts.store.commit(lanes.finish(tenant, id, lane), cursors.forget(tenant, id, lane)),
                clock=self._parts.clock, failed=failed, retry_on=(StoreUnavailable,),
            )  # fmt: skip
            self._changes.put_nowait(id)  # a lane that waits may begin
        finally:
            self._busy -= 1
            self._progress.set()

    def _is_current(self, subscription: Subscription) -> bool:
        try:
            return self._registry.get(subscription.id) is subscription
        except KeyError:
            return False

    def _get(self, id: str) -> Subscription:
        try:
            return self._registry.get(id)
        except KeyError:
            raise NotFound(id) from None
