"""Reports by POST: they become events of the client's own source, and the answer is the stored object."""

import uuid

import pytest

from hub.ss12000.posting import source_of
from tests.hub.ss12000.conftest import BASE, CLIENTS, client, token
from tests.hub.ss12000.school import (
    CLASS_8B,
    GUARDIAN,
    NORTH,
    ROOM,
    SECRET,
    attendance_id,
    base,
    lesson_id,
    load,
    pupil,
    secret,
)
from tests.school import append, event

ABSENCE = {
    "startTime": "2026-11-24T08:00:00+01:00",
    "endTime": "2026-11-24T16:00:00+01:00",
    "type": "Anmäld frånvaro",
    "student": {"id": pupil(1)},
    "organisation": {"id": NORTH},
    "registeredBy": {"id": GUARDIAN},
}
ATTENDANCE = {
    "calendarEvent": {"id": lesson_id(1)},
    "student": {"id": pupil(1)},
    "isReported": True,
    "attendanceMinutes": 60,
    "validAbsenceMinutes": 20,
    "absenceReason": "canary: tandläkare",
}
CAME = {
    "time": "2026-11-24T07:31:00+01:00",
    "eventType": "In",
    "person": {"id": pupil(3)},
    "group": {"id": CLASS_8B},
}


@pytest.fixture
async def school(hub):
    await load(hub, *secret())
    return hub


async def post(caller, path, body, id="reporter", **headers):
    return await caller(id).call("POST", path, json=body, headers=headers)


async def newest(hub):
    found = (await hub.log.read(hub.log.start(), 999)).events[-1]
    return found.event.attributes, found.event.data


@pytest.mark.parametrize(
    ("path", "body", "type_"),
    [
        ("/absences", ABSENCE, "absence.reported"),
        ("/absences", {**ABSENCE, "type": "Beviljad ledighet"}, "absence.leave_granted"),
        ("/attendances", ATTENDANCE, "attendance.recorded"),
        ("/attendanceEvents", CAME, "attendance.checked_in"),
        ("/attendanceEvents", {**CAME, "eventType": "Ut"}, "attendance.checked_out"),
    ],
)
async def test_a_report_becomes_an_event_and_comes_back(school, caller, path, body, type_):
    answer = await post(caller, path, body, "both")
    assert answer.status_code == 200
    given = answer.json()
    assert {name: given[name] for name in body if name != "absenceReason"} == {
        name: value for name, value in body.items() if name != "absenceReason"
    }
    attributes, data = await newest(school)
    assert attributes["type"] == f"se.skolnav.{type_}.v1"
    assert attributes["source"] == "urn:skolnav:provkoping:ss12000:both"
    assert data["id"] == given["id"]
    read = (await caller("all").by_id(path, given["id"])).json()
    assert read == given


async def test_free_text_on_why_is_not_taken_up(school, caller):
    await post(caller, "/attendances", ATTENDANCE)
    assert "canary" not in str(await newest(school))


async def test_a_second_attendance_for_the_lesson_corrects_the_first(school, caller):
    first = (await post(caller, "/attendances", ATTENDANCE)).json()
    second = (await post(caller, "/attendances", {**ATTENDANCE, "attendanceMinutes": 80})).json()
    assert first["id"] == second["id"]
    (found,) = await caller("all").every("/attendances", {"student": pupil(1)})
    assert found["attendanceMinutes"] == 80


SENT = attendance_id(1)  # the school system's own, of pupil 2 at lesson 1
CORRECTED = {**ATTENDANCE, "student": {"id": pupil(2)}, "attendanceMinutes": 7, "validAbsenceMinutes": 0}


async def attendances(caller, **params):
    return [
        (each["id"], each["attendanceMinutes"], each["meta"]) for each in await caller("all").every(
            "/attendances", {"student": pupil(2), **params})
    ]  # fmt: skip


@pytest.mark.parametrize("id", ["both", "reporter"])
async def test_a_report_corrects_what_the_school_system_has_sent(school, caller, clock, id):
    ((_, _, meta),) = await attendances(caller)
    clock.pass_machine(3600)
    assert (await post(caller, "/attendances", CORRECTED, id)).status_code == 200
    ((own, minutes, corrected),) = await attendances(caller)
    assert (own, minutes) == (SENT, 7)
    assert corrected["created"] == meta["created"]
    assert corrected["modified"] > meta["modified"]
    attributes, data = await newest(school)
    assert attributes["source"] == f"urn:skolnav:provkoping:ss12000:{id}"
    assert data["organisation"] == {"id": NORTH}, "an entity's event carries it whole"


