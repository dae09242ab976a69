"""A running hub takes up its configuration file as it stands now."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import Field

from hub.assembly.hub import Hub
from hub.config import ConfigErrors, load
from hub.hosting.instance import InstanceStatus
from hub.registry.registry import LEFT_FILE
from hub.store import moments
from hub.store.base import StoreUnavailable
from hub.subscriptions.model import Status
from plugins.connector import Connector, ConnectorConfig, Contract
from plugins.errors import ConfigurationError
from plugins.manager import Plugins
from plugins.timers import at_moment, daily
from schemas import Category, Event
from schemas.schedule import DayClosed
from tests.school import DAY_CLOSED, UNIT, append, event
from tests.until import until


class DeskConfig(ConnectorConfig):
    at: str = Field("08:00", description="When it reports.")
    good: bool = Field(True, description="False: it can't work.")


class Desk(Connector[DeskConfig]):
    """Counts closed days in its state."""

    name = "desk"
    config_model = DeskConfig
    consumes = (DayClosed,)
    contract = Contract("test", "test", {Category.NONE, Category.FREE_TEXT})
    seen: ClassVar[list[tuple[str, int]]] = []  # instance, how many days it knows of
    reminded: ClassVar[list[tuple[str, str]]] = []  # setting, key

    async def start(self) -> None:
        if not self.config.good:
            raise ConfigurationError("it is not good", fix="Write good: true")

    async def handle(self, event: Event) -> None:
        async with self.ctx.commit() as tx:
            tx.state["days"] = tx.state.get("days", 0) + 1
        self.seen.append((self.ctx.instance, self.ctx.state["days"]))

    @daily(lambda config: ())
    async def report(self, due: Any, complete: bool) -> None: ...

    @at_moment
    async def reminds(self, due: datetime, complete: bool, key: str) -> None:
        self.reminded.append((self.config.at, key))

    async def remind(self, key: str, due: datetime) -> None:
        """Called by the tests, as a timer would be."""
        async with self.ctx.commit() as tx:
            tx.at(due, "reminds", key)


class House:
    """A hub on a file that is written again and again."""

    def __init__(self, folder: Path) -> None:
        self.plugins = Plugins.of(Desk)
        self.path = folder / "skolnav.yaml"
        self.hub: Hub
        self.days = 0
        Desk.seen.clear()
        Desk.reminded.clear()

    def write(self, **more: Any) -> None:
        whole = {"municipality": "Exempelkommun", "data": "data", **more}
        self.path.write_text(json.dumps(whole))

    async def start(self) -> None:
        self.hub = await Hub.start(load(self.path, self.plugins, environ={}), plugins=self.plugins)

    async def close_a_day(self) -> None:
        self.days += 1
        data = {"organisation": {"id": UNIT}, "date": f"2026-12-{self.days:02}"}
        await append(self.hub.services, event(DAY_CLOSED, data, id=f"closed-{self.days}"))

    def status(self, instance: str) -> Status:
        return self.hub.services.subscriptions.get(f"connector:{instance}").status


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    made = House(tmp_path)
    made.write(connectors={"desk": {"use": "desk"}})
    await made.start()
    yield made
    await made.hub.stop()


async def test_a_connector_that_changed_is_started_anew_with_its_cursor_and_state(house: House) -> None:
    await house.close_a_day()
    await house.hub.settled()
    before = house.hub.hosts.instance("desk")
    house.write(connectors={"desk": {"use": "desk", "at": "09:00"}})
    reloaded = await house.hub.reloader.apply(dry_run=False)
    assert [(each.kind, each.name) for each in reloaded.changes] == [("changed", "desk")]
    assert house.hub.hosts.instance("desk") is not before
    await house.close_a_day()
    await house.hub.settled()
    assert Desk.seen == [("desk", 1), ("desk", 2)]  # nothing twice, nothing forgotten


async def reminded(house: House, times: int) -> list[tuple[str, str]]:
    await until(lambda: len(Desk.reminded) >= times)
    return Desk.reminded


async def test_moments_are_taken_up_by_the_instance_that_replaces_one(house: House) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=1.5)
    await house.hub.hosts.instance("desk").call("remind", "a", soon, limit_s=5)
    house.write(connectors={"desk": {"use": "desk", "at": "09:00"}})
    await house.hub.reloader.apply(dry_run=False)
    assert Desk.reminded == []
    assert await reminded(house, 1) == [("09:00", "a")]


async def test_moments_of_a_connector_that_left_the_file_wait_for_one_of_its_name(house: House) -> None:
    await house.hub.hosts.instance("desk").call("remind", "a", datetime.now(UTC) + timedelta(seconds=1), limit_s=5)
    house.write(connectors={})
    await house.hub.reloader.apply(dry_run=False)
    await asyncio.sleep(1.1)
    assert Desk.reminded == []
    house.write(connectors={"desk": {"use": "desk", "at": "10:00"}})
    await house.hub.reloader.apply(dry_run=False)
    assert await reminded(house, 1) == [("10:00", "a")]
    assert len(await house.hub.store.read(moments.load("exempelkommun", "desk"))) <= 1


async def test_what_did_not_change_goes_on_untouched(house: House) -> None:
    before = house.hub.hosts.instance("desk")
    house.write(connectors={"desk": {"use": "desk"}, "other": {"use": "desk"}})
    await house.hub.reloader.apply(dry_run=False)
    assert house.hub.hosts.instance("desk") is before
    await house.close_a_day()
    await house.hub.settled()
    assert sorted(Desk.seen) == [("desk", 1), ("other", 1)]


async def test_one_that_left_gets_nothing_and_comes_back_with_what_waited(house: House) -> None:
    house.write()
    await house.hub.reloader.apply(dry_run=False)
    assert house.hub.hosts.names() == []
    assert house.status("desk") is Status.PAUSED
    await house.close_a_day()
    await house.hub.settled()
    assert Desk.seen == []
    house.write(connectors={"desk": {"use": "desk"}})
    await house.hub.reloader.apply(dry_run=False)
    await house.hub.settled()
    assert Desk.seen == [("desk", 1)]


async def test_one_that_leaves_while_delivery_takes_it_up_is_no_fault(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paused as a fault of the hub's, it would stay so when it comes back."""
    await house.hub.settled()
    read, asked, answered = house.hub.store.read, asyncio.Event(), asyncio.Event()

    async def slow_once(query: Any) -> Any:
        if not asked.is_set():
            asked.set()
            await answered.wait()
        return await read(query)

    registry = house.hub.services.subscriptions
    await registry.set_status("connector:desk", Status.PAUSED, "by-hand", "test")
    await house.hub.settled()
    monkeypatch.setattr(house.hub.store, "read", slow_once)
    await registry.set_status("connector:desk", Status.ACTIVE, "", "test")
    await asked.wait()
    house.write()
    await house.hub.reloader.apply(dry_run=False)
    answered.set()
    await house.hub.settled()
    assert registry.get("connector:desk").reason == LEFT_FILE
    house.write(connectors={"desk": {"use": "desk"}})
    await house.hub.reloader.apply(dry_run=False)
    await house.close_a_day()
    await house.hub.settled()
    assert Desk.seen == [("desk", 1)]


