"""Promise 4: a feed's cursor passes withheld events only once their marks are durable."""

import asyncio
from typing import Any

import pytest

from hub.privacy.beside import Beside
from hub.store.base import StoreUnavailable


class Still:
    """A clock in which the moment for saving never comes: the tests save."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.Event().wait()


class Store:
    """Its commits end when the test says so, and how."""

    def __init__(self) -> None:
        self.commits: list[asyncio.Future[None]] = []
        self.rows: list[int] = []

    async def commit(self, *operations: Any) -> None:
        self.rows.append(len(operations))
        self.commits.append(asyncio.get_running_loop().create_future())
        await self.commits[-1]


def row(connection: Any) -> None:
    """A row."""


async def test_what_a_failed_commit_leaves_is_not_durable_by_a_later_one() -> None:
    store = Store()
    beside = Beside(store, Still())  # type: ignore[arg-type]
    marks = beside.add([row])
    assert marks is not None
    first = asyncio.ensure_future(beside.save_with())
    await asyncio.sleep(0)
    second = asyncio.ensure_future(beside.save_with(row))
    await asyncio.sleep(0)
    assert store.rows == [1, 1]
    store.commits[0].set_exception(StoreUnavailable("away"))
    store.commits[1].set_result(None)
    await second
    with pytest.raises(StoreUnavailable):
        await first
    assert not beside.is_saved(marks)
    third = asyncio.ensure_future(beside.save_with())
    await asyncio.sleep(0)
    assert not beside.is_saved(marks)
    store.commits[2].set_result(None)
    await third
    assert beside.is_saved(marks)
    await beside.stop()


async def test_work_that_fails_is_tried_again_and_drops_no_other() -> None:
    store = Store()
    beside = Beside(store, Still())  # type: ignore[arg-type]
    tried: list[str] = []

    async def fails_once() -> list[Any]:
        tried.append("first")
        if len(tried) == 1:
            raise OSError
        return [row]

    async def works() -> list[Any]:
        tried.append("second")
        return [row]

    beside.later(fails_once)
    beside.later(works)
    with pytest.raises(OSError):
        await beside.save()
    saving = asyncio.ensure_future(beside.save())
    while not store.commits:
        await asyncio.sleep(0)
    store.commits[0].set_result(None)
    await saving
    assert tried == ["first", "first", "second"]
    assert store.rows == [2]
    await beside.stop()
