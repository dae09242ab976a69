"""The embedded engine's log: one SQLite file, one writer with group commit, and readers.

`hub.bus.writer` has the work inside a transaction. This module runs on the event loop: durable events become visible in
one turn, first to the observers, then in the ring and to callers that wait at the head.
"""

import asyncio
import heapq
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import apsw

from hub.bus import file, lives, rows
from hub.bus.base import (
    Appended,
    Batch,
    Corrects,
    Found,
    Left,
    LogUnavailable,
    Place,
    Position,
    Stored,
    Wanted,
    corrects_nothing,
    offset_of,
    partition_of,
)  # fmt: skip
from hub.bus.codec import Clear, Codec
from hub.bus.digests import Digests
from hub.bus.file import LogLocked, LogMismatch, Readers
from hub.bus.fresh import Noted
from hub.bus.index import Index
from hub.bus.names import Names
from hub.bus.news import Again, Compare
from hub.bus.reader import LogReader, Shares, within
from hub.bus.ring import Ring
from hub.bus.rows import Row
from hub.bus.search import SearchIndex
from hub.bus.sequence import Sequencer
from hub.bus.writer import Append, Fold, LogWriter, Restate, Sweep, Swept, Trim, Trimmed
from hub.clock import NEVER_US, Clock, from_us, to_us
from hub.runner import Runner
from schemas import Catalogue, Described

T = TypeVar("T")

_TRIM_CHUNK: Final = 2000  # events deleted in one transaction: few, so that ingest never waits long for a trim
_RING_BYTES: Final = 64 << 20

__all__ = ["LogLocked", "LogMismatch", "SqliteLog"]


