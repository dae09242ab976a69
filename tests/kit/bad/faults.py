"""Faults that show when the far side, or the hub, fails."""

import asyncio
import contextlib
import urllib.request
import uuid

from plugins import ConfigurationError, PermanentError
from plugins.errors import SkolnavError
from plugins.testing.suites import EffectSuite, FaultSuite, LifeSuite, SelftestSuite
from tests.kit.bad import bad
from tests.kit.bad.undisturbed import AFTER_FAULT
from tests.kit.right import HouseControl


async def waits_for_ever(self):
    await HouseControl.start(self)
    self.client.timeout = None


def no_limit(self):
    return contextlib.nullcontext()


CRASH = "test_a_crash_between_effect_and_acknowledgement_repeats_nothing"
TWICE = "test_the_same_events_twice_have_one_effect"
LOST = "effect-before-return"


@bad(FaultSuite, AFTER_FAULT, LOST, "before its effect", fault="down")
class AcknowledgesFirst(HouseControl):
    """handle() returns, and a task has the effect."""

    async def handle(self, event):
        self.jobs = {*getattr(self, "jobs", ()), asyncio.create_task(self.later(event))}

    async def later(self, event):
        with contextlib.suppress(SkolnavError):
            await super().handle(event)

    async def stop(self):
        for job in getattr(self, "jobs", ()):
            job.cancel()
        await super().stop()


@bad(FaultSuite, AFTER_FAULT, LOST, "failure swallowed", fault="refuse")
class SwallowsFailures(HouseControl):
    """Catches the failure of an effect, and goes on."""

    async def ask(self, method, path, value=None, headers=None):
        try:
            return await super().ask(method, path, value, headers)
        except SkolnavError as error:
            self.ctx.log.warning("%s", error.code)
            return value


@bad(FaultSuite, AFTER_FAULT, LOST, "any answer taken for success", fault="refuse")
class AnyStatusIsSuccess(HouseControl):
    """Does not look at the status of an answer."""

    def expect_success(self, reply):
        pass

    async def put(self, name, value):
        await self.ask("PUT", f"/items/{name}", value)


@bad(FaultSuite, AFTER_FAULT, LOST, "any answer taken for success", fault="wrong")
class AnyBodyIsSuccess(HouseControl):
    """Does not look at the body of an answer."""

    async def ask(self, method, path, value=None, headers=None):
        try:
            return await super().ask(method, path, value, headers)
        except SkolnavError as error:
            if error.why != "JSONDecodeError":
                raise
            return value


@bad(FaultSuite, AFTER_FAULT, "temporary", "given up because the far side was down", fault="down")
class GivesUpAtOnce(HouseControl):
    """A far side that is away becomes a dead letter."""

    def failed(self, error):
        return PermanentError("not reached", code="away")


@bad(FaultSuite, AFTER_FAULT, "temporary", "may work later", fault="refuse")
class CallsForAPerson(HouseControl):
    """A far side that is busy pauses the instance."""

    def failed(self, error):
        return ConfigurationError("not reached", code="away")


@bad(FaultSuite, AFTER_FAULT, "time-out", "give its calls a time-out", fault="never", patience_s=4)
class NeverTimesOut(HouseControl):
    """Waits for an answer for ever."""

    start, limit = waits_for_ever, no_limit


@bad(FaultSuite, AFTER_FAULT, "time-out", "give its calls a time-out", fault="never", patience_s=4)
class BlocksWithoutEnd(HouseControl):
    """Calls a blocking library in the pool, without a time-out."""

    async def ask(self, method, path, value=None, headers=None):
        if method == "DELETE":
            request = urllib.request.Request(self.config.url + path, method=method)
            await self.ctx.blocking(lambda: urllib.request.urlopen(request).read())
            return {}
        return await super().ask(method, path, value, headers)


@bad(LifeSuite, "test_a_call_that_is_cancelled_ends", "cancellation", "let CancelledError pass")
class SwallowsCancellation(HouseControl):
    """Catches the cancellation of a call, and returns."""

    start, limit = waits_for_ever, no_limit

    async def handle(self, event):
        try:
            await super().handle(event)
        except asyncio.CancelledError:
            return


@bad(LifeSuite, "test_a_call_that_is_cancelled_ends", "cancellation", "went on after it had been cancelled")
class OutlivesCancellation(HouseControl):
    """Tries again after its cancellation."""

    start, limit = waits_for_ever, no_limit

    async def handle(self, event):
        while True:
            try:
                return await super().handle(event)
            except asyncio.CancelledError:
                continue


@bad(EffectSuite, CRASH, "crash", "has another key")
class KeyFromTheAttempt(HouseControl):
    """The key of an effect is new in each attempt."""

    def message_key(self, event):
        return str(uuid.uuid4())


@bad(EffectSuite, TWICE, "one-effect", "again changed")
class KeyFromACounter(HouseControl):
    """The key of an effect is a number that counts calls."""

    async def handle(self, event):
        name, value = self.understood(event)
        await self.keep(name, value)
        await (self.tell(event, value) if name.startswith("absence/") else super().handle(event))

    def message_key(self, event):
        self.calls = getattr(self, "calls", 0) + 1
        return str(self.calls)


@bad(SelftestSuite, "test_it_fails_while_the_far_side_does_and_says_what_to_do", "selftest", "passes", fault="down")
class SelftestLooksAtNothing(HouseControl):
    """The self-test is no round trip."""

    async def selftest(self):
        return None


@bad(SelftestSuite, "test_it_passes_and_leaves_nothing", "selftest", "left something")
class SelftestLeavesSomething(HouseControl):
    """The self-test writes, and does not take it away."""

    async def selftest(self):
        await self.put("probe", {"at": "once"})
