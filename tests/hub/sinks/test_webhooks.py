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
        subscription: Any = SimpleNamespace(id="mine", sink=wanted)
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
