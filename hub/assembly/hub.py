"""The hub: it starts its parts in the order in which they need each other, and stops them in the opposite order."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Final, Self

from hub.alerts.conditions import Conditions
from hub.alerts.mailing import AlertMails
from hub.alerts.raising import Alerts
from hub.assembly.backups import Backups
from hub.assembly.counted import Counted
from hub.assembly.first_load import FirstLoad
from hub.assembly.maintenance import Maintenance
from hub.assembly.refusals import Refusals
from hub.assembly.reload import Reloader
from hub.assembly.services import Services
from hub.bus.base import corrects_of
from hub.clock import Clock, SystemClock
from hub.config import HubConfig
from hub.delivery.base import Sink
from hub.delivery.counting import Counting
from hub.delivery.delivery import Delivery
from hub.delivery.pages import Pages
from hub.delivery.parts import Parts
from hub.delivery.relay import Relay
from hub.directory.directory import Directory
from hub.directory.tables import Change
from hub.engines import EmbeddedEngine, Engine
from hub.hosting.hosts import HostedConnector, Hosts
from hub.hosting.timers import Timers
from hub.privacy.directory_view import GuardedDirectory
from hub.privacy.disclosures import Disclosures
from hub.privacy.gate import PrivacyGate
from hub.privacy.kept import KeptMarks
from hub.privacy.marks import WithheldMarks
from hub.privacy.telling import Telling
from hub.registry.registry import Registry
from hub.sinks.webhooks import Webhooks
from hub.subscriptions.model import Status, Subscription
from hub.tasks import Tasks
from plugins.manager import Plugins

if TYPE_CHECKING:
    from hub.spans import Spans

PROBLEMS_KEPT: Final = 1000

OpenEngine = Callable[..., Awaitable[Engine]]
"""Opens an engine: `(config, *, catalogue, clock)`."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem for the operator: the part that has it, a stable code, and a place or id. Never data."""

    at: datetime
    where: str
    code: str
    detail: str


