"""`isolation: process`: what a package does in its own process stops neither the hub nor a connector beside it.

The neighbour runs in the hub's process, so that it feels all that holds the hub up. It is served within half a second
in every case, on a machine as busy as it was just before: a test that runs beside others can't know more.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hub.assembly.hub import Hub
from hub.config import ConnectorEntry, HubConfig
from hub.config.limits import Limits
from hub.hosting import hosts as hosting
from hub.hosting.instance import Instance
from hub.hosting.usage import measured
from plugins import Answer, PermanentError, Received
from plugins.manager import Plugins
from schemas import Event
from tests import school
from tests.hub.hosting.misbehaving import Bad, Config, Well
from tests.until import until

SERVED_S = 0.5
SLOWER = 20  # times as slow as the slowest of the first events may the machine become
EVENTS = 20
LONG_S = 120  # a process that holds its interpreter is judged by its own time, of which a busy machine gives it little
LIMITS = Limits(memory_mib=200, descriptors=64, threads=32, log_lines_s=20, outbox_rows=50)


@dataclass
class World:
    """A running hub with the one that is bad and the one that is well."""

    hub: Hub
    asked: list[asyncio.Task[Answer | None]] = field(default_factory=list)
    posted: int = 0

    @property
    def bad(self) -> Instance:
        return self.hub.hosts.instance("bad")

    def request(self, path: str) -> "asyncio.Task[Answer | None]":
        asked = asyncio.create_task(self.hub.hosts.receive("bad", Received("POST", path)))
        self.asked.append(asked)
        return asked

    async def post(self) -> str:
        """Publish one event. Returns its id."""
        self.posted += 1
        data = {"organisation": {"id": school.uid("school", self.posted)}, "date": "2026-11-24"}
        event = Event.from_dict(school.envelope("schedule.day.closed", data))
        await self.hub.log.append([self.hub.services.catalogue.describe(event)])
        return event.id

    async def served_s(self, events: int = EVENTS) -> float:
        """Publish events one after another. Returns the longest time that one took to be handled by the neighbour."""
        longest = 0.0
        for _ in range(events):
            began = time.monotonic()
            id = await self.post()
            await until(lambda id=id: id in Well.handled)
            longest = max(longest, time.monotonic() - began)
        return longest

    def codes(self) -> list[str]:
        return [each.code for each in self.hub.problems if each.where == "connectors.bad"]


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr(hosting, "BLOCKED_S", 1.0)
    monkeypatch.setattr(Well, "handled", [])
    config = HubConfig(
        municipality="Provköping",
        tenant="provkoping",
        data=tmp_path,
        connectors={
            "bad": ConnectorEntry("bad", Bad, Config(), isolation="process", limits=LIMITS),
            "well": ConnectorEntry("well", Well, Config()),
        },
    )
    hub = await Hub.start(config, plugins=Plugins.of(Bad, Well))
    world = World(hub)
    try:
        await until(lambda: world.bad.status == "running", within_s=LONG_S)
        yield world
    finally:
        for asked in world.asked:
            asked.cancel()
        await asyncio.gather(*world.asked, return_exceptions=True)
        await hub.stop()


ENDS = {"regex": "blocked", "exit": "process-ended"}
"""What certainly ends the process, and the code of the problem. Another process then begins."""


@pytest.mark.parametrize("by", ["event", "request"])
@pytest.mark.parametrize("what", ["regex", "exit", "descriptors", "memory", "threads", "flood", "publish"])
async def test_whatever_a_package_does_its_neighbour_is_served(world: World, what: str, by: str) -> None:
    usual = await world.served_s()
    pid = world.bad.process
    asked = world.request(f"/next/{what}" if by == "event" else f"/{what}")
    if by == "event":
        await asyncio.wait([asked])  # an event from before may end the process before it has answered
        await world.post()
    assert await world.served_s() < SERVED_S + SLOWER * usual
    if what in ENDS:
        await until(lambda: ENDS[what] in world.codes(), within_s=LONG_S)
        assert await world.served_s() < SERVED_S + SLOWER * usual
        await until(lambda: world.bad.process not in (0, pid), within_s=LONG_S)


async def test_files_are_refused_to_the_process_alone(world: World) -> None:
    answer = await world.request("/descriptors")
    assert answer is not None
    assert 0 < int(answer.body) < LIMITS.descriptors
    assert await world.request("/well") == Answer(200, str(world.bad.process).encode())


@pytest.mark.parametrize(("what", "codes"), [("memory", {"memory", "error-MemoryError"}), ("threads", {"threads"})])
async def test_a_process_that_takes_too_much_is_stopped(world: World, what: str, codes: set[str]) -> None:
    """Memory that grows faster than the hub looks is refused by the system: then it is the connector's own error."""
    world.request(f"/{what}")
    await until(lambda: {*codes, "error-RuntimeError", "process-ended"} & {*world.codes()})
    assert (found := measured(world.bad.process)) is None or found.memory_bytes < 2 * LIMITS.memory_mib << 20


async def test_a_flood_of_lines_is_cut_and_counted(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    began = time.monotonic()
    await asyncio.gather(world.request("/flood"), return_exceptions=True)
    lines = [each.getMessage() for each in caplog.records if each.name == "skolnav.connector.bad"]
    seconds = time.monotonic() - began + 1
    # Logged and printed lines have a limit each, and each second may add a line that says how many were left out.
    assert 0 < len(lines) <= (3 * LIMITS.log_lines_s + 2) * (seconds + 1)
    assert [each for each in lines if "lines were left out" in each]


async def test_what_is_published_without_end_waits(world: World) -> None:
    world.request("/publish")
    await world.served_s()
    assert world.bad.outbox.rows <= LIMITS.outbox_rows


async def test_one_call_publishes_as_many_events_as_may_wait(world: World) -> None:
    with pytest.raises(PermanentError) as refused:
        await world.request("/publish_at_once")
    assert refused.value.code == "outbox-full"
    assert (await world.request("/well")).body  # type: ignore[union-attr]
