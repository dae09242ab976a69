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
from schemas import core_catalogue
from tests.clock import HandClock
from tests.school import (
    CURRENT,
    DUTY,
    HIDDEN,
    OTHER,
    PERSON,
    PERSON_GONE,
    SCHOOL,
    SIS,
    append,
    duty,
    event,
    person,
    pupil,
    uid,
)

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
        made = event(type_, data, id=f"e{self.count}", source=source)
        appended = await self.log.append([self.catalogue.describe(made)])
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
    await hub.say(DUTY, duty(BO))
    await hub.restart()
    assert hub.protection(ANNA) is Protection.PROTECTED
    assert hub.protection(BO) is Protection.OPEN
    assert hub.directory.kin(BO) == (ANNA,)
    hub.clock.move(days=2)
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


async def test_that_a_person_is_gone_may_be_told_after_a_restart_as_before_it(hub: Hub) -> None:
    """Promises 2 and 4: what was not delivered before is decided on the same grounds after."""
    await hub.say(CURRENT, {"asOf": hub.clock.utc().isoformat()})
    for id, mark in ((ANNA, "Ingen"), (BO, "Sekretessmarkering")):
        await hub.say(PERSON, pupil(id, mark))
        await hub.say(PERSON_GONE, {"id": id})
    for _ in range(3):
        assert hub.leaving(ANNA) is Protection.OPEN
        assert hub.leaving(BO) is Protection.PROTECTED
        assert hub.directory.may_have_left(ANNA, SIS)
        assert not hub.directory.may_have_left(BO, SIS)
        assert hub.protection(ANNA) is Protection.UNKNOWN
        assert hub.directory.belongings(ANNA, "2026-11-24", to_us(hub.clock.utc()))
        await hub.restart()


async def test_the_strictest_mark_of_the_deleted_outlives_a_restart(hub: Hub) -> None:
    """Promise 4."""
    await hub.say(CURRENT, {"asOf": hub.clock.utc().isoformat()})
    await hub.say(PERSON, pupil(ANNA, "Sekretessmarkering"), OTHER)
    await hub.say(PERSON, pupil(ANNA), SIS)
    await hub.say(PERSON_GONE, {"id": ANNA}, OTHER)
    await hub.say(PERSON_GONE, {"id": ANNA}, SIS)
    for _ in range(2):
        assert hub.leaving(ANNA) is Protection.PROTECTED
        await hub.restart()


async def test_a_deleted_person_of_whom_nothing_was_told_is_unknown(hub: Hub) -> None:
    """Promise 4: fails closed."""
    await hub.say(CURRENT, {"asOf": hub.clock.utc().isoformat()})
    await hub.say(PERSON_GONE, {"id": ANNA})
    for _ in range(2):
        assert hub.leaving(ANNA) is Protection.UNKNOWN
        await hub.restart()


async def test_whose_a_deleted_duty_and_group_were_is_known_after_a_restart(hub: Hub) -> None:
    duty, group = uid("duty"), uid("group")
    await hub.say("se.skolnav.directory.duty.upserted.v1", {"id": duty, "person": {"id": BO}})
    await hub.say(
        "se.skolnav.directory.group.upserted.v1", {"id": group, "displayName": "7A", "organisation": {"id": SCHOOL}}
    )
    await hub.say("se.skolnav.directory.duty.deleted.v1", {"id": duty})
    await hub.say("se.skolnav.directory.group.deleted.v1", {"id": group})
    for _ in range(2):
        assert hub.directory.duty_person(duty) == BO
        assert hub.directory.owner_of(group)[0] == SCHOOL
        await hub.restart()


async def test_more_persons_than_a_page_are_all_loaded(hub: Hub) -> None:
    ids = [uid(f"pupil {n}") for n in range(1500)]
    await append(hub, *(event(PERSON, pupil(id, HIDDEN), id=id) for id in ids))
    await hub.restart()
    assert all(hub.protection(id) is Protection.PROTECTED for id in ids)
