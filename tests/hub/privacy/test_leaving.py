"""Promise 5: whoever becomes protected leaves exactly as one who was deleted does, and returns as new."""

from datetime import timedelta
from typing import Any

import orjson
import pytest

from hub.bus.base import LEFT, Stored
from schemas import Category
from tests.hub.privacy.conftest import Hub
from tests.hub.privacy.house import ALL, contract, recipient
from tests.school import (
    ABSENCE,
    DUTY,
    ELSEWHERE,
    GROUP,
    HIDDEN,
    OTHER,
    PERSON,
    PERSON_GONE,
    SIS,
    UNIT,
    absence,
    group,
    person,
    pupil,
    tie,
    uid,
)

ANNA, BO, MUM = uid("Anna"), uid("Bo"), uid("Mum")
EVERYTHING = recipient(name="client/all")
PSEUDONYMS = recipient(contract(*(ALL - {Category.IDENTITY})), name="client/blind")
THIS_UNIT = recipient(contract(*ALL, organisations=[UNIT]), name="client/unit")
SUMS = recipient(contract(*ALL), name="connector/kitchen", aggregates=True)
EXCEPTED = recipient(name="client/platform", protected=True)


@pytest.fixture
async def school(hub: Hub) -> Hub:
    await hub.tree()
    await hub.say(PERSON, pupil(ANNA, givenName="Anna"))
    await hub.say(PERSON, pupil(BO, givenName="Bo"))
    return hub


async def told(hub: Hub, to: Any) -> list[dict[str, Any]]:
    """What a recipient that reads the whole log gets now."""
    await hub.withheld.settled()
    teller = hub.telling.to(to, "test")
    events: list[Stored] = []
    position = hub.log.start()
    while True:
        batch = await hub.log.read(position, 100)
        events += batch.events
        position = batch.position
        if batch.at_head:
            break
    ledger = teller.ledger()
    decisions = [ledger.judge(stored) for stored in events]
    return [orjson.loads(teller.permit(each)) for each in decisions if each.allowed]


def about(events: list[dict[str, Any]], name: str) -> list[str]:
    return [
        each["type"].split(".")[3]
        for each in events
        if each["subject"] == f"person/{name}" and "person" in each["type"]
    ]


def shape(event: dict[str, Any]) -> dict[str, Any]:
    return {name: len(value) if name in ("id", "sequence", "time") else value for name, value in event.items()}


@pytest.mark.parametrize("to", [EVERYTHING, PSEUDONYMS, THIS_UNIT], ids=lambda to: to.name)
async def test_a_protection_looks_like_a_deletion(school: Hub, to: Any) -> None:
    await school.say(PERSON, pupil(ANNA, HIDDEN, givenName="Anna"))
    await school.say(PERSON_GONE, {"id": BO, "deletedAt": "2026-11-24T08:00:00Z"})
    anna, bo = (school.gate.pseudonyms(to).of(each) if to is PSEUDONYMS else each for each in (ANNA, BO))
    events = await told(school, to)
    assert about(events, anna) == about(events, bo) == ["person"]
    (left,), (gone,) = ([each for each in events if each["subject"] == f"person/{name}"] for name in (anna, bo))
    assert left["type"] == gone["type"] == PERSON_GONE
    assert orjson.dumps(shape(left)).replace(anna.encode(), b"-") == orjson.dumps(shape(gone)).replace(
        bo.encode(), b"-"
    )


async def test_whoever_still_sees_the_person_is_told_of_no_end(school: Hub) -> None:
    before = [len(await told(school, to)) for to in (SUMS, EXCEPTED)]
    await school.say(PERSON, pupil(ANNA, HIDDEN, givenName="Anna"))
    assert [len(await told(school, to)) for to in (SUMS, EXCEPTED)] == before


async def test_a_person_who_was_never_open_leaves_nothing(school: Hub) -> None:
    await school.say(PERSON, pupil(uid("secret"), HIDDEN))
    await school.say(PERSON, pupil(uid("secret"), HIDDEN, givenName="X"))
    assert about(await told(school, EVERYTHING), uid("secret")) == []


async def test_a_mark_by_another_source_is_a_protection_too(school: Hub) -> None:
    await school.say(PERSON, {"id": ANNA, "securityMarking": HIDDEN}, OTHER)
    (left,) = [each for each in await told(school, EVERYTHING) if each["subject"] == f"person/{ANNA}"]
    assert (left["type"], left["source"]) == (PERSON_GONE, SIS)


async def test_a_guardian_leaves_with_the_children_and_comes_back_with_them(school: Hub) -> None:
    await school.say(PERSON, pupil(ANNA, responsibles=tie(MUM)))
    await school.say(PERSON, person(MUM, givenName="Mum"))
    await school.say(PERSON, pupil(ANNA, HIDDEN, responsibles=tie(MUM)))
    (left,) = [each for each in await told(school, THIS_UNIT) if each["subject"] == f"person/{MUM}"]
    assert left["type"] == PERSON_GONE
    await school.say(PERSON, pupil(ANNA, responsibles=tie(MUM)))
    last = [each for each in await told(school, THIS_UNIT) if each["subject"] == f"person/{MUM}"][-1]
    assert last["data"]["givenName"] == "Mum"


async def test_a_person_who_moves_and_is_protected_at_once_leaves_where_they_were(school: Hub) -> None:
    await school.say(PERSON, pupil(ANNA, HIDDEN, at=ELSEWHERE))
    assert [each["type"] for each in await told(school, THIS_UNIT) if each["subject"] == f"person/{ANNA}"] == [
        PERSON_GONE
    ]


