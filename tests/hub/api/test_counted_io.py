"""Promise 5, times: an answer that withholds takes the steps of one that has nothing to withhold.

Counted as simulated I/O on the request's path up to the first byte, not measured.
"""

import httpx
import pytest

from hub.store import disclosures
from tests.counting import CountedApp, counted, steps_of
from tests.hub.api.conftest import bearer
from tests.hub.api.school import absence, append, closed_day, current, person, pupil
from tests.school import uid

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
