"""How many events wait for a subscription that takes none now."""

import asyncio
from pathlib import Path

from hub.bus.sqlite import SqliteLog
from hub.delivery.backlog import Backlog
from hub.privacy.base import Recipient
from hub.runner import ThreadRunner
from hub.subscriptions.model import Subscription
from tests.clock import HandClock
from tests.contracts.log_events import CATALOGUE, Reading, reading


async def test_counts_that_overlap_count_each_event_once(tmp_path: Path) -> None:
    """An operator's page and the alerts may ask in the same moment."""
    runner = ThreadRunner()
    options = {"catalogue": CATALOGUE, "clock": HandClock(), "runner": runner}
    async with await SqliteLog.open(tmp_path / "log.db", **options) as log:
        await log.append([reading(n, id=f"e{n}") for n in range(5)])
    async with await SqliteLog.open(tmp_path / "log.db", **options) as log:  # read from the file, not from memory
        subscription = Subscription(
            id="s",
            name="s",
            recipient=Recipient("client/s", ()),
            types=frozenset({Reading.spec.type}),
            sink={"kind": "feed"},
        )
        backlog = Backlog(log, subscription, log.start())
        await asyncio.gather(*(backlog.count() for _ in range(3)))
        assert (backlog.events, backlog.counted) == (5, True)
    runner.close()
