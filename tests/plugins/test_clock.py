import asyncio
import threading
from datetime import UTC, datetime, time

import pytest

from plugins.testing import ManualClock


def test_school_time_stands_still_until_it_is_moved():
    clock = ManualClock("2026-11-24T07:30")
    assert clock.school().isoformat() == "2026-11-24T07:30:00+01:00"
    clock.advance_to("08:30")
    assert clock.school().isoformat() == "2026-11-24T08:30:00+01:00"
    clock.advance_to(datetime(2026, 11, 25, 6, 0, tzinfo=UTC))
    assert clock.school().isoformat() == "2026-11-25T07:00:00+01:00"
    assert clock.resolve(time(9)).isoformat() == "2026-11-25T09:00:00+01:00"


def test_hours_that_pass_are_real_ones_when_the_clock_changes():
    clock = ManualClock("2026-10-25T01:30")
    clock.advance(hours=2)
    assert clock.school().isoformat() == "2026-10-25T02:30:00+01:00"


def test_school_time_does_not_go_back():
    with pytest.raises(ValueError, match="already"):
        ManualClock("2026-11-24T07:30").advance_to("07:00")


def test_a_move_is_told_at_once():
    told = []
    clock = ManualClock("2026-11-24T07:30")
    clock.on_move(lambda: told.append(clock.school().hour))
    clock.advance_to("09:00")
    assert told == [9]


def test_the_way_to_a_due_time_is_endless_until_school_time_reaches_it():
    clock = ManualClock("2026-11-24T07:30")
    due = clock.resolve("08:30")
    assert clock.machine_seconds_until(due) > 1e6
    clock.advance_to("08:30")
    assert clock.machine_seconds_until(due) == 0


async def test_machine_time_jumps_and_wakes_who_sleeps_until_then():
    clock = ManualClock("2026-11-24T07:30")
    before = clock.utc()
    short, long = asyncio.create_task(clock.sleep(60)), asyncio.create_task(clock.sleep(600))
    await asyncio.sleep(0)
    clock.pass_machine(61)
    await asyncio.wait_for(short, 1)
    assert not long.done()
    long.cancel()
    assert 61 <= (clock.utc() - before).total_seconds() < 70
    assert clock.school().isoformat() == "2026-11-24T07:30:00+01:00"


async def test_a_short_sleep_ends_by_itself():
    async with asyncio.timeout(1):
        await ManualClock("2026-11-24T07:30").sleep(0.01)


async def test_it_wakes_sleepers_of_other_event_loops():
    clock = ManualClock("2026-11-24T07:30")
    asleep, woken = threading.Event(), threading.Event()

    async def sleep():
        asyncio.get_running_loop().call_soon(asleep.set)
        await clock.sleep(600)
        woken.set()

    thread = threading.Thread(target=lambda: asyncio.run(sleep()))
    thread.start()
    await asyncio.to_thread(asleep.wait, 5)
    clock.pass_machine(601)
    assert await asyncio.to_thread(woken.wait, 5)
    thread.join()


async def test_held_machine_time_moves_only_by_a_jump_and_time_outs_and_sleeps_run_on():
    clock = ManualClock("2026-11-24T07:30")
    with clock.held():
        before = clock.monotonic(), clock.utc()
        await clock.sleep(0.01)
        with pytest.raises(TimeoutError):
            async with clock.timeout(0.01):
                await asyncio.Event().wait()
        assert (clock.monotonic(), clock.utc()) == before
        clock.pass_machine(60)
        assert clock.monotonic() == before[0] + 60
