"""All connector instances of a hub: started, watched, called and stopped, each separately from the others."""

import asyncio
import contextlib
import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Self

from hub.clock import Clock
from hub.config.model import ConnectorEntry, LeftOut
from hub.delivery.base import Attempt, Outcome, Result
from hub.hosting.connector_errors import NotRunning, coded
from hub.hosting.far_sides import FarSide, FarSides
from hub.hosting.firing import TimerTrouble
from hub.hosting.instance import Instance, InstanceStatus, Surroundings
from hub.hosting.isolated.beginning import Settings
from hub.hosting.isolated.forks import shared
from hub.hosting.isolated.stand_in import Isolation
from hub.hosting.usage import Usage, processor_s
from hub.privacy.base import Recipient
from hub.store.base import Operation, Store
from plugins.connector import Connector, ConnectorConfig, DirectoryView, Waiting
from plugins.manager import Plugins
from plugins.receiving import Answer, Received
from plugins.texts import Text
from schemas import DataContract

WATCH_S: Final = 0.1
SLOW_S: Final = 0.5  # machine time of one turn of an instance's loop from which the operator is warned
WARN_AGAIN_S: Final = 60.0  # between two such warnings about one instance
SPENT_S: Final = 1.0  # how often the processor time of each instance is noted: that reads a file for each thread
BLOCKED_S: Final = 10.0  # machine time that an instance's loop may take for one turn
START_S: Final = 5.0  # how long the hub's start waits for its connectors
LEFT_OUT: Final = "left-out"  # the reason of an instance that the hub has started without
MOST_CODES: Final = 100  # codes of one instance's problems that are counted separately
KEY_CONCURRENCY: Final = 8  # calls at a time of a connector with `concurrency: key`

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HostedConnector:
    """One entry under `connectors:`. `use` names the class; `contract` narrows the class's contract, if it is given.

    `protected`: the directory's answers to it contain protected persons, as its events do.
    """

    use: str
    config: ConnectorConfig
    contract: DataContract | None = None
    protected: bool = False
    isolation: Isolation | None = None  # None: in the hub's process
    far_sides: tuple[str, ...] = ()  # the names that the configuration gives them
    sum_words: frozenset[str] = frozenset()  # the names that rows of sums may have

    @classmethod
    def of(cls, entry: ConnectorEntry) -> Self:
        how = None
        if entry.isolation == "process":
            settings = None if entry.settings is None else Settings(*entry.settings)
            how = Isolation(entry.limits, settings)
        sides = tuple(each.name for each in entry.far_sides)
        return cls(entry.use, entry.config, entry.contract, entry.protected, how, sides, entry.sum_words)


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceInfo:
    """One instance as an operator sees it."""

    name: str
    use: str
    status: InstanceStatus
    reason: str  # a short stable code; empty while it runs
    failing: str  # the code of the last poll's failure; empty if the last poll succeeded
    doing: dict[str, float]  # calls that run now, each with the seconds since it began
    unread: str  # the code of what the last poll could not read although it succeeded; empty if it read all
    behind: tuple[str, ...]  # the far sides that the last poll which succeeded left behind
    failures: int  # polls in a row that failed or did not read all
    failed_since: datetime | None  # when the first of these polls ended; machine time
    far_sides: Sequence[FarSide]  # those that the configuration names, or the connector has reported
    timers: Sequence[TimerTrouble]  # runs of its timers that should have happened and did not
    status_since: datetime  # since when it has this status; machine time
    polls: bool  # whether it polls at all
    polled: datetime | None  # when the last poll ended that read all, since the instance began; machine time
    since: datetime  # when the instance began
    problem: str  # the code of the last problem since the hub began; empty if there was none
    problem_at: datetime | None
    problems: dict[str, int]  # how many problems there were, by code
    words: Mapping[str, Text]  # what the class says of its codes
    package: str  # the distribution and version that it comes from; empty for a class that a test has given
    usage: Usage | None = None  # None where it does not run
    left_out: LeftOut | None = None  # the hub started without it: why


def recipient_of(instance: str, cls: type[Connector[Any]], hosted: HostedConnector) -> Recipient | None:
    """The recipient as which an instance asks the directory; None if its class has no contract."""
    if cls.contract is None:
        return None
    contracts = (cls.contract,) if hosted.contract is None else (cls.contract, hosted.contract)
    return Recipient(f"connector/{instance}", contracts, aggregates=cls.aggregates, protected=hosted.protected)


