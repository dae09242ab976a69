"""A connector's questions to the directory pass the gate like events, and are disclosures."""

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from hub.bus.base import Stored
from hub.privacy.base import Decision, Recipient, Rule
from hub.store import disclosures as rows
from hub.store import withheld as marks
from hub.store.base import Operation
from plugins.errors import TemporaryError
from schemas import Category
from tests.counting import counted, counting, steps_of
from tests.hub.privacy.conftest import TENANT, Hub
from tests.hub.privacy.house import ALL, contract, recipient
from tests.school import (
    ACTIVITY,
    CURRENT,
    DIET,
    ELSEWHERE,
    GROUP,
    ORGANISATION,
    OTHER,
    PERSON,
    SCHOOL,
    SIS,
    UNIT,
    absence,
    person,
    pupil,
    uid,
)

ANNA, BO, CARL = uid("Anna"), uid("Bo"), uid("Carl")
TODAY = date(2026, 11, 24)
KITCHEN = recipient(
    contract(Category.GROUP, Category.ATTENDANCE, Category.DIET), name="connector/kitchen", aggregates=True
)
ATTENDANT = recipient(contract(Category.GROUP, Category.IDENTITY, Category.NAME), name="connector/attendant")


@pytest.fixture
async def school(hub: Hub) -> Hub:
    await hub.current()
    await hub.say(ORGANISATION, {"id": SCHOOL, "schoolTypes": ["GR"]})
    await hub.say(ORGANISATION, {"id": UNIT, "parentOrganisation": {"id": SCHOOL}})
    await hub.say(ORGANISATION, {"id": ELSEWHERE})
    await hub.say(PERSON, pupil(ANNA, givenName="Anna"))
    await hub.say(PERSON, pupil(BO, "Sekretessmarkering", givenName="Bo"))
    await hub.say(PERSON, pupil(CARL, at=ELSEWHERE, givenName="Carl"))
    memberships = [
        {"person": {"id": ANNA}, "startDate": "2026-08-17"},
        {"person": {"id": BO}, "startDate": "2026-08-17", "endDate": "2026-11-23"},
    ]
    await hub.say(GROUP, {"id": uid("7A"), "organisation": {"id": UNIT}, "groupMemberships": memberships})
    await hub.say(DIET, {"id": uid("diet"), "person": {"id": BO}, "codes": ["GLUTENFRI"]})
    await hub.say(ACTIVITY, {"id": uid("maths"), "organisation": {"id": UNIT}, "groups": [{"id": uid("7A")}]})
    return hub


def ids(answer: Any) -> set[str]:
    return {each["id"] for each in answer}


async def test_a_kitchen_counts_everybody_under_its_own_pseudonyms(school: Hub) -> None:
    """Sums over people: protected or not alike."""
    answer = await school.view(KITCHEN).persons(organisations=[SCHOOL], on=TODAY)
    name = school.gate.pseudonyms(KITCHEN).of
    assert {each["id"]: (each["groups"], each["diet"]) for each in answer} == {
        name(ANNA): ([uid("7A")], []),
        name(BO): ([], ["GLUTENFRI"]),
    }
    assert all(each.keys() == {"id", "enrolments", "groups", "diet"} for each in answer)


async def test_its_pseudonyms_are_those_of_the_events(school: Hub) -> None:
    event = await school.say("se.skolnav.absence.reported.v1", absence(BO))
    decision = school.gate.decide(event, KITCHEN)
    assert decision.content is not None
    answer = await school.view(KITCHEN).persons(organisations=[UNIT], on=TODAY)
    assert decision.content["data"]["student"]["id"] in ids(answer)


