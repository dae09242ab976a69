"""The standard's subscription: asked for, renewed, made anew, and what its calls do."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.ss12000.config import Ss12000Config
from connectors.ss12000.connector import Ss12000
from hub.api.server import Servers
from hub.assembly.hub import Hub
from hub.config import HubConfig
from hub.directory.directory import Protection
from hub.hosting.hosts import HostedConnector
from plugins import Answer, Received
from plugins.manager import Plugins
from plugins.testing import ManualClock, TestHub, open_hub
from tests.connectors.ss12000.conftest import Pulled
from tests.connectors.ss12000.records import person
from tests.peers.sis import Made, Reply, call
from tests.until import until

URL = "https://hub.example/connectors/ss12000"
PATHS = [f"/v2.0/{resource}" for resource in ("persons", "deletedEntities")]


@pytest.fixture
async def subscribed(sis: Made, config: dict[str, Any]) -> AsyncIterator[Pulled]:
    """A hub that has asked to be told, under `URL`. The supplier's clock is the hub's machine time."""
    sis.subscriptions = {}
    async with open_hub("2026-11-24T07:30") as hub:
        sis.clock = hub.clock.utc
        await hub.add(Ss12000, {**config, "callback": {"url": URL}})
        yield Pulled(hub)


def only(sis: Made) -> dict[str, Any]:
    assert sis.subscriptions is not None
    (subscription,) = sis.subscriptions.values()
    return subscription


def segment(sis: Made) -> str:
    base, _, last = only(sis)["target"].rpartition("/")
    assert base == URL
    return str(last)


async def told(hub: TestHub, sis: Made, body: Any, *, path: str = "", method: str = "POST") -> Answer | None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await hub.receive("ss12000", Received(method, path or f"/{segment(sis)}", body=content))


def methods(sis: Made) -> list[str]:
    return [method for method, path, _ in sis.sent if path.startswith("/v2.0/subscriptions")]


# -- at the supplier ---------------------------------------------------------------------------------------------


async def test_it_asks_for_what_it_pulls_under_an_address_that_cannot_be_guessed(subscribed: Pulled, sis: Made) -> None:
    assert len(segment(sis)) >= 43  # 256 bits
    assert {each["resource"] for each in only(sis)["resourceTypes"]} == {
        "Organisation", "Person", "Group", "Duty", "Activity", "Room", "CalendarEvent", "Absence", "Attendance",
        "AttendanceEvent",
    }  # fmt: skip
    await subscribed.hub.restart()
    await subscribed.hub.poll("ss12000")
    assert methods(sis) == ["POST"]
    assert segment(sis) not in subscribed.hub.logs() + "".join(subscribed.hub.problems())


async def test_it_is_renewed_at_half_its_life(subscribed: Pulled, sis: Made) -> None:
    hub, first = subscribed.hub, only(sis)["expires"]
    hub.clock.pass_machine(44 * 86_400)
    await hub.poll("ss12000")
    assert methods(sis) == ["POST"]
    hub.clock.pass_machine(2 * 86_400)
    await hub.poll("ss12000")
    assert methods(sis) == ["POST", "PATCH"]
    assert only(sis)["expires"] > first
    await hub.poll("ss12000")
    assert methods(sis) == ["POST", "PATCH"]


@pytest.mark.parametrize("expires", [None, "some day", "2026-11-26T06:30:00", 7])
async def test_an_end_that_is_not_told_or_has_no_offset_is_taken_as_early(
    sis: Made, config: dict[str, Any], expires: Any
) -> None:
    sis.subscriptions = {}
    sis.faults.append(
        lambda path, _: Reply(201, {"id": "sub-1", "expires": expires}) if path.endswith("/subscriptions") else None
    )
    async with open_hub("2026-11-24T07:30") as hub:
        await hub.add(Ss12000, {**config, "callback": {"url": URL}})
        hours = 24 if isinstance(expires, str) and "T" in expires else 12
        kept = (await hub.state("ss12000"))["callback"]
        assert kept["id"] == "sub-1"
        # School time 07:30 is 06:30 UTC; 06:30 in Sweden two days later is 47 h away.
        begin, half = hub.clock.utc(), kept["renew"]
        distance = (type(begin).fromisoformat(half) - begin) / timedelta(hours=1)
        assert hours - 1 <= distance <= hours


async def test_one_that_the_supplier_forgot_is_made_anew_under_the_same_address(subscribed: Pulled, sis: Made) -> None:
    before, forgotten = segment(sis), only(sis)["id"]
    assert sis.subscriptions is not None
    sis.subscriptions.clear()
    await subscribed.nightly(25)
    assert methods(sis) == ["POST", "PATCH", "POST"]
    assert (segment(sis), only(sis)["id"] != forgotten) == (before, True)


async def test_one_that_cannot_be_renewed_is_replaced(subscribed: Pulled, sis: Made) -> None:
    refused = only(sis)["id"]
    sis.faults.append(lambda path, _: Reply(405) if path.endswith(refused) else None)
    await subscribed.nightly(25)
    assert methods(sis) == ["POST", "PATCH", "DELETE", "POST"]
    assert subscribed.problems("not-subscribed") == []


async def test_a_supplier_without_subscriptions_is_said_once_and_asked_every_night(
    sis: Made, config: dict[str, Any]
) -> None:
    async with open_hub("2026-11-24T07:30") as hub:
        await hub.add(Ss12000, {**config, "callback": {"url": URL}})
        pulled = Pulled(hub)
        await hub.poll("ss12000")
        assert methods(sis) == ["POST"]
        sis.subscriptions = {}
        await pulled.nightly(25)
        assert methods(sis) == ["POST", "POST"]
        assert len([each for each in pulled.problems("not-offered") if "subscriptions" in each]) == 1
        assert "absent/subscriptions" not in await hub.state("ss12000")
        assert only(sis)["target"].startswith(URL)


@pytest.mark.parametrize("reply", [Reply(403), Reply(500), Reply(201, {}), Reply(201, raw=b"<html>"), Reply(429)])
async def test_a_refusal_is_told_once_and_keeps_nothing_from_being_pulled(
    sis: Made, config: dict[str, Any], reply: Reply
) -> None:
    sis.subscriptions = {}
    sis.faults.append(lambda path, _: reply if path.endswith("/subscriptions") else None)
    async with open_hub("2026-11-24T07:30") as hub:
        await hub.add(Ss12000, {**config, "callback": {"url": URL}})
        pulled = Pulled(hub)
        assert len(await pulled.news()) > 30
        assert await pulled.currents() == 1
        await hub.poll("ss12000")  # not asked again at once
        assert methods(sis) == ["POST"]
        hub.clock.pass_machine(16 * 60)
        await hub.poll("ss12000")
        assert methods(sis)[:2] == ["POST", "POST"]
        assert len(pulled.problems("not-subscribed")) == 1
        sis.faults.clear()
        hub.clock.pass_machine(16 * 60)
        await hub.poll("ss12000")
        assert only(sis)["target"].startswith(URL)


async def test_what_is_configured_otherwise_is_subscribed_otherwise(
    subscribed: Pulled, sis: Made, config: dict[str, Any]
) -> None:
    before = segment(sis)
    await subscribed.hub.add(Ss12000, {**config, "callback": {"url": URL}, "resources": ["persons", "groups"]})
    assert methods(sis) == ["POST", "DELETE", "POST"]
    assert (segment(sis), len(only(sis)["resourceTypes"])) == (before, 2)
    await subscribed.hub.add(Ss12000, config)
    assert methods(sis)[3:] == ["DELETE"]
    assert "callback" not in await subscribed.hub.state("ss12000")


# -- its calls ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        {"modifiedEntites": ["Person"]},
        {"modifiedEntities": ["Person"]},
        {"modifiedEntites": ["Grade"], "modifiedEntities": ["Group", "Person"]},
        {"modifiedEntities": "Person"},
        {"modifiedEntities": ["SomethingNew"]},
        {"modifiedEntities": [{"resource": "Person"}]},
        {"deletedEntities": True},
        {},
        [],
        b"",
        b"\xff<no json>",
        b"[" * 5000,
    ],
)
async def test_whatever_is_said_means_come_and_fetch(subscribed: Pulled, sis: Made, body: Any) -> None:
    await subscribed.news()
    sis.records["persons"].append(person(99, meta={"modified": "2026-11-24T07:29:00+01:00"}))
    sis.asked.clear()
    answer = await told(subscribed.hub, sis, body)
    assert answer == Answer(200)
    assert set(PATHS) <= set(sis.paths())
    (event,) = await subscribed.news()
    assert event.data["id"] == person(99)["id"]


@pytest.mark.parametrize(
    "body", [{"modifiedEntites": ["Grade"]}, {"modifiedEntities": ["Placement", "Programme"], "deletedEntities": False}]
)
async def test_what_is_never_pulled_is_not_fetched(subscribed: Pulled, sis: Made, body: Any) -> None:
    sis.asked.clear()
    assert await told(subscribed.hub, sis, body) == Answer(200)
    assert sis.asked == []


async def test_the_same_call_again_tells_nothing_again(subscribed: Pulled, sis: Made) -> None:
    await subscribed.news()
    for _ in range(3):
        assert await told(subscribed.hub, sis, {"modifiedEntites": ["Person"]}) == Answer(200)
    assert await subscribed.news() == []


async def test_another_address_is_not_there_and_wakes_nobody(subscribed: Pulled, sis: Made) -> None:
    sis.asked.clear()
    for path in ("/", "/guess", f"/{segment(sis)}x", f"/{segment(sis)}/x", f"/{segment(sis)[:-1]}", "/\u00e5"):
        assert await told(subscribed.hub, sis, {"deletedEntities": True}, path=path) is None
    answer = await told(subscribed.hub, sis, b"", method="GET")
    assert answer is not None
    assert (answer.status, answer.headers) == (405, {"Allow": "POST"})
    assert sis.asked == []


async def test_without_callback_no_address_is_there(hub: Pulled) -> None:
    assert await hub.hub.receive("ss12000", Received("POST", "/")) is None
    assert "callback" not in await hub.hub.state("ss12000")


# -- over the wire -----------------------------------------------------------------------------------------------


@dataclass
class Wired:
    """A hub with its own server, at which the supplier calls."""

    hub: Hub
    clock: ManualClock
    base: str


@pytest.fixture
async def wired(sis: Made, config: dict[str, Any], tmp_path: Path) -> AsyncIterator[Wired]:
    sis.subscriptions = {}
    clock = ManualClock("2026-11-24T07:30")
    sis.clock = clock.utc
    settings = HubConfig(municipality="Exempel", tenant="exempel", data=tmp_path, host="127.0.0.1", port=0)
    hub = await Hub.start(settings, clock=clock, plugins=Plugins.of(Ss12000))
    servers = Servers(hub.services)
    try:
        await servers.start()
        base = f"http://127.0.0.1:{servers.address[1]}/connectors/sis"
        own = Ss12000Config.model_validate({**config, "callback": {"url": base}})
        await hub.hosts.add("sis", HostedConnector("ss12000", own))
        await until(lambda: bool(sis.subscriptions))
        yield Wired(hub, clock, base)
    finally:
        await servers.stop()
        await hub.stop()


async def test_the_suppliers_call_brings_what_has_changed_long_before_the_next_poll(wired: Wired, sis: Made) -> None:
    await until(lambda: not wired.hub.hosts.instance("sis").calls)
    sis.records["persons"].append(person(99, meta={"modified": "2026-11-24T07:29:00+01:00"}))
    sis.asked.clear()
    assert await asyncio.to_thread(sis.notify, modifiedEntites=["Person"]) == [200]
    assert await asyncio.to_thread(sis.notify, deletedEntities=True) == [200]
    await until(lambda: set(PATHS) <= set(sis.paths()))
    new = person(99)["id"]
    await until(lambda: wired.hub.directory.protection(new, wired.clock.utc()) is not Protection.UNKNOWN)


async def test_a_guess_is_answered_as_one_at_an_instance_that_is_not_there(wired: Wired) -> None:
    for url in (f"{wired.base}/guess", wired.base, f"{wired.base[:-3]}nobody/guess"):
        assert await asyncio.to_thread(call, url, {"deletedEntities": True}) == 404


async def test_a_call_in_the_middle_of_a_long_pull_is_answered_at_once(wired: Wired, sis: Made) -> None:
    instance = wired.hub.hosts.instance("sis")
    await until(lambda: not instance.calls)
    began, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def held(path: str, _: Any) -> Reply | None:
        if path != PATHS[0] or go_on.is_set():
            return None
        loop.call_soon_threadsafe(began.set)
        return Reply(429, headers={"Retry-After": "1"})

    sis.faults.append(held)
    assert await asyncio.to_thread(sis.notify, deletedEntities=True) == [200]
    async with asyncio.timeout(20):
        await began.wait()
    assert instance.calls
    assert await asyncio.to_thread(sis.notify, modifiedEntities=["Person"]) == [200]
    assert instance.poll_is_due()
    go_on.set()
    await until(lambda: not instance.poll_is_due())
