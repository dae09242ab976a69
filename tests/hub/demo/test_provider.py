"""The demo's school system, asked as any SS 12000 client would."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from hub.demo.provider import SchoolSystem
from hub.demo.school import School

LISTS = ("organisations", "persons", "groups", "duties", "activities", "rooms", "calendarEvents")


@pytest.fixture(scope="module")
def records() -> dict[str, list[dict[str, Any]]]:
    return School().records()


@pytest.fixture
def system(records: dict[str, list[dict[str, Any]]]) -> Iterator[SchoolSystem]:
    system = SchoolSystem(records)
    yield system
    system.stop()


def log_in(system: SchoolSystem, secret: str) -> httpx.Response:
    form = {"grant_type": "client_credentials", "client_id": "hub", "client_secret": secret}
    return httpx.post(system.login_url, data=form, trust_env=False)


@pytest.fixture
def client(system: SchoolSystem) -> Iterator[httpx.Client]:
    token = log_in(system, system.secret).json()["access_token"]
    with httpx.Client(base_url=system.url, headers={"Authorization": f"Bearer {token}"}, trust_env=False) as client:
        yield client


def every(client: httpx.Client, resource: str, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    answer = client.get(f"/{resource}", params=query).raise_for_status().json()
    while True:
        found += answer["data"]
        if answer["pageToken"] is None:
            return found
        answer = client.get(f"/{resource}", params={"pageToken": answer["pageToken"]}).raise_for_status().json()


@pytest.mark.parametrize("resource", LISTS)
@pytest.mark.parametrize("limit", ["7", "1000"])
def test_a_list_is_given_whole_page_by_page(
    client: httpx.Client, records: dict[str, list[dict[str, Any]]], resource: str, limit: str
) -> None:
    given = every(client, resource, limit=limit)
    plain = [{name: value for name, value in each.items() if name != "meta"} for each in given]
    assert plain == records[resource]
    first = client.get(f"/{resource}", params={"limit": limit}).json()["data"]
    assert len(first) == min(int(limit), 200, len(given))


def test_only_with_a_token_and_a_token_only_with_the_secret(system: SchoolSystem) -> None:
    assert log_in(system, "another").status_code == 401
    for headers in ({}, {"Authorization": "Bearer another"}):
        assert httpx.get(f"{system.url}/persons", headers=headers, trust_env=False).status_code == 401
    assert system.given["persons"] == set()


def test_a_record_by_id(client: httpx.Client, records: dict[str, list[dict[str, Any]]]) -> None:
    room = records["rooms"][3]
    assert client.get(f"/rooms/{room['id']}").json()["displayName"] == room["displayName"]
    assert client.get(f"/rooms/{records['persons'][0]['id']}").status_code == 404


def test_what_is_not_kept_is_not_there(client: httpx.Client, system: SchoolSystem) -> None:
    for resource in ("absences", "attendances", "attendanceEvents"):
        assert client.get(f"/{resource}").status_code == 404
    assert system.missing == {"absences", "attendances", "attendanceEvents"}
    assert client.get("/deletedEntities", params={"after": "2026-11-24T00:00:00Z"}).json()["data"] == {}


def test_a_cancelled_lesson_is_all_that_has_changed(client: httpx.Client, system: SchoolSystem) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    lesson = every(client, "calendarEvents")[5]
    assert every(client, "calendarEvents", **{"meta.modified.after": before.isoformat()}) == []
    system.cancel(lesson["id"])
    (changed,) = every(client, "calendarEvents", **{"meta.modified.after": before.isoformat()})
    assert {name for name in changed if changed[name] != lesson[name]} == {"cancelled", "meta"}
    assert changed["cancelled"] is True
    assert datetime.fromisoformat(changed["meta"]["modified"]).tzinfo is not None


def test_lessons_of_a_window(client: httpx.Client) -> None:
    window = {
        "startTime.onOrAfter": "2026-11-24T09:40:00+01:00",
        "startTime.onOrBefore": "2026-11-24T11:10:00Z",  # 12:10 at school
    }
    found = every(client, "calendarEvents", limit="5", **window)
    assert {each["startTime"][11:16] for each in found} == {"09:40", "12:10"}
    assert len(found) == 18


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "many"}, {"colour": "red"}, {"pageToken": "x"}, {"meta.modified.after": "now"}]
)
def test_a_question_that_is_none(client: httpx.Client, query: dict[str, str]) -> None:
    assert client.get("/persons", params=query).status_code == 400


def test_it_tells_its_time(client: httpx.Client) -> None:
    told = parsedate_to_datetime(client.get("/rooms").headers["date"])
    assert abs(told - datetime.now(UTC)) < timedelta(seconds=5)
