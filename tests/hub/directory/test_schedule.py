"""The index of lessons: it follows the log, names too many lessons rather than too few, and forgets what is trimmed."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.bus.base import Log, LogUnavailable, Stored
from hub.bus.sqlite import SqliteLog
from hub.directory.schedule import DAYS, Schedule, days_of
from hub.runner import ThreadRunner
from schemas import core_catalogue
from tests.clock import HandClock
from tests.school import LESSON, LESSON_CHANGED, PERSON, Record, append, event, lesson, pupil, uid

TODAY = date(2026, 11, 24)
TOMORROW = TODAY + timedelta(days=1)
AHEAD = TODAY + timedelta(days=60)
B214, B215, B216 = uid("B214"), uid("B215"), uid("B216")
ON_TUESDAY = {"startTime": "2026-11-24T09:40:00+01:00", "endTime": "2026-11-24T11:00:00+01:00"}
ON_WEDNESDAY = {"startTime": "2026-11-25T09:40:00+01:00", "endTime": "2026-11-25T11:00:00+01:00"}


def refs(*ids: str) -> list[dict[str, str]]:
    return [{"id": id} for id in ids]


class World:
    """A log with a schedule, through any number of restarts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = HandClock()
        self.catalogue = core_catalogue()

    async def start(self) -> None:
        self.log: Log = await SqliteLog.open(
            self.folder / "log.db", catalogue=self.catalogue, clock=self.clock, runner=ThreadRunner()
        )
        self.schedule = Schedule()
        self.log.observe(self.schedule.observe)

    async def restart(self) -> None:
        await self.log.close()
        await self.start()

    async def say(self, type_: str, data: Record) -> Stored:
        return (await self.log.append([self.catalogue.describe(event(type_, data))])).stored[0]

    async def rooms(self, day: date) -> list[tuple[str, ...]]:
        await self.schedule.loaded(self.log)
        return sorted(row.found_by.rooms for row in self.schedule.on(day))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    await world.start()
    yield world
    await world.log.close()


class TestDays:
    @pytest.mark.parametrize(
        ("start", "end", "days"),
        [
            pytest.param("2026-11-24T09:40:00+01:00", "2026-11-24T11:00:00+01:00", ["2026-11-24"], id="one day"),
            pytest.param("2026-11-24T23:30:00Z", "2026-11-25T00:30:00Z", ["2026-11-25"], id="school time, not UTC"),
            pytest.param("2026-07-01T22:30:00Z", "2026-07-01T23:30:00Z", ["2026-07-02"], id="in summer"),
            pytest.param("2026-11-24T20:00:00+01:00", "2026-11-25T00:00:00+01:00", ["2026-11-24"], id="until midnight"),
            pytest.param(
                "2026-11-24T20:00:00+01:00", "2026-11-25T00:00:01+01:00", ["2026-11-24", "2026-11-25"], id="over it"
            ),
            pytest.param("2026-11-24T00:00:00+01:00", "2026-11-24T00:00:00+01:00", ["2026-11-24"], id="no length"),
            pytest.param("2026-11-24T10:00:00+01:00", "2026-11-20T10:00:00+01:00", ["2026-11-24"], id="ends before"),
        ],
    )
    def test_days_are_those_of_the_school(self, start: str, end: str, days: list[str]) -> None:
        assert list(days_of({"startTime": start, "endTime": end})) == days

    def test_a_lesson_of_a_century_has_no_more_days_than_the_limit(self) -> None:
        assert len(days_of({"startTime": "1926-11-24T10:00:00+01:00", "endTime": "2026-11-24T10:00:00+01:00"})) == DAYS


async def test_a_lesson_is_on_its_day_before_and_after_a_restart(world: World) -> None:
    await world.say(LESSON, lesson(rooms=refs(B214)))
    for _ in range(2):
        assert await world.rooms(TODAY) == [(B214,)]
        assert await world.rooms(TOMORROW) == []
        await world.restart()


async def test_it_follows_the_log_once_it_is_loaded(world: World) -> None:
    assert await world.rooms(TODAY) == []
    await world.say(LESSON, lesson(rooms=refs(B214)))
    assert await world.rooms(TODAY) == [(B214,)]


async def test_nothing_is_kept_in_memory_before_a_connector_asks(world: World) -> None:
    await world.say(LESSON, lesson(rooms=refs(B214)))
    assert list(world.schedule.on(TODAY)) == []


