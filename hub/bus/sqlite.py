# ruff: noqa: S608 - only partition and day numbers are put into statements
"""The embedded engine's log: one SQLite file, one writer with group commit, readers beside it.

What the writer does in a transaction stands in `writer`; here is what the event loop sees: what is durable becomes
visible in one turn, observers first, then the ring and whoever waits at the head.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import apsw

from hub.bus import digests, file, rows, state
from hub.bus.base import (
    Appended,
    Batch,
    LogUnavailable,
    Place,
    Position,
    Stored,
    offset_of,
    partition_of,
    place,
)
from hub.bus.codec import Clear, Codec
from hub.bus.digests import DAY_US, Digests
from hub.bus.file import LogLocked, LogMismatch, Readers
from hub.bus.names import Names, pack_id
from hub.bus.ring import Ring
from hub.bus.sequence import Sequencer
from hub.bus.writer import Append, LogWriter, Restate, SaveFilter, Sweep, Swept, Trim, Trimmed
from hub.clock import Clock, from_us, to_us
from hub.runner import Runner
from schemas import Catalogue, Described

T = TypeVar("T")

_TRIM_CHUNK: Final = 2000  # events forgotten in one transaction, so that ingest never waits long for it

__all__ = ["LogLocked", "LogMismatch", "SqliteLog"]


class SqliteLog:
    """The `Log` of the embedded engine. Make it with `open`; the runner stays its maker's to close."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        runner: Runner,
        codec: Codec,
        ring_bytes: int,
        lock: int,
        opened: "_Opened",
    ) -> None:
        self._catalogue = catalogue
        self._runner = runner
        self._codec = codec
        self._lock = lock
        self._db = opened.db
        self._epoch = opened.epoch
        self._names = opened.names
        self._digests = opened.digests
        self._heads = opened.heads
        self._trimmed = opened.trimmed
        self._readers = opened.readers
        self._ring = Ring(self._heads, ring_bytes)
        self._observers: list[Callable[[Sequence[Stored]], None]] = []
        self._news = asyncio.Event()
        self._writer = runner.writer("log", opened.writer.commit, self._on_durable)
        self._filtering: asyncio.Task[None] | None = None
        self._make_filters()

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        catalogue: Catalogue,
        clock: Clock,
        runner: Runner,
        partitions: int = 1,
        codec: Codec | None = None,
        ring_bytes: int = 64 << 20,
        dedupe_window: timedelta = timedelta(days=30),
    ) -> Self:
        """Open the log at `path`, or make it. Its number of partitions is fixed when it is made.

        `ring_bytes` bounds the memory of the newest events; within `dedupe_window` (counted in whole UTC days) a known
        (source, id) is not stored again. Raises LogLocked, LogMismatch, LogUnavailable.
        """
        codec = codec or Clear()
        lock = file.lock(path)
        try:
            opened = await runner.read(partial(_Opened, path, partitions, clock, codec, dedupe_window))
        except BaseException:
            os.close(lock)
            raise
        return cls(catalogue=catalogue, runner=runner, codec=codec, ring_bytes=ring_bytes, lock=lock, opened=opened)

    async def close(self) -> None:
        """Write what was appended, then close the file and give up its lock. Reads must have ended."""
        if self._filtering is not None:
            self._filtering.cancel()
        await self._writer.close()
        self._readers.close()
        await self._runner.read(self._db.close)
        os.close(self._lock)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def partitions(self) -> int:
        return len(self._heads)

    def observe(self, observer: Callable[[Sequence[Stored]], None]) -> None:
        self._observers.append(observer)

    # Writing

    async def append(self, batch: Sequence[Described]) -> Appended:
        names, partitions = self._names, len(self._heads)
        prepared = [rows.prepare(described, names, partitions) for described in batch]
        return await self._writer.submit(Append(prepared))  # type: ignore[no-any-return]

    async def restate(self, entities: Sequence[str]) -> Sequence[Stored]:
        names = self._names
        return await self._writer.submit(Restate([names.packed(each) for each in entities]))  # type: ignore[no-any-return]

    async def trim(self, before: datetime) -> int:
        forgotten = await self._sweep()
        upto = (await self.at(before)).offsets
        expiring: list[int | str] = []
        for entry in self._catalogue:
            if entry.spec.ends or entry.spec.window:
                number = self._names.known(entry.type)
                expiring.append(entry.type if number is None else number)
        for partition, last in enumerate(upto):
            while self._trimmed[partition] < last:
                chunk = min(last, self._trimmed[partition] + _TRIM_CHUNK)
                forgotten += (await self._writer.submit(Trim(partition, chunk, expiring))).forgotten
        return forgotten

    async def _sweep(self) -> int:
        forgotten, after = 0, -1
        while True:
            swept: Swept = await self._writer.submit(Sweep(after, _TRIM_CHUNK))
            forgotten += swept.forgotten
            if swept.last is None:
                return forgotten
            after = swept.last

    def _on_durable(self, results: Sequence[Any]) -> None:
        """In this order, in one turn: who must know before others, the ring, who waits at the head."""
        stored: list[Stored] = []
        for result in results:
            if isinstance(result, Appended):
                stored += result.stored
            elif isinstance(result, list):
                stored += result
            elif isinstance(result, Trimmed):
                self._trimmed[result.partition] = result.upto
        if not stored:
            return
        for observer in self._observers:
            observer(stored)
        for each in stored:
            partition = partition_of(each.at)
            self._ring.feed(partition, each)
            self._heads[partition] = offset_of(each.at)
        self._news.set()
        self._news = asyncio.Event()
        self._make_filters()

    def _make_filters(self) -> None:
        """Once a day is over, its digests get their filter. Until then look-ups in it go to the file."""
        if self._filtering is None and self._digests.unfiltered():
            self._filtering = asyncio.get_running_loop().create_task(self._filter_days())

    async def _filter_days(self) -> None:
        for day in self._digests.unfiltered():
            made = await self._read(partial(digests.build_filter, day=day))
            await self._writer.submit(SaveFilter(day, made))
        self._filtering = None

    # Reading

    def start(self) -> Position:
        return Position(self._epoch, tuple(self._trimmed))

    def head(self) -> Position:
        return Position(self._epoch, tuple(self._heads))

    async def read(self, after: Position, limit: int, *, limit_bytes: int = 4 << 20) -> Batch:
        offsets = self._resolve(after)
        shares = self._shares(offsets, limit)
        ring = self._ring
        if all(ring.reaches(partition, offsets[partition]) for partition, _ in shares):
            found = [(partition, ring.after(partition, offsets[partition], share)) for partition, share in shares]
            events = _within(found, limit_bytes)
        elif shares:
            heads = list(self._heads)  # what is durable but not yet observed is nobody's to read
            events = await self._read(lambda db: self._scan(db, offsets, heads, shares, limit_bytes))
        else:
            events = []
        for each in events:
            offsets[partition_of(each.at)] = offset_of(each.at)
        return Batch(events, Position(self._epoch, tuple(offsets)), offsets == self._heads)

    async def wait(self, after: Position) -> None:
        while all(offset >= head for offset, head in zip(self._resolve(after), self._heads, strict=True)):
            await self._news.wait()

    async def get(self, places: Sequence[Place]) -> Sequence[Stored]:
        found: dict[Place, Stored] = {}
        missing: list[Place] = []
        for at in places:
            stored = self._ring.at(partition_of(at), offset_of(at))
            if stored is None:
                missing.append(at)
            else:
                found[at] = stored
        if missing:
            for stored in await self._read(lambda db: self._fetch(db, missing)):
                found[stored.at] = stored
        return [found[at] for at in places if at in found]

    async def find(self, source: str, id: str) -> Stored | None:
        found = await self._read(lambda db: self._find(db, source, id))
        return next(iter(await self._observed(found)), None)

    async def at(self, time: datetime) -> Position:
        since, low, heads = to_us(time), list(self._trimmed), list(self._heads)
        offsets = await self._read(
            lambda db: [_before(db, partition, low[partition], head, since) for partition, head in enumerate(heads)]
        )
        return Position(self._epoch, tuple(offsets))

    async def oldest_time(self) -> datetime | None:
        trimmed = list(self._trimmed)
        times = await self._read(
            lambda db: [
                db.execute(
                    f"SELECT accepted FROM events_{partition} WHERE offset > ? ORDER BY offset LIMIT 1", (low,)
                ).get
                for partition, low in enumerate(trimmed)
            ]
        )
        return from_us(min(known)) if (known := [time for time in times if time is not None]) else None

    async def states(self, kinds: Sequence[str], after: str = "", limit: int = 1000) -> Sequence[Stored]:
        return await self._states(lambda db: state.page(db, self._names, kinds, after, limit))

    async def states_of(self, subject: str) -> Sequence[Stored]:
        return await self._states(lambda db: state.of_subject(db, self._names, subject))

    async def states_about(self, person: str) -> Sequence[Stored]:
        found = await self._states(lambda db: state.of_person(db, self._names, person))
        return [each for each in found if person in each.about]

    async def _states(self, query: Callable[[apsw.Connection], Sequence[int]]) -> Sequence[Stored]:
        return await self._observed(await self._read(lambda db: self._fetch(db, [Place(at) for at in query(db)])))

    async def _observed(self, found: Sequence[Stored]) -> Sequence[Stored]:
        """Wait out the moment between an event's commit and the turn in which its observers hear of it."""
        while any(offset_of(each.at) > self._heads[partition_of(each.at)] for each in found):
            await self._news.wait()
        return found

    async def _read(self, query: Callable[[apsw.Connection], T]) -> T:
        return await self._runner.read(partial(self._readers.run, query))

    def _resolve(self, after: Position) -> list[int]:
        """Offsets to read after: not below the trim point, not past the head; of another epoch, the oldest."""
        if len(after.offsets) != len(self._heads):
            raise ValueError("a position of another log")
        if after.epoch != self._epoch:
            return list(self._trimmed)
        return [
            min(max(offset, low), head)
            for offset, low, head in zip(after.offsets, self._trimmed, self._heads, strict=True)
        ]

    def _shares(self, offsets: Sequence[int], limit: int) -> Sequence[tuple[int, int]]:
        """How many events to take from which partition: evenly, and what one does not need goes to the others."""
        behind = sorted((head - offsets[partition], partition) for partition, head in enumerate(self._heads))
        shares: list[tuple[int, int]] = []
        for index, (backlog, partition) in enumerate(behind):
            share = min(backlog, limit // (len(behind) - index))
            limit -= share
            if share:
                shares.append((partition, share))
        return shares

    # On a reader's connection

    def _scan(
        self,
        db: apsw.Connection,
        offsets: Sequence[int],
        heads: Sequence[int],
        shares: Sequence[tuple[int, int]],
        limit_bytes: int,
    ) -> list[Stored]:
        found: list[tuple[int, Sequence[Stored]]] = []
        for partition, share in shares:
            query = f"SELECT {rows.COLUMNS} FROM events_{partition} WHERE offset > ? AND offset <= ? LIMIT ?"
            events: list[Stored] = []
            size = 0
            for row in db.execute(query, (offsets[partition], heads[partition], share)):
                events.append(rows.stored(partition, row, self._names, self._codec))
                size += len(events[-1].body)
                if size > limit_bytes:
                    break
            found.append((partition, events))
        return _within(found, limit_bytes)

    def _fetch(self, db: apsw.Connection, places: Sequence[Place]) -> Sequence[Stored]:
        found: list[Stored] = []
        for at in places:
            query = f"SELECT {rows.COLUMNS} FROM events_{partition_of(at)} WHERE offset = ?"
            found += [
                rows.stored(partition_of(at), row, self._names, self._codec)
                for row in db.execute(query, (offset_of(at),))
            ]
        return found

    def _find(self, db: apsw.Connection, source: str, id_: str) -> Sequence[Stored]:
        key = rows.key_digest(source, id_)
        days = digests.days(db)
        for day in days:
            for _, at in digests.look_up(db, day, [key]).values():
                return self._fetch(db, [Place(at)])
        # Older than the duplicate window: no index is kept that far back, so the rows are searched.
        oldest = days[-1] * DAY_US if days else 0
        number = self._names.known(source)
        for partition in range(len(self._heads)):
            query = f"SELECT offset FROM events_{partition} WHERE accepted < ? AND id = ? AND source = ?"
            values = (oldest, pack_id(id_), source if number is None else number)
            for (offset,) in db.execute(query, values):
                return self._fetch(db, [place(partition, offset)])
        return []


def _within(found: Sequence[tuple[int, Sequence[Stored]]], limit_bytes: int) -> list[Stored]:
    """The events of all partitions, as many as `limit_bytes` allows, at least one."""
    events: list[Stored] = []
    size = 0
    for _, of_partition in found:
        for each in of_partition:
            size += len(each.body)
            if size > limit_bytes and events:
                break
            events.append(each)
    return events


def _before(db: apsw.Connection, partition: int, low: int, head: int, since: int) -> int:
    """The last offset accepted before `since`, at least `low`. Times rise with offsets, so halves are enough."""
    query = f"SELECT offset, accepted FROM events_{partition} WHERE offset > ? AND offset <= ? ORDER BY offset LIMIT 1"
    while low < head:
        middle = (low + head) // 2
        found = db.execute(query, (middle, head)).get
        if found is None or found[1] >= since:
            head = middle
        else:
            low = found[0]
    return low


class _Opened:
    """What `open` finds in the file, off the event loop."""

    def __init__(self, path: Path, partitions: int, clock: Clock, codec: Codec, dedupe_window: timedelta) -> None:
        self.db = db = file.open_writer(path, partitions)
        try:
            self.epoch: int = db.execute("SELECT epoch FROM log").get
            self.names = Names(db.execute("SELECT number, name FROM names"))
            self.digests = Digests(db, dedupe_window // timedelta(microseconds=1))
            self.trimmed: list[int] = []
            self.heads: list[int] = []
            highs: list[int] = []
            for partition in range(partitions):
                trimmed, high = db.execute("SELECT offset, high FROM trims WHERE partition = ?", (partition,)).get
                last = db.execute(
                    f"SELECT offset, accepted + ahead FROM events_{partition} ORDER BY offset DESC LIMIT 1"
                ).get
                self.trimmed.append(trimmed)
                self.heads.append(max(trimmed, last[0] if last else 0))
                highs.append(max(high, last[1] if last else 0))
            self.writer = LogWriter(
                db,
                names=self.names,
                digests=self.digests,
                sequencer=Sequencer(max(highs)),
                heads=self.heads,
                high=highs,
                clock=clock,
                codec=codec,
            )
        except apsw.Error as error:
            db.close(True)
            raise LogUnavailable(f"the log can't be read ({type(error).__name__})") from None
        self.readers = Readers(path)
