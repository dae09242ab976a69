"""Faults that show although nothing disturbs the connector."""

import asyncio

from plugins import PermanentError
from plugins.testing.suites import EffectSuite, FaultSuite, OrderSuite, PrivacySuite
from schemas.schedule import LessonCancelled
from tests.kit.bad import bad
from tests.kit.right import AwayCount, HouseControl

HAS_EFFECT = "test_there_is_an_effect"
AFTER_FAULT = "test_a_far_side_that_fails_for_a_while_is_told_everything_in_the_end"


@bad(EffectSuite, HAS_EFFECT, "undisturbed", r"handle\(\) raised RuntimeError: no")
class AlwaysRaises(HouseControl):
    """handle() always raises; a timer has effects."""

    async def handle(self, event):
        raise RuntimeError("no")


@bad(OrderSuite, "test_all_at_once_has_the_effects_of_one_at_a_time", "undisturbed", "raised RuntimeError")
class RaisesAtTheEnd(HouseControl):
    """handle() raises after the effect."""

    async def handle(self, event):
        await super().handle(event)
        if event.type == LessonCancelled.spec.type:
            raise RuntimeError("no")


@bad(FaultSuite, AFTER_FAULT, "undisturbed", "raised TypeError", fault="down")
class RaisesForSome(HouseControl):
    """handle() raises for one type, which stays parked."""

    async def handle(self, event):
        if event.type == LessonCancelled.spec.type:
            raise TypeError("no")
        await super().handle(event)


@bad(EffectSuite, HAS_EFFECT, "undisturbed", "it has problems:\n.*odd-room")
class ReportsAProblem(HouseControl):
    """Reports a problem for what is right."""

    async def show(self, day, room):
        await super().show(day, room)
        self.ctx.problem("odd-room")


@bad(EffectSuite, HAS_EFFECT, "undisturbed", "raised PermanentError: not for us")
class GivesUp(HouseControl):
    """Makes a dead letter of what is right."""

    async def handle(self, event):
        if event.type == LessonCancelled.spec.type:
            raise PermanentError("not for us")
        await super().handle(event)


@bad(EffectSuite, HAS_EFFECT, "undisturbed", "it has problems")
class TaskRaises(HouseControl):
    """A task that nothing awaits raises."""

    async def handle(self, event):
        await super().handle(event)
        asyncio.create_task(self.count_rooms())  # noqa: RUF006

    async def count_rooms(self):
        raise RuntimeError("no")


@bad(EffectSuite, HAS_EFFECT, "undisturbed", r"published test\.house\.away\.v1 without declaring it")
class PublishesUndeclared(HouseControl):
    """Publishes a type that is not in `produces`."""

    produces = ()


@bad(EffectSuite, HAS_EFFECT, "undisturbed", r"that is no test\.house\.away\.v1.*data\.away: ")
class PublishesNonsense(HouseControl):
    """Publishes data that the type refuses: the message names the path and the rule."""

    async def count(self, due, complete):
        async with self.ctx.commit() as tx:
            tx.publish(AwayCount, {"board": "B1", "away": "many"}, complete=complete)


@bad(EffectSuite, HAS_EFFECT, "undisturbed", "The hub took the field comment away: .* category free_text")
class ReadsWhatItMayNot(HouseControl):
    """Reads a field that its contract does not show."""

    async def handle(self, event):
        if "endTime" in event.data and "rooms" in event.data:
            assert event.data["comment"]
        await super().handle(event)


@bad(EffectSuite, HAS_EFFECT, "undisturbed", "the transaction's block has ended")
class UsesTxLater(HouseControl):
    """Uses a transaction after its block, where nothing keeps what it is given."""

    async def keep(self, name, value):
        async with self.ctx.commit() as tx:
            pass
        tx.state[name] = value
        await super().keep(name, value)


@bad(PrivacySuite, "test_no_canary_gets_out", "no-leaks", "attendance in the logs")
class LogsTimes(HouseControl):
    """Data about a person in a log line."""

    async def tell(self, event, value):
        self.ctx.log.info("away from %s", value["from"])
        await super().tell(event, value)


@bad(PrivacySuite, "test_no_canary_gets_out", "no-leaks", "a secret of the configuration got out: .*in the logs")
class LogsItsSecret(HouseControl):
    """A secret of the configuration in a log line."""

    async def start(self):
        await super().start()
        self.ctx.log.info("connected with %s", self.token())


@bad(PrivacySuite, "test_no_canary_gets_out", "no-leaks", "a secret .* in its state")
class KeepsItsSecret(HouseControl):
    """A secret of the configuration in the state."""

    async def keep(self, name, value):
        await super().keep(name, {**value, "login": self.token()})


FAILING = "test_no_canary_gets_out_when_the_far_side_fails"


@bad(PrivacySuite, FAILING, "no-leaks", "a secret .* in the text of an error")
class SecretInError(HouseControl):
    """A secret of the configuration in an error's text."""

    def failed(self, error):
        found = super().failed(error)
        return type(found)(f"{found.what} with {self.token()}", code="away")


@bad(PrivacySuite, FAILING, "no-leaks", "attendance in the text of an error")
class PersonInError(HouseControl):
    """Data about a person in an error's text."""

    async def tell(self, event, value):
        try:
            await super().tell(event, value)
        except Exception as error:
            raise type(error)(f"not told: {value['from']}", code="away") from None


@bad(PrivacySuite, FAILING, "no-leaks", "a secret .* in the operator's problems")
class SecretInProblem(HouseControl):
    """A secret of the configuration in what the operator sees."""

    def failed(self, error):
        self.ctx.problem("away", f"as {self.token()}")
        return super().failed(error)
