"""Webhooks as the configuration allows them now, which may be less than when they were made."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hub.clock import SystemClock
from hub.config import HubConfig
from hub.sinks.webhooks import Webhooks


async def test_an_address_that_is_no_longer_allowed_is_no_consent_and_no_fault(tmp_path: Path) -> None:
    """Raised, it would end the task that asks, and the webhook would wait for ever without a word."""
    webhooks = Webhooks(HubConfig("Exempelkommun", "exempelkommun", tmp_path), SystemClock())
    moved: Any = SimpleNamespace(id="mine", sink={"url": "http://127.0.0.1:9/hook"})
    answer = await webhooks.ask(moved)
    assert (answer.granted, answer.reason) == (False, "url-address")
