"""Every answer through the gate: contracts, pseudonyms, scope, silence, disclosures that are durable first."""

import json
import re
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date

import httpx
import pytest

from hub.api.app import create_app
from hub.store import disclosures
from schemas import Category
from tests.hub.api.conftest import running
from tests.hub.ss12000.conftest import (
    BASE,
    CLIENTS,
    LISTS,
    WINDOW,
    Caller,
    client,
    is_current,
    token,
)
from tests.hub.ss12000.school import (
    CLASS_7A,
    DUTY,
    GUARDIAN,
    NORTH,
    ROOM,
    SECRET,
    SOURCE,
    SOUTH,
    TEACHER,
    absence,
    base,
    check_in_id,
    enrolled,
    group,
    lesson,
    lesson_id,
    load,
    person,
    pupil,
    secret,
)
from tests.school import append, event

CANARIES = (SECRET, "Canary", "Hemlig", "9999", "canary@example.se", "-000000000099")
PATHS = [*(f"/{each}" for each in LISTS.values()), "/rooms", "/absences", "/attendances", "/attendanceEvents"]
EXPAND = {
    "/persons": ["duties", "responsibleFor", "groupMemberships"],
    "/groups": ["assignmentRoles"],
    "/duties": ["person"],
    "/activities": ["groups", "teachers"],
    "/calendarEvents": ["activity", "attendance"],
    "/attendanceEvents": ["person", "group", "registeredBy"],
}


def withheld() -> list:
    """All that the secret pupil adds to what others see."""
    return [
        *secret(),
        group(CLASS_7A, "7A", NORTH, pupil(1), pupil(2), SECRET),
        lesson(2, "2026-11-25", studentExceptions=[{"student": {"id": SECRET}, "participates": True}]),
        absence(1, pupil(1), registeredBy={"id": GUARDIAN}, organisation={"id": NORTH}),
    ]


async def everything(caller: Caller, limit: int) -> list[str]:
    """All that a client can get, as text: pages, expansions, look-ups, ids; tokens by whether there is one."""
    texts = []
    for path in PATHS:
        window = WINDOW if path == "/calendarEvents" else {}
        for shown in ({}, {"expandReferenceNames": "true", **({"expand": EXPAND[path]} if path in EXPAND else {})}):
            page = await caller.get(path, limit=limit, **window, **shown)
            while True:
                texts.append(f"{path} {page.status_code} {page.text}")
                following = page.json().get("pageToken")
                if following is None:
                    break
                page = await caller.get(path, pageToken=following, limit=limit)
        texts.append((await caller.lookup(path, {"ids": [SECRET, pupil(1), lesson_id(1)]})).text)
        answer = await caller.by_id(path, SECRET)
        texts.append(f"{answer.status_code} {sorted(answer.headers.items())} {answer.text}")
    for path, name in (("/calendarEvents", "student"), ("/activities", "member"), ("/absences", "student")):
        window = WINDOW if path == "/calendarEvents" else {}
        texts.append((await caller.get(path, **{name: SECRET}, **window)).text)
    texts.append((await caller.get("/persons", nameContains="Canary")).text)
    texts.append((await caller.get("/persons", civicNo="201303039999")).text)
    texts.append((await caller.get("/deletedEntities")).text)
    return texts


@pytest.fixture
async def school(hub):
    await load(hub, *secret())
    return hub


@pytest.mark.parametrize("id", ["all", "blind", "nameless", "timetable"])
async def test_nothing_of_who_is_protected_is_in_any_answer(school, caller, id):
    """Promise 4."""
    texts = "".join(await everything(caller(id), 2))
    assert "Norrskolan" in texts
    # What the client named itself is no telling; look-ups and filters repeat nothing.
    assert [canary for canary in CANARIES if canary in texts] == []


@asynccontextmanager
async def world(folder, clock, *events):
    async with running(folder, clock) as hub:
        hub.config = replace(hub.config, clients=CLIENTS)
        await append(hub, *events, is_current(hub, SOURCE))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(create_app(hub)), base_url="http://hub") as http:
            yield http


