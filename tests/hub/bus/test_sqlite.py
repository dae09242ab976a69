"""The embedded log, held to the contract, and what only a file can get wrong."""

import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import apsw
import pytest

from hub.bus import digests, index
from hub.bus.base import LogUnavailable, partition_of
from hub.bus.sqlite import LogLocked, LogMismatch, SqliteLog
from hub.runner import ThreadRunner
from tests.clock import HandClock
from tests.contracts.log import LogContract
from tests.contracts.log_events import (
    CATALOGUE,
    SOURCE,
    anew,
    booking,
    by_key,
    everything,
    matter,
    names,
    reading,
)

Open = Callable[..., Awaitable[SqliteLog]]


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
    """Opens the log of this test, closing what was open of it."""
    current: list[SqliteLog] = []

    async def reopened(**options: Any) -> SqliteLog:
        while current:
            await current.pop().close()
        made = await SqliteLog.open(tmp_path / "log.db", catalogue=CATALOGUE, clock=clock, runner=runner, **options)
        current.append(made)
        return made

    yield reopened
    while current:
        await current.pop().close()


class TestSqliteLog(LogContract):
    @pytest.fixture(params=[1, 4], ids="{} partitions".format)
    def partitions(self, request: pytest.FixtureRequest) -> int:
        return request.param  # type: ignore[no-any-return]

    @pytest.fixture
    async def log(self, open_log: Open, partitions: int) -> SqliteLog:
        return await open_log(partitions=partitions)

    @pytest.fixture
    def reopen(self, open_log: Open, partitions: int) -> Callable[[], Awaitable[SqliteLog]]:
        return lambda: open_log(partitions=partitions)


class TestSqliteLogFromItsFile(TestSqliteLog):
    """The same promises where nothing is read from memory and the indexes are folded in all the time."""

    @pytest.fixture
    async def log(self, open_log: Open, partitions: int, monkeypatch: pytest.MonkeyPatch) -> SqliteLog:
        monkeypatch.setattr(index, "FRESH_EVENTS", 3)
        return await open_log(partitions=partitions, ring_bytes=0)

    @pytest.fixture
    def reopen(self, open_log: Open, partitions: int) -> Callable[[], Awaitable[SqliteLog]]:
        return lambda: open_log(partitions=partitions, ring_bytes=0)


async def test_a_second_process_is_refused(open_log: Open, tmp_path: Path) -> None:
    await open_log()
    script = "from pathlib import Path; import sys; from hub.bus import file; file.lock(Path(sys.argv[1]))"
    second = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "log.db")], capture_output=True, text=True, check=False
    )
    assert second.returncode == 1
    assert "LogLocked" in second.stderr
    assert "one running hub" in second.stderr


async def test_a_second_log_in_the_process_is_refused_until_the_first_is_closed(
    open_log: Open, tmp_path: Path, clock: HandClock, runner: ThreadRunner
) -> None:
    first = await open_log()
    with pytest.raises(LogLocked):
        await SqliteLog.open(tmp_path / "log.db", catalogue=CATALOGUE, clock=clock, runner=runner)
    await first.append([reading(id="e")])
    second = await open_log()
    assert names(await everything(second)) == ["e"]


async def test_another_number_of_partitions_is_refused(open_log: Open) -> None:
    await open_log(partitions=4)
    with pytest.raises(LogMismatch, match="4 partitions, not 1"):
        await open_log(partitions=1)
    await open_log(partitions=4)


async def test_a_file_that_is_no_database_is_refused(open_log: Open, tmp_path: Path) -> None:
    (tmp_path / "log.db").write_bytes(b"something else" * 1000)
    with pytest.raises(LogUnavailable):
        await open_log()
    assert (tmp_path / "log.db").read_bytes().startswith(b"something else")


async def test_the_file_is_synced_with_every_commit(open_log: Open, tmp_path: Path) -> None:
    """Promise 1: WAL and synchronous=FULL, pages of 8192 bytes."""
    log = await open_log()
    settings = [log._db.execute(f"PRAGMA {name}").get for name in ("journal_mode", "synchronous", "page_size")]
    assert settings == ["wal", 2, 8192]


