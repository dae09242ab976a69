"""The promises to recipients, kept for a follower that pushes and for a feed that is fetched."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from hub.bus.base import Stored
from hub.bus.sqlite import SqliteLog
from hub.delivery.base import Attempt, Outcome, Result
from hub.delivery.delivery import Delivery
from hub.delivery.pages import Pages
from hub.delivery.parts import Parts
from hub.directory.directory import Directory
from hub.keys import Keys
from hub.privacy.base import Decision, Recipient
from hub.privacy.disclosures import Disclosures
from hub.privacy.gate import PrivacyGate
from hub.privacy.marks import WithheldMarks
from hub.privacy.telling import Telling
from hub.store import disclosures as disclosure_rows
from hub.store import withheld as mark_rows
from hub.store.disclosures import Decided
from hub.store.sql import SqlStore
from hub.store.withheld import Withheld
from hub.subscriptions.model import Subscription
from plugins.manager import Plugins
from schemas import Category, DataContract
from tests.contracts.recipient import TYPES, RecipientContract, Rig, nothing_fails
from tests.hub.delivery.virtual import SimClock, SimRunner, VirtualLoop
from tests.school import SIS, append, event

TENANT = "provkoping"
ME = "reader"
CONTRACT = DataContract(purpose="test", legal_basis="test", categories=frozenset(Category))


class FailingGate:
    """The real gate, which raises where the suite wants it to."""

    def __init__(self, gate: PrivacyGate, house: "House") -> None:
        self._gate = gate
        self._house = house
        self.permit, self.check, self.pseudonyms = gate.permit, gate.check, gate.pseudonyms

    def decide(self, stored: Stored, recipient: Recipient, *, state: bool = False) -> Decision:
        if self._house.failing(stored):
            raise RuntimeError("made to fail")
        return self._gate.decide(stored, recipient, state=state)


class Registry:
    """The subscriptions of this house."""

    def __init__(self) -> None:
        self.subscriptions: dict[str, Subscription] = {}

    def all(self) -> list[Subscription]:
        return list(self.subscriptions.values())

    def get(self, id: str) -> Subscription:
        return self.subscriptions[id]

    def listen(self, callback: Any) -> None:
        pass


class House:
    """Real log, store, directory and gate on a virtual clock; how events reach the recipient is the subclass's."""

    kind: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.failing: Callable[[Stored], bool] = nothing_fails
        self.loop = VirtualLoop(0.0)
        self.clock = SimClock(self.loop)
        self.runner = SimRunner(random.Random(1))
        self.registry = Registry()
        self.came: list[dict[str, Any]] = []
        self._count = 0

    def play(self, scene: Callable[[Rig], Awaitable[None]]) -> None:
        async def whole() -> None:
            await self.start()
            try:
                await scene(self)
            finally:
                await self.stop()

        try:
            self.loop.run_until_complete(whole())
        finally:
            self.loop.close()

    async def start(self) -> None:
        keys = Keys(b"k" * 32)
        # As a vendor's package brings them: by the hook for event types.
        self.catalogue = Plugins.of(event_types=TYPES).catalogue()
        self.store = await SqlStore.open(self.folder / "store.db", tenant=TENANT, runner=self.runner)
        self.log = await SqliteLog.open(
            self.folder / "log.db", catalogue=self.catalogue, clock=self.clock, runner=self.runner
        )
        self.directory = Directory(self.clock)
        self.log.observe(self.directory.observe)
        gate = FailingGate(
            PrivacyGate(catalogue=self.catalogue, directory=self.directory, keys=keys, clock=self.clock, tenant=TENANT),
            self,
        )
        disclosures = Disclosures(self.store, keys, TENANT, self.clock)
        self.withheld = WithheldMarks(self.store, self.log, self.directory, TENANT)
        await self.withheld.start()
        telling = Telling(gate, self.directory, disclosures, self.withheld)
        parts = Parts(
            tenant=TENANT, log=self.log, store=self.store, telling=telling, clock=self.clock, dice=random.Random(1),
            id_key=b"i" * 32,
        )  # fmt: skip
        self.delivery = Delivery(
            parts, registry=self.registry, catalogue=self.catalogue,  # type: ignore[arg-type]
            make_sink=lambda subscription: Sink(self.came), handshake=self._no_handshake,
        )  # fmt: skip
        self.pages = Pages(
            log=self.log, store=self.store, telling=telling, registry=self.registry, catalogue=self.catalogue,  # type: ignore[arg-type]
            keys=keys, clock=self.clock, retention=timedelta(days=30),
        )  # fmt: skip
        await self.delivery.start()

    async def stop(self) -> None:
        await self.delivery.stop()
        await self.withheld.stop()
        await self.log.close()
        await self.store.close()

    async def _no_handshake(self, subscription: Subscription) -> bool:
        return True

    async def say(self, type_: str, data: dict[str, Any], source: str = SIS) -> str:
        self._count += 1
        id = f"event-{self._count}"
        await append(self, event(type_, data, id=id, source=source))
        return id

    async def subscribe(self, *types: str, start: str = "oldest", filter: Sequence[Any] = ()) -> None:
        mine = Subscription(
            ME, ME, Recipient(f"client/{ME}", (CONTRACT,)), frozenset(types), {"kind": self.kind},
            start_from=start, filter=list(filter),  # type: ignore[arg-type]
        )  # fmt: skip
        self.registry.subscriptions[ME] = mine
        self.delivery._changed(mine)
        await self.delivery.settled()

    async def replay(self) -> str:
        lane = await self.delivery.replay(ME, by="person")
        self.pages.wake()
        return lane

    async def pass_time(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def marks(self) -> set[Withheld]:
        await self.withheld.beside.save()
        names = await self.store.read(mark_rows.persons(TENANT))
        return set(await self.store.read(mark_rows.of(TENANT, names)))

    async def disclosed(self) -> Sequence[Decided]:
        await self.withheld.beside.save()  # a pulled answer without events does not wait for its denials
        batch = await self.log.read(self.log.start(), 1000)
        found = {}
        for stored in batch.events:
            for row in await self.store.read(disclosure_rows.for_place(TENANT, f"client/{ME}", stored.at)):
                found[row.n, row.decided.lane, row.decided.rule] = row.decided
        return list(found.values())


class Sink:
    """A far side that accepts everything."""

    concurrency = 4

    def __init__(self, came: list[dict[str, Any]]) -> None:
        self._came = came

    async def deliver(self, attempt: Attempt) -> Outcome:
        self._came.append(orjson.loads(attempt.permit()))
        return Outcome(Result.DELIVERED)

    async def close(self) -> None:
        pass


class PushHouse(House):
    kind = "webhook"

    async def arrived(self) -> list[dict[str, Any]]:
        await self.withheld.settled()
        await self.delivery.settled()
        return list(self.came)


class PullHouse(House):
    kind = "feed"
    limit = 2

    async def subscribe(self, *types: str, start: str = "oldest", filter: Sequence[Any] = ()) -> None:
        await super().subscribe(*types, start=start, filter=filter)
        self.cursor = await self.pages.open(ME, None)

    async def arrived(self) -> list[dict[str, Any]]:
        await self.withheld.settled()
        while True:
            page = await self.pages.page(ME, self.cursor, self.limit)
            self.came += [orjson.loads(body) for body in await self.pages.settled(page)]
            # What a client holds is the sealed cursor.
            self.cursor = await self.pages.open(ME, page.next())
            if page.at_head:
                return list(self.came)


class TestPushed(RecipientContract):
    @pytest.fixture
    def rig(self, tmp_path: Path) -> Rig:
        return PushHouse(tmp_path)


class TestPulled(RecipientContract):
    @pytest.fixture(params=[1, 3, 1000], ids="{} a page".format)
    def rig(self, request: pytest.FixtureRequest, tmp_path: Path) -> Rig:
        house = PullHouse(tmp_path)
        house.limit = request.param
        return house
