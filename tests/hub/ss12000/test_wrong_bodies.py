"""A body of the wrong shape is a 400 that stores nothing, also where it corrects an attendance that the hub has."""

import itertools
from typing import Any

import httpx
import pytest

from hub.assembly.services import Services
from hub.ss12000.resources import RESOURCES
from tests.hub.ss12000.conftest import BASE, token
from tests.hub.ss12000.school import GUARDIAN, ROOM, load, pupil, secret
from tests.hub.ss12000.test_posting import ABSENCE, ATTENDANCE, CAME, CORRECTED, newest, post
from tests.school import append, event

WRONG: list[Any] = [
    "canary", "", 7, -1.5, True, [], ["canary"], [{"id": pupil(1)}], {}, {"id": 7}, {"id": "canary"}, {"id": "\0"},
    {"id": None}, {"id": {"id": pupil(1)}}, {"securityMarking": "Ingen"}, "9" * 5000, "9" * 30, 10**30,
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00",
]  # fmt: skip
FULL = {**ATTENDANCE, **CORRECTED, "reporter": {"id": GUARDIAN}, "reportedTimestamp": "2026-11-24T09:00:00+01:00"}
BODIES = {"/absences": ABSENCE, "/attendances": FULL, "/attendanceEvents": CAME}
PLACES = [(path, name) for path, body in BODIES.items() for name in (*body, "id", "meta", "canary", "_embedded")]
REPORTER_KNOWN = {**FULL, "id": ROOM, "student": {"id": pupil(1)}}


@pytest.fixture
async def school(hub: Services) -> Services:
    """One with an attendance that names a reporter, so that a correction has one to compare with."""
    await load(hub, *secret())
    await append(hub, event("attendance.recorded", REPORTER_KNOWN, id="with-reporter"))
    return hub


@pytest.mark.parametrize(("path", "name"), PLACES)
async def test_no_value_of_a_field_brings_a_server_error(school, caller, path: str, name: str) -> None:
    for value, student in itertools.product(WRONG, (pupil(1), pupil(40))):
        body = {**BODIES[path], **({"student": {"id": student}} if "student" in BODIES[path] else {}), name: value}
        answer = await post(caller, path, body, "both")
        assert answer.status_code in (200, 400), (value, answer.status_code)
        assert "canary" not in answer.text or answer.status_code == 200


@pytest.mark.parametrize("reporter", ["canary", 7, ["canary"], [{"id": GUARDIAN}], True, {"id": "canary"}])
async def test_a_correction_is_checked_as_a_first_report_is(school, caller, reporter: Any) -> None:
    head = school.log.head()
    answers = []
    for student in (pupil(1), pupil(40)):  # the first corrects, the second is new
        body = {**FULL, "student": {"id": student}, "reporter": reporter}
        for id in ("both", "reporter"):
            answer = await post(caller, "/attendances", body, id)
            assert (answer.status_code, answer.json()["code"]) == (400, "body-invalid")
            answers.append((id, answer.json()["message"]))
    assert len(set(answers)) == 2, "the answer does not tell whether the hub knows the attendance"
    assert school.log.head() == head


async def test_a_right_correction_still_counts(school, caller) -> None:
    body = {**FULL, "student": {"id": pupil(1)}, "attendanceMinutes": 11}
    assert (await post(caller, "/attendances", body, "both")).status_code == 200
    _, data = await newest(school)
    assert (data["id"], data["attendanceMinutes"]) == (ROOM, 11)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/subscriptions", {"name": name, "target": target, "resourceTypes": ["Person"]})
        for name, target in itertools.product(
            ("x", "\0"), ("http://[::1", "https://\0", "https://" + "a" * 3000, "https://exämple.\u2100.se:99999/")
        )
    ],
)
async def test_no_subscription_brings_a_server_error(school, caller, path: str, body: Any) -> None:
    assert (await caller("all").call("POST", path, json=body)).status_code in (201, 400)


@pytest.mark.parametrize("expires", WRONG)
async def test_no_time_of_a_subscription_brings_a_server_error(school, caller, expires: Any) -> None:
    made = {"name": "x", "target": "https://receiver.example/", "resourceTypes": ["Person"]}
    own = (await caller("all").call("POST", "/subscriptions", json=made)).json()["id"]
    path = f"/subscriptions/{own}"
    answer = await caller("all").call("PATCH", path, "/subscriptions/{id}", json={"expires": expires})
    assert answer.status_code in (200, 400)


RESOURCE_OF = {each.path: each for each in RESOURCES}


@pytest.mark.parametrize("resource", RESOURCE_OF)
async def test_no_lookup_brings_a_server_error(school, http: httpx.AsyncClient, resource: str) -> None:
    names = [*sorted(RESOURCE_OF[resource].lookups), "ids", "canary"]
    for name, value in itertools.product(names, WRONG):
        for body in ({name: value}, {name: [value]}):
            headers = {"Authorization": f"Bearer {token('all')}"}
            answer = await http.post(f"{BASE}/{resource}/lookup", json=body, headers=headers)
            assert answer.status_code in (200, 400, 404), (body, answer.status_code)