async def test_one_that_waited_for_its_configuration_goes_on_when_that_is_mended(house: House) -> None:
    house.write(connectors={"desk": {"use": "desk", "good": False}})
    await house.hub.reloader.apply(dry_run=False)
    assert house.hub.hosts.instance("desk").status is InstanceStatus.FAILED
    await house.close_a_day()
    await until(lambda: house.status("desk") is Status.PAUSED)
    house.write(connectors={"desk": {"use": "desk"}})
    await house.hub.reloader.apply(dry_run=False)
    await house.hub.settled()
    assert house.status("desk") is Status.ACTIVE
    assert Desk.seen == [("desk", 1)]


async def test_a_dry_run_changes_nothing(house: House) -> None:
    config = house.hub.services.config
    house.write()
    reloaded = await house.hub.reloader.apply(dry_run=True)
    assert [(each.kind, each.name) for each in reloaded.changes] == [("paused", "desk")]
    assert house.hub.services.config is config
    assert house.hub.hosts.names() == ["desk"]


async def test_a_file_with_errors_changes_nothing(house: House) -> None:
    config = house.hub.services.config
    house.write(connectors={"desk": {"use": "dsek"}})
    with pytest.raises(ConfigErrors):
        await house.hub.reloader.apply(dry_run=False)
    assert house.hub.services.config is config
    assert house.hub.hosts.names() == ["desk"]


async def test_a_file_that_could_not_be_read_again_is_a_condition_until_one_can(house: House) -> None:
    """Nobody looks at the log after a SIGHUP: that the former file is in force must show (promise 8)."""

    def refused() -> list[int]:
        return [each.attempts for each in house.hub.services.conditions.seen() if each.code == "config-refused"]

    house.write(connectors={"desk": {"use": "dsek"}})
    for dry_run in (True, False, False):
        with pytest.raises(ConfigErrors):
            await house.hub.reloader.apply(dry_run=dry_run)
    assert refused() == [2], "to look at a plan is no try"
    house.write(connectors={"desk": {"use": "desk"}})
    await house.hub.reloader.apply(dry_run=True)
    assert refused() == [2]
    await house.hub.reloader.apply(dry_run=False)
    assert refused() == []


