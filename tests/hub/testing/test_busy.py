"""A right connector on a machine that has more to do than it can: what ran out of time is tried again."""

import asyncio
from typing import ClassVar

import pytest

from plugins import TemporaryError
from plugins.testing.suites import EffectSuite
from plugins.testing.suites import subject as suites
from schemas import Event
from tests.hub.testing.ledger import FolderPeer, Ledger
from tests.hub.testing.test_suites import absences

SLOW_S = 0.6


class OutOfTimeOnce(Ledger):
    """Its first call fails after `seconds`, as one does whose far side had no processor."""

    seconds: ClassVar[float] = SLOW_S
    failed = False

    async def handle(self, event: Event) -> None:
        cls = type(self).__mro__[1]  # of the watched class
        if not cls.failed:
            cls.failed = True
            await asyncio.sleep(self.seconds)
            raise TemporaryError("no answer in time", fix="wait")
        await super().handle(event)


@pytest.fixture
def undisturbed(tmp_path, monkeypatch):
    """Runs a fresh copy of the connector, and asks whether it was undisturbed."""

    async def run(*, busy: bool, seconds: float = SLOW_S) -> None:
        monkeypatch.setattr(suites, "_is_busy", lambda: busy)
        suite = EffectSuite()
        suite.connector = type("Fresh", (OutOfTimeOnce,), {"seconds": seconds, "failed": False})
        peer, school = FolderPeer(tmp_path / "peer"), suites.School()
        config = {"folder": str(peer.folder), "token": "very-secret", "report_times": ["08:30"]}
        async with suite.running(config, school) as (hub, name):
            await suite.play(hub, absences(school))
            await suite.check_undisturbed(hub, name)

    return run


@pytest.mark.asyncio
async def test_on_a_busy_machine_a_call_that_ran_out_of_time_once_is_no_fault(undisturbed):
    await undisturbed(busy=True)


@pytest.mark.asyncio
@pytest.mark.parametrize(("busy", "seconds"), [(False, SLOW_S), (True, 0.0)], ids=["a quiet machine", "at once"])
async def test_otherwise_it_is_one(undisturbed, busy, seconds):
    with pytest.raises(AssertionError, match="no answer in time"):
        await undisturbed(busy=busy, seconds=seconds)
