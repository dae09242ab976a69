"""The log's process is killed while 64 callers append."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hub.bus.sqlite import SqliteLog
from hub.clock import SystemClock
from hub.runner import ThreadRunner
from tests.contracts.log_events import CATALOGUE, everything
from tests.faults.checks import first_arrivals, missing, out_of_order, repeated
from tests.faults.processes import Publisher
from tests.faults.publisher import number_of

pytestmark = pytest.mark.fault


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[SqliteLog]:
    runner = ThreadRunner()
    try:
        async with await SqliteLog.open(path, catalogue=CATALOGUE, clock=SystemClock(), runner=runner) as log:
            yield log
    finally:
        runner.close()


async def test_kill_9_twenty_times_loses_no_acknowledged_event_and_no_order(tmp_path: Path) -> None:
    """Promises 1, 2 and 6: after each kill every task publishes its unacknowledged event again."""
    choice = random.Random(20261124)
    path = tmp_path / "log.db"
    acknowledged: list[tuple[str, int]] = []
    following: dict[str, int] = {}
    for attempt in range(20):
        # Every other time it dies while the indexes are being folded in.
        fresh = 40 if attempt % 2 else 32_768
        with Publisher(path, tasks=64, next=following, fresh=fresh) as publisher:
            publisher.wait_for(acknowledged=choice.randrange(64, 1500))
            publisher.kill()
        acknowledged += publisher.acknowledged
        for key, number in publisher.acknowledged:
            following[key] = number + 1
    assert len(acknowledged) > 20 * 64
    async with opened(path) as log:
        arrived = [number_of(each) for each in await everything(log, limit=2000)]
        states = dict(map(number_of, await log.states(["matter"])))
    assert missing(acknowledged, arrived) == set()
    assert out_of_order(arrived) == []
    assert repeated(arrived) == []
    assert states == {key: numbers[-1] for key, numbers in first_arrivals(arrived).items()}


async def test_a_torn_end_of_the_wal_costs_only_what_was_in_it(tmp_path: Path) -> None:
    """Promise 1: the file opens, and every event before the tear is there."""
    whole = tmp_path / "whole"
    whole.mkdir()
    with Publisher(whole / "log.db", tasks=8) as publisher:
        publisher.wait_for(acknowledged=400)
        publisher.kill()
    wal = (whole / "log.db-wal").read_bytes()
    acknowledged = len(publisher.acknowledged)
    kept: list[int] = []
    tears = {
        "as it was": wal,
        "half a page missing": wal[:-4096],
        "a page of noise": wal[:-8192] + random.Random(1).randbytes(8192),
        "a third missing": wal[: len(wal) * 2 // 3],
        "a bit turned in the middle": wal[: len(wal) // 2] + bytes([wal[len(wal) // 2] ^ 1]) + wal[len(wal) // 2 + 1 :],
        "zeros at the end": wal + bytes(65536),
    }
    for name, torn in tears.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "log.db").write_bytes((whole / "log.db").read_bytes())
        (folder / "log.db-wal").write_bytes(torn)
        async with opened(folder / "log.db") as log:
            arrived = [number_of(each) for each in await everything(log, limit=2000)]
            assert out_of_order(arrived) == [], name
            assert repeated(arrived) == [], name
            kept.append(len(arrived))
    assert kept[0] == kept[-1] >= acknowledged
    assert missing(publisher.acknowledged, arrived) == set()
    assert all(0 < some < kept[0] for some in kept[1:-1])
    assert kept[1] >= kept[3], "a smaller tear costs less"
