"""An independent school's records, through the hub and out again: whole, valid, without the protected."""

import json
from typing import Any

import pytest

from tests.hub.ss12000.conftest import LISTS, SIS, WINDOW, Caller, records, wrapped
from tests.school import append

pytestmark = pytest.mark.shared


def protected() -> list[dict[str, Any]]:
    return [each for each in records("person") if each["securityMarking"] != "Ingen"]


def hidden() -> set[str]:
    """The protected, and the guardians of protected pupils alone."""
    ids = {each["id"] for each in protected()}
    explained = {tie for each in records("person") if each["id"] not in ids for tie in _guardians(each)}
    return ids | {tie for each in protected() for tie in _guardians(each)} - explained


def _guardians(pupil: dict[str, Any]) -> set[str]:
    return {tie["person"]["id"] for tie in pupil.get("responsibles", ())}


@pytest.fixture
def everything(sis, caller) -> Caller:
    found: Caller = caller("all")
    return found


@pytest.mark.parametrize("kind", LISTS)
async def test_every_record_that_went_in_comes_out(everything, kind):
    """Without the protected; and every answer is valid by the official file (`Caller`)."""
    out = {each["id"]: each for each in await everything.every(f"/{LISTS[kind]}")}
    went_in = {each["id"]: each for each in records(kind)}
    assert out.keys() == went_in.keys() - hidden()


PLAIN = {
    "organisation": ("displayName", "organisationType", "schoolUnitCode", "schoolTypes", "parentOrganisation"),
    "person": ("givenName", "familyName", "birthDate", "sex", "personStatus", "externalIdentifiers", "enrolments"),
    "group": ("displayName", "groupType", "startDate", "endDate", "organisation", "schoolType"),
    "duty": ("person", "dutyAt", "dutyRole", "startDate", "signature", "dutyPercent", "description"),
    "activity": ("displayName", "activityType", "startDate", "organisation", "groups"),
    "lesson": ("activity", "startTime", "endTime", "rooms"),
}


@pytest.mark.parametrize("kind", PLAIN)
async def test_what_it_says_is_what_the_source_said(everything, kind):
    out = {each["id"]: each for each in await everything.every(f"/{LISTS[kind]}", {"expandReferenceNames": "false"})}
    compared = 0
    for sent in records(kind):
        if sent["id"] in hidden():
            continue
        for name in PLAIN[kind]:
            wanted = _without_names(sent.get(name))
            if wanted is not None:
                assert out[sent["id"]][name] == wanted, name
                compared += 1
    assert compared >= 10


def _without_names(value: Any) -> Any:
    """`displayName` of a reference is told only where it is asked for."""
    if isinstance(value, list):
        return [_without_names(each) for each in value]
    if isinstance(value, dict):
        return {name: _without_names(each) for name, each in value.items() if name != "displayName"}
    return value


async def test_oddities_become_what_the_standard_has(everything):
    persons = {each["id"]: each for each in await everything.every("/persons")}
    for sent in records("person"):
        if sent["id"] in hidden() or "civicNo" not in sent:
            continue
        number = persons[sent["id"]]["civicNo"]["value"]
        assert len(number) == 12
        assert number == sent["birthDate"].replace("-", "")[:8] + sent["civicNo"]["value"][-4:]
    assert {place["country"] for each in persons.values() for place in each.get("addresses", ())} == {"Sverige"}
    duties = {each["id"]: each["person"]["id"] for each in records("duty")}
    activities = {each["id"]: each for each in await everything.every("/activities")}
    for sent in records("activity"):
        teachers = {each["person"]["id"] for each in sent["teachers"]}
        assert {duties[each["duty"]["id"]] for each in activities[sent["id"]]["teachers"]} == teachers
        assert activities[sent["id"]]["calendarEventsRequired"] is False


