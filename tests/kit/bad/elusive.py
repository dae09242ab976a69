"""Faults that need another process, another order, a failure or a year to show."""

import base64
import functools
import os
import secrets
from datetime import datetime, timedelta

from plugins import daily
from plugins.testing.suites import (
    CompleteSuite,
    EffectSuite,
    HistorySuite,
    LifeSuite,
    OrderSuite,
    PrivacySuite,
)
from tests.kit.bad import bad
from tests.kit.bad.faults import CRASH
from tests.kit.bad.subtle import CANARY
from tests.kit.bad.years import LEFT
from tests.kit.right import HouseControl

ANY_ORDER = "test_events_about_others_may_come_first"
FORGOTTEN = "test_what_is_over_is_forgotten"
LAST = "test_the_last_event_of_an_entity_is_enough"


@bad(EffectSuite, CRASH, "crash", r"elusive\.py:\d+ hash\(\)")
class KeyFromHash(HouseControl):
    """The key of an effect is a hash of Python's, which is another one in the process after the crash."""

    def message_key(self, event):
        return str(hash(f"{event.data['id']}/{event.sequence}"))


RUN = secrets.token_hex(8)


@bad(EffectSuite, CRASH, "crash", "an effect that is repeated has another key")
class KeyOfTheProcess(HouseControl):
    """The key of an effect is drawn when the module is imported."""

    def message_key(self, event):
        return f"{RUN}/{super().message_key(event)}"


@bad(OrderSuite, ANY_ORDER, "order", "take the key or the entry of another")
class KeyByDay(HouseControl):
    """The key of an effect is its kind and its day: of two pupils' messages one is lost."""

    def message_key(self, event):
        return f"{event.type}/{event.data['startTime'][:10]}"


@bad(OrderSuite, ANY_ORDER, "order", "only to what is known when it comes")
class ClosesOnlyWhatIsKnown(HouseControl):
    """A closed day ends the lessons that are known, and not those that are told later."""

    async def keep(self, name, value):
        await super().keep(name, value)
        if name.startswith("closed/"):
            async with self.ctx.commit() as tx:
                for lesson, each in list(tx.state.under("lesson/").items()):
                    if self.day_of(each["from"]) == value["day"]:
                        tx.state[lesson] = {**each, "shut": not value["over"]}

    def is_closed(self, day):
        return False

    def places(self, value):
        found = super().places(value)
        return [] if value and value.get("shut") else found

    def plan(self, day, room):
        lessons = [each for _, each in self.ctx.state.under("lesson/").items()]
        return sorted(
            f"{self.local(each['from']):%H:%M}-{self.local(each['to']):%H:%M}"
            for each in lessons
            if room in each["rooms"] and not each["over"] and not each.get("shut") and self.day_of(each["from"]) == day
        )


@bad(HistorySuite, LAST, "last-event", "is missed")
class OrdersByTime(HouseControl):
    """Takes the time that a source gives for the order of events."""

    def understood(self, event):
        name, value = super().understood(event)
        return name, {**value, "sequence": str(event.time)}


@bad(HistorySuite, LAST, "last-event", "is missed")
class NeverRevives(HouseControl):
    """What was cancelled once stays so, whatever comes later."""

    def is_stale(self, known, value):
        ended = known is not None and "rooms" in known and known["over"]
        return ended or super().is_stale(known, value)


@bad(
    CompleteSuite,
    "test_a_timer_that_is_late_is_about_the_moment_it_was_due",
    "complete",
    "about `due`",
    moments=("08:30",),
)
class CountsNow(HouseControl):
    """A timer that is late counts for the time of the run, and files it under that day."""

    @daily(lambda config: [config.report])
    async def count(self, due, complete):
        await HouseControl.count(self, self.ctx.clock.school(), complete)


@bad(HistorySuite, FORGOTTEN, "forgets", "the timers that wait grow for ever")
class TimersForYears(HouseControl):
    """Sets a timer for each absence that is due in ten years."""

    async def keep(self, name, value):
        await super().keep(name, value)
        if name.startswith("absence/"):
            async with self.ctx.commit() as tx:
                tx.at(datetime.fromisoformat(value["to"]) + timedelta(days=3650), "dim", name)

    async def dim(self, due, complete, key):
        if key.startswith("lesson/"):
            await super().dim(due, complete, key)


@functools.cache
def spelled_out(name):
    return name.replace("/", " ")


@bad(HistorySuite, FORGOTTEN, "forgets", r"caches grow for ever: elusive\.spelled_out")
class CachesForEver(HouseControl):
    """A cache without a bound, which no instance holds."""

    def message_key(self, event):
        return spelled_out(super().message_key(event))


@bad(LifeSuite, LEFT, "leaves-nothing", "files or connections open")
class FileForEachFailure(HouseControl):
    """Opens a file for each failure, and closes none."""

    def failed(self, error):
        self.notes = [*getattr(self, "notes", ()), open(os.devnull)]  # noqa: SIM115
        return super().failed(error)


@bad(PrivacySuite, CANARY, "no-leaks", "a secret .*in the logs")
class LogsItsLogin(HouseControl):
    """The header of a login in a log line: base64 hides nothing."""

    async def start(self):
        await super().start()
        login = base64.b64encode(f"hub:{self.token()}".encode()).decode()
        self.ctx.log.debug("Authorization: Basic %s", login)
