"""A connector that is stopped, started anew or given up while something goes on in it: nobody waits for ever for what
has ended, and what it did until then is neither lost nor done by two at once.
"""

import asyncio
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import Field

from hub.assembly.hub import Hub
from hub.config import ConnectorEntry, HubConfig
from hub.delivery.base import Result
from hub.hosting.connector_errors import NotRunning
from hub.hosting.hosts import HostedConnector
from hub.hosting.instance import InstanceStatus
from hub.store import connector_state
from hub.store.base import StoreUnavailable
from plugins import Connector, ConnectorConfig, Contract, TemporaryError
from plugins.manager import Plugins
from plugins.testing import ManualClock
from schemas import Category
from schemas.absence import AbsenceReported
from tests.hub.hosting.conftest import Hosted, NoConfig, attempt
from tests.until import until


class Desk(Connector[NoConfig]):
    """Handles until it is told to go on."""

    name = "desk"
    config_model = NoConfig
    consumes = (AbsenceReported,)
    contract = Contract("tests", "none", {Category.ATTENDANCE})

    def __init__(self, *given) -> None:
        super().__init__(*given)
        self.entered = threading.Event()

    async def handle(self, event):
        self.entered.set()
        await asyncio.Event().wait()


def connector(hosts, name="desk"):
    return hosts.instance(name)._calls.connector


async def test_an_event_that_is_being_handled_at_a_restart_is_tried_again(hosted: Hosted) -> None:
    """Not cancelled: nobody cancelled the one who delivers."""
    hosts = await hosted(Desk)
    delivering = asyncio.create_task(hosts.sink("desk").deliver(attempt()))
    await until(connector(hosts).entered.is_set)
    await hosts.restart("desk")
    outcome = await asyncio.wait_for(delivering, 5)
    assert (outcome.result, outcome.reason, outcome.recipient_down) == (Result.RETRY, "stopped", True)


async def test_a_call_that_does_not_end_with_its_instance_holds_up_nobody(hosted: Hosted, monkeypatch) -> None:
    monkeypatch.setattr("hub.hosting.instance.STOP_S", 0.1)
    release = threading.Event()

    class Blocking(Desk):
        async def handle(self, event):
            self.entered.set()
            release.wait(30)

    hosts = await hosted(Blocking)
    try:
        delivering = asyncio.create_task(hosts.sink("desk").deliver(attempt()))
        await until(connector(hosts).entered.is_set)
        await hosts.restart("desk")
        outcome = await asyncio.wait_for(delivering, 5)
    finally:
        release.set()
    assert (outcome.result, outcome.reason) == (Result.RETRY, "stopped")


async def test_a_call_that_a_stop_cuts_off_says_that_it_does_not_run(hosted: Hosted) -> None:
    class Testing(Desk):
        async def selftest(self):
            await self.handle(None)

    hosts = await hosted(Testing)
    testing = asyncio.create_task(hosts.selftest("desk"))
    await until(connector(hosts).entered.is_set)
    await hosts.remove("desk")
    with pytest.raises(NotRunning):
        await asyncio.wait_for(testing, 5)


async def test_one_that_is_removed_while_it_starts_anew_does_not_come_back(hosted: Hosted) -> None:
    """`skolnav apply` beside a resume: the file's new instance takes the name, with no other beside it."""
    living: list[object] = []
    most = []

    class Slow(Desk):
        async def start(self):
            living.append(self)
            most.append(len(living))

        async def stop(self):
            await asyncio.sleep(0.1)
            living.remove(self)

    hosts = await hosted(Slow)
    restarting = asyncio.create_task(hosts.restart("desk"))
    await asyncio.sleep(0)
    await hosts.remove("desk")
    await hosts.add("desk", HostedConnector("desk", NoConfig()))
    await asyncio.wait([restarting])
    assert hosts.names() == ["desk"]
    assert max(most) == 1
    await hosts.remove("desk")
    assert living == []


async def test_one_that_is_replaced_while_it_starts_anew_is_replaced_once(hosted: Hosted) -> None:
    """It is there meanwhile, for delivery to find, and takes nothing."""
    made = []

    class Slow(Desk):
        async def start(self):
            made.append(self)

        async def stop(self):
            await asyncio.sleep(0.1)

    hosts = await hosted(Slow)
    sink = hosts.sink("desk")
    restarting = asyncio.create_task(hosts.restart("desk"))
    await asyncio.sleep(0)
    halting = asyncio.create_task(hosts.halt("desk"))
    await asyncio.sleep(0.01)
    assert (await hosts.sink("desk").deliver(attempt())).result is Result.RETRY
    await asyncio.wait([halting, restarting])
    assert (await sink.deliver(attempt())).recipient_down
    await hosts.add("desk", HostedConnector("desk", NoConfig()))
    assert (len(made), hosts.instance("desk").status) == (2, InstanceStatus.RUNNING)
    with pytest.raises(ValueError, match="exists already"):
        await hosts.add("desk", HostedConnector("desk", NoConfig()))


async def test_what_stands_in_the_store_is_read_until_the_store_gives_it(hosted: Hosted, store) -> None:
    """A store that fails for a moment leaves no instance that is neither running nor ever tried again."""
    clock = ManualClock("2026-11-24T08:00")

    class Failing:
        tenant = store.tenant
        reads = 0

        async def read(self, query):
            self.reads += 1
            if 1 < self.reads < 4:
                raise StoreUnavailable("away")
            return await store.read(query)

        commit = store.commit

    failing = Failing()
    starting = asyncio.create_task(hosted(Desk, clock=clock, store=failing))
    await until(lambda: starting.done(), meanwhile=lambda: clock.pass_machine(1))
    hosts = await starting
    await until(lambda: hosts.instance("desk").status is InstanceStatus.RUNNING)
    assert failing.reads == 5, "the far sides, twice away, then the state, then the moments"


