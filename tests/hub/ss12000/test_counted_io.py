"""Promise 5, times: a look-up of what is withheld takes the steps of a look-up of what does not exist.

Counted as simulated I/O on the request's path up to the first byte, not measured.
"""

from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest

from hub.api.app import create_app
from tests import school as records
from tests.counting import CountedApp, counted, steps_of
from tests.hub.api.conftest import running
from tests.hub.ss12000 import school as invented
from tests.hub.ss12000.conftest import CLIENTS, WINDOW, Caller, is_current
from tests.school import append, event, uid

NEW = uid("nobody")
PROTECTED_DUTY, NO_DUTY = uid("duty", "protected"), uid("duty", "none")


@pytest.fixture
async def school(hub):
    secret_teacher = uid("secret teacher")
    await append(
        hub, *invented.base(), *invented.secret(),
        *(invented.absence(500 + n, invented.SECRET) for n in range(20)),
        invented.person(secret_teacher, "Tyst", "Lärare", records.HIDDEN),
        event("directory.duty.upserted", {
            "id": PROTECTED_DUTY, "person": {"id": secret_teacher}, "dutyAt": {"id": invented.NORTH},
            "dutyRole": "Lärare", "startDate": "2024-01-01",
        }, id="duty-protected"),
        event("directory.activity.upserted", {
            "id": uid("activity", "secret"), "displayName": "Slöjd", "activityType": "Undervisning",
            "startDate": "2026-08-15", "calendarEventsRequired": True, "groups": [{"id": invented.CLASS_7A}],
            "organisation": {"id": invented.NORTH}, "teachers": [{"duty": {"id": PROTECTED_DUTY}}],
        }, id="activity-secret"),
        is_current(hub, invented.SOURCE),
    )  # fmt: skip
    return hub


@pytest.fixture
async def counting_app(hub, app):
    with counted(hub.log, hub.store):
        yield CountedApp(app)


@pytest.fixture
async def http(counting_app):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(counting_app), base_url="http://hub") as client:
        yield client


ASKED = {  # (method, about who is protected, about nobody, more parameters)
    "a person by id": ("GET", f"/persons/{invented.SECRET}", f"/persons/{NEW}", {}),
    "an absence by id": ("GET", f"/absences/{invented.absence_id(99)}", f"/absences/{uid('absence', 'none')}", {}),
    "a duty by id": ("GET", f"/duties/{PROTECTED_DUTY}", f"/duties/{NO_DUTY}", {}),
    "a civic number": ("GET", "/persons?civicNo=130303-9999", "/persons?civicNo=130304-9998", {}),
    "the absences of a pupil": ("GET", f"/absences?student={invented.SECRET}", f"/absences?student={NEW}", {}),
    "the activities of a pupil": ("GET", f"/activities?member={invented.SECRET}", f"/activities?member={NEW}", {}),
    "the activities of a teacher": (
        "GET", f"/activities?teacher={PROTECTED_DUTY}", f"/activities?teacher={NO_DUTY}", {},
    ),
    "the lessons of a pupil": (
        "GET", f"/calendarEvents?student={invented.SECRET}", f"/calendarEvents?student={NEW}", WINDOW,
    ),
    "the lessons of a teacher": (
        "GET", f"/calendarEvents?teacher={PROTECTED_DUTY}", f"/calendarEvents?teacher={NO_DUTY}", WINDOW,
    ),
}  # fmt: skip
LOOKED_UP = {
    "persons": ({"ids": [invented.SECRET]}, {"ids": [NEW]}),
    "persons by civic number": ({"civicNos": ["130303-9999"]}, {"civicNos": ["130304-9998"]}),
    "absences of a pupil": ({"student": [invented.SECRET]}, {"student": [NEW]}),
}


@asynccontextmanager
async def counted_world(folder, clock, more):
    async with running(folder, clock) as hub:
        hub.config = replace(hub.config, clients=CLIENTS)
        await append(hub, *invented.base(), *more, is_current(hub, invented.SOURCE))
        app = CountedApp(create_app(hub))
        with counted(hub.log, hub.store):
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub") as http:
                yield http, app


