"""Timers at a moment (`tx.at`): they come once, after the events before them, and are durable with the state."""

import asyncio
import logging
import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest

from hub.clock import SystemClock
from hub.delivery.base import Result
from hub.hosting import moments as limits
from hub.hosting.instance import InstanceStatus
from hub.store import connector_state
from hub.store import moments as rows
from hub.store.base import StoreUnavailable
from plugins import Category, Connector, Contract, PermanentError, TemporaryError, at_moment, daily
from plugins.manager import Plugins, PluginsError
from plugins.testing import ManualClock
from schemas.absence import AbsenceReported
from schemas.school_time import SCHOOL_ZONE
from tests.hub.hosting.conftest import NoConfig, attempt
from tests.until import until

DAY = "2026-11-24"


def school(text):
    return datetime.fromisoformat(text).replace(tzinfo=SCHOOL_ZONE)


class Lessons(Connector[NoConfig]):
    """Sets what `plan` says at each event or call, and notes each run."""

    name = "lessons"
    config_model = NoConfig
    consumes = (AbsenceReported,)
    contract = Contract("tests", "none", {Category.ATTENDANCE})

    def plan(self, tx):
        """What is kept: overridden."""

    async def start(self):
        self.runs = []
        self.fail = []

    async def handle(self, event):
        async with self.ctx.commit() as tx:
            self.plan(tx)
        if self.fail:
            raise self.fail.pop(0)

    async def keep(self, plan):
        """Called as a timer or poll would be: leaving the block is durable."""
        async with self.ctx.commit() as tx:
            plan(tx)

    @at_moment
    async def ends(self, due, complete, key):
        self.runs.append((due.isoformat(timespec="minutes"), complete, key))
        if self.fail and (error := self.fail.pop(0)):
            raise error

    @at_moment
    async def warns(self, due, complete, key):
        self.runs.append((due.isoformat(timespec="minutes"), complete, f"warns {key}"))


def connector(hosts, name="lessons"):
    return hosts.instance(name)._calls.connector


async def keep(hosts, plan):
    """Let the connector of `hosts` commit what `plan(tx)` does, outside `handle`."""
    await hosts.instance("lessons").call("keep", plan, limit_s=5)


async def stored(store):
    found = await store.read(rows.load("exempel", "lessons"))
    return sorted((each.name, each.key, each.due.isoformat(timespec="minutes")) for each in found)


async def commit(store, outcome):
    """What delivery does with an outcome, without its cursor."""
    await store.commit(*outcome.operations)
    if outcome.on_stored:
        outcome.on_stored()


# -- when it comes ------------------------------------------------------------------------------------------------


async def test_it_comes_when_school_time_reaches_it_once_and_its_row_goes(timed, store):
    clock = ManualClock(f"{DAY}T08:00")
    timers = await timed(Lessons, clock)
    await keep(timers.hosts, lambda tx: tx.at(school(f"{DAY}T09:40"), "ends", "lesson/1"))
    assert await stored(store) == [("ends", "lesson/1", f"{DAY}T08:40+00:00")]
    assert timers.next("lessons") == school(f"{DAY}T09:40")
    clock.advance_to("09:39")
    await asyncio.sleep(0.02)
    assert connector(timers.hosts).runs == []
    clock.advance_to("09:40")
    await until(lambda: timers.next("lessons") is None and timers.quiet())
    assert connector(timers.hosts).runs == [(f"{DAY}T09:40+01:00", True, "lesson/1")]
    assert await stored(store) == []
    clock.advance_to("23:00")
    await asyncio.sleep(0.02)
    assert len(connector(timers.hosts).runs) == 1


async def test_a_moment_in_the_past_comes_at_once(timed):
    timers = await timed(Lessons, ManualClock(f"{DAY}T08:00"))
    await keep(timers.hosts, lambda tx: tx.at(school(f"{DAY}T07:00"), "ends", "lesson/1"))
    await until(lambda: connector(timers.hosts).runs)
    assert connector(timers.hosts).runs == [(f"{DAY}T07:00+01:00", True, "lesson/1")]