class TestTheSameQuestionAgain:
    """A kitchen's every count asks for all its pupils."""

    @pytest.fixture
    def read(self, school: Hub, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """How many states each reading of the log asked for."""
        sizes: list[int] = []
        get = school.log.get

        async def counted(places: Any, **options: Any) -> Any:
            sizes.append(len(places))
            return await get(places, **options)

        monkeypatch.setattr(school.log, "get", counted)
        return sizes

    async def test_only_what_is_new_is_read_for_sums(self, school: Hub, read: list[int]) -> None:
        view = school.view(KITCHEN)
        first = await view.persons(organisations=[SCHOOL], on=TODAY)
        assert await view.persons(organisations=[SCHOOL], on=TODAY) == first
        assert read == [2]
        await school.say(PERSON, pupil(ANNA, at=ELSEWHERE))
        await school.say(PERSON, pupil(BO, enrolments=[{"enroledAt": {"id": UNIT}, "schoolYear": 4}]))
        (bo,) = await view.persons(organisations=[SCHOOL], on=TODAY)
        assert bo["enrolments"][0]["schoolYear"] == 4
        assert read == [2, 1]

    async def test_each_answer_is_a_disclosure(self, school: Hub) -> None:
        """Promise 5."""
        view = school.view(KITCHEN)
        for _ in range(2):
            await view.persons(organisations=[SCHOOL], on=TODAY)
        anna = school.directory.persons[ANNA].owner.at
        assert len(await school.store.read(rows.for_place(TENANT, KITCHEN.name, anna))) == 2

    async def test_what_a_connector_does_with_an_answer_does_not_reach_the_next(self, school: Hub) -> None:
        view = school.view(KITCHEN)
        for each in await view.persons(organisations=[SCHOOL], on=TODAY):
            dict(each)["enrolments"].clear()
        again = await view.persons(organisations=[SCHOOL], on=TODAY)
        assert all(each["enrolments"] for each in again)

    async def test_a_scope_is_asked_again(self, school: Hub) -> None:
        """An organisation may move out of the scope although no person has changed."""
        scoped = recipient(
            contract(Category.GROUP, organisations=[SCHOOL]), name="connector/of one school", aggregates=True
        )
        view = school.view(scoped)
        assert len(await view.persons(organisations=[UNIT], on=TODAY)) == 2
        await school.say(ORGANISATION, {"id": UNIT, "parentOrganisation": {"id": ELSEWHERE}})
        assert await view.persons(organisations=[UNIT], on=TODAY) == []

    async def test_all_that_may_be_told_is_read_for_who_makes_no_sums(self, school: Hub, read: list[int]) -> None:
        """Promise 5. The time of an answer must not depend on whether one of the persons is withheld."""
        view = school.view(ATTENDANT)
        for _ in range(2):
            await view.persons(organisations=[SCHOOL], on=TODAY)
        assert read == [1, 1]


async def test_another_recipient_sees_no_protected_pupil_and_nothing_outside_its_contract(school: Hub) -> None:
    """Promise 4."""
    answer = await school.view(ATTENDANT).persons(organisations=[UNIT], on=TODAY)
    assert [(each["id"], each["givenName"], each["groups"]) for each in answer] == [(ANNA, "Anna", [uid("7A")])]
    assert "diet" not in answer[0]


async def test_a_recipient_that_may_have_protected_persons_gets_them_in_answers(school: Hub) -> None:
    to = replace(ATTENDANT, protected=True)
    answer = await school.view(to).persons(organisations=[UNIT], on=TODAY)
    assert {each["givenName"] for each in answer} == {"Anna", "Bo"}


async def test_scope_holds_for_answers_too(school: Hub) -> None:
    to = recipient(contract(*ALL, organisations=[ELSEWHERE]), name="connector/elsewhere")
    assert ids(await school.view(to).persons(on=TODAY)) == {CARL}
    assert ids(await school.view(to).organisations()) == {ELSEWHERE}
    assert await school.view(to).groups() == []
    assert await school.view(to).activity(uid("maths")) is None


async def test_who_is_not_there_on_the_date_is_not_in_the_answer(school: Hub) -> None:
    leaving = {"enroledAt": {"id": UNIT}, "startDate": "2026-08-17", "endDate": "2026-11-23"}
    cancelled = {"enroledAt": {"id": UNIT}, "startDate": "2026-08-17", "cancelled": True}
    gone = [person(uid("left"), enrolments=[leaving]), person(uid("never"), enrolments=[cancelled])]
    for each in (*gone, pupil(uid("moved"), personStatus="Utvandrad")):
        await school.say(PERSON, each)
    assert len(await school.view(KITCHEN).persons(organisations=[SCHOOL], on=TODAY)) == 2
    assert len(await school.view(KITCHEN).persons(organisations=[SCHOOL], on=TODAY - timedelta(days=1))) == 3


async def test_members_of_a_group_that_day(school: Hub) -> None:
    view = school.view(KITCHEN)
    name = school.gate.pseudonyms(KITCHEN).of
    assert ids(await view.persons(groups=[uid("7A")], on=TODAY)) == {name(ANNA)}
    assert ids(await view.persons(groups=[uid("7A")], on=TODAY - timedelta(days=1))) == {name(ANNA), name(BO)}


async def test_groups_and_activities(school: Hub) -> None:
    view = school.view(ATTENDANT)
    (group,) = await view.groups(organisations=[SCHOOL])
    assert [each["person"]["id"] for each in group["groupMemberships"]] == [ANNA]
    activity = await view.activity(uid("maths").upper())
    assert activity is not None
    assert activity["groups"] == [{"id": uid("7A")}]
    assert await view.activity(uid("nothing")) is None


async def test_each_answer_and_each_denial_is_in_the_log_of_disclosures(school: Hub) -> None:
    """Disclosure: a directory answer is one, and it is durable before the answer."""
    await school.view(ATTENDANT).persons(organisations=[UNIT], on=TODAY)
    found = {}
    for id in (ANNA, BO):
        place = school.directory.persons[id].owner.at
        (row,) = await school.store.read(rows.for_place(TENANT, ATTENDANT.name, place))
        found[id] = (row.disclosure.subscription, row.decided.allowed, row.decided.rule)
        assert row.decided.subjects == (school.disclosures.subject(id),)
    assert found == {ANNA: ("directory", True, Rule.ALLOWED), BO: ("directory", False, Rule.PROTECTED)}


async def test_what_changes_before_the_answer_is_decided_again(school: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 4: the decision is checked in the turn of the answer."""
    commit = school.store.commit

    async def meanwhile(*operations: Operation) -> None:
        await commit(*operations)
        monkeypatch.undo()
        await school.say(PERSON, pupil(ANNA, "Sekretessmarkering"))

    monkeypatch.setattr(school.store, "commit", meanwhile)
    assert await school.view(ATTENDANT).persons(organisations=[UNIT], on=TODAY) == []


async def test_a_directory_that_never_rests_is_a_temporary_error(school: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    record = school.disclosures.record

    def meanwhile(intents: Any) -> Any:
        school.directory._bump(ANNA)
        return record(intents)

    monkeypatch.setattr(school.disclosures, "record", meanwhile)
    with pytest.raises(TemporaryError):
        await asyncio.wait_for(school.view(ATTENDANT).persons(organisations=[UNIT], on=TODAY), 10)


async def test_an_answer_is_the_connector_s_own(school: Hub) -> None:
    """Promise 3: whatever it does with it, no other recipient sees it."""
    to = recipient(contract(*ALL), name="connector/all")
    view = school.view(to)
    (first,) = await view.groups()
    first["groupMemberships"].clear()  # type: ignore[index]
    (second,) = await view.groups()
    assert len(second["groupMemberships"]) == 1


class TestComplete:
    async def test_everybody_known_and_fresh(self, school: Hub) -> None:
        assert await school.view(KITCHEN).complete([SCHOOL], TODAY)

    async def test_an_unknown_member_of_a_group(self, school: Hub) -> None:
        memberships = [{"person": {"id": uid("unknown")}}]
        group = {"id": uid("7B"), "organisation": {"id": UNIT}, "groupMemberships": memberships}
        await school.say(GROUP, group)
        assert not await school.view(KITCHEN).complete([SCHOOL], TODAY)
        assert await school.view(KITCHEN).complete([ELSEWHERE], TODAY)

    async def test_that_somebody_is_unknown_is_not_for_who_makes_no_sums(self, school: Hub) -> None:
        """Promise 5."""
        memberships = [{"person": {"id": uid("unknown")}}]
        group = {"id": uid("7B"), "organisation": {"id": UNIT}, "groupMemberships": memberships}
        await school.say(GROUP, group)
        assert await school.view(ATTENDANT).complete([SCHOOL], TODAY)

    async def test_a_source_that_is_not_fresh(self, school: Hub) -> None:
        school.clock.move(hours=27)
        assert not await school.view(KITCHEN).complete([SCHOOL], TODAY)
        assert not await school.view(ATTENDANT).complete([SCHOOL], TODAY)

    async def test_a_source_that_should_have_been_heard_again(self, school: Hub) -> None:
        """Promise 9. Without `completeUntil` a source follows `max_age` alone."""
        now = school.clock.utc()
        until = (now + timedelta(hours=1)).isoformat()
        await school.say(CURRENT, {"asOf": now.isoformat(), "completeUntil": until})
        assert await school.view(KITCHEN).complete([SCHOOL], TODAY)
        school.clock.move(hours=1)
        assert not await school.view(KITCHEN).complete([SCHOOL], TODAY)
        assert not await school.view(ATTENDANT).complete([SCHOOL], TODAY)
        await school.say(CURRENT, {"asOf": (now - timedelta(hours=1)).isoformat()})
        assert not await school.view(KITCHEN).complete([SCHOOL], TODAY), "an older statement changes nothing"
        await school.current()
        assert await school.view(KITCHEN).complete([SCHOOL], TODAY)

    async def test_another_source_that_should_have_been_heard_concerns_its_own_pupils(self, school: Hub) -> None:
        now = school.clock.utc().isoformat()
        await school.say(CURRENT, {"asOf": now, "completeUntil": now}, OTHER)
        assert await school.view(KITCHEN).complete([SCHOOL], TODAY)

    async def test_a_source_of_diets_counts_once_it_has_said_current(self, school: Hub) -> None:
        await school.say(DIET, {"id": uid("d2"), "person": {"id": ANNA}, "codes": ["HALAL"]}, OTHER)
        assert await school.view(KITCHEN).complete([SCHOOL], TODAY)
        await school.current(OTHER)
        school.clock.move(hours=27)
        await school.current()
        assert not await school.view(KITCHEN).complete([SCHOOL], TODAY)

    @pytest.mark.parametrize("resources", [["absences"], ["attendances", "absences"]])
    async def test_a_source_of_absences_alone_counts_for_every_sum_once_it_has_said_until_when(
        self, school: Hub, resources: list[str]
    ) -> None:
        """Promise 9. No pupil belongs to it. A municipality may have a system of its own for absences."""
        now = school.clock.utc()
        until = (now + timedelta(minutes=10)).isoformat()
        await school.say(CURRENT, {"asOf": now.isoformat(), "completeUntil": until, "resources": resources}, OTHER)
        assert await school.view(KITCHEN).complete([SCHOOL], TODAY)
        school.clock.move(minutes=10)
        assert not await school.view(KITCHEN).complete([SCHOOL], TODAY)
        await school.say(CURRENT, {"asOf": now.isoformat(), "resources": resources}, OTHER)
        assert await school.view(KITCHEN).complete([SCHOOL], TODAY), "it promises nothing more"

    async def test_such_a_source_keeps_no_mark_fresh(self, school: Hub) -> None:
        """Promise 4. A system that read persons before, and reads absences now, knows nothing of their marks."""
        school.clock.move(hours=27)
        await school.say(CURRENT, {"asOf": school.clock.utc().isoformat(), "resources": ["absences"]})
        assert not await school.view(KITCHEN).complete([SCHOOL], TODAY)
        assert await school.view(ATTENDANT).persons(organisations=[UNIT], on=TODAY) == []

    async def test_an_organisation_that_nobody_has_told_of(self, school: Hub) -> None:
        assert not await school.view(KITCHEN).complete([uid("new unit")], TODAY)


class TestUndecided:
    """Deciding on a person fails, through a fault of the hub's own."""

    @pytest.fixture(autouse=True)
    def faulty(self, school: Hub, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
        decide = school.gate.decide

        def decided(stored: Stored, recipient: Recipient, *, state: bool = False) -> Decision:
            if stored.about == (ANNA,):
                raise RuntimeError("made to fail")
            return decide(stored, recipient, state=state)

        monkeypatch.setattr(school.gate, "decide", decided)
        return monkeypatch

    async def test_the_person_is_left_out_and_the_others_are_there(self, school: Hub) -> None:
        """Promise 4: never sent, and nobody else is held up."""
        name = school.gate.pseudonyms(KITCHEN).of
        assert ids(await school.view(KITCHEN).persons(organisations=[SCHOOL], on=TODAY)) == {name(BO)}

    async def test_a_sum_without_the_person_is_not_complete(
        self, school: Hub, faulty: pytest.MonkeyPatch
    ) -> None:  # fmt: skip
        view = school.view(KITCHEN)
        await view.persons(organisations=[SCHOOL], on=TODAY)
        assert not await view.complete([SCHOOL], TODAY)
        assert await view.complete([ELSEWHERE], TODAY)
        faulty.undo()
        await view.persons(organisations=[SCHOOL], on=TODAY)
        assert await view.complete([SCHOOL], TODAY)

    async def test_another_question_in_between_does_not_make_the_sum_complete(self, school: Hub) -> None:
        view = school.view(KITCHEN)
        await view.persons(organisations=[SCHOOL], on=TODAY)
        await view.lessons(on=TODAY)
        await view.persons(organisations=[ELSEWHERE], on=TODAY)
        assert not await view.complete([SCHOOL], TODAY)

    async def test_a_later_question_about_something_else_does_not_make_the_sum_complete(self, school: Hub) -> None:
        view = school.view(KITCHEN)
        await view.persons(organisations=[SCHOOL], on=TODAY)
        await view.groups(organisations=[SCHOOL])
        assert not await view.complete([SCHOOL], TODAY)

    async def test_the_person_is_restated_on_the_next_day_and_no_sooner(
        self, school: Hub, faulty: pytest.MonkeyPatch
    ) -> None:
        """Never lost, and a fault that lasts does not flood the log."""
        await school.view(ATTENDANT).persons(organisations=[UNIT], on=TODAY)
        faulty.undo()
        head = school.log.head()
        await school.current()
        await school.withheld.settled()
        assert [each.type for each in (await school.log.read(head, 10)).events] == [CURRENT]
        school.withheld.new_day(TODAY + timedelta(days=1))
        await school.withheld.settled()
        assert [each.about for each in (await school.log.read(head, 10)).events] == [(), (ANNA,)]

    async def test_so_it_is_when_the_hub_starts_again(self, school: Hub, faulty: pytest.MonkeyPatch) -> None:
        """The next version of the hub may have mended the fault."""
        await school.view(ATTENDANT).persons(organisations=[UNIT], on=TODAY)
        faulty.undo()
        head = school.log.head()
        await school.restart()
        await school.withheld.settled()
        assert [each.about for each in (await school.log.read(head, 10)).events] == [(ANNA,)]


async def test_a_person_left_out_of_an_answer_is_marked_until_open(school: Hub) -> None:
    """Promise 4: a connector that asked too early learns of the person by the event that it consumes."""
    await school.view(ATTENDANT).persons(organisations=[UNIT], on=TODAY)
    assert await school.store.read(marks.persons(TENANT)) == {BO}
    head = school.log.head()
    await school.say(DIET, {"id": uid("other diet"), "person": {"id": ANNA}, "codes": ["HALAL"]})
    await school.say(PERSON, pupil(BO, givenName="Bo"))
    await school.withheld.settled()
    assert await school.store.read(marks.persons(TENANT)) == set()
    told = [each.entity for each in (await school.log.read(head, 10)).events]
    assert told == [f"diet/{uid('other diet')}", f"person/{BO}/{SIS}", f"diet/{uid('diet')}", f"group/{uid('7A')}"]


async def test_a_question_reads_and_stores_as_much_whether_a_protected_pupil_is_there_or_not(school: Hub) -> None:
    """Promise 5: a connector's code could measure the time."""
    view = school.view(ATTENDANT)
    with counted(school.log, school.store):
        found = []
        for bo in ("Sekretessmarkering", "Ingen"):
            await school.say(PERSON, pupil(BO, bo, givenName="Bo"))
            with counting() as path:
                answer = await view.persons(organisations=[UNIT], on=TODAY)
            found.append((len(answer), steps_of(path, rows=False), path[0].rows))
    assert found == [(1, ["log.get", "store.commit"], 1), (2, ["log.get", "store.commit"], 2)]
    await school.withheld.beside.save()


async def test_a_question_that_finds_only_the_withheld_takes_the_steps_of_one_that_finds_nobody(school: Hub) -> None:
    """Promise 5. The denial and its mark are stored beside the answer."""
    view = school.view(ATTENDANT)
    await school.say(PERSON, pupil(ANNA, "Sekretessmarkering", givenName="Anna"))
    with counted(school.log, school.store), counting() as path:
        assert not await view.persons(organisations=[UNIT], on=TODAY)
        withheld = steps_of(path)
        assert not await view.persons(organisations=[uid("nowhere")], on=TODAY)
    assert steps_of(path) == withheld == []
    await school.withheld.beside.save()
    assert {each.person for each in await school.store.read(marks.of(TENANT, [ANNA, BO]))} == {ANNA, BO}
