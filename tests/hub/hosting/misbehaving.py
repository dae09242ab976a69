"""A connector that does on request what none should, one that is well beside it, and one that does everything right."""

import asyncio
import os
import re
import threading
from typing import Annotated, ClassVar

from plugins import Answer, Category, Connector, ConnectorConfig, Contract, Received
from schemas import Event, EventSpec, Payload, Ref
from schemas.schedule import DayClosed

CONTRACT = Contract("a test", "none: no people", {Category.NONE})


class Config(ConnectorConfig):
    """Nothing to set."""


class Well(Connector[Config]):
    """Runs in the hub's process, and counts what it gets."""

    name = "well"
    config_model = Config
    consumes = (DayClosed,)
    contract = CONTRACT
    handled: ClassVar[list[str]] = []

    async def handle(self, event: Event) -> None:
        with open(os.devnull, "rb"):  # it needs a descriptor as well
            self.handled.append(event.id)


class Tally(Payload):
    """A sum, of a vendor's."""

    spec = EventSpec(type="test.kitchen.tally.v1", subject=Ref("kitchen", "kitchen"), key=Ref("kitchen", "kitchen"))

    kitchen: Annotated[str, Category.NONE]
    away: Annotated[int, Category.AGGREGATE]


class Bad(Connector[Config]):
    """Does what the path of a request asks for; each event makes it do what a request to `/next/...` named."""

    name = "bad"
    config_model = Config
    consumes = (DayClosed,)
    produces = (Tally,)
    contract = CONTRACT

    async def handle(self, event: Event) -> None:
        if does := self.ctx.state.get("next"):
            await self.misbehave(does)

    async def receive(self, request: Received) -> Answer:
        if request.path.startswith("/next/"):
            async with self.ctx.commit() as tx:
                tx.state["next"] = request.path.removeprefix("/next/")
            return Answer(200)
        return Answer(200, str(await self.misbehave(request.path[1:])).encode())

    async def misbehave(self, what: str) -> object:
        return await getattr(self, what)()

    async def well(self) -> object:
        return os.getpid()

    async def regex(self) -> object:
        return re.match(r"(a+)+b", "a" * 100)

    async def exit(self) -> object:
        os._exit(7)

    async def descriptors(self) -> object:
        kept = []
        try:
            while True:
                kept.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            return len(kept)
        finally:
            for each in kept:
                os.close(each)

    async def memory(self) -> object:
        kept = []
        while True:
            kept.append(b"x" * (4 << 20))
            await asyncio.sleep(0)

    async def threads(self) -> object:
        over = threading.Event()
        for _ in range(500):
            threading.Thread(target=over.wait, daemon=True).start()
        return await asyncio.sleep(3600)

    async def flood(self) -> object:
        for number in range(100_000):
            self.ctx.log.info("line %d", number)
            print("printed", number)
        return "all"

    async def publish_at_once(self) -> object:
        async with self.ctx.commit() as tx:
            while True:
                tx.publish(Tally, {"kitchen": "K1", "away": 1})

    async def publish(self) -> object:
        number = 0
        while True:
            number += 1
            async with self.ctx.commit() as tx:
                tx.publish(Tally, {"kitchen": "K1", "away": number})
