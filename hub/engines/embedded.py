"""The embedded engine: a whole hub in one process on two files. Puts the parts together, in the order they wake."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, Final, Self

from hub.bus.sqlite import SqliteLog
from hub.clock import SCHOOL_ZONE, Clock, SystemClock
from hub.config import HubConfig
from hub.delivery.base import Sink
from hub.delivery.engine import Delivery
from hub.delivery.follower import Parts
from hub.delivery.pages import Pages
from hub.delivery.relay import Relay
from hub.directory.directory import Change, Directory
from hub.engines import root_key
from hub.engines.host import HostedConnector, Hosts
from hub.engines.reload import Reloader
from hub.engines.timers import Timers
from hub.privacy.directory_view import GuardedDirectory
from hub.privacy.disclosures import Disclosures
from hub.privacy.gate import PrivacyGate
from hub.privacy.withheld import WithheldMarks
from hub.runner import Runner, ThreadRunner
from hub.services import Services
from hub.sinks.outbound import Outbound
from hub.store.sql import SqlStore
from hub.subscriptions.model import Status, Subscription
from hub.subscriptions.registry import Registry
from plugins.manager import Plugins
from schemas import Catalogue

RING_BYTES: Final = 32 << 20  # the newest events, for all followers that keep up
MAINTAIN_EVERY_S: Final = 3600.0

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Problem:
    """Something an operator should know: where, a stable code, and a place or id. Never data."""

    at: datetime
    where: str
    code: str
    detail: str


class Hub:
    """A running hub without its HTTP servers (`hub.engines.server`)."""

    def __init__(self, config: HubConfig, clock: Clock, plugins: Plugins) -> None:
        self.config = config
        self.clock = clock
        self.plugins = plugins
        self.problems: list[Problem] = []
        self._runners: list[Runner] = []
        self._cleanup = contextlib.AsyncExitStack()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._started_at = clock.utc()

    @classmethod
    async def start(cls, config: HubConfig, *, plugins: Plugins | None = None, clock: Clock | None = None) -> Self:
        """Open the files, take up where the last life ended, and deliver.

        Raises LogLocked (another hub runs on these files), LogUnavailable, StoreUnavailable, ConfigurationError.
        """
        if clock is None:
            school = config.school_clock
            clock = SystemClock(school.start, school.speed) if school is not None else SystemClock()
        hub = cls(config, clock, plugins if plugins is not None else Plugins.load())
        try:
            await hub._start()
        except BaseException:
            await hub.stop()
            raise
        return hub

    async def _start(self) -> None:
        config, clock, tenant = self.config, self.clock, self.config.tenant
        config.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        catalogue = self.plugins.catalogue()
        # The log first: its lock is what keeps a second hub off both files.
        self.log = await SqliteLog.open(
            config.data / "log.db", catalogue=catalogue, clock=clock, runner=self._runner(), ring_bytes=RING_BYTES,
            dedupe_window=config.dedupe_window,
        )  # fmt: skip
        self._cleanup.push_async_callback(self.log.close)
        self.store = await SqlStore.open(config.data / "store.db", tenant=tenant, runner=self._runner())
        self._cleanup.push_async_callback(self.store.close)
        keys = await root_key.open_keys(config, self.store)
        self.directory = Directory(clock, config.directory.max_age, partial(self.problem, "directory"))
        await self.directory.load(self.log)
        self.log.observe(self.directory.observe)
        gate = PrivacyGate(catalogue, self.directory, keys, clock, tenant)
        disclosures = Disclosures(self.store, keys, tenant, clock)
        self.withheld = WithheldMarks(self.store, self.log, self.directory, gate, tenant)
        self.outbound = Outbound(config, clock)
        registry = await Registry.open(config, store=self.store, catalogue=catalogue, keys=keys, clock=clock)
        await root_key.remember(keys, self.store)  # it has opened what was sealed before there were fingerprints
        self.relay = Relay(
            tenant=tenant, store=self.store, log=self.log, catalogue=catalogue, clock=clock,
            on_problem=partial(self.problem, "relay"),
        )  # fmt: skip
        self.hosts = Hosts(
            plugins=self.plugins, store=self.store, clock=clock,
            directory=lambda instance, recipient: GuardedDirectory(
                self.directory, gate, disclosures, self.store, self.log, recipient, tenant
            ),
            wake=self.relay.wake, pause=self._pause_connector, on_problem=self._connector_problem,
        )  # fmt: skip
        waits = FirstLoad(config, catalogue, self.directory, clock, self._started_at)
        parts = Parts(
            tenant, self.log, self.store, gate, disclosures, self.withheld, clock, random.Random(),  # noqa: S311
            keys.derive(f"{tenant}/delivery-id"), self.problem, waits,
        )  # fmt: skip
        self.delivery = Delivery(parts, registry, catalogue, self._sink, self._handshake)
        registry.first_cursor = self.delivery.first_cursor
        pages = Pages(
            log=self.log, store=self.store, directory=self.directory, gate=gate, disclosures=disclosures,
            withheld=self.withheld, registry=registry, catalogue=catalogue, keys=keys, clock=clock,
            retention=config.retention, waits=waits,
        )  # fmt: skip
        self.services = Services(
            config, clock, keys, self.plugins, catalogue, self.store, self.log, self.directory, gate, disclosures,
            self.withheld, registry, self.delivery, pages, self.hosts,
        )  # fmt: skip
        self.directory.listen(self._look_again)
        await self.delivery.prepare()
        await self.withheld.start()
        self._cleanup.push_async_callback(self.withheld.stop)
        await self.relay.start()
        self._cleanup.push_async_callback(self.relay.stop)
        self._cleanup.push_async_callback(self.hosts.stop)  # first: the start may take long, and be cut off
        await self.hosts.start(
            {name: HostedConnector(each.use, each.config, each.contract) for name, each in config.connectors.items()}
        )
        await self.delivery.start()
        self._cleanup.push_async_callback(self.delivery.stop)
        self.timers = Timers(
            store=self.store, clock=clock, hosts=self.hosts, caught_up=self._caught_up,
            on_problem=self.hosts.problem,
        )  # fmt: skip
        await self.timers.start()
        self._cleanup.push_async_callback(self.timers.stop)
        self.reloader = Reloader(self.services, self.timers, self._in_force)
        self._cleanup.push_async_callback(self.reloader.stop)
        self._cleanup.callback(pages.close)
        self._spawn(self._maintain())
        self._spawn(self._expire())

    async def stop(self) -> None:
        """End in order: what is on its way comes home, cursors are saved, files are closed."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._cleanup.aclose()
        for runner in self._runners:
            runner.close()

    async def settled(self) -> None:
        """Return when nothing is left to do now (tests and the demo wait for this)."""
        while True:
            await self.withheld.settled()
            await self.delivery.settled()
            if self.relay.idle:
                return
            await asyncio.sleep(0.005)

    def problem(self, where: str, code: str, detail: str) -> None:
        """Note something for the operator."""
        self.problems.append(Problem(self.clock.utc(), where, code, detail))
        del self.problems[:-1000]
        log.warning("%s: %s %s", where, code, detail)

    def _in_force(self, config: HubConfig) -> None:
        """A configuration counts from now on, wherever one is asked."""
        self.config = self.services.config = config
        self.outbound.configure(config)
        self.services.pages.retention = config.retention

    # -- what the parts ask for -------------------------------------------------------------------------------------

    def _sink(self, subscription: Subscription) -> Sink:
        sink = subscription.sink
        if sink["kind"] == "connector":
            return self.hosts.sink(sink["instance"])
        return self.outbound.sink(subscription)

    async def _handshake(self, subscription: Subscription) -> bool:
        answer = await self.outbound.ask(subscription)
        if not answer.granted:
            self.problem(subscription.id, "handshake", answer.reason)
        return answer.granted

    def _pause_connector(self, instance: str, reason: str) -> None:
        self._spawn(self.services.subscriptions.set_status(f"connector:{instance}", Status.PAUSED, reason, "hub"))

    def _connector_problem(self, instance: str, code: str, detail: str) -> None:
        self.problem(f"connectors.{instance}", code, detail)

    async def _caught_up(self, instance: str, due: datetime) -> bool:
        try:
            self.services.subscriptions.get(f"connector:{instance}")
        except KeyError:
            return True  # it consumes nothing
        return await self.delivery.caught_up(f"connector:{instance}")

    def _look_again(self, change: Change) -> None:
        self.delivery.look_again()
        self.services.pages.wake()

    async def _maintain(self) -> None:
        """Forget what is past its retention, and take up what begins with a new day."""
        today = self.clock.school().date()
        while True:
            try:
                await self.log.trim(self.clock.utc() - self.config.retention)
                if self.clock.school().date() != today:
                    today = self.clock.school().date()
                    self.withheld.new_day(today)
            except Exception as error:
                self.problem("maintenance", type(error).__name__, "")
            await self.clock.sleep(self._next_chore_s())

    def _next_chore_s(self) -> float:
        """Machine time until something is to be maintained: at most an hour."""
        school = self.clock.school()
        midnight = datetime.combine(school.date() + timedelta(days=1), time(0, 0, 1), SCHOOL_ZONE)
        return max(0.1, min(MAINTAIN_EVERY_S, self.clock.machine_seconds_until(midnight)))

    async def _expire(self) -> None:
        """End each subscription when it expires: one that was made or changed meanwhile may be the next."""
        changed = asyncio.Event()
        registry = self.services.subscriptions
        registry.listen(lambda subscription: changed.set())
        while True:
            changed.clear()
            least_s = 0.1
            try:
                await registry.expire()
            except Exception as error:
                self.problem("maintenance", type(error).__name__, "")
                least_s = 10.0
            expiry = registry.next_expiry()
            wait_s = MAINTAIN_EVERY_S if expiry is None else (expiry - self.clock.utc()).total_seconds()
            waits = [
                asyncio.create_task(self.clock.sleep(min(max(wait_s, least_s), MAINTAIN_EVERY_S))),
                asyncio.create_task(changed.wait()),
            ]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for each in waits:
                    each.cancel()

    def _runner(self) -> Runner:
        runner = ThreadRunner()
        self._runners.append(runner)
        return runner

    def _spawn(self, work: Awaitable[Any]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class FirstLoad:
    """Whether a subscription must wait as a whole: a configured directory source has not finished its first load.

    Until then nobody is known, and waiting loses nothing, where deciding would withhold everything. After
    `directory.first_load` (24 h) it is decided per person.
    """

    def __init__(
        self, config: HubConfig, catalogue: Catalogue, directory: Directory, clock: Clock, since: datetime
    ) -> None:
        self._sources = config.directory.sources
        self._catalogue = catalogue
        self._directory = directory
        self._clock = clock
        self._until = since + config.directory.first_load
        self._over = not self._sources

    def __call__(self, subscription: Subscription) -> bool:
        if self._over:
            return False
        known = self._directory.current_sources()
        missing = any(not any(fnmatchcase(each, source) for each in known) for source in self._sources)
        if not missing or self._clock.utc() >= self._until:
            self._over = True
            return False
        return any(entry.spec.about or entry.spec.mentions for entry in map(self._catalogue.entry, subscription.types))
