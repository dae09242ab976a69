# ruff: noqa: S608 - only table names with numbers are put into statements
"""The search index: events by id, by subject or person, and by type and source. A file of its own beside the log's.

The log's writer never touches the file, so an append costs nothing more. `keep_up` reads the rows that were appended
since the last call and adds them, in SQLite alone, while the event loop goes on. What is missing in the file can be
read again from the log: the file is in no backup, and is made anew if it is damaged or belongs to another log.

The rows of 65,536 offsets of a partition are a *part* with three tables of its own: random keys would otherwise rewrite
ever larger trees. A search looks into the parts from the newest one back.
"""

import os
import struct
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import Any, Final

import apsw

from hub.bus.base import Place, Wanted, place
from hub.bus.lives import Lives
from hub.bus.names import Names, pack_id, unpack_ids

STEP: Final = 8192  # rows added in one transaction
PART: Final = 65_536  # offsets of a part
_FORMAT: Final = 1
_ID_BYTES: Final = 16

_SCHEMA: Final = """
CREATE TABLE search (format INTEGER NOT NULL, epoch INTEGER NOT NULL, done BLOB NOT NULL);
CREATE TABLE parts (
    partition INTEGER, part INTEGER, trimmed INTEGER NOT NULL, PRIMARY KEY (partition, part)
) WITHOUT ROWID;
-- How many events of each type and source a part has.
CREATE TABLE counts (
    partition INTEGER, part INTEGER, type, source, events INTEGER NOT NULL, PRIMARY KEY (partition, part, type, source)
) WITHOUT ROWID;
"""


def _tables(name: str) -> Iterator[str]:
    yield f"CREATE TABLE ids_{name} (id, offset INTEGER, PRIMARY KEY (id, offset)) WITHOUT ROWID"
    yield f"CREATE TABLE subjects_{name} (subject, offset INTEGER, PRIMARY KEY (subject, offset)) WITHOUT ROWID"
    yield f"CREATE TABLE kinds_{name} (type, source, offset INTEGER, PRIMARY KEY (type, source, offset)) WITHOUT ROWID"


