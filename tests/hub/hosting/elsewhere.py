"""A connector that uses all of its context, for tests of a process of its own: a class that a process can import."""

import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from datetime import time as of_day
from typing import Annotated, Any

from pydantic import Field, SecretStr

from plugins import (
    Answer,
    Category,
    ConfigurationError,
    Connector,
    ConnectorConfig,
    Contract,
    PermanentError,
    PrivacyError,
    Received,
    TemporaryError,
    Waiting,
    at_moment,
    daily,
)
from schemas import Event, EventSpec, Payload, Ref
from schemas.absence import AbsenceReported

SINCE = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)
ERRORS: dict[str, BaseException] = {
    "temporary": TemporaryError("canary", code="away", retry_after_s=7),
    "permanent": PermanentError("canary", code="never"),
    "configuration": ConfigurationError("canary"),
    "privacy": PrivacyError("canary"),
    "fault": ValueError("canary"),
    "exits": SystemExit(3),
}


class Tally(Payload):
    """A sum, of a vendor's."""

    spec = EventSpec(type="test.kitchen.sum.v1", subject=Ref("kitchen", "kitchen"), key=Ref("kitchen", "kitchen"))

    kitchen: Annotated[str, Category.NONE]
    away: Annotated[int, Category.AGGREGATE]


class Config(ConnectorConfig):
    secret: SecretStr = Field(SecretStr("canary-secret"), description="Passes to the process, and is seen nowhere.")


class Elsewhere(Connector[Config]):
    """Does what the `comment` of an event or the path of a request asks for."""

    name = "elsewhere"
    config_model = Config
    consumes = (AbsenceReported,)
    produces = (Tally,)
    contract = Contract("a test", "none: invented people", {Category.ATTENDANCE, Category.GROUP, Category.FREE_TEXT})
    timeout_s = 30

    async def start(self) -> None:
        if "fails" in self.ctx.state:
            raise TemporaryError("not yet", code="not-yet")

    async def handle(self, event: Event) -> None:
        async with self.ctx.commit() as tx:
            tx.state["count"] = tx.state.get("count", 0) + 1
            tx.publish(Tally, {"kitchen": "K1", "away": tx.state["count"]})
            tx.at(SINCE + timedelta(days=1), "later", event.id)
        assert self.ctx.state["count"] == tx.state["count"], "what is staged is seen"
        await self.does(event.data.get("comment", ""))

    async def does(self, what: str) -> Any:
        if what in ERRORS:
            raise ERRORS[what]
        match what:
            case "hang":
                await asyncio.sleep(3600)
            case "publish-wrong":
                async with self.ctx.commit() as tx:
                    tx.publish(Tally, {"kitchen": "K1"})
            case "garble":
                self.ctx._child._channel.send(["canary"])  # type: ignore[attr-defined]
                await asyncio.sleep(3600)
            case "forge":
                self.ctx._child._channel.send(["ask", 1, "directory", "__class__", [], {}])  # type: ignore[attr-defined]
                await asyncio.sleep(3600)
            case "exit":
                os._exit(7)
            case "environment":
                return repr((dict(os.environ), sys.argv))
            case "secret":
                return self.config.secret.get_secret_value()
            case "exception":
                try:
                    raise ValueError("canary")
                except ValueError:
                    self.ctx.log.exception("it failed")
            case "deaf":  # asks, and reads no answer for a while
                transport = self.ctx._child._channel._transport  # type: ignore[attr-defined]
                transport.pause_reading()
                persons = self.ctx.directory.persons
                asked = [asyncio.create_task(persons(on=datetime(2026, 11, 24).date())) for _ in range(100)]
                await asyncio.sleep(0.5)
                transport.resume_reading()
                return str(sum([len(await each) for each in asked]))
            case "clock":
                async with self.ctx.clock.timeout(60):
                    await self.ctx.clock.sleep(0.001)
                return f"{self.ctx.clock.school().isoformat()} {self.ctx.clock.utc().tzinfo}"
            case "directory":
                return repr(await self.ctx.directory.persons(organisations=["here"], on=datetime(2026, 11, 24).date()))
            case "problem":
                self.ctx.problem("odd", "in a test")
                self.ctx.log.warning("a line\nof two")
                print("printed")
            case "far-sides":
                self.ctx.far_side("kitchen north")
                self.ctx.far_side("kitchen south", "away", SINCE)
            case "blocking":
                return str(await self.ctx.blocking(os.getpid))
            case "fail-at-start":
                async with self.ctx.commit() as tx:
                    tx.state["fails"] = True
        return "done"

    async def receive(self, request: Received) -> Answer:
        body = await request.body()
        return Answer(201, (await self.does(request.path[1:])).encode() + body, {"X-Method": request.method})

    async def waiting(self) -> Sequence[Waiting]:
        return [] if "done" in self.ctx.state else [Waiting("order:1", "one order", SINCE, "en order")]

    async def confirm(self, word: str) -> None:
        async with self.ctx.commit() as tx:
            tx.state["done"] = word

    async def selftest(self) -> None:
        raise TemporaryError("the far side is away", fix="Call them", code="away")

    @daily(lambda config: [of_day(8, 30)])
    async def report(self, due: datetime, complete: bool) -> None:
        async with self.ctx.commit() as tx:
            tx.state["report"] = [due.isoformat(), self.ctx.clock.school().isoformat(), complete]

    @at_moment
    async def later(self, due: datetime, complete: bool, key: str) -> None:
        async with self.ctx.commit() as tx:
            tx.state["later"] = [due.isoformat(), key]
            tx.withdraw("later", "no-such-key")
