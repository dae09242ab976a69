"""The last order stands on a running hub: the directory loses pupils and is out of date, also over a restart."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.catering.connector import Catering
from plugins.testing import School, TestHub, open_hub
from schemas.directory import DirectoryCurrent, OrganisationUpserted, PersonDeleted
from schemas.meals import MealsCount

COUNT = MealsCount.spec.type


@pytest.fixture
def school() -> School:
    return School()


@pytest.fixture
async def hub(tmp_path: Path, school: School) -> AsyncIterator[TestHub]:
    """The kitchen had its order of four pupils on Tuesday at 08:00 and on Wednesday at 08:00."""
    folder = tmp_path / "in"
    folder.mkdir()
    kitchen = {
        "id": "K-017",
        "units": [school.unit],
        "unit_code": "12345678",
        "sittings": [{"id": "1", "from": "11:10", "to": "11:40"}],
        "cutoffs": [{"applies_to": "normal", "time": "09:30"}],
        "staff_portions": 2,
    }
    settings = {
        "kitchens": [kitchen],
        "report_times": ["08:00", "09:30"],
        "transport": {"kind": "folder", "path": str(folder)},
        "poll": "1h",
    }
    async with open_hub("2026-11-24T07:00") as hub:
        await hub.add(Catering, settings)
        await hub.post(school.directory(hub.clock.utc().isoformat()))
        await hub.settle()
        for moment in ("2026-11-24T08:00", "2026-11-25T08:00"):
            await hub.advance_to(moment)
        assert [portions(each.data) for each in await hub.published(COUNT)] == [4, 4]
        yield hub


def portions(data: Any) -> int:
    return sum(int(row["portions"]) for row in data["counts"])


async def last_count(hub: TestHub) -> Any:
    return (await hub.published(COUNT))[-1].data


async def lose(hub: TestHub, school: School, pupils: list[str]) -> None:
    """The pupils leave the directory, which its source has not called complete for more than a day."""
    hub.clock.pass_machine(27 * 3600)
    await hub.post(school.event(PersonDeleted, {"id": each}) for each in pupils)
    await hub.settle()


def standing(hub: TestHub) -> list[str]:
    return [each for each in hub.problems() if "last-order-stands" in each]


async def test_the_last_order_stands_where_an_old_directory_has_lost_its_pupils(
    hub: TestHub, school: School, tmp_path: Path
) -> None:
    """Promise 9: a school system that fails empties no kitchen."""
    await lose(hub, school, school.pupils)
    await hub.advance_to("09:30")
    count = await last_count(hub)
    assert (portions(count), count["complete"], count["due"][:16]) == (4, False, "2026-11-25T09:30")
    (file,) = (tmp_path / "in").glob("KOST_12345678_20261125_0930_v*.csv")
    rows = [line.split(";") for line in file.read_text("utf-8-sig").splitlines()]
    assert {row[rows[0].index("complete")] for row in rows[1:]} == {"no"}
    (said,) = standing(hub)
    assert "kitchen K-017, 2026-11-25: the directory is not complete and lacks its pupils" in said


@pytest.mark.parametrize("crash", [False, True], ids=["restart", "crash"])
async def test_it_still_stands_after_the_hub_was_down(hub: TestHub, school: School, crash: bool) -> None:
    """Promise 9: what stands is in the store, and outlives the hub."""
    await lose(hub, school, school.pupils)
    if crash:
        await hub.crash()
    await hub.restart()
    await hub.advance_to("09:30")
    assert portions(await last_count(hub)) == 4
    await hub.restart()
    await hub.advance_to("2026-11-26T08:00")
    count = await last_count(hub)
    assert (count["date"], portions(count), count["complete"]) == ("2026-11-26", 4, False)
    assert len(standing(hub)) == 2


async def test_the_directory_counts_again_when_it_is_current(hub: TestHub, school: School) -> None:
    """A school that really has lost its pupils says so with directory.current."""
    await lose(hub, school, school.pupils[1:])
    await hub.advance_to("09:30")
    assert portions(await last_count(hub)) == 4
    now = hub.clock.utc().isoformat()
    await hub.post(
        school.event(DirectoryCurrent, {"asOf": now}, source=source) for source in ("urn:test:school", "urn:test:diets")
    )
    await hub.advance_to("2026-11-26T08:00")
    count = await last_count(hub)
    assert (count["date"], portions(count), count["complete"]) == ("2026-11-26", 1, True)


async def test_an_order_without_the_latest_word_of_the_school_system_says_so(hub: TestHub, school: School) -> None:
    """Promise 9: the school system said until when sums are complete, and was not heard again."""
    now = hub.clock.utc()
    until = (now + timedelta(minutes=10)).isoformat()
    await hub.post([school.event(DirectoryCurrent, {"asOf": now.isoformat(), "completeUntil": until})])
    await hub.advance_to("09:30")
    count = await last_count(hub)
    assert (portions(count), count["complete"]) == (4, True)
    hub.clock.pass_machine(600)
    await hub.advance_to("2026-11-26T08:00")
    count = await last_count(hub)
    assert (count["date"], portions(count), count["complete"]) == ("2026-11-26", 4, False)
    assert standing(hub) == [], "the directory lacks no pupil"


async def close_school(hub: TestHub, school: School, end: str, above: bool) -> None:
    """The school ends on that day, or the school that it is a part of; its pupils leave, and the directory is fresh."""
    unit = {"id": school.unit, "displayName": "Provskolan", "organisationType": "Skolenhet", "schoolTypes": ["GR"]}
    parent = {"id": "6c1d5d5a-3f3b-4d8e-9c43-0f0d2b8f7a11", "displayName": "Skolan"}
    units = [{**unit, "parentOrganisation": {"id": parent["id"]}}, {**parent, "endDate": end}]
    if not above:
        units = [{**unit, "endDate": end}]
    await hub.post(school.event(OrganisationUpserted, each) for each in units)
    await hub.post(school.event(PersonDeleted, {"id": each}) for each in school.pupils)
    now = hub.clock.utc().isoformat()
    await hub.post([school.event(DirectoryCurrent, {"asOf": now})])
    await hub.settle()


@pytest.mark.parametrize("above", [False, True], ids=["unit", "school-above"])
@pytest.mark.parametrize("end", ["2026-11-25", "2026-11-26"])
async def test_a_school_that_has_ended_gets_no_food_and_asks_no_person(
    hub: TestHub, school: School, end: str, above: bool
) -> None:
    await close_school(hub, school, end, above)
    await hub.advance_to("2026-11-26T08:00")
    count = await last_count(hub)
    ended = end < "2026-11-26"
    assert (portions(count), count["complete"]) == ((0, True) if ended else (4, False))
    assert bool(await hub.waiting("catering")) is not ended
