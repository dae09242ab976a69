"""One connector instance: an event loop in a thread of its own, and its life from start to stop.

Two threads meet here. What stands under "seen from the hub" runs on the hub's loop, everything else on the instance's.
They pass work to each other's loops and write to nothing in common, except the plain flags `status`, `reason`,
`failing`, `unread`, `failures`, `polled` and `_pinged`, which are each assigned whole.
"""

import asyncio
import contextlib
import logging
import random
import sys
import threading
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any, Final, TypeVar

import orjson

from hub.clock import Clock
from hub.delivery.base import Attempt, Outcome, Result
from hub.engines.blocking import DaemonPool
from hub.engines.context import CALL, DirectoryFromAfar, InstanceContext, Staged
from hub.engines.failures import (
    NothingWaits,
    NotRunning,
    TimedOut,
    backoff_s,
    code_of,
    coded,
    innermost,
    outcome_of,
    place_of,
)
from hub.engines.publishing import Publisher
from hub.engines.state import ConnectorState
from hub.privacy.base import PermitRefused, Recipient
from hub.store import connector_state
from hub.store.base import Operation, Store
from plugins.connector import Answer, Connector, ConnectorConfig, DirectoryView, Received, Waiting
from plugins.errors import ConfigurationError, PrivacyError, SkolnavError, TemporaryError
from schemas import Catalogue, Event

T = TypeVar("T")

BLOCKING_THREADS: Final = 4
STOP_S: Final = 10.0  # how long stop() may take, and the end of the thread after it
RECEIVE_S: Final = 10.0  # the waiting for one's turn and receive() itself: callers wait 5 s to 30 s for an answer
POLL_SOON_S: Final = 1.0  # pause before a poll that was asked for
LIVED_S: Final = 60.0  # a run() that lasted so long did work: its next failure counts as the first
STORE_RETRY_S: Final = (0.1, 0.5, 2.0, 10.0)

log = logging.getLogger(__name__)


class InstanceStatus(StrEnum):
    STARTING = "starting"
    RUNNING = "running"
    FAILED = "failed"  # start() failed: tried again, unless the configuration must change first
    STUCK = "stuck"  # it blocks its loop, or does not end when told to: given up until it is restarted
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every instance is given. The callbacks are called on the hub's loop."""

    catalogue: Catalogue
    store: Store
    clock: Clock
    directory: Callable[[str, Recipient], DirectoryView]
    wake: Callable[[], None]  # the outbox has got rows
    problem: Callable[[str, str, str], None]  # instance, code, detail: for the operator, never data
    loop: asyncio.AbstractEventLoop  # the hub's


@dataclass(slots=True, eq=False)
class Call:
    """One call that is going on, for the watchdog."""

    what: str
    started: float  # machine time
    limit_s: float


