"""Faults that show with time: history, restarts, dates, and what is left behind."""

import asyncio
import atexit
import os
import threading
import time
from datetime import UTC, datetime, timedelta, timezone

import httpx

from plugins.testing.suites import (
    CompleteSuite,
    DaylightSuite,
    EffectSuite,
    HistorySuite,
    LifeSuite,
    ReconcileSuite,
    SchoolTimeSuite,
)
from tests.kit.bad import bad
from tests.kit.right import HouseControl

AGAIN = "test_an_event_that_comes_again_alone_changes_nothing"
RESTART = "test_a_restart_between_two_events_changes_nothing"
LEFT = "test_an_instance_leaves_nothing_behind"
BOUNDED = "test_it_starts_and_ends_in_bounded_time"
MACHINE = "test_nothing_asks_the_machine_for_the_time"
MIDNIGHT = "test_an_hour_in_which_utc_has_another_date_is_like_the_next"


@bad(HistorySuite, AGAIN, "stale", "came again alone")
class NoSequenceCheck(HouseControl):
    """Takes an old event for news."""

    def is_stale(self, known, value):
        return False


@bad(HistorySuite, RESTART, "restart", "kept in memory alone")
class StateInMemory(HouseControl):
    """Remembers lessons in memory alone."""

    async def start(self):
        await super().start()
        self.known = {}

    async def handle(self, event):
        name, value = self.understood(event)
        if name.startswith("lesson/") and not self.is_stale(self.known.get(name), value):
            self.known[name] = value
            for day, room in self.places(value):
                await self.put(f"room/{day}/{room}", {"lit": self.plan(day, room)})
        await super().handle(event)

    def plan(self, day, room):
        lessons = [each for each in self.known.values() if room in each["rooms"] and not each["over"]]
        return sorted(each["from"][:16] for each in lessons if self.day_of(each["from"]) == day)


@bad(EffectSuite, "test_a_restart_has_no_effect_of_its_own", "restart", "a restart changed")
class StartsWithAMessage(HouseControl):
    """Each start has an effect."""

    async def start(self):
        await super().start()
        starts = len([name for name in await self.ask("GET", "/items") if name.startswith("start/")])
        await self.put(f"start/{starts}", {})


@bad(HistorySuite, "test_what_is_over_is_forgotten", "forgets", "grows for ever")
class NeverForgets(HouseControl):
    """Keeps what it knows for ever."""

    def forget(self, tx, now):
        pass


@bad(HistorySuite, "test_what_is_over_is_forgotten", "forgets", "the memory of the instance grows for ever")
class KeepsEachEvent(HouseControl):
    """Keeps each event that it has seen in memory."""

    async def handle(self, event):
        self.seen = [*getattr(self, "seen", ()), event]
        await super().handle(event)


@bad(HistorySuite, "test_what_is_over_is_forgotten", "forgets", "the memory of the instance grows for ever")
class KeepsEachTask(HouseControl):
    """Keeps the tasks that it has begun, with what they returned."""

    async def tell(self, event, value):
        task = asyncio.create_task(super().tell(event, value))
        self.tasks = [*getattr(self, "tasks", ()), task]
        await task


@bad(CompleteSuite, "test_a_result_that_may_lack_something_says_so", "complete", "can't be told from")
class HidesIncompleteness(HouseControl):
    """Says that a result is complete although it may lack something."""

    async def count(self, due, complete):
        await super().count(due, True)


@bad(SchoolTimeSuite, MACHINE, "school-time", r"years\.py:\d+ now\(\)")
class WallClock(HouseControl):
    """Asks the machine which day it is."""

    async def show(self, day, room):
        if day >= datetime.now(UTC).date().isoformat() or day < "9":
            await super().show(day, room)


@bad(SchoolTimeSuite, MACHINE, "school-time", r"years\.py:\d+ time\(\)")
class WallClockInThread(HouseControl):
    """Asks the machine for the time in a thread of the pool."""

    async def tell(self, event, value):
        await self.ctx.blocking(lambda: time.time())
        await super().tell(event, value)


@bad(SchoolTimeSuite, MIDNIGHT, "school-time", "00:15")
class UtcDay(HouseControl):
    """Takes today's date from UTC."""

    async def tell(self, event, value):
        today = self.ctx.clock.school().astimezone(UTC).date()
        if self.local(value["from"]).date() == today:
            await super().tell(event, value)


@bad(
    DaylightSuite,
    "test_a_day_on_which_the_clocks_change_is_told_as_any_other",
    "school-time",
    "other effects",
    changing_day="2026-10-25",
)
class FixedOffset(HouseControl):
    """Takes school time for UTC+1 all year."""

    def local(self, moment):
        return datetime.fromisoformat(moment).astimezone(timezone(timedelta(hours=1)))


