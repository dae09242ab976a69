"""Promise 5, times: an answer that withholds takes the steps of one that has nothing to withhold.

Counted as simulated I/O on the request's path up to the first byte, not measured.
"""

import asyncio

import httpx
import orjson
import pytest

from hub.store import disclosures
from hub.store.withheld import of as marks_of
from tests.counting import CountedApp, counted, steps_of
from tests.hub.api.conftest import bearer
from tests.hub.api.school import absence, append, closed_day, current, person, pupil
from tests.hub.api.test_feed import feed
from tests.school import uid
from tests.until import until

OPEN, PROTECTED, UNKNOWN, NEW = 1, 5, 6, 9


@pytest.fixture
async def school(hub, clock):
    await append(hub, person(OPEN), person(PROTECTED, "Skyddad folkbokföring"), current(clock))
    await append(hub, *(absence(n, PROTECTED) for n in range(60)), *(absence(300 + n, UNKNOWN) for n in range(60)))
    await append(hub, absence(900, OPEN), closed_day(1))
    return hub


@pytest.fixture
async def counting_app(hub, app):
    with counted(hub.log, hub.store):
        yield CountedApp(app)


@pytest.fixture
async def http(counting_app):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(counting_app), base_url="http://hub") as client:
        yield client


class TestState:
    async def steps(self, http, counting_app, subject, client="acme"):
        answer = await http.get(f"/v1/state/{subject}", headers=bearer(client))
        return answer.status_code, steps_of(counting_app.paths[-1])

    async def test_a_protected_person_costs_what_a_person_does_who_does_not_exist(self, school, http, counting_app):
        (status, steps), *others = [
            await self.steps(http, counting_app, subject)
            for subject in (
                f"person/{pupil(NEW)}", f"person/{pupil(PROTECTED)}", f"person/{pupil(UNKNOWN)}", "person/x",
                f"duty/{uid('duty', 1)}", f"lesson/{uid('lesson', 1)}",
            )
        ]  # fmt: skip
        assert status == 404
        assert [each[0] for each in steps] == ["log.states_of", "store.commit"]
        assert steps[0] == ("log.states_of", 0)
        assert others == [(status, steps)] * 5

    async def test_what_the_contract_hides_of_a_person_is_not_read(self, school, http, counting_app):
        """Facilities may see nothing about persons: the number of a person's absences costs nothing."""
        answers = [
            await self.steps(http, counting_app, f"person/{pupil(n)}", "facilities") for n in (OPEN, PROTECTED, NEW)
        ]
        assert answers[0] == answers[1] == answers[2]
        assert answers[0][0] == 404

    async def test_what_is_told_takes_the_same_calls(self, school, http, counting_app):
        await self.steps(http, counting_app, f"person/{pupil(OPEN)}")
        told = steps_of(counting_app.paths[-1], rows=False)
        await self.steps(http, counting_app, f"person/{pupil(PROTECTED)}")
        assert told == steps_of(counting_app.paths[-1], rows=False)

    async def test_denials_become_durable_beside_the_answer(self, school, http, counting_app, monkeypatch):
        def failing(self, stored, recipient, **more):
            raise RuntimeError("made to fail")

        monkeypatch.setattr(type(school.gate), "decide", failing)
        subject = f"organisation/{uid('closed', 1)}"
        assert (await self.steps(http, counting_app, subject, "facilities"))[0] == 404
        stored = next(each for each in (await school.log.read(school.log.start(), 999)).events if each.id == "closed-1")

        async def denials():
            rows = await school.store.read(disclosures.for_place("provkoping", "client/facilities", stored.at))
            return [row.decided.allowed for row in rows]

        assert await denials() == []
        await school.withheld.beside.save()
        assert await denials() == [False]


