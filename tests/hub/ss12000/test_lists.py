"""Lists as SS 12000 has them: filters, pages, sort keys, expansions, look-ups, errors."""

import pytest

from tests.hub.ss12000.conftest import BASE, WINDOW, token
from tests.hub.ss12000.school import (
    BODY,
    CLASS_7A,
    CLASS_8B,
    DUTY,
    GUARDIAN,
    LUNCH,
    MATHS_7A,
    NORTH,
    ROOM,
    SOUTH,
    TEACHER,
    absence,
    absence_id,
    attendance_id,
    check_in_id,
    lesson_id,
    load,
    person,
    pupil,
)
from tests.school import TERM, append, event


@pytest.fixture
async def all_(hub, caller):
    await load(hub)
    return caller("all")


async def ids(client, path, params=None):
    return {each["id"] for each in await client.every(path, params)}


FILTERS = [
    ("/organisations", {"parent": BODY}, {NORTH, SOUTH}),
    ("/organisations", {"schoolUnitCode": ["12345678", "00000000"]}, {NORTH}),
    ("/organisations", {"type": "Huvudman"}, {BODY}),
    ("/organisations", {"type": "Skolenhet", "schoolTypes": ["GRS", "GY"]}, {SOUTH}),
    ("/organisations", {"municipalityCode": "0180"}, {BODY, NORTH, SOUTH}),
    ("/organisations", {"municipalityCode": "0184"}, set()),
    ("/persons", {"nameContains": ["åS", "öbe"]}, {pupil(1)}),
    ("/persons", {"nameContains": "öberg"}, {pupil(1), GUARDIAN}),
    ("/persons", {"civicNo": "201301020116"}, {pupil(1)}),
    ("/persons", {"civicNo": "130102-0116"}, {pupil(1)}),
    ("/persons", {"civicNo": "201301020117"}, set()),
    ("/persons", {"relationship.entity.type": "enrolment"}, {pupil(n) for n in (1, 2, 3, 4)}),
    (
        "/persons",
        {
            "relationship.entity.type": "enrolment",
            "relationship.startDate.onOrBefore": "2026-11-24",
            "relationship.endDate.onOrAfter": "2026-11-24",
            "relationship.organisation": NORTH,
        },
        {pupil(1), pupil(2)},
    ),
    ("/persons", {"relationship.entity.type": "duty"}, {TEACHER}),
    ("/persons", {"relationship.entity.type": "groupMembership", "relationship.organisation": SOUTH}, {pupil(3)}),
    ("/persons", {"relationship.entity.type": "responsibleFor.enrolment"}, {GUARDIAN}),
    ("/persons", {"relationship.entity.type": "placement.child"}, set()),
    ("/persons", {"relationship.organisation": NORTH}, {pupil(1), pupil(2), pupil(4), TEACHER, GUARDIAN}),
    ("/groups", {"organisation": [NORTH]}, {CLASS_7A}),
    ("/groups", {"organisation": BODY}, set()),
    ("/groups", {"groupType": ["Klass", "Mentor"], "startDate.onOrBefore": TERM}, {CLASS_7A, CLASS_8B}),
    ("/groups", {"startDate.onOrAfter": "2026-08-18"}, set()),
    ("/groups", {"endDate.onOrBefore": "2020-01-01"}, {CLASS_7A, CLASS_8B}),
    ("/duties", {"organisation": BODY}, {DUTY}),
    ("/duties", {"person": TEACHER, "dutyRole": "Lärare"}, {DUTY}),
    ("/duties", {"dutyRole": "Rektor"}, set()),
    ("/activities", {"member": pupil(1)}, {MATHS_7A}),
    ("/activities", {"teacher": DUTY}, {MATHS_7A}),
    ("/activities", {"organisation": BODY}, {MATHS_7A, LUNCH}),
    ("/activities", {"group": CLASS_8B}, {LUNCH}),
    ("/calendarEvents", {}, {lesson_id(1), lesson_id(2), lesson_id(3)}),
    (
        "/calendarEvents",
        {"startTime.onOrAfter": "2026-11-24T09:40:00+01:00", "startTime.onOrBefore": "2026-11-24T08:40:00Z"},
        {lesson_id(1), lesson_id(3)},
    ),
    ("/calendarEvents", {"endTime.onOrAfter": "2026-11-25T11:00:00+01:00"}, {lesson_id(2)}),
    ("/calendarEvents", {"student": pupil(1)}, {lesson_id(1), lesson_id(2)}),
    ("/calendarEvents", {"student": pupil(2)}, {lesson_id(1), lesson_id(2), lesson_id(3)}),
    ("/calendarEvents", {"teacher": DUTY}, {lesson_id(1), lesson_id(2)}),
    ("/calendarEvents", {"group": CLASS_8B}, {lesson_id(3)}),
    ("/calendarEvents", {"organisation": SOUTH}, {lesson_id(3)}),
    ("/calendarEvents", {"activity": LUNCH}, {lesson_id(3)}),
    ("/rooms", {"organisation": NORTH}, {ROOM}),
    ("/rooms", {"organisation": SOUTH}, set()),
    ("/absences", {"student": pupil(1)}, {absence_id(1)}),
    ("/absences", {"organisation": NORTH}, {absence_id(1)}),
    ("/absences", {"registeredBy": GUARDIAN}, {absence_id(1)}),
    ("/absences", {"type": "Beviljad ledighet"}, set()),
    ("/absences", {"startTime.onOrAfter": "2026-11-24T08:00:00+01:00"}, {absence_id(2)}),
    ("/absences", {"endTime.onOrBefore": "2026-11-24T16:00:00+01:00"}, {absence_id(1)}),
    ("/attendances", {"student": pupil(2)}, {attendance_id(1)}),
    ("/attendances", {"organisation": BODY}, {attendance_id(1)}),
    ("/attendances", {"organisation": SOUTH}, set()),
    ("/attendances", {"calendarEvent": lesson_id(2)}, set()),
    ("/attendanceEvents", {"group": [CLASS_8B]}, {check_in_id(1)}),
    ("/attendanceEvents", {"person": pupil(1)}, set()),
]