async def test_setting_it_again_moves_it_and_withdrawing_forgets_it(timed, store):
    clock = ManualClock(f"{DAY}T08:00")
    timers = await timed(Lessons, clock)

    def plan(tx):
        for key in ("a", "b", "c"):
            tx.at(school(f"{DAY}T09:00"), "ends", key)
        tx.at(school(f"{DAY}T09:00"), "warns", "a")

    await keep(timers.hosts, plan)
    await keep(timers.hosts, lambda tx: tx.at(school(f"{DAY}T10:00"), "ends", "a"))
    await keep(timers.hosts, lambda tx: tx.withdraw("ends", "b"))
    await keep(timers.hosts, lambda tx: tx.withdraw("ends", "never-set"))
    assert [(name, key) for name, key, _ in await stored(store)] == [("ends", "a"), ("ends", "c"), ("warns", "a")]
    clock.advance_to("09:30")
    await until(lambda: timers.quiet() and timers.next("lessons") == school(f"{DAY}T10:00"))
    assert sorted(key for _, _, key in connector(timers.hosts).runs) == ["c", "warns a"]
    clock.advance_to("10:00")
    await until(lambda: len(connector(timers.hosts).runs) == 3)
    assert connector(timers.hosts).runs[-1] == (f"{DAY}T10:00+01:00", True, "a")


async def test_moments_come_in_the_order_of_their_due_times(timed):
    clock = ManualClock(f"{DAY}T08:00")
    timers = await timed(Lessons, clock)

    def plan(tx):
        for minute in (30, 10, 20):
            tx.at(school(f"{DAY}T09:{minute}"), "ends", str(minute))

    await keep(timers.hosts, plan)
    clock.advance_to("10:00")
    await until(lambda: len(connector(timers.hosts).runs) == 3)
    assert [key for _, _, key in connector(timers.hosts).runs] == ["10", "20", "30"]


@pytest.mark.parametrize(
    ("when", "utc"),
    [
        # 2026-10-25 the hour from 02:00 comes twice: an aware datetime says which one it means.
        (datetime(2026, 10, 25, 2, 30, tzinfo=SCHOOL_ZONE), "2026-10-25T00:30+00:00"),
        (datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=SCHOOL_ZONE), "2026-10-25T01:30+00:00"),
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "2026-10-25T01:30+00:00"),
        (datetime(2026, 10, 24, 20, 30, tzinfo=timezone(timedelta(hours=-5))), "2026-10-25T01:30+00:00"),
    ],
)
async def test_a_moment_is_kept_in_utc_and_comes_on_the_right_side_of_the_clock_change(timed, store, when, utc):
    clock = ManualClock("2026-10-25T00:10")
    timers = await timed(Lessons, clock)
    await keep(timers.hosts, lambda tx: tx.at(when, "ends", "a"))
    assert await stored(store) == [("ends", "a", utc)]
    clock.advance_to(when.astimezone(UTC) - timedelta(minutes=1))
    await asyncio.sleep(0.02)
    assert connector(timers.hosts).runs == []
    clock.advance_to(when)
    await until(lambda: connector(timers.hosts).runs)
    (run,) = connector(timers.hosts).runs
    assert run[0] == when.astimezone(SCHOOL_ZONE).isoformat(timespec="minutes")


async def test_it_comes_with_a_school_clock_that_runs_fast(timed):
    """The demo's day: an hour of school time passes in 50 ms, and no one moves the clock by hand."""
    clock = SystemClock(school(f"{DAY}T08:00"), speed=72_000)
    timers = await timed(Lessons, clock)
    await keep(timers.hosts, lambda tx: tx.at(clock.school() + timedelta(hours=2), "ends", "a"))
    await until(lambda: connector(timers.hosts).runs)


