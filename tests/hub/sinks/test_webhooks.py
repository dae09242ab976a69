"""Webhooks as the configuration allows them now, which may be less than when they were made."""

import asyncio
from ipaddress import ip_network
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hub.clock import SystemClock
from hub.config import HubConfig
from hub.sinks.webhooks import Webhooks
from plugins.testing import ManualClock
from tests.contracts.sink import attempt
from tests.hub.sinks.conftest import SECRET
from tests.peers.webhook import WebhookReceiver, status


async def test_an_address_that_is_no_longer_allowed_is_no_consent_and_no_fault(tmp_path: Path) -> None:
    """Raised, it would end the task that asks, and the webhook would wait for ever without a word."""
    webhooks = Webhooks(HubConfig("Exempelkommun", "exempelkommun", tmp_path), SystemClock())
    moved: Any = SimpleNamespace(id="mine", sink={"url": "http://127.0.0.1:9/hook"})
    answer = await webhooks.ask(moved)
    assert (answer.granted, answer.reason) == (False, "url-address")


@pytest.mark.parametrize("sink", [{"concurrency": 8, "rate_per_s": 2.0}, {"concurrency": 2, "rate_per_s": None}])
async def test_live_events_replays_and_tests_share_one_limit(tmp_path: Path, sink: dict[str, Any]) -> None:
    """Promise 3: four replays of a webhook do not make its rate, or its connections, five times as many."""
    config = HubConfig("Exempelkommun", "exempelkommun", tmp_path, outbound=(ip_network("127.0.0.0/8"),))
    clock = ManualClock("2026-11-24T08:00")
    webhooks, come = Webhooks(config, clock), asyncio.Event()

    async def hold(*request: Any) -> None:
        await come.wait()
        await status(204)(*request)

    async with WebhookReceiver() as peer:
        peer.answer = hold
        wanted = {"url": peer.url, "secret": SECRET, "timeout_s": 20, **sink}
        subscription: Any = SimpleNamespace(id="mine", sink=wanted, recipient=SimpleNamespace(name="client/acme"))
        sinks = [webhooks.sink(subscription) for _ in range(5)]
        tasks = [asyncio.create_task(each.deliver(attempt())) for each in sinks for _ in range(4)]
        most = sink["concurrency"] if sink["rate_per_s"] is None else 1
        await peer.wait_for(most)
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(peer.received) == most
        come.set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for each in sinks:
            await each.close()


def to(peer: WebhookReceiver, id: str, client: str, **sink: Any) -> Any:
    """A subscription of a client's, with a webhook."""
    wanted = {"url": peer.url, "secret": SECRET, "timeout_s": 20, "concurrency": 8, **sink}
    return SimpleNamespace(id=id, sink=wanted, recipient=SimpleNamespace(name=f"client/{client}"))


async def test_all_webhooks_of_a_client_share_its_slots_and_another_client_has_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise 3: a client does not use up the hub's connections by making subscriptions."""
    monkeypatch.setattr("hub.sinks.webhooks.MAX_OF_CLIENT", 3)
    config = HubConfig("Exempelkommun", "exempelkommun", tmp_path, outbound=(ip_network("127.0.0.0/8"),))
    webhooks, go_on = Webhooks(config, ManualClock("2026-11-24T08:00")), asyncio.Event()

    async def hold(*request: Any) -> None:
        await go_on.wait()
        await status(204)(*request)

    async with WebhookReceiver() as peer, WebhookReceiver() as another:
        peer.answer = another.answer = hold
        rated = webhooks.sink(to(peer, "rated", "acme", rate_per_s=0.001))
        sinks = [webhooks.sink(to(peer, f"s{n}", "acme")) for n in range(4)]
        others = webhooks.sink(to(another, "t", "other"))
        tasks = [asyncio.create_task(rated.deliver(attempt())) for _ in range(5)]
        await peer.wait_for(1)
        tasks += [asyncio.create_task(each.deliver(attempt())) for each in sinks for _ in range(2)]
        await peer.wait_for(3)  # one is the rated webhook's: its next, which wait for their turn, hold no slot
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(peer.received) == 3
        tasks.append(asyncio.create_task(others.deliver(attempt())))
        await another.wait_for(1)
        go_on.set()
        await peer.wait_for(1 + 8)  # waiting for a rate holds up no other webhook of the client
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for each in (rated, *sinks, others):
            await each.close()
