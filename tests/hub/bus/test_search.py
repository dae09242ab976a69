"""The search index's file: it follows the log in small pieces, and is made anew where it can't be right."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.bus import search
from hub.bus.base import Wanted
from hub.bus.sqlite import SqliteLog
from hub.runner import ThreadRunner
from tests.clock import HandClock
from tests.contracts.log_events import CATALOGUE, matter, names, reading

Open = Callable[..., Awaitable[SqliteLog]]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "STEP", 4)
    monkeypatch.setattr(search, "PART", 10)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def runner() -> Iterator[ThreadRunner]:
    made = ThreadRunner()
    yield made
    made.close()


@pytest.fixture
async def open_log(tmp_path: Path, clock: HandClock, runner: ThreadRunner) -> AsyncIterator[Open]:
    current: list[SqliteLog] = []

    async def reopened(meanwhile: Callable[[], object] = lambda: None, **options: Any) -> SqliteLog:
        """`meanwhile` is done while the log is closed."""
        while current:
            await current.pop().close()
        meanwhile()
        made = await SqliteLog.open(tmp_path / "log.db", catalogue=CATALOGUE, clock=clock, runner=runner, **options)
        current.append(made)
        return made

    yield reopened
    while current:
        await current.pop().close()


async def fill(log: SqliteLog, count: int, prefix: str = "e") -> None:
    await log.append([reading(n, sensor=f"s{n % 3}", id=f"{prefix}{n}") for n in range(count)])


async def found(log: SqliteLog, id: str) -> list[str]:
    return names((await log.search(Wanted(id=id), limit=5)).events)


async def test_many_parts_are_searched_and_counted_as_one(open_log: Open) -> None:
    log = await open_log()
    await fill(log, 47)
    readings = Wanted(type=lambda name: "reading" in name)
    every = names((await log.search(readings, limit=100)).events)
    assert every == [f"e{n}" for n in reversed(range(47))]
    assert await log.count(readings, after=log.start(), upto=log.head()) == 47
    three = (await log.search(readings, limit=3)).upto
    assert three is not None
    assert await log.count(readings, after=three, upto=log.head()) == 3
    assert await log.count(readings, after=log.start(), upto=three) == 44
    assert await found(log, "e0") == ["e0"]


async def test_each_piece_is_short(open_log: Open) -> None:
    log = await open_log()
    await fill(log, 9)
    assert [await log.keep_up() for _ in range(4)] == [True, True, True, False]


async def test_the_file_is_readable_by_its_owner_alone(open_log: Open, tmp_path: Path) -> None:
    log = await open_log()
    await fill(log, 2)
    await found(log, "e0")
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir() if "search" in path.name}
    assert modes["log-search.db"] == modes["log-search.db-wal"] == 0o600


@pytest.mark.parametrize("damage", [b"", b"not a database at all, but long enough to be one" * 100])
async def test_a_damaged_file_is_made_anew(open_log: Open, tmp_path: Path, damage: bytes) -> None:
    log = await open_log()
    await fill(log, 12)
    await found(log, "e3")
    log = await open_log(lambda: (tmp_path / "log-search.db").write_bytes(damage))
    assert await found(log, "e3") == ["e3"]


async def test_the_file_of_another_log_is_made_anew(open_log: Open, tmp_path: Path) -> None:
    log = await open_log()
    await fill(log, 12, "other")
    await found(log, "other3")
    log = await open_log(lambda: (tmp_path / "log.db").unlink())
    await fill(log, 12)
    assert await found(log, "e3") == ["e3"]
    assert await found(log, "other3") == []


async def test_what_a_restored_backup_lacks_is_not_found_and_what_came_since_is(open_log: Open, tmp_path: Path) -> None:
    """The log uses the offsets of the lost events again, for other events."""
    log = await open_log()
    await fill(log, 12)
    await found(log, "e3")
    log = await open_log(lambda: shutil.copy(tmp_path / "log.db", tmp_path / "backup.db"))
    await fill(log, 12, "lost")
    assert await found(log, "lost5") == ["lost5"]
    log = await open_log(lambda: shutil.copy(tmp_path / "backup.db", tmp_path / "log.db"))
    await fill(log, 12, "new")
    assert await found(log, "lost5") == []
    assert await found(log, "new5") == ["new5"]
    assert await found(log, "e3") == ["e3"]


async def test_a_trimmed_part_shrinks_to_what_was_spared(open_log: Open, clock: HandClock, tmp_path: Path) -> None:
    log = await open_log()
    await fill(log, 30)
    await log.append([matter("kept", id="kept")])
    await fill(log, 30, "f")
    while await log.keep_up():
        pass
    clock.move(days=1)
    await fill(log, 5, "new")
    await log.trim(clock.utc() - timedelta(hours=1))
    while await log.keep_up():
        pass
    everything = Wanted(type=lambda name: True)
    assert await log.count(everything, after=log.start(), upto=log.head()) == 5
    assert names((await log.search(everything, limit=100)).events) == [*(f"new{n}" for n in (4, 3, 2, 1, 0)), "kept"]
    with log._searching._lock:
        assert log._searching._db is not None
        tables = log._searching._db.execute("SELECT count(*) FROM parts WHERE trimmed").get
    assert tables == 1  # the part with the spared event; the other trimmed parts are gone