async def test_an_earlier_moment_that_is_set_later_comes_first_and_a_far_one_wakes_nobody(timed, monkeypatch):
    clock = ManualClock(f"{DAY}T08:00")
    timers = await timed(Lessons, clock)
    looked = []
    look = timers._look
    timers.hosts.on_moments(lambda name: (looked.append(name), look(name)))
    for minute in range(10, 60):  # each later than the one before
        await keep(timers.hosts, lambda tx, minute=minute: tx.at(school(f"{DAY}T09:{minute}"), "ends", str(minute)))
    assert looked == ["lessons"], "one wake for the next moment, however many follow it"
    await keep(timers.hosts, lambda tx: tx.at(school(f"{DAY}T08:30"), "ends", "early"))
    assert len(looked) == 2
    clock.advance_to("08:30")
    await until(lambda: connector(timers.hosts).runs)
    assert [key for _, _, key in connector(timers.hosts).runs] == ["early"]


# -- after the events before it -----------------------------------------------------------------------------------


async def test_it_runs_after_the_events_before_it(timed):
    asked = []
    release = asyncio.Event()

    async def slowly(instance, moment):
        asked.append((instance, moment))
        await release.wait()
        return True

    clock = ManualClock(f"{DAY}T08:00")
    timers = await timed(Lessons, clock, caught_up=slowly)
    await keep(timers.hosts, lambda tx: tx.at(school(f"{DAY}T08:30"), "ends", "a"))
    clock.advance_to("08:30")
    await until(lambda: asked)
    await asyncio.sleep(0.02)
    assert (asked, connector(timers.hosts).runs) == ([("lessons", school(f"{DAY}T08:30"))], [])
    assert not timers.quiet()
    release.set()
    await until(lambda: connector(timers.hosts).runs)
    assert connector(timers.hosts).runs[0][1] is True


async def test_after_a_minute_of_machine_time_it_runs_incomplete_and_all_that_is_due_waits_once(timed):
    asked = []

    async def never(instance, moment):
        asked.append(moment)
        await asyncio.Event().wait()

    clock = ManualClock(f"{DAY}T08:00")
    timers = await timed(Lessons, clock, caught_up=never)

    def plan(tx):
        for n in range(50):
            tx.at(school(f"{DAY}T08:{10 + n % 20}"), "ends", str(n))

    await keep(timers.hosts, plan)
    clock.advance_to("08:30")
    await until(lambda: asked)
    clock.pass_machine(59)
    await asyncio.sleep(0.02)
    assert connector(timers.hosts).runs == []
    clock.pass_machine(2)
    await until(lambda: len(connector(timers.hosts).runs) == 50)
    assert {complete for _, complete, _ in connector(timers.hosts).runs} == {False}
    assert len(asked) == 1


async def test_some_events_that_wait_for_a_retry_make_it_incomplete(timed):
    async def not_all(instance, moment):
        return False

    timers = await timed(Lessons, ManualClock(f"{DAY}T08:00"), caught_up=not_all)
    await keep(timers.hosts, lambda tx: tx.at(school(f"{DAY}T08:00"), "ends", "a"))
    await until(lambda: connector(timers.hosts).runs)
    assert connector(timers.hosts).runs[0][1] is False


async def test_what_can_not_be_asked_about_its_events_is_asked_again(timed):
    """A subscription that is being replaced: the timers outlive it."""
    fail = [KeyError("no follower")]

    async def at_first_not(instance, moment):
        if fail:
            raise fail.pop()
        return True

    clock = ManualClock(f"{DAY}T08:00")
    timers = await timed(Lessons, clock, caught_up=at_first_not)
    await keep(timers.hosts, lambda tx: tx.at(school(f"{DAY}T08:00"), "ends", "a"))
    await until(lambda: not fail and timers.quiet())
    clock.pass_machine(10)
    await until(lambda: connector(timers.hosts).runs)


