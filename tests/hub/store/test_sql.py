import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlalchemy.sql.compiler import SQLCompiler

from hub.runner import ThreadRunner
from hub.store import migrations, outbox, places, tables
from hub.store.base import StoreUnavailable
from hub.store.sql import SqlStore
from plugins.errors import ConfigurationError
from tests.contracts.store import StoreContract, cursor, cursors

T = "ort"


@pytest.fixture
def runner():
    made = ThreadRunner()
    yield made
    made.close()


@pytest.fixture
async def store(tmp_path: Path, runner: ThreadRunner) -> AsyncIterator[SqlStore]:
    opened = await SqlStore.open(tmp_path / "store.db", tenant=T, runner=runner)
    yield opened
    await opened.close()


class TestSqlStore(StoreContract):
    pass


class TestTheFile:
    async def test_what_was_committed_is_there_after_closing_and_opening(self, tmp_path: Path, runner) -> None:
        store = await SqlStore.open(tmp_path / "store.db", tenant=T, runner=runner)
        future = store.commit(cursors.save(T, cursor()))
        await store.close()
        await future
        store = await SqlStore.open(f"sqlite:///{tmp_path}/store.db", tenant=T, runner=runner)
        assert await store.read(cursors.load(T)) == [cursor()]
        await store.close()

    async def test_a_second_store_compiles_no_statement_again(self, tmp_path: Path, runner, monkeypatch) -> None:
        """A test run opens hundreds of stores."""
        compiled = []
        compile_ = SQLCompiler.__init__
        monkeypatch.setattr(
            SQLCompiler,
            "__init__",
            lambda self, *args, **more: compiled.append(args[1]) or compile_(self, *args, **more),
        )
        counts = []
        for name in ("first.db", "second.db"):
            store = await SqlStore.open(tmp_path / name, tenant=T, runner=runner)
            compiled.clear()  # those of a new file's schema
            await store.commit(cursors.save(T, cursor()))
            assert await store.read(cursors.load(T)) == [cursor()]
            await store.close()
            counts.append(len(compiled))
        assert counts[1] == 0

    async def test_it_is_readable_by_its_owner_alone(self, store: SqlStore, tmp_path: Path) -> None:
        await store.commit(cursors.save(T, cursor()))
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
        assert modes["store.db"] == modes["store.db-wal"] == 0o600

    async def test_a_commit_is_synced_to_the_disk(self, store: SqlStore) -> None:
        """Promise 1: WAL with synchronous=FULL, on the connection that writes."""
        found: dict[str, object] = {}

        def look(connection) -> None:
            for pragma in ("journal_mode", "synchronous"):
                found[pragma] = connection.execute(text(f"PRAGMA {pragma}")).scalar()

        await store.commit(look)
        assert found == {"journal_mode": "wal", "synchronous": 2}

    async def test_a_full_disk_is_told_and_the_store_goes_on_when_there_is_room(self, store: SqlStore) -> None:
        await store.commit(lambda connection: connection.execute(text("PRAGMA max_page_count = 60")))
        with pytest.raises(StoreUnavailable, match="SQLITE_FULL"):
            await store.commit(outbox.add(T, "kitchen", [bytes(1 << 20)]))
        assert await store.read(outbox.load(T)) == []
        await store.commit(lambda connection: connection.execute(text("PRAGMA max_page_count = 100000")))
        await store.commit(outbox.add(T, "kitchen", [b"fits"]))
        assert [row.body for row in await store.read(outbox.load(T))] == [b"fits"]

    async def test_a_full_disk_fails_every_commit_of_the_group(self, store: SqlStore) -> None:
        await store.commit(lambda connection: connection.execute(text("PRAGMA max_page_count = 60")))
        results = await asyncio.gather(
            store.commit(cursors.save(T, cursor())),
            store.commit(outbox.add(T, "kitchen", [bytes(1 << 20)])),
            store.commit(cursors.save(T, cursor("other"))),
            return_exceptions=True,
        )
        stored = {c.subscription for c in await store.read(cursors.load(T))}
        acknowledged = {name for name, result in zip(("acme", None, "other"), results, strict=True) if result is None}
        assert isinstance(results[1], StoreUnavailable)
        assert stored == acknowledged

    async def test_a_file_that_is_no_database_is_refused_with_what_to_do(self, tmp_path: Path, runner) -> None:
        (tmp_path / "store.db").write_bytes(b"not a database" * 100)
        with pytest.raises(StoreUnavailable, match="hub's file"):
            await SqlStore.open(tmp_path / "store.db", tenant=T, runner=runner)

    async def test_a_folder_that_is_not_there_is_told(self, tmp_path: Path, runner) -> None:
        with pytest.raises(StoreUnavailable, match="can't be made"):
            await SqlStore.open(tmp_path / "missing" / "store.db", tenant=T, runner=runner)

    async def test_another_database_is_refused_by_name_of_the_problem(self, runner) -> None:
        with pytest.raises(ConfigurationError, match="does not run on"):
            await SqlStore.open("postgresql://hub:hemligt@db/skolnav", tenant=T, runner=runner)

    @pytest.mark.fault
    def test_no_acknowledged_commit_is_lost_when_the_process_is_killed(self, tmp_path: Path) -> None:
        """Promise 1: kill -9 at any moment loses nothing that was acknowledged."""
        program = textwrap.dedent(
            """
            import asyncio, sys
            from hub.runner import ThreadRunner
            from hub.store import outbox
            from hub.store.sql import SqlStore

            async def write(store, who):
                for n in range(100_000):
                    await store.commit(outbox.add("ort", who, [str(n).encode()]))
                    print(who, n, flush=True)

            async def main():
                store = await SqlStore.open(sys.argv[1], tenant="ort", runner=ThreadRunner())
                await asyncio.gather(*(write(store, f"w{n}") for n in range(8)))

            asyncio.run(main())
            """
        )
        path = tmp_path / "store.db"
        process = subprocess.Popen([sys.executable, "-c", program, path], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        acknowledged = [process.stdout.readline() for _ in range(500)]
        process.kill()
        acknowledged += process.stdout.read().splitlines(keepends=True)
        process.wait()
        seen = {tuple(line.split()) for line in acknowledged if line.endswith("\n")}
        with sqlite3.connect(path) as connection:
            stored = {(who, body.decode()) for who, body in connection.execute("SELECT connector, body FROM outbox")}
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()
        assert len(seen) >= 500
        assert seen <= stored


class TestMigrations:
    def test_the_migrated_schema_is_what_the_tables_say(self) -> None:
        with create_engine("sqlite://").begin() as connection:
            migrations.upgrade(connection)
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, tables.metadata) == []
            assert MigrationContext.configure(connection).get_current_revision() == migrations.HEAD

    def test_the_revisions_known_at_open_are_those_of_the_scripts(self) -> None:
        with create_engine("sqlite://").connect() as connection:
            script = ScriptDirectory.from_config(migrations.config(connection))
        assert tuple(step.revision for step in script.walk_revisions())[::-1] == migrations.REVISIONS

    def test_the_tenant_comes_first_in_every_table_and_every_key(self) -> None:
        assert len(tables.metadata.tables) > 10
        for table in tables.metadata.tables.values():
            assert next(iter(table.columns)).name == "tenant", table.name
            assert next(iter(table.primary_key)).name == "tenant", table.name
            assert all(next(iter(index.columns)).name == "tenant" for index in table.indexes), table.name

    async def test_an_interrupted_migration_leaves_the_file_as_it_was(
        self, tmp_path: Path, runner, monkeypatch
    ) -> None:
        def torn(connection) -> None:
            real(connection)
            raise KeyboardInterrupt

        real = migrations.upgrade
        monkeypatch.setattr(migrations, "upgrade", torn)
        with pytest.raises(KeyboardInterrupt):
            await SqlStore.open(tmp_path / "store.db", tenant=T, runner=runner)
        monkeypatch.undo()
        connection = sqlite3.connect(tmp_path / "store.db")
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []
        connection.close()

    async def test_a_store_of_a_newer_hub_is_refused(self, tmp_path: Path, runner) -> None:
        await (await SqlStore.open(tmp_path / "store.db", tenant=T, runner=runner)).close()
        with sqlite3.connect(tmp_path / "store.db") as connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.close()
        with pytest.raises(ConfigurationError, match="newer version"):
            await SqlStore.open(tmp_path / "store.db", tenant=T, runner=runner)

    def test_opening_an_up_to_date_store_does_not_load_alembic(self, tmp_path: Path) -> None:
        program = (
            "import asyncio, sys\n"
            "from hub.runner import ThreadRunner\n"
            "from hub.store.sql import SqlStore\n"
            "async def main():\n"
            "    store = await SqlStore.open(sys.argv[1], tenant='ort', runner=ThreadRunner())\n"
            "    await store.close()\n"
            "asyncio.run(main())\n"
            "print('alembic' in sys.modules)\n"
        )
        command = [sys.executable, "-c", program, os.fspath(tmp_path / "store.db")]
        assert subprocess.check_output(command, text=True).split() == ["True"]
        assert subprocess.check_output(command, text=True).split() == ["False"]


class TestPackedPlaces:
    @pytest.mark.parametrize(
        "given", [(), (0,), (5, 3, 3), (1 << 48, 1 << 49), tuple(range(1024)), ((3 << 48) + 7, (3 << 48) + 5)]
    )
    def test_places_come_back_as_they_were(self, given: tuple[int, ...]) -> None:
        assert places.unpack(places.pack(given)) == given

    def test_a_full_window_of_one_partition_takes_four_bytes_a_place(self) -> None:
        assert len(places.pack(range(1 << 48, (1 << 48) + 1024))) <= 4 * 1024 + 16

    @pytest.mark.parametrize("packed", [b"\x04", b"\x04\x00", b"\x09123", b"\x08\x01"])
    def test_what_was_not_packed_here_is_refused(self, packed: bytes) -> None:
        with pytest.raises(ValueError):
            places.unpack(packed)
