"""The store on SQLite through SQLAlchemy: one writer with group commit, read-only readers, migrations at open.

Only this module depends on SQLite: it creates the file and connects to it, begins transactions, and recognises errors
that mean that the database is away. The modules of the table groups run on PostgreSQL unchanged.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from sqlalchemy import Connection, Dialect, Engine, column, create_engine, event, inspect, select, table
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.pool import QueuePool, StaticPool
from sqlalchemy.util import LRUCache

from hub.runner import Runner, Writer
from hub.store.base import Grouped, Operation, StoreUnavailable
from plugins.errors import ConfigurationError

T = TypeVar("T")

_Group = Sequence[Sequence[Operation]]

_SQLITE_ERROR: Final = 1  # SQLite's code for a wrong statement: a bug, not an outage
_READERS: Final = 4

# The statements that the stores of this process have compiled. Compiling them takes a third of a hub's start, and a
# test run starts hundreds of hubs.
_COMPILED: Final[LRUCache[Any, Any]] = LRUCache(500)


class SqlStore:
    """The `Store` of the embedded engine. Make it with `open`. The caller that made the runner closes it."""

    def __init__(self, tenant: str, runner: Runner, writer_engine: Engine, reader_engine: Engine) -> None:
        self.tenant = tenant
        self._runner = runner
        self._writer_engine = writer_engine
        self._reader_engine = reader_engine
        self._writer: Writer = runner.writer("store", self._commit_group)

    @classmethod
    async def open(cls, path_or_url: Path | str, *, tenant: str, runner: Runner) -> Self:
        """Open the store. Creates the file (mode 0600) if there is none, and brings its schema up to date.

        Takes a path or a `sqlite:///` URL. Raises StoreUnavailable if the file cannot be used, ConfigurationError if a
        newer version of the hub wrote it or if the URL names a database that this version does not run on.
        """
        path = _sqlite_path(path_or_url)
        writer_engine, reader_engine = await runner.read(partial(_open_sqlite, path))
        return cls(tenant, runner, writer_engine, reader_engine)

    def commit(self, *operations: Operation) -> asyncio.Future[None]:
        return self._writer.submit(operations)

    async def read(self, query: Callable[[Connection], T]) -> T:
        return await self._runner.read(partial(self._read, query))

    async def close(self) -> None:
        """Commit what is enqueued, then close all connections. As the last one closes, SQLite empties the WAL."""
        await self._writer.close()
        self._reader_engine.dispose()
        self._writer_engine.dispose()

    def _read(self, query: Callable[[Connection], T]) -> T:
        try:
            with self._reader_engine.connect() as connection:
                return query(connection)
        except DBAPIError as error:
            if _is_outage(error):
                raise _unavailable("read", error) from None
            raise

    def _commit_group(self, group: _Group) -> Sequence[Any]:
        """Commit a group in one transaction. If an operation raises, repeat it with a savepoint for each caller.

        One result for each caller: None, or the exception that its operations raised.
        """
        try:
            with self._writer_engine.begin() as connection:
                _run(connection, group)
            return [None] * len(group)
        except DBAPIError as error:
            if _is_outage(error):
                raise _unavailable("write", error) from None
            failure: Exception = error
        except Exception as error:
            failure = error
        if len(group) == 1:
            return [failure]
        return self._commit_apart(group)

    def _commit_apart(self, group: _Group) -> Sequence[Any]:
        try:
            with self._writer_engine.begin() as connection:
                return [_in_savepoint(connection, operations) for operations in group]
        except DBAPIError as error:
            if _is_outage(error):
                raise _unavailable("write", error) from None
            raise


def _run(connection: Connection, group: _Group) -> None:
    grouped: dict[tuple[Any, str], list[Any]] = {}
    for operations in group:
        for operation in operations:
            if isinstance(operation, Grouped):
                grouped.setdefault((operation.run, operation.tenant), []).extend(operation.rows)
                continue
            _write(connection, grouped)
            operation(connection)
    _write(connection, grouped)


def _write(connection: Connection, grouped: dict[tuple[Any, str], list[Any]]) -> None:
    for (run, tenant), rows in grouped.items():
        if rows:
            run(connection, tenant, rows)
    grouped.clear()


def _in_savepoint(connection: Connection, operations: Sequence[Operation]) -> Exception | None:
    try:
        with connection.begin_nested():
            for operation in operations:
                operation(connection)
    except DBAPIError as error:
        if _is_outage(error):
            raise
        return error
    except Exception as error:
        return error
    return None


def _is_outage(error: DBAPIError) -> bool:
    """Whether the database failed, and not the statement."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return isinstance(error, OperationalError) and code & 0xFF != _SQLITE_ERROR
    return error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)