# -- one commit ---------------------------------------------------------------------------------------------------


class InHandle(Lessons):
    def plan(self, tx):
        tx.state["planned"] = True
        tx.at(school(f"{DAY}T08:00"), "ends", "a")  # due at once


async def test_in_handle_it_is_stored_with_the_outcome_and_not_before(timed, store):
    class Planning(Lessons):
        def plan(self, tx):
            tx.state["planned"] = True
            tx.at(school(f"{DAY}T09:00"), "ends", "a")

    timers = await timed(Planning, ManualClock(f"{DAY}T08:00"))
    outcome = await timers.hosts.sink("lessons").deliver(attempt())
    assert outcome.result is Result.DELIVERED
    assert await stored(store) == []
    await commit(store, outcome)
    assert await store.read(connector_state.load("exempel", "lessons")) == {"planned": b"true"}
    assert await stored(store) == [("ends", "a", f"{DAY}T08:00+00:00")]


async def test_what_a_failed_handle_has_set_or_withdrawn_is_dropped(timed, store):
    class Withdrawing(Lessons):
        def plan(self, tx):
            tx.at(school(f"{DAY}T08:00"), "ends", "new")
            tx.withdraw("ends", "old")

    clock = ManualClock(f"{DAY}T08:00")
    timers = await timed(Withdrawing, clock)
    await keep(timers.hosts, lambda tx: tx.at(school(f"{DAY}T09:00"), "ends", "old"))
    connector(timers.hosts).fail = [TemporaryError("not yet")]
    outcome = await timers.hosts.sink("lessons").deliver(attempt())
    assert (outcome.result, list(outcome.operations)) == (Result.RETRY, [])
    await asyncio.sleep(0.02)
    assert connector(timers.hosts).runs == []
    assert [key for _, key, _ in await stored(store)] == ["old"]


async def test_a_block_left_by_an_exception_sets_nothing(timed, store):
    class Careful(Lessons):
        def plan(self, tx):
            tx.at(school(f"{DAY}T09:00"), "ends", "a")
            raise KeyError("inside")

        async def handle(self, event):
            try:
                await super().handle(event)
            except KeyError:
                return

    timers = await timed(Careful, ManualClock(f"{DAY}T08:00"))
    outcome = await timers.hosts.sink("lessons").deliver(attempt())
    assert (outcome.result, list(outcome.operations)) == (Result.DELIVERED, [])
    assert timers.next("lessons") is None


async def test_an_older_change_that_is_committed_later_does_not_bring_it_back(timed, store):
    """The timer ran, and its row went, before delivery has committed the event that had set it."""
    timers = await timed(InHandle, ManualClock(f"{DAY}T08:00"))
    outcome = await timers.hosts.sink("lessons").deliver(attempt())
    await until(lambda: connector(timers.hosts).runs and timers.quiet())
    await commit(store, outcome)
    assert await stored(store) == []


async def test_the_numbers_of_changes_are_forgotten_when_all_have_landed(timed, store):
    """Else each lesson that ever had a timer would be remembered for as long as the hub lives."""
    timers = await timed(InHandle, ManualClock(f"{DAY}T08:00"))
    instance = timers.hosts.instance("lessons")
    outcome = await timers.hosts.sink("lessons").deliver(attempt())
    await until(lambda: connector(timers.hosts).runs and timers.quiet())
    assert instance.moments._newest._written, "the outcome is still to be committed"
    await commit(store, outcome)
    assert instance.moments._newest._written == {}
    assert instance._state._newest._written == {}


# -- a run and its end --------------------------------------------------------------------------------------------


class EveryFive(Lessons):
    @at_moment
    async def ends(self, due, complete, key):
        self.runs.append(due.strftime("%H:%M"))
        async with self.ctx.commit() as tx:
            tx.state["last"] = due.isoformat()
            tx.at(due + timedelta(minutes=5), "ends", key)
        if self.fail:
            raise self.fail.pop()