TIMES = re.compile(r'"(created|modified)":"[^"]*"')
TOKEN = re.compile(r'"pageToken":"[^"]*"')


def told(text: str) -> str:
    """Times differ between two runs, and tokens between two calls, but for their length."""
    return TOKEN.sub(lambda found: f'"pageToken":{len(found[0])}', TIMES.sub("", text))


@pytest.mark.parametrize("id", ["all", "blind", "nameless", "timetable"])
@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_two_worlds_that_differ_in_what_is_withheld_answer_the_same(tmp_path, clock, id, limit):
    """Promise 5: pages, their sizes, whether a token follows, 404s."""
    texts = []
    own = {each.attributes["id"] for each in withheld()}
    for name, events in (
        ("without", base()),
        ("with", [*(each for each in base() if each.attributes["id"] not in own), *withheld()]),
    ):
        (tmp_path / name).mkdir()
        async with world(tmp_path / name, clock, *events) as http:
            texts.append([told(each) for each in await everything(Caller(http, id), limit)])
    assert texts[0] == texts[1]
    assert len(texts[0]) > 30


async def test_a_token_does_not_follow_where_only_the_withheld_do(hub, caller):
    """Promise 5: the last page says that it is the last."""
    everybody = [each for each in base() if each.attributes["type"].startswith("se.skolnav.directory.person")]
    ids = sorted(each.data["id"] for each in everybody)
    hidden = f"ffffffff{SECRET[8:]}"
    await append(hub, *everybody, person(hidden, "Canary", "Hemlig", "Sekretessmarkering"), is_current(hub, SOURCE))
    page = await caller("all").page("/persons", {"limit": len(ids)})
    assert [each["id"] for each in page["data"]] == ids
    assert page["pageToken"] is None


async def test_a_contract_without_identity_gets_its_own_names_for_persons(school, caller):
    blind = caller("blind")
    persons = await blind.every("/persons")
    of = school.keys.pseudonyms("provkoping/client/blind").of
    assert {each["id"] for each in persons} == {of(id) for id in (*map(pupil, (1, 2, 3, 4)), TEACHER, GUARDIAN)}
    assert not any("meta" in each or "civicNo" in each for each in persons)
    text = "".join(await everything(blind, 100))
    for id in (pupil(1), pupil(2), TEACHER):
        assert id not in text
    # Under its own name a person is found, in filters, look-ups and by id; under the real one nobody is.
    assert (await blind.by_id("/persons", of(pupil(1)))).json()["givenName"] == "Åsa"
    assert (await blind.by_id("/persons", pupil(1))).status_code == 404
    assert [each["id"] for each in (await blind.lookup("/persons", {"ids": [of(pupil(1)), pupil(2)]})).json()] == [
        of(pupil(1))
    ]
    assert len(await blind.every("/calendarEvents", {"student": of(pupil(1))})) == 2
    assert await blind.every("/calendarEvents", {"student": pupil(1)}) == []
    assert len(await blind.every("/absences", {"student": of(pupil(1))})) == 1
    assert await blind.every("/absences", {"student": pupil(1)}) == []
    (duty,) = await blind.every("/duties", {"person": of(TEACHER), "expand": "person"})
    assert duty["_embedded"]["person"]["id"] == of(TEACHER) == duty["person"]["id"]
    embedded = (await blind.by_id("/persons", of(pupil(1)), expand="groupMemberships")).json()["_embedded"]
    assert len(embedded["groupMemberships"]) == 1


async def test_pseudonyms_come_in_an_order_of_their_own(school, caller):
    """By real ids two clients could lay their lists side by side."""
    for limit in (2, 100):
        ids = [each["id"] for each in await caller("blind").every("/persons", limit=limit)]
        assert ids == sorted(ids)