class Hub:
    """A running hub without its HTTP servers (`hub.api.server`). Make it with `start`."""

    def __init__(self, config: HubConfig, clock: Clock, plugins: Plugins) -> None:
        self.config = config
        self.clock = clock
        self.plugins = plugins
        self.problems: list[Problem] = []
        self._cleanup = contextlib.AsyncExitStack()
        self._tasks = Tasks()
        self._started_at = clock.utc()

    @classmethod
    async def start(
        cls,
        config: HubConfig,
        *,
        plugins: Plugins | None = None,
        clock: Clock | None = None,
        open_engine: OpenEngine = EmbeddedEngine.open,
    ) -> Self:
        """Open the engine, continue where the last run ended, and deliver.

        Raises what the engine's `open` raises, LogUnavailable, StoreUnavailable, ConfigurationError.
        """
        if clock is None:
            school = config.school_clock
            clock = SystemClock(school.start, school.speed) if school is not None else SystemClock()
        hub = cls(config, clock, plugins if plugins is not None else Plugins.load())
        try:
            await hub._start(open_engine)
        except BaseException:
            await hub.stop()
            raise
        return hub

    async def _start(self, open_engine: OpenEngine) -> None:
        config, clock, tenant = self.config, self.clock, self.config.tenant
        catalogue = self.plugins.catalogue()
        spans = self._spans()
        engine = await open_engine(config, catalogue=catalogue, clock=clock)
        self._cleanup.push_async_callback(engine.close)
        self.log, self.store, keys = engine.log, engine.store, engine.keys
        self.directory = Directory(clock, config.directory.max_age, partial(self.problem, "directory"))
        disclosures = Disclosures(self.store, keys, tenant, clock)
        await self.directory.load(self.log, engine.restored)
        kept_marks = KeptMarks(self.store, self.log, self.directory, disclosures, clock)
        await kept_marks.start()
        self._cleanup.push_async_callback(kept_marks.stop)
        self.log.observe(self.directory.observe)
        gate = PrivacyGate(catalogue=catalogue, directory=self.directory, keys=keys, clock=clock, tenant=tenant)
        gate.configure(config.sum_rules())
        self.withheld = WithheldMarks(self.store, self.log, self.directory, tenant)
        telling = Telling(gate, self.directory, disclosures, self.withheld)
        self.webhooks = Webhooks(config, clock)
        registry = await Registry.open(config, store=self.store, catalogue=catalogue, keys=keys, clock=clock)
        await engine.keep_keys()  # only now: the registry has opened the sealed specifications with these keys
        self.relay = Relay(
            tenant=tenant, store=self.store, log=self.log, catalogue=catalogue, clock=clock,
            on_problem=partial(self.problem, "relay"), corrects=self._corrects, on_refused=self._refused,
            on_moved=lambda instance, rows: self.hosts.moved(instance, rows),
        )  # fmt: skip
        self.hosts = Hosts(
            plugins=self.plugins, store=self.store, clock=clock,
            directory=lambda instance, recipient: GuardedDirectory(
                directory=self.directory, telling=telling, store=self.store, log=self.log, recipient=recipient,
                person_of=gate.person_of,
            ),
            wake=self.relay.wake, pause=self._pause_connector, on_problem=self._connector_problem,
        )  # fmt: skip
        self.counting = Counting(self.store, clock)
        await self.counting.start()
        waits = FirstLoad(config, catalogue=catalogue, directory=self.directory, clock=clock, since=self._started_at)
        parts = Parts(
            tenant=tenant, log=self.log, store=self.store, telling=telling, clock=clock,
            dice=random.Random(),  # noqa: S311
            id_key=keys.derive(f"{tenant}/delivery-id"), problem=self.problem, waits=waits,
            delivered=self.counting.delivered, count=self.counting.of_subscription, spans=spans,
        )  # fmt: skip
        self.delivery = Delivery(
            parts, registry=registry, catalogue=catalogue, make_sink=self._sink, handshake=self._handshake
        )
        registry.first_cursor = self.delivery.first_cursor
        registry.listen(self._forget_removed)
        pages = Pages(
            log=self.log, store=self.store, telling=telling, registry=registry, catalogue=catalogue, keys=keys,
            clock=clock, retention=config.retention, waits=waits,
            served=lambda subscription, events: self.counting.of_subscription(subscription, "served", events),
        )  # fmt: skip
        conditions = Conditions(
            config=lambda: self.config, clock=clock, hosts=self.hosts, delivery=self.delivery, registry=registry,
            directory=self.directory, started=self._started_at, unread_since=pages.acknowledging.unread_since,
        )  # fmt: skip
        alerts = Alerts(
            conditions, config=lambda: self.config, store=self.store, event_log=self.log, clock=clock,
            hosts=self.hosts, wake=self.relay.wake,
        )  # fmt: skip
        self.services = Services(
            config=config, clock=clock, plugins=self.plugins, catalogue=catalogue, engine=engine, keys=keys,
            store=self.store, log=self.log, directory=self.directory, gate=gate, disclosures=disclosures,
            withheld=self.withheld, kept_marks=kept_marks, telling=telling, subscriptions=registry,
            delivery=self.delivery, counting=self.counting, pages=pages, hosts=self.hosts,
            refusals=Refusals(clock, self.problem), conditions=conditions, alerts=alerts, spans=spans,
        )  # fmt: skip
        await pages.acknowledging.start()
        counted = Counted(self.services, self.problem)
        self._cleanup.push_async_callback(counted.stop)
        self.directory.listen(self._look_again)
        await self.delivery.prepare()
        await self.withheld.start()
        self._cleanup.push_async_callback(self.withheld.stop)
        await self.relay.start()
        self._cleanup.push_async_callback(self.relay.stop)
        self._cleanup.push_async_callback(self.hosts.stop)  # before `hosts.start`, which may be cancelled
        self.hosts.leave_out(config.left_out)
        await self.hosts.start({name: HostedConnector.of(each) for name, each in config.connectors.items()})
        await self.delivery.start()
        self._cleanup.push_async_callback(self.delivery.stop)
        self.timers = Timers(
            store=self.store, clock=clock, hosts=self.hosts, caught_up=self._caught_up,
            on_problem=self.hosts.problem,
        )  # fmt: skip
        await self.timers.start()
        self._cleanup.push_async_callback(self.timers.stop)
        self.reloader = Reloader(self.services, self.timers, self._in_force)
        conditions.add(self.reloader.conditions)
        self._cleanup.push_async_callback(self.reloader.stop)
        self._cleanup.callback(pages.close)
        backups = Backups(self.services, self.problem)
        conditions.add(backups.conditions)
        backups.start()
        self._cleanup.push_async_callback(backups.stop)
        counted.start()
        maintenance = Maintenance(self.services, self.problem)
        maintenance.start()
        self._cleanup.push_async_callback(maintenance.stop)
        if config.alerts is not None:
            await alerts.start()
            self._cleanup.push_async_callback(alerts.stop)
            mails = AlertMails(alerts, config=lambda: self.config, clock=clock)
            conditions.add(mails.conditions)
            mails.start()
            self._cleanup.push_async_callback(mails.stop)

    async def stop(self) -> None:
        """Stop in order: deliveries under way end, cursors are saved, files are closed."""
        await self._tasks.stop()
        await self._cleanup.aclose()

    async def settled(self) -> None:
        """Return when nothing is left to do now. Tests and the demo wait for this."""
        while True:
            await self.withheld.settled()
            await self.delivery.settled()
            if self.relay.idle:
                return
            await asyncio.sleep(0.005)

    def problem(self, where: str, code: str, detail: str) -> None:
        """Note a problem for the operator, and log it."""
        self.problems.append(Problem(self.clock.utc(), where, code, detail))
        del self.problems[:-PROBLEMS_KEPT]
        log.warning("%s: %s %s", where, code, detail)

    def _in_force(self, config: HubConfig) -> None:
        """Put a configuration in force for every part that reads it."""
        self.config = self.services.config = config
        self.webhooks.configure(config)
        self.services.gate.configure(config.sum_rules())
        self.hosts.leave_out(config.left_out)
        self.services.pages.retention = config.retention

    def _spans(self) -> "Spans | None":
        wanted = self.config.tracing
        if wanted is None:
            return None
        from hub.spans import Spans  # an extra brings its packages, and `load` has found them

        headers = {name: value.get_secret_value() for name, value in wanted.headers.items()}
        spans = Spans(wanted.endpoint, tenant=self.config.tenant, clock=self.clock, headers=headers)
        self._cleanup.push_async_callback(spans.close)
        return spans

    # -- what the parts call ------------------------------------------------------------------------------------

    def _sink(self, subscription: Subscription) -> Sink:
        sink = subscription.sink
        if sink["kind"] == "connector":
            return self.hosts.sink(sink["instance"])
        return self.webhooks.sink(subscription)

    def _forget_removed(self, subscription: Subscription) -> None:
        if subscription.reason == "removed":
            self.webhooks.forget(subscription.id)

    async def _handshake(self, subscription: Subscription) -> str:
        answer = await self.webhooks.ask(subscription)
        if not answer.granted:
            self.problem(subscription.id, "handshake", answer.reason)
        return "" if answer.granted else answer.reason

    def _pause_connector(self, instance: str, reason: str) -> None:
        self._tasks.start(self.services.subscriptions.set_status(f"connector:{instance}", Status.PAUSED, reason, "hub"))

    def _corrects(self, source: str, owner: str) -> bool:
        """Whether the configuration lets the connector that publishes as `source` change what belongs to `owner`."""
        entry = self.config.connectors.get(source.removeprefix(f"urn:skolnav:{self.config.tenant}:"))
        return entry is not None and corrects_of(entry.corrects)(source, owner)

    def _refused(self, instance: str, type_: str, owner: str) -> None:
        self.services.refusals.note(f"connectors.{instance}", [(type_, owner)])

    def _connector_problem(self, instance: str, code: str, detail: str) -> None:
        self.problem(f"connectors.{instance}", code, detail)
        self.counting.add(f"connector/{instance}", "problems")

    async def _caught_up(self, instance: str, due: datetime) -> bool:
        try:
            self.services.subscriptions.get(f"connector:{instance}")
        except KeyError:
            return True  # an instance without a subscription consumes nothing
        return await self.delivery.caught_up(f"connector:{instance}")

    def _look_again(self, change: Change) -> None:
        self.delivery.look_again()
        self.services.pages.wake()