@pytest.mark.parametrize(("path", "params", "found"), FILTERS)
async def test_a_filter_finds_what_it_asks_for(all_, path, params, found):
    assert await ids(all_, path, params) == found


async def test_every_filter_of_the_standard_is_known(hub, all_):
    from hub.ss12000.resources import RESOURCES
    from tests.hub.ss12000.official import document

    for resource in RESOURCES:
        names = {each["name"] for each in document()["paths"][f"/{resource.path}"]["get"]["parameters"]}
        ours = {*resource.filters, "limit", "pageToken", "expandReferenceNames"} | {
            f"meta.{which}.{when}" for which in ("created", "modified") for when in ("before", "after")
        }
        ours |= ({"expand"} if resource.expand else set()) | ({"sortkey"} if resource.sorts else set())
        assert names == ours, resource.path


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_pages_are_full_and_have_everything_once(all_, limit):
    whole = await all_.every("/persons")
    assert [each["id"] for each in await all_.every("/persons", limit=limit)] == [each["id"] for each in whole]
    assert len(whole) == 6


@pytest.mark.parametrize(
    ("path", "sortkey", "names"),
    [
        ("/persons", "FamilyNameAsc", ["Alm Bo", "Ek Zita", "Ek Ärla", "Ängström Tore", "Öberg Gun", "Öberg Åsa"]),
        ("/persons", "FamilyNameDesc", ["Öberg Åsa", "Öberg Gun", "Ängström Tore", "Ek Ärla", "Ek Zita", "Alm Bo"]),
        ("/persons", "DisplayNameAsc", ["Alm Bo", "Öberg Gun", "Ängström Tore", "Ek Zita", "Öberg Åsa", "Ek Ärla"]),
    ],
)
async def test_names_sort_in_swedish(all_, path, sortkey, names):
    for limit in (2, 100):
        found = await all_.every(path, {"sortkey": sortkey}, limit)
        assert [f"{each['familyName']} {each['givenName']}" for each in found] == names


async def test_lessons_sort_by_time_and_what_is_newest_first(all_, hub):
    starts = [each["startTime"] for each in await all_.every("/calendarEvents", {"sortkey": "StartTimeDesc"}, 1)]
    assert starts == sorted(starts, reverse=True)
    await append(hub, person(pupil(2), "Bo", "Alm-Ek", version=2))
    assert (await all_.every("/persons", {"sortkey": "ModifiedDesc"}))[0]["familyName"] == "Alm-Ek"


