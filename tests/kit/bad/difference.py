"""Parts of a connector that make no difference, or a wrong one."""

import asyncio

from plugins import Category, Contract
from plugins.testing.suites import HistorySuite, OrderSuite, SensitivitySuite
from schemas.absence import AbsenceWithdrawn, LeaveGranted
from schemas.schedule import DayClosed, LessonCancelled
from tests.kit.bad import bad
from tests.kit.right import HouseControl

EACH_PART = "test_each_part_makes_a_difference"
RULE = "makes-a-difference"


def ignoring(model):
    async def handle(self, event):
        if event.type != model.spec.type:
            await HouseControl.handle(self, event)

    return handle


@bad(SensitivitySuite, EACH_PART, RULE, r"lesson\.cancelled\.v1 makes no difference")
class IgnoresCancellations(HouseControl):
    """A cancelled lesson keeps its light."""

    handle = ignoring(LessonCancelled)


@bad(SensitivitySuite, EACH_PART, RULE, r"day\.closed\.v1 makes no difference")
class IgnoresClosedDays(HouseControl):
    """A closed day is a day like others."""

    handle = ignoring(DayClosed)


@bad(SensitivitySuite, EACH_PART, RULE, r"absence\.withdrawn\.v1 makes no difference")
class IgnoresWithdrawals(HouseControl):
    """Who is there after all stays away."""

    handle = ignoring(AbsenceWithdrawn)


@bad(SensitivitySuite, EACH_PART, RULE, r"leave_granted\.v1 makes no difference")
class ConsumesTooMuch(HouseControl):
    """Consumes a type that it does not use."""

    consumes = (*HouseControl.consumes, LeaveGranted)
    handle = ignoring(LeaveGranted)


@bad(SensitivitySuite, EACH_PART, RULE, r"the timer dim\(\)")
class IdleMoment(HouseControl):
    """A timer at a moment does nothing."""

    async def dim(self, due, complete, key):
        pass


@bad(SensitivitySuite, EACH_PART, RULE, r"the timer count\(\)")
class IdleTimer(HouseControl):
    """A daily timer does nothing."""

    async def count(self, due, complete):
        pass


@bad(SensitivitySuite, EACH_PART, RULE, "the category staff of the contract makes no difference")
class AsksForTooMuch(HouseControl):
    """Asks for a category that it does not use."""

    contract = Contract("tests", "none", {Category.ATTENDANCE, Category.STAFF})


@bad(HistorySuite, "test_the_last_event_of_an_entity_is_enough", "last-event", "is still there")
class LeavesTheOldRoomLit(HouseControl):
    """A lesson that moves leaves its light in the old room."""

    async def handle(self, event):
        name, value = self.understood(event)
        known = self.ctx.state.get(name)
        if not self.is_stale(known, value) and known and "rooms" in known and not value["over"]:
            await self.keep(name, value)
            await (self.tell(event, value) if name.startswith("absence/") else self.show_all(value))
            return
        await super().handle(event)

    async def show_all(self, value):
        for day, room in self.places(value):
            await self.show(day, room)


@bad(OrderSuite, "test_all_at_once_has_the_effects_of_one_at_a_time", "order", "depends on the pace")
class LosesUpdates(HouseControl):
    """Calls for several keys at a time read and write one number, and wait between."""

    concurrency = "key"

    async def tell(self, event, value):
        told = self.ctx.state.get("told", {"n": 0})["n"]
        await asyncio.sleep(0.05)
        async with self.ctx.commit() as tx:
            tx.state["told"] = {"n": told + 1, "day": value["from"][:10], "rooms": [], "over": True}
        await self.put("board/told", {"n": told + 1})
        await super().tell(event, value)
