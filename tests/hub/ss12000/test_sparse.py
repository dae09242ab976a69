"""Records that lack what the standard requires: told all the same, by one rule, without a fact that nobody gave."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.hub.ss12000 import official
from tests.hub.ss12000.conftest import is_current
from tests.hub.ss12000.school import NORTH, SOURCE, check_in_id, lesson_id, pupil
from tests.hub.ss12000.test_privacy import EXPAND, PATHS
from tests.school import append, event, uid

DOCS = Path(__file__).parents[3] / "docs" / "consumers.md"
UNIT, CODED = uid("organisation", 8), uid("organisation", 9)
GROUP, PLACED = uid("group", 8), uid("group", 9)
DUTY = uid("duty", 8)
ACTIVITY, ALONE = uid("activity", 8), uid("activity", 9)
ROOM = uid("room", 8)
CAME = check_in_id(8)
CHILD = pupil(50)


def sparse() -> list[Any]:
    records = (
        ("organisation", {"id": UNIT}),
        ("organisation", {"id": CODED, "schoolUnitCode": "12345678", "organisationCode": "S1"}),
        ("organisation", {"id": NORTH, "displayName": "Norrskolan", "organisationType": "Skolenhet"}),
        ("person", {"id": CHILD, "securityMarking": "Ingen", "enrolments": [{"enroledAt": {"id": NORTH}}]}),
        ("group", {"id": GROUP, "groupMemberships": [{"person": {"id": CHILD}}]}),
        ("group", {"id": PLACED, "organisation": {"id": NORTH}}),
        ("duty", {"id": DUTY, "person": {"id": CHILD}, "assignmentRole": [{"group": {"id": GROUP}}]}),
        ("activity", {"id": ACTIVITY, "groups": [{"id": GROUP}, {"id": PLACED}], "teachers": [{"duty": {"id": DUTY}}]}),
        ("activity", {"id": ALONE}),
        ("room", {"id": ROOM}),
    )
    return [event(f"directory.{kind}.upserted", data, id=data["id"]) for kind, data in records] + [
        event("schedule.lesson.scheduled", {
            "id": lesson_id(50), "activity": {"id": ACTIVITY}, "startTime": "2026-11-24T09:40:00+01:00",
            "endTime": "2026-11-24T11:00:00+01:00",
        }, id="lesson"),
        event("attendance.checked_in", {
            "id": CAME, "person": {"id": CHILD}, "eventType": "In", "time": "2026-11-24T07:31:00+01:00",
        }, id="came"),
    ]  # fmt: skip


@pytest.fixture
async def school(hub):
    await append(hub, *sparse(), is_current(hub, SOURCE))
    return hub


async def read(client, path: str, expand: Any = ()) -> dict[str, dict[str, Any]]:
    shown = {"expand": EXPAND[path]} if expand and path in EXPAND else {}
    return {each["id"]: each for each in await client.every(path, shown)}


@pytest.mark.shared
@pytest.mark.parametrize("id", ["all", "blind", "nameless", "timetable"])
@pytest.mark.parametrize("expand", [False, True])
async def test_every_answer_is_the_standards_but_for_the_exceptions_that_are_told(school, caller, id, expand):
    """`Caller` holds each to the official file, what is embedded too; nobody is lost."""
    found = {path: await read(caller(id), path, expand) for path in PATHS}
    counts = {path: len(each) for path, each in found.items() if each}
    nothing_of_people = {"/organisations": 3, "/groups": 2, "/activities": 2, "/rooms": 1, "/calendarEvents": 1}
    assert {path: counts[path] for path in nothing_of_people} == nothing_of_people
    if id == "all":
        assert counts == {**nothing_of_people, "/persons": 1, "/duties": 1, "/attendanceEvents": 1}
    assert "1970" not in str(found)


async def test_a_name_that_nobody_gave_is_empty_and_an_organisations_its_code(school, caller):
    all_ = caller("all")
    organisations = await read(all_, "/organisations")
    assert {id: each["displayName"] for id, each in organisations.items()} == {
        UNIT: "", CODED: "12345678", NORTH: "Norrskolan",
    }  # fmt: skip
    assert [each["displayName"] for each in await all_.every("/organisations", {"sortkey": "DisplayNameAsc"})] == [
        "", "12345678", "Norrskolan",
    ]  # fmt: skip
    for path in ("/groups", "/activities", "/rooms"):
        assert {each["displayName"] for each in (await read(all_, path)).values()} == {""}
    (person,) = (await read(all_, "/persons")).values()
    assert (person["givenName"], person["familyName"]) == ("", "")
    assert "displayName" not in (await all_.by_id("/duties", DUTY, expandReferenceNames="true")).json()["person"]


async def test_a_date_or_a_place_that_nobody_gave_is_left_out(school, caller):
    all_ = caller("all")
    missing = {
        "GroupFragment": ("/groups", GROUP), "Duty": ("/duties", DUTY), "Activity": ("/activities", ALONE),
        "Room": ("/rooms", ROOM), "AttendanceEvent": ("/attendanceEvents", CAME),
    }  # fmt: skip
    for name, (path, id) in missing.items():
        found = (await all_.by_id(path, id)).json()
        required = official.document()["components"]["schemas"][name]["required"]
        assert {each for each in required if each not in found} == official.UNKNOWN[name], name


async def test_an_activity_is_where_its_groups_are(school, caller):
    """As for scopes and filters: what the hub goes by, it tells."""
    found = (await read(caller("all"), "/activities"))[ACTIVITY]
    assert found["organisation"] == {"id": NORTH}
    assert {each["id"] for each in await caller("all").every("/activities", {"organisation": NORTH})} == {ACTIVITY}


def test_each_exception_is_told_to_consumers():
    rows = re.findall(r"^  \| (.+) \| (`.+`) \| (.+) \|$", DOCS.read_text().partition("<!-- left out -->")[2], re.M)
    told = {name: set(re.findall(r"`(\w+)`", fields)) for name, fields, _ in rows}
    assert told == {
        "group": official.UNKNOWN["GroupFragment"], "duty": official.UNKNOWN["Duty"],
        "activity": official.UNKNOWN["Activity"], "room": official.UNKNOWN["Room"],
        "attendanceEvent": official.UNKNOWN["AttendanceEvent"] | official.HIDDEN["AttendanceEvent"],
        "person": official.HIDDEN["Person"],
    }  # fmt: skip