async def test_a_page_is_not_moved_by_what_changes_between(all_, hub):
    """In the order of ids, and in a sorted one: nobody twice, nobody missed."""
    for sortkey in ({}, {"sortkey": "FamilyNameAsc"}, {"sortkey": "ModifiedDesc"}):
        first = await all_.page("/persons", {"limit": 3, **sortkey})
        last = first["data"][-1]
        later = await ids(all_, "/persons") - {each["id"] for each in first["data"]}
        await append(
            hub,
            person(last["id"], "Aa", "Aa", version=hash(str(sortkey))),
            person(sorted(later)[0], "Aaa", "Aaa", version=hash(str(sortkey)) + 1),
        )
        rest = await all_.page("/persons", {"pageToken": first["pageToken"], "limit": 3})
        assert {each["id"] for each in rest["data"]} == later


async def test_a_token_is_for_one_client_and_one_list_and_stands_alone(all_, caller, http):
    page = await all_.page("/persons", {"limit": 1})
    one = page["pageToken"]
    for client, path, params in (
        (caller("second"), "/persons", {"pageToken": one}),
        (all_, "/groups", {"pageToken": one}),
        (all_, "/persons", {"pageToken": one[:-4] + "AAAA"}),
        (all_, "/persons", {"pageToken": "x"}),
        (all_, "/persons", {"pageToken": one, "nameContains": "x"}),
        (all_, "/persons", {"pageToken": one, "sortkey": "ModifiedDesc"}),
    ):
        answer = await client.get(path, **params)
        assert answer.status_code == 400
        assert answer.json().keys() == {"code", "message"}
    window = await all_.page("/calendarEvents", {**WINDOW, "limit": 1})
    assert len((await all_.page("/calendarEvents", {"pageToken": window["pageToken"]}))["data"]) == 2


async def test_a_sorted_list_that_is_kept_no_longer_is_gone(all_):
    first = await all_.page("/persons", {"limit": 1, "sortkey": "ModifiedDesc"})
    for _ in range(8):
        await all_.page("/persons", {"limit": 1, "sortkey": "ModifiedDesc"})
    answer = await all_.get("/persons", pageToken=first["pageToken"])
    assert (answer.status_code, answer.json()["code"]) == (410, "page-token-expired")


BAD = [
    ("/persons", {"limit": "0"}),
    ("/persons", {"limit": "x"}),
    ("/persons", {"limit": ["1", "2"]}),
    ("/persons", {"expand": "everything"}),
    ("/persons", {"expandReferenceNames": "yes"}),
    ("/persons", {"sortkey": "StartDateAsc"}),
    ("/persons", {"nameContain": "x"}),
    ("/persons", {"meta.modified.after": "2026-11-24"}),
    ("/persons", {"relationship.startDate.onOrBefore": "24/11"}),
    ("/duties", {"person": "x"}),
    ("/duties", {"dutyRole": "Vaktmästare"}),
    ("/calendarEvents", {}),
    ("/calendarEvents", {"startTime.onOrAfter": "2026-11-24T00:00:00+01:00"}),
    ("/deletedEntities", {"entities": "Persons"}),
    ("/deletedEntities", {"after": "yesterday"}),
    ("/subscriptions", {"limit": "-1"}),
]


@pytest.mark.parametrize(("path", "params"), BAD)
async def test_a_slip_is_told_and_widens_nothing(all_, path, params):
    answer = await all_.get(path, **params)
    assert answer.status_code == 400
    assert answer.json().keys() == {"code", "message"}


async def test_an_offset_whose_plus_was_not_encoded_is_understood(all_, http):
    answer = await http.get(
        f"{BASE}/calendarEvents?startTime.onOrAfter=2026-11-24T00:00:00+01:00&startTime.onOrBefore=2026-11-25T00:00:00+01:00",
        headers={"Authorization": f"Bearer {token('all')}"},
    )
    assert {each["id"] for each in answer.json()["data"]} == {lesson_id(1), lesson_id(3)}


async def test_an_error_quotes_nothing_of_what_was_sent(all_):
    for params in ({"civicNo": ["", "canary"]}, {"canary": "1"}, {"sortkey": "canary"}, {"pageToken": "canary"}):
        assert "canary" not in (await all_.get("/persons", **params)).text


async def test_by_id_or_404_without_a_body(all_):
    assert (await all_.by_id("/rooms", ROOM)).json()["displayName"] == "B214"
    assert (await all_.by_id("/rooms", ROOM.upper())).json()["id"] == ROOM
    for answer in (await all_.by_id("/rooms", pupil(1)), await all_.by_id("/persons", ROOM)):
        assert (answer.status_code, answer.content) == (404, b"")
    assert (await all_.by_id("/rooms", "x")).status_code == 400


