"""Timers at a moment on a whole hub, with the vendors' kit: a pupil's absence ends, and the far side is told so."""

from datetime import datetime, timedelta

import pytest

from plugins import Category, Connector, Contract, Effect, at_moment
from plugins.testing import PendingTimer, School, open_hub
from plugins.testing.clock import SCHOOL_ZONE
from plugins.testing.suites import DaylightSuite, EffectSuite, OrderSuite, PrivacySuite, Subject
from schemas.absence import AbsenceChanged, AbsenceReported
from tests.hub.testing.ledger import FolderPeer, LedgerConfig, write
from tests.hub.testing.test_suites import absences


class Returns(Connector[LedgerConfig]):
    """A file for each absence that has ended."""

    name = "returns"
    config_model = LedgerConfig
    consumes = (AbsenceReported, AbsenceChanged)
    contract = Contract("tests", "none", {Category.ATTENDANCE})
    effect = Effect.VERIFIABLE

    async def handle(self, event):
        async with self.ctx.commit() as tx:
            known = tx.state.get(event.data["id"])
            if known is not None and (event.sequence or "") <= known["sequence"]:
                return  # a replay
            tx.state[event.data["id"]] = {"sequence": event.sequence or ""}
            tx.at(datetime.fromisoformat(event.data["endTime"]), "back", event.data["id"])

    @at_moment
    async def back(self, due, complete, key):
        await self.ctx.blocking(write, self.config.folder / key, due.isoformat(), f"back {complete}")


class TheReturns(Subject):
    connector = Returns
    moments = ("12:00", "14:30", "16:00")

    @pytest.fixture
    def peer(self, tmp_path):
        return FolderPeer(tmp_path / "peer")

    @pytest.fixture
    def config(self, peer):
        return {"folder": str(peer.folder)}

    @pytest.fixture
    def events(self, school):
        return absences(school)


class TestEffect(TheReturns, EffectSuite):
    pass


class TestOrder(TheReturns, OrderSuite):
    def key(self, effect):
        return effect[0]


class TestPrivacy(TheReturns, PrivacySuite):
    pass


class TestDaylight(TheReturns, DaylightSuite):
    pass


@pytest.fixture
def peer(tmp_path):
    return FolderPeer(tmp_path / "peer")


def absence(school, end):
    event = school.about(AbsenceReported, school.pupils[0])
    event["data"]["endTime"] = f"2026-11-24T{end}:00+01:00"
    return event


async def test_a_test_sees_what_is_set_and_what_came_when_it_moves_time(peer):
    school = School()
    async with open_hub() as hub:
        await hub.add(Returns, {"folder": str(peer.folder)})
        await hub.post([*school.directory(hub.clock.utc().isoformat()), event := absence(school, "09:40")])
        await hub.settle()
        key, due = event["data"]["id"], datetime(2026, 11, 24, 9, 40, tzinfo=SCHOOL_ZONE)
        assert await hub.timers("returns") == [PendingTimer("back", key, due)]
        await hub.advance_to("09:39")
        assert peer.effects() == []
        await hub.advance_to("09:40")
        assert peer.effects() == [(key, "back True")]
        assert await hub.timers("returns") == []


async def test_a_crash_loses_no_moment_and_one_that_was_missed_is_not_complete(peer):
    school = School()
    async with open_hub() as hub:
        await hub.add(Returns, {"folder": str(peer.folder)})
        await hub.post([*school.directory(hub.clock.utc().isoformat()), absence(school, "09:40")])
        await hub.settle()
        await hub.crash()
        hub.clock.advance_to(hub.clock.school() + timedelta(hours=4))
        await hub.restart()
        assert [told for _, told in peer.effects()] == ["back False"]
        assert await hub.timers("returns") == []


async def test_an_event_that_moves_a_moment_and_is_accepted_before_it_is_due_counts(peer):
    """The timer runs after the events before it: the later end is known when the earlier one has come."""
    school = School()
    async with open_hub() as hub:
        await hub.add(Returns, {"folder": str(peer.folder)})
        await hub.post([*school.directory(hub.clock.utc().isoformat()), event := absence(school, "09:40")])
        await hub.settle()
        later = school.about(AbsenceChanged, school.pupils[0])
        later["data"] |= {"id": event["data"]["id"], "endTime": "2026-11-24T11:00:00+01:00"}
        await hub.post([later])
        await hub.advance_to("09:40")
        assert peer.effects() == []
        await hub.advance_to("11:00")
        assert len(peer.effects()) == 1