@bad(LifeSuite, LEFT, "leaves-nothing", "files or connections open")
class ClientNeverClosed(HouseControl):
    """Leaves its connections open."""

    async def stop(self):
        pass


@bad(LifeSuite, LEFT, "leaves-nothing", "files or connections open")
class ClientForEachEvent(HouseControl):
    """Opens a client for each event, and closes the last one."""

    async def tell(self, event, value):
        self.clients = [*getattr(self, "clients", ()), self.client]
        self.client = httpx.AsyncClient(base_url=self.config.url, timeout=self.config.timeout_s)
        await super().tell(event, value)


@bad(LifeSuite, LEFT, "leaves-nothing", r"tasks still ran after stop\(\): watch")
class TaskLeft(HouseControl):
    """A task of its own goes on after stop()."""

    async def start(self):
        await super().start()
        self.task = asyncio.create_task(self.watch())

    async def watch(self):
        while True:
            await asyncio.sleep(60)


@bad(LifeSuite, LEFT, "leaves-nothing", "leaves threads behind")
class ThreadLeft(HouseControl):
    """A thread of its own goes on after stop()."""

    async def start(self):
        await super().start()
        threading.Thread(target=threading.Event().wait, args=(60,), daemon=True).start()


@bad(LifeSuite, LEFT, "leaves-nothing", "files or connections open")
class FileLeft(HouseControl):
    """A file stays open."""

    async def start(self):
        await super().start()
        self.file = open(os.devnull)  # noqa: SIM115


@bad(LifeSuite, LEFT, "leaves-nothing", r"ClassState\.seen")
class ClassState(HouseControl):
    """Keeps state on the class, which all instances share."""

    seen: dict = {}  # noqa: RUF012

    async def keep(self, name, value):
        self.seen[name] = value
        await super().keep(name, value)


@bad(LifeSuite, LEFT, "leaves-nothing", "ended instances are still in memory")
class StaysRegistered(HouseControl):
    """Registers a handler with a library, and never takes it back."""

    async def start(self):
        await super().start()
        atexit.register(self.stop_all)

    def stop_all(self):
        pass


SEEN = []


@bad(LifeSuite, LEFT, "leaves-nothing", r"years\.SEEN")
class ModuleState(HouseControl):
    """Keeps state in a module, which all instances share."""

    async def keep(self, name, value):
        SEEN.append(value)
        await super().keep(name, value)


@bad(LifeSuite, LEFT, "leaves-nothing", r"os\.environ")
class Environment(HouseControl):
    """Changes the environment of the whole process."""

    async def start(self):
        os.environ["HOUSE"] = "1"
        await super().start()


@bad(LifeSuite, BOUNDED, "bounded", r"under way: start\(\)", limit_s=5)
class StartHangs(HouseControl):
    """start() does not end."""

    async def start(self):
        await super().start()
        await asyncio.Event().wait()


@bad(LifeSuite, BOUNDED, "bounded", r"the end of the instance took .* waits for what does not come", life_s=2)
class StopHangs(HouseControl):
    """stop() does not end."""

    async def stop(self):
        await super().stop()
        await asyncio.Event().wait()


@bad(LifeSuite, BOUNDED, "bounded", "must not need the far side")
class StopNeedsTheFarSide(HouseControl):
    """stop() asks the far side."""

    async def stop(self):
        try:
            await self.ask("GET", "/items")
        finally:
            await super().stop()


@bad(LifeSuite, BOUNDED, "bounded", r"the end of the instance took .* waits for what does not come", life_s=2)
class RunGoesOn(HouseControl):
    """run() goes on after its cancellation."""

    async def run(self):
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                continue


RIGHT = "test_it_leaves_alone_what_is_right"
MENDS = "test_it_mends_what_was_changed_by_hand"


@bad(ReconcileSuite, MENDS, "reconcile", "did not mend")
class ReconcilesNothing(HouseControl):
    """reconcile() looks and does nothing."""

    async def reconcile(self):
        await self.ask("GET", "/items")


@bad(ReconcileSuite, MENDS, "reconcile", "did not mend")
class ReconcilesHalf(HouseControl):
    """reconcile() puts back what is missing, and leaves what nobody asked for."""

    async def ask(self, method, path, value=None, headers=None):
        if method == "DELETE" and "by-hand" in path:
            return {}
        return await super().ask(method, path, value, headers)


@bad(ReconcileSuite, RIGHT, "reconcile", "changed a far side that was right")
class ReconcilesTooMuch(HouseControl):
    """reconcile() changes what is right."""

    async def reconcile(self):
        await super().reconcile()
        await self.put("reconciled", {})