@pytest.mark.parametrize("path", ["/placements", "/grades", "/programmes/x", "/log/", "/nothing", "/a%0Ab", ""])
async def test_what_is_not_offered_is_a_404_without_a_body(all_, http, path):
    answer = await http.get(BASE + path, headers={"Authorization": f"Bearer {token('all')}"})
    assert (answer.status_code, answer.content) == (404, b"")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
@pytest.mark.parametrize(
    "path", ["/persons", f"/rooms/{ROOM}", "/attendanceEvents/a%0Ab", "/a%0Ab", "/rooms/a%0Ab/c%0A", "/deletedEntities"]
)
async def test_a_method_that_is_not_offered_is_the_same_404(all_, http, method, path):
    answer = await http.request(method, BASE + path, headers={"Authorization": f"Bearer {token('all')}"})
    assert (answer.status_code, answer.content) == (404, b"")
    assert (await http.request(method, BASE + path)).status_code == 401


async def test_references_are_named_where_that_is_asked_for(all_):
    plain = (await all_.by_id("/activities", MATHS_7A)).json()
    assert "displayName" not in plain["groups"][0]
    named = (await all_.by_id("/activities", MATHS_7A, expandReferenceNames="true")).json()
    assert named["groups"] == [{"id": CLASS_7A, "displayName": "7A"}]
    assert named["organisation"] == {"id": NORTH, "displayName": "Norrskolan"}
    assert named["teachers"] == [{"duty": {"id": DUTY, "displayName": "Tore Ängström"}}]
    (absence_,) = await all_.every("/absences", {"student": pupil(1), "expandReferenceNames": "true"})
    assert absence_["student"] == {"id": pupil(1), "displayName": "Åsa Öberg"}
    assert absence_["registeredBy"]["displayName"] == "Gun Öberg"


async def test_expansions_embed_the_whole(all_):
    everything = {"expand": ["duties", "responsibleFor", "groupMemberships", "placements", "ownedPlacements"]}
    embedded = (await all_.by_id("/persons", TEACHER, **everything)).json()["_embedded"]
    assert [each["id"] for each in embedded["duties"]] == [DUTY]
    assert embedded["placements"] == []
    embedded = (await all_.by_id("/persons", GUARDIAN, **everything)).json()["_embedded"]
    assert embedded["responsibleFor"] == [{"person": {"id": pupil(1)}, "relationType": "Vårdnadshavare"}]
    (membership,) = (await all_.by_id("/persons", pupil(1), **everything)).json()["_embedded"]["groupMemberships"]
    assert (membership["group"]["id"], membership["startDate"]) == (CLASS_7A, TERM)
    assert "groupMemberships" not in membership["group"]
    (group,) = [each for each in await all_.every("/groups", {"expand": "assignmentRoles"}) if each["id"] == CLASS_7A]
    assert group["_embedded"]["assignmentRoles"] == [{"duty": {"id": DUTY}, "assignmentRoleType": "Mentor"}]
    (duty,) = await all_.every("/duties", {"expand": "person"})
    assert duty["_embedded"]["person"]["familyName"] == "Ängström"
    activity = (await all_.by_id("/activities", MATHS_7A, expand=["groups", "teachers", "syllabus"])).json()
    assert [each["id"] for each in activity["_embedded"]["groups"]] == [CLASS_7A]
    assert [each["id"] for each in activity["_embedded"]["teachers"]] == [DUTY]
    lesson = (await all_.by_id("/calendarEvents", lesson_id(1), expand=["activity", "attendance"])).json()
    assert lesson["_embedded"]["activity"]["id"] == MATHS_7A
    assert [each["student"]["id"] for each in lesson["_embedded"]["attendance"]] == [pupil(2)]
    (came,) = await all_.every("/attendanceEvents", {"expand": ["person", "group", "registeredBy"]})
    assert came["_embedded"]["person"]["givenName"] == "Zita"
    assert came["_embedded"]["registeredBy"]["givenName"] == "Tore"
    assert came["_embedded"]["group"]["id"] == CLASS_8B


