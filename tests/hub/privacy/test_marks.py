"""What was withheld comes when it may (promise 4), once, and without a loop."""

import asyncio

import pytest

from hub.bus.base import LogUnavailable, Stored
from hub.privacy.base import Recipient
from hub.store import withheld as rows
from hub.store.withheld import Withheld
from schemas import Category
from tests.hub.privacy.conftest import TENANT, Hub
from tests.hub.privacy.house import ALL, contract, recipient
from tests.school import (
    ABSENCE,
    ACTIVITY,
    DUTY,
    ELSEWHERE,
    GROUP,
    LESSON,
    ORGANISATION,
    OTHER,
    PERSON,
    SCHOOL,
    SIS,
    UNIT,
    absence,
    lesson,
    person,
    pupil,
    uid,
)

ANNA, BO = uid("Anna"), uid("Bo")
TO = recipient(contract(Category.ATTENDANCE, Category.IDENTITY, Category.GROUP, Category.NAME))


async def kept(hub: Hub) -> set[Withheld]:
    names = await hub.store.read(rows.persons(TENANT))
    return set(await hub.store.read(rows.of(TENANT, names)))


async def comes(hub: Hub, to: Recipient = TO) -> list[str | None]:
    """The entities of what is permitted, once everything has been looked at."""
    found: list[Stored] = []
    for _ in range(5):
        await hub.withheld.settled()
        found += await hub.offer(to)
    return [each.entity for each in found]


async def test_an_absence_comes_when_its_pupil_becomes_known(hub: Hub) -> None:
    """Promise 4."""
    await hub.current()
    stored = await hub.say(ABSENCE, absence(ANNA))
    assert await comes(hub) == [f"source/{SIS}"]
    assert await kept(hub) == {Withheld(ANNA, stored.entity or "", TO.name)}
    await hub.say(PERSON, pupil(ANNA))
    assert await comes(hub) == [f"person/{ANNA}/{SIS}", stored.entity]
    assert await kept(hub) == set()


async def test_it_comes_when_the_mark_is_lifted_and_the_person_s_own_event_is_not_told_twice(hub: Hub) -> None:
    """Promises 4 and 5: a record that comes twice would tell that there had been more."""
    await hub.current()
    await hub.say(PERSON, pupil(ANNA, "Sekretessmarkering"))
    stored = await hub.say(ABSENCE, absence(ANNA))
    assert await comes(hub) == [f"source/{SIS}"]
    await hub.say(PERSON, pupil(ANNA, "Ingen"))
    assert await comes(hub) == [f"person/{ANNA}/{SIS}", stored.entity]


async def test_what_comes_is_the_state_as_it_stands(hub: Hub) -> None:
    await hub.current()
    await hub.say(ABSENCE, absence(ANNA))
    await hub.offer(TO)
    await hub.say(ABSENCE, absence(ANNA, endTime="2026-11-24T12:00:00+01:00"))
    await hub.say(PERSON, pupil(ANNA))
    await hub.withheld.settled()
    last = (await hub.log.states_of(f"person/{ANNA}"))[-1]
    assert last.parsed["data"]["endTime"] == "2026-11-24T12:00:00+01:00"
    assert last.id not in {"e1", "e2", "e3"}


async def test_it_comes_when_the_source_is_fresh_again(hub: Hub) -> None:
    """Promise 4."""
    await hub.current()
    await hub.say(PERSON, pupil(ANNA))
    await comes(hub)
    hub.clock.move(hours=30)
    stored = await hub.say(ABSENCE, absence(ANNA))
    assert await comes(hub) == []
    await hub.current()
    assert await comes(hub) == [f"source/{SIS}", stored.entity]


async def test_a_removed_member_comes_with_the_group(hub: Hub) -> None:
    """Promise 4: a class that came before its pupils."""
    await hub.current()
    group = {"id": uid("group"), "groupMemberships": [{"person": {"id": ANNA}}]}
    await hub.say(GROUP, group)
    assert await comes(hub) == [f"source/{SIS}", f"group/{uid('group')}"]
    await hub.say(PERSON, pupil(ANNA))
    assert await comes(hub) == [f"person/{ANNA}/{SIS}", f"group/{uid('group')}"]


async def test_a_lesson_comes_again_when_the_duty_is_known(hub: Hub) -> None:
    """Promise 4."""
    to = recipient(contract(*ALL))
    await hub.current()
    await hub.say(LESSON, lesson(teachers=[{"duty": {"id": uid("duty")}}]))
    await comes(hub, to)
    await hub.say(PERSON, person(BO))
    await comes(hub, to)
    await hub.say(DUTY, {"id": uid("duty"), "person": {"id": BO}})
    assert f"lesson/{uid('lesson')}" in await comes(hub, to)


