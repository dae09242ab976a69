"""The disk under the log loses power, or has no room."""

import asyncio
from pathlib import Path

import pytest

from hub.bus.base import LogUnavailable
from tests.contracts.log_events import everything
from tests.faults.checks import missing, out_of_order, repeated
from tests.faults.disks import LoopDisk
from tests.faults.processes import Publisher
from tests.faults.publisher import number_of, numbered
from tests.faults.test_log_kill import opened
from tests.until import until

pytestmark = [pytest.mark.fault, pytest.mark.peer("loop-mounted ext4")]


async def lose_power(disk: LoopDisk, **options: str | int) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """Publish, cut the power in the midst of it, start again: (acknowledged, what the log has)."""
    path = disk.path / "log.db"
    with Publisher(path, tasks=64, **options) as publisher:
        publisher.wait_for(acknowledged=2000)
        # Only what was said before the cut counts. The ioctl races with an fdatasync in flight: in 1 of 150 runs the
        # kernel (6.18) tells success for a bare pwrite and fdatasync whose data it then drops.
        acknowledged = list(publisher.acknowledged)
        disk.cut_power()
        publisher.kill()
    disk.unmount()
    disk.mount()
    async with opened(path) as log:
        return acknowledged, [number_of(each) for each in await everything(log, limit=2000)]


@pytest.mark.parametrize("fresh", [32_768, 100, 40], ids="indexes folded after {} events".format)
async def test_a_power_cut_loses_no_acknowledged_event(disk: LoopDisk, fresh: int) -> None:
    """Promise 1, where it counts: kill -9 leaves the page cache, this does not."""
    acknowledged, arrived = await lose_power(disk, fresh=fresh)
    assert missing(acknowledged, arrived) == set()
    assert out_of_order(arrived) == []
    assert repeated(arrived) == []


async def test_the_power_cut_catches_a_log_that_does_not_sync(disk: LoopDisk) -> None:
    """The test above can fail: with synchronous=OFF acknowledged events are gone."""
    acknowledged, arrived = await lose_power(disk, synchronous="OFF")
    assert missing(acknowledged, arrived)


async def test_a_full_disk_refuses_and_takes_again_once_there_is_room(disk: LoopDisk) -> None:
    """Nothing is lost, nothing half stored, and nobody has to restart anything."""
    path = disk.path / "log.db"
    ballast = disk.path / "ballast"
    acknowledged: list[tuple[str, int]] = []
    async with opened(path) as log:

        async def publish(key: str, count: int) -> None:
            number = 0
            while number < count:
                try:
                    await log.append([numbered(key, number, 1000)])
                except LogUnavailable as error:
                    refused.append(str(error))
                    await room.wait()
                    continue
                acknowledged.append((key, number))
                number += 1

        refused: list[str] = []
        room = asyncio.Event()
        await publish("before", 50)
        _fill(ballast)
        publishing = [asyncio.create_task(publish(str(key), 300)) for key in range(8)]
        await until(lambda: refused)
        assert not any(task.done() for task in publishing)
        assert "xxx" not in refused[0], "no error quotes an event (promise 8)"
        arrived = [number_of(each) for each in await everything(log)]
        assert missing(acknowledged, arrived) == set(), "what is there can be read while the disk is full"
        ballast.unlink()
        room.set()
        await asyncio.gather(*publishing)
        assert len(acknowledged) == 50 + 8 * 300
    async with opened(path) as log:
        arrived = [number_of(each) for each in await everything(log, limit=2000)]
    assert missing(acknowledged, arrived) == set()
    assert out_of_order(arrived) == []
    assert repeated(arrived) == []


def _fill(path: Path) -> None:
    """Take all the room that is left."""
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue
