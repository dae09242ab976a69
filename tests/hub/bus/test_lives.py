"""What a position still means after a log has lost its end: a backup was put back, or a torn WAL cut off."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from hub.bus.base import Position
from hub.bus.sqlite import SqliteLog
from hub.runner import ThreadRunner
from tests.clock import HandClock
from tests.contracts.log_events import CATALOGUE, everything, names, reading


async def opened(path: Path) -> SqliteLog:
    return await SqliteLog.open(path, catalogue=CATALOGUE, clock=HandClock(), runner=ThreadRunner())


async def wrote(path: Path, ids: Sequence[str]) -> Position:
    """One life of the log; gives the position of a reader who has read all."""
    log = await opened(path)
    await log.append([reading(id=id) for id in ids])
    head = log.head()
    await log.close()
    return head


async def test_a_reader_who_was_past_the_end_that_is_left_gets_all_that_comes_after_it(tmp_path: Path) -> None:
    """Promise 1: its offsets are given again, to other events."""
    path = tmp_path / "log.db"
    await wrote(path, ["a", "b"])
    shutil.copy(path, tmp_path / "backup")
    past = await wrote(path, ["lost 1", "lost 2", "lost 3"])
    for each in tmp_path.glob("log.db*"):
        each.unlink()
    shutil.copy(tmp_path / "backup", path)
    early = await wrote(path, ["c"])
    await wrote(path, ["d", "e", "f", "g"])
    log = await opened(path)
    assert names(await everything(log, early)) == ["d", "e", "f", "g"]
    # The life that is lost is not one of this log: repeated is better than left out.
    assert not log.knows(past)
    assert names(await everything(log, past)) == ["a", "b", "c", "d", "e", "f", "g"]
    await log.close()


async def test_a_position_from_before_the_end_was_lost_counts_to_where_it_was_lost(tmp_path: Path) -> None:
    """Promises 1 and 2: a torn WAL; the cursors of the store are from the life that lost it."""
    path = tmp_path / "log.db"
    await wrote(path, ["a", "b"])
    log = await opened(path)
    shutil.copy(path, tmp_path / "before")  # as it is when the WAL of this life is gone
    await log.append([reading(id="lost")])
    past = log.head()
    await log.close()
    for each in tmp_path.glob("log.db*"):
        each.unlink()
    shutil.copy(tmp_path / "before", path)
    log = await opened(path)
    await log.append([reading(id="c"), reading(id="d")])
    found = names(await everything(log, past))
    assert found[-2:] == ["c", "d"]
    await log.close()


async def test_an_end_that_was_lost_within_one_life_is_noticed_too(tmp_path: Path) -> None:
    """Promise 1: the log stands again where that life began."""
    path = tmp_path / "log.db"
    await wrote(path, ["a"])
    await wrote(path, [])
    shutil.copy(path, tmp_path / "before")
    past = await wrote(path, ["lost"])
    for each in tmp_path.glob("log.db*"):
        each.unlink()
    shutil.copy(tmp_path / "before", path)
    await wrote(path, ["b", "c"])
    log = await opened(path)
    assert names(await everything(log, past))[-2:] == ["b", "c"]
    await log.close()
