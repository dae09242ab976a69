"""A short soak, and that a soak notices what it looks for (`bench/soak`; the long one is run by hand)."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from bench.soak.judging import Use, judge_files, judge_kept, judge_memory, missing, open_files
from bench.soak.receiving import Arrivals
from bench.soak.running import Course, soak
from bench.soak.truth import Protection, Truth
from tests.school import absence, envelope, uid


@pytest.mark.fault
async def test_a_hub_that_is_disturbed_in_every_way_loses_nothing(tmp_path: Path) -> None:
    """Promises 1 to 4, under restarts, rotated tokens, pauses, replays, deletions, bad clients and changing marks."""
    outcome = await soak(tmp_path, Course(12, seed=7, gap_s=0.3, long_s=1, pause_s=0.05, patience_s=60))
    assert not outcome.truth.faults, "\n".join(outcome.lines)
    assert len(outcome.acts) == 10, "every fault was done"
    assert len(outcome.truth.permitted()) > 200


@pytest.fixture
def truth() -> Truth:
    made = Truth()
    made.add_pupils("north", 8)
    return made


def reported(truth: Truth, number: int, protection: Protection = Protection.NEVER) -> dict[str, Any]:
    """An acknowledged absence of the first pupil with this protection."""
    who = next(each for each in truth.pupils.values() if each.protection is protection)
    id = uid("absence", number)
    truth.absences[id] = who
    truth.acknowledged[f"north-{number}"] = who
    return envelope("absence.reported", absence(who.id, id=id), id=f"north-{number}")


def take(arrivals: Arrivals, event: dict[str, Any]) -> None:
    arrivals.arrived(event)
    arrivals.accepted(event)


def test_repeats_and_replays_are_no_fault_and_complete_is_who_got_each_event_once(truth: Truth) -> None:
    """Promise 2."""
    arrivals = Arrivals("feed", truth)
    first, second = reported(truth, 1), reported(truth, 2)
    for event in (first, second, first, {**first, "skolnavlane": "1"}):
        take(arrivals, event)
    assert missing(truth, [arrivals]) == {}
    assert not truth.faults


def test_an_event_that_only_a_replay_brought_is_missing(truth: Truth) -> None:
    """Promise 1."""
    arrivals = Arrivals("feed", truth)
    take(arrivals, {**reported(truth, 1), "skolnavlane": "1"})
    assert missing(truth, [arrivals]) == {"feed": {"north-1"}}


def test_a_first_arrival_after_a_later_one_of_its_key_is_a_fault(truth: Truth) -> None:
    """Promise 2."""
    arrivals = Arrivals("feed", truth)
    first, second = reported(truth, 1), reported(truth, 2)
    take(arrivals, second)
    take(arrivals, first)
    assert list(truth.faults) == ["feed got a first arrival after a later one of its key"]


def test_an_event_about_a_protected_person_is_a_fault_even_where_it_was_not_accepted(truth: Truth) -> None:
    """Promise 4."""
    Arrivals("hook", truth).arrived(reported(truth, 1, Protection.ALWAYS))
    assert list(truth.faults) == ["hook got an event about a protected person"]


def test_memory_that_grows_is_a_fault() -> None:
    truth = Truth()
    judge_memory(truth, Use(150, 50), Use(160, 55), Use(140, 40))
    judge_memory(truth, Use(150, 50), Use(400, 55), Use(380, 40))
    assert not truth.faults
    judge_memory(truth, Use(150, 50), Use(400, 55), Use(140, 40))
    assert set(truth.faults) == {"memory grew"}


@pytest.fixture
def opened() -> Iterator[list[BinaryIO]]:
    """Open files of this process; closed in the end."""
    files: list[BinaryIO] = []
    yield files
    for each in files:
        each.close()


def open_more(opened: list[BinaryIO]) -> None:
    opened += [open(os.devnull, "rb") for _ in range(50)]  # noqa: SIM115


async def test_open_files_that_a_hub_still_closes_are_no_fault(truth: Truth, opened: list[BinaryIO]) -> None:
    """Connections of clients that have just left, or are kept for some seconds: their number says nothing."""
    before = open_files(os.getpid())
    open_more(opened)
    looks = 0

    def count() -> int:
        nonlocal looks
        looks += 1
        if looks == 3:
            for each in opened:
                each.close()
        return open_files(os.getpid())

    await judge_files(truth, before, count, patience_s=60)
    assert looks == 3, "it looks no longer than it must"
    assert not truth.faults


async def test_open_files_that_stay_are_a_fault(truth: Truth, opened: list[BinaryIO]) -> None:
    before = open_files(os.getpid())
    open_more(opened)
    left = await judge_files(truth, before, lambda: open_files(os.getpid()), patience_s=0.5)
    assert set(truth.faults) == {"open files grew"}
    assert left >= before + 50


async def test_connections_to_a_webhook_that_are_not_closed_are_a_fault(truth: Truth) -> None:
    numbers = iter([9, 8, 1, 1, 1, 1])
    await judge_kept(truth, "steady", 8, lambda: next(numbers), patience_s=60)
    assert not truth.faults
    await judge_kept(truth, "passing", 0, lambda: 1, patience_s=0.3)
    assert set(truth.faults) == {"passing has connections that the hub does not close"}
