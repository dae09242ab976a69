"""The hub's own pauses: short after a hiccup, bounded, spread, and a loop that gives back what worked in the end."""

import asyncio
import random

import pytest

from hub.pauses import AWAY_S, MAX_RETRY_AFTER_S, at_least, away_s, doubled_s, jittered, until_it_works


class Sleeper:
    """A clock that notes its sleeps and does not wait."""

    def __init__(self):
        self.slept = []

    async def sleep(self, seconds):
        self.slept.append(seconds)


def test_the_pauses_while_the_store_is_away_grow_to_the_last_one_and_stay_there():
    assert [away_s(failures) for failures in range(1, 7)] == [0.1, 0.5, 2.0, 10.0, 10.0, 10.0]


def test_a_doubled_pause_begins_with_the_first_and_ends_at_the_last():
    pauses = [doubled_s(failures, first_s=0.5, last_s=3.0) for failures in (1, 2, 3, 4, 5)]
    assert pauses == [0.5, 1.0, 2.0, 3.0, 3.0]
    assert doubled_s(100_000, first_s=0.5, last_s=3.0) == 3.0


@pytest.mark.parametrize(
    ("asked_s", "pause_s"), [(None, 5.0), (4.0, 5.0), (6.0, 6.0), (7200.0, MAX_RETRY_AFTER_S), (0.0, 5.0)]
)
def test_the_far_side_gets_a_longer_pause_but_no_shorter_one_and_none_beyond_an_hour(asked_s, pause_s):
    assert at_least(5.0, asked_s) == pause_s


@pytest.mark.parametrize("asked_s", [1e9, 86_401.0, float("inf"), float("nan"), -1.0])
def test_a_wish_that_cant_be_believed_counts_as_none(asked_s):
    assert at_least(5.0, asked_s) == 5.0


def test_the_hubs_own_pause_may_be_longer_than_any_that_a_far_side_can_ask_for():
    assert at_least(2 * MAX_RETRY_AFTER_S, 86_400.0) == 2 * MAX_RETRY_AFTER_S


def test_jitter_adds_up_to_a_fifth():
    spread = [jittered(10.0, random.Random(seed)) for seed in range(200)]
    assert 10.0 <= min(spread) < 10.5
    assert 11.5 < max(spread) < 12.0


async def test_what_fails_is_tried_again_after_each_pause_until_it_works():
    clock, told, outcomes = Sleeper(), [], [OSError(), ValueError(), "done"]

    async def attempt():
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    found = await until_it_works(
        attempt, clock=clock, failed=lambda error, pause_s: told.append((type(error), pause_s))
    )
    assert found == "done"
    assert clock.slept == list(AWAY_S[:2])
    assert told == [(OSError, AWAY_S[0]), (ValueError, AWAY_S[1])]


async def test_a_failure_of_another_kind_is_raised_at_once():
    clock = Sleeper()

    async def attempt():
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        await until_it_works(attempt, clock=clock, failed=lambda error, pause_s: None, retry_on=(OSError,))
    assert clock.slept == []


async def test_cancelling_ends_the_loop():
    async def attempt():
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await until_it_works(attempt, clock=Sleeper(), failed=lambda error, pause_s: None)
