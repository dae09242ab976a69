"""`plugins.testing.TestHub` on the embedded engine."""

import asyncio
import contextlib
import inspect
import logging
import os
import tempfile
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal, Self, TypeVar

import orjson

from hub.assembly.hub import Hub
from hub.bus.base import Stored
from hub.clock import from_us
from hub.config import ConnectorEntry, HubConfig
from hub.config.limits import Limits
from hub.hosting.instance import InstanceStatus
from hub.hosting.isolated.beginning import is_found_again
from hub.store import audit, connector_state, dead_letters, moments
from hub.subscriptions.model import Status
from hub.testing.empty_store import write_empty_store
from hub.testing.loop import LoopThread
from plugins.connector import Connector, ConnectorConfig, Waiting
from plugins.errors import ConfigurationError
from plugins.manager import Plugins
from plugins.receiving import Answer, Received
from plugins.testing.clock import ManualClock
from plugins.testing.hub import ISOLATION, DeadLetter, PendingTimer
from schemas import Event
from schemas.school_time import SCHOOL_ZONE

T = TypeVar("T")

TENANT: Final = "exempelkommun"
RETRY_S: Final = 3600.0  # longer than the first delays of delivery and timers
PAGE: Final = 1000
LOG_LINES_S: Final = 10_000  # a test may look for any line
MEMORY: Final = "/dev/shm"  # noqa: S108 - a folder in memory, on Linux