BEYOND = [
    ("nameless", "/persons", {"nameContains": "Åsa"}),
    ("nameless", "/persons", {"sortkey": "FamilyNameAsc"}),
    ("blind", "/persons", {"civicNo": "201301020116"}),
    ("blind", "/persons", {"meta.modified.after": "2026-01-01T00:00:00Z"}),
    ("blind", "/persons", {"sortkey": "ModifiedDesc"}),
    ("timetable", "/persons", {"relationship.entity.type": "enrolment"}),
    ("nameless", "/persons", {"relationship.entity.type": "duty"}),
    ("timetable", "/calendarEvents", {**WINDOW, "student": pupil(1)}),
    ("timetable", "/calendarEvents", {**WINDOW, "teacher": DUTY}),
    ("timetable", "/activities", {"member": pupil(1)}),
    ("timetable", "/absences", {"type": "Anmäld frånvaro"}),
]


@pytest.mark.parametrize(("id", "path", "params"), BEYOND)
async def test_what_the_contract_hides_cannot_be_asked_for(school, caller, id, path, params):
    """It would tell: whoever is found has what was asked for."""
    answer = await caller(id).get(path, **params)
    assert (answer.status_code, answer.json()["code"]) == (403, "beyond-contract")


@pytest.mark.parametrize(("id", "path", "body"), [
    ("blind", "/persons", {"civicNos": ["201301020116"]}),
    ("timetable", "/activities", {"teachers": [DUTY]}),
])  # fmt: skip
async def test_nor_looked_up(school, caller, id, path, body):
    assert (await caller(id).lookup(path, body)).status_code == 403


async def test_what_the_contract_hides_is_left_out_or_empty_where_a_name_is_required(school, caller):
    (one,) = [each for each in await caller("nameless").every("/persons") if each["id"] == pupil(1)]
    told = {"id", "meta", "civicNo", "birthDate", "personStatus", "enrolments"}
    assert one.keys() == told | {"givenName", "familyName"}
    assert (one["givenName"], one["familyName"]) == ("", "")
    lessons = await caller("timetable").every("/calendarEvents", {"expandReferenceNames": "true"})
    assert len(lessons) == 3
    assert lessons[0].keys() == {"id", "meta", "activity", "startTime", "endTime", "cancelled", "rooms"}
    assert await caller("timetable").every("/persons") == []
    assert await caller("timetable").every("/absences") == []
    (activity,) = [
        each for each in await caller("timetable").every("/activities", {"expand": "teachers"})
        if each["displayName"] == "Matematik 7A"
    ]  # fmt: skip
    assert "teachers" not in activity
    assert activity["_embedded"] == {"teachers": []}


async def test_without_attendance_nobody_came_or_left(school, caller):
    """Who and in which group is left of it: enough to tell that the child was there."""
    nameless, came = caller("nameless"), check_in_id(1)
    for path in ("/attendanceEvents", "/absences", "/attendances"):
        assert await nameless.every(path) == []
    assert (await nameless.lookup("/attendanceEvents", {"ids": [came]})).json() == []
    assert (await nameless.by_id("/attendanceEvents", came)).status_code == 404
    assert (await caller("blind").by_id("/attendanceEvents", came)).status_code == 200


async def test_a_scope_holds_for_lists_filters_names_and_what_is_embedded(school, http):
    school.config = replace(
        school.config, clients=(*CLIENTS, client("north", *Category, scope={"organisations": frozenset({NORTH})}))
    )
    north = Caller(http, "north")
    assert {each["id"] for each in await north.every("/organisations")} == {NORTH}
    assert {each["id"] for each in await north.every("/persons")} == {pupil(1), pupil(2), TEACHER, GUARDIAN}
    assert {each["id"] for each in await north.every("/calendarEvents")} == {lesson_id(1), lesson_id(2)}
    assert [each["student"]["id"] for each in await north.every("/absences")] == [pupil(1)]
    assert await north.every("/calendarEvents", {"student": pupil(3)}) == []
    found = await north.every("/organisations", {"expandReferenceNames": "true"})
    assert "displayName" not in found[0]["parentOrganisation"]
    assert SOUTH not in "".join(await everything(north, 100))