async def test_who_may_read_it_is_told_which_one_was_corrected_and_others_are_not(school, caller, clock):
    """Promise 5: that the school system has registered somebody is not told by an id or a time."""
    clock.pass_machine(3600)
    given = (await post(caller, "/attendances", CORRECTED, "both")).json()
    assert (await caller("all").by_id("/attendances", given["id"])).json() == given
    for student in (pupil(2), pupil(1), SECRET, pupil(120)):
        body = {**CORRECTED, "student": {"id": student}, "attendanceMinutes": 8}
        first, second = [(await post(caller, "/attendances", body)).json() for _ in range(2)]
        assert first == second
        assert uuid.UUID(first["id"]).version == 5
        assert first["meta"]["created"] == first["meta"]["modified"]
    given = (await post(caller, "/attendances", {**CORRECTED, "student": {"id": SECRET}}, "both")).json()
    assert uuid.UUID(given["id"]).version == 5
    assert given["meta"]["created"] == given["meta"]["modified"]


@pytest.mark.parametrize("id", ["both", "reporter"])
@pytest.mark.parametrize("student", [pupil(1), pupil(2)])
async def test_an_attendance_that_says_the_same_again_is_no_event(school, caller, clock, id, student):
    body = {**CORRECTED, "student": {"id": student}}
    first = (await post(caller, "/attendances", body, id)).json()
    head = school.log.head()
    clock.pass_machine(3600)
    assert (await post(caller, "/attendances", body, id)).json() == first
    assert (await post(caller, "/attendances", body, id, **{"Idempotency-Key": "new"})).json() == first
    assert school.log.head() == head
    bad = await post(caller, "/attendances", {**body, "otherAttendanceMinutes": "canary"}, id)
    assert bad.status_code == 400
    marked = {**body, "student": {"id": student, "securityMarking": "Sekretessmarkering"}}
    assert (await post(caller, "/attendances", marked, id)).status_code == 200
    assert school.log.head() != head


async def test_a_correction_is_undone_only_by_what_is_newer(school, caller):
    """The connector tells changes alone; what it has told before comes no second time."""
    for minutes, id in ((7, "both"), (9, "reporter"), (7, "both")):
        await post(caller, "/attendances", {**CORRECTED, "attendanceMinutes": minutes}, id)
        ((own, now, _),) = await attendances(caller)
        assert (own, now) == (SENT, minutes)
    sent = next(each for each in base() if each.data["id"] == SENT)
    await append(school, sent)
    ((_, now, _),) = await attendances(caller)
    assert now == 7
    await append(school, event("attendance.recorded", {**sent.data, "attendanceMinutes": 55}, id="changed"))
    ((own, now, _),) = await attendances(caller)
    assert (own, now) == (SENT, 55)


async def test_a_correction_lifts_no_mark(school, caller):
    marked = {**CORRECTED, "id": SENT, "student": {"id": pupil(2), "securityMarking": "Sekretessmarkering"}}
    await append(school, event("attendance.recorded", marked, id="marked"))
    for _ in range(2):
        await post(caller, "/attendances", {**CORRECTED, "attendanceMinutes": 8}, "both")
        assert await attendances(caller) == []


async def test_a_repeat_that_comes_after_a_correction_of_others_is_stored_once(school, caller):
    """Its key was given before the school system sent the attendance, so under another id."""
    key = {"Idempotency-Key": "attendance-1"}
    body = {**CORRECTED, "student": {"id": pupil(1)}}
    first = await post(caller, "/attendances", body, "both", **key)
    sent = {**body, "id": ROOM, "attendanceMinutes": 55}
    await append(school, event("attendance.recorded", sent, id="later"))
    head = school.log.head()
    again = await post(caller, "/attendances", body, "both", **key)
    assert again.status_code == 200
    assert again.json()["id"] == first.json()["id"]
    assert school.log.head() == head
    other = await post(caller, "/attendances", {**body, "attendanceMinutes": 1}, "both", **key)
    assert (other.status_code, other.json()["code"]) == (409, "key-conflict")