async def test_what_is_scheduled_anew_leaves_its_old_day_and_room(world: World) -> None:
    await world.say(LESSON, lesson(rooms=refs(B214)))
    assert await world.rooms(TODAY) == [(B214,)]
    await world.say(LESSON, lesson(rooms=refs(B215), **ON_WEDNESDAY))
    for _ in range(2):
        assert await world.rooms(TODAY) == []
        assert await world.rooms(TOMORROW) == [(B215,)]
        await world.restart()


async def test_a_change_keeps_the_day_and_room_that_it_changed(world: World) -> None:
    """A recipient to whom nothing of the change is visible gets the lesson as it was."""
    await world.say(LESSON, lesson(rooms=refs(B214)))
    await world.rooms(TODAY)
    await world.say(LESSON_CHANGED, lesson(rooms=refs(B215), **ON_WEDNESDAY, changed={"rooms": refs(B214)}))
    for _ in range(2):
        for day in (TODAY, TOMORROW):
            (rooms,) = await world.rooms(day)
            assert set(rooms) == {B214, B215}
        await world.restart()


async def test_teachers_are_found_by_duty_and_by_person(world: World) -> None:
    await world.say(LESSON, lesson(teachers=[{"duty": {"id": uid("d")}, "person": {"id": uid("p").upper()}}]))
    await world.schedule.loaded(world.log)
    (row,) = world.schedule.on(TODAY)
    assert row.found_by.teachers == (uid("d"), uid("p"))


async def test_an_event_that_arrives_while_the_log_is_read_is_not_undone(world: World) -> None:
    """The page that was read is older than what the log has just handed over."""
    old = await world.say(LESSON, lesson(rooms=refs(B214)))
    states, started, go_on = world.log.states, asyncio.Event(), asyncio.Event()

    async def slow(*asked: Any) -> Any:
        page = await states(*asked)
        started.set()
        await go_on.wait()
        return page

    world.log.states = slow  # type: ignore[method-assign]
    loading = asyncio.ensure_future(world.schedule.loaded(world.log))
    await started.wait()
    new = await world.say(LESSON, lesson(rooms=refs(B215)))
    go_on.set()
    await loading
    (row,) = world.schedule.on(TODAY)
    assert row.at == new.at > old.at
    assert B215 in row.found_by.rooms


async def test_what_could_not_be_loaded_is_loaded_at_the_next_question(world: World) -> None:
    await world.say(LESSON, lesson(rooms=refs(B214)))
    states = world.log.states

    async def away(*asked: Any) -> Any:
        raise LogUnavailable

    world.log.states = away  # type: ignore[method-assign]
    with pytest.raises(LogUnavailable):
        await world.rooms(TODAY)
    world.log.states = states  # type: ignore[method-assign]
    assert await world.rooms(TODAY) == [(B214,)]


async def test_a_question_that_is_given_up_does_not_end_the_loading_for_another(world: World) -> None:
    await world.say(LESSON, lesson(rooms=refs(B214)))
    first = asyncio.ensure_future(world.schedule.loaded(world.log))
    second = asyncio.ensure_future(world.rooms(TODAY))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == [(B214,)]


async def test_what_the_log_trims_is_forgotten(world: World) -> None:
    await world.say(LESSON, lesson(rooms=refs(B214)))
    hours = {"startTime": f"{AHEAD}T09:40:00+01:00", "endTime": f"{AHEAD}T11:00:00+01:00"}
    await world.say(LESSON, lesson(id=uid("ahead"), rooms=refs(B216), **hours))
    world.clock.move(days=2)
    await world.say(LESSON, lesson(id=uid("later"), rooms=refs(B215)))
    assert await world.rooms(TODAY) == [(B214,), (B215,)]
    world.schedule.forget(world.clock.now)
    assert await world.rooms(TODAY) == [(B215,)]
    assert await world.rooms(AHEAD) == [(B216,)], "its day has not come"
    world.clock.move(days=100)
    world.schedule.forget(world.clock.now)
    assert await world.rooms(AHEAD) == []


async def test_what_was_trimmed_while_it_was_loaded_does_not_come_back(world: World) -> None:
    await world.say(LESSON, lesson(rooms=refs(B214)))
    world.schedule.forget(world.clock.now + timedelta(days=2))
    assert await world.rooms(TODAY) == []


async def test_more_lessons_than_a_page_are_all_loaded(world: World) -> None:
    await append(world, *(event(LESSON, lesson(id=uid("lesson", n))) for n in range(1500)))
    assert len(await world.rooms(TODAY)) == 1500


async def test_other_entities_are_no_lessons(world: World) -> None:
    await world.rooms(TODAY)
    await world.say(PERSON, pupil(uid("Anna")))
    assert await world.rooms(TODAY) == []
