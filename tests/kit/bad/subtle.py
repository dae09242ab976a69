"""Faults that look right: each was tried on the kit before it was kept, and what the kit did not see it sees now."""

import asyncio
import contextlib
import logging
import ssl
import subprocess
import time
import uuid
import warnings
from datetime import datetime
from pathlib import Path
from tempfile import gettempdir

from plugins import TemporaryError
from plugins.testing.suites import (
    EffectSuite,
    FaultSuite,
    HistorySuite,
    LifeSuite,
    PrivacySuite,
    SchoolTimeSuite,
    SensitivitySuite,
)
from tests.kit.bad import bad
from tests.kit.bad.faults import CRASH, no_limit
from tests.kit.bad.undisturbed import AFTER_FAULT
from tests.kit.bad.years import LEFT, MACHINE
from tests.kit.right import HouseControl

PROGRAMS: "list[subprocess.Popen[bytes]]" = []
DUMP = Path(gettempdir()) / f"skolnav-kit-{uuid.uuid4().hex}.txt"

EACH_PART = "test_each_part_makes_a_difference"
CANARY = "test_no_canary_gets_out"


BOTH_SIDES = r"because one of another entity came first.*\nassert \["


@bad(FaultSuite, AFTER_FAULT, "effect-before-return", BOTH_SIDES, fault="refuse")
class SequenceOfAll(HouseControl):
    """Compares an event with the last one of any entity: what was retried comes late and counts as old."""

    async def handle(self, event):
        last = self.ctx.state.get("last/absence", {"sequence": ""})["sequence"]
        if event.type.startswith("se.skolnav.absence."):
            if (event.sequence or "") < last:
                return
            await super().handle(event)
            async with self.ctx.commit() as tx:
                tx.state["last/absence"] = {"sequence": event.sequence, "day": "2999-01-01"}
            return
        await super().handle(event)


OVER_THE_NIGHT = ("08:30", "2026-11-25T04:00")


@bad(FaultSuite, AFTER_FAULT, "effect-before-return", "swallowed", fault="refuse", moments=OVER_THE_NIGHT)
class SwallowsAndMends(HouseControl):
    """Swallows the failures about rooms, which the nightly reconcile() mends within the moments of the test."""

    async def put(self, name, value):
        try:
            await super().put(name, value)
        except TemporaryError:
            if not name.startswith("room/"):
                raise
            self.ctx.log.warning("not sent")


@bad(EffectSuite, CRASH, "crash", "has another key")
class KeysInMemory(HouseControl):
    """Draws a random key for each effect, and remembers it in memory alone."""

    def message_key(self, event):
        self.drawn = getattr(self, "drawn", {})
        return self.drawn.setdefault(f"{event.data['id']}/{event.sequence}", str(uuid.uuid4()))


@bad(LifeSuite, "test_a_call_that_is_cancelled_ends", "cancellation", "let CancelledError pass")
class ReturnsInFinally(HouseControl):
    """A `return` in `finally` swallows the cancellation with everything else."""

    limit = no_limit

    async def start(self):
        await super().start()
        self.client.timeout = None

    async def tell(self, event, value):
        try:
            await super().tell(event, value)
        finally:
            return  # noqa: B012

    async def show(self, day, room):
        try:
            await super().show(day, room)
        finally:
            return  # noqa: B012


@bad(SchoolTimeSuite, MACHINE, "school-time", r"subtle\.py:\d+ strftime\(\)")
class WallClockAsText(HouseControl):
    """Asks the machine for the time of day as a text."""

    async def count(self, due, complete):
        if time.strftime("%H:%M") >= "00:00":
            await super().count(due, complete)


@bad(
    SchoolTimeSuite,
    "test_the_same_moments_written_in_utc_have_the_same_outcome",
    "school-time",
    "read a time with its offset",
)
class NaiveTimes(HouseControl):
    """Throws the offset of a time away."""

    def local(self, moment):
        return datetime.fromisoformat(moment).replace(tzinfo=None)


@bad(
    SchoolTimeSuite,
    "test_the_same_moments_written_in_utc_have_the_same_outcome",
    "school-time",
    "read a time with its offset",
)
class DateFromText(HouseControl):
    """Takes a date from the first ten letters of a time, and the time of day from the next five."""

    def plan(self, day, room):
        lessons = [each for _, each in self.ctx.state.under("lesson/").items()]
        return [] if self.is_closed(day) else sorted(
            f"{each['from'][11:16]}-{each['to'][11:16]}"
            for each in lessons
            if room in each["rooms"] and not each["over"] and each["from"][:10] == day
        )  # fmt: skip


@bad(PrivacySuite, CANARY, "no-leaks", "attendance in what it prints or warns of")
class Prints(HouseControl):
    """Prints data about a person."""

    async def tell(self, event, value):
        print("away from", value["from"])
        await super().tell(event, value)


@bad(PrivacySuite, CANARY, "no-leaks", "attendance in what it prints or warns of")
class Warns(HouseControl):
    """Data about a person in a warning of Python."""

    async def tell(self, event, value):
        warnings.warn(f"odd: {value['from']}", stacklevel=1)
        await super().tell(event, value)