async def test_a_store_that_takes_nothing_leaves_all_as_it_was(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    config = house.hub.services.config
    house.write(connectors={"desk": {"use": "desk"}, "other": {"use": "desk"}})

    def full(*_: object) -> asyncio.Future[None]:
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        answer.set_exception(StoreUnavailable("the store can't write now (SQLITE_FULL)"))
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(house.hub.store, "commit", full)
        with pytest.raises(StoreUnavailable):
            await house.hub.reloader.apply(dry_run=False)
    assert house.hub.services.config is config
    assert house.hub.hosts.names() == ["desk"]
    await house.hub.reloader.apply(dry_run=False)  # and it can be done when there is space
    assert house.hub.hosts.names() == ["desk", "other"]


async def test_a_store_that_fails_for_a_moment_leaves_no_connector_without_its_timers(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    add, tried = house.hub.timers.add, []

    async def away_at_first(name: str) -> None:
        tried.append(name)
        if len(tried) == 1:
            raise StoreUnavailable("away")
        await add(name)

    monkeypatch.setattr(house.hub.timers, "add", away_at_first)
    house.write(connectors={"desk": {"use": "desk", "at": "09:00"}})
    await house.hub.reloader.apply(dry_run=False)
    assert tried == ["desk", "desk"]


async def test_what_is_read_at_the_start_stays_and_shows_again(house: House) -> None:
    house.write(connectors={"desk": {"use": "desk"}}, listen="127.0.0.1:9999", retention="7d")
    reloaded = await house.hub.reloader.apply(dry_run=False)
    assert [each.name for each in reloaded.changes] == ["retention", "port"]
    assert house.hub.services.config.port == 8080
    assert house.hub.services.pages.retention == house.hub.services.config.retention
    assert [each.name for each in (await house.hub.reloader.apply(dry_run=True)).changes] == ["port"]


async def test_networks_that_are_allowed_count_at_once_and_are_taken_back_at_the_next_start(house: House) -> None:
    desk = {"desk": {"use": "desk"}}
    house.write(connectors=desk, outbound={"allow": ["10.1.0.0/16"]})
    await house.hub.reloader.apply(dry_run=False)
    assert [str(each) for each in house.hub.services.config.outbound] == ["10.1.0.0/16"]
    assert (await house.hub.reloader.apply(dry_run=True)).changes == []
    house.write(connectors=desk)
    [change] = (await house.hub.reloader.apply(dry_run=False)).changes
    assert [each.key for each in change.effects] == ["restart"]
    assert [str(each) for each in house.hub.services.config.outbound] == ["10.1.0.0/16"]


async def test_another_municipality_is_another_hub(house: House) -> None:
    house.write(municipality="Annankommun")
    with pytest.raises(ConfigurationError, match="municipality can't change while the hub runs"):
        await house.hub.reloader.apply(dry_run=False)
    assert house.hub.hosts.names() == ["desk"]


async def test_a_subscription_ends_when_it_expires_although_it_was_made_meanwhile(house: House) -> None:
    """Not at the next hourly round: until then it would be given what it may no longer have."""
    contract = {"purpose": "test", "legal_basis": "test", "categories": ["none"]}
    client = {"id": "acme", "token": "${file:acme.token}", "roles": ["subscriber"], "contract": contract}
    (house.path.parent / "acme.token").write_text("token-of-acme-0123456789-abc")
    soon = datetime.now(UTC) + timedelta(seconds=0.5)
    feed = {"name": "short", "client": "acme", "types": [DayClosed.spec.type], "sink": {"kind": "feed"}}
    house.write(
        connectors={"desk": {"use": "desk"}}, clients=[client], subscriptions=[{**feed, "expires_at": soon.isoformat()}]
    )
    await house.hub.reloader.apply(dry_run=False)
    short = house.hub.services.subscriptions.get
    assert short("short").status is Status.ACTIVE
    await until(lambda: short("short").status is Status.ENDED)


async def test_what_is_being_handled_while_its_connector_changes_is_tried_again_by_the_next_one(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def hold(self: Desk, event: Event) -> None:
        loop.call_soon_threadsafe(entered.set)
        await asyncio.Event().wait()

    monkeypatch.setattr(Desk, "handle", hold)
    await house.close_a_day()
    await asyncio.wait_for(entered.wait(), 10)
    house.write(connectors={"desk": {"use": "desk", "at": "09:00"}})
    await house.hub.reloader.apply(dry_run=False)
    await until(lambda: not house.hub.delivery.status("connector:desk").open)
    assert house.hub.delivery.status("connector:desk").parked == 1  # due in some seconds, as after any failure


async def test_a_subscription_that_changes_with_its_connector_waits_for_the_new_one(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Delivery asks for its sink while the old one takes its time to stop."""

    async def stop(self: Desk) -> None:
        await asyncio.sleep(0.3)

    monkeypatch.setattr(Desk, "stop", stop)
    contract = {"purpose": "test", "legal_basis": "test", "categories": ["none"]}
    house.write(connectors={"desk": {"use": "desk", "contract": contract}})
    await house.hub.reloader.apply(dry_run=False)
    await house.close_a_day()
    statuses: set[Status] = set()
    await until(lambda: Desk.seen, meanwhile=lambda: statuses.add(house.status("desk")))
    assert statuses == {Status.ACTIVE}