LOOKUPS = [
    ("/organisations", {"ids": [NORTH], "schoolUnitCodes": ["87654321"]}, {NORTH, SOUTH}),
    ("/persons", {"ids": [pupil(1), pupil(99)], "civicNos": ["201301020116"]}, {pupil(1)}),
    ("/persons", {"civicNos": ["201301020116", "x"]}, {pupil(1)}),
    ("/groups", {"ids": [CLASS_7A, CLASS_8B]}, {CLASS_7A, CLASS_8B}),
    ("/duties", {"ids": []}, set()),
    ("/activities", {"teachers": [DUTY]}, {MATHS_7A}),
    ("/activities", {"members": [pupil(1), pupil(3)]}, {MATHS_7A, LUNCH}),
    ("/calendarEvents", {"activities": [LUNCH]}, {lesson_id(3)}),
    ("/calendarEvents", {"student": [pupil(3)]}, {lesson_id(3)}),
    ("/calendarEvents", {"teacher": [DUTY]}, {lesson_id(1), lesson_id(2)}),
    ("/attendances", {"students": [pupil(2)]}, {attendance_id(1)}),
    ("/attendances", {"activities": [MATHS_7A]}, {attendance_id(1)}),
    ("/attendances", {"calendareEvents": [lesson_id(1)]}, {attendance_id(1)}),
    ("/attendances", {"calendarEvents": [lesson_id(1)]}, {attendance_id(1)}),
    ("/attendanceEvents", {"person": [pupil(3)]}, {check_in_id(1)}),
    ("/rooms", {"ids": [ROOM]}, {ROOM}),
    ("/absences", {"ids": [absence_id(1)]}, {absence_id(1)}),
]


@pytest.mark.parametrize(("path", "body", "found"), LOOKUPS)
async def test_a_lookup_answers_with_a_bare_array(all_, path, body, found):
    answer = await all_.lookup(path, body)
    assert {each["id"] for each in answer.json()} == found


@pytest.mark.parametrize("body", [[], "x", {"ids": "x"}, {"ids": [1]}, {"ids": ["x"]}, {"other": []}])
async def test_a_lookup_of_something_else_is_told(all_, body):
    assert (await all_.lookup("/persons", body)).status_code == 400


async def test_more_than_an_answer_holds_is_a_503(all_, monkeypatch):
    monkeypatch.setattr("hub.ss12000.lists.MAX_LOOKUP", 1)
    answer = await all_.lookup("/groups", {"ids": [CLASS_7A, CLASS_8B]})
    assert (answer.status_code, answer.json()["code"]) == (503, "answer-too-large")


async def test_a_body_beyond_64_kib_is_refused_by_the_standards_error(all_):
    answer = await all_.lookup("/groups", {"ids": ["x" * 70_000]})
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")


async def test_what_is_gone_is_in_deleted_entities_and_nowhere_else(all_, hub):
    everything = await all_.page("/deletedEntities")
    assert everything["data"] == {}
    watermark = hub.clock.utc().isoformat()
    await append(
        hub,
        event("directory.person.deleted", {"id": pupil(4)}, id="gone-1"),
        event("directory.room.deleted", {"id": ROOM}, id="gone-2"),
        event("directory.activity.deleted", {"id": LUNCH}, id="gone-3"),
        absence(1, pupil(1), "withdrawn", 1),
    )
    gone = {
        "persons": [pupil(4)],
        "rooms": [ROOM],
        "activitites": [LUNCH],
        "absences": [absence_id(1)],
    }
    assert (await all_.page("/deletedEntities", {"after": watermark}))["data"] == gone
    assert (await all_.page("/deletedEntities", {"entities": ["Room", "Absence", "Grade"]}))["data"] == {
        name: gone[name] for name in ("rooms", "absences")
    }
    assert (await all_.page("/deletedEntities", {"after": hub.clock.utc().isoformat()}))["data"] == {}
    for path, id in (("/persons", pupil(4)), ("/rooms", ROOM), ("/activities", LUNCH)):
        assert (await all_.by_id(path, id)).status_code == 404
        assert id not in await ids(all_, path)
    page, found = await all_.page("/deletedEntities", {"limit": 1}), []
    while True:
        found.append(page["data"])
        if page["pageToken"] is None:
            break
        page = await all_.page("/deletedEntities", {"limit": 1, "pageToken": page["pageToken"]})
    assert len(found) == 4
    assert {name: ids_ for each in found for name, ids_ in each.items()} == gone


async def test_who_may_ask(http, caller, hub):
    answer = await http.get(f"{BASE}/persons")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json().keys() == {"code", "message"}
    answer = await caller("reporter").get("/persons")
    assert (answer.status_code, answer.json()["code"]) == (403, "role-missing")


async def test_a_list_read_before_anything_is_there_grows_with_the_log(hub, caller):
    all_ = caller("all")
    assert await all_.every("/persons") == []
    await load(hub)
    assert len(await all_.every("/persons")) == 6
