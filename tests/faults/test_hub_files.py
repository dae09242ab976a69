"""The whole hub over full disks, torn files, a second hub, an ordinary stop and a changed configuration."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.faults.checks import missing, out_of_order, repeated
from tests.faults.disks import LoopDisk
from tests.faults.load import Publishers, configuration, directory, number_of, numbered, numbers
from tests.faults.test_log_disk import _fill
from tests.peers.hub import HubProcess, webhook
from tests.peers.webhook import WebhookReceiver

pytestmark = pytest.mark.fault


async def know_pupils(hub: HubProcess) -> None:
    answer = await hub.caller("load").post_events(directory(64))
    assert answer.status == 202, answer.body


async def read_feed(hub: HubProcess) -> list[tuple[str, int]]:
    return [number_of(event) for event in await hub.caller("reader").read_feed("all", limit=1000)]


@pytest.mark.peer("loop-mounted ext4")
async def test_a_full_disk_is_said_and_over_once_there_is_room(disk: LoopDisk, tmp_path: Path) -> None:
    """Promises 1 and 8: 503 with Retry-After, nothing half stored, and nobody has to start anything anew."""
    ballast = disk.path / "ballast"
    async with WebhookReceiver() as hook:
        hub = HubProcess(tmp_path, configuration(hook.url), data=disk.path / "data")
        async with hub, Publishers(hub, size=2000) as publishers:
            await know_pupils(hub)
            publishers.up.set()
            await publishers.wait_for(acknowledged=300)
            _fill(ballast)
            await publishers.wait_for(refused=64)
            assert set(publishers.retry_after) <= {str(n) for n in range(1, 61)}, "each says when to come back"
            ballast.unlink()
            await publishers.wait_for(acknowledged=len(publishers.acknowledged) + 300)
            publishers.up.clear()
            await hub.delivered()
            read = await read_feed(hub)
            assert (await hub.caller("load").request("GET", "/readyz")).status == 200
        for arrived in (read, numbers(each.body for each in hook.received)):
            assert missing(publishers.acknowledged, arrived) == set()
            assert out_of_order(arrived) == []
        assert repeated(read) == []
        assert b"xxx" not in hub.output, "no event is quoted"


def torn(wal: bytes) -> dict[str, bytes]:
    third = len(wal) * 2 // 3
    return {
        "a third missing": wal[:third],
        "a page of noise": wal[:-8192] + random.Random(1).randbytes(8192),
        "a bit turned in the middle": wal[: len(wal) // 2] + bytes([wal[len(wal) // 2] ^ 1]) + wal[len(wal) // 2 + 1 :],
    }


@pytest.mark.parametrize("how", ["a third missing", "a page of noise", "a bit turned in the middle"])
@pytest.mark.parametrize("name", ["log.db", "store.db"])
async def test_after_a_torn_wal_everything_that_is_in_the_log_is_delivered(tmp_path: Path, name: str, how: str) -> None:
    """Promises 1 and 2: a torn store costs repeats; what a torn log has lost does not cost what comes after it."""
    async with WebhookReceiver() as hook:
        hub = HubProcess(tmp_path, configuration(hook.url))
        async with hub, Publishers(hub) as publishers:
            await know_pupils(hub)
            publishers.up.set()
            await publishers.wait_for(acknowledged=600)
            await hook.wait_for(500, 30)
            await hub.kill()
            publishers.up.clear()
            acknowledged = len(publishers.acknowledged)
            wal = hub.data / f"{name}-wal"
            wal.write_bytes(torn(wal.read_bytes())[how])
            hook.received.clear()
            await hub.start()
            answer = await hub.caller("load").request("GET", "/readyz")
            assert answer.status == 200, answer.body
            before = set(await read_feed(hub))
            publishers.up.set()
            await publishers.wait_for(acknowledged=acknowledged + 300)
            publishers.up.clear()
            await hub.delivered()
            read = await read_feed(hub)
        later = publishers.acknowledged[acknowledged:]
        if name == "store.db":
            assert missing(publishers.acknowledged, read) == set()
        assert missing(later, read) == set()
        assert missing(set(read) - before, numbers(each.body for each in hook.received)) == set()


async def test_a_second_hub_on_the_same_data_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    """Promise 8: an exit code of its own and a text that says what to do."""
    async with WebhookReceiver() as hook:
        async with HubProcess(tmp_path, configuration(hook.url)) as hub, Publishers(hub) as publishers:
            publishers.up.set()
            await publishers.wait_for(acknowledged=100)
            (tmp_path / "second").mkdir()
            second = HubProcess(tmp_path / "second", configuration(hook.url), data=hub.data)
            assert await second.try_start() == 4
            assert str(hub.data) in second.output.decode()
            assert b"Traceback" not in second.output
            await publishers.wait_for(acknowledged=len(publishers.acknowledged) + 100)
            publishers.up.clear()
            await hub.delivered()
            assert (await hub.caller("load").request("GET", "/readyz")).status == 200
        lessons = {each for each in publishers.acknowledged if int(each[0]) % 2 == 0}  # the pupils are not known
        assert missing(lessons, numbers(each.body for each in hook.received)) == set()


async def test_an_ordinary_stop_under_load_loses_and_repeats_nothing(tmp_path: Path) -> None:
    """Promises 1, 2 and 6: SIGTERM ends in order, whoever publishes."""
    async with WebhookReceiver() as hook:
        async with HubProcess(tmp_path, configuration(hook.url)) as hub, Publishers(hub) as publishers:
            await know_pupils(hub)
            for _ in range(3):
                publishers.up.set()
                await publishers.wait_for(acknowledged=len(publishers.acknowledged) + 300)
                assert await hub.stop(timeout_s=12) == 0
                publishers.up.clear()
                await hub.start()
            await hub.delivered()
            read = await read_feed(hub)
        arrived = numbers(each.body for each in hook.received)
        for seen in (read, arrived):
            assert missing(publishers.acknowledged, seen) == set()
            assert out_of_order(seen) == []
            assert repeated(seen) == []


async def test_a_changed_configuration_keeps_cursors_by_name(tmp_path: Path) -> None:
    """Cursor and state stay by name; a new subscription begins now; what left the file is paused."""

    async def publish(hub: HubProcess, *events: dict[str, Any]) -> None:
        answer = await hub.caller("load").post_events(events)
        assert answer.status == 202, answer.body

    async with WebhookReceiver() as kept, WebhookReceiver() as left, WebhookReceiver() as new:
        config = configuration(kept.url, left.url)
        async with HubProcess(tmp_path, config) as hub:
            await publish(hub, *(numbered(key, 0) for key in (0, 2, 4)))
            await hub.delivered()
            assert await hub.stop() == 0
            first, _, feed = config["subscriptions"]
            second = {"client": "reader", **webhook("new", new.url, ["se.skolnav.schedule.*"])}
            changed = {**first, "types": ["se.skolnav.schedule.*"], "payload": "id"}
            hub.configure({**config, "subscriptions": [second, changed, feed]})
            await hub.start()
            await publish(hub, *(numbered(key, 1) for key in (0, 2, 4)))
            await hub.delivered("hook0", "new", "all")
            found = await hub.subscriptions()
            assert found["hook1"]["state"] == "paused"
            assert await hub.stop() == 0
            hub.configure(config)
            await hub.start()
            await hub.delivered("hook0", "hook1", "all")
            states = {name: each["state"] for name, each in (await hub.subscriptions()).items()}
        all_six = {(str(key), number) for key in (0, 2, 4) for number in (0, 1)}
        second_half = {each for each in all_six if each[1] == 1}
        assert sorted(numbers(each.body for each in kept.received)) == sorted(all_six)
        assert sorted(numbers(each.body for each in new.received)) == sorted(second_half)
        assert all("data" not in json.loads(each.body) for each in kept.received[3:])
        assert states == {"hook0": "active", "hook1": "active", "all": "active", "new": "paused"}
        assert sorted(numbers(each.body for each in left.received)) == sorted(all_six)
