"""A store on a real file, and hosts on it, with what they told kept for the test."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import pytest

from hub.bus.base import Place, Stored
from hub.clock import SystemClock
from hub.delivery.base import Attempt
from hub.hosting.hosts import HostedConnector, Hosts
from hub.hosting.timers import Timers
from hub.runner import ThreadRunner
from hub.store.sql import SqlStore
from plugins import Connector, ConnectorConfig
from plugins.manager import Plugins
from tests import school


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    runner = ThreadRunner()
    store = await SqlStore.open(tmp_path / "store.db", tenant="exempel", runner=runner)
    yield store
    await store.close()
    runner.close()


@dataclass
class Told:
    """What hosts told the hub."""

    problems: list[tuple[str, str, str]] = field(default_factory=list)
    paused: list[tuple[str, str]] = field(default_factory=list)
    woken: int = 0

    def wake(self) -> None:
        self.woken += 1

    def problem(self, instance: str, code: str, detail: str) -> None:
        self.problems.append((instance, code, detail))

    def pause(self, instance: str, reason: str) -> None:
        self.paused.append((instance, reason))


@pytest.fixture
def told() -> Told:
    return Told()


class Hosted:
    """Starts hosts with given classes, and stops them after the test."""

    def __init__(self, store: SqlStore, told: Told) -> None:
        self.store = store
        self.told = told
        self.started: list[Hosts] = []
        self.directory: object = None

    async def __call__(
        self, *classes: type[Connector], clock=None, event_types=(), config=None, isolation=None, **deps
    ) -> Hosts:
        """Each class once, under its own name, with its default configuration."""
        hosts = Hosts(
            plugins=Plugins.of(*classes, event_types=event_types),
            store=deps.get("store", self.store),
            clock=clock or SystemClock(),
            directory=lambda instance, recipient: self.directory,
            wake=self.told.wake,
            pause=self.told.pause,
            on_problem=self.told.problem,
        )
        self.started.append(hosts)
        await hosts.start(
            {cls.name: HostedConnector(cls.name, config or cls.config_model(), isolation=isolation) for cls in classes}
        )
        return hosts


@pytest.fixture
async def hosted(store: SqlStore, told: Told) -> AsyncIterator[Hosted]:
    hosted = Hosted(store, told)
    yield hosted
    for hosts in hosted.started:
        await hosts.stop()


async def caught_up(instance, moment):
    return True


@pytest.fixture
async def timed(store, hosted, told):
    """Starts timers over hosts with one class."""
    running = []

    async def start(cls, clock, *, caught_up=caught_up, config=None, **deps):
        hosts = await hosted(cls, clock=clock, config=config, **deps)
        timers = Timers(store=store, clock=clock, hosts=hosts, caught_up=caught_up, on_problem=told.problem)
        timers.hosts = hosts
        running.append(timers)
        await timers.start()
        return timers

    yield start
    for timers in running:
        await timers.stop()


class NoConfig(ConnectorConfig):
    """A connector that needs none."""


def attempt(id: str = "evt-1", number: int = 1, permit=None, data: dict | None = None) -> Attempt:
    """One try to deliver an absence, as delivery makes it."""
    subject = f"person/{school.uid('person', 1)}"
    event = school.envelope(
        school.ABSENCE, data or school.absence(school.uid("person", 1)), id=id, source="urn:test", subject=subject
    )
    body = orjson.dumps(event)
    stored = Stored(Place(1), event["type"], "urn:test", id, subject, subject, None, (), (), False, 0, body)
    return Attempt(stored, f"dlv-{id}", number, permit or (lambda: body))