async def test_one_that_sets_itself_anew_survives_the_end_of_its_run(timed, store):
    clock = ManualClock(f"{DAY}T08:00")
    timers = await timed(EveryFive, clock)
    await keep(timers.hosts, lambda tx: tx.at(school(f"{DAY}T08:05"), "ends", "a"))
    for minute in (5, 10, 15):
        clock.advance_to(f"08:{minute:02}")
        await until(lambda minute=minute: timers.next("lessons") == school(f"{DAY}T08:{minute + 5}"))
    assert connector(timers.hosts).runs == ["08:05", "08:10", "08:15"]
    await until(timers.quiet)
    assert await stored(store) == [("ends", "a", f"{DAY}T07:20+00:00")]


async def test_a_run_that_set_itself_anew_and_then_failed_goes_on_with_what_it_set(timed):
    clock = ManualClock(f"{DAY}T08:05")
    timers = await timed(EveryFive, clock)
    connector(timers.hosts).fail = [TemporaryError("away")]
    await keep(timers.hosts, lambda tx: tx.at(school(f"{DAY}T08:05"), "ends", "a"))
    await until(lambda: connector(timers.hosts).runs and timers.quiet())
    clock.pass_machine(700)
    await asyncio.sleep(0.05)
    assert connector(timers.hosts).runs == ["08:05"], "the moment was moved"
    clock.advance_to("08:10")
    await until(lambda: len(connector(timers.hosts).runs) == 2)


async def test_a_run_that_fails_for_now_is_repeated_and_others_go_on(timed, store):
    clock = ManualClock(f"{DAY}T08:00")
    timers = await timed(Lessons, clock)
    connector(timers.hosts).fail = [TemporaryError("away"), None, KeyError("x"), None]

    def plan(tx):
        tx.at(school(f"{DAY}T08:00"), "ends", "a")
        tx.at(school(f"{DAY}T08:01"), "ends", "b")

    await keep(timers.hosts, plan)
    clock.advance_to("08:01")
    await until(lambda: len(connector(timers.hosts).runs) == 2 and timers.quiet())
    assert [key for _, key, _ in await stored(store)] == ["a"]
    for runs in (3, 4):
        clock.pass_machine(10)
        await until(lambda runs=runs: len(connector(timers.hosts).runs) == runs and timers.quiet())
    assert [key for _, _, key in connector(timers.hosts).runs] == ["a", "b", "a", "a"]
    assert {due for due, _, key in connector(timers.hosts).runs if key == "a"} == {f"{DAY}T08:00+01:00"}
    assert await stored(store) == []


async def test_a_run_that_can_never_succeed_is_told_and_its_row_goes(timed, store, told):
    timers = await timed(Lessons, ManualClock(f"{DAY}T08:00"))
    connector(timers.hosts).fail = [PermanentError("no such lesson", code="no-lesson")]
    await keep(timers.hosts, lambda tx: tx.at(school(f"{DAY}T08:00"), "ends", "canary-key"))
    await until(lambda: told.problems)
    assert told.problems[-1][:2] == ("lessons", "no-lesson")
    assert "canary" not in str(told.problems)
    await until(timers.quiet)
    assert await stored(store) == []


async def test_one_that_is_withdrawn_while_it_waits_for_its_turn_does_not_run(timed, store):
    class Busy(Lessons):
        go_on = threading.Event()
        inside = threading.Event()

        async def handle(self, event):
            self.inside.set()
            await asyncio.to_thread(self.go_on.wait)
            async with self.ctx.commit() as tx:
                tx.withdraw("ends", "a")

    clock = ManualClock(f"{DAY}T08:00")
    timers = await timed(Busy, clock)
    await keep(timers.hosts, lambda tx: tx.at(school(f"{DAY}T08:30"), "ends", "a"))
    handling = asyncio.create_task(timers.hosts.sink("lessons").deliver(attempt()))
    await until(Busy.inside.is_set)
    clock.advance_to("08:30")
    await asyncio.sleep(0.05)
    assert not timers.quiet(), "it waits for its turn"
    Busy.go_on.set()
    await commit(store, await handling)
    await until(timers.quiet)
    assert connector(timers.hosts).runs == []
    assert await stored(store) == []


