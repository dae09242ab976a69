"""One connector instance, from start to stop: it is made, started, watched, asked, and ended in bounded time.

It runs in a thread of its own (`own_thread`). The methods under "seen from the hub" run on the hub's loop, the others
on the instance's loop, which passes each change of `status` to the hub's.

`calls` makes the calls, `polls` decides when the instance polls, and `failures` decides what a failure means and
reports it.
"""

import asyncio
import contextlib
import logging
import random
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time
from enum import StrEnum
from functools import partial
from threading import Thread
from typing import Any, Final

from hub.clock import Clock
from hub.delivery.base import Attempt, Outcome, Result
from hub.hosting.blocking import DaemonPool
from hub.hosting.calls import Call, Calls
from hub.hosting.connector_errors import (
    NotRunning,
    ProcessEnded,
    TimedOut,
    backoff_s,
    code_of,
    innermost,
    outcome_of,
    report,
)
from hub.hosting.connector_state import ConnectorState
from hub.hosting.context import DirectoryFromAfar, InstanceContext
from hub.hosting.isolated.forks import shared
from hub.hosting.isolated.stand_in import Isolation, Outbox, StandIn
from hub.hosting.isolated.stand_in import Surroundings as ProcessSurroundings
from hub.hosting.keeping import Keeping, Kept
from hub.hosting.moments import Moments
from hub.hosting.own_thread import OwnThread, cancelled_from_outside
from hub.hosting.polls import Polls
from hub.hosting.publishing import Publisher
from hub.hosting.usage import Usage, descriptors, measured, processor_s
from hub.pauses import jittered
from hub.privacy.base import Recipient
from hub.store.base import Operation, Store
from hub.store.moments import Moment
from plugins.connector import Connector, ConnectorConfig, DirectoryView, Waiting
from plugins.errors import ConfigurationError, PermanentError, PrivacyError
from plugins.receiving import Answer, Received
from plugins.timers import moment_timers_of, times_of
from plugins.validation import poll_every_s
from schemas import Catalogue

BLOCKING_THREADS: Final = 4
STOP_S: Final = 10.0  # how long stop() may take, and the end of the thread after it
MOST_ENDS: Final = 5  # an instance whose process ends as often within ENDS_S is paused
ENDS_S: Final = 600.0
LIVED_S: Final = 60.0  # after a run() that lasted this long, the next failure counts as the first

log = logging.getLogger(__name__)


class InstanceStatus(StrEnum):
    STARTING = "starting"
    RUNNING = "running"
    FAILED = "failed"  # start() failed: tried again, unless the configuration must change first
    STUCK = "stuck"  # it blocks its loop, or does not end when it is cancelled: given up until it is restarted
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What every instance needs from the hub. The callbacks are called on the hub's loop."""

    catalogue: Catalogue
    store: Store
    clock: Clock
    directory: Callable[[str, Recipient], DirectoryView]
    wake: Callable[[], None]  # the outbox has got rows
    pause: Callable[[str, str], None]  # instance, reason: it must get no more events
    problem: Callable[[str, str, str], None]  # instance, code, detail: for the operator, never data
    far_side: Callable[[str, str, str, datetime | None], None]  # instance, name, code, next try
    # instance: it knows its times of day, or began, or its next moment is due earlier than before
    moments_changed: Callable[[str], None]
    loop: asyncio.AbstractEventLoop  # the hub's


