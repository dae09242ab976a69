"""A vendor's connector asks the kit's hub about the kit's school: staff, rooms and lessons."""

import json
from datetime import date, timedelta
from typing import Any

import pytest

from plugins import Answer, Category, Connector, ConnectorConfig, Contract, Received
from plugins.testing import School, open_hub

TODAY = date(2026, 11, 24)


class Timetable(Connector[ConnectorConfig]):
    """Answers a request with what the directory answers: `/lessons?teacher=...`."""

    name = "test-timetable"
    config_model = ConnectorConfig
    contract = Contract("tests", "none", {Category.STAFF, Category.IDENTITY, Category.NAME, Category.ATTENDANCE})

    async def receive(self, request: Received) -> Answer:
        how: dict[str, Any] = dict(each.split("=") for each in request.query.split("&") if each)
        if request.path != "/rooms":
            how["on"] = self.ctx.clock.school().date()
        if "organisations" in how:
            how["organisations"] = [how["organisations"]]
        found = await getattr(self.ctx.directory, request.path.removeprefix("/"))(**how)
        return Answer(200, json.dumps(found).encode())


class Nameless(Timetable):
    contract = Contract("tests", "none", {Category.STAFF})


class Premises(Timetable):
    contract = Contract("tests", "none", {Category.NONE})


@pytest.fixture
def school() -> School:
    return School()


async def answer(school: School, path: str, query: str = "", connector: type[Timetable] = Timetable) -> Any:
    async with open_hub("2026-11-24T09:50") as hub:
        await hub.add(connector, {})
        await hub.post(school.directory(hub.clock.utc().isoformat()))
        await hub.post([*school.lessons(TODAY), *school.lessons(TODAY + timedelta(days=1))])
        found = await hub.receive(connector.name, Received("GET", path, query=query))
    assert found is not None
    assert found.status == 200
    allowed = connector.contract.categories if connector.contract is not None else ()
    assert school.found_in(found.body, allowed) == []
    return json.loads(found.body)


async def test_the_teacher_is_staff_and_the_protected_one_is_not_shown(school: School) -> None:
    """Promise 4."""
    (teacher,) = await answer(school, "/staff")
    assert teacher["id"] == school.teacher
    assert [(each["id"], each["dutyRole"]) for each in teacher["duties"]] == [(school.duty, "Lärare")]


async def test_rooms_belong_to_the_school_unit(school: School) -> None:
    rooms = await answer(school, "/rooms", f"organisations={school.unit}", Premises)
    assert {(room["id"], room["displayName"]) for room in rooms} == {(school.room, "B214"), (school.other_room, "B215")}


async def test_the_lessons_of_a_room_today_and_which_of_them_are_cancelled(school: School) -> None:
    found = await answer(school, "/lessons", f"room={school.room}", Premises)
    assert [(each["startTime"], each["cancelled"]) for each in found] == [
        ("2026-11-24T09:40:00+01:00", False),
        ("2026-11-24T12:30:00+01:00", True),
    ]


async def test_a_teacher_s_lessons_leave_out_protected_people(school: School) -> None:
    """Promise 5."""
    first, second = await answer(school, "/lessons", f"teacher={school.teacher}")
    for each in (first, second):
        assert each["teachers"] == [{"duty": {"id": school.duty}, "person": {"id": school.teacher}}]
    assert [each["student"]["id"] for each in first["studentExceptions"]] == [school.pupils[0]]


@pytest.mark.parametrize("path", ["/staff", "/lessons"])
async def test_a_contract_without_identity_gets_pseudonyms(school: School, path: str) -> None:
    found = await answer(school, path, connector=Nameless)
    assert found
    assert school.teacher not in json.dumps(found)


async def test_a_group_s_lessons(school: School) -> None:
    assert len(await answer(school, "/lessons", f"group={school.group}", Premises)) == 2
    assert await answer(school, "/lessons", f"group={school.unit}", Premises) == []
