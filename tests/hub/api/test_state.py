"""GET /v1/state/{subject}: what is known now, and one 404 for all that may not be told."""

from datetime import date

import pytest
from sqlalchemy import func, select

from hub.privacy.base import Rule
from hub.store import disclosures, tables
from tests.hub.api.conftest import bearer
from tests.hub.api.school import absence, append, closed_day, current, person, pupil
from tests.hub.api.test_ingest import CANARY, problem
from tests.school import uid


@pytest.fixture
async def school(hub, clock):
    await append(hub, person(1), person(5, "Skyddad folkbokföring"), current(clock))
    await append(hub, absence(1, 1), absence(2, 5), absence(3, 6), closed_day(1))
    return hub


async def state(http, subject, client="acme"):
    return await http.get(f"/v1/state/{subject}", headers=bearer(client))


async def test_the_last_events_about_a_person_come_as_a_batch(school, http):
    answer = await state(http, f"person/{pupil(1)}")
    assert answer.headers["content-type"] == "application/cloudevents-batch+json"
    assert {event["id"] for event in answer.json()} >= {"absence-1-rep"}
    assert {event["subject"] for event in answer.json()} == {f"person/{pupil(1)}"}


async def test_a_subject_in_another_spelling_is_found(school, http):
    assert (await state(http, f"person/{pupil(1).upper()}")).status_code == 200


async def test_what_concerns_no_person_is_found_by_its_own_name(school, http):
    answer = await state(http, f"organisation/{uid('closed', 1)}", "facilities")
    assert [event["id"] for event in answer.json()] == ["closed-1"]


async def test_unknown_withheld_and_nonexistent_are_the_same_404(school, http):
    """Promise 5."""
    answers = [
        await state(http, subject)
        for subject in (f"person/{pupil(5)}", f"person/{pupil(6)}", f"person/{pupil(7)}", "person/x", CANARY, "a/b/c")
    ]
    for answer in answers:
        problem(answer, 404, "not-found")
    assert len({answer.content for answer in answers}) == 1
    assert len({tuple(sorted(answer.headers.items())) for answer in answers}) == 1


async def test_a_pseudonym_leads_to_its_person_and_the_real_id_nowhere(school, http):
    """Without `identity` an answer to the real id would tell whose the pseudonym is."""
    recipient_name = "provkoping/client/blind"
    pseudonym = school.keys.pseudonyms(recipient_name).of(pupil(1))
    answer = await state(http, f"person/{pseudonym}", "blind")
    assert answer.status_code == 200
    assert pseudonym in answer.text
    assert pupil(1) not in answer.text
    problem(await state(http, f"person/{pupil(1)}", "blind"), 404, "not-found")
    problem(await state(http, f"person/{pseudonym}", "acme"), 404, "not-found")


async def test_each_look_up_is_durable_before_it_is_answered(school, http):
    await state(http, f"person/{pupil(1)}")
    stored = next(each for each in (await school.log.read(school.log.start(), 99)).events if each.id == "absence-1-rep")
    rows = await school.store.read(disclosures.for_place("provkoping", "client/acme", stored.at))
    assert [(row.disclosure.subscription, row.decided.allowed) for row in rows] == [("state", True)]


async def test_each_look_up_adds_one_row_of_bounded_size_whatever_the_subject_has(school, http, monkeypatch):
    monkeypatch.setattr(disclosures, "LISTED", 1000)
    await append(school, *(absence(n, 1) for n in range(10, 1500)))
    for _ in range(3):
        assert len((await state(http, f"person/{pupil(1)}")).json()) > disclosures.LISTED
    table = tables.disclosures
    mine = select(func.length(table.c.decided)).where(table.c.subscription == "state")
    sizes = await school.store.read(lambda connection: connection.execute(mine).scalars().all())
    assert len(sizes) == 3
    assert max(sizes) < 6 * 1000


async def test_a_mark_that_comes_between_decision_and_answer_counts(school, http, monkeypatch):
    """Promise 4."""
    commit = type(school.store).commit

    async def committed(store, *operations):
        await commit(store, *operations)
        if not school.directory.persons[pupil(1)].known or len(changed) == 0:
            changed.append(1)
            await append(school, person(1, "Sekretessmarkering"))

    changed: list[int] = []
    monkeypatch.setattr(type(school.store), "commit", committed)
    answer = await state(http, f"person/{pupil(1)}")
    monkeypatch.undo()
    assert changed
    problem(answer, 404, "not-found")


async def test_a_client_without_contract_gets_no_state(school, http):
    problem(await state(http, f"person/{pupil(1)}", "bare"), 403, "no-contract")


async def test_an_operator_gets_no_data(school, http):
    problem(await state(http, f"person/{pupil(1)}", "op"), 403, "role-missing")


def failing(gate, monkeypatch, id):
    """From now on deciding on this event raises."""
    decide = type(gate).decide

    def decided(self, stored, recipient, **more):
        if stored.id == id:
            raise RuntimeError("made to fail")
        return decide(self, stored, recipient, **more)

    monkeypatch.setattr(type(gate), "decide", decided)


async def test_a_decision_that_raises_answers_as_what_may_not_be_told(school, http, monkeypatch):
    """Promises 4 and 5: no other answer, no error; the entity is restated later, for those who wait for changes."""
    subject = f"organisation/{uid('closed', 1)}"
    assert (await state(http, subject, "facilities")).status_code == 200
    failing(school.gate, monkeypatch, "closed-1")
    unknown = await state(http, f"organisation/{uid('closed', 9)}", "facilities")
    answer = await state(http, f"organisation/{uid('closed', 1)}", "facilities")
    problem(answer, 404, "not-found")
    assert answer.content == unknown.content
    monkeypatch.undo()
    school.withheld.new_day(date(2026, 11, 25))
    await school.withheld.settled()
    (event,) = (await state(http, f"organisation/{uid('closed', 1)}", "facilities")).json()
    assert event["id"] != "closed-1"


async def test_the_other_entities_of_a_subject_come_without_the_undecided(school, http, monkeypatch):
    failing(school.gate, monkeypatch, "absence-1-rep")
    answer = await state(http, f"person/{pupil(1)}")
    assert answer.status_code == 200
    assert "absence-1-rep" not in answer.text
    stored = next(each for each in (await school.log.read(school.log.start(), 99)).events if each.id == "absence-1-rep")
    rows = await school.store.read(disclosures.for_place("provkoping", "client/acme", stored.at))
    assert [(row.decided.rule, row.decided.allowed) for row in rows] == [(Rule.UNDECIDED, False)]
