import asyncio
from datetime import UTC, datetime, time, timedelta

from hub.hosting.times_of_day import last_due, next_due
from hub.store import timers as rows
from plugins import Connector, ConnectorConfig, PermanentError, TemporaryError, daily
from plugins.testing import ManualClock
from schemas.school_time import SCHOOL_ZONE
from tests.hub.hosting.conftest import NoConfig
from tests.until import until

DAY = "2026-11-24"


def school(text):
    return datetime.fromisoformat(text).replace(tzinfo=SCHOOL_ZONE)


def test_a_repeated_time_fires_once():
    first = next_due([time(2, 30)], school("2026-10-25T00:00"))
    assert first.astimezone(UTC).isoformat() == "2026-10-25T00:30:00+00:00"
    second = next_due([time(2, 30)], first)
    assert second.astimezone(UTC).isoformat() == "2026-10-26T01:30:00+00:00"
    within = first + timedelta(minutes=10)
    assert next_due([time(2, 30)], within) == second
    repeated = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)  # 02:10 for the second time
    assert next_due([time(2, 30)], repeated) == second


def test_the_earliest_of_several_times_comes_first():
    times = [time(9, 30), time(8, 30)]
    first = next_due(times, school("2026-11-24T08:00"))
    assert (first, next_due(times, first)) == (school("2026-11-24T08:30"), school("2026-11-24T09:30"))
    assert next_due(times, school("2026-11-24T09:30")) == school("2026-11-25T08:30")
    assert next_due([], first) is None


def test_due_times_rise_through_a_year_one_a_day():
    due = school("2026-08-01T00:00")
    seen = []
    for _ in range(365):
        due = next_due([time(2, 15)], due)
        seen.append(due.astimezone(UTC))
    assert seen == sorted(set(seen))
    assert (seen[-1] - seen[0]).days in (363, 364)


def test_the_last_due_time_is_todays_or_yesterdays():
    assert last_due(time(8, 30), school("2026-11-24T08:30")) == school("2026-11-24T08:30")
    assert last_due(time(8, 30), school("2026-11-24T08:29")) == school("2026-11-23T08:30")


class Times(ConnectorConfig):
    times: tuple[time, ...] = (time(8, 30),)


def reporter(runs, fail=None, **attributes):
    class Reporter(Connector[Times]):
        """Reports when told."""

        name = "reporter"
        config_model = Times

        @daily(lambda config: config.times)
        async def report(self, due, complete):
            runs.append((due.isoformat(), complete))
            if fail:
                error = fail.pop(0)
                if error:
                    raise error

    for name, value in attributes.items():
        setattr(Reporter, name, value)
    return Reporter


async def test_a_timer_fires_when_school_time_reaches_it(timed):
    runs = []
    clock = ManualClock(f"{DAY}T08:00")
    timers = await timed(reporter(runs), clock)
    assert timers.next("reporter") == school(f"{DAY}T08:30")
    clock.advance_to("08:29")
    await asyncio.sleep(0.02)
    assert runs == []
    clock.advance_to("08:30")
    await until(lambda: runs)
    assert runs == [(f"{DAY}T08:30:00+01:00", True)]
    await until(lambda: timers.next("reporter") == school("2026-11-25T08:30"))


async def test_after_downtime_a_missed_timer_fires_once_with_its_due_time(timed, hosted):
    """docs/architecture.md, Time: after downtime a missed timer fires once."""
    runs = []
    cls = reporter(runs)
    first = await timed(cls, ManualClock(f"{DAY}T08:00"))
    await first.stop()
    second = await timed(cls, ManualClock(f"{DAY}T11:00"))
    await until(lambda: second.next("reporter") == school("2026-11-25T08:30"))
    assert runs == [(f"{DAY}T08:30:00+01:00", False)], "what was to be published meanwhile has not come"


async def test_after_days_of_downtime_only_the_last_missed_one_fires(timed):
    runs = []
    cls = reporter(runs)
    first = await timed(cls, ManualClock("2026-11-20T08:00"))
    await first.stop()
    second = await timed(cls, ManualClock(f"{DAY}T11:00"))
    await until(lambda: second.next("reporter") == school("2026-11-25T08:30"))
    assert runs == [(f"{DAY}T08:30:00+01:00", False)], "what was to be published meanwhile has not come"


async def test_a_start_within_a_minute_of_it_misses_nothing(timed):
    """docs/architecture.md, Time: at most 60 s late, else with `complete=False`."""
    runs = []
    cls = reporter(runs)
    await (await timed(cls, ManualClock(f"{DAY}T08:00"))).stop()
    await timed(cls, ManualClock(f"{DAY}T08:31"))
    await until(lambda: runs)
    assert runs == [(f"{DAY}T08:30:00+01:00", True)]


async def test_after_a_missed_one_the_next_is_complete_again(timed):
    runs = []
    cls = reporter(runs, [TemporaryError("away"), None, None])
    await (await timed(cls, ManualClock(f"{DAY}T08:00"))).stop()
    clock = ManualClock(f"{DAY}T11:00")
    timers = await timed(cls, clock)
    await until(lambda: runs)
    clock.pass_machine(700)
    await until(lambda: timers.next("reporter") == school("2026-11-25T08:30"))
    clock.advance_to(school("2026-11-25T08:30"))
    await until(lambda: len(runs) == 3)
    assert [complete for _, complete in runs] == [False, False, True]