@bad(PrivacySuite, CANARY, "no-leaks", "a secret .*in files that it wrote")
class Dumps(HouseControl):
    """Writes its requests into a file of its own."""

    async def ask(self, method, path, value=None, headers=None):
        with contextlib.suppress(OSError), DUMP.open("a") as file:
            file.write(f"{method} {path} {self.token()}\n")
        return await super().ask(method, path, value, headers)


@bad(PrivacySuite, CANARY, "no-leaks", "a secret .*in the logs")
class TokenInAddress(HouseControl):
    """A token in the address of a request: each library logs addresses."""

    async def ask(self, method, path, value=None, headers=None):
        return await super().ask(method, f"{path}?token={self.token()}" if method == "POST" else path, value, headers)


@bad(FaultSuite, AFTER_FAULT, "time-out", "held the connector up", fault="down", patience_s=4)
class RetriesForEver(HouseControl):
    """Tries again inside the call until it works."""

    async def ask(self, method, path, value=None, headers=None):
        while True:
            try:
                return await super().ask(method, path, value, headers)
            except Exception:
                await asyncio.sleep(0.2)


class Forgiving(HouseControl):
    status = 0

    async def ask(self, method, path, value=None, headers=None):
        self.answered = 0
        try:
            return await super().ask(method, path, value, headers)
        except Exception:
            if self.answered != self.status:
                raise
            return value or {}

    def expect_success(self, reply):
        self.answered = reply.status_code
        super().expect_success(reply)


@bad(FaultSuite, AFTER_FAULT, "effect-before-return", "any answer taken for success", fault="busy")
class TooManyIsSuccess(Forgiving):
    """Takes "too many requests" for success."""

    status = 429


@bad(FaultSuite, AFTER_FAULT, "effect-before-return", "taken for success", fault="missing")
class MissingIsSuccess(Forgiving):
    """Takes "not found" for success: right for a DELETE, wrong for a PUT."""

    status = 404


@bad(FaultSuite, AFTER_FAULT, "time-out", "held the connector up", fault="drips", patience_s=4)
class TimesOutBetweenBytes(HouseControl):
    """Has a time-out for each read, and none for the whole exchange."""

    limit = no_limit


@bad(FaultSuite, AFTER_FAULT, "bounded", "MiB of an endless answer were read", fault="pours")
class ReadsWithoutBound(HouseControl):
    """Reads an answer whatever its size."""

    async def body(self, reply):
        return await reply.aread()


@bad(SensitivitySuite, EACH_PART, "makes-a-difference", r"second room \(room\) makes no difference")
class DropsUnknownRooms(HouseControl):
    """Knows one room, and drops what is about another without a word."""

    def places(self, value):
        found = super().places(value)
        if found and not hasattr(self, "known"):
            self.known = found[0][1]
        return [each for each in found if each[1] == self.known]

    async def dim(self, due, complete, key):
        lesson = self.ctx.state.get(key)
        if lesson and self.known in lesson["rooms"]:
            await super().dim(due, complete, key)


@bad(SensitivitySuite, EACH_PART, "makes-a-difference", r"day\.closed\.v1 about the same \(again\) makes no difference")
class NeverOpensAgain(HouseControl):
    """A closed day that is opened again stays closed."""

    def is_open_again(self, data):
        return False


@bad(HistorySuite, "test_the_last_event_of_an_entity_is_enough", "last-event", "is still there")
class LeavesItsTimer(HouseControl):
    """The timer of a lesson runs although the lesson has been cancelled."""

    async def keep(self, name, value):
        async with self.ctx.commit() as tx:
            tx.state[name] = value
            if name.startswith("lesson/") and not value["over"]:
                tx.at(datetime.fromisoformat(value["to"]), "dim", name)


@bad(LifeSuite, LEFT, "leaves-nothing", r"logging\.root\.level")
class ConfiguresLogging(HouseControl):
    """Sets up the logging of the whole process."""

    async def start(self):
        logging.getLogger().setLevel(logging.ERROR)
        await super().start()


@bad(LifeSuite, LEFT, "leaves-nothing", r"ssl\._create_default_https_context")
class TrustsAnyone(HouseControl):
    """Turns the check of certificates off, for the whole process."""

    async def start(self):
        ssl._create_default_https_context = ssl._create_unverified_context
        await super().start()


@bad(LifeSuite, LEFT, "leaves-nothing", r"processes still ran after stop\(\): sleep")
class ProcessLeft(HouseControl):
    """A program that it has started goes on."""

    async def start(self):
        await super().start()
        PROGRAMS.append(subprocess.Popen(["sleep", "30"]))


@bad(SchoolTimeSuite, "test_an_hour_in_which_utc_has_another_date_is_like_the_next", "school-time", "00:15")
class UtcDayOfTheClient(HouseControl):
    """Sends the date of UTC, which the client's clock gives."""

    async def tell(self, event, value):
        day = self.ctx.clock.utc().date()
        if self.local(value["from"]).date() >= day and day == self.ctx.clock.school().date():
            await super().tell(event, value)


@bad(FaultSuite, AFTER_FAULT, "effect-before-return", "failure swallowed", fault="never")
class GivesUpQuietly(HouseControl):
    """Tries twice, then logs at a level that no operator sees and goes on."""

    async def ask(self, method, path, value=None, headers=None):
        for _ in range(2):
            with contextlib.suppress(Exception):
                return await super().ask(method, path, value, headers)
        return value or {}
