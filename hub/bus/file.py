"""The log's file: created durably, opened by one process only, read through connections that cannot write."""

import contextlib
import fcntl
import logging
import os
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

import apsw

from hub.bus import digests, entity_state, lasting, lives, migrations, ownership, rows
from hub.bus.base import LogUnavailable
from hub.texts import Text, both

T = TypeVar("T")

log = logging.getLogger(__name__)

_STATEMENTS: Final = 256  # prepared statements that a connection caches

_SCHEMA: Final = f"""
CREATE TABLE log (format INTEGER NOT NULL, partitions INTEGER NOT NULL);
CREATE TABLE names (number INTEGER PRIMARY KEY, name TEXT NOT NULL);
-- For each partition: the offset up to which it was trimmed, the offset up to which the index tables are complete, and
-- the largest `sequence` issued before the last trim.
CREATE TABLE partitions (
    partition INTEGER PRIMARY KEY, trimmed INTEGER NOT NULL, folded INTEGER NOT NULL, high INTEGER NOT NULL
);
{lives.SCHEMA}
{digests.SCHEMA}
{entity_state.SCHEMA}
{lasting.SCHEMA}
{ownership.SCHEMA}
"""


class LogLocked(Exception):
    """Another process, or another log in this process, has the file open."""


class LogMismatch(ValueError):
    """This program cannot open the file as the log that was asked for. `says` why; nothing was changed."""

    def __init__(self, says: Text) -> None:
        super().__init__(says.en)
        self.says = says


def lock(path: Path) -> int:
    """Take the exclusive right to a log's file: a locked descriptor, which the caller closes. Raises LogLocked."""
    handle = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise LogLocked(f"{path} is open in another process: a log belongs to one running hub") from None
    return handle


def open_writer(path: Path, partitions: int) -> apsw.Connection:
    """Open the writing connection, and create the file if there is none. Raises LogMismatch, LogUnavailable."""
    try:
        # Created here so that no other user can read it, in any folder. SQLite gives its own files the same mode.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        db = apsw.Connection(str(path), statementcachesize=_STATEMENTS)
    except apsw.Error as error:
        raise LogUnavailable(f"the log can't be opened ({type(error).__name__})") from None
    try:
        db.execute("PRAGMA page_size = 8192")
        if db.execute("PRAGMA journal_mode = WAL").get != "wal":
            raise LogMismatch(both("failure.no-shared-memory", path=path))
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA cache_size = -64000")  # KiB: the index pages of a million events
        db.execute("PRAGMA temp_store = MEMORY")
        db.execute("PRAGMA journal_size_limit = 67108864")
        db.wal_autocheckpoint(0)  # the writer checkpoints by itself, after a commit
        with db:
            if db.execute("SELECT count(*) FROM sqlite_schema").get == 0:
                _create(db, partitions)
        _sync_directory(path.parent)
        format_, found = db.execute("SELECT format, partitions FROM log").get
        if found != partitions:
            raise LogMismatch(both("failure.log-partitions", path=path, found=found, wanted=partitions))
        if format_ != migrations.FORMAT:
            _migrate(db, path, format_)
    except apsw.Error as error:
        db.close(force=True)
        raise LogUnavailable(f"the log can't be opened ({type(error).__name__})") from None
    except LogMismatch:
        db.close()
        raise
    return db


def _migrate(db: apsw.Connection, path: Path, found: int) -> None:
    """Bring the file to today's format, all or nothing. Raises LogMismatch."""
    if found > migrations.FORMAT:
        raise LogMismatch(both("failure.log-newer", path=path, found=found, reads=migrations.FORMAT))
    if found not in migrations.STEPS:
        first = min(migrations.STEPS)
        raise LogMismatch(both("failure.log-format", path=path, found=found, first=first, reads=migrations.FORMAT))
    log.info("%s: format %d becomes %d", path.name, found, migrations.FORMAT)
    with db:
        migrations.upgrade(db, found)


def _create(db: apsw.Connection, partitions: int) -> None:
    db.execute(_SCHEMA)
    db.execute("INSERT INTO log VALUES (?, ?)", (migrations.FORMAT, partitions))
    for partition in range(partitions):
        db.execute(rows.table(partition))
        db.execute("INSERT INTO partitions VALUES (?, 0, 0, 0)", (partition,))


def _sync_directory(path: Path) -> None:
    """Make the names of new files durable: an fsync of the file itself does not do that."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Readers:
    """Read-only connections, one for each of the reads that run at the same time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: deque[apsw.Connection] = deque()

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[apsw.Connection]:
        """A connection in a read transaction: all its queries see the same moment. Raises LogUnavailable."""
        try:
            try:
                db = self._idle.pop()
            except IndexError:
                db = self._connect()
            db.execute("BEGIN")
            try:
                yield db
            finally:
                db.execute("ROLLBACK")
        except apsw.Error as error:
            raise LogUnavailable(f"the log can't be read ({type(error).__name__})") from None
        self._idle.append(db)

    def run(self, query: Callable[[apsw.Connection], T]) -> T:
        """Run a query in a snapshot. Raises LogUnavailable."""
        with self.snapshot() as db:
            return query(db)

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _connect(self) -> apsw.Connection:
        db = apsw.Connection(str(self._path), flags=apsw.SQLITE_OPEN_READONLY, statementcachesize=_STATEMENTS)
        db.set_busy_timeout(5000)
        db.execute("PRAGMA cache_size = -4000")
        return db