async def test_a_store_that_is_away_does_not_repeat_a_run(timed, store):
    """The end of the moment is tried until the store takes it."""

    class Away:
        tenant = "exempel"
        failures = 0

        async def read(self, query):
            return await store.read(query)

        def commit(self, *operations):
            if self.failures:
                self.failures -= 1
                failed = asyncio.get_running_loop().create_future()
                failed.set_exception(StoreUnavailable("full"))
                return failed
            return store.commit(*operations)

    away = Away()
    clock = ManualClock(f"{DAY}T08:00")
    timers = await timed(Lessons, clock, store=away)
    await keep(timers.hosts, lambda tx: tx.at(school(f"{DAY}T08:30"), "ends", "a"))
    away.failures = 3
    clock.advance_to("08:30")
    while not timers.quiet() or not connector(timers.hosts).runs:
        clock.pass_machine(1)
        await asyncio.sleep(0.01)
    assert (away.failures, len(connector(timers.hosts).runs)) == (0, 1)
    assert await stored(store) == []


# -- lives of the hub and of the instance -------------------------------------------------------------------------


async def test_after_downtime_a_missed_one_comes_once_with_its_due_time_and_is_incomplete(timed):
    first = await timed(Lessons, ManualClock(f"{DAY}T08:00"))

    def plan(tx):
        tx.at(school(f"{DAY}T09:00"), "ends", "missed")
        tx.at(school(f"{DAY}T10:59:30"), "ends", "just-now")
        tx.at(school(f"{DAY}T11:30"), "ends", "to-come")

    await keep(first.hosts, plan)
    await first.stop()
    clock = ManualClock(f"{DAY}T11:00")
    second = await timed(Lessons, clock)
    await until(lambda: len(connector(second.hosts).runs) == 2 and second.quiet())
    clock.advance_to("12:00")
    await until(lambda: len(connector(second.hosts).runs) == 3)
    assert connector(second.hosts).runs == [
        (f"{DAY}T09:00+01:00", False, "missed"),
        (f"{DAY}T10:59+01:00", True, "just-now"),
        (f"{DAY}T11:30+01:00", True, "to-come"),
    ]


async def test_one_that_is_set_in_the_past_after_a_start_was_not_missed(timed):
    timers = await timed(Lessons, ManualClock(f"{DAY}T11:00"))
    await keep(timers.hosts, lambda tx: tx.at(school(f"{DAY}T09:00"), "ends", "a"))
    await until(lambda: connector(timers.hosts).runs)
    assert connector(timers.hosts).runs[0][1] is True


async def test_a_restart_of_the_instance_takes_them_up(timed):
    clock = ManualClock(f"{DAY}T08:00")
    timers = await timed(Lessons, clock)
    await keep(timers.hosts, lambda tx: tx.at(school(f"{DAY}T08:30"), "ends", "a"))
    await timers.hosts.restart("lessons")
    clock.advance_to("08:30")
    await until(lambda: connector(timers.hosts).runs)
    assert connector(timers.hosts).runs == [(f"{DAY}T08:30+01:00", True, "a")]