async def test_whoever_returns_comes_as_new_with_classes_and_duties(school: Hub) -> None:
    await school.say(GROUP, group(ANNA, BO))
    await school.say(DUTY, {"id": uid("duty"), "person": {"id": ANNA}, "dutyAt": {"id": UNIT}})
    await school.offer(EVERYTHING)
    await school.say(PERSON, pupil(ANNA, HIDDEN, givenName="Anna"))
    await school.withheld.settled()
    await school.offer(EVERYTHING)
    await school.say(PERSON, pupil(ANNA, givenName="Anna"))
    await school.withheld.settled()
    again = {stored.entity for stored in await school.offer(EVERYTHING)}
    assert again == {f"person/{ANNA}/{SIS}", f"group/{uid('group')}", f"duty/{uid('duty')}"}
    assert (
        await school.offer(recipient(contract(Category.GROUP, Category.NONE, organisations=[ELSEWHERE]), name="x"))
        == []
    )


async def test_the_state_of_one_who_left_is_the_end_until_they_return(school: Hub) -> None:
    async def state() -> list[str]:
        ledger = school.telling.to(EVERYTHING, "test").ledger()
        found = await school.log.states_of(f"person/{ANNA}")
        return [stored.type for stored in found if ledger.judge(stored, state=True).allowed]

    await school.say(PERSON, pupil(ANNA, HIDDEN))
    await school.withheld.settled()
    assert await state() == [PERSON_GONE]
    await school.restart()
    await school.current()
    assert await state() == [PERSON_GONE]
    await school.say(PERSON, pupil(ANNA))
    await school.withheld.settled()
    assert await state() == [PERSON]


async def test_a_crash_before_the_end_is_told_is_made_good_at_the_start(
    school: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise 4: the far side does not keep the pupil for ever."""
    await school.withheld.tidy()

    async def power_cut(persons: object) -> None:
        raise OSError("no power")

    monkeypatch.setattr(school.log, "leave", power_cut)
    await school.say(PERSON, pupil(ANNA, HIDDEN))
    await school.restart()
    await school.withheld.settled()
    for _ in range(2):  # once alone
        found = await school.log.states_of(f"person/{ANNA}")
        assert [stored.leaves for stored in found if stored.entity == f"person/{ANNA}/{LEFT}"] == [True]
        assert about(await told(school, EVERYTHING), ANNA) == ["person"]
        await school.restart()
        await school.withheld.settled()
        await school.current()


async def test_absences_of_one_who_left_are_withheld_as_of_one_who_was_deleted(school: Hub) -> None:
    for each in (ANNA, BO):
        await school.say(ABSENCE, absence(each, id=uid(f"absence {each}")))
    await school.say(PERSON, pupil(ANNA, HIDDEN))
    await school.say(PERSON_GONE, {"id": BO})
    assert not [each for each in await told(school, EVERYTHING) if each["type"] == ABSENCE]


async def test_a_place_of_long_ago_is_none_where_the_person_leaves(school: Hub) -> None:
    """Whoever never saw the teacher is told of no end, as of a deletion."""
    ended = {"id": uid("duty"), "person": {"id": MUM}, "dutyAt": {"id": UNIT}, "endDate": "2020-06-10"}
    await school.say(PERSON, person(MUM))
    await school.say(DUTY, ended)
    await school.say(PERSON, person(MUM, HIDDEN))
    assert about(await told(school, THIS_UNIT), MUM) == []


async def test_a_pupil_elsewhere_leaves_where_the_children_are_too(school: Hub) -> None:
    await school.say(PERSON, pupil(BO, responsibles=tie(MUM)))
    await school.say(PERSON, pupil(MUM, at=ELSEWHERE))
    await school.say(PERSON, pupil(MUM, HIDDEN, at=ELSEWHERE))
    assert about(await told(school, THIS_UNIT), MUM) == ["person"]


async def test_a_deletion_after_a_mark_by_another_source_is_no_second_end(school: Hub) -> None:
    await school.say(PERSON, {"id": ANNA, "securityMarking": HIDDEN}, OTHER)
    await school.withheld.settled()
    await school.say(PERSON_GONE, {"id": ANNA})
    assert about(await told(school, EVERYTHING), ANNA) == ["person"]


async def test_a_second_protection_is_told_after_a_restart_too(school: Hub) -> None:
    for mark in (HIDDEN, "Ingen"):
        await school.say(PERSON, pupil(ANNA, mark))
        await school.withheld.settled()
    await school.restart()
    assert not school.directory.has_left(ANNA)
    await school.current()
    await school.say(PERSON, pupil(ANNA, HIDDEN))
    await school.withheld.settled()
    assert about(await told(school, EVERYTHING), ANNA) == ["person", "person"]


async def test_an_enrolment_that_begins_tells_the_end_of_a_protected_pupil_no_second_time(school: Hub) -> None:
    tomorrow = (school.clock.school() + timedelta(days=1)).date()
    begins = {"enroledAt": {"id": ELSEWHERE}, "schoolType": "GY", "startDate": tomorrow.isoformat()}
    await school.say(PERSON, pupil(ANNA, HIDDEN, enrolments=[*pupil(ANNA)["enrolments"], begins]))
    await school.withheld.settled()
    school.clock.move(days=1)
    await school.current()
    school.withheld.new_day(tomorrow)
    assert about(await told(school, EVERYTHING), ANNA) == ["person"]