class TestFeed:
    @pytest.fixture
    async def poll(self, school, http, counting_app):
        """The next poll of a feed that was read to its end: the ids that it found, and its path."""
        made = await feed(http)
        await made.ids()
        await made.ids()

        async def polled(more=""):
            return await made.ids(made.start + more), counting_app.paths[-1]

        return polled

    async def test_a_poll_that_passed_withheld_events_takes_the_steps_of_an_idle_one(self, school, poll):
        _, idle = await poll()
        await append(school, absence(500, PROTECTED), absence(501, UNKNOWN))
        found, withheld = await poll()
        assert found == []
        assert steps_of(withheld, rows=False) == steps_of(idle, rows=False) == ["log.read"]
        _, after = await poll()
        assert steps_of(after) == [("log.read", 0)]

    async def test_what_is_told_takes_the_same_steps_whether_something_is_withheld_with_it_or_not(self, school, poll):
        await append(school, absence(500, OPEN))
        found, alone = await poll()
        await append(school, absence(501, PROTECTED), absence(502, OPEN), absence(503, UNKNOWN))
        found_too, beside = await poll()
        assert (found, found_too) == (["absence-500-rep"], ["absence-502-rep"])
        assert steps_of(alone, rows=False) == steps_of(beside, rows=False) == ["log.read", "store.commit"]

    async def test_denials_just_before_cost_what_is_told_no_step_of_its_own(self, school, poll):
        await append(school, absence(500, PROTECTED))
        await poll()
        await append(school, absence(501, OPEN))
        found, path = await poll()
        assert found == ["absence-501-rep"]
        assert steps_of(path, rows=False) == ["log.read", "store.commit"]
        assert await marked(school) == {f"absence/{uid('absence', 500)}"}

    async def test_a_long_poll_that_denials_wake_commits_nothing(self, school, poll, counting_app):
        before = len(counting_app.paths)
        polling = asyncio.ensure_future(poll("&wait=60"))
        await until(lambda: len(counting_app.paths) > before and counting_app.paths[before])
        path = counting_app.paths[before]
        await append(school, absence(500, PROTECTED))
        await until(lambda: [step.what for step in path].count("log.read") == 2)
        school.pages.close()
        assert (await polling)[0] == []
        assert "store.commit" not in steps_of(path, rows=False)

    async def test_a_cursor_passes_denials_only_once_they_are_durable(self, school, http):
        """Promise 1: after a crash the marks would be lost, and with them the news that the person is open again."""
        made = await feed(http)
        await made.ids()

        async def position():
            assert await made.ids() == []
            token = httpx.URL(made.start).params["after"]
            return (await school.pages.open(made.id, token)).read.position

        before = await position()
        await append(school, absence(500, PROTECTED))
        assert await position() == await position() == before
        assert await marked(school) == set()
        await school.withheld.beside.save()
        assert await marked(school) == {f"absence/{uid('absence', 500)}"}
        assert await position() == school.log.head()

    async def test_what_was_passed_is_not_decided_on_again(self, school, poll, monkeypatch):
        await append(school, absence(500, PROTECTED))
        await poll()
        monkeypatch.setattr(type(school.gate), "decide", None)
        assert (await poll())[0] == []


async def marked(hub):
    """What the store knows to be withheld because of the protected pupil and is newer than the fixture."""
    marks = await hub.store.read(marks_of("provkoping", [pupil(PROTECTED)]))
    return {mark.entity for mark in marks} & {f"absence/{uid('absence', n)}" for n in range(500, 600)}


class TestPublishing:
    async def test_an_event_about_a_protected_pupil_takes_the_steps_of_any_event(self, school, http, counting_app):
        """Neither the answer nor its time tells a publisher who is protected or known."""
        found = []
        for number, n in enumerate((OPEN, PROTECTED, UNKNOWN, NEW)):
            answer = await http.post(
                "/v1/events", content=orjson.dumps(absence(800 + number, n).to_dict()),
                headers={**bearer("feeder"), "content-type": "application/cloudevents+json"},
            )  # fmt: skip
            found.append((answer.status_code, steps_of(counting_app.paths[-1])))
        assert found == [(found[0][0], [("log.append", 1)])] * 4