async def test_while_the_instance_does_not_run_nothing_is_lost_and_all_come_when_it_does(timed, caplog):
    class Broken(Lessons):
        broken = True

        async def start(self):
            await super().start()
            if Broken.broken:
                raise TemporaryError("not yet")

    timers = await timed(Lessons, ManualClock(f"{DAY}T08:00"))

    def plan(tx):
        for n in range(100):
            tx.at(school(f"{DAY}T08:30"), "ends", str(n))

    await keep(timers.hosts, plan)
    await timers.stop()
    clock = ManualClock(f"{DAY}T08:30")
    caplog.set_level(logging.WARNING)
    second = await timed(Broken, clock)
    assert second.hosts.instance("lessons").status is InstanceStatus.FAILED
    await until(second.quiet)
    assert sum("can't run now" in line.message for line in caplog.records) == 1, "told once, not for each"
    Broken.broken = False
    clock.pass_machine(10)
    await until(lambda: len(connector(second.hosts).runs) == 100)
    assert sorted(connector(second.hosts).runs) == sorted({*connector(second.hosts).runs})


async def test_a_run_cut_off_by_a_stop_is_repeated_after_it(timed):
    runs = []

    class Slow(Lessons):
        @at_moment
        async def ends(self, due, complete, key):
            runs.append((due.isoformat(), key))
            if len(runs) == 1:
                await asyncio.Event().wait()

    clock = ManualClock(f"{DAY}T08:00")
    timers = await timed(Slow, clock)
    await keep(timers.hosts, lambda tx: tx.at(school(f"{DAY}T08:30"), "ends", "a"))
    clock.advance_to("08:30")
    await until(lambda: runs)
    await timers.stop()
    timers = await timed(Slow, clock)
    await until(lambda: len(runs) == 2)
    assert runs[0] == runs[1]


async def test_one_whose_timer_the_class_no_longer_has_is_told_when_it_is_due(timed, store, told):
    class Older(Lessons):
        @at_moment
        async def gone(self, due, complete, key): ...

    first = await timed(Older, ManualClock(f"{DAY}T08:00"))
    await keep(first.hosts, lambda tx: tx.at(school(f"{DAY}T09:00"), "gone", "a"))
    await first.stop()
    clock = ManualClock(f"{DAY}T08:30")
    second = await timed(Lessons, clock)
    assert len(await stored(store)) == 1, "until then the older version may come back"
    clock.advance_to("09:00")
    await until(lambda: told.problems)
    assert told.problems[-1][:2] == ("lessons", "no-such-timer")
    await until(second.quiet)
    assert await stored(store) == []


async def test_daily_timers_and_moments_do_not_wait_for_each_other(timed):
    class Both(Lessons):
        @daily(lambda config: [datetime.min.time().replace(hour=9)])
        async def report(self, due, complete):
            self.runs.append("report")

    clock = ManualClock(f"{DAY}T08:00")
    timers = await timed(Both, clock)
    connector(timers.hosts).fail = [TemporaryError("away")] * 3
    await keep(timers.hosts, lambda tx: tx.at(school(f"{DAY}T08:30"), "ends", "a"))
    assert timers.next("lessons") == school(f"{DAY}T08:30")
    clock.advance_to("09:00")
    await until(lambda: "report" in connector(timers.hosts).runs)


# -- what is refused, and how much is held ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "name", "key"),
    [
        (datetime(2026, 11, 24, 9, 0), "ends", "canary"),
        (None, "ends", "canary"),
        (datetime(9999, 12, 31, 23, 30, tzinfo=UTC), "ends", "canary"),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2))), "ends", "canary"),
        (datetime(2026, 11, 24, 9, 0, tzinfo=UTC), "handle", "canary"),
        (datetime(2026, 11, 24, 9, 0, tzinfo=UTC), "canary", "canary"),
        (datetime(2026, 11, 24, 9, 0, tzinfo=UTC), "ends", ""),
        (datetime(2026, 11, 24, 9, 0, tzinfo=UTC), "ends", "canary" * 40),
        (datetime(2026, 11, 24, 9, 0, tzinfo=UTC), "ends", "canary\n"),
        (datetime(2026, 11, 24, 9, 0, tzinfo=UTC), "ends", "canary\ud800"),
        (datetime(2026, 11, 24, 9, 0, tzinfo=UTC), "ends", 7),
    ],
)
async def test_what_can_not_be_a_moment_is_refused_where_it_is_set(timed, store, when, name, key):
    timers = await timed(Lessons, ManualClock(f"{DAY}T08:00"))
    with pytest.raises(PermanentError) as caught:
        await keep(timers.hosts, lambda tx: tx.at(when, name, key))
    assert caught.value.code == "timer"
    assert "canary" not in str(caught.value)
    assert await stored(store) == []