async def test_a_contract_that_leaves_nothing_reads_nothing(school, caller, monkeypatch):
    """Neither time nor the log of disclosures grows with what is there."""
    read = []
    get = type(school.log).get

    async def noted(log, places):
        read.extend(places)
        return await get(log, places)

    monkeypatch.setattr(type(school.log), "get", noted)
    timetable = caller("timetable")
    assert await timetable.every("/persons") == []
    assert (await timetable.lookup("/persons", {"ids": [pupil(1)]})).json() == []
    assert read == []
    assert len(await timetable.every("/rooms")) == len(read) == 1


async def test_who_is_outside_the_scope_is_not_read(school, http, monkeypatch):
    """A school's list costs what the school has, not what the municipality has; who is not known yet gets a mark."""
    school.config = replace(
        school.config, clients=(*CLIENTS, client("south", *Category, scope={"organisations": frozenset({SOUTH})}))
    )
    await append(school, person(pupil(8), "Ny", "Elev", enrolments=[{**enrolled(NORTH), "enroledAt": {"id": ROOM}}]))
    read = []
    get = type(school.log).get

    async def noted(log, places):
        read.extend(places)
        return await get(log, places)

    monkeypatch.setattr(type(school.log), "get", noted)
    assert {each["id"] for each in await Caller(http, "south").every("/persons")} == {pupil(3)}
    told = {each.id for each in await get(school.log, read)}
    assert f"person-{pupil(1)}-0" not in told
    assert f"person-{pupil(8)}-0" in told


async def test_what_an_answer_discloses_is_durable_before_it_is_given(school, caller):
    await caller("all").every("/persons")
    stored = {each.id: each for each in (await school.log.read(school.log.start(), 999)).events}
    seen = stored[f"person-{pupil(1)}-0"]
    rows = await school.store.read(disclosures.for_place("provkoping", "client/all", seen.at))
    assert [(row.disclosure.subscription, row.decided.allowed) for row in rows] == [("ss12000", True)]
    hidden = stored[f"person-{SECRET}-0"]
    await school.withheld.beside.save()  # denials may follow the answer
    rows = await school.store.read(disclosures.for_place("provkoping", "client/all", hidden.at))
    assert [row.decided.allowed for row in rows] == [False]


async def test_what_is_embedded_or_named_is_disclosed_too(school, caller):
    await caller("all").every("/duties", {"expand": "person"})
    await caller("second").every("/duties", {"expandReferenceNames": "true"})
    events = (await school.log.read(school.log.start(), 999)).events
    (at,) = [each.at for each in events if each.id == f"person-{TEACHER}-0"]
    for name in ("all", "second"):
        assert len(await school.store.read(disclosures.for_place("provkoping", f"client/{name}", at))) == 1


async def test_a_mark_that_comes_between_decision_and_answer_counts(school, caller, monkeypatch):
    """Promise 4: the list, an embedded person and a name, each decided anew."""
    for number, (path, params) in enumerate(
        (
            ("/persons", {}),
            ("/duties", {"expand": "person"}),
            ("/calendarEvents", {**WINDOW, "student": pupil(1)}),
            ("/absences", {"expandReferenceNames": "true"}),
        )
    ):
        who = TEACHER if path == "/duties" else pupil(1)
        name = "Ängström" if who == TEACHER else "Åsa"
        await append(school, person(who, name, "Ö", version=10 + number, enrolments=[]))
        await school.withheld.settled()  # else a mark that is lifted commits first, and not the answer's intent
        commit, changed = type(school.store).commit, []

        async def committed(store, *operations, who=who, changed=changed, commit=commit, number=number):
            await commit(store, *operations)
            if not changed:
                changed.append(1)
                await append(school, person(who, "X", "X", "Sekretessmarkering", version=100 + number))

        monkeypatch.setattr(type(school.store), "commit", committed)
        answer = await caller("all").get(path, **params)
        monkeypatch.undo()
        assert changed
        assert answer.status_code == 200
        assert who not in answer.text
        assert name not in answer.text
        if path == "/calendarEvents":
            assert answer.json()["data"] == []


