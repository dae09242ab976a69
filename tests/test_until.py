"""A test that waits in vain fails in bounded time, and names what it waited for."""

import asyncio
import threading

import pytest

from tests.until import block_until, until


async def test_it_returns_as_soon_as_the_condition_holds() -> None:
    done = asyncio.Event()
    asyncio.get_running_loop().call_later(0.01, done.set)
    assert await until(done.is_set) is True


async def test_a_condition_may_be_a_coroutine_function() -> None:
    looks: list[int] = []

    async def third_time() -> bool:
        looks.append(1)
        return len(looks) == 3

    await until(third_time)
    assert len(looks) == 3


async def test_a_clock_can_be_moved_meanwhile() -> None:
    moved: list[int] = []
    await until(lambda: len(moved) == 3, meanwhile=lambda: moved.append(1))


async def test_what_never_holds_fails_with_the_text_of_the_condition() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"not within 0\.01 s: .*lambda: 1 > 2"):
        await until(lambda: 1 > 2, within_s=0.01)


async def test_what_never_holds_fails_with_the_words_of_the_test() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"not within 0\.01 s: the file is there"):
        await until(lambda: False, "the file is there", within_s=0.01)


async def test_a_condition_that_hangs_fails_too() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"Event\.wait"):
        await until(asyncio.Event().wait, within_s=0.01)


async def test_a_time_out_of_the_conditions_own_is_not_ours() -> None:
    async def fails() -> bool:
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        await until(fails)


def test_without_an_event_loop_it_waits_for_a_thread() -> None:
    done = threading.Event()
    threading.Timer(0.01, done.set).start()
    block_until(done.is_set)


def test_without_an_event_loop_it_fails_in_bounded_time() -> None:
    with pytest.raises(pytest.fail.Exception, match="the hub runs"):
        block_until(lambda: False, "the hub runs", within_s=0.01)