async def test_a_repeat_with_its_key_is_stored_once(school, caller):
    before = len((await school.log.read(school.log.start(), 999)).events)
    first = await post(caller, "/absences", ABSENCE, **{"Idempotency-Key": "report-1"})
    again = await post(caller, "/absences", ABSENCE, **{"Idempotency-Key": "report-1"})
    assert first.json() == again.json()
    assert len((await school.log.read(school.log.start(), 999)).events) == before + 1
    other = await post(caller, "/absences", {**ABSENCE, "endTime": "2026-11-24T12:00:00+01:00"}, **{
        "Idempotency-Key": "report-1"
    })  # fmt: skip
    assert (other.status_code, other.json()["code"]) == (409, "key-conflict")
    new = await post(caller, "/absences", ABSENCE)
    assert new.json()["id"] != first.json()["id"]


async def test_an_answer_tells_nothing_about_the_person(school, caller):
    """Known, protected or never heard of: the same, but for the id that the client sent."""
    answers = [
        (await post(caller, "/absences", {**ABSENCE, "student": {"id": id}})).json()
        for id in (pupil(1), SECRET, pupil(120))
    ]
    for each in answers:
        del each["id"], each["meta"], each["student"]
    assert answers[0] == answers[1] == answers[2]
    assert (await caller("all").every("/absences", {"student": SECRET})) == []


async def test_a_mark_on_the_reference_guards_the_report(school, caller):
    body = {**ABSENCE, "student": {"id": pupil(1), "securityMarking": "Sekretessmarkering"}}
    answer = await post(caller, "/absences", body)
    assert (await caller("all").by_id("/absences", answer.json()["id"])).status_code == 404


async def test_a_client_reports_by_the_names_it_knows(school, http, caller):
    from dataclasses import replace

    from schemas import Category

    school.config = replace(
        school.config,
        clients=(*CLIENTS, client("board", Category.ATTENDANCE, roles=("publisher", "subscriber"))),
    )
    name = school.keys.pseudonyms("provkoping/client/board").of(pupil(1))
    answer = await post(caller, "/absences", {**ABSENCE, "student": {"id": name}}, "board")
    assert answer.json()["student"] == {"id": name}
    _, data = await newest(school)
    assert data["student"] == {"id": pupil(1)}


BAD = [
    ("/absences", []),
    ("/absences", {}),
    ("/absences", {**ABSENCE, "type": "Skolk"}),
    ("/absences", {**ABSENCE, "startTime": "2026-11-24T08:00:00"}),
    ("/absences", {**ABSENCE, "student": {}}),
    ("/absences", {**ABSENCE, "student": {"id": "canary"}}),
    ("/absences", {**ABSENCE, "student": "canary"}),
    ("/absences", {**ABSENCE, "student": None}),
    ("/attendances", {**ATTENDANCE, "isReported": "canary"}),
    ("/attendances", {**ATTENDANCE, "attendanceMinutes": -5}),
    ("/attendances", {**ATTENDANCE, "calendarEvent": None}),
    ("/attendanceEvents", {**CAME, "eventType": "canary"}),
    ("/attendanceEvents", {**CAME, "time": "canary"}),
]


NONSENSE = [
    ("/absences", {**ABSENCE, "endTime": "2026-11-24T07:59:00+01:00"}, "endTime"),
    ("/absences", {**ABSENCE, "endTime": "2026-11-24T07:30:00Z", "startTime": "2026-11-24T08:31:00+01:00"}, "endTime"),
    ("/attendances", {**ATTENDANCE, "attendanceMinutes": -1}, "attendanceMinutes"),
    ("/attendances", {**ATTENDANCE, "invalidAbsenceMinutes": 1.5}, "invalidAbsenceMinutes"),
    ("/attendances", {name: value for name, value in ATTENDANCE.items() if name != "isReported"}, "isReported"),
    ("/attendanceEvents", {name: value for name, value in CAME.items() if name != "group"}, "group"),
    ("/attendanceEvents", {**CAME, "group": None}, "group"),
    ("/attendanceEvents", {**CAME, "group": {"id": "7A"}}, "group.id"),
    ("/attendanceEvents", {name: value for name, value in CAME.items() if name != "person"}, "person"),
]