async def test_what_becomes_known_is_new_in_the_next_delta(hub, caller):
    """Nothing is lost: the absence of a pupil whom nobody knew yet is restated when they are known."""
    all_ = caller("all")
    await load(hub, absence(7, pupil(7)))
    watermark = max(each["meta"]["modified"] for each in await all_.every("/absences"))
    await append(hub, person(pupil(7), "Ny", "Elev", enrolments=[]))
    await hub.withheld.settled()
    (found,) = await all_.every("/absences", {"meta.modified.after": watermark})
    assert found["student"]["id"] == pupil(7)


async def test_a_client_may_lose_its_contract_while_it_pages(school, caller):
    page = await caller("all").page("/persons", {"limit": 1})
    school.config = replace(school.config, clients=(client("all", Category.NONE), *CLIENTS[1:]))
    answer = await caller("all").get("/persons", pageToken=page["pageToken"])
    assert answer.json() == {"data": [], "pageToken": None}


async def test_the_marking_itself_reaches_nobody(school, caller):
    texts = "".join(await everything(caller("all"), 100))
    assert "securityMarking" not in texts
    assert "Ingen" not in texts


async def test_a_request_is_in_the_audit_without_what_was_asked_for(school, http):
    from hub.store import audit

    for path in (f"/persons/{pupil(1)}", "/persons?nameContains=Canary"):
        await http.get(BASE + path, headers={"Authorization": f"Bearer {token('all')}"})
    rows = await school.store.read(audit.page("provkoping"))
    assert [(row.actor, row.action, row.target) for row in rows][-2:] == [
        ("client/all", "ss12000.read", "persons/id"),
        ("client/all", "ss12000.read", "persons"),
    ]
    assert "Canary" not in json.dumps([row.target for row in rows])


@pytest.mark.parametrize("id", ["all", "timetable"])
async def test_a_change_that_is_withheld_is_no_modification(school, caller, clock, id):
    """Promise 5: neither shown, nor found, nor sorted by."""
    who, newest = caller(id), {"sortkey": "ModifiedDesc"}

    async def seen(**params):
        return [(each["id"], each.get("meta")) for each in await who.every("/calendarEvents", params)]

    clock.pass_machine(3600)
    await append(school, lesson(2, version=1, rooms=[]))
    before = await seen(**newest)
    since = clock.utc().isoformat()
    clock.pass_machine(3600)
    excepted = [{"student": {"id": SECRET}, "participates": False}]
    await append(school, changed(1, studentExceptions=excepted, changed={"studentExceptions": []}))
    assert await seen(**newest) == before
    if id == "all":
        assert await seen(**{"meta.modified.after": since}) == []
    clock.pass_machine(3600)
    await append(school, changed(1, studentExceptions=excepted, rooms=[], changed={"rooms": [{"id": ROOM}]}))
    first, *_ = await seen(**newest)
    assert first[0] == lesson_id(1), "what is told of is a modification"
    if id == "all":
        assert await seen(**{"meta.modified.after": since}) == [first]


def changed(n: int, **data):
    told = lesson(n, **data)
    return event("schedule.lesson.changed", told.data, id=f"changed-{n}-{len(json.dumps(data))}")