async def test_an_event_comes_when_its_organisation_turns_out_to_be_in_scope(hub: Hub) -> None:
    """Promise 4: organisations that come after what belongs to them."""
    to = recipient(contract(*ALL, organisations=[SCHOOL]))
    await hub.current()
    await hub.say(ACTIVITY, {"id": uid("activity"), "organisation": {"id": UNIT}})
    await hub.say(LESSON, lesson())
    assert await comes(hub, to) == []
    await hub.say(ORGANISATION, {"id": SCHOOL})
    await hub.say(ORGANISATION, {"id": UNIT, "parentOrganisation": {"id": SCHOOL}})
    assert set(await comes(hub, to)) >= {f"activity/{uid('activity')}", f"lesson/{uid('lesson')}"}


async def test_what_is_known_about_a_pupil_comes_to_the_new_school_when_they_move(hub: Hub) -> None:
    """Promise 4: a scope begins to match."""
    to = recipient(contract(*ALL, organisations=[ELSEWHERE]))
    await hub.current()
    for id in (UNIT, ELSEWHERE):
        await hub.say(ORGANISATION, {"id": id})
    await hub.say(PERSON, pupil(ANNA, at=UNIT))
    stored = await hub.say(ABSENCE, absence(ANNA))
    assert stored.entity not in await comes(hub, to)
    await hub.say(PERSON, pupil(ANNA, at=ELSEWHERE))
    assert await comes(hub, to) == [f"person/{ANNA}/{SIS}", stored.entity]


async def test_and_on_the_day_from_which_they_are_enrolled_there(hub: Hub) -> None:
    """Promise 4: no event says that a day has begun."""
    to = recipient(contract(*ALL, organisations=[ELSEWHERE]))
    await hub.current()
    for id in (UNIT, ELSEWHERE):
        await hub.say(ORGANISATION, {"id": id})
    enrolments = [
        {"enroledAt": {"id": UNIT}, "startDate": "2026-08-17", "endDate": "2026-11-24"},
        {"enroledAt": {"id": ELSEWHERE}, "startDate": "2026-11-25"},
    ]
    await hub.say(PERSON, person(ANNA, enrolments=enrolments))
    stored = await hub.say(ABSENCE, absence(ANNA))
    assert stored.entity not in await comes(hub, to)
    hub.clock.move(hours=20)
    hub.withheld.new_day(hub.clock.school().date())
    assert set(await comes(hub, to)) == {f"person/{ANNA}/{SIS}", stored.entity}


async def test_nothing_is_restated_while_the_person_is_still_not_open(hub: Hub) -> None:
    await hub.current()
    await hub.say(ABSENCE, absence(ANNA))
    await comes(hub)
    head = hub.log.head()
    await hub.say(PERSON, pupil(ANNA, "Sekretessmarkering"))
    await hub.withheld.settled()
    assert len((await hub.log.read(head, 100)).events) == 1
    assert len(await kept(hub)) == 1


async def test_what_is_denied_again_waits_for_the_next_change_and_does_not_go_round(hub: Hub) -> None:
    """A restated person changes nothing in the directory; else this would never end."""
    to = recipient(contract(*ALL, organisations=[SCHOOL]))
    await hub.current()
    await hub.say(PERSON, person(BO))  # belongs nowhere
    stored = await hub.say(ABSENCE, absence(BO))
    await comes(hub, to)
    assert len(await kept(hub)) == 2
    head = hub.log.head()
    await hub.say(PERSON, person(BO, personStatus="Utvandrad"))
    assert await comes(hub, to) == []
    again = [each.entity for each in (await hub.log.read(head, 100)).events]
    assert again == [f"person/{BO}/{SIS}", stored.entity]
    assert len(await kept(hub)) == 2


async def test_marks_are_there_after_a_restart_and_looked_at_once(hub: Hub) -> None:
    """Promise 4: a crash between lifting and restating loses nothing."""
    await hub.current()
    await hub.say(PERSON, pupil(ANNA))
    stored = await hub.say(ABSENCE, absence(ANNA))
    await hub.store.commit(rows.add(TENANT, [Withheld(ANNA, stored.entity or "", TO.name)]))
    await hub.restart()
    await hub.withheld.settled()
    assert await kept(hub) == set()
    states = await hub.log.states_of(f"person/{ANNA}")
    assert stored.id not in {each.id for each in states}


async def restated(hub: Hub) -> list[str | None]:
    """The entities of the events that a restart of the hub adds to the log."""
    await hub.withheld.settled()
    head = hub.log.head()
    await hub.restart()
    await hub.withheld.settled()
    return [each.entity for each in (await hub.log.read(head, 100)).events]