async def test_the_indexes_survive_being_made_again_from_the_rows(
    open_log: Open, tmp_path: Path, clock: HandClock, runner: ThreadRunner
) -> None:
    """What a crash leaves: rows that no table of digests or states knows yet."""
    log = await open_log(partitions=4)
    published = [reading(n, id=f"r{n}", sensor=f"s{n}") for n in range(20)] + [matter(f"m{n}", "ada") for n in range(5)]
    await log.append(published)
    await log.append([matter("m1", "bo", id="last")])
    await log.restate(anew("matter/m2"))
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for file in tmp_path.glob("log.db*"):
        (crashed / file.name).write_bytes(file.read_bytes())
    again = await SqliteLog.open(crashed / "log.db", catalogue=CATALOGUE, clock=clock, runner=runner, partitions=4)
    try:
        assert again._db.execute("SELECT count(*) FROM state").get == 0
        assert by_key(await everything(again)) == by_key(await everything(log))
        assert names(await again.states(["matter"])) == names(await log.states(["matter"]))
        assert names(await again.states_about("bo")) == ["last"]
        assert {each.entity for each in await again.states_about("ada")} == {f"matter/m{n}" for n in (0, 2, 3, 4)}
        assert (await again.append(published)).duplicates == 25
    finally:
        await again.close()


async def test_digests_are_dropped_when_their_whole_generation_is_past_the_window(
    open_log: Open, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "FRESH_EVENTS", 1)
    log = await open_log(dedupe_window=timedelta(days=2))
    for day in range(6):
        await log.append([reading(day, id=f"day{day}")])
        clock.move(days=1)
    for n in range(2):
        await log.append([reading(n)])
    log = await open_log(dedupe_window=timedelta(days=2))
    tables = log._db.execute("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'digests_%' AND type = 'table'").get
    assert tables == log._db.execute("SELECT count(*) FROM generations").get <= 4
    assert (await log.append([reading(5, id="day5")])).duplicates == 1
    assert len((await log.append([reading(99, id="day0")])).stored) == 1, "past the window an id may be used again"


async def test_an_event_past_the_duplicate_window_is_still_found(
    open_log: Open, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "FRESH_EVENTS", 1)
    log = await open_log(dedupe_window=timedelta(days=1))
    for day in range(8):
        await log.append([reading(day, id=f"day{day}")])
        clock.move(days=1)
    log = await open_log(dedupe_window=timedelta(days=1))
    found = await log.find(SOURCE, "day0")
    assert found is not None
    assert found.parsed["data"]["value"] == 0


async def test_a_full_generation_is_followed_by_another(open_log: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "_GENERATION_KEYS", 64)
    monkeypatch.setattr(index, "FRESH_EVENTS", 10)
    log = await open_log()
    published = [reading(n, id=str(n)) for n in range(400)]
    for start in range(0, 400, 5):
        await log.append(published[start : start + 5])
    log = await open_log()
    assert log._db.execute("SELECT count(*) FROM generations").get > 4
    for _ in range(2):
        assert (await log.append(published)).duplicates == 400
        log = await open_log()


async def test_room_that_trimming_freed_is_used_again(open_log: Open, clock: HandClock, tmp_path: Path) -> None:
    log = await open_log()
    sizes = []
    for _ in range(6):
        for _ in range(4):
            await log.append([matter("m", note="x" * 2000) for n in range(250)])
        clock.move(days=1)
        await log.trim(clock.now - timedelta(hours=1))
        log = await open_log()
        sizes.append((tmp_path / "log.db").stat().st_size)
    assert sizes[-1] < sizes[0] * 1.3


