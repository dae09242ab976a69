"""What a hub does by the clock."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path

from hub.assembly.hub import Hub
from hub.config import HubConfig
from hub.store import audit, lanes
from plugins.manager import Plugins
from plugins.testing import ManualClock
from tests.school import LESSON, append, event, lesson, uid
from tests.until import until

TODAY = date(2026, 11, 24)
DAY_S = 24 * 3600


@asynccontextmanager
async def running(folder: Path, **settings: timedelta) -> AsyncIterator[tuple[Hub, ManualClock]]:
    clock = ManualClock("2026-11-24T08:00")
    config = HubConfig(municipality="Exempelkommun", tenant="exempelkommun", data=folder, **settings)  # type: ignore[arg-type]
    hub = await Hub.start(config, clock=clock, plugins=Plugins.of())
    try:
        yield hub, clock
    finally:
        await hub.stop()


async def test_lessons_that_are_past_their_retention_leave_the_index_and_then_the_log(tmp_path: Path) -> None:
    async with running(tmp_path, retention=timedelta(days=30)) as (hub, clock):
        schedule = hub.directory.schedule
        await schedule.loaded(hub.log)
        await append(hub.services, event(LESSON, lesson(id=uid("old"), rooms=[{"id": uid("old room")}])))
        clock.pass_machine(29 * DAY_S)
        await append(hub.services, event(LESSON, lesson(id=uid("new"), rooms=[{"id": uid("new room")}])))
        clock.pass_machine(2 * DAY_S)

        def an_hour_passes() -> None:
            # The hub may be in the middle of a look while the days pass: then its next look is an hour later.
            clock.pass_machine(3600)

        def only_new_is_found() -> bool:
            return [row.found_by.rooms for row in schedule.on(TODAY)] == [(uid("new room"),)]

        await until(only_new_is_found, meanwhile=an_hour_passes)

        async def trimmed() -> bool:
            return [each.entity for each in await hub.log.states(("lesson",))] == [f"lesson/{uid('new')}"]

        await until(trimmed, meanwhile=an_hour_passes)


async def test_a_replay_is_forgotten_when_the_log_has_none_of_its_events_any_more(tmp_path: Path) -> None:
    async with running(tmp_path, retention=timedelta(days=30)) as (hub, clock):
        store = hub.services.store
        asked = lanes.Lane(
            subscription="feed", lane="replay-1", kind="replay", start=b"", until=b"", places=(), by="local",
            at=clock.utc(), done=False,
        )  # fmt: skip
        await store.commit(lanes.add(store.tenant, asked))
        clock.pass_machine(29 * DAY_S)
        assert await store.read(lanes.load(store.tenant)) == [asked]
        clock.pass_machine(2 * DAY_S)

        async def forgotten() -> bool:
            return not await store.read(lanes.load(store.tenant))

        await until(forgotten, meanwhile=lambda: clock.pass_machine(3600))


async def test_the_audit_is_trimmed_when_its_retention_from_the_configuration_has_passed(tmp_path: Path) -> None:
    async with running(tmp_path, disclosure_retention=timedelta(days=730)) as (hub, clock):
        await hub.store.commit(audit.add("exempelkommun", clock.utc(), actor="a", action="state.read", target=""))
        clock.pass_machine(731 * DAY_S)

        async def trimmed() -> bool:
            return [row.action for row in await hub.store.read(audit.page("exempelkommun"))] == ["audit.trimmed"]

        await until(trimmed, meanwhile=lambda: clock.pass_machine(3600))
