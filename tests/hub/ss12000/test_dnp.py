"""Skolverket's dialect (DNP, the national tests): what is told of records that have all that it demands validates.

It demands more than the standard: `civicNo` and `eduPersonPrincipalNames` of each person, `schoolUnitCode` of each
organisation, `activityType` and `parentActivity` of each activity, `schoolYear` (GR) and `educationCode` (GY). The hub
invents none of these: what a school system left out is left out here, and the last test says so.
"""

import json
from functools import cache
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

from tests.hub.ss12000 import official
from tests.hub.ss12000.conftest import is_current, records, wrapped
from tests.hub.ss12000.school import CLASS_7A, MATHS_7A, NORTH, enrolled, event, load, person, pupil
from tests.school import append

DNP = official.FILE.parent / "dnp"
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not DNP.is_dir(), reason="needs the reference material at ../shared"),
]
NAMES = {
    "persons": "person",
    "groups": "group",
    "duties": "duty",
    "activities": "activity",
    "organisations": "organisation",
}


@cache
def registry() -> Registry[Any]:
    schemas = [json.loads(path.read_text()) for path in sorted((DNP / "schema").glob("*.json"))]
    assert len(schemas) >= 18
    return Registry().with_resources([(each["$id"], Resource.from_contents(each)) for each in schemas])


def problems(path: str, item: dict[str, Any]) -> list[str]:
    schema = registry().contents(f"/schemas/{NAMES[path]}")
    validator = jsonschema.Draft202012Validator(schema, registry=registry())
    return [f"{'.'.join(map(str, error.path))}: {error.validator}" for error in validator.iter_errors(item)]


async def test_a_complete_record_of_each_kind_validates(hub, caller):
    await load(
        hub,
        person(
            pupil(30), "Lo", "Exempel", version=1, civicNo={"value": "201301020116", "nationality": "SE"},
            eduPersonPrincipalNames=["lo@exempel.se"], enrolments=[enrolled(NORTH)],
            emails=[{"value": "lo@exempel.se", "type": "Skola elev"}],
            externalIdentifiers=[{"value": "1", "context": "urn:x", "globallyUnique": True}],
        ),
        person(
            pupil(31), "My", "Exempel", version=1, civicNo={"value": "20090102-0117"},
            eduPersonPrincipalNames=["my@exempel.se"],
            enrolments=[enrolled(NORTH, "GY", educationCode="NA", programme={"id": pupil(77)})],
        ),
        event("directory.activity.upserted", {
            "id": pupil(60), "displayName": "Prov", "activityType": "Provaktivitet", "startDate": "2026-08-15",
            "calendarEventsRequired": False, "groups": [{"id": CLASS_7A}],
            "organisation": {"id": NORTH}, "parentActivity": {"id": MATHS_7A}, "comment": None,
        }, id="activity-9"),
    )  # fmt: skip
    all_ = caller("all")
    for path, id in (
        ("persons", pupil(30)),
        ("persons", pupil(31)),
        ("activities", pupil(60)),
        ("organisations", NORTH),
    ):
        item = (await all_.by_id(f"/{path}", id)).json()
        assert problems(path, item) == [], path
    for path in ("groups", "duties"):
        found = await all_.every(f"/{path}")
        assert found
        assert [problem for item in found for problem in problems(path, item)] == []


async def test_records_in_the_dialect_are_taken_and_told_in_it(hub, caller):
    """Skolverket's own samples, but for the person, whose id is no UUID."""
    group = json.loads((DNP / "samples" / "group_json.json").read_text())
    activity = json.loads((DNP / "samples" / "activity.json").read_text())
    members = [
        person(each["person"]["id"], "Prov", "Person", enrolments=[])
        for each in group.get("groupMemberships", ())
    ]  # fmt: skip
    await append(hub, wrapped("group", group), wrapped("activity", activity), *members, is_current(hub))
    # Standard members that the dialect lacks (startDate, calendarEventsRequired) are not made up, or have a default.
    group_out = (await caller("nameless").by_id("/groups", group["id"])).json()
    activity_out = (await caller("nameless").by_id("/activities", activity["id"])).json()
    assert problems("groups", group_out) == problems("groups", group)
    assert problems("activities", activity_out) == problems("activities", activity)
    assert group_out["displayName"] == group["displayName"]


async def test_what_a_school_system_leaves_out_is_where_it_does_not_validate(sis, caller):
    """The demo school: guardians have no civic number, nobody has an eduPersonPrincipalName, no activity a parent."""
    missing: dict[str, set[str]] = {}
    for path in NAMES:
        for item in await caller("all").every(f"/{path}"):
            for name in registry().contents(f"/schemas/{NAMES[path]}")["required"]:
                if name not in item:
                    missing.setdefault(path, set()).add(name)
    sent = {
        "persons": {"civicNo", "eduPersonPrincipalNames"}, "activities": {"parentActivity"},
        "organisations": {"schoolUnitCode"}, "groups": {"schoolType"},
    }  # fmt: skip
    assert missing == sent
    assert not any("parentActivity" in each for each in records("activity"))