class Instance:
    """Made and opened by `Hosts`. `recipient` is None for a connector without a contract."""

    def __init__(
        self,
        name: str,
        cls: type[Connector[Any]],
        config: ConnectorConfig,
        recipient: Recipient | None,
        surroundings: Surroundings,
    ) -> None:
        self.name = name
        self.cls = cls
        self.config = config
        self.recipient = recipient
        self.status = InstanceStatus.STARTING
        self.reason = ""  # why it is not running: a short stable code
        self.failing = ""  # the code of the last poll's failure; empty after one that went well
        self.unread = ""  # the code of what the last poll did not get although it went well; empty if it got all
        self.failures = 0  # polls in a row that failed, or did not get all
        self.polled: datetime | None = None  # when the last poll ended that got all; machine time
        self.since = surroundings.clock.utc()
        self.calls: set[Call] = set()
        self._around = surroundings
        self._clock = surroundings.clock
        self._pinged: float | None = None  # machine time of a ping that has not been answered
        self._answers: set[asyncio.Future[Any]] = set()  # what the hub waits for
        self._keeping: set[asyncio.Task[None]] = set()  # commits under way
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(self._unhandled)
        self._thread = threading.Thread(target=self._run_loop, name=f"skolnav-{name}", daemon=True)
        self._pool = DaemonPool(f"skolnav-{name}-blocking", BLOCKING_THREADS)
        self._turn = asyncio.Lock()  # serialises the calls
        self._door = asyncio.Lock()  # serialises receive() alone: a caller can't wait for a long poll
        self._poll_wanted = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()  # in the instance's loop
        self._dice = random.Random()  # noqa: S311 - jitter
        self._connector: Connector[Any]
        self._context: InstanceContext

    # -- seen from the hub --------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Start the thread and the connector. Returns after the first try of start(), however it ended."""
        around, tenant = self._around, self._around.store.tenant
        values = await around.store.read(connector_state.load(tenant, self.name))
        self._context = InstanceContext(
            self.name,
            tenant=tenant,
            clock=self._clock,
            state=ConnectorState(tenant, self.name, values),
            publisher=Publisher(f"urn:skolnav:{tenant}:{self.name}", self.cls, around.catalogue, self._clock),
            directory=None
            if self.recipient is None
            else DirectoryFromAfar(around.directory(self.name, self.recipient), self._on_main),
            pool=self._pool,
            durable=self._durable,
            problem=self._problem,
            poll_soon=self._poll_soon,
        )
        self._thread.start()
        with contextlib.suppress(TimedOut):
            await self._ask(self._begin)

    async def deliver(self, attempt: Attempt) -> Outcome:
        """Call handle() with what the attempt's permit gives. Raises PermitRefused."""
        if self.status is InstanceStatus.FAILED and self.reason == "configuration":
            return Outcome(Result.MISCONFIGURED, self.reason)
        if self.status is not InstanceStatus.RUNNING:
            return Outcome(Result.RETRY, self.reason or self.status.value, recipient_down=True)
        try:
            outcome: Outcome = await self._ask(partial(self._handle, attempt))
        except TimedOut as error:
            return outcome_of(error)
        return outcome

    async def call(self, method: str, *arguments: Any, limit_s: float) -> None:
        """Call a timer, selftest() or reconcile() in the instance's turn. Raises what the connector raises.

        Raises NotRunning where it can't be called now, TimedOut where it does not end within `limit_s`.
        """
        self.require_running()
        await self._ask(partial(self._called, method, arguments, limit_s))

    async def receive(self, request: Received) -> Answer | None:
        """Call receive(). Raises what the connector raises, NotRunning, TimedOut."""
        self.require_running()
        return await self._ask(partial(self._received, request))

    async def waiting(self) -> Sequence[Waiting]:
        """What waits for a person; nothing where the instance does not run. Raises what the connector raises."""
        if self.cls.waiting is Connector.waiting or self.status is not InstanceStatus.RUNNING:
            return ()
        return await self._ask(self._waiting)

    async def confirm(self, word: str, noted: Operation) -> None:
        """Call confirm(), and let poll() come. `noted` is committed with what it keeps.

        Raises NothingWaits, what the connector raises, NotRunning, TimedOut.
        """
        self.require_running()
        await self._ask(partial(self._confirmed, word, noted))

    def require_running(self) -> None:
        """Raises NotRunning."""
        if self.status is not InstanceStatus.RUNNING:
            raise NotRunning(f"{self.name} is {self.status}", code=self.reason or self.status.value)

    def poll_is_due(self) -> bool:
        """A poll was asked for and has not begun."""
        return self._poll_wanted.is_set()

    def unanswered_s(self) -> float:
        """Seconds since a ping that the loop has not answered; 0 if it has answered all. Sends the next one."""
        now = self._clock.monotonic()
        if self._pinged is not None:
            return now - self._pinged
        self._pinged = now
        self._post(self._tick)
        return 0.0

    def forget_ping(self) -> None:
        """The hub itself was held up: what came late need not be this instance's doing."""
        self._pinged = None

    def overdue(self) -> Call | None:
        """A call that goes on although its time was over a while ago."""
        now = self._clock.monotonic()
        return next((call for call in list(self.calls) if now - call.started > call.limit_s + STOP_S), None)

    def where(self) -> str:
        """The line that the instance's thread is at."""
        frame = sys._current_frames().get(self._thread.ident or 0)
        return innermost(traceback.extract_stack(frame), self.cls) if frame is not None else ""

    def give_up(self, reason: str) -> None:
        """Leave the instance to itself: nothing that it does from now on counts. Its thread ends when it can."""
        self.status, self.reason = InstanceStatus.STUCK, reason
        self._context.abandoned = True
        for answer in list(self._answers):
            if not answer.done():
                answer.set_exception(TimedOut(f"{self.name} was given up", code=reason))
        self._post(lambda: self._spawn(self._fade()))

    async def close(self) -> bool:
        """stop() and the end of the thread, in bounded time. False if the thread had to be left behind."""
        stuck = self.status in (InstanceStatus.STUCK, InstanceStatus.STOPPED)
        self.status, self.reason = InstanceStatus.STOPPED, ""
        if self._thread.is_alive() and not stuck:
            ended = asyncio.ensure_future(self._ask(self._end))
            await asyncio.wait([ended], timeout=2 * STOP_S)
            ended.cancel()
        if not stuck:
            self._post(self._loop.stop)
        self._pool.shutdown(wait=False)
        for keeping in self._keeping:
            keeping.cancel()
        if self._thread.ident is not None:
            await asyncio.to_thread(self._thread.join, 0.1 if stuck else STOP_S)
        return not self._thread.is_alive()

    async def _ask(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine in the instance's loop and wait for how it ends, or until the instance is given up."""
        answer: asyncio.Future[T] = self._around.loop.create_future()
        self._answers.add(answer)
        job: list[asyncio.Task[None]] = []
        self._post(lambda: job.append(self._spawn(self._answer(work, answer))))
        try:
            return await answer
        except asyncio.CancelledError:
            self._post(lambda: [task.cancel() for task in job])
            raise
        finally:
            self._answers.discard(answer)

    async def _keep(self, operations: Sequence[Operation], published: bool) -> None:
        """Commit until it holds: the state in memory shows these changes already."""
        failures = 0
        while True:
            try:
                await self._around.store.commit(*operations)
                break
            except Exception as error:
                delay = STORE_RETRY_S[min(failures, len(STORE_RETRY_S) - 1)]
                failures += 1
                log.error(
                    "%s: the store took no commit (%s); next try in %.1f s", self.name, type(error).__name__, delay
                )
                await self._clock.sleep(delay)
        if published:
            self._around.wake()

    def _start_keeping(self, operations: Sequence[Operation], published: bool) -> "asyncio.Task[None]":
        task = self._around.loop.create_task(self._keep(operations, published))
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)
        return task

    def _post(self, work: Callable[[], Any]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: the instance has ended
            self._loop.call_soon_threadsafe(work)

    # -- between the threads, from the instance's side ----------------------------------------------------------

    def _to_hub(self, work: Callable[..., Any], *arguments: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the hub's loop is closed: nobody is there to be told
            self._around.loop.call_soon_threadsafe(work, *arguments)

    async def _on_main(self, work: Coroutine[Any, Any, T]) -> T:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._around.loop))

    async def _durable(self, operations: Sequence[Operation], published: bool) -> None:
        async def keep() -> None:
            await asyncio.shield(self._start_keeping(operations, published))

        await self._on_main(keep())

    def _problem(self, code: str, detail: str) -> None:
        self._to_hub(self._around.problem, self.name, code, detail)

    async def _answer(self, work: Callable[[], Coroutine[Any, Any, T]], answer: "asyncio.Future[T]") -> None:
        def settle(result: T | None, error: BaseException | None) -> None:
            if answer.done():
                return
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(result)  # type: ignore[arg-type]

        try:
            result = await work()
        except BaseException as error:
            if _told_to_end(error):
                self._to_hub(answer.cancel)
                raise
            if isinstance(error, asyncio.CancelledError):  # the connector's own: it must not cancel who waits here
                error = TemporaryError(f"{self.name} cancelled itself", code=code_of(error))
            self._to_hub(settle, None, error)
        else:
            self._to_hub(settle, result, None)

    # -- life, in the instance's loop ---------------------------------------------------------------------------

    def _run_loop(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.run_until_complete(asyncio.sleep(0))
            self._loop.close()

    def _spawn(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _tick(self) -> None:
        self._pinged = None

    def _become(self, status: InstanceStatus, reason: str = "") -> None:
        if self.status in (InstanceStatus.STARTING, InstanceStatus.RUNNING, InstanceStatus.FAILED):
            self.status, self.reason = status, reason

    def _unhandled(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What a task of the connector's own failed with. asyncio would print the exception, which may quote data."""
        error = context.get("exception")
        if error is not None:
            self._failed("a task", error)

    async def _begin(self) -> None:
        """The first try of start(); where it fails for now, later ones go on behind."""
        if not await self._started(0):
            return
        self._work()

    async def _started(self, failures: int) -> bool:
        try:
            async with self._turn, self._limited("start", self.cls.timeout_s):
                self._connector = self.cls(self.config, self._context)
                await self._connector.start()
        except BaseException as error:
            if _told_to_end(error):
                raise
            code = "configuration" if isinstance(error, ConfigurationError) else code_of(error)
            self._become(InstanceStatus.FAILED, code)
            self._failed("start", error)
            if not isinstance(error, ConfigurationError):
                self._spawn(self._start_again(failures + 1, error))
            return False
        self._become(InstanceStatus.RUNNING)
        return True

    async def _start_again(self, failures: int, error: BaseException) -> None:
        await self._clock.sleep(self._jittered(backoff_s(failures, error)))
        if await self._started(failures):
            self._work()

    def _work(self) -> None:
        if self.cls.run is not Connector.run:
            self._spawn(self._supervise_run())
        if self.cls.poll is not Connector.poll:
            self._spawn(self._supervise_poll())

    async def _supervise_run(self) -> None:
        failures = 0
        while True:
            began = self._clock.monotonic()
            error: BaseException = NotRunning(f"run() of {self.name} ended", code="run-ended")
            try:
                await self._connector.run()
            except BaseException as raised:
                if _told_to_end(raised):
                    raise
                error = raised
            if self._clock.monotonic() - began > LIVED_S:
                failures = 0
            failures += 1
            if self._ends_all("run", error):
                return
            await self._clock.sleep(self._jittered(backoff_s(failures, error)))

    async def _supervise_poll(self) -> None:
        every = self.config.poll  # type: ignore[attr-defined]  # plugins.validation: a class that polls has it
        every_s = every.total_seconds() if isinstance(every, timedelta) else float(every)
        failures = 0
        while True:
            try:
                async with self._turn, self._limited("poll", self.cls.poll_timeout_s):
                    self._poll_wanted.clear()
                    unread = await self._connector.poll()
                failures, self.failing, self.unread = 0, "", coded(unread) if unread else ""
                if unread:
                    self.failures += 1
                else:
                    self.failures, self.polled = 0, self._clock.utc()
            except BaseException as error:
                if _told_to_end(error):
                    raise
                failures += 1
                self.failures += 1
                if self._ends_all("poll", error):
                    return
                self.failing = code_of(error)
                self._poll_wanted.clear()
                await self._until_wanted(self._jittered(backoff_s(failures, error)))
            else:
                await self._until_wanted(every_s)

    async def _until_wanted(self, every_s: float) -> None:
        """Return when the next poll is due, or a moment after one was asked for."""
        due = asyncio.create_task(self._clock.sleep(every_s))
        wanted = asyncio.create_task(self._poll_wanted.wait())
        try:
            await asyncio.wait({due, wanted}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            due.cancel()
            wanted.cancel()
        if self._poll_wanted.is_set():
            await self._clock.sleep(min(POLL_SOON_S, every_s))

    def _poll_soon(self, *, person: bool = False) -> None:
        """Where it fails, only a person gets around the pause."""
        if self.cls.poll is not Connector.poll and (person or not self.failing):
            self._poll_wanted.set()

    def _ends_all(self, what: str, error: BaseException) -> bool:
        """Tell of a failure of run or poll; True if nothing can work until a person acts."""
        self._failed(what, error)
        if isinstance(error, ConfigurationError):
            self._become(InstanceStatus.FAILED, "configuration")
            return True
        return False

    async def _in_turn(self, method: str, arguments: tuple[Any, ...], limit_s: float) -> None:
        async with self._turn, self._limited(method, limit_s):
            await getattr(self._connector, method)(*arguments)

    async def _called(self, method: str, arguments: tuple[Any, ...], limit_s: float) -> None:
        try:
            await self._in_turn(method, arguments, limit_s)
        except BaseException as error:
            if not _told_to_end(error):
                self._failed(method, error)
            raise

    async def _received(self, request: Received) -> Answer | None:
        try:
            async with self._limited("receive", RECEIVE_S), self._door:
                answer = await self._connector.receive(request)
            if answer is not None and not isinstance(answer, Answer):
                raise TypeError("receive() must return an Answer or None")
        except BaseException as error:
            if not _told_to_end(error):
                self._failed("receive", error)
            raise
        return answer

    async def _waiting(self) -> Sequence[Waiting]:
        try:
            async with self._limited("waiting", RECEIVE_S):
                return list(await self._connector.waiting())
        except BaseException as error:
            if not _told_to_end(error):
                self._failed("waiting", error)
            raise

    async def _confirmed(self, word: str, noted: Operation) -> None:
        staged = Staged()
        async with self._door:
            if all(each.word != word for each in await self._waiting()):
                raise NothingWaits(f"{self.name}: nothing waits under this word", code="nothing-waits")
            CALL.set(staged)  # this task is this call
            try:
                async with self._limited("confirm", RECEIVE_S):
                    await self._connector.confirm(word)
                staged.open = False
                operations = self._context.operations(staged.changes, staged.bodies)
            except BaseException as error:
                if not _told_to_end(error):
                    self._failed("confirm", error)
                raise
            finally:
                staged.open = False
        await self._durable([*operations, noted], bool(staged.bodies))
        self._poll_soon(person=True)

    async def _handle(self, attempt: Attempt) -> Outcome:
        staged = Staged()
        async with self._turn if self.cls.concurrency == "instance" else nullcontext():
            CALL.set(staged)  # this task is this call
            try:
                async with self._limited("handle", self.cls.timeout_s):
                    # The permit holds in this step: nothing is awaited between it and the call.
                    event = _event(attempt.permit())
                    await self._connector.handle(event)
                staged.open = False
                operations = self._context.operations(staged.changes, staged.bodies)
            except PermitRefused:
                raise
            except BaseException as error:
                if _told_to_end(error):
                    raise
                self._failed("handle", error, attempt.stored.id)
                return outcome_of(error)
            finally:
                staged.open = False
        return Outcome(Result.DELIVERED, operations=operations, on_stored=self._around.wake if staged.bodies else None)

    @asynccontextmanager
    async def _limited(self, what: str, limit_s: float) -> AsyncIterator[None]:
        call = Call(what, self._clock.monotonic(), limit_s)
        self.calls.add(call)
        timer: asyncio.Timeout | None = None
        try:
            async with self._clock.timeout(limit_s) as timer:
                yield
        except TimeoutError:
            if timer is None or not timer.expired():
                raise
            raise TimedOut(
                f"{what}() of {self.name} did not end within {limit_s:g} s",
                fix="Give the far side's calls shorter time-outs, or raise `timeout_s` on the class",
                code="timeout",
            ) from None
        finally:
            self.calls.discard(call)

    async def _fade(self) -> None:
        """End the loop of an instance that was given up, when the last of its tasks has ended."""
        if others := self._cancel_others():
            await asyncio.wait(others)
        self._loop.stop()

    def _cancel_others(self) -> list[asyncio.Task[Any]]:
        me = asyncio.current_task()
        others = [task for task in self._tasks if task is not me]
        for task in others:
            task.cancel()
        return others

    async def _end(self) -> None:
        """Cancel what runs, then stop()."""
        if others := self._cancel_others():
            await asyncio.wait(others, timeout=STOP_S / 2)
        if not hasattr(self, "_connector"):
            return
        try:
            async with self._limited("stop", STOP_S / 2):
                await self._connector.stop()
        except BaseException as error:
            if _told_to_end(error):
                raise
            self._failed("stop", error)

    def _failed(self, what: str, error: BaseException, event: str = "") -> None:
        """Say that something failed: where and of which class. The text of an exception may quote data."""
        code = code_of(error)
        about = f" on event {event}" if event else ""
        place = place_of(error, self.cls)
        if isinstance(error, NotRunning | TimedOut):
            log.warning("%s: %s%s: %s", self.name, what, about, error)
        else:
            log.warning("%s: %s failed%s: %s (%s at %s)", self.name, what, about, code, type(error).__name__, place)
        if isinstance(error, PrivacyError | ConfigurationError | TimedOut) or not isinstance(error, SkolnavError):
            detail = f"{what}: {type(error).__name__} at {place}" if place else what
            self._problem("privacy" if isinstance(error, PrivacyError) else code, detail)

    def _jittered(self, seconds: float) -> float:
        return seconds * (1 + self._dice.random() / 5)


def _told_to_end(error: BaseException) -> bool:
    """Whether this task was cancelled from outside: a CancelledError that leaked out of the connector is not that."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0


def _event(body: bytes) -> Event:
    attributes = orjson.loads(body)
    data = attributes.pop("data", None)
    return Event(attributes, data)
