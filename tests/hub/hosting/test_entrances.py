"""Where the hub calls a connector's code: nothing that the code does there stops the hub or another connector.

Packages as a whole, with real installed ones: `tests/hub/cli/test_bad_packages.py`.
"""

import asyncio
import re
import threading
import time
from datetime import UTC, datetime
from datetime import time as of_day
from typing import Any

import pytest

from hub.delivery.base import Result
from hub.hosting.instance import InstanceStatus
from plugins import (
    Category,
    Connector,
    ConnectorConfig,
    Contract,
    PermanentError,
    TemporaryError,
    Unfinished,
    Waiting,
    daily,
)
from plugins.testing import ManualClock
from schemas.absence import AbsenceReported
from tests.hub.hosting.conftest import NoConfig, attempt
from tests.until import until


class Bad(Connector[NoConfig]):
    """Does nothing wrong by itself."""

    name = "bad"
    config_model = NoConfig


class Well(Connector[NoConfig]):
    """Does what it should."""

    name = "well"
    config_model = NoConfig
    ran: list[datetime]

    @daily(lambda config: [of_day(8, 30)])
    async def report(self, due: datetime, complete: bool) -> None:
        type(self).ran.append(due)


def bad(**members: Any) -> type[Bad]:
    return type("Bad", (Bad,), members)


def timed_by(times: Any) -> type[Bad]:
    async def report(self: Any, due: datetime, complete: bool) -> None: ...

    return bad(report=daily(times)(report))


def raises(error: BaseException) -> Any:
    def raising(*_: Any) -> Any:
        raise error

    return raising


# -- times of day ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "times",
    [raises(KeyError("canary")), raises(SystemExit(3)), lambda config: ["08:30"], lambda config: None, lambda c: [8]],
    ids=["raises", "exits", "text", "none", "number"],
)
async def test_times_that_are_none_stop_their_own_instance_alone(hosted, timed, told, times) -> None:
    clock = ManualClock("2026-11-24T08:00")
    hosts = await hosted(timed_by(times), clock=clock)
    instance = hosts.instance("bad")
    assert (instance.status, instance.reason) == (InstanceStatus.FAILED, "configuration")
    assert [each[:2] for each in told.problems] == [("bad", "times")]
    assert "canary" not in str(told.problems)

    Well.ran = []
    timers = await timed(Well, clock)
    clock.advance_to("2026-11-24T08:30")
    timers.wake()
    await until(lambda: Well.ran)


async def test_times_that_come_late_are_loaded_when_they_come(hosted, timed, told) -> None:
    release = time.monotonic() + 1.0
    fired: list[datetime] = []

    def times(config: Any) -> Any:
        time.sleep(max(0.0, release - time.monotonic()))
        return [of_day(8, 30)]

    async def report(self: Any, due: datetime, complete: bool) -> None:
        fired.append(due)

    clock = ManualClock("2026-11-24T08:00")
    timers = await timed(bad(report=daily(times)(report)), clock)
    instance = timers.hosts.instance("bad")
    await until(lambda: instance.times == [("report", of_day(8, 30))])
    await until(lambda: timers.next("bad") is not None)
    clock.advance_to("2026-11-24T08:30")
    timers.wake()
    await until(lambda: fired)


@pytest.mark.parametrize("poll", ["soon", 0, -1, float("nan"), float("inf"), True])
async def test_a_poll_setting_that_is_no_length_of_time_stops_its_own_instance_alone(hosted, told, poll) -> None:
    class Polling(ConnectorConfig):
        poll: Any = None

    async def polls(self: Any) -> None: ...

    hosts = await hosted(bad(config_model=Polling, poll=polls), config=Polling(poll=poll))
    assert hosts.instance("bad").status is InstanceStatus.FAILED
    assert told.problems[0][:2] == ("bad", "poll")


# -- what is no Exception --------------------------------------------------------------------------------------------


class Odd(BaseException):
    """Not caught by `except Exception`."""


@pytest.mark.parametrize("error", [SystemExit(3), Odd(), GeneratorExit(), KeyboardInterrupt()], ids=repr)
async def test_what_is_no_exception_ends_neither_the_hub_nor_the_instance(hosted, error) -> None:
    async def selftest(self: Any) -> None:
        raise error

    async def handle(self: Any, event: Any) -> None:
        raise error

    contract = Contract("tests", "none", {Category.ATTENDANCE})
    hosts = await hosted(bad(selftest=selftest, handle=handle, consumes=(AbsenceReported,), contract=contract))
    with pytest.raises(TemporaryError):
        await hosts.selftest("bad")
    assert (await hosts.sink("bad").deliver(attempt())).result is Result.RETRY
    assert hosts.instance("bad").status is InstanceStatus.RUNNING


