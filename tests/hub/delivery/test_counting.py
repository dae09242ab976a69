"""Counters over time: sums and largest values, five minutes and hours, over restarts and without many commits."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hub.delivery.counting import DAY_S, MOST_THINGS, Counting
from hub.runner import ThreadRunner
from hub.store import counters
from hub.store.base import Operation, StoreUnavailable
from hub.store.counters import FIVE_MINUTES, HOUR
from hub.store.sql import SqlStore
from tests.clock import HandClock

T = "ort"
START = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)
START_S = int(START.timestamp())


@pytest.fixture
def runner() -> Iterator[ThreadRunner]:
    made = ThreadRunner()
    yield made
    made.close()


@pytest.fixture
async def store(tmp_path: Path, runner: ThreadRunner) -> AsyncIterator[SqlStore]:
    opened = await SqlStore.open(tmp_path / "store.db", tenant=T, runner=runner)
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> HandClock:
    return HandClock(START)


@pytest.fixture
async def counting(store: SqlStore, clock: HandClock) -> Counting:
    made = Counting(store, clock)
    await made.start()
    return made


async def stored(store: SqlStore, width: int, about: str = "hub") -> list[tuple[int, dict[str, float]]]:
    """Pairs of minutes since the start, and what was counted."""
    spans = await store.read(counters.load(T, width, 0, 1 << 40, about))
    return [((span.start_s - START_S) // 60, dict(span.counted)) for span in spans]


async def test_five_minutes_and_hours_are_stored_when_they_are_over(
    counting: Counting, store: SqlStore, clock: HandClock
) -> None:
    counting.add("hub", "events", 3)
    counting.most("hub", "lag_s_max", 7)
    counting.most("hub", "lag_s_max", 2)
    await counting.save()
    assert await stored(store, FIVE_MINUTES) == []  # not over yet: no commit
    clock.move(minutes=5)
    await counting.save()
    counting.add("hub", "events")
    counting.most("hub", "lag_s_max", 1)
    clock.move(minutes=58)
    await counting.save()
    assert await stored(store, FIVE_MINUTES) == [(0, {"events": 3, "lag_s_max": 7}), (5, {"events": 1, "lag_s_max": 1})]
    assert await stored(store, HOUR) == [(0, {"events": 4, "lag_s_max": 7})]


async def test_a_restart_in_the_middle_of_a_span_goes_on_with_it(
    counting: Counting, store: SqlStore, clock: HandClock
) -> None:
    counting.add("hub", "events", 3)
    clock.move(minutes=6)
    await counting.save()
    counting.add("hub", "events", 10)
    await counting.save(all=True)  # the hub stops
    clock.move(minutes=1)
    again = Counting(store, clock)
    await again.start()
    again.add("hub", "events", 100)
    clock.move(minutes=60)
    await again.save()
    assert await stored(store, FIVE_MINUTES) == [(0, {"events": 3}), (5, {"events": 110})]
    assert await stored(store, HOUR) == [(0, {"events": 113})]


async def test_a_restart_in_a_later_hour_leaves_the_old_one_as_it_was(
    counting: Counting, store: SqlStore, clock: HandClock
) -> None:
    counting.add("hub", "events", 3)
    await counting.save(all=True)
    clock.move(hours=5)
    again = Counting(store, clock)
    await again.start()
    again.add("hub", "events", 1)
    await again.save(all=True)
    assert await stored(store, HOUR) == [(0, {"events": 3}), (300, {"events": 1})]


async def test_an_hour_of_counting_costs_a_commit_for_each_five_minutes(
    counting: Counting, store: SqlStore, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits = 0
    real = store.commit

    def counted(*operations: Operation):  # type: ignore[no-untyped-def]
        nonlocal commits
        commits += 1
        return real(*operations)

    monkeypatch.setattr(store, "commit", counted)
    for _ in range(120):
        counting.delivered("days", 0.25)
        clock.move(seconds=30)
        await counting.save()
    assert commits == 12


async def test_a_store_that_is_away_loses_nothing(
    counting: Counting, store: SqlStore, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*operations: Operation) -> None:
        raise StoreUnavailable

    counting.add("hub", "events", 3)
    clock.move(minutes=5)
    with monkeypatch.context() as broken:
        broken.setattr(store, "commit", away)
        with pytest.raises(StoreUnavailable):
            await counting.save()
    clock.move(minutes=5)
    counting.add("hub", "events", 1)
    clock.move(minutes=5)
    await counting.save()
    assert [counted for _, counted in await stored(store, FIVE_MINUTES)] == [{"events": 3}, {"events": 1}]


async def test_five_minutes_stay_for_14_days_and_hours_for_13_months(
    counting: Counting, store: SqlStore, clock: HandClock
) -> None:
    counting.add("hub", "events")
    clock.move(hours=1)
    await counting.save()
    clock.move(days=15)
    await counting.save()
    counting.add("hub", "events", 2)
    clock.move(hours=1)
    await counting.save()
    assert [counted["events"] for _, counted in await stored(store, FIVE_MINUTES)] == [2]
    assert [counted["events"] for _, counted in await stored(store, HOUR)] == [1, 2]
    clock.move(seconds=397 * DAY_S)
    await counting.save()
    counting.add("hub", "events", 3)
    clock.move(hours=1)
    await counting.save()
    assert [counted["events"] for _, counted in await stored(store, HOUR)] == [3]


async def test_names_that_clients_choose_are_bounded(counting: Counting) -> None:
    for n in range(MOST_THINGS + 50):
        counting.add(f"source/{n}", "events")
    spans = [span for span in counting.open_spans() if span.width_s == FIVE_MINUTES]
    assert len(spans) == MOST_THINGS + 1
    assert {span.about: span.counted["events"] for span in spans}["other"] == 50