def _unavailable(what: str, error: DBAPIError) -> StoreUnavailable:
    # Only the driver's code: its text may quote values.
    code = getattr(error.orig, "sqlite_errorname", type(error.orig).__name__)
    advice = (
        "free space on the disk that holds store.db" if code == "SQLITE_FULL" else "see the disk and the system log"
    )
    return StoreUnavailable(f"the store can't {what} now ({code}): {advice}")


def _sqlite_path(path_or_url: Path | str) -> Path:
    text = str(path_or_url)
    if text.startswith("sqlite:///"):
        return Path(text.removeprefix("sqlite:///"))
    if "://" in text:
        raise ConfigurationError(
            "the store's URL names a database that this version does not run on",
            fix="Leave the URL out: the embedded engine keeps its store in a file under `data`",
        )
    return Path(path_or_url)


def _open_sqlite(path: Path) -> tuple[Engine, Engine]:
    try:
        _create(path)
    except OSError as error:
        raise StoreUnavailable(f"{path} can't be made or opened: {error.strerror}") from None
    writer = create_engine(
        "sqlite://",
        creator=partial(_connect_writer, path),
        poolclass=StaticPool,  # a single connection for the whole life, the only one that writes and checkpoints
        hide_parameters=True,  # else the text of an error would quote them
        execution_options={"compiled_cache": _COMPILED},
    )
    reader = create_engine(
        "sqlite://",
        creator=partial(_connect_reader, path),
        poolclass=QueuePool,
        pool_size=_READERS,
        max_overflow=-1,
        hide_parameters=True,
        execution_options={"compiled_cache": _COMPILED},
    )
    writer.dialect = reader.dialect = _dialect()
    # By itself the driver would begin a transaction only at the first write, after reads that belong to it.
    event.listen(writer, "begin", _begin_write)
    event.listen(reader, "begin", _begin_read)
    try:
        with writer.begin() as connection:
            _migrate(connection, path)
    except DBAPIError as error:
        writer.dispose()
        raise StoreUnavailable(
            f"{path} can't be opened ({getattr(error.orig, 'sqlite_errorname', '')}): is it the hub's file, and intact?"
        ) from None
    except BaseException:
        writer.dispose()
        raise
    return writer, reader


@cache
def _dialect() -> Dialect:
    """One for all engines: a compiled statement is found by its dialect."""
    engine = create_engine("sqlite://")
    with engine.connect():  # the first connection tells the dialect what this SQLite can do
        pass
    engine.dispose()
    return engine.dialect


def _begin_write(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_read(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _create(path: Path) -> None:
    """Create an empty file that no other user can read, durably. SQLite gives its own files the same mode."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _connect_writer(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # a lost commit would repeat effects and lose disclosure intents
        "journal_size_limit=67108864",
        "temp_store=MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    return connection


def _connect_reader(path: Path) -> sqlite3.Connection:
    # Read-only, so that it never checkpoints: SQLite before 3.51.3 may corrupt a WAL that two connections reset.
    uri = f"{path.absolute().as_uri()}?mode=ro"
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)


def _migrate(connection: Connection, path: Path) -> None:
    """Bring the schema up to date, all or nothing. Loads Alembic only if there is something to do."""
    from hub.store.migrations import HEAD, REVISIONS, upgrade

    current = None
    if inspect(connection).has_table("alembic_version"):
        current = connection.execute(select(column("version_num")).select_from(table("alembic_version"))).scalar()
    if current == HEAD:
        return
    if current is not None and current not in REVISIONS:
        raise ConfigurationError(
            f"{path} was written by a newer version of the hub",
            fix="Run that version, or restore the backup taken before the upgrade",
        )
    upgrade(connection)
