"""The suites of faults, self-tests and changing clocks: on a connector that keeps them, and on ones that break each."""

import time
from datetime import datetime, timedelta
from datetime import time as time_of_day

import pytest

from plugins import ConfigurationError, PermanentError, daily
from plugins.errors import SkolnavError
from plugins.testing import School
from plugins.testing.suites import DaylightSuite, FaultSuite, SelftestSuite
from tests.hub.testing.ledger import FolderPeer, Ledger, reach, write
from tests.hub.testing.test_suites import TheLedger, absences


class TestFaults(TheLedger, FaultSuite):
    def outcome(self, effects):
        """Without the count: one that was due meanwhile may be made before every event got through, and says so."""
        return super().outcome([effect for effect in effects if effect[0] != "count"])


class TestSelftest(TheLedger, SelftestSuite):
    pass


class TestDaylight(TheLedger, DaylightSuite):
    """With a report in the hour that comes twice, or not at all."""

    @pytest.fixture
    def config(self, peer):
        return {"folder": str(peer.folder), "report_times": ["02:30", "08:30", "23:59"]}


@pytest.fixture
def school():
    return School()


@pytest.fixture
def peer(tmp_path):
    return FolderPeer(tmp_path / "peer")


@pytest.fixture
def config(peer):
    return {"folder": str(peer.folder), "token": "very-secret"}


@pytest.fixture
def fail(peer, config, school):
    """Run the suite of faults on a class."""

    async def run(cls, fault="down", **settings):
        suite = type("Suite", (FaultSuite,), {"connector": cls, "moments": ("08:30",), **settings})()
        name = "test_a_far_side_that_fails_for_a_while_is_told_everything_in_the_end"
        await getattr(suite, name)(peer, config, school, absences(school), fault)

    return run


def instead(raised):
    """The ledger, which raises something else where the far side fails."""

    class Raising(Ledger):
        async def handle(self, event):
            try:
                await super().handle(event)
            except SkolnavError:
                raise raised from None

    return Raising


async def test_giving_up_what_may_work_later_is_caught(fail):
    with pytest.raises(AssertionError, match="given up because the far side was down"):
        await fail(instead(PermanentError("no")))


async def test_calling_for_a_person_where_time_helps_is_caught(fail):
    with pytest.raises(AssertionError, match="may work later"):
        await fail(instead(ConfigurationError("no")), moments=())


async def test_swallowing_a_failure_is_caught(fail):
    class Careless(Ledger):
        async def handle(self, event):
            try:
                await super().handle(event)
            except SkolnavError:
                self.ctx.problem("not-written")

        async def report(self, due, complete):
            pass

    with pytest.raises(AssertionError, match="has other effects than without the fault"):
        await fail(Careless)


async def test_keeping_silent_about_a_failure_is_caught(fail):
    class Silent(Ledger):
        async def handle(self, event):
            try:
                await super().handle(event)
            except SkolnavError:
                return

        @daily(lambda config: [])
        async def report(self, due, complete):
            pass

    with pytest.raises(AssertionError, match="no problem and no log line"):
        await fail(Silent, moments=())


async def test_waiting_without_an_end_is_caught(fail):
    class Patient(Ledger):
        async def handle(self, event):
            if (self.config.folder / ".slow").exists():
                await self.ctx.blocking(time.sleep, 1.0)
            await super().handle(event)

    with pytest.raises(AssertionError, match="held the connector up"):
        await fail(Patient, "slow", patience_s=1.0)


async def test_a_switch_that_is_missing_or_does_nothing_is_caught(fail, peer):
    peer.down = lambda on: None
    with pytest.raises(AssertionError, match="was it down"):
        await fail(Ledger)
    del peer.down
    with pytest.raises(AssertionError, match=r"no switch unplug\(\)"):
        await fail(Ledger, "unplug")


@pytest.fixture
def selftest(peer, config, school):
    async def run(method, fault=None):
        class Tested(Ledger):
            selftest = method

        suite = type("Suite", (SelftestSuite,), {"connector": Tested})()
        if fault is None:
            await suite.test_it_passes_and_leaves_nothing(peer, config, school)
        else:
            await suite.test_it_fails_while_the_far_side_does_and_says_what_to_do(peer, config, school, fault)

    return run


async def test_a_selftest_that_leaves_something_is_caught(selftest):
    async def writing(self):
        write(self.config.folder / "probe", "1", "probe")

    with pytest.raises(AssertionError, match="left something"):
        await selftest(writing)


@pytest.mark.parametrize("fault", ["down", "wrong"])
async def test_a_selftest_that_looks_at_nothing_is_caught(selftest, fault):
    async def idle(self):
        pass

    with pytest.raises(AssertionError, match=f"passes although the far side is {fault}"):
        await selftest(idle, fault)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ValueError("no"), "raise by what happens next"),
        (PermanentError("no"), "neither `why` nor `fix`"),
        (PermanentError("no", why="very-secret is refused"), "repeats a secret"),
    ],
)
async def test_a_selftest_that_fails_badly_is_caught(selftest, error, says):
    async def failing(self):
        try:
            reach(self.config.folder)
        except SkolnavError:
            raise error from None

    with pytest.raises((AssertionError, pytest.fail.Exception), match=says):
        await selftest(failing, "down")


@pytest.fixture
def change_clocks(peer, config, school, monkeypatch):
    async def run(cls, day="2026-10-25"):
        suite = type("Suite", (DaylightSuite,), {"connector": cls, "moments": ("08:30",)})()
        name = "test_a_day_on_which_the_clocks_change_is_told_as_any_other"
        await getattr(suite, name)(peer, config, school, absences(school), day, monkeypatch)

    return run


@pytest.mark.parametrize("day", ["2026-10-25", "2027-03-28"])
async def test_counting_with_yesterdays_offset_is_caught(change_clocks, day):
    """The offset of the day's beginning, kept for the whole day: an hour wrong after the change."""

    class Offset(Ledger):
        async def handle(self, event):
            end = datetime.fromisoformat(event.data["endTime"])
            midnight = datetime.combine(self.ctx.clock.school().date(), time_of_day(0), self.ctx.clock.school().tzinfo)
            away = (end - midnight) / timedelta(hours=1)
            write(self.config.folder / event.data["id"], event.sequence, f"{away:.0f}")

    with pytest.raises(AssertionError, match="has other effects than"):
        await change_clocks(Offset, day)


async def test_timers_at_other_moments_are_caught(change_clocks):
    asked = []

    def times(config):
        asked.append(config)
        return [time_of_day(3, 10 if len(asked) % 2 else 20)]

    class Moving(Ledger):
        @daily(times)
        async def report(self, due, complete):
            pass

    with pytest.raises(AssertionError, match="timers came at other moments"):
        await change_clocks(Moving)