class SearchIndex:
    """One connection, which one thread uses at a time. It is opened with the first call, in the caller's thread.

    `heads()` are the offsets that readers may see now. Methods raise apsw.Error, which the log turns into its own.
    """

    def __init__(
        self, log: Path, *, names: Names, lives: Lives, partitions: int, heads: Callable[[], Sequence[int]]
    ) -> None:
        self._log = log
        self.path = log.with_stem(f"{log.stem}-search")
        self._names = names
        self._lives = lives
        self._partitions = partitions
        self._heads = heads
        self._lock = threading.Lock()
        self._db: apsw.Connection | None = None
        self._closed = False
        self._done: list[int] = []

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._close()

    def keep_up(self, trimmed: Sequence[int]) -> bool:
        """Add a step of what was appended since, or forget what was trimmed. Returns whether more is left."""
        with self._lock:
            db = self._opened()
            for partition, head in enumerate(self._heads()):
                if self._done[partition] < head:
                    self._add(db, partition, head)
                    return True
            return self._trim(db, trimmed)

    def places(self, wanted: Wanted, lows: Sequence[int], highs: Sequence[int], limit: int) -> list[list[Place]]:
        """For each partition up to `limit` events with offsets above `lows` and up to `highs`, newest first.

        Some may be in the log no more. With an id or a subject, type and source are not looked at: the caller does.
        """
        with self._lock:
            db = self._caught_up()
            return [
                [place(partition, offset) for offset in islice(self._offsets(db, partition, wanted, low, high), limit)]
                for partition, (low, high) in enumerate(zip(lows, highs, strict=True))
            ]

    def count(self, wanted: Wanted, lows: Sequence[int], highs: Sequence[int]) -> int:
        """How many events of the wanted types and sources have offsets above `lows` and up to `highs`."""
        with self._lock:
            db = self._caught_up()
            return sum(
                self._counted(db, partition, wanted, low, high)
                for partition, (low, high) in enumerate(zip(lows, highs, strict=True))
            )

    # -- queries ------------------------------------------------------------------------------------------------

    def _offsets(self, db: apsw.Connection, partition: int, wanted: Wanted, low: int, high: int) -> Iterator[int]:
        if wanted == Wanted():
            rows = f"SELECT offset FROM log.events_{partition} WHERE offset > ? AND offset <= ? ORDER BY offset DESC"
            yield from (offset for (offset,) in db.cursor().execute(rows, (low, high)))
            return
        for part in self._parts(db, partition, low, high):
            name = f"{partition}_{part}"
            if wanted.id is not None:
                found = self._exact(db, f"ids_{name}", "id", [pack_id(wanted.id)], low, high)
            elif wanted.subject is not None:
                found = self._exact(db, f"subjects_{name}", "subject", self._subjects(wanted.subject), low, high)
            else:
                found = merge(
                    *(self._kind(db, name, kind, low, high) for kind in self._kinds(db, partition, part, wanted)),
                    reverse=True,
                )
            yield from found

    def _exact(
        self, db: apsw.Connection, table: str, column: str, keys: Sequence[Any], low: int, high: int
    ) -> Iterator[int]:
        marks = ",".join("?" * len(keys))
        query = (
            f"SELECT DISTINCT offset FROM {table} WHERE {column} IN ({marks}) AND offset > ? AND offset <= ? "
            "ORDER BY offset DESC"
        )
        return (offset for (offset,) in db.cursor().execute(query, (*keys, low, high)))

    def _kind(self, db: apsw.Connection, name: str, kind: tuple[Any, Any], low: int, high: int) -> Iterator[int]:
        query = (
            f"SELECT offset FROM kinds_{name} WHERE type = ? AND source = ? AND offset > ? AND offset <= ? "
            "ORDER BY offset DESC"
        )
        return (offset for (offset,) in db.cursor().execute(query, (*kind, low, high)))

    def _counted(self, db: apsw.Connection, partition: int, wanted: Wanted, low: int, high: int) -> int:
        total = 0
        for part in self._parts(db, partition, low, high):
            whole = low <= part * PART and (part + 1) * PART <= high
            for type_, source, events in self._counts(db, partition, part, wanted):
                if whole:
                    total += events
                else:
                    query = (
                        f"SELECT count(*) FROM kinds_{partition}_{part} "
                        "WHERE type = ? AND source = ? AND offset > ? AND offset <= ?"
                    )
                    total += db.execute(query, (type_, source, low, high)).get
        return total

    def _parts(self, db: apsw.Connection, partition: int, low: int, high: int) -> Sequence[int]:
        query = "SELECT part FROM parts WHERE partition = ? AND part BETWEEN ? AND ? ORDER BY part DESC"
        return [part for (part,) in db.execute(query, (partition, low // PART, _part_of(high)))]

    def _kinds(
        self, db: apsw.Connection, partition: int, part: int, wanted: Wanted
    ) -> Iterator[tuple[int | str, int | str]]:
        return ((type_, source) for type_, source, _ in self._counts(db, partition, part, wanted))

    def _counts(
        self, db: apsw.Connection, partition: int, part: int, wanted: Wanted
    ) -> Iterator[tuple[int | str, int | str, int]]:
        query = "SELECT type, source, events FROM counts WHERE partition = ? AND part = ?"
        name = self._names.name
        rows: list[Any] = db.execute(query, (partition, part)).fetchall()
        for type_, source, events in rows:
            if wanted.type is not None and not wanted.type(name(type_)):
                continue
            if wanted.source is None or wanted.source(name(source)):
                yield type_, source, events

    def _subjects(self, subject: str) -> list[Any]:
        """The keys under which a name's events are found: its own, and a person's among those that events are about."""
        kind, _, rest = subject.partition("/")
        return [self._names.packed(subject), *([pack_id(rest)] if kind == "person" else [])]

    # -- the file -----------------------------------------------------------------------------------------------

    def _caught_up(self) -> apsw.Connection:
        db = self._opened()
        for partition, head in enumerate(self._heads()):
            while self._done[partition] < head:
                self._add(db, partition, head)
        return db

    def _add(self, db: apsw.Connection, partition: int, head: int) -> None:
        """Add the next rows of a partition: at most a step, and none of the next part."""
        low = self._done[partition]
        part = _part_of(low + 1)
        high = min(head, low + STEP, (part + 1) * PART)
        name = f"{partition}_{part}"
        with db:
            if db.execute("SELECT 1 FROM parts WHERE partition = ? AND part = ?", (partition, part)).get is None:
                db.execute("INSERT INTO parts VALUES (?, ?, 0)", (partition, part))
                for statement in _tables(name):
                    db.execute(statement)
            db.execute(
                "CREATE TEMP TABLE step AS SELECT offset, type, source, id, subject, about "
                f"FROM log.events_{partition} WHERE offset > ? AND offset <= ?",
                (low, high),
            )
            db.execute(f"INSERT OR IGNORE INTO ids_{name} SELECT id, offset FROM step ORDER BY id")
            db.execute(f"INSERT OR IGNORE INTO kinds_{name} SELECT type, source, offset FROM step ORDER BY 1, 2, 3")
            db.execute(
                f"INSERT OR IGNORE INTO subjects_{name} SELECT subject, offset FROM step "
                "UNION ALL SELECT about, offset FROM step WHERE typeof(about) = 'blob' AND length(about) = ? "
                "ORDER BY 1",
                (_ID_BYTES,),
            )
            several: list[Any] = db.execute(
                "SELECT about, offset FROM step WHERE about IS NOT NULL AND about != x'' "
                "AND (typeof(about) != 'blob' OR length(about) != ?)",
                (_ID_BYTES,),
            ).fetchall()
            people = [(pack_id(person), offset) for about, offset in several for person in unpack_ids(about)]
            db.executemany(f"INSERT OR IGNORE INTO subjects_{name} VALUES (?, ?)", people)
            db.execute(
                "INSERT INTO counts SELECT ?, ?, type, source, count(*) FROM step WHERE true GROUP BY type, source "
                "ON CONFLICT DO UPDATE SET events = events + excluded.events",
                (partition, part),
            )
            db.execute("DROP TABLE step")
            done = [*self._done]
            done[partition] = high
            self._note(db, done)
        self._done = done

    def _trim(self, db: apsw.Connection, trimmed: Sequence[int]) -> bool:
        """Forget the events of one part that was trimmed as a whole, but for those that the log spared."""
        for partition, upto in enumerate(trimmed):
            query = "SELECT part FROM parts WHERE partition = ? AND (part + 1) * ? <= ? AND NOT trimmed LIMIT 1"
            part = db.execute(query, (partition, PART, upto)).get
            if part is None:
                continue
            name, low, high = f"{partition}_{part}", part * PART, (part + 1) * PART
            with db:
                kept = f"SELECT offset FROM log.events_{partition} WHERE offset > {low} AND offset <= {high}"
                for table in ("ids", "subjects", "kinds"):
                    db.execute(f"DELETE FROM {table}_{name} WHERE offset NOT IN ({kept})")
                db.execute("DELETE FROM counts WHERE partition = ? AND part = ?", (partition, part))
                db.execute(
                    f"INSERT INTO counts SELECT ?, ?, type, source, count(*) FROM kinds_{name} GROUP BY type, source",
                    (partition, part),
                )
                if db.execute(f"SELECT EXISTS (SELECT 1 FROM kinds_{name})").get:
                    db.execute("UPDATE parts SET trimmed = 1 WHERE partition = ? AND part = ?", (partition, part))
                else:
                    db.execute("DELETE FROM parts WHERE partition = ? AND part = ?", (partition, part))
                    for table in ("ids", "subjects", "kinds"):
                        db.execute(f"DROP TABLE {table}_{name}")
            return True
        return False

    def _note(self, db: apsw.Connection, done: Iterable[int]) -> None:
        packed = struct.pack(f">{self._partitions}Q", *done)
        db.execute("UPDATE search SET epoch = ?, done = ?", (self._lives.epoch, packed))

    def _opened(self) -> apsw.Connection:
        if self._closed:
            raise apsw.ConnectionClosedError
        if self._db is None:
            try:
                self._open()
            except apsw.Error:  # damaged, or another version's: everything in it is in the log as well
                self._close()
                self._remove()
                self._open()
        assert self._db is not None
        return self._db

    def _open(self) -> None:
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_URI
        db = self._db = apsw.Connection(str(self.path), flags=flags)
        db.set_busy_timeout(5000)
        db.execute("PRAGMA page_size = 8192")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")  # a power cut may forget the last rows; they are read again
        db.execute("PRAGMA cache_size = -16000")
        db.execute("PRAGMA temp_store = MEMORY")
        db.execute("ATTACH ? AS log", (f"{self._log.absolute().as_uri()}?mode=ro",))
        if db.execute("SELECT count(*) FROM main.sqlite_schema").get == 0:
            with db:
                db.execute(_SCHEMA)
                db.execute("INSERT INTO search VALUES (?, 0, x'')", (_FORMAT,))
                self._note(db, [0] * self._partitions)
        format_, epoch, packed = db.execute("SELECT format, epoch, done FROM search").get
        if format_ != _FORMAT:
            raise apsw.SQLError("another format")
        done = list(struct.unpack(f">{self._partitions}Q", packed))
        shared = self._heads() if epoch == self._lives.epoch else self._lives.shared(epoch)
        if shared is None or any(mine > theirs for mine, theirs in zip(done, shared, strict=True)):
            raise apsw.SQLError("of another log, or of events that a restored backup does not have")
        self._done = done

    def _close(self) -> None:
        if self._db is not None:
            self._db.close(force=True)
            self._db = None

    def _remove(self) -> None:
        for end in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + end).unlink(missing_ok=True)


def _part_of(offset: int) -> int:
    """The part with this offset. Offsets begin at 1."""
    return (offset - 1) // PART