async def test_a_decision_that_raises_leaves_its_entity_out_and_nothing_else(hub, caller, monkeypatch):
    """Promises 4 and 5: no error, and the entity is in a later delta."""
    all_ = caller("all")
    await load(hub, person(pupil(107), "Ny", "Elev", enrolments=[]))
    whole = {each["id"] for each in await all_.every("/persons")}
    decide = type(hub.gate).decide

    def decided(gate, stored, recipient, **more):
        if stored.about == (pupil(107),):
            raise RuntimeError("made to fail")
        return decide(gate, stored, recipient, **more)

    monkeypatch.setattr(type(hub.gate), "decide", decided)
    found = await all_.every("/persons")
    assert {each["id"] for each in found} == whole - {pupil(107)}
    assert (await all_.by_id("/persons", pupil(107))).status_code == 404
    monkeypatch.undo()
    watermark = max(each["meta"]["modified"] for each in found)
    hub.withheld.new_day(date(2026, 11, 25))
    await hub.withheld.settled()
    assert [each["id"] for each in await all_.every("/persons", {"meta.modified.after": watermark})] == [pupil(107)]


async def test_a_person_who_becomes_known_while_an_answer_is_made_is_in_the_next_delta(hub, caller, monkeypatch):
    """Promise 4: between a denial and its mark there is no turn in which the directory may change unseen."""
    all_ = caller("all")
    await load(hub, absence(7, pupil(107)))
    before = await all_.every("/absences")
    commit, since = hub.store.commit, ""

    async def meanwhile(*operations):
        nonlocal since
        monkeypatch.undo()
        await append(hub, person(pupil(107), "Ny", "Elev", enrolments=[]))
        since = max(each["meta"]["modified"] for each in await all_.every("/persons"))
        await commit(*operations)

    monkeypatch.setattr(hub.store, "commit", meanwhile)
    watermark = max(each["meta"]["modified"] for each in before)
    assert await all_.every("/absences") == before
    await hub.withheld.settled()
    (found,) = await all_.every("/absences", {"meta.modified.after": watermark})
    assert found["student"]["id"] == pupil(107)
    assert found["meta"]["modified"] > since


@pytest.mark.parametrize("id", ["all", "timetable"])
async def test_a_state_without_news_is_no_modification(school, caller, clock, id):
    """Promise 5: a hidden member joins and leaves a class, in whole new states of the class."""
    who = caller(id)

    async def seen(**params):
        return [(each["id"], each.get("meta")) for each in await who.every("/groups", params)]

    before, sorted_before = await seen(), await seen(sortkey="ModifiedDesc")
    since = clock.utc().isoformat()
    hidden = ((pupil(1), pupil(2), SECRET), (pupil(1), SECRET, pupil(2)), (pupil(1), pupil(2)))
    for version, members in enumerate(hidden, start=10):
        clock.pass_machine(3600)
        await append(school, group(CLASS_7A, "7A", NORTH, *members, version=version))
        assert (await seen(), await seen(sortkey="ModifiedDesc")) == (before, sorted_before)
        if id == "all":
            assert await seen(**{"meta.modified.after": since}) == []
    await append(school, group(CLASS_7A, "7A", NORTH, pupil(1), SECRET, version=20))
    if id == "all":
        assert [each for each, _ in await seen(**{"meta.modified.after": since})] == [CLASS_7A]


async def test_who_becomes_protected_is_among_the_deleted_until_they_return(school, caller):
    """Promise 5: a delta client does not keep the pupil for ever, and a deleted pupil looks the same."""
    who = caller("all")

    async def deleted():
        return (await who.get("/deletedEntities", entities="Person")).json()["data"].get("persons", [])

    known = {"responsibles": [], "enrolments": [enrolled(NORTH)]}
    await append(school, person(pupil(1), "Ada", "Provsson", "Sekretessmarkering", 10, **known))
    await school.withheld.settled()
    await append(school, event("se.skolnav.directory.person.deleted.v1", {"id": pupil(2)}, source=SOURCE))
    assert set(await deleted()) == {pupil(1), GUARDIAN, pupil(2)}, "the guardian of protected children alone leaves too"
    assert not {pupil(1), pupil(2)} & {each["id"] for each in await who.every("/persons", {})}
    await append(school, person(pupil(1), "Ada", "Provsson", "Ingen", 11, **known))
    await school.withheld.settled()
    assert await deleted() == [pupil(2)]
    assert pupil(1) in {each["id"] for each in await who.every("/persons", {})}