async def test_an_instance_holds_so_many_and_says_so(timed, store, monkeypatch):
    monkeypatch.setattr(limits, "MOST_PENDING", 5)
    timers = await timed(Lessons, ManualClock(f"{DAY}T08:00"))
    later = school(f"{DAY}T09:00")

    def fill(tx, keys):
        for key in keys:
            tx.at(later, "ends", key)

    await keep(timers.hosts, lambda tx: fill(tx, "abc"))
    with pytest.raises(TemporaryError) as caught:
        await keep(timers.hosts, lambda tx: fill(tx, "def"))
    assert caught.value.code == "too-many-timers"
    assert [key for _, key, _ in await stored(store)] == ["a", "b", "c"]
    await keep(timers.hosts, lambda tx: fill(tx, "cde"))  # one of them is moved

    def exchange(tx):
        tx.withdraw("ends", "a")
        tx.at(later, "ends", "f")
        tx.at(later, "ends", "f")

    await keep(timers.hosts, exchange)
    assert [key for _, key, _ in await stored(store)] == ["b", "c", "d", "e", "f"]


async def test_a_thousand_that_are_due_at_once_all_come_one_after_the_other(timed, store):
    clock = ManualClock(f"{DAY}T08:00")
    timers = await timed(Lessons, clock)

    def plan(tx):
        for n in range(1_000):
            tx.at(school(f"{DAY}T08:30"), "ends", f"lesson/{n}")

    await keep(timers.hosts, plan)
    before = asyncio.all_tasks()
    clock.advance_to("08:30")
    most = 0
    async with asyncio.timeout(120):
        while len(connector(timers.hosts).runs) < 1_000 or not timers.quiet():
            most = max(most, len(asyncio.all_tasks()) - len(before))
            await asyncio.sleep(0.01)
    assert {key for _, _, key in connector(timers.hosts).runs} == {f"lesson/{n}" for n in range(1_000)}
    assert most < 20, "they run one after the other, and do not all wait in memory"
    assert await stored(store) == []


async def test_moves_leave_nothing_behind_in_the_queue(timed):
    timers = await timed(Lessons, ManualClock(f"{DAY}T08:00"))

    def plan(tx):
        tx.at(school(f"{DAY}T09:00"), "ends", "a")

    moments = timers.hosts.instance("lessons").moments
    for n in range(5000):
        moments.apply({("ends", "a"): moments.checked(school(f"{DAY}T09:00") + timedelta(seconds=n), "ends", "a")})
    assert len(moments._queue) < 1100
    assert moments.next_due_us() is not None


@pytest.mark.parametrize("signature", ["self, due, complete", "self, due, complete, key, more"])
def test_a_timer_with_other_arguments_is_named_when_the_class_is_loaded(signature):
    namespace = {}
    exec(f"async def ends({signature}): ...", namespace)

    class Wrong(Lessons):
        ends = at_moment(namespace["ends"])

    with pytest.raises(
        PluginsError, match=r"timer ends must be `async def ends\(self, due: datetime, complete: bool, key"
    ):
        Plugins.of(Wrong)


def test_timers_of_both_kinds_are_shown():
    class Both(Lessons):
        @daily(lambda config: [])
        async def report(self, due, complete): ...

    (info,) = Plugins.of(Both).describe()
    assert info.timers == ("report", "ends", "warns")