async def test_a_task_that_exits_does_not_end_the_instances_loop(hosted, told) -> None:
    async def exits() -> None:
        raise SystemExit(3)

    async def selftest(self: Any) -> None:
        self.task = asyncio.create_task(exits())
        await asyncio.sleep(0)

    hosts = await hosted(bad(selftest=selftest))
    for _ in range(2):
        async with asyncio.timeout(30):
            await hosts.selftest("bad")
    await until(lambda: ("bad", "error-SystemExit") in [each[:2] for each in told.problems])


# -- what blocks -----------------------------------------------------------------------------------------------------


async def test_an_instance_that_blocks_its_loop_is_named_with_the_line_long_before_it_is_given_up(hosted, told) -> None:
    release = threading.Event()

    async def selftest(self: Any) -> None:
        release.wait(60)

    hosts = await hosted(bad(selftest=selftest))
    testing = asyncio.create_task(hosts.selftest("bad"))
    await until(lambda: told.problems)
    release.set()
    await testing
    assert [each[:2] for each in told.problems] == [("bad", "blocks")], "once a minute at most"
    assert hosts.instance("bad").status is InstanceStatus.RUNNING


async def test_an_instance_that_holds_the_interpreter_is_named(hosted, told) -> None:
    async def selftest(self: Any) -> None:
        for length in range(18, 60):
            began = time.monotonic()
            re.match("(a+)+b", "a" * length)
            if time.monotonic() - began > 2:
                return

    hosts = await hosted(bad(selftest=selftest), Well)
    await hosts.selftest("bad")
    await until(lambda: ("bad", "holds-interpreter") in [each[:2] for each in told.problems])
    assert {each[0] for each in told.problems} == {"bad"}


async def test_a_clock_that_jumps_blames_no_instance_that_works(hosted, told) -> None:
    """A busy test machine: seconds of the hand clock pass at once while a connector uses the processor."""

    async def selftest(self: Any) -> None:
        until_s = time.thread_time() + 0.6
        while time.thread_time() < until_s:
            await asyncio.sleep(0)

    clock = ManualClock("2026-11-24T08:00")
    hosts = await hosted(bad(selftest=selftest), clock=clock)
    await hosts.selftest("bad")
    clock.pass_machine(4)
    await asyncio.sleep(0.2)
    assert told.problems == []


async def test_what_an_instance_uses_is_told_apart_where_it_can_be(hosted) -> None:
    async def selftest(self: Any) -> None:
        async with self.ctx.commit() as tx:
            tx.state["name"] = "v" * 1000
        await self.ctx.blocking(lambda: sum(range(5_000_000)))

    hosts = await hosted(bad(selftest=selftest), Well)
    await hosts.selftest("bad")
    used, other = (hosts.instance(name).usage() for name in ("bad", "well"))
    assert (used.threads, other.threads) == (2, 1)
    assert used.cpu_s > other.cpu_s
    assert (used.state_bytes, other.state_bytes) == (len("name") + 1002, 0)


# -- what is no value of the expected kind ---------------------------------------------------------------------------


async def test_what_waits_is_checked_before_others_read_it(hosted) -> None:
    async def confirm(self: Any, word: str) -> None: ...

    for answer in (["text"], [Waiting("w", 5, datetime.now(UTC))], None, 7):

        async def waiting(self: Any, answer: Any = answer) -> Any:
            return answer

        hosts = await hosted(bad(waiting=waiting, confirm=confirm))
        with pytest.raises(TypeError):
            await hosts.waiting("bad")


async def test_far_sides_that_are_no_names_are_shown_as_text(hosted) -> None:
    class Polling(ConnectorConfig):
        poll: float = 60

    async def poll(self: Any) -> Unfinished:
        return Unfinished("late", (1, None))  # type: ignore[arg-type]

    hosts = await hosted(bad(config_model=Polling, poll=poll))
    await until(lambda: hosts.statuses()[0].behind)
    assert hosts.statuses()[0].behind == ("1", "None")


async def test_a_far_side_whose_name_and_next_try_are_nonsense_harms_no_listing(hosted) -> None:
    refused: list[str] = []

    async def start(self: Any) -> None:
        self.ctx.far_side(7, "away")
        for next_try in (datetime(2026, 11, 24), "soon"):
            try:
                self.ctx.far_side("north", "away", next_try)
            except ValueError as error:
                refused.append(str(error))

    hosts = await hosted(bad(start=start))
    await until(lambda: hosts.statuses()[0].far_sides)
    assert [(each.name, each.next_try) for each in hosts.statuses()[0].far_sides] == [("7", None)]
    assert len(refused) == 2


async def test_an_error_whose_code_and_pause_are_nonsense_is_an_error_like_others(hosted) -> None:
    contract = Contract("tests", "none", {Category.ATTENDANCE})
    for error, result in (
        (PermanentError("no", code=5), Result.DEAD),
        (TemporaryError("no", retry_after_s="soon"), Result.RETRY),
    ):

        async def handle(self: Any, event: Any, error: Any = error) -> None:
            raise error

        hosts = await hosted(bad(handle=handle, consumes=(AbsenceReported,), contract=contract))
        assert (await hosts.sink("bad").deliver(attempt())).result is result
