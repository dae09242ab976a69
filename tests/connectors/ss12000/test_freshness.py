"""Until when sums are complete by the school system's word: `directory.current` says it after each pull (promise 9)."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from connectors.ss12000.config import Ss12000Config
from connectors.ss12000.connector import Ss12000
from plugins.testing import open_hub
from tests.connectors.ss12000.conftest import CURRENT, Pulled
from tests.connectors.ss12000.records import absence
from tests.peers.sis import TOKEN, Made, Query, Reply

POLL = timedelta(hours=1)  # of this instance


def no_absences(path: str, query: Query) -> Reply | None:
    return Reply(500, raw=b"") if path.endswith("/absences") else None


async def said(hub: Pulled) -> list[tuple[datetime, timedelta]]:
    """For each statement: as of when, and how long after that sums are complete, to the minute."""
    currents = [each.data for each in await hub.hub.published(CURRENT)]
    times = [(datetime.fromisoformat(each["asOf"]), datetime.fromisoformat(each["completeUntil"])) for each in currents]
    return [(as_of, timedelta(minutes=round((until - as_of).total_seconds() / 60))) for as_of, until in times]


async def pull(hub: Pulled) -> list[tuple[datetime, timedelta]]:
    """A minute later; returns what this pull has said."""
    before = len(await said(hub))
    hub.hub.clock.pass_machine(60)
    await hub.hub.poll("ss12000")
    return (await said(hub))[before:]


async def test_each_pull_says_until_when_sums_are_complete(hub: Pulled) -> None:
    assert [lasts for _, lasts in await said(hub)] == [3 * POLL]
    assert [lasts for _, lasts in await pull(hub)] == [3 * POLL]


async def test_absences_that_cannot_be_read_end_it_although_the_directory_is_current(hub: Pulled, sis: Made) -> None:
    """Kitchens rest on absences: their age counts."""
    sis.faults.append(no_absences)
    assert [lasts for _, lasts in await pull(hub)] == [3 * POLL, 3 * POLL - timedelta(minutes=1)], "said, and corrected"
    assert [lasts for _, lasts in await pull(hub)] == [3 * POLL - timedelta(minutes=2)]
    sis.faults.clear()
    assert (await pull(hub))[-1][1] == 3 * POLL


async def test_absences_that_were_never_read_end_it_at_once(hub: Pulled, sis: Made) -> None:
    sis.faults.append(no_absences)
    await hub.hub.restart()
    assert (await said(hub))[-1][1] == timedelta(0)


async def test_a_list_in_which_no_absence_can_be_read_was_not_read(hub: Pulled, sis: Made) -> None:
    sis.records["absences"] = [{"id": each["id"], "lasts": "a day"} for each in sis.records["absences"]]
    hub.hub.clock.pass_machine(60)
    await hub.nightly(25)
    assert hub.problems("unreadable") != []
    assert (await said(hub))[-1][1] < 3 * POLL


@pytest.mark.parametrize(("known", "fails"), [(3, True), (2, False)])
async def test_an_account_that_may_read_absences_no_more_ends_it(
    hub: Pulled, sis: Made, known: int, fails: bool
) -> None:
    """A list of changes that is empty looks as if no absence had come."""
    times = ("2026-11-24T08:00:00+01:00", "2026-11-25T16:00:00+01:00")
    sis.records["absences"] = [absence(n, n + 1, *times) for n in range(known)]
    await hub.nightly(25)
    sis.faults.append(
        lambda path, query: Reply(200, {"data": [], "pageToken": None}) if path.endswith("/absences") else None
    )
    hub.hub.clock.pass_machine(300)
    lasts = [lasts for _, lasts in await pull(hub)]
    assert (lasts[-1] < 3 * POLL) is fails
    assert bool(hub.problems("emptied")) is fails
    sis.faults.clear()
    assert [lasts for _, lasts in await pull(hub)][-1] == 3 * POLL


async def test_pulls_that_follow_each_other_at_once_say_it_once(hub: Pulled) -> None:
    """A supplier that calls after each change starts one pull a second, and the log keeps each statement."""
    before = len(await said(hub))
    for _ in range(5):
        hub.hub.clock.pass_machine(1)
        await hub.hub.poll("ss12000")
    assert len(await said(hub)) == before
    assert len(await pull(hub)) == 1


async def test_an_instance_for_absences_alone_says_it_of_them(config: dict[str, Any], sis: Made) -> None:
    """Promise 9. A municipality may have a system of its own for absences; while it is away, no sum is complete."""
    async with open_hub("2026-11-24T07:30") as hub:
        await hub.add(Ss12000, {**config, "resources": ["absences", "attendances"]})
        (said,) = await hub.published(CURRENT)
        assert said.data["resources"] == ["absences", "attendances"]
        assert (
            datetime.fromisoformat(said.data["completeUntil"]) - datetime.fromisoformat(said.data["asOf"]) == 3 * POLL
        )
        sis.faults.append(no_absences)
        hub.clock.pass_machine(60)
        await hub.poll("ss12000")
        last = (await hub.published(CURRENT))[-1]
        left = datetime.fromisoformat(last.data["completeUntil"]) - datetime.fromisoformat(last.data["asOf"])
        assert left < 3 * POLL


async def test_an_instance_for_lessons_alone_says_nothing(config: dict[str, Any], sis: Made) -> None:
    async with open_hub("2026-11-24T07:30") as hub:
        await hub.add(Ss12000, {**config, "resources": ["calendarEvents"]})
        assert await hub.published(CURRENT) == []


@pytest.mark.parametrize(
    ("settings", "age"),
    [({}, "0:10:00"), ({"poll": "20m"}, "1:00:00"), ({"poll": "1s"}, "0:10:00"), ({"stale_after": "2m"}, "0:02:00")],
)
def test_how_old_a_pull_may_be(settings: dict[str, Any], age: str) -> None:
    config = {"base_url": "https://sis.example/v2.0", "auth": {"token": TOKEN}, **settings}
    assert str(Ss12000Config.model_validate(config).stale_age()) == age
