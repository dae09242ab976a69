"""Searches over a large log, warm and cold, and what the search index costs. With little processor time.

    .venv/bin/python -m bench.search                    # 1,000,000 events of about 600 bytes
    .venv/bin/python -m bench.search --events 200000

Only the first 5,000 events are appended; SQLite then copies their rows under new ids until there are enough. Cold: the
log is opened anew, after the kernel was told to forget the pages of its files.
"""

import argparse
import asyncio
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Final

import apsw

from bench.log import Events
from hub.bus.base import Wanted
from hub.bus.sqlite import SqliteLog
from hub.clock import SystemClock
from hub.runner import ThreadRunner
from schemas import core_catalogue

APPENDED: Final = 5000
CATALOGUE: Final = core_catalogue()


async def opened(folder: Path, runner: ThreadRunner) -> SqliteLog:
    return await SqliteLog.open(folder / "log.db", catalogue=CATALOGUE, clock=SystemClock(), runner=runner)


def multiply(path: Path, events: int) -> None:
    """Copies of the rows, under new ids and about 50 other types and sources, an hour of acceptance for each 10,000."""
    db = apsw.Connection(str(path))
    db.execute("PRAGMA synchronous = OFF")
    first = db.execute("SELECT max(number) FROM names").get + 1
    for number in range(50):
        db.execute("INSERT INTO names VALUES (?, ?)", (first + number, f"se.example.made.up.v{number}"))
    have = APPENDED
    while have < events:
        more = min(have, events - have, 100_000)
        db.execute(
            "INSERT INTO events_0 SELECT offset + ?, accepted + ? * 360000, ahead, ? + abs(random()) % 50, source, "
            "randomblob(16), subject, key, entity, about, organisations, flags, body FROM events_0 WHERE offset <= ?",
            (have, have, first, more),
        )
        have += more
    db.execute("UPDATE partitions SET folded = ?", (events,))
    db.close()


def forget(folder: Path) -> None:
    """Ask the kernel to drop the pages of these files, which an ordinary user may."""
    for path in folder.iterdir():
        handle = os.open(path, os.O_RDONLY)
        os.fsync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


async def measure(folder: Path, runner: ThreadRunner, events: int, *, cold: bool) -> None:
    log = await opened(folder, runner)
    sample = await log.search(Wanted(), limit=1, upto=None)
    middle = (await log.read(log.start().past(sample.events[0].at), 1)).events or sample.events
    one = middle[0]
    rare = "se.example.made.up.v7"
    questions: dict[str, Wanted] = {
        "by id": Wanted(id=one.id),
        "by an id that is not there": Wanted(id="no-such-id"),
        "by person": Wanted(subject=f"person/{one.about[0]}"),
        "by a glob of types": Wanted(type=lambda name: name.startswith("se.example.made.")),
        "by type and source": Wanted(type=rare.__eq__, source=one.source.__eq__),
        "by a type without events": Wanted(type=lambda name: False),
        "the newest": Wanted(),
    }
    runs = 1 if cold else 20
    for name, wanted in questions.items():
        times = []
        for _ in range(runs):
            if cold:
                await log.close()
                forget(folder)
                log = await opened(folder, runner)
            began = time.perf_counter()
            await log.search(wanted, limit=50)
            times.append(time.perf_counter() - began)
        print(f"  {name:30} {statistics.median(times) * 1000:8.1f} ms  (worst {max(times) * 1000:.1f})")
    began = time.perf_counter()
    count = await log.count(questions["by a glob of types"], after=log.start(), upto=log.head())
    print(f"  {'count of ' + format(count, ','):30} {(time.perf_counter() - began) * 1000:8.1f} ms")
    await log.close()


async def main(events: int, folder: Path) -> None:
    runner = ThreadRunner()
    log = await opened(folder, runner)
    made = Events(CATALOGUE, size=600).made(APPENDED)
    for start in range(0, APPENDED, 500):
        await log.append(made[start : start + 500])
    await log.close()
    multiply(folder / "log.db", events)
    log = await opened(folder, runner)
    began, used, pieces = time.perf_counter(), time.process_time(), []
    more = True
    while more:
        piece = time.perf_counter()
        more = await log.keep_up()
        pieces.append(time.perf_counter() - piece)
    took, cpu = time.perf_counter() - began, time.process_time() - used
    await log.close()
    size = sum(path.stat().st_size for path in folder.glob("log-search*"))
    print(f"{events:,} events; log.db {(folder / 'log.db').stat().st_size >> 20} MiB, index {size >> 20} MiB")
    print(
        f"index made in {took:.1f} s: {cpu / events * 1e6:.1f} us of processor time an event; "
        f"a piece {statistics.median(pieces) * 1000:.0f} ms (worst {max(pieces) * 1000:.0f})"
    )
    for cold in (False, True):
        print("cold" if cold else "warm")
        await measure(folder, runner, events, cold=cold)
    runner.close()


def run() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="skolnav-search-", dir="."))
    try:
        asyncio.run(main(arguments.events, folder))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    run()