async def test_a_restart_restates_no_person_who_belongs_nowhere_still(hub: Hub) -> None:
    """Promise 5: an unchanged person does not come again under a new id."""
    to = recipient(contract(*ALL, organisations=[SCHOOL]))
    await hub.current()
    await hub.say(PERSON, person(BO))
    assert await comes(hub, to) == []
    assert await restated(hub) == []
    await hub.say(ORGANISATION, {"id": SCHOOL})
    await hub.say(DUTY, {"id": uid("duty"), "person": {"id": BO}, "dutyAt": {"id": SCHOOL}})
    assert f"person/{BO}/{SIS}" in await comes(hub, to)
    assert await kept(hub) == set()


async def test_nor_what_waits_for_an_owner_an_organisation_or_a_duty(hub: Hub) -> None:
    """Promise 5, variants: a lesson of an unknown activity, of an unknown organisation, with an unknown teacher."""
    to = recipient(contract(*ALL, organisations=[SCHOOL]))
    await hub.current()
    await hub.say(ACTIVITY, {"id": uid("activity"), "organisation": {"id": UNIT}})
    await hub.say(LESSON, lesson())
    await hub.say(GROUP, {"id": uid("group")})
    assert await comes(hub, to) == []
    assert await restated(hub) == []


async def test_nor_what_waits_for_a_school_type_and_it_comes_once_the_school_has_one(hub: Hub) -> None:
    """Promise 4, variant: the enrolment names no school type, and the organisation none either."""
    to = recipient(contract(*ALL, school_types=["GR"]))
    await hub.current()
    await hub.say(ORGANISATION, {"id": UNIT})
    await hub.say(PERSON, person(ANNA, enrolments=[{"enroledAt": {"id": UNIT}, "startDate": "2026-08-17"}]))
    assert await comes(hub, to) == []
    assert await restated(hub) == []
    await hub.say(ORGANISATION, {"id": UNIT, "schoolTypes": ["GR"]})
    assert f"person/{ANNA}/{SIS}" in await comes(hub, to)


async def test_what_was_placed_while_its_mark_was_not_freed_comes_after_the_restart(hub: Hub) -> None:
    """Promise 4: a crash between a change of the directory and the restated event."""
    await hub.current()
    await hub.say(ORGANISATION, {"id": UNIT, "schoolTypes": ["GR"]})
    await hub.say(PERSON, pupil(ANNA, at=UNIT))
    entity = f"person/{ANNA}/{SIS}"
    for name in (f"place/{ANNA}", f"school-type/{ANNA}", f"school-type/organisation/{UNIT}", f"organisation/{UNIT}"):
        await hub.store.commit(rows.add(TENANT, [Withheld(name, entity, TO.name)]))
        assert await restated(hub) == [entity], name


async def test_another_source_s_older_record_is_not_made_the_latest_word(hub: Hub) -> None:
    """Promise 4: restating must not change whom a person belongs to."""
    await hub.say(PERSON, pupil(ANNA, at=UNIT), SIS)
    await hub.say(PERSON, pupil(ANNA, at=ELSEWHERE), OTHER)
    assert await comes(hub) == []  # neither source has said `current`
    assert {mark.entity for mark in await kept(hub)} == {f"person/{ANNA}/{SIS}", f"person/{ANNA}/{OTHER}"}
    await hub.current(OTHER)
    assert await comes(hub) == [f"source/{OTHER}", f"person/{ANNA}/{OTHER}"]
    assert hub.directory.persons[ANNA].owner.source == OTHER
    assert await kept(hub) == set()


async def test_a_mark_made_while_its_entity_is_restated_stays(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 4: a new denial is not forgotten with the old one."""
    await hub.current()
    stored = await hub.say(ABSENCE, absence(ANNA))
    await comes(hub)
    mark = Withheld(ANNA, stored.entity or "", TO.name)
    restate = hub.log.restate

    async def slowly(entities: list[str]) -> object:
        done = await restate(entities)
        hub.withheld.keep([mark])
        await hub.store.commit(hub.withheld.rows([mark]))
        return done

    monkeypatch.setattr(hub.log, "restate", slowly)
    await hub.say(PERSON, pupil(ANNA))
    await hub.withheld.settled()
    assert await kept(hub) == {mark}


async def test_a_log_that_is_away_is_waited_for(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 4: marks are not forgotten before what they stand for is restated."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        monkeypatch.undo()
        await asyncio.sleep(0)

    async def away(entities: list[str]) -> object:
        raise LogUnavailable

    await hub.current()
    stored = await hub.say(ABSENCE, absence(ANNA))
    await comes(hub)
    monkeypatch.setattr(hub.clock, "sleep", sleep)
    monkeypatch.setattr(hub.log, "restate", away)
    await hub.say(PERSON, pupil(ANNA))
    assert stored.entity in await comes(hub)
    assert waits
    assert await kept(hub) == set()
