"""A log that an earlier version wrote is today's log after its opening (docs/upgrading.md)."""

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from hub.bus import migrations
from hub.bus.base import LogUnavailable, OwnedByAnother, Position
from hub.bus.sqlite import LogMismatch, SqliteLog
from hub.runner import ThreadRunner
from tests.clock import HandClock
from tests.contracts.log_events import CATALOGUE, SOURCE, everything, names
from tests.hub.bus import kept

KEPT = sorted(kept.FOLDER.glob("*.db.gz"))
Open = Callable[[], Awaitable[SqliteLog]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


@pytest.fixture
async def open_log(path: Path):  # type: ignore[no-untyped-def]
    runner = ThreadRunner()
    opened: list[SqliteLog] = []

    async def reopened() -> SqliteLog:
        while opened:
            await opened.pop().close()
        opened.append(await SqliteLog.open(path, catalogue=CATALOGUE, clock=HandClock(), runner=runner))
        return opened[0]

    yield reopened
    while opened:
        await opened.pop().close()
    runner.close()


def test_every_format_that_is_read_has_a_kept_file() -> None:
    formats = {int(file.name.split("-")[1][0]) for file in KEPT}
    assert formats == {*migrations.STEPS, migrations.FORMAT}


@pytest.mark.parametrize("file", KEPT, ids=lambda file: file.name.partition(".")[0])
class TestKeptFile:
    """Promise 1 holds over an upgrade: what was accepted by an earlier version is there, once, with its owner."""

    @pytest.fixture(autouse=True)
    def unpacked(self, file: Path, path: Path) -> None:
        kept.unpack(file, path)

    async def test_its_events_are_all_there(self, open_log: Open) -> None:
        log = await open_log()
        assert names(await everything(log)) == ["e1", "e2", "e3", "e4", "e5", "e6", "e7", "e8"]
        log = await open_log()
        assert names(await everything(log)) == ["e1", "e2", "e3", "e4", "e5", "e6", "e7", "e8"]

    async def test_its_state_is_found(self, open_log: Open) -> None:
        log = await open_log()
        assert names(await log.states(["matter"])) == ["e2", "e8", "e6"]
        assert names(await log.states_about(kept.PERSON)) == ["e2", "e5", "e6", "e8"]

    async def test_a_repeat_is_recognised(self, open_log: Open) -> None:
        log = await open_log()
        again = [*kept.folded(), *kept.unfolded()]
        assert (await log.append(again)).stored == []

    async def test_no_other_source_takes_an_entity_over(self, open_log: Open) -> None:
        log = await open_log()
        with pytest.raises(OwnedByAnother):
            await log.append([kept.matter("f1", "by text", kept.OTHER)])
        with pytest.raises(OwnedByAnother):
            await log.append([kept.matter("f2", "late", kept.OTHER)])
        await log.append([kept.matter("f3", "by text", SOURCE), kept.matter("f4", "new", kept.OTHER)])

    async def test_new_events_come_after_the_old_ones(self, open_log: Open) -> None:
        log = await open_log()
        await log.append([kept.matter("f1", "new")])
        events = await everything(log)
        sequences = [event.parsed["sequence"] for event in events]
        assert names(events)[-1] == "f1"
        assert sequences == sorted(sequences)

    async def test_a_position_of_an_earlier_life_is_still_known(self, open_log: Open, path: Path) -> None:
        with closing(sqlite3.connect(path)) as db:
            epoch = db.execute("SELECT epoch FROM lives ORDER BY n DESC").fetchone()[0]
        log = await open_log()
        after = Position(epoch, (6,))
        assert log.knows(after)
        assert names((await log.read(after, 10)).events) == ["e7", "e8"]


class TestMigration:
    @pytest.fixture(autouse=True)
    def unpacked(self, path: Path) -> None:
        kept.unpack(kept.FOLDER / "format-3.db.gz", path)

    async def test_who_corrected_an_entity_does_not_own_it(self, open_log: Open) -> None:
        log = await open_log()
        with pytest.raises(OwnedByAnother):
            await log.append([kept.matter("f1", kept.MATTER, kept.THIRD)])
        await log.append([kept.matter("f2", kept.MATTER, SOURCE)])

    async def test_an_interrupted_migration_leaves_the_file_as_it_was(
        self, open_log: Open, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def torn(db, found) -> None:  # type: ignore[no-untyped-def]
            real(db, found)
            raise KeyboardInterrupt

        real = migrations.upgrade
        before = _dump(path)
        monkeypatch.setattr(migrations, "upgrade", torn)
        with pytest.raises(KeyboardInterrupt):
            await open_log()
        assert _dump(path) == before
        monkeypatch.undo()
        assert len(await everything(await open_log())) == 8

    async def test_a_full_disk_during_a_migration_is_an_outage(
        self, open_log: Open, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = _dump(path)
        real = migrations.upgrade

        def full(db, found) -> None:  # type: ignore[no-untyped-def]
            db.execute(f"PRAGMA max_page_count = {db.execute('PRAGMA page_count').get}")
            real(db, found)

        monkeypatch.setattr(migrations, "upgrade", full)
        with pytest.raises(LogUnavailable):
            await open_log()
        assert _dump(path) == before

    async def test_after_it_the_file_has_the_tables_of_a_new_one(self, path: Path) -> None:
        other = path.with_name("other.db")
        runner = ThreadRunner()
        for file in (path, other):
            await (await SqliteLog.open(file, catalogue=CATALOGUE, clock=HandClock(), runner=runner)).close()
        runner.close()
        assert _tables(path) == _tables(other)

    @pytest.mark.parametrize(("number", "says"), [(migrations.FORMAT + 1, "newer version"), (2, "formats 3 to")])
    async def test_a_format_without_a_way_here_is_refused_untouched(
        self, open_log: Open, path: Path, number: int, says: str
    ) -> None:
        with closing(sqlite3.connect(path)) as db:
            db.execute("UPDATE log SET format = ?", (number,))
            db.commit()
        before = _dump(path)
        with pytest.raises(LogMismatch, match=says):
            await open_log()
        assert _dump(path) == before


def _dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        return list(db.iterdump())


def _tables(path: Path) -> set[tuple[str, str]]:
    """Every table and index, but for the duplicate index' generations, of which each day has its own."""
    with closing(sqlite3.connect(path)) as db:
        found = db.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
        return {
            (name, " ".join("".join(line.partition("--")[0] for line in sql.splitlines()).split()).replace(" )", ")"))
            for name, sql in found
            if not name.startswith("digests_")
        }
