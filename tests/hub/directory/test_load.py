"""The directory after a restart is the directory before it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hub.bus.base import Stored
from hub.bus.sqlite import SqliteLog
from hub.clock import to_us
from hub.directory.directory import Directory, Protection
from hub.runner import ThreadRunner
from schemas import Event, core_catalogue
from tests.hub.privacy.house import CURRENT, OTHER, PERSON, PERSON_GONE, SIS, HandClock, person, pupil, uid

ANNA, BO = uid("Anna"), uid("Bo")


class Hub:
    """A log with a directory, through any number of restarts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = HandClock()
        self.catalogue = core_catalogue()
        self.count = 0

    async def start(self) -> None:
        self.log = await SqliteLog.open(
            self.folder / "log.db", catalogue=self.catalogue, clock=self.clock, runner=ThreadRunner()
        )
        self.directory = Directory(self.clock)
        await self.directory.load(self.log)
        self.log.observe(self.directory.observe)

    async def restart(self) -> None:
        await self.log.close()
        await self.start()

    async def say(self, type_: str, data: dict[str, Any], source: str = SIS) -> Stored:
        self.count += 1
        event = Event({"specversion": "1.0", "id": f"e{self.count}", "source": source, "type": type_}, data)
        appended = await self.log.append([self.catalogue.describe(event)])
        return appended.stored[0]

    def leaving(self, id: str) -> Protection:
        return self.directory.judge(id, to_us(self.clock.utc()), leaving=True)[0]

    def protection(self, id: str) -> Protection:
        return self.directory.protection(id, self.clock.utc())


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Hub]:
    hub = Hub(tmp_path)
    await hub.start()
    yield hub
    await hub.log.close()


async def test_it_knows_a_change_before_append_returns(hub: Hub) -> None:
    """Promise 4: protection is applied before the change is acknowledged."""
    await hub.say(CURRENT, {"asOf": hub.clock.utc().isoformat()})
    await hub.say(PERSON, pupil(ANNA))
    assert hub.protection(ANNA) is Protection.OPEN
    await hub.say(PERSON, pupil(ANNA, "Sekretessmarkering"))
    assert hub.protection(ANNA) is Protection.PROTECTED


async def test_marks_relations_and_freshness_are_there_after_a_restart(hub: Hub) -> None:
    await hub.say(CURRENT, {"asOf": hub.clock.utc().isoformat()})
    await hub.say(PERSON, pupil(ANNA, "Sekretessmarkering", responsibles=[{"person": {"id": BO}}]))
    await hub.say(PERSON, person(BO))
    await hub.restart()
    assert hub.protection(ANNA) is Protection.PROTECTED
    assert hub.protection(BO) is Protection.OPEN
    assert hub.directory.related_protected(BO, hub.clock.utc())
    hub.clock.now = hub.clock.now.replace(day=hub.clock.now.day + 2)
    assert hub.protection(BO) is Protection.STALE


async def test_the_strictest_mark_outlives_a_restart_although_another_source_spoke_last(hub: Hub) -> None:
    """Promise 4: state is kept per source, else the last word would have been all that is left."""
    await hub.say(CURRENT, {"asOf": hub.clock.utc().isoformat()})
    await hub.say(PERSON, pupil(ANNA, "Sekretessmarkering"), OTHER)
    await hub.say(PERSON, pupil(ANNA, "Ingen"), SIS)
    await hub.restart()
    assert hub.protection(ANNA) is Protection.PROTECTED


async def test_whoever_spoke_last_owns_the_person_after_a_restart_too(hub: Hub) -> None:
    for source in (SIS, OTHER, SIS):
        await hub.say(PERSON, pupil(ANNA), source)
    before = hub.directory.persons[ANNA].owner.source
    await hub.restart()
    assert hub.directory.persons[ANNA].owner.source == before == SIS


async def test_a_deleted_person_whose_mark_is_forgotten_is_unknown(hub: Hub) -> None:
    """Promise 4: fails closed."""
    await hub.say(CURRENT, {"asOf": hub.clock.utc().isoformat()})
    await hub.say(PERSON, pupil(ANNA))
    await hub.say(PERSON_GONE, {"id": ANNA})
    assert hub.leaving(ANNA) is Protection.OPEN
    await hub.restart()
    assert hub.leaving(ANNA) is Protection.UNKNOWN


async def test_more_persons_than_a_page_are_all_loaded(hub: Hub) -> None:
    ids = [uid(f"pupil {n}") for n in range(1500)]
    events = [
        hub.catalogue.describe(
            Event({"specversion": "1.0", "id": id, "source": SIS, "type": PERSON}, pupil(id, "Sekretessmarkering"))
        )
        for id in ids
    ]
    await hub.log.append(events)
    await hub.restart()
    assert all(hub.protection(id) is Protection.PROTECTED for id in ids)