@pytest.mark.parametrize("table", ["events_0", "names", "digests_1", "state", "related"])
async def test_a_group_that_fails_is_refused_whole_and_the_next_one_is_taken(
    open_log: Open, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    monkeypatch.setattr(index, "FRESH_EVENTS", 2)
    log = await open_log()
    await log.append([matter("m1", id="1"), matter("m2", id="2")])
    heard: list[Any] = []
    log.observe(heard.extend)
    batch = [matter("m1", id="3"), matter("m3", id="4"), booking("b", id="5")]
    denied = (apsw.SQLITE_INSERT, table)
    # SQLite's own authoriser refuses one insert, wherever in the transaction it comes, as a full disk would.
    log._db.authorizer = lambda action, of, *_: apsw.SQLITE_DENY if (action, of) == denied else apsw.SQLITE_OK
    for _ in range(3):
        with pytest.raises(LogUnavailable):
            await log.append(batch)
    log._db.authorizer = None
    assert heard == []
    assert names(await everything(log)) == ["1", "2"]
    assert names(await log.states(["matter"])) == ["1", "2"]
    assert names((await log.append(batch)).stored) == ["3", "4", "5"]
    log = await open_log()
    assert names(await log.states(["matter", "booking"])) == ["5", "3", "2", "4"]
    assert (await log.append(batch)).duplicates == 3


async def test_no_error_or_text_form_quotes_an_event(open_log: Open) -> None:
    """Promise 8."""
    log = await open_log()
    await log.append([matter("m1", "kanariefågel", note="kanariefågel", id="e")])
    (stored,) = await everything(log)
    again = await log.append([reading(), matter("m1", "kanariefågel", note="kanariefågel", id="e")])
    assert "kanariefågel" not in repr(stored) + repr(again)
    with pytest.raises(ValueError) as caught:
        await log.append([matter("m1", "kanariefågel", id="e")])
    assert "kanariefågel" not in repr(caught.value)


async def test_the_oldest_day_is_found_by_its_filter(
    open_log: Open, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each day's digests end in a filter that lets its own keys pass."""
    monkeypatch.setattr(index, "FRESH_EVENTS", 50)
    log = await open_log()
    published = []
    for day in range(10):
        some = [reading(n, id=f"{day}-{n}") for n in range(120)]
        published += some
        for start in range(0, 120, 20):
            await log.append(some[start : start + 20])
        clock.move(days=1)
    log = await open_log()
    assert log._db.execute("SELECT count(*) FROM generations WHERE filter IS NOT NULL").get >= 8
    assert (await log.append(published)).duplicates == 1200


async def test_nobody_else_can_read_the_log_wherever_it_lies(tmp_path: Path, open_log: Open) -> None:
    await open_log()
    assert {stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()} == {0o600}


async def test_a_fold_begins_with_enough_events_and_goes_on_in_proportion_to_the_appends(
    open_log: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four rows for each appended event; the tables cover a fold's events only when all of it is written."""
    monkeypatch.setattr(index, "FRESH_EVENTS", 5)
    log = await open_log()
    written, covered = [], []
    for n in range(8):
        await log.append([reading(n, id=str(n))])
        made = log._db.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'digests_1'").get
        written.append(log._db.execute("SELECT count(*) FROM digests_1").get if made else 0)
        covered.append((log._index.folded, log._db.execute("SELECT folded FROM partitions").get))
    assert written == [0, 0, 0, 0, 0, 4, 5, 5]
    assert covered == [([0], 0)] * 6 + [([5], 5)] * 2
    assert [len(each.digests) for each in log._index.fresh] == [3]


async def test_closing_folds_everything_in(open_log: Open) -> None:
    log = await open_log()
    await log.append([reading(n) for n in range(3)])
    assert log._index.folded == [0]
    log = await open_log()
    assert log._index.folded == [3]
    assert [len(each.digests) for each in log._index.fresh] == [0]


async def test_a_read_divides_its_limit_evenly_and_leaves_the_rest_to_those_who_have_more(open_log: Open) -> None:
    log = await open_log(partitions=4)
    sensors: dict[int, str] = {}
    for name in map(str, range(64)):  # some of these lie in each partition
        (stored,) = (await log.append([reading(sensor=name)])).stored
        sensors[partition_of(stored.at)] = name
    start = log.head()
    for partition, count in enumerate((1, 2, 6, 9)):
        await log.append([reading(sensor=sensors[partition]) for _ in range(count)])

    async def shares(limit: int) -> list[int]:
        batch = await log.read(start, limit)
        found = [partition_of(each.at) for each in batch.events]
        assert batch.at_head is (len(found) == 18)
        return [found.count(partition) for partition in range(4)]

    assert await shares(4) == [1, 1, 1, 1]
    assert await shares(9) == [1, 2, 3, 3]
    assert await shares(16) == [1, 2, 6, 7]
    assert await shares(18) == await shares(99) == [1, 2, 6, 9]
    assert await shares(3) == [0, 1, 1, 1]