class Hosts:
    """The instances by name.

    `directory(instance, recipient)` gives an instance its view of the directory. `wake()` is called when the outbox
    has got rows, `pause(instance, reason)` when an instance was given up and must get no more events, and
    `on_problem(instance, code, detail)` when an operator should know of something: codes and places, never data. All
    are called on the hub's event loop.
    """

    def __init__(
        self,
        *,
        plugins: Plugins,
        store: Store,
        clock: Clock,
        directory: Callable[[str, Recipient], DirectoryView],
        wake: Callable[[], None],
        pause: Callable[[str, str], None],
        on_problem: Callable[[str, str, str], None],
    ) -> None:
        self._plugins = plugins
        self._store = store
        self._clock = clock
        self._directory = directory
        self._wake = wake
        self._pause = pause
        self._on_problem = on_problem
        self._problems: dict[str, Counter[str]] = {}  # by instance and code, also over restarts of the instance
        self._last_problem: dict[str, tuple[str, datetime]] = {}
        self._moments_changed: Callable[[str], None] = lambda name: None
        self._instances: dict[str, Instance] = {}
        self._watchdogs: list[asyncio.Task[None]] = []
        self._opening: list[asyncio.Task[None]] = []
        self._served: set[str] = set()  # instances whose sink delivery has asked for
        self._halted: set[str] = set()  # instances that were stopped and will be replaced under the same name
        self._restarting: dict[str, asyncio.Task[InstanceStatus]] = {}
        self._reconciling: dict[str, asyncio.Task[None]] = {}
        self._left_out: Mapping[str, LeftOut] = {}
        self._left_out_since: dict[str, datetime] = {}
        self._spent: dict[str, float] = {}  # processor time of each instance lately, to see who held the hub up
        self._warned: dict[tuple[str, str], float] = {}
        self.far_sides = FarSides(store, clock)
        self.timer_troubles: Callable[[str], Sequence[TimerTrouble]] = lambda name: ()  # set by `Timers`

    def leave_out(self, left_out: Mapping[str, LeftOut]) -> None:
        """Show from now on that these are configured and can't be used; the operator is notified of new ones."""
        new = left_out.keys() - self._left_out.keys()
        self._left_out = left_out
        now = self._clock.utc()
        self._left_out_since = {name: self._left_out_since.get(name, now) for name in left_out}
        for name in sorted(new):
            first = left_out[name].findings[0]
            self.problem(name, LEFT_OUT, f"{first.file}:{first.line} {first.key}")

    async def start(self, connectors: Mapping[str, HostedConnector]) -> None:
        """Start all. Returns when each has tried start() once, or after START_S; slow ones go on in the background.

        Raises UnknownConnector.
        """
        for hosted in connectors.values():
            self._plugins.connector(hosted.use)
        await self.far_sides.load()
        self._watchdogs = [asyncio.create_task(self._watch()), asyncio.create_task(self._watch_loop())]
        self._opening = [asyncio.create_task(self.add(name, hosted)) for name, hosted in connectors.items()]
        if self._opening:
            ended, _ = await asyncio.wait(self._opening, timeout=START_S)
            for opening in ended:
                opening.result()

    async def stop(self) -> None:
        """End all in bounded time: an instance that does not end is named in the log and left behind."""
        pending = [*self._watchdogs, *self._opening, *self._restarting.values(), *self._reconciling.values()]
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        instances, self._instances = list(self._instances.values()), {}
        await asyncio.gather(*(self._close(instance, successor=False) for instance in instances))

    async def add(self, name: str, hosted: HostedConnector) -> None:
        """Start one more instance. Raises UnknownConnector, and ValueError if the name is taken."""
        if name in self._instances and name not in self._halted:
            raise ValueError(f"connector instance {name} exists already")
        cls = self._plugins.connector(hosted.use)
        self._halted.discard(name)
        recipient = recipient_of(name, cls, hosted)
        isolation = hosted.isolation
        if isolation is not None:
            distribution, _, version = self._plugins.package(hosted.use).partition(" ")
            isolation = replace(isolation, distribution=distribution if version else "")
        self.far_sides.declare(name, hosted.far_sides)
        await self._open(
            Instance(
                name,
                cls,
                config=hosted.config,
                recipient=recipient,
                around=self._surroundings(),
                isolation=isolation,
                sum_words=hosted.sum_words,
            )
        )

    async def halt(self, name: str) -> None:
        """Stop an instance that `add` will replace. Until then events that delivery brings are tried again."""
        self._halted.add(name)
        await self._close(self._instances[name], successor=True)

    async def remove(self, name: str) -> None:
        """Stop one instance. Its state is in the store then, for a later instance of the same name. Raises KeyError."""
        self._halted.discard(name)
        self.far_sides.declare(name, ())
        await self._close(self._instances.pop(name), successor=True)

    async def restart(self, name: str) -> InstanceStatus:
        """Replace an instance by a new one with the state of the store, after a person has corrected what was wrong.

        Does nothing more where the instance is removed or replaced meanwhile. Raises KeyError.
        """
        old = self._instances[name]
        await self._close(old, successor=True)
        if self._instances.get(name) is not old or name in self._halted:
            return old.status
        new = Instance(
            name,
            old.cls,
            config=old.config,
            recipient=old.recipient,
            around=self._surroundings(),
            isolation=old.isolation,
            sum_words=old.sum_words,
        )
        await self._open(new)
        return new.status

    def moved(self, name: str, rows: int) -> None:
        """The log has got this many of the events that an instance has published."""
        if (instance := self._instances.get(name)) is not None:
            instance.outbox.moved(rows)

    def on_moments(self, changed: Callable[[str], None]) -> None:
        """Call `changed(instance)` from now on where an instance begins, or its next moment is due earlier."""
        self._moments_changed = changed

    def names(self) -> list[str]:
        return sorted(self._instances)

    def instance(self, name: str) -> Instance:
        """Raises KeyError."""
        return self._instances[name]

    def statuses(self) -> list[InstanceInfo]:
        """All that are configured, by name, also those that the hub has started without."""
        found = [self._status(name, instance) for name, instance in self._instances.items()]
        found += [self._missing(name, left_out) for name, left_out in self._left_out.items()]
        return sorted(found, key=lambda each: each.name)

    def _missing(self, name: str, left_out: LeftOut) -> InstanceInfo:
        problem, problem_at = self._last_problem.get(name, ("", None))
        since = self._left_out_since[name]
        return InstanceInfo(
            name=name, use=left_out.use, status=InstanceStatus.FAILED, reason=LEFT_OUT, failing="", doing={}, unread="",
            behind=(), failures=0, failed_since=None, far_sides=self.far_sides.of(name), timers=(),
            status_since=since, polls=False, polled=None, since=since, problem=problem, problem_at=problem_at,
            problems=dict(self._problems.get(name, {})), words={}, package=self._plugins.package(left_out.use),
            left_out=left_out,
        )  # fmt: skip

    def _status(self, name: str, instance: Instance) -> InstanceInfo:
        now = self._clock.monotonic()
        problem, problem_at = self._last_problem.get(name, ("", None))
        return InstanceInfo(
            name=name,
            use=instance.cls.name,
            status=instance.status,
            reason=instance.reason,
            failing=instance.failing,
            doing={call.what: round(now - call.started, 1) for call in instance.calls},
            unread=instance.unread,
            behind=instance.behind,
            failures=instance.failures,
            failed_since=instance.failed_since,
            far_sides=self.far_sides.of(name),
            timers=self.timer_troubles(name),
            status_since=instance.status_since,
            polls=instance.cls.poll is not Connector.poll,
            polled=instance.polled,
            since=instance.since,
            problem=problem,
            problem_at=problem_at,
            problems=dict(self._problems.get(name, {})),
            words=instance.cls.problems,
            package=instance.package or self._plugins.package(instance.cls.name),
            usage=instance.usage(),
        )

    def problem(self, name: str, code: str, detail: str) -> None:
        """Count something that an operator should know of an instance, and report it."""
        counts, counted = self._problems.setdefault(name, Counter()), coded(code)
        counts[counted if counted in counts or len(counts) < MOST_CODES else "other"] += 1
        self._last_problem[name] = counted, self._clock.utc()
        self._on_problem(name, code, detail)

    def sink(self, name: str) -> "ConnectorSink":
        """The sink through which delivery brings this instance its events. Raises KeyError."""
        instance = self._instances[name]
        if name in self._served and _waits_for_a_person(instance):
            # Delivery asks again when a person has resumed the subscription: then the instance begins anew too.
            self.restart_soon(name)
        self._served.add(name)
        return ConnectorSink(self, name, KEY_CONCURRENCY if instance.cls.concurrency == "key" else 1)

    async def selftest(self, name: str) -> None:
        """A round trip to the far side. Raises what the connector raises, NotRunning, TimedOut."""
        instance = self._instances[name]
        await instance.call("selftest", limit_s=instance.cls.timeout_s)

    async def reconcile(self, name: str) -> None:
        """Call reconcile(). Raises as `selftest`."""
        instance = self._instances[name]
        await instance.call("reconcile", limit_s=instance.cls.poll_timeout_s)

    def may_reconcile(self, name: str) -> bool:
        """Whether `reconcile_soon` would begin one: none from here is under way. Raises KeyError, NotRunning."""
        self._instances[name].require_running()
        return name not in self._reconciling

    def reconcile_soon(self, name: str) -> bool:
        """Reconcile in the background, which may take as long as `poll_timeout_s`; the instance reports a failure.

        False if an earlier one from here has not ended. Raises KeyError, NotRunning.
        """
        if not self.may_reconcile(name):
            return False

        async def reconcile() -> None:
            with contextlib.suppress(Exception):
                await self.reconcile(name)

        task = asyncio.get_running_loop().create_task(reconcile())
        self._reconciling[name] = task
        task.add_done_callback(lambda done: self._reconciling.pop(name, None))
        return True

    def may_restart(self, name: str) -> bool:
        """Whether `restart_soon` would begin one: the instance is not being restarted already. Raises KeyError."""
        if name not in self._instances:
            raise KeyError(name)
        return name not in self._restarting

    def restart_soon(self, name: str) -> bool:
        """Restart an instance in the background. False if it is being restarted already. Raises KeyError."""
        if not self.may_restart(name):
            return False
        task = asyncio.get_running_loop().create_task(self.restart(name))
        self._restarting[name] = task
        task.add_done_callback(lambda done: self._restarting.pop(name, None))
        return True

    async def waiting(self, name: str) -> Sequence[Waiting]:
        """What a person must confirm. Raises as `selftest`."""
        return await self._instances[name].waiting()

    async def confirm(self, name: str, word: str, noted: Operation) -> None:
        """A person has confirmed `word`. `noted` records that person, and is committed with what the instance keeps.

        Raises as `selftest`, and NothingWaits.
        """
        await self._instances[name].confirm(word, noted)

    def receive_limit(self, name: str) -> int:
        """The most bytes that a body for this instance may have; the default if the instance receives no request."""
        return self._instances[name].cls.receive_limit if self.receives(name) else Connector.receive_limit

    def receives(self, name: str) -> bool:
        """Whether there is such an instance, and its class takes requests."""
        instance = self._instances.get(name)
        return instance is not None and instance.cls.receive is not Connector.receive

    async def receive(self, name: str, request: Received, waited_s: Callable[[], float] = lambda: 0.0) -> Answer | None:
        """Call receive() of an instance. None: there is no such instance, or it does not know this request.

        `waited_s`: how long the connector has waited for its client, which is no fault of the connector.

        Raises as `selftest`, except KeyError, and BodyLost. NotRunning where the hub has started without the instance.
        """
        if name in self._left_out:
            raise NotRunning(f"{name} was left out", code=LEFT_OUT)  # its client sends again later
        if not self.receives(name):
            return None
        return await self._instances[name].receive(request, waited_s)

    def _surroundings(self) -> Surroundings:
        return Surroundings(
            catalogue=self._plugins.catalogue(),
            store=self._store,
            clock=self._clock,
            directory=self._directory,
            wake=self._wake,
            pause=self._pause,
            problem=self.problem,
            far_side=self.far_sides.report,
            moments_changed=lambda name: self._moments_changed(name),
            loop=asyncio.get_running_loop(),
        )

    async def _close(self, instance: Instance, *, successor: bool) -> None:
        if not await instance.close(successor=successor):
            where = instance.where()
            self.problem(instance.name, "left-behind", where)
            log.error("%s: its thread did not end and was left behind at %s", instance.name, where)

    async def _open(self, instance: Instance) -> None:
        self._instances[instance.name] = instance  # before any wait: delivery asks for its sink at once
        if instance.isolation is not None:
            # Before the instance's start, which has a time limit. If it fails, that start says so.
            with contextlib.suppress(OSError):
                await asyncio.to_thread(shared().begin)
        await instance.open()

    async def _watch(self) -> None:
        """Warn of slow instances, and give up each whose loop does not turn or whose call does not end."""
        last = self._clock.monotonic()
        while True:
            await self._clock.sleep(WATCH_S)
            now = self._clock.monotonic()
            passed_s, last = now - last, now
            for instance in list(self._instances.values()):
                try:
                    self._look_at(instance, passed_s)
                except Exception as error:  # the others are watched all the same
                    log.exception("%s can't be watched", instance.name)
                    self._warn(instance, "fault", f"watch: {type(error).__name__}")

    def _look_at(self, instance: Instance, passed_s: float) -> None:
        """`passed_s`: since the last look."""
        if instance.status in (InstanceStatus.STUCK, InstanceStatus.STOPPED):
            return
        if over := instance.over_limit():
            instance.end_process(over)
        elif passed_s >= BLOCKED_S / 2:  # the machine, or the hub itself, stood still: no instance is to blame
            instance.forget_ping()
        elif (unanswered_s := instance.unanswered_s()) > BLOCKED_S:
            self._give_up(instance, "blocked", "put blocking calls into ctx.blocking(...)")
        elif (call := instance.overdue()) is not None:
            self._give_up(instance, "hung", f"{call.what}() does not end, not even when cancelled")
        elif unanswered_s >= SLOW_S and passed_s - WATCH_S < SLOW_S / 2:
            self._warn(instance, "blocks", instance.where())

    async def _watch_loop(self) -> None:
        """Warn of an instance that holds the interpreter, so that the hub's loop stands still.

        In the loop's own time: a clock that is moved by hand does not tell that the loop stood still.
        """
        loop = asyncio.get_running_loop()
        spent_at = loop.time()
        with contextlib.suppress(Exception):  # as below
            self._spent = self._spending()
        while True:
            due = loop.time() + WATCH_S
            await asyncio.sleep(WATCH_S)
            late_s = loop.time() - due
            try:
                if late_s > SLOW_S and (holder := self._holder(late_s)) is not None:
                    self._warn(holder, "holds-interpreter", f"the hub stood still for {late_s:.1f} s")
                if loop.time() - spent_at > SPENT_S:
                    spent_at, self._spent = loop.time(), self._spending()
            except Exception:  # it must not end the watch: the next turn may succeed
                log.exception("the watch over the hub's loop has failed")

    def _holder(self, late_s: float) -> Instance | None:
        """The instance that used the processor while the hub's loop stood still for `late_s`; None if none stands out.

        A busy machine gives it a part of that time only; a machine that stood still itself gives none to any.
        """
        grown = {name: spent_s - self._spent.get(name, 0.0) for name, spent_s in self._spending().items()}
        most = max(grown, key=grown.__getitem__)
        return self._instances.get(most) if grown[most] > max(SLOW_S, late_s / 8) else None

    def _spending(self) -> dict[str, float]:
        """Processor time so far of each instance, and of the hub's own loop under an empty name."""
        here = processor_s([threading.current_thread()])
        return {"": here} | {name: each.processor_s() for name, each in self._instances.items()}

    def _warn(self, instance: Instance, code: str, detail: str) -> None:
        now = self._clock.monotonic()
        if now - self._warned.get((instance.name, code), -WARN_AGAIN_S) >= WARN_AGAIN_S:
            self._warned[instance.name, code] = now
            self.problem(instance.name, code, detail)

    def _give_up(self, instance: Instance, reason: str, explanation: str) -> None:
        if instance.end_process(reason):  # it begins another
            return
        where = instance.where()
        log.error("%s is given up (%s at %s): %s", instance.name, reason, where, explanation)
        instance.give_up(reason)
        self.problem(instance.name, reason, where)
        self._pause(instance.name, reason)


def _waits_for_a_person(instance: Instance) -> bool:
    return instance.status is InstanceStatus.STUCK or (
        instance.status is InstanceStatus.FAILED and instance.reason == "configuration"
    )


class ConnectorSink:
    """`hub.delivery.base.Sink` of one instance, which is looked up at each attempt, since it may be restarted."""

    def __init__(self, hosts: Hosts, name: str, concurrency: int) -> None:
        self.concurrency = concurrency
        self._hosts = hosts
        self._name = name

    async def deliver(self, attempt: Attempt) -> Outcome:
        try:
            instance = self._hosts.instance(self._name)
        except KeyError:  # the instance left the configuration while its subscription was being stopped
            return Outcome(Result.RETRY, "removed", recipient_down=True)
        return await instance.deliver(attempt)

    async def close(self) -> None:
        """Nothing to do: `Hosts` stops the instance, which outlives its subscription."""