class SqliteLog:
    """The `Log` of the embedded engine. Make it with `open`. The caller that made the runner closes it."""

    def __init__(
        self, *, catalogue: Catalogue, runner: Runner, codec: Codec, ring_bytes: int, lock: int, opened: "_Opened"
    ) -> None:
        self._catalogue = catalogue
        self._runner = runner
        self._lock = lock
        self._db = opened.db
        self._lives = opened.lives
        self._epoch = opened.lives.epoch
        self._names = opened.names
        self._index = opened.index
        self._heads = opened.heads
        self._trimmed = opened.trimmed
        self._readers = opened.readers
        self._reader = LogReader(len(self._heads), self._names, codec)
        self._ring = Ring(self._heads, ring_bytes)
        self._observers: list[Callable[[Sequence[Stored]], None]] = []
        self._news = asyncio.Event()
        self._writer = runner.writer("log", opened.writer.commit, self._on_durable)
        self._searching = SearchIndex(
            opened.path, names=opened.names, lives=opened.lives, partitions=len(self._heads),
            heads=lambda: tuple(self._heads),
        )  # fmt: skip

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
        ring_bytes: int = _RING_BYTES,
        dedupe_window: timedelta = timedelta(days=30),
        compare: Compare | None = None,
    ) -> Self:
        """Open the log at `path`, or create it. The number of partitions of an existing log cannot change.

        `codec` None: bodies are stored in clear. `ring_bytes` limits the memory for the newest events. For at least
        `dedupe_window` a known (source, id) is not stored again. `compare` finds what is new in a state; None: all
        counts as new. Raises LogLocked, LogMismatch, LogUnavailable.
        """
        codec = codec or Clear()
        lock = file.lock(path)
        try:
            opened = await runner.read(
                partial(
                    _Opened,
                    path,
                    partitions=partitions,
                    clock=clock,
                    codec=codec,
                    dedupe_window=dedupe_window,
                    compare=compare,
                )
            )
        except BaseException:
            os.close(lock)
            raise
        return cls(catalogue=catalogue, runner=runner, codec=codec, ring_bytes=ring_bytes, lock=lock, opened=opened)

    async def close(self) -> None:
        """Finish the appends under way, then close the file and release its lock. Reads must have ended."""
        try:
            await self._fold()  # so that the next start has no index rows to rebuild
        except LogUnavailable:
            pass  # all events are durable anyway; the next start takes longer
        finally:
            await self._writer.close()
            await asyncio.to_thread(self._searching.close)
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

    async def append(self, batch: Sequence[Described], corrects: Corrects = corrects_nothing) -> Appended:
        names, partitions = self._names, len(self._heads)
        prepared = [rows.prepare(described, names, partitions) for described in batch]
        return await self._writer.submit(Append(prepared, corrects))  # type: ignore[no-any-return]

    async def restate(self, entities: Mapping[str, Again]) -> Sequence[Stored]:
        packed = {self._names.packed(entity): again for entity, again in entities.items()}
        return await self._writer.submit(Restate(packed))  # type: ignore[no-any-return]

    async def leave(self, persons: Sequence[Left]) -> Sequence[Stored]:
        prepared = [rows.leaving(each, self._names, len(self._heads)) for each in persons]
        appended: Appended = await self._writer.submit(Append(prepared))
        return appended.stored

    async def trim(self, before: datetime) -> int:
        upto, before_us = (await self.at(before)).offsets, to_us(before)
        await self._fold()
        forgotten = await self._sweep(before_us)
        expiring: dict[int | str, str] = {}
        for entry in self._catalogue:
            if entry.spec.ends or entry.spec.window:
                number = self._names.known(entry.type)
                expiring[entry.type if number is None else number] = "" if entry.spec.ends else entry.spec.until
        for partition, last in enumerate(upto):
            while self._trimmed[partition] < last:
                chunk = min(last, self._trimmed[partition] + _TRIM_CHUNK)
                trimmed: Trimmed = await self._writer.submit(Trim(partition, chunk, before_us, expiring))
                forgotten += trimmed.forgotten
        return forgotten

    async def _fold(self) -> None:
        heads = tuple(self._heads)
        while not await self._writer.submit(Fold(heads)):
            pass

    async def _sweep(self, before_us: int) -> int:
        forgotten, after = 0, -1
        while True:
            swept: Swept = await self._writer.submit(Sweep(after, _TRIM_CHUNK, before_us))
            forgotten += swept.forgotten
            if swept.last is None:
                return forgotten
            after = swept.last

    def _on_durable(self, results: Sequence[Any]) -> None:
        """Make durable events visible, in one turn: to the observers, in the ring, to callers that wait at the head."""
        stored: list[Stored] = []
        for result in results:
            if isinstance(result, Appended):
                stored += result.stored
            elif isinstance(result, list):
                stored += result
            elif isinstance(result, Trimmed):
                self._trimmed[result.partition] = result.upto
                self._ring.forget(self._trimmed)
        if not stored:
            return
        try:
            for observer in self._observers:
                observer(stored)
        finally:  # the loop reports a bug in an observer; the log itself must stay consistent
            self._ring.feed(stored)
            for each in stored:
                self._heads[partition_of(each.at)] = offset_of(each.at)
            self._news.set()
            self._news = asyncio.Event()

    # Reading

    async def search(
        self, wanted: Wanted, *, after: Position | None = None, upto: Position | None = None, limit: int
    ) -> Found:
        lows = [0] * len(self._heads) if after is None else self._resolve(after)
        highs = self._resolve(self.head() if upto is None else upto)
        found: list[Stored] = []
        while len(found) < limit and any(high > low for low, high in zip(lows, highs, strict=True)):
            places = await self._search(partial(self._searching.places, wanted, lows, highs, limit))
            there = {each.at: each for each in await self.get([at for of_one in places for at in of_one])}
            order: dict[Place, int] = {}  # by acceptance time; one that was trimmed comes after the one before it
            for of_one in places:
                accepted_us = NEVER_US
                for at in of_one:
                    accepted_us = order[at] = there[at].accepted_us if at in there else accepted_us
            for at in sorted(order, key=lambda at: (order[at], at), reverse=True):
                if len(found) == limit:
                    break
                highs[partition_of(at)] = offset_of(at) - 1
                if at in there and wanted.matches(there[at]):
                    found.append(there[at])
            else:
                for partition, of_one in enumerate(places):
                    if len(of_one) < limit:
                        highs[partition] = lows[partition]  # there was no more
        left = any(high > low for low, high in zip(lows, highs, strict=True))
        return Found(found, Position(self._epoch, tuple(highs)) if left else None)

    async def count(self, wanted: Wanted, *, after: Position, upto: Position) -> int:
        lows, highs = self._resolve(after), self._resolve(upto)
        return await self._search(partial(self._searching.count, wanted, lows, highs))

    async def keep_up(self) -> bool:
        return await self._search(partial(self._searching.keep_up, tuple(self._trimmed)))

    async def _search(self, query: Callable[[], T]) -> T:
        """In a thread apart from the readers', which must not wait for it."""
        try:
            return await asyncio.to_thread(query)
        except apsw.Error as error:
            raise LogUnavailable(f"the search index can't be used ({type(error).__name__})") from None

    def start(self) -> Position:
        return Position(self._epoch, tuple(self._trimmed))

    def knows(self, position: Position) -> bool:
        return position.epoch in self._lives and len(position.offsets) == len(self._heads)

    def present(self, position: Position) -> Position:
        return Position(self._epoch, tuple(self._resolve(position)))

    def head(self) -> Position:
        return Position(self._epoch, tuple(self._heads))

    async def read(self, after: Position, limit: int, *, limit_bytes: int = 4 << 20) -> Batch:
        offsets = self._resolve(after)
        shares = self._shares(offsets, limit)
        ring = self._ring
        if all(ring.reaches(partition, offsets[partition]) for partition, _ in shares):
            events = within([ring.after(each, offsets[each], share) for each, share in shares], limit_bytes)
        else:
            heads = tuple(self._heads)  # no reader may get events that are durable but not yet observed
            events = await self._read(
                lambda db: self._reader.scan(db, offsets=offsets, heads=heads, shares=shares, limit_bytes=limit_bytes)
            )
        for each in events:
            offsets[partition_of(each.at)] = offset_of(each.at)
        return Batch(events, Position(self._epoch, tuple(offsets)), offsets == self._heads)

    async def wait(self, after: Position) -> None:
        while self._resolve(after) == self._heads:
            await self._news.wait()

    async def get(self, places: Sequence[Place], *, state: bool = False) -> Sequence[Stored]:
        if state:
            fresh = self._index.fresh
            return await self._read(lambda db: self._reader.fetch_states(db, fresh, places))
        found: dict[Place, Stored] = {}
        missing: list[Place] = []
        for at in places:
            # Below the trim point only the file shows which events were spared.
            stored = self._ring.at(at) if offset_of(at) > self._trimmed[partition_of(at)] else None
            if stored is None:
                missing.append(at)
            else:
                found[at] = stored
        if missing:
            for stored in await self._read(lambda db: self._reader.fetch(db, missing)):
                found[stored.at] = stored
        return [found[at] for at in places if at in found]

    async def find(self, source: str, id: str) -> Stored | None:
        fresh = self._index.fresh
        found = await self._observed(await self._read(lambda db: self._reader.find(db, fresh, source, id)))
        return found[0] if found else None

    async def at(self, time: datetime) -> Position:
        since, lows, heads = to_us(time), tuple(self._trimmed), tuple(self._heads)
        offsets = await self._read(lambda db: self._reader.before(db, lows, heads, since))
        return Position(self._epoch, tuple(offsets))

    async def oldest_time(self) -> datetime | None:
        lows = tuple(self._trimmed)
        oldest = await self._read(lambda db: self._reader.oldest(db, lows))
        return None if oldest is None else from_us(oldest)

    async def states(self, kinds: Sequence[str], after: str = "", limit: int = 1000) -> Sequence[Stored]:
        fresh = self._index.fresh
        return await self._observed(
            await self._read(lambda db: self._reader.states(db, fresh, kinds=kinds, after=after, limit=limit))
        )

    async def entities(self, kind: str) -> Sequence[str]:
        fresh = self._index.fresh
        return await self._read(lambda db: self._reader.entities(db, fresh, kind))

    async def states_named(self, entities: Sequence[str]) -> Sequence[Stored]:
        fresh = self._index.fresh
        return await self._observed(await self._read(lambda db: self._reader.states_named(db, fresh, entities)))

    async def states_of(self, subject: str, kinds: Collection[str] | None = None) -> Sequence[Stored]:
        return [each for each in await self._named(subject, kinds) if each.subject == subject]

    async def states_about(self, person: str, kinds: Collection[str] | None = None) -> Sequence[Stored]:
        return [each for each in await self._named(f"person/{person}", kinds) if person in each.about]

    async def _named(self, name: str, kinds: Collection[str] | None = None) -> Sequence[Stored]:
        fresh = self._index.fresh
        return await self._observed(await self._read(lambda db: self._reader.states_of(db, fresh, name, kinds)))

    async def _observed(self, found: Sequence[Stored]) -> Sequence[Stored]:
        """Return these events after the observers' turn, which comes a moment after the commit."""
        while any(offset_of(each.at) > self._heads[partition_of(each.at)] for each in found):
            await self._news.wait()
        return found

    async def _read(self, query: Callable[[apsw.Connection], T]) -> T:
        return await self._runner.read(partial(self._readers.run, query))

    def _resolve(self, after: Position) -> list[int]:
        """The offsets to read after: from the trim point to the head, or to the end that an earlier life shares."""
        if len(after.offsets) != len(self._heads):
            raise ValueError("the position belongs to another log")
        highest: Sequence[int] = self._heads
        if after.epoch != self._epoch:
            shared = self._lives.shared(after.epoch)
            if shared is None:
                return list(self._trimmed)
            highest = shared
        bounds = zip(after.offsets, self._trimmed, highest, strict=True)
        return [min(max(offset, low), head) for offset, low, head in bounds]

    def _shares(self, offsets: Sequence[int], limit: int) -> Shares:
        """Divide `limit` evenly. A partition with fewer events leaves the rest to those with more."""
        behind = sorted((head - offsets[partition], partition) for partition, head in enumerate(self._heads))
        shares: list[tuple[int, int]] = []
        for index, (backlog, partition) in enumerate(behind):
            share = min(backlog, limit // (len(behind) - index))
            limit -= share
            if share:
                shares.append((partition, share))
        return shares


class _Opened:
    """The parts that `open` reads from the file. Made in a reader's thread."""

    def __init__(
        self,
        path: Path,
        *,
        partitions: int,
        clock: Clock,
        codec: Codec,
        dedupe_window: timedelta,
        compare: Compare | None,
    ) -> None:
        self.path = path
        self.db = db = file.open_writer(path, partitions)
        try:
            self.names = Names(db.execute("SELECT number, name FROM names"))
            self.trimmed: list[int] = []
            self.heads: list[int] = []
            folded: list[int] = []
            highs: list[int] = []
            query = "SELECT partition, trimmed, folded, high FROM partitions ORDER BY partition"
            known: list[Any] = db.execute(query).fetchall()
            for partition, trimmed, done, high in known:
                last_offset, last_high = db.execute(
                    f"SELECT offset, accepted + ahead FROM events_{partition} ORDER BY offset DESC LIMIT 1"  # noqa: S608
                ).get or (0, 0)
                self.trimmed.append(trimmed)
                self.heads.append(max(trimmed, last_offset))
                folded.append(done)
                highs.append(max(high, last_high))
            self.lives = lives.begin(db, self.heads)
            self.index = Index(db, Digests(db, dedupe_window // timedelta(microseconds=1)), folded)
            newest_us = max(highs)
            self.index.commit(_unfolded(db, folded, self.names, codec), newest_us)
            self.writer = LogWriter(
                db,
                names=self.names,
                index=self.index,
                sequencer=Sequencer(newest_us),
                heads=self.heads,
                high=highs,
                clock=clock,
                codec=codec,
                compare=compare,
            )
        except apsw.Error as error:
            db.close(force=True)
            raise LogUnavailable(f"the log can't be read ({type(error).__name__})") from None
        self.readers = Readers(path)


def _unfolded(db: apsw.Connection, folded: Sequence[int], names: Names, codec: Codec) -> Iterator[Noted]:
    """The index entries of the events that the tables do not cover, in the order of acceptance."""

    def rows_of(partition: int, after: int) -> Iterator[tuple[int, Row]]:
        query = f"SELECT {rows.COLUMNS} FROM events_{partition} WHERE offset > ? ORDER BY offset"  # noqa: S608
        for row in db.execute(query, (after,)):
            yield partition, Row._make(row)

    parts = [rows_of(partition, after) for partition, after in enumerate(folded)]
    for partition, row in heapq.merge(*parts, key=lambda found: found[1].accepted):
        yield rows.noted(partition, row, names, codec)