@pytest.mark.parametrize(("path", "body", "field"), NONSENSE)
async def test_a_report_that_cannot_be_true_or_whole_is_told_by_its_field(school, caller, path, body, field):
    """All that the standard requires of what is posted (`id` and `meta` are the hub's to give)."""
    before = school.log.head()
    answer = await post(caller, path, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "body-invalid")
    assert f"{field}:" in answer.json()["message"] or f"`{field}`" in answer.json()["message"]
    assert school.log.head() == before


async def test_an_absence_may_be_a_moment(school, caller):
    assert (await post(caller, "/absences", {**ABSENCE, "endTime": "2026-11-24T07:00:00Z"})).status_code == 200


@pytest.mark.parametrize(("path", "body"), BAD)
async def test_what_is_no_report_is_told_and_nothing_is_stored(school, caller, path, body):
    before = school.log.head()
    for id in ("reporter", "both"):
        answer = await post(caller, path, body, id)
        assert answer.status_code == 400
        assert "canary" not in answer.text
    assert school.log.head() == before


async def test_no_json_is_told(school, http):
    answer = await http.post(f"{BASE}/absences", content=b"{", headers={"Authorization": f"Bearer {token('reporter')}"})
    assert (answer.status_code, answer.json()["code"]) == (400, "body-invalid")


@pytest.mark.parametrize(("id", "code"), [
    ("all", "role-missing"), ("elsewhere", "not-permitted-to-publish"), ("leaver", "not-permitted-to-publish"),
])  # fmt: skip
async def test_who_may_not_report(school, caller, id, code):
    answer = await post(caller, "/absences", ABSENCE, id)
    assert (answer.status_code, answer.json()["code"]) == (403, code)


async def test_what_cannot_be_posted_is_not_there(school, http):
    for path in ("/persons", "/calendarEvents"):
        answer = await http.post(f"{BASE}{path}", json={}, headers={"Authorization": f"Bearer {token('both')}"})
        assert (answer.status_code, answer.content) == (404, b"")


async def test_a_withdrawn_report_is_gone(school, caller):
    given = (await post(caller, "/absences", ABSENCE)).json()
    data = {**ABSENCE, "id": given["id"]}
    await append(school, event("absence.withdrawn", data, id="w-1", source=source_of(school, "reporter")))
    assert (await caller("all").by_id("/absences", given["id"])).status_code == 404
    gone = await caller("all").page("/deletedEntities", {"entities": "Absence"})
    assert gone["data"] == {"absences": [given["id"]]}


async def test_what_the_school_system_sends_after_a_report_takes_its_place(school, caller):
    """Under an id of its own, of which the report knew nothing: the later of the two is the lesson's."""
    all_ = caller("all")
    body = {**ATTENDANCE, "student": {"id": pupil(3)}}
    given = (await post(caller, "/attendances", body)).json()["id"]
    before = school.clock.utc().isoformat()
    sent = {**body, "id": ROOM, "attendanceMinutes": 55}
    await append(school, event("attendance.recorded", sent, id="after"))
    assert [each["id"] for each in await all_.every("/attendances", {"student": pupil(3)})] == [ROOM]
    assert (await all_.by_id("/attendances", given)).status_code == 404
    lesson = (await all_.by_id("/calendarEvents", lesson_id(1), expand=["attendance"])).json()
    assert [each["id"] for each in lesson["_embedded"]["attendance"]] == sorted([ROOM, SENT])
    for asked in ({}, {"after": before}):
        gone = await all_.page("/deletedEntities", {"entities": "Attendance", **asked})
        assert gone["data"] == {"attendances": [given]}
    later = await all_.page("/deletedEntities", {"after": school.clock.utc().isoformat()})
    assert later["data"] == {}
    await post(caller, "/attendances", {**body, "attendanceMinutes": 30})
    (found,) = await all_.every("/attendances", {"student": pupil(3)})
    assert (found["id"], found["attendanceMinutes"]) == (ROOM, 30)


async def test_two_that_the_school_system_itself_has_sent_are_both_told(school, caller):
    """Nothing that a source says is lost by a rule of ours."""
    sent = {**ATTENDANCE, "id": ROOM, "student": {"id": pupil(2)}}
    await append(school, event("attendance.recorded", sent, id="twice"))
    assert [own for own, _, _ in await attendances(caller)] == sorted([ROOM, SENT])
