"""The log alone, without HTTP: append, catch-up, restart and disk, with the facts of the machine beside the figures.

    .venv/bin/python -m bench.log                  # all, on a new file in the working directory's file system
    .venv/bin/python -m bench.log --events 1000000 # how ingest holds up as the file grows
    .venv/bin/python -m bench.log --fresh 1        # without the part of the indexes in memory (docs/log-indexes.md)

Events are 1 KiB in the JSON event format, each of an entity of its own (the worst case for state), about one of
2,000 pupils. They are made before the clock starts: what is measured is append (serialise, digest, write, fsync).
"""

import argparse
import asyncio
import gc
import os
import platform
import random
import resource
import shutil
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

from hub.bus import index
from hub.bus.sqlite import SqliteLog
from hub.clock import SystemClock
from hub.runner import ThreadRunner
from schemas import Catalogue, Described, Event, core_catalogue

EVENT_BYTES = 1024
TYPE = "se.skolnav.absence.reported.v1"


class Events:
    """Valid events of a given size, no two alike."""

    def __init__(self, catalogue: Catalogue, size: int = EVENT_BYTES, pupils: int = 2000, seed: int = 1) -> None:
        self._catalogue = catalogue
        self._example = catalogue.example(catalogue.entry(TYPE))
        self._size = size
        self._random = random.Random(seed)
        self._pupils = [self._uuid() for _ in range(pupils)]

    def make(self, count: int) -> list[Described]:
        return list(self._make(count))

    def made(self, count: int) -> list[Described]:
        """Events that the collector does not look at again and again: in a hub they come one by one, and go."""
        gc.unfreeze()
        made = self.make(count)
        gc.collect()
        gc.freeze()
        return made

    def _make(self, count: int) -> Iterator[Described]:
        for _ in range(count):
            pupil = self._random.choice(self._pupils)
            data = {**self._example["data"], "id": self._uuid(), "student": {"id": pupil}}
            whole = {
                **self._example,
                "id": self._uuid(),
                "subject": f"person/{pupil}",
                "partitionkey": f"person/{pupil}",
                "data": data,
            }
            data["pad"] = ""
            data["pad"] = "x" * max(0, self._size - len(Event.from_dict(whole).to_json()))
            yield self._catalogue.describe(Event.from_dict(whole))

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))


def machine(directory: Path) -> str:
    """CPU, memory and what an fdatasync of 8 KiB costs there."""
    handle = os.open(directory / "fdatasync", os.O_RDWR | os.O_CREAT)
    took = []
    for block in range(500):
        os.pwrite(handle, b"x" * 8192, block * 8192)
        began = time.perf_counter()
        os.fdatasync(handle)
        took.append((time.perf_counter() - began) * 1000)
    os.close(handle)
    os.unlink(directory / "fdatasync")
    took.sort()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    return (
        f"{os.cpu_count()} cores, {memory} GiB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, fdatasync p50 {took[250]:.2f} ms p99 {took[495]:.2f} ms"
    )


async def single(log: SqliteLog, events: Sequence[Described], tasks: int) -> tuple[float, Sequence[float]]:
    """Events/s and the latencies (ms, sorted) of `tasks` callers, each appending one event at a time."""
    waits: list[float] = []
    left = iter(events)

    async def caller() -> None:
        for event in left:
            began = time.perf_counter()
            await log.append([event])
            waits.append((time.perf_counter() - began) * 1000)

    began = time.perf_counter()
    await asyncio.gather(*[caller() for _ in range(tasks)])
    return len(events) / (time.perf_counter() - began), sorted(waits)


async def batches(log: SqliteLog, events: Sequence[Described], size: int, callers: int) -> float:
    """Events/s in batches."""
    parts = iter([events[start : start + size] for start in range(0, len(events), size)])

    async def caller() -> None:
        for part in parts:
            await log.append(part)

    began = time.perf_counter()
    await asyncio.gather(*[caller() for _ in range(callers)])
    return len(events) / (time.perf_counter() - began)


async def catch_up(log: SqliteLog) -> tuple[int, float]:
    """How many events, and how many a second, from the oldest to the head."""
    position, count, began = log.start(), 0, time.perf_counter()
    while True:
        batch = await log.read(position, 2000)
        count += len(batch.events)
        position = batch.position
        if batch.at_head:
            return count, count / (time.perf_counter() - began)


def written() -> int:
    """Bytes that this process has caused to be written to disks so far."""
    lines = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(lines["write_bytes"])


async def crashed(directory: Path, opened: Callable[[Path], Awaitable[SqliteLog]]) -> tuple[int, float]:
    """How many of the newest events are in no index table, and the seconds that a start on such a file takes."""
    with tempfile.TemporaryDirectory(dir=directory.parent) as copy:
        for name in ("log.db", "log.db-wal"):
            shutil.copyfile(directory / name, Path(copy) / name)
        began = time.perf_counter()
        log = await opened(Path(copy) / "log.db")
        took_s = time.perf_counter() - began
        unfolded = sum(len(fresh.digests) for fresh in log._index.fresh)
        await log.close()
    return unfolded, took_s


async def measure(directory: Path, total: int, size: int) -> None:
    catalogue = core_catalogue()
    runner = ThreadRunner()
    source = Events(catalogue, size)
    path = directory / "log.db"

    async def opened(path: Path = path) -> SqliteLog:
        return await SqliteLog.open(path, catalogue=catalogue, clock=SystemClock(), runner=runner)

    log = await opened()
    stored, written_before = 0, written()
    for tasks, count in ((1, 2000), (16, 20000), (64, 20000)):
        events = source.made(count)
        rate, waits = await single(log, events, tasks)
        stored += count
        p50, p99 = waits[len(waits) // 2], waits[int(len(waits) * 0.99)]
        print(f"append, {tasks:2} at a time: {rate:9,.0f} events/s, p50 {p50:.2f} ms, p99 {p99:.2f} ms", flush=True)
    while stored < total:
        count = min(50_000, total - stored)
        rate = await batches(log, source.made(count), 500, 4)
        stored += count
        print(f"append, batches of 500, 4 at a time: {rate:9,.0f} events/s ({stored:,} stored)", flush=True)
    print(f"written while appending: {(written() - written_before) / stored:,.0f} bytes an event")
    unfolded, took_s = await crashed(directory, opened)
    print(f"open after a crash: {took_s:.3f} s, with {unfolded:,} events that are in no index table")
    await log.close()
    payload = stored * size
    on_disk = sum(file.stat().st_size for file in directory.iterdir())
    print(f"disk: {on_disk / payload:.2f} times the payload")
    began = time.perf_counter()
    gc.unfreeze()
    log = await opened()
    print(f"open with {stored:,} events: {time.perf_counter() - began:.3f} s")
    count, rate = await catch_up(log)
    print(f"catch-up from the file: {rate:9,.0f} events/s ({count:,})")
    await log.close()
    runner.close()
    print(f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB at most, events made included")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--size", type=int, default=EVENT_BYTES, help="bytes of an event")
    parser.add_argument("--directory", type=Path, default=Path.cwd(), help="on the file system to measure")
    parser.add_argument("--fresh", type=int, default=index.FRESH_EVENTS, help="events in memory before a fold begins")
    arguments = parser.parse_args()
    index.FRESH_EVENTS = arguments.fresh  # type: ignore[misc]  # final, except for this
    directory = Path(tempfile.mkdtemp(prefix="bench-log-", dir=arguments.directory))
    try:
        print(machine(directory))
        asyncio.run(measure(directory, arguments.events, arguments.size))
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
