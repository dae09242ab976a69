"""A part's background tasks: kept while they run, ended together."""

import asyncio

import pytest

from hub.tasks import Tasks


async def test_a_task_is_kept_until_it_has_ended():
    tasks, go = Tasks(), asyncio.Event()
    task = tasks.start(go.wait(), name="waits")
    assert list(tasks) == [task]
    assert task.get_name() == "waits"
    go.set()
    assert await task is True
    assert list(tasks) == []


async def test_stop_returns_when_all_tasks_have_ended():
    tasks, ended = Tasks(), []

    async def for_ever():
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(True)

    for _ in range(3):
        tasks.start(for_ever())
    await asyncio.sleep(0)
    await tasks.stop()
    assert ended == [True, True, True]
    assert list(tasks) == []


async def test_stop_drops_what_a_task_raises_while_it_ends():
    tasks = Tasks()

    async def fails():
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("while ending")

    task = tasks.start(fails())
    await asyncio.sleep(0)
    await tasks.stop()
    with pytest.raises(ValueError, match="while ending"):
        task.result()
