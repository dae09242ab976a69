"""A restore of a backup, rehearsed: the pair is copied to another folder, opened as the hub would open it, and read."""

import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from hub.bus.sqlite import SqliteLog
from hub.clock import SystemClock, from_us
from hub.engines import LOG, STORE, restore
from hub.operating import disclosure_chain
from hub.runner import ThreadRunner
from hub.store import subscriptions
from hub.store.sql import SqlStore
from schemas import core_catalogue

_PAGE: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """What a hub on this backup would have."""

    events: int
    newest: datetime | None  # when the newest event was accepted
    subscriptions: int
    disclosures: int  # the number of the last row of the log of disclosures
    broken_at: int | None  # the first row of it that does not fit; None: it holds together


async def rehearse(folder: Path, tenant: str) -> Rehearsed:
    """Nothing in `folder` changes, and nothing is left behind. Needs room for a copy where temporary files are made.

    Raises what `restore`, `SqliteLog.open` and `SqlStore.open` raise.
    """
    with tempfile.TemporaryDirectory(prefix="skolnav-rehearsal-") as made:
        data, runner = Path(made), ThreadRunner()
        try:
            restore(folder, data)
            log = await SqliteLog.open(data / LOG, catalogue=core_catalogue(), clock=SystemClock(), runner=runner)
            async with log:
                events, newest = await _read(log)
            store = await SqlStore.open(data / STORE, tenant=tenant, runner=runner)
            try:
                known = await store.read(subscriptions.load(tenant))
                chain = disclosure_chain.ChainCheck(rows=0, broken_at=None, complete=False, trimmed=0)
                while not chain.complete:
                    chain = await disclosure_chain.verify(store, chain.rows)
            finally:
                await store.close()
        finally:
            runner.close()
    return Rehearsed(
        events=events, newest=newest, subscriptions=len(known), disclosures=chain.rows, broken_at=chain.broken_at
    )


async def _read(log: SqliteLog) -> tuple[int, datetime | None]:
    """How many events there are, and when the newest was accepted: each is read, and so is its body."""
    position, count, newest = log.start(), 0, None
    while True:
        batch = await log.read(position, _PAGE)
        for event in batch.events:
            event.parsed  # noqa: B018 - raises if the body is damaged
            newest = from_us(event.accepted_us)
        count += len(batch.events)
        position = batch.position
        if batch.at_head:
            return count, newest
