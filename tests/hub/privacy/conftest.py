"""The real log, store, directory and gate, for what spans them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hub.bus.base import Stored, corrects_all
from hub.bus.sqlite import SqliteLog
from hub.directory.directory import Directory
from hub.keys import Keys
from hub.privacy.base import Recipient
from hub.privacy.directory_view import GuardedDirectory
from hub.privacy.disclosures import Disclosures
from hub.privacy.gate import PrivacyGate
from hub.privacy.kept import KeptMarks
from hub.privacy.marks import WithheldMarks
from hub.privacy.parts import Parts
from hub.privacy.telling import Telling
from hub.runner import ThreadRunner
from hub.store.sql import SqlStore
from schemas import core_catalogue
from tests.clock import HandClock
from tests.school import CURRENT, ELSEWHERE, ORGANISATION, SCHOOL, SIS, UNIT, event

TENANT = "testkommun"


class Hub:
    """All that guards, on real files, through any number of restarts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = HandClock()
        self.catalogue = core_catalogue()
        self.count = 0

    async def start(self) -> None:
        keys = Keys(b"k" * 32)
        self.store = await SqlStore.open(self.folder / "store.db", tenant=TENANT, runner=ThreadRunner())
        self.log = await SqliteLog.open(
            self.folder / "log.db",
            catalogue=self.catalogue,
            clock=self.clock,
            runner=ThreadRunner(),
            compare=Parts(self.catalogue),
        )
        self.directory = Directory(self.clock)
        self.disclosures = Disclosures(self.store, keys, TENANT, self.clock)
        await self.directory.load(self.log)
        self.kept = KeptMarks(self.store, self.log, self.directory, self.disclosures, self.clock)
        await self.kept.start()
        self.log.observe(self.directory.observe)
        self.gate = PrivacyGate(
            catalogue=self.catalogue, directory=self.directory, keys=keys, clock=self.clock, tenant=TENANT
        )
        self.withheld = WithheldMarks(self.store, self.log, self.directory, TENANT)
        self.telling = Telling(self.gate, self.directory, self.disclosures, self.withheld)
        await self.withheld.start()

    async def stop(self) -> None:
        await self.withheld.stop()
        await self.kept.stop()
        await self.log.close()
        await self.store.close()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def say(self, type_: str, data: dict[str, Any], source: str = SIS) -> Stored:
        self.count += 1
        made = event(type_, data, id=f"e{self.count}", source=source)
        # Every source here may correct every other, so that persons can move.
        appended = await self.log.append([self.catalogue.describe(made)], corrects_all)
        return appended.stored[0]

    async def current(self, source: str = SIS) -> None:
        await self.say(CURRENT, {"asOf": self.clock.utc().isoformat()}, source)

    async def tree(self) -> None:
        """A school with one unit, a unit elsewhere, and a source that is fresh."""
        await self.say(ORGANISATION, {"id": SCHOOL, "organisationType": "Skola"})
        await self.say(ORGANISATION, {"id": UNIT, "parentOrganisation": {"id": SCHOOL}, "schoolTypes": ["GR"]})
        await self.say(ORGANISATION, {"id": ELSEWHERE, "schoolTypes": ["GY"]})
        await self.current()

    async def offer(self, to: Recipient) -> list[Stored]:
        """Decide on all that came since the last time, as a follower does; what was permitted."""
        self.position = getattr(self, "position", self.log.start())
        permitted = []
        ledger = self.telling.to(to, "test").ledger()
        while True:
            batch = await self.log.read(self.position, 100)
            permitted += [stored for stored in batch.events if ledger.judge(stored).allowed]
            await self.store.commit(*ledger.operations())
            self.position = batch.position
            if batch.at_head and not batch.events:
                return permitted

    def view(self, to: Recipient) -> GuardedDirectory:
        return GuardedDirectory(
            directory=self.directory, telling=self.telling, store=self.store, log=self.log, recipient=to,
            person_of=self.gate.person_of,
        )  # fmt: skip


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Hub]:
    hub = Hub(tmp_path)
    await hub.start()
    yield hub
    await hub.stop()
