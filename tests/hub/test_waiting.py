"""Waiting for an event or a time-out, and for the first of several works."""

import asyncio

import pytest

from hub.waiting import first_of, set_within
from plugins.testing import ManualClock


@pytest.fixture
def clock():
    return ManualClock("2026-11-24T07:40")


async def for_ever(ended):
    try:
        await asyncio.Event().wait()
    finally:
        ended.append(True)


async def test_a_set_event_ends_the_wait(clock):
    event = asyncio.Event()
    waiting = asyncio.ensure_future(set_within(event, 3600.0, clock))
    await asyncio.sleep(0)
    event.set()
    assert await waiting is True


async def test_the_wait_ends_when_machine_time_has_passed(clock):
    waiting = asyncio.ensure_future(set_within(asyncio.Event(), 3600.0, clock))
    while not clock._sleepers:
        await asyncio.sleep(0)
    clock.pass_machine(3600.0)
    assert await waiting is False


async def test_an_event_that_is_set_already_needs_no_wait(clock):
    event = asyncio.Event()
    event.set()
    assert await set_within(event, 0.0, clock) is True


async def test_the_first_work_that_ends_ends_the_others():
    ended = []
    await first_of(asyncio.sleep(0), for_ever(ended), for_ever(ended))
    assert ended == [True, True]


async def test_what_the_first_work_raises_is_raised():
    async def fails():
        await asyncio.sleep(0)
        raise ValueError("broken")

    ended = []
    with pytest.raises(ValueError, match="broken"):
        await first_of(for_ever(ended), fails())
    assert ended == [True]


async def test_cancelling_the_wait_cancels_all_works():
    ended = []
    waiting = asyncio.ensure_future(first_of(for_ever(ended), for_ever(ended)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert ended == [True, True]
