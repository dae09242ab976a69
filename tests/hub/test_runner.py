"""The writer thread: group commit, answers in order, nobody left waiting."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import pytest

from hub.runner import ThreadRunner, ThreadWriter


@pytest.fixture
def runner() -> Iterator[ThreadRunner]:
    made = ThreadRunner()
    yield made
    made.close()


class Gate:
    """A commit that waits to be let through, and notes its groups."""

    def __init__(self) -> None:
        self.groups: list[list[Any]] = []
        self.entered = threading.Semaphore(0)
        self.open = threading.Semaphore(0)

    def commit(self, items: Sequence[Any]) -> Sequence[Any]:
        self.groups.append(list(items))
        self.entered.release()
        assert self.open.acquire(timeout=10)
        return [ValueError(item) if item == "bad" else item for item in items]


@pytest.fixture
async def gate(runner: ThreadRunner) -> AsyncIterator[tuple[Gate, ThreadWriter]]:
    made = Gate()
    writer = runner.writer("test", made.commit)
    yield made, writer
    made.open.release(100)
    await writer.close()


async def test_what_comes_while_a_group_is_written_makes_the_next_group(gate: tuple[Gate, ThreadWriter]) -> None:
    made, writer = gate
    first = writer.submit(1)
    await asyncio.to_thread(made.entered.acquire)
    rest = [writer.submit(n) for n in range(2, 6)]
    made.open.release(2)
    assert await asyncio.gather(first, *rest) == [1, 2, 3, 4, 5]
    assert made.groups == [[1], [2, 3, 4, 5]]


async def test_an_item_fails_alone(gate: tuple[Gate, ThreadWriter]) -> None:
    made, writer = gate
    made.open.release(10)
    results = await asyncio.gather(*[writer.submit(each) for each in (1, "bad", 2)], return_exceptions=True)
    assert [type(each) for each in results] == [int, ValueError, int]


async def test_a_failing_commit_fails_its_group_and_not_the_writer(runner: ThreadRunner) -> None:
    def commit(items: Sequence[Any]) -> Sequence[Any]:
        if "bad" in items:
            raise OSError("no room")
        return items

    writer = runner.writer("test", commit)
    with pytest.raises(OSError, match="no room"):
        await writer.submit("bad")
    assert await writer.submit("good") == "good"
    await writer.close()


async def test_listeners_hear_of_a_group_before_its_callers(runner: ThreadRunner) -> None:
    heard: list[Any] = []
    writer = runner.writer("test", lambda items: items, lambda results: heard.append((list(results), future.done())))
    future = writer.submit(1)
    await future
    assert heard == [([1], False)]
    await writer.close()


async def test_a_failing_listener_leaves_no_caller_waiting(runner: ThreadRunner) -> None:
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))

    def listener(results: Sequence[Any]) -> None:
        raise LookupError("a bug in a listener")

    writer = runner.writer("test", lambda items: items, listener)
    assert await asyncio.wait_for(writer.submit(1), 10) == 1
    assert isinstance(reported[0]["exception"], LookupError)
    await writer.close()


async def test_a_cancelled_caller_does_not_disturb_the_others(gate: tuple[Gate, ThreadWriter]) -> None:
    made, writer = gate
    first = writer.submit(1)
    await asyncio.to_thread(made.entered.acquire)
    gone, stays = writer.submit(2), writer.submit(3)
    gone.cancel()
    made.open.release(2)
    assert (await first, await stays) == (1, 3)


async def test_closing_writes_what_was_submitted_and_refuses_more(runner: ThreadRunner) -> None:
    writer = runner.writer("test", lambda items: items)
    futures = [writer.submit(n) for n in range(10)]
    await writer.close()
    assert await asyncio.gather(*futures) == list(range(10))
    with pytest.raises(RuntimeError, match="closed"):
        writer.submit(11)
