"""The disk under the whole hub loses power while 64 publish and two webhooks receive."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from hub.bus.sqlite import SqliteLog
from hub.clock import SystemClock
from hub.delivery.reading import Reader
from hub.runner import ThreadRunner
from hub.store import cursors, disclosures
from hub.store.sql import SqlStore
from schemas import core_catalogue
from tests.contracts.log_events import everything
from tests.faults.checks import Numbered, missing, out_of_order, repeated
from tests.faults.disks import LoopDisk
from tests.faults.load import SOURCE, Publishers, configuration, directory, number_of, numbers
from tests.peers.hub import HubProcess
from tests.peers.webhook import WebhookReceiver

pytestmark = [pytest.mark.fault, pytest.mark.peer("loop-mounted ext4")]

TENANT, RECIPIENT = "exempelkommun", "client/reader"


@dataclass
class Left:
    """What both files hold after a cut, read without a hub."""

    events: list[Numbered]
    passed: dict[str, set[Numbered]]  # by subscription: what its cursor says is done with
    intended: set[Numbered]  # what an intent for the recipient is there of
    chain_broken_at: int | None


async def left(data: Path) -> Left:
    runner, catalogue = ThreadRunner(), core_catalogue()
    try:
        store = await SqlStore.open(data / "store.db", tenant=TENANT, runner=runner)
        log = await SqliteLog.open(data / "log.db", catalogue=catalogue, clock=SystemClock(), runner=runner)
        found = [each for each in await everything(log, limit=2000) if each.source == SOURCE]
        events = {each.at: number_of(each.parsed) for each in found if "directory" not in each.type}
        rows = await store.read(cursors.load(TENANT))
        passed: dict[str, set[Numbered]] = {}
        for row in rows:
            position = Reader.open(log, row.position).position
            assert position is not None
            passed[row.subscription] = {
                event for at, event in events.items() if position.covers(at) and at not in row.open
            }
        intended = {
            event for at, event in events.items() if await store.read(disclosures.for_place(TENANT, RECIPIENT, at))
        }
        verified = await store.read(disclosures.verify(TENANT))
        await log.close()
        await store.close()
        return Left(list(events.values()), passed, intended, verified.broken_at)
    finally:
        runner.close()


async def cut(hub: HubProcess, disk: LoopDisk, publishers: Publishers, hooks: Sequence[WebhookReceiver]) -> Left:
    """Cut the power under load; returns what is there afterwards, and has checked what must hold of it."""
    acknowledged = list(publishers.acknowledged)
    before = [len(hook.received) for hook in hooks]
    disk.cut_power()
    publishers.up.clear()
    await hub.kill()
    disk.unmount()
    disk.mount()
    found = await left(hub.data)
    assert missing(acknowledged, found.events) == set()
    assert out_of_order(found.events) == []
    assert found.chain_broken_at is None
    for n, hook in enumerate(hooks):
        arrived = set(numbers(each.body for each in hook.received))
        # A cursor may be behind what was delivered, never ahead of it.
        assert found.passed.get(f"hook{n}", set()) - arrived == set()
        told = set(numbers(each.body for each in hook.received[: before[n]]))
        assert told - set(found.events) == set(), "nothing was told that is not in the log"
        assert told - found.intended == set(), "nothing was told without an intent"
    return found


async def test_power_cuts_lose_no_acknowledged_event_cursor_or_disclosure(disk: LoopDisk, tmp_path: Path) -> None:
    """Promises 1 and 2, and that an intent is durable before bytes leave: log and store alike."""
    async with WebhookReceiver() as one, WebhookReceiver() as two:
        hub = HubProcess(tmp_path, configuration(one.url, two.url), data=disk.path / "data")
        async with hub, Publishers(hub) as publishers:
            answer = await hub.caller("load").post_events(directory(64))
            assert answer.status == 202, answer.body
            for _ in range(4):
                publishers.up.set()
                await publishers.wait_for(acknowledged=len(publishers.acknowledged) + 700)
                await cut(hub, disk, publishers, (one, two))
                await hub.start()
            await hub.delivered(timeout_s=60)
            read = [number_of(event) for event in await hub.caller("reader").read_feed("all", limit=1000)]
            assert await hub.stop() == 0
        for arrived in (read, *(numbers(each.body for each in hook.received) for hook in (one, two))):
            assert missing(publishers.acknowledged, arrived) == set()
            assert out_of_order(arrived) == []
        assert repeated(read) == []


async def test_the_power_cut_catches_a_store_that_does_not_sync(disk: LoopDisk, tmp_path: Path) -> None:
    """The test above can fail: intents that were not synced are gone, and what they were for was told."""
    command = (sys.executable, "-m", "tests.faults.unsynced", "run", "--config")
    async with WebhookReceiver() as hook:
        hub = HubProcess(tmp_path, configuration(hook.url), data=disk.path / "data", command=command)
        async with hub, Publishers(hub) as publishers:
            publishers.up.set()
            await publishers.wait_for(acknowledged=700)
            await hook.wait_for(100, 30)
            with pytest.raises(AssertionError, match="without an intent"):
                await cut(hub, disk, publishers, (hook,))