class Instance:
    """Made and opened by `Hosts`. `recipient` is None for a connector without a contract."""

    def __init__(
        self,
        name: str,
        cls: type[Connector[Any]],
        *,
        config: ConnectorConfig,
        recipient: Recipient | None,
        around: Surroundings,
        isolation: Isolation | None = None,
        sum_words: frozenset[str] = frozenset(),
    ) -> None:
        self.name = name
        self.cls = cls
        self.config = config
        self.recipient = recipient
        self.sum_words = sum_words
        self.isolation = isolation  # None: it runs in the hub's process
        self.status = InstanceStatus.STARTING
        self.status_since = around.clock.utc()
        self.reason = ""  # why it is not running: a short stable code
        self.since = around.clock.utc()
        self._around = around
        self._clock = around.clock
        self._dice = random.Random()  # noqa: S311 - jitter
        self._thread = OwnThread(name, around.loop, around.clock, partial(self._failed, "a task"))
        self._pool = DaemonPool(f"skolnav-{name}-blocking", BLOCKING_THREADS)
        self._keeping = Keeping(name, around.store, around.clock, wake=around.wake, all_landed=self._all_landed)
        self._polls = Polls(around.clock, self._dice)
        make = self._in_a_process if isolation is not None else None
        self._calls = Calls(name, cls, around.clock, self._failed, around.wake, make)
        self._stand_in: StandIn | None = None  # the newest, where it runs in a process of its own
        self.outbox = Outbox(isolation.limits.outbox_rows if isolation is not None else 0)
        self._ends: deque[float] = deque(maxlen=MOST_ENDS)  # machine times at which its process has ended
        self._working: list[asyncio.Task[None]] = []  # run and poll
        self._context: InstanceContext | None = None  # None until it is open
        self._state: ConnectorState | None = None  # likewise
        self.moments: Moments | None = None  # likewise
        self.times: list[tuple[str, time]] | None = None  # of @daily methods; None until the instance has said them
        self._given_up = False
        self._closing: asyncio.Task[bool] | None = None

    # -- seen from the hub: its life ----------------------------------------------------------------------------

    async def open(self) -> None:
        """Start the thread and the connector. Returns when the first try of start() has ended or failed."""
        around, tenant = self._around, self._around.store.tenant
        values = await self._keeping.load_state()
        pending = await self._keeping.load_moments()
        if self.status is not InstanceStatus.STARTING:  # it was stopped meanwhile
            return
        self._state = ConnectorState(tenant, self.name, values)
        self.moments = Moments(
            tenant,
            self.name,
            declared=moment_timers_of(self.cls),
            loaded=pending,
            sooner=partial(self._thread.to_hub, around.moments_changed, self.name),
        )
        self._context = context = InstanceContext(
            self.name,
            tenant=tenant,
            clock=self._clock,
            state=self._state,
            moments=self.moments,
            publisher=Publisher(
                f"urn:skolnav:{tenant}:{self.name}", self.cls, around.catalogue, self._clock, self.sum_words
            ),
            directory=None
            if self.recipient is None
            else DirectoryFromAfar(around.directory(self.name, self.recipient), self._thread.on_hub),
            pool=self._pool,
            durable=self._durable,
            problem=self._problem,
            poll_soon=self._polls.soon,
            far_side=self._report_far_side,
        )
        self._thread.start()
        with contextlib.suppress(TimedOut, NotRunning):
            await self._thread.ask(partial(self._begin, context))

    def give_up(self, reason: str) -> None:
        """Abandon the instance: what it does from now on has no effect. Its thread ends when its tasks have ended."""
        self._given_up = True
        self.end_process(reason)
        self.status, self.reason, self.status_since = InstanceStatus.STUCK, reason, self._clock.utc()
        if self._context is not None:
            self._context.abandoned = True
        self._thread.answer_all(lambda: TimedOut(f"{self.name} was given up", code=reason))
        self._thread.fade()

    def end_process(self, reason: str) -> bool:
        """End its process, after which another begins. False if it has none of its own."""
        stand_in = self._stand_in
        return stand_in is not None and self._thread.post(partial(stand_in.kill, reason))

    async def close(self, *, successor: bool) -> bool:
        """Call stop() and end the thread, in bounded time. False if the thread still runs and was left behind.

        `successor`: another instance will begin with the state of this one, so wait until the store has all of it. A
        second caller waits for the same end.
        """
        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self._close())
        ended = await asyncio.shield(self._closing)
        if successor and not await self._keeping.landed(STOP_S):
            log.error("%s: the store does not have all changes of the connector's state yet", self.name)
        self._keeping.stop()
        return ended

    async def _close(self) -> bool:
        stuck = self._given_up or self.status is InstanceStatus.STOPPED
        self.status, self.reason = InstanceStatus.STOPPED, ""
        if self._thread.alive() and not stuck:
            ended = asyncio.ensure_future(self._thread.ask(self._end))
            await asyncio.wait([ended], timeout=2 * STOP_S)
            ended.cancel()
        if not stuck:
            self._thread.stop()
        self._pool.shutdown(wait=False)
        if self._stand_in is not None:
            await asyncio.to_thread(self._stand_in.close)
        return await self._thread.join(0.1 if stuck else STOP_S)

    # -- seen from the hub: calls ---------------------------------------------------------------------------------

    async def deliver(self, attempt: Attempt) -> Outcome:
        """Call handle() with the event that the attempt's permit gives. Raises PermitRefused."""
        if self.status is InstanceStatus.FAILED and self.reason == "configuration":
            return Outcome(Result.MISCONFIGURED, self.reason)
        if self.status is not InstanceStatus.RUNNING:
            return Outcome(Result.RETRY, self.reason or self.status.value, recipient_down=True)
        try:
            outcome = await self._thread.ask(partial(self._calls.handle, attempt))
        except TimedOut as error:
            return outcome_of(error)
        except NotRunning as error:
            return Outcome(Result.RETRY, error.code, recipient_down=True)
        return self._keeping.handed_out(outcome)

    async def call(self, method: str, *arguments: Any, limit_s: float) -> None:
        """Call a timer, selftest() or reconcile() in the instance's turn. Raises what the connector raises.

        Raises NotRunning where it cannot be called now, TimedOut where it does not end within `limit_s`.
        """
        self.require_running()
        await self._thread.ask(partial(self._calls.call, method, arguments, limit_s))

    async def run_moment(self, moment: Moment, *, complete: bool) -> None:
        """Call the timer of a moment, and end the moment unless a later try may succeed. Raises as `call`.

        Nothing is called if the moment is no longer pending.
        """
        self.require_running()
        await self._thread.ask(partial(self._run_moment, moment, complete))

    async def receive(self, request: Received, waited_s: Callable[[], float]) -> Answer | None:
        """Call receive(); see `Calls.receive`. Raises NotRunning too."""
        self.require_running()
        return await self._thread.ask(partial(self._calls.receive, request, waited_s))

    async def waiting(self) -> Sequence[Waiting]:
        """What a person must confirm; empty where the instance does not run. Raises what the connector raises."""
        if self.cls.waiting is Connector.waiting or self.status is not InstanceStatus.RUNNING:
            return ()
        return await self._thread.ask(self._calls.waiting)

    async def confirm(self, word: str, noted: Operation) -> None:
        """Call confirm(), then ask for a poll. `noted` is committed with what confirm() keeps.

        Raises NothingWaits, what the connector raises, NotRunning, TimedOut.
        """
        self.require_running()
        await self._thread.ask(partial(self._confirm, word, noted))

    def require_running(self) -> None:
        """Raises NotRunning."""
        if self.status is not InstanceStatus.RUNNING:
            raise NotRunning(f"{self.name} is {self.status}", code=self.reason or self.status.value)

    # -- seen from the hub: its state -------------------------------------------------------------------------------

    @property
    def failing(self) -> str:
        """The code of the last poll's failure; empty if the last poll succeeded."""
        return self._polls.failing

    @property
    def unread(self) -> str:
        """The code of what the last poll could not read although it succeeded; empty if it read all."""
        return self._polls.unread

    @property
    def behind(self) -> tuple[str, ...]:
        """The far sides that the last poll which succeeded left behind."""
        return self._polls.behind

    @property
    def failures(self) -> int:
        """Polls in a row that failed or did not read all."""
        return self._polls.failures

    @property
    def failed_since(self) -> datetime | None:
        """When the first of these polls ended (machine time)."""
        return self._polls.failed_since

    @property
    def polled(self) -> datetime | None:
        """When the last poll ended that read all (machine time)."""
        return self._polls.polled

    @property
    def calls(self) -> Collection[Call]:
        """The calls that run now, and calls of receive() that wait for their turn."""
        return list(self._calls.going)

    def poll_is_due(self) -> bool:
        """A poll was asked for and has not begun."""
        return self._polls.wanted()

    def unanswered_s(self) -> float:
        """Seconds for which the loop is known not to have turned. Sends it another ping."""
        there = 0.0 if self._stand_in is None else self._stand_in.unanswered_s()
        return max(there, self._thread.unanswered_s())

    def forget_ping(self) -> None:
        """The hub itself was held up, so a late answer says nothing about this instance."""
        self._thread.forget_ping()
        if self._stand_in is not None:
            self._stand_in.forget_ping()

    def overdue(self) -> Call | None:
        """A call that still runs STOP_S after its time limit; None if there is none."""
        return self._calls.overdue(STOP_S)

    def processor_s(self) -> float:
        """Processor time of its threads so far."""
        return processor_s(self._threads())

    def usage(self) -> Usage:
        state_bytes = 0 if self._state is None else self._state.size
        pid = self.process
        if (found := measured(pid) if pid else None) is not None:
            return Usage(found.threads, found.cpu_s, state_bytes, pid, found.memory_bytes, descriptors(pid))
        threads = self._threads()
        return Usage(len(threads), processor_s(threads), state_bytes)

    @property
    def package(self) -> str:
        """The distribution and version in its own process; empty if that is not known, or it has none."""
        return "" if self._stand_in is None else self._stand_in.package

    @property
    def process(self) -> int:
        """The number of its own process; 0 if it has none now."""
        return 0 if self._stand_in is None else self._stand_in.pid

    def over_limit(self) -> str:
        """Which limit its process has passed; empty if none, and for an instance in the hub's process."""
        if self.isolation is None or not (pid := self.process) or (found := measured(pid)) is None:
            return ""
        if found.memory_bytes > self.isolation.limits.memory_mib << 20:
            return "memory"
        return "threads" if found.threads > self.isolation.limits.threads else ""

    def _threads(self) -> list[Thread]:
        own = self._thread.thread
        return [*([own] if own.is_alive() else []), *self._pool.threads()]

    def where(self) -> str:
        """The line that the instance's thread is executing; empty if that is not known here."""
        if self.isolation is not None:
            return ""
        stack = self._thread.stack()
        return "" if stack is None else innermost(stack, self.cls)

    # -- in the instance's loop ---------------------------------------------------------------------------------

    async def _begin(self, context: InstanceContext) -> None:
        """Try start() for the first time. Where that fails for now, later tries run in the background."""
        if await self._started(context, failures=0):
            self._work()

    async def _started(self, context: InstanceContext, failures: int) -> bool:
        try:
            # Here, since a function of the vendor's may hang: then the watchdog gives up this instance alone.
            self._polls.every_s = poll_every_s(self.cls, self.config)
            self._thread.to_hub(self._know, times_of(self.cls, self.config))
            await self._calls.start(self.config, context)
        except ProcessEnded as error:
            self._lost(error, failures + 1)
            return False
        except BaseException as error:
            if cancelled_from_outside(error):
                raise
            wrong = isinstance(error, ConfigurationError)
            self._become(InstanceStatus.FAILED, "configuration" if wrong else code_of(error))
            self._failed("start", error)
            if not wrong:
                self._thread.spawn(self._start_again(context, failures + 1, error))
            return False
        self._become(InstanceStatus.RUNNING)
        return True

    async def _start_again(self, context: InstanceContext, failures: int, error: BaseException) -> None:
        await self._clock.sleep(jittered(backoff_s(failures, error), self._dice))
        if await self._started(context, failures):
            self._work()

    def _know(self, times: list[tuple[str, time]]) -> None:
        """Called in the hub's loop."""
        self.times = times
        self._around.moments_changed(self.name)

    def _work(self) -> None:
        self._working = []
        if self.cls.run is not Connector.run:
            self._working.append(self._thread.spawn(self._supervise_run()))
        if self._polls.every_s is not None:
            polling = self._polls.run(self._calls.poll, partial(self._ends_for_good, "poll"))
            self._working.append(self._thread.spawn(polling))

    def _in_a_process(self, config: ConnectorConfig, context: InstanceContext) -> StandIn:
        assert self.isolation is not None
        self._stand_in = StandIn(
            config,
            context,
            cls=self.cls,
            how=self.isolation,
            around=ProcessSurroundings(
                forks=shared(),
                spawn=self._thread.spawn,
                lost=self._lost,
                unhandled=partial(self._failed, "a task"),
                outbox=self.outbox,
            ),
        )
        if (watch := getattr(self.cls, "_watch", None)) is not None:  # the test kit's
            watch(self._stand_in)
        return self._stand_in

    def _lost(self, error: ProcessEnded, failures: int = 1) -> None:
        """The process has ended. Begin another after a pause; pause the instance if this happens again and again."""
        for task in self._working:
            task.cancel()
        now = self._clock.monotonic()
        self._ends.append(now)
        self._problem(error.code, error.why)
        log.error("%s: its process has ended (%s, %s)", self.name, error.code, error.why)
        if len(self._ends) == MOST_ENDS and now - self._ends[0] < ENDS_S:
            self._become(InstanceStatus.STUCK, error.code)
            self._thread.to_hub(self._around.pause, self.name, error.code)
        elif self._context is not None:
            failures = max(failures, sum(now - each < ENDS_S for each in self._ends))
            self._become(InstanceStatus.FAILED, error.code)
            self._thread.spawn(self._start_again(self._context, failures, error))

    async def _supervise_run(self) -> None:
        failures = 0
        while True:
            began = self._clock.monotonic()
            error: BaseException = NotRunning(f"run() of {self.name} ended", code="run-ended")
            try:
                await self._calls.connector.run()
            except GeneratorExit:  # the thread's loop is gone
                raise
            except BaseException as raised:
                if cancelled_from_outside(raised):
                    raise
                error = raised
            if self._clock.monotonic() - began > LIVED_S:
                failures = 0
            failures += 1
            if self._ends_for_good("run", error):
                return
            await self._clock.sleep(jittered(backoff_s(failures, error), self._dice))

    def _ends_for_good(self, what: str, error: BaseException) -> bool:
        """Report a failure of run or poll. True if no later try can succeed before a person acts."""
        self._failed(what, error)
        if isinstance(error, ConfigurationError):
            self._become(InstanceStatus.FAILED, "configuration")
            return True
        return False

    async def _confirm(self, word: str, noted: Operation) -> None:
        kept = await self._calls.confirm(word)
        await self._durable(replace(kept, operations=[*kept.operations, noted]))
        self._polls.soon(person=True)

    async def _run_moment(self, moment: Moment, complete: bool) -> None:
        assert self._context is not None
        try:
            await self._calls.moment(moment, complete=complete)
        except (PermanentError, PrivacyError):  # no later try can succeed
            await self._durable(self._context.moment_ended(moment))
            raise
        await self._durable(self._context.moment_ended(moment))

    async def _end(self) -> None:
        """Cancel all tasks, then call stop()."""
        if others := self._thread.cancel_others():
            await asyncio.wait(others, timeout=STOP_S / 2)
        await self._calls.stop(STOP_S / 2)

    def _become(self, status: InstanceStatus, reason: str = "") -> None:
        def become() -> None:
            if self.status not in (InstanceStatus.STUCK, InstanceStatus.STOPPED):
                if status is not self.status:
                    self.status_since = self._clock.utc()
                self.status, self.reason = status, reason
            if self.status is InstanceStatus.RUNNING:
                self._around.moments_changed(self.name)

        self._thread.to_hub(become)  # the hub may have decided something else meanwhile

    async def _durable(self, kept: Kept) -> None:
        if kept.operations:
            await self._thread.on_hub(self._keeping.keep(kept))

    def _all_landed(self) -> None:
        if self._state is not None and self.moments is not None:
            self._state.all_landed()
            self.moments.all_landed()

    def _failed(self, what: str, error: BaseException, event: str = "") -> None:
        report(what, error, instance=self.name, cls=self.cls, event=event, problem=self._problem)

    def _report_far_side(self, name: str, code: str, next_try: datetime | None) -> None:
        self._thread.to_hub(self._around.far_side, self.name, name, code, next_try)

    def _problem(self, code: str, detail: str) -> None:
        self._thread.to_hub(self._around.problem, self.name, code, detail)