async def test_nobody_protected_in_any_answer(sis, caller):
    """Promise 4: every list, expanded and named, every lookup and every id, of every client."""
    canaries = {
        value
        for each in protected()
        for value in (
            each["id"],
            each["civicNo"]["value"],
            each["civicNo"]["value"].replace("-", ""),
            each["emails"][0]["value"],
        )
        if value not in json.dumps([other for other in records("person") if other["id"] != each["id"]])
    }
    assert len(canaries) >= 6
    expand = {
        "persons": "duties,responsibleFor,groupMemberships",
        "groups": "assignmentRoles",
        "duties": "person",
        "activities": "groups,teachers",
        "calendarEvents": "activity,attendance",
    }
    for id in ("all", "blind", "nameless", "timetable"):
        client = caller(id)
        seen: list[str] = []
        for path in LISTS.values():
            shown = {"expandReferenceNames": "true", **({"expand": expand[path]} if path in expand else {})}
            window = WINDOW if path == "calendarEvents" else {}
            seen.append((await client.get(f"/{path}", **{**window, **shown})).text)
            seen.append((await client.lookup(f"/{path}", {"ids": sorted(hidden())})).text)
        for each in hidden():
            answer = await client.by_id("/persons", each)
            assert (answer.status_code, answer.content) == (404, b"")
            if id != "timetable":
                for params in ({"student": each}, {"member": each}):
                    path = "/calendarEvents" if "student" in params else "/activities"
                    window = WINDOW if "student" in params else {}
                    answer = await client.get(path, **{**window, **params})
                    assert answer.status_code == 403 or answer.json()["data"] == []
        text = "".join(seen)
        assert not [canary for canary in canaries if canary in text]


async def test_the_guardians_of_protected_pupils_alone_are_withheld_as_they_are(everything):
    """Promise 5: without these pupils the guardians would not be here, and their address tells where they live."""
    persons = {each["id"] for each in await everything.every("/persons")}
    guardians = {tie for each in protected() for tie in _guardians(each)}
    assert len(guardians) == 4
    assert not guardians & persons


async def test_a_pupil_who_becomes_protected_is_gone_from_the_next_answer_on(everything, sis):
    (changed,) = json.loads((SIS / "delta.persons.page1.json").read_text())["data"]
    assert (await everything.by_id("/persons", changed["id"])).status_code == 200
    first = await everything.page("/persons", {"limit": 10})
    await append(sis, wrapped("person", changed, 1))
    assert (await everything.by_id("/persons", changed["id"])).status_code == 404
    rest = await everything.page("/persons", {"pageToken": first["pageToken"], "limit": 1000})
    assert changed["id"] not in json.dumps(rest)
    assert changed["id"] not in json.dumps(await everything.every("/groups", {"expandReferenceNames": "true"}))


async def test_a_delta_has_what_has_changed_and_nothing_else(everything, sis, clock):
    watermark = max(each["meta"]["modified"] for each in await everything.every("/groups"))
    assert await everything.every("/groups", {"meta.modified.after": watermark}) == []
    (changed,) = json.loads((SIS / "delta.groups.page1.json").read_text())["data"]
    await append(sis, wrapped("group", changed, 1))
    (delta,) = await everything.every("/groups", {"meta.modified.after": watermark})
    assert delta["id"] == changed["id"]
    assert delta["displayName"] == changed["displayName"]


async def test_a_moved_lesson_is_in_the_delta_although_its_own_meta_lies_in_the_future(everything, sis):
    before = {each["id"]: each for each in await everything.every("/calendarEvents")}
    watermark = max(each["meta"]["modified"] for each in before.values())
    moved = [
        each
        for each in json.loads((SIS / "after.calendarEvents.page1.json").read_text())["data"]
        if before[each["id"]]["startTime"] != each["startTime"]
    ]
    assert moved
    await append(sis, *(wrapped("lesson", each, 1) for each in moved))
    delta = await everything.every("/calendarEvents", {"meta.modified.after": watermark})
    assert {each["id"]: each["startTime"] for each in delta} == {each["id"]: each["startTime"] for each in moved}


async def test_a_cancelled_lesson_says_so(everything):
    cancelled = {each["id"] for each in records("lesson") if each.get("cancelled")}
    assert cancelled
    assert {each["id"] for each in await everything.every("/calendarEvents") if each["cancelled"]} == cancelled