class FileTestHub:
    """One hub in a folder that is removed when the test ends.

    The hub runs on an event loop in a thread of its own. A crash abandons that loop and all its tasks, as the end of a
    killed process would, and the test goes on.
    """

    __test__ = False

    def __init__(self, start: datetime | str, *, isolation: Literal["process", "none"] | None = None) -> None:
        """`isolation`: of each connector; None: what the environment variable SKOLNAV_ISOLATION says, else none."""
        self.clock = ManualClock(start)
        # In memory where there is such a folder: what crashes in a test is a process, and not the machine.
        memory = MEMORY if os.access(MEMORY, os.W_OK) else None
        self._folder = tempfile.TemporaryDirectory(prefix="skolnav-test-", dir=memory, ignore_cleanup_errors=True)
        asked: Literal["process", "none"] = "process" if os.environ.get(ISOLATION) == "process" else "none"
        self._isolation = isolation or asked
        self._connectors: dict[str, ConnectorEntry] = {}
        self._plugins: Plugins | None = None  # of these connectors
        self._problems: list[str] = []
        self._log_lines = _Lines()
        self._loop: LoopThread | None = None
        self._hub: Hub | None = None
        self._begun = False
        self._dead = False  # it crashed and has not been started again
        self._watched: Callable[[], object] | None = None
        self._before: object = None

    # -- life -------------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        self._log_lines.open()
        return self  # it starts when it has something to do: mostly with a connector already

    async def __aexit__(self, *error: object) -> None:
        try:
            await self._stop()
        finally:
            self._log_lines.close()
            self._folder.cleanup()

    async def add(
        self, connector: type[Connector[Any]], config: ConnectorConfig | Mapping[str, Any], name: str | None = None
    ) -> str:
        classes = [entry.cls for entry in self._connectors.values()]
        plugins = Plugins.of(*dict.fromkeys([*classes, connector]))  # raises where something is wrong with the class
        if not isinstance(config, ConnectorConfig):
            config = connector.config_model.model_validate(config)
        instance = name or connector.name
        if self._isolation == "process" and not is_found_again(connector):
            # Another class of that name would run there, without what the test has put into this one.
            raise ConfigurationError(
                f"{connector.__name__} can't run in a process of its own: it is not the class that its module has",
                fix=f"Give the hub the class that its module has, or run this test without {ISOLATION}=process",
            )
        self._connectors[instance] = ConnectorEntry(
            connector.name,
            connector,
            config,
            isolation=self._isolation,
            limits=Limits(log_lines_s=LOG_LINES_S),
            exact=("*",),  # a vendor's test compares numbers
            aggregates=connector.aggregates,
            sum_words=frozenset(config.sum_words()),
        )
        self._plugins = plugins
        await self.restart()
        return instance

    async def restart(self) -> None:
        await self._stop()
        await self._start()
        await self.settle()

    async def stop(self) -> None:
        await self._stop()

    async def crash(self) -> None:
        hub, loop = await self._running()
        self._dead = True
        _freeze(hub)
        await self._abandon(hub, loop)

    @property
    def crashed(self) -> bool:
        return self._dead

    def crash_after_effect(self, effects: Callable[[], object]) -> None:
        self._watched, self._before = effects, effects()

    # -- what happens -----------------------------------------------------------------------------------------------

    async def post(self, events: Iterable[Event | Mapping[str, Any]]) -> None:
        hub, loop = await self._running()
        read = [event if isinstance(event, Event) else Event.from_dict(dict(event)) for event in events]
        batch = [hub.services.catalogue.describe(event) for event in read]
        await loop.run(hub.log.append(batch))

    async def settle(self) -> None:
        hub, loop = await self._running()
        await self._on_living(loop, self._settled(hub))
        self._due_to_crash(hub)  # also for an effect after which nothing was committed

    async def advance_to(self, moment: datetime | str) -> None:
        _, loop = await self._running()

        async def move() -> None:
            self.clock.advance_to(moment)

        await loop.run(move())
        await self.settle()

    async def retry(self) -> None:
        self.clock.pass_machine(RETRY_S)
        await self.restart()

    async def poll(self, instance: str) -> None:
        hub, loop = await self._running()
        found = hub.hosts.instance(instance)
        with contextlib.suppress(Exception):  # the instance reports it
            await self._on_living(loop, found.call("poll", limit_s=found.cls.poll_timeout_s))
        if not self._dead:
            await self.settle()

    async def receive(self, instance: str, request: Received) -> Answer | None:
        hub, loop = await self._running()
        if request.whole is not None and len(request.whole) > hub.hosts.receive_limit(instance):
            return Answer(413)
        answer = await self._on_living(loop, hub.hosts.receive(instance, request))
        if not self._dead:
            await self.settle()
        return answer

    async def waiting(self, instance: str) -> Sequence[Waiting]:
        hub, loop = await self._running()
        return await loop.run(hub.hosts.waiting(instance))

    async def confirm(self, instance: str, word: str) -> None:
        hub, loop = await self._running()
        noted = audit.add(
            TENANT, hub.clock.utc(), actor="test", action="connector.confirmed", target=f"{instance} {word}"
        )
        await self._on_living(loop, hub.hosts.confirm(instance, word, noted))
        if not self._dead:
            await self.settle()

    async def reconcile(self, instance: str) -> None:
        hub, loop = await self._running()
        await self._on_living(loop, hub.hosts.reconcile(instance))
        if not self._dead:
            await self.settle()

    async def selftest(self, instance: str) -> None:
        hub, loop = await self._running()
        await loop.run(hub.hosts.selftest(instance))

    async def replay(self, instance: str) -> None:
        hub, loop = await self._running()
        await self._on_living(loop, hub.delivery.replay(f"connector:{instance}", by="test"))
        await self.settle()

    async def resend(self, instance: str, event: str) -> None:
        hub, loop = await self._running()
        accepted = next((each.accepted_us for each in await self._stored(hub, loop) if each.id == event), None)
        if accepted is None:
            raise KeyError(event)
        since = from_us(accepted)
        until = since + timedelta(microseconds=1)
        await self._on_living(loop, hub.delivery.replay(f"connector:{instance}", since=since, until=until, by="test"))
        await self.settle()

    # -- what can be seen -------------------------------------------------------------------------------------------

    async def published(self, type: str | None = None) -> list[Event]:
        stored = await self._stored(*await self._running())
        own = [
            each.event
            for each in stored
            if each.source.startswith(f"urn:skolnav:{TENANT}:") and not (each.leaves or each.restated)
        ]
        return [event for event in own if type in (None, event.type)]

    async def state(self, instance: str) -> dict[str, Any]:
        hub, loop = await self._running()
        values = await loop.run(hub.store.read(connector_state.load(TENANT, instance)))
        return {name: orjson.loads(value) for name, value in values.items()}

    async def timers(self, instance: str) -> list[PendingTimer]:
        hub, loop = await self._running()
        pending = await loop.run(hub.store.read(moments.load(TENANT, instance)))
        pending.sort(key=lambda each: (each.due_us, each.name, each.key))
        return [PendingTimer(each.name, each.key, each.due.astimezone(SCHOOL_ZONE)) for each in pending]

    async def status(self, instance: str) -> str:
        hub, _ = await self._running()
        found = hub.hosts.instance(instance)
        if found.status is InstanceStatus.RUNNING and found.cls.consumes:
            subscription = hub.delivery.status(f"connector:{instance}")
            if subscription.state is not Status.ACTIVE:
                return f"{subscription.state}: {subscription.reason}"
        return f"{found.status}: {found.reason}" if found.reason else found.status.value

    async def dead_letters(self) -> list[DeadLetter]:
        hub, loop = await self._running()
        letters = await loop.run(hub.store.read(dead_letters.page(TENANT, limit=10_000)))
        return [
            DeadLetter(letter.subscription.removeprefix("connector:"), letter.event_id, letter.reason, letter.attempts)
            for letter in letters
        ]

    def problems(self) -> list[str]:
        current = self._hub.problems if self._hub is not None else []
        return [*self._problems, *(f"{each.where}: {each.code} {each.detail}".rstrip() for each in current)]

    def logs(self) -> str:
        return "\n".join(self._log_lines.lines)

    # -- inside -----------------------------------------------------------------------------------------------------

    async def _stored(self, hub: Hub, loop: LoopThread) -> list[Stored]:
        """All events in the log, in order."""

        async def read() -> list[Stored]:
            found: list[Stored] = []
            position = hub.log.start()
            while True:
                batch = await hub.log.read(position, PAGE)
                found += batch.events
                if batch.at_head:
                    return found
                position = batch.position

        return await loop.run(read())

    async def _running(self) -> tuple[Hub, LoopThread]:
        if not self._begun:
            await self._start()
        if self._hub is None or self._loop is None:
            raise RuntimeError(
                "the hub is not running: use `async with open_hub() as hub`, and restart() after a crash"
            )
        return self._hub, self._loop

    async def _start(self) -> None:
        if not self._begun:
            await asyncio.to_thread(write_empty_store, Path(self._folder.name) / "store.db")
        self._begun, self._dead, self._watched = True, False, None
        self._loop = LoopThread("skolnav-test-hub")
        config = HubConfig(
            municipality="Exempelkommun",
            tenant=TENANT,
            data=Path(self._folder.name),
            connectors=dict(self._connectors),
        )
        try:
            self._hub = await self._loop.run(Hub.start(config, clock=self.clock, plugins=self._plugins or Plugins.of()))
        except BaseException:
            await self._loop.end()
            self._loop = None
            raise
        self._watch_commits(self._hub)

    async def _stop(self) -> None:
        hub, loop = self._hub, self._loop
        if hub is None or loop is None:
            return
        if self._dead:
            await self._abandon(hub, loop)
            return
        self._problems = self.problems()
        self._hub = self._loop = None
        await loop.run(hub.stop())
        await loop.end()

    async def _abandon(self, hub: Hub, loop: LoopThread) -> None:
        """End a hub that can make nothing durable any more: its connectors, its tasks, then its files."""
        self._problems = self.problems()
        self._hub = self._loop = None

        async def end() -> None:
            for name in hub.hosts.names():
                hub.hosts.instance(name).give_up("crash")
            await loop.cancel_others()
            for name in hub.hosts.names():
                await hub.hosts.instance(name).close(successor=False)
            _thaw(hub)
            await hub.services.engine.close()

        await loop.run(end())
        await loop.end()

    async def _on_living(self, loop: LoopThread, work: Coroutine[Any, Any, T]) -> T | None:
        """Wait for work in the hub, or for the crash that the test has asked for: then the answer is None."""
        doing = asyncio.ensure_future(loop.run(work))
        try:
            while not doing.done() and not self._dead:
                await asyncio.wait([doing], timeout=0.02)
            return doing.result() if doing.done() and not self._dead else None
        finally:
            if not doing.done():
                doing.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await doing
            if inspect.getcoroutinestate(work) == inspect.CORO_CREATED:  # the loop ended before it began
                work.close()

    async def _settled(self, hub: Hub) -> None:
        quiet = 0
        while quiet < 2:  # the end of work in one part may begin work in another
            await hub.settled()
            busy = not hub.timers.quiet() or any(
                instance.calls or instance.poll_is_due() or instance.status is InstanceStatus.STARTING
                for instance in map(hub.hosts.instance, hub.hosts.names())
            )
            quiet = 0 if busy else quiet + 1
            await asyncio.sleep(0.005)

    def _watch_commits(self, hub: Hub) -> None:
        """Check before each commit whether the far side has an effect that this hub must not remember."""
        commit = hub.store.commit

        def watched(*operations: Any) -> Awaitable[None]:
            # If the hub is due to crash, `_freeze` has just replaced `hub.store.commit`.
            return hub.store.commit(*operations) if self._due_to_crash(hub) else commit(*operations)

        hub.store.commit = watched  # type: ignore[method-assign,assignment]

    def _due_to_crash(self, hub: Hub) -> bool:
        if self._watched is None or self._dead or self._watched() == self._before:
            return False
        self._dead = True
        _freeze(hub)
        return True


def _freeze(hub: Hub) -> None:
    """From now on nothing becomes durable and no caller gets an answer, as in a process that dies."""

    def never(*_: Any) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().create_future()

    async def never_ends(*_: Any) -> Any:
        await never()

    hub.store.commit = never  # type: ignore[method-assign]
    hub.log.append = never_ends  # type: ignore[method-assign,assignment]
    hub.log.restate = never_ends  # type: ignore[method-assign,assignment]


def _thaw(hub: Hub) -> None:
    for part in (hub.store, hub.log):
        for name in ("commit", "append", "restate"):
            vars(part).pop(name, None)


class _Lines(logging.Handler):
    """Keeps each line of all loggers as it would be written."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self._level = logging.WARNING
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    def open(self) -> None:
        root = logging.getLogger()
        self._level = root.level
        root.setLevel(logging.DEBUG)
        root.addHandler(self)

    def close(self) -> None:
        root = logging.getLogger()
        if self in root.handlers:
            root.removeHandler(self)
            if root.level == logging.DEBUG:  # another level was set by a connector, and the suites must see that
                root.setLevel(self._level)
        super().close()