async def steps(call, app):
    """The steps of the second of two calls: the first one builds the index."""
    for _ in range(2):
        answer = await call()
    return answer.status_code, len(answer.content), steps_of(app.paths[-1])


@pytest.mark.parametrize("what", ASKED)
async def test_a_question_about_who_is_protected_takes_the_steps_of_one_about_nobody(school, http, counting_app, what):
    method, protected, unknown, params = ASKED[what]
    caller = Caller(http, "all")

    async def asked(path):
        plain, _, query = path.partition("?")
        name, _, value = query.partition("=")
        more = {**params, name: value} if name else params
        list_ = f"/{plain.split('/')[1]}"
        return await caller.call(method, plain, plain if plain == list_ else f"{list_}/{{id}}", params=more)

    found = await steps(lambda: asked(protected), counting_app)
    assert found == await steps(lambda: asked(unknown), counting_app)
    assert [each[0] for each in found[2]].count("store.commit") == 1


@pytest.mark.parametrize("what", LOOKED_UP)
async def test_a_look_up_of_who_is_protected_takes_the_steps_of_one_of_nobody(school, http, counting_app, what):
    protected, unknown = LOOKED_UP[what]
    caller, path = Caller(http, "all"), f"/{what.split()[0]}"
    found = await steps(lambda: caller.lookup(path, protected), counting_app)
    assert found == await steps(lambda: caller.lookup(path, unknown), counting_app)


@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_a_page_reads_as_much_whoever_is_withheld_from_it(tmp_path, clock, limit):
    """A page that was filled up after withheld entities once read the log again."""
    found = []
    for more in ([], [*invented.secret(), *(invented.absence(500 + n, invented.SECRET) for n in range(20))]):
        async with counted_world(tmp_path / str(len(more)), clock, more) as (http, app):
            paths = []
            for path in ("/persons", "/absences", "/duties"):
                for _ in range(2):
                    await Caller(http, "all").page(path, {"limit": limit})
                paths.append(steps_of(app.paths[-1]))
            found.append(paths)
    assert found[0] == found[1]


async def test_a_report_about_a_protected_pupil_takes_the_steps_of_any_report(school, http, counting_app):
    caller = Caller(http, "reporter")

    def report(student):
        return {
            "student": {"id": student}, "type": "Anmäld frånvaro",
            "startTime": "2026-11-24T08:00:00+01:00", "endTime": "2026-11-24T10:00:00+01:00",
        }  # fmt: skip

    found = [
        await steps(lambda student=student: caller.call("POST", "/absences", json=report(student)), counting_app)
        for student in (invented.pupil(1), invented.SECRET, NEW)
    ]
    assert found[0] == found[1] == found[2]
    assert [each[0] for each in found[0][2]] == ["log.append"]


async def test_check_ins_come_in_an_order_of_the_clients_own(school, caller):
    """The check-in of a person is kept under the person's id. Its order once unlocked all pseudonyms by rank."""
    pupils = [uid("many", n) for n in range(30)]
    await append(
        school,
        *(invented.person(each, "Elev", str(n), version=9) for n, each in enumerate(pupils)),
        *(
            event("attendance.checked_in", {
                "id": uid("in", n), "person": {"id": each}, "eventType": "In", "time": "2026-11-24T07:31:00+01:00",
                "group": {"id": invented.CLASS_7A},
            }, id=f"in-many-{n}")
            for n, each in enumerate(pupils)
        ),
    )  # fmt: skip
    of = school.keys.pseudonyms("provkoping/client/blind").of
    for limit in (7, 1000):
        came = [each["person"]["id"] for each in await caller("blind").every("/attendanceEvents", limit=limit)]
        assert came == sorted(came)
        assert {of(each) for each in pupils} <= set(came)
    found = (await caller("blind").lookup("/attendanceEvents", {"group": [invented.CLASS_7A]})).json()
    assert [each["person"]["id"] for each in found] == sorted(each["person"]["id"] for each in found)