class Held:
    """A store whose reads or commits wait; the first reads (`free`) do not."""

    def __init__(self, store, free: int = 0) -> None:
        self._store = store
        self._free = free
        self.tenant = store.tenant
        self.reading = asyncio.Event()
        self.committing = asyncio.Event()
        self.waiting = 0

    async def read(self, query):
        if self._free > 0:
            self._free -= 1
            return await self._store.read(query)
        self.waiting += 1
        await self.reading.wait()
        return await self._store.read(query)

    async def commit(self, *operations):
        self.waiting += 1
        await self.committing.wait()
        await self._store.commit(*operations)


async def test_a_store_that_reads_for_long_blocks_no_connector_and_does_not_stop_the_watch(
    hosted: Hosted, store, told, monkeypatch
) -> None:
    monkeypatch.setattr("hub.hosting.hosts.START_S", 0.01)
    clock = ManualClock("2026-11-24T08:00")
    held = Held(store, free=1)  # what the hosts read before they begin
    hosts = await hosted(Desk, clock=clock, store=held)
    for _ in range(12):
        clock.pass_machine(2)
        await asyncio.sleep(0.01)
    assert hosts.statuses()[0].status is InstanceStatus.STARTING
    assert told.problems == []
    assert not any(task.done() for task in hosts._watchdogs)
    held.reading.set()
    await until(lambda: hosts.instance("desk").status is InstanceStatus.RUNNING)


async def test_one_that_was_stopped_before_it_began_does_not_begin(hosted: Hosted, store, monkeypatch) -> None:
    monkeypatch.setattr("hub.hosting.hosts.START_S", 0.01)
    held = Held(store, free=1)  # what the hosts read before they begin
    hosts = await hosted(Desk, store=held)
    instance = hosts.instance("desk")
    await hosts.remove("desk")
    held.reading.set()
    await asyncio.wait(hosts._opening)
    assert instance.status is InstanceStatus.STOPPED
    assert not instance._thread.alive()


async def test_the_next_one_begins_with_what_the_last_one_kept(hosted: Hosted, store) -> None:
    """Its commit is on its way while it is stopped, and the store is slow."""

    class Remembering(Desk):
        async def run(self):
            async with self.ctx.commit() as tx:
                tx.state["seen"] = True
            await asyncio.Event().wait()

    held = Held(store, free=1)  # what the hosts read before they begin
    held.reading.set()
    hosts = await hosted(Remembering, store=held)
    await until(lambda: held.waiting == 3)  # its state and its moments were read, and its commit waits
    restarting = asyncio.create_task(hosts.restart("desk"))
    await asyncio.sleep(0.1)
    assert not restarting.done()
    held.committing.set()
    await restarting
    assert connector(hosts).ctx.state["seen"] is True


async def test_the_next_one_begins_with_what_the_last_delivery_kept(hosted: Hosted, store) -> None:
    """Its outcome is committed by delivery, with the cursor, whenever the store takes it."""

    class Remembering(Desk):
        async def handle(self, event):
            async with self.ctx.commit() as tx:
                tx.state["seen"] = True

    hosts = await hosted(Remembering)
    outcome = await hosts.sink("desk").deliver(attempt())
    restarting = asyncio.create_task(hosts.restart("desk"))
    await asyncio.sleep(0.1)
    assert not restarting.done()
    await store.commit(*outcome.operations)
    outcome.on_stored()
    await restarting
    assert connector(hosts).ctx.state["seen"] is True
    assert await store.read(connector_state.load("exempel", "desk")) == {"seen": b"true"}


class Often(ConnectorConfig):
    poll: timedelta = Field(timedelta(hours=1), description="How often.")


async def test_what_a_person_asks_for_during_a_poll_that_fails_is_done_at_once(hosted: Hosted) -> None:
    """The pause after the failure may be minutes: it is for the machine's own wishes."""

    class Down(Connector[Often]):
        name = "desk"
        config_model = Often

        async def start(self):
            self.polls = 0
            self.go_on = asyncio.Event()

        async def poll(self):
            self.polls += 1
            await self.go_on.wait()
            raise TemporaryError("away", code="unreachable", retry_after_s=300)

    hosts = await hosted(Down)
    await until(lambda: connector(hosts).polls == 1)
    instance = hosts.instance("desk")
    instance._thread.post(lambda: instance._polls.soon(person=True))
    instance._thread.post(connector(hosts).go_on.set)
    await until(lambda: connector(hosts).polls == 2)


async def test_a_hub_that_is_stopped_while_it_starts_ends_its_connectors(tmp_path: Path) -> None:
    """Ctrl-C while a far side does not answer."""
    made: list[Connector] = []

    class Slow(Desk):
        stopped = False

        async def start(self):
            made.append(self)
            await asyncio.Event().wait()

        async def stop(self):
            self.stopped = True

    config = HubConfig(
        municipality="Exempelkommun",
        tenant="exempelkommun",
        data=tmp_path,
        connectors={"desk": ConnectorEntry("desk", Slow, NoConfig())},
    )
    starting = asyncio.create_task(Hub.start(config, plugins=Plugins.of(Slow)))
    await until(lambda: bool(made))
    starting.cancel()
    await asyncio.wait([starting])
    assert starting.cancelled()
    assert made[0].stopped
