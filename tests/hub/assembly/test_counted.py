"""What a running hub counts over time, and that it survives its restart."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

from pydantic import SecretStr

from hub.assembly.hub import Hub
from hub.config import HubConfig
from hub.config.model import ClientConfig, Role
from hub.operating.counters import CountedSpan, counters
from hub.subscriptions.spec import SubscriptionSpec
from plugins.manager import Plugins
from plugins.testing import ManualClock
from schemas import Category, DataContract
from tests.peers.webhook import WebhookReceiver, status
from tests.school import DAY_CLOSED, UNIT, append, event
from tests.until import until

CONTRACT = DataContract(purpose="test", legal_basis="test", categories=frozenset({Category.NONE, Category.FREE_TEXT}))
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@asynccontextmanager
async def running(folder: Path, receiver: WebhookReceiver, clock: ManualClock) -> AsyncIterator[Hub]:
    spec = SubscriptionSpec.model_validate(
        {
            "name": "days",
            "client": "facilities",
            "types": [DAY_CLOSED],
            "sink": {"kind": "webhook", "url": receiver.url, "secret": SECRET, "handshake": False},
        }
    )
    facilities = ClientConfig(
        id="facilities", token=SecretStr("token-0123456789-abc"), roles=frozenset({Role.SUBSCRIBER}), contract=CONTRACT
    )
    config = HubConfig(
        municipality="Exempelkommun", tenant="exempelkommun", data=folder, outbound=(ip_network("127.0.0.0/8"),),
        clients=(facilities,),
        subscriptions=(spec,),
    )  # fmt: skip
    hub = await Hub.start(config, clock=clock, plugins=Plugins.of())
    try:
        yield hub
    finally:
        await hub.stop()


async def counted(hub: Hub, about: str, *, hours: bool = False) -> list[CountedSpan]:
    now = hub.clock.utc()
    found = await counters(
        hub.services, about=about, since=now - timedelta(days=1), until=now + timedelta(seconds=1), hours=hours
    )
    return list(found)


async def total(hub: Hub, about: str, name: str) -> float:
    return sum(span.counted.get(name, 0) for span in await counted(hub, about, hours=True))


async def test_events_deliveries_failures_and_latency_are_counted_over_restarts(tmp_path: Path) -> None:
    clock = ManualClock("2026-11-24T08:00")
    async with WebhookReceiver() as receiver:
        async with running(tmp_path, receiver, clock) as hub:
            await append(hub.services, event(DAY_CLOSED, {"organisation": {"id": UNIT}, "date": "2026-12-01"}))

            async def delivered() -> bool:
                return await total(hub, "subscription/days", "delivered") == 1

            await until(delivered)
            [span] = await counted(hub, "subscription/days")
            assert span.open
            assert span.counted["latency_s_max"] >= 0
            assert await total(hub, "hub", "events") == 1
        receiver.answer = status(503)
        clock.pass_machine(600)
        async with running(tmp_path, receiver, clock) as hub:
            await append(hub.services, event(DAY_CLOSED, {"organisation": {"id": UNIT}, "date": "2026-12-02"}))

            async def failed() -> bool:
                return await total(hub, "subscription/days", "failed") >= 1

            await until(failed)
            assert await total(hub, "subscription/days", "delivered") == 1
            assert await total(hub, "hub", "events") == 2
            assert len(await counted(hub, "hub")) == 2  # two spans of five minutes
            assert len(await counted(hub, "hub", hours=True)) == 1


async def test_a_recipient_that_is_behind_has_its_lag_in_the_counters(tmp_path: Path) -> None:
    clock = ManualClock("2026-11-24T08:00")
    async with WebhookReceiver() as receiver:
        receiver.answer = status(503)
        async with running(tmp_path, receiver, clock) as hub:
            await append(hub.services, event(DAY_CLOSED, {"organisation": {"id": UNIT}, "date": "2026-12-01"}))

            async def behind() -> bool:
                spans = await counted(hub, "subscription/days", hours=True)
                return max((span.counted.get("lag_s_max", 0) for span in spans), default=0) >= 60

            await until(behind, meanwhile=lambda: clock.pass_machine(30))