async def test_two_missed_times_of_a_day_fire_each_in_order(timed):
    runs = []
    cls = reporter(runs)
    config = Times(times=(time(9, 30), time(8, 30)))
    await (await timed(cls, ManualClock(f"{DAY}T08:00"), config=config)).stop()
    await timed(cls, ManualClock(f"{DAY}T11:00"), config=config)
    await until(lambda: len(runs) == 2)
    assert [due[11:16] for due, _ in runs] == ["08:30", "09:30"]


async def test_a_timer_that_is_new_does_not_fire_for_the_past(timed):
    runs = []
    timers = await timed(reporter(runs), ManualClock(f"{DAY}T11:00"))
    assert timers.quiet()
    assert timers.next("reporter") == school("2026-11-25T08:30")


async def test_a_time_that_was_taken_away_and_given_back_does_not_fire_for_what_was_between(timed, store):
    runs = []
    cls = reporter(runs)
    await (await timed(cls, ManualClock("2026-11-20T08:00"))).stop()
    await (await timed(cls, ManualClock("2026-11-20T08:10"), config=Times(times=()))).stop()
    assert await store.read(rows.load("exempel")) == []
    timers = await timed(cls, ManualClock(f"{DAY}T11:00"))
    assert timers.next("reporter") == school("2026-11-25T08:30")


async def test_it_runs_after_the_events_before_it(timed):
    """docs/architecture.md, Time: a timer due at T runs after all events accepted before T."""
    runs, asked = [], []
    release = asyncio.Event()

    async def slowly(instance, moment):
        asked.append((instance, moment.isoformat()))
        await release.wait()
        return True

    clock = ManualClock(f"{DAY}T08:00")
    await timed(reporter(runs), clock, caught_up=slowly)
    clock.advance_to("08:30")
    await until(lambda: asked)
    await asyncio.sleep(0.02)
    assert (asked, runs) == ([("reporter", f"{DAY}T08:30:00+01:00")], [])
    release.set()
    await until(lambda: runs)
    assert runs[0][1] is True


async def test_after_a_minute_of_machine_time_it_runs_incomplete(timed):
    """docs/architecture.md, Time: at most 60 s of machine time late, else with `complete=False`."""
    runs, asked = [], []

    async def never(instance, moment):
        asked.append(1)
        await asyncio.Event().wait()
        return True

    clock = ManualClock(f"{DAY}T08:00")
    await timed(reporter(runs), clock, caught_up=never)
    clock.advance_to("08:30")
    await until(lambda: asked)
    clock.pass_machine(59)
    await asyncio.sleep(0.02)
    assert runs == []
    clock.pass_machine(2)
    await until(lambda: runs)
    assert runs[0][1] is False


async def test_a_run_that_fails_for_now_is_repeated_with_the_same_due_time(timed):
    runs = []
    clock = ManualClock(f"{DAY}T08:00")
    timers = await timed(reporter(runs, [TemporaryError("away"), KeyError("x"), None]), clock)
    clock.advance_to("08:30")
    await until(lambda: len(runs) == 1)
    assert timers.next("reporter") == school(f"{DAY}T08:30")
    for wanted in (2, 3):
        await until(lambda: timers.quiet())
        clock.pass_machine(10)
        await until(lambda wanted=wanted: len(runs) == wanted)
    await until(lambda: timers.next("reporter") == school("2026-11-25T08:30"))
    assert len({due for due, _ in runs}) == 1


async def test_a_run_that_can_never_succeed_is_told_and_passed(timed, told):
    runs = []
    clock = ManualClock(f"{DAY}T08:00")
    timers = await timed(reporter(runs, [PermanentError("no kitchen", code="no-kitchen")]), clock)
    clock.advance_to("08:30")
    await until(lambda: timers.next("reporter") == school("2026-11-25T08:30"))
    assert len(runs) == 1
    assert told.problems[-1][:2] == ("reporter", "no-kitchen")


async def test_a_run_cut_off_by_a_stop_is_repeated_after_it(timed):
    """A crash may repeat a run, with the same due time, and never loses one."""
    runs = []
    hang = asyncio.Event()

    class Slow(reporter(runs)):
        @daily(lambda config: config.times)
        async def report(self, due, complete):
            runs.append(due.isoformat())
            if len(runs) == 1:
                await asyncio.Event().wait()

    clock = ManualClock(f"{DAY}T08:00")
    timers = await timed(Slow, clock)
    clock.advance_to("08:30")
    await until(lambda: runs)
    await timers.stop()
    hang.set()
    timers = await timed(Slow, clock)
    await until(lambda: len(runs) == 2)
    assert runs[0] == runs[1]


async def test_reconcile_is_called_each_night(timed):
    calls = []

    class Mending(Connector[NoConfig]):
        """Mends."""

        name = "mending"
        config_model = NoConfig

        async def reconcile(self):
            calls.append(1)

    clock = ManualClock(f"{DAY}T08:00")
    timers = await timed(Mending, clock)
    assert timers.next("mending") == school("2026-11-25T03:40")
    clock.advance_to(school("2026-11-25T04:00"))
    await until(lambda: calls)
