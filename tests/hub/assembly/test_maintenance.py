"""What a hub does by the clock."""

from datetime import date, timedelta
from pathlib import Path

from hub.assembly.hub import Hub
from hub.config import HubConfig
from plugins.manager import Plugins
from plugins.testing import ManualClock
from tests.school import LESSON, append, event, lesson, uid
from tests.until import until

TODAY = date(2026, 11, 24)
DAY_S = 24 * 3600


async def test_lessons_that_are_past_their_retention_leave_the_index_and_then_the_log(tmp_path: Path) -> None:
    clock = ManualClock("2026-11-24T08:00")
    config = HubConfig(
        municipality="Exempelkommun", tenant="exempelkommun", data=tmp_path, retention=timedelta(days=30)
    )
    hub = await Hub.start(config, clock=clock, plugins=Plugins.of())
    try:
        schedule = hub.directory.schedule
        await schedule.loaded(hub.log)
        await append(hub.services, event(LESSON, lesson(id=uid("old"), rooms=[{"id": uid("old room")}])))
        clock.pass_machine(20 * DAY_S)
        await append(hub.services, event(LESSON, lesson(id=uid("new"), rooms=[{"id": uid("new room")}])))
        clock.pass_machine(11 * DAY_S)
        await until(lambda: [row.found_by.rooms for row in schedule.on(TODAY)] == [(uid("new room"),)])

        async def trimmed() -> bool:
            return [each.entity for each in await hub.log.states(("lesson",))] == [f"lesson/{uid('new')}"]

        await until(trimmed, meanwhile=lambda: clock.pass_machine(3600))
    finally:
        await hub.stop()
