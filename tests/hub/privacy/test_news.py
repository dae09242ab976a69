"""Promise 5: an event that changes nothing that a recipient can see does not come, and tells by no time or number."""

from typing import Any

import orjson
import pytest

from hub.bus.base import corrects_all
from hub.bus.news import MAX_PARTS, NOBODY, Moment, News, following
from schemas import Category
from tests.hub.privacy.conftest import Hub
from tests.hub.privacy.house import ALL, contract, recipient
from tests.school import (
    CURRENT,
    ELSEWHERE,
    GROUP,
    HIDDEN,
    LESSON,
    LESSON_CHANGED,
    PERSON,
    ROOM,
    SIS,
    UNIT,
    event,
    group,
    lesson,
    pupil,
    uid,
)

ANNA, BO, SECRET = uid("Anna"), uid("Bo"), uid("Secret")
EVERYTHING = recipient(name="client/all")
NO_HOME = recipient(contract(*(ALL - {Category.CONTACT, Category.PROTECTED_ADDRESS})), name="client/no-home")
NO_GROUPS = recipient(contract(*(ALL - {Category.GROUP})), name="client/no-groups")
HERE = recipient(contract(*ALL, organisations=[UNIT]), name="client/here")
THERE = recipient(contract(*ALL, organisations=[ELSEWHERE]), name="client/there")
BOTH = recipient(contract(*(ALL - {Category.GROUP}), organisations=[UNIT, ELSEWHERE]), name="client/both")


@pytest.fixture
async def school(hub: Hub) -> Hub:
    await hub.tree()
    await hub.say(PERSON, pupil(ANNA, givenName="Anna"))
    await hub.say(PERSON, pupil(BO, givenName="Bo"))
    await hub.say(PERSON, pupil(SECRET, HIDDEN))
    await hub.say(GROUP, group(ANNA))
    return hub


async def gets(hub: Hub, to: Any) -> list[str | None]:
    """The entities of the events that a recipient gets of those that came since the last time."""
    await hub.withheld.settled()
    cursors = hub.__dict__.setdefault("cursors", {})
    position = cursors.get(to.name, hub.log.start())
    ledger = hub.telling.to(to, "test").ledger()
    found = []
    while True:
        batch = await hub.log.read(position, 100)
        found += [stored.entity for stored in batch.events if ledger.judge(stored).allowed]
        position = cursors[to.name] = batch.position
        if batch.at_head:
            await hub.store.commit(*ledger.operations())
            return found


async def state(hub: Hub, to: Any, subject: str) -> list[tuple[str, str, str]]:
    """What tells one event of the subject's state from another."""
    found = [hub.gate.decide(each, to, state=True) for each in await hub.log.states_of(subject)]
    seen = [orjson.loads(hub.gate.permit(each)) for each in found if each.allowed]
    return [(each["id"], each["sequence"], each["time"]) for each in seen]


async def test_a_hidden_member_s_coming_and_going_is_no_event(school: Hub) -> None:
    await gets(school, EVERYTHING)
    before = await state(school, EVERYTHING, f"group/{uid('group')}")
    await school.say(GROUP, group(ANNA, SECRET))
    await school.say(GROUP, group(SECRET, ANNA))
    await school.say(GROUP, group(ANNA))
    assert await gets(school, EVERYTHING) == []
    assert await state(school, EVERYTHING, f"group/{uid('group')}") == before
    await school.say(GROUP, group(ANNA, SECRET, BO))
    assert await gets(school, EVERYTHING) == [f"group/{uid('group')}"]


async def test_a_hidden_address_is_no_event_for_those_from_whom_it_is_hidden(school: Hub) -> None:
    before = [await gets(school, to) and await state(school, to, f"person/{ANNA}") for to in (EVERYTHING, NO_HOME)]
    moved = {"addresses": [{"streetAddress": "Provgatan 1"}]}
    await school.say(PERSON, pupil(ANNA, givenName="Anna", **moved))
    assert len(await gets(school, EVERYTHING)) == 1
    assert await gets(school, NO_HOME) == []
    after = [await state(school, to, f"person/{ANNA}") for to in (EVERYTHING, NO_HOME)]
    assert after[0] != before[0]
    assert after[1] == before[1]


async def test_what_no_recipient_can_see_is_news_for_none(school: Hub) -> None:
    await school.say(ROOM, {"id": uid("hall"), "displayName": "Hall"})
    await gets(school, EVERYTHING)
    await school.say(ROOM, {"id": uid("hall"), "displayName": "Hall", "alarmCode": "1234"})
    await school.say(ROOM, {"id": uid("hall"), "displayName": "Hall"})
    assert await gets(school, EVERYTHING) == []


async def test_it_stays_so_over_a_restart_and_however_often_the_source_repeats(school: Hub) -> None:
    before = await gets(school, EVERYTHING) and await state(school, EVERYTHING, f"group/{uid('group')}")
    for _ in range(3):
        await school.say(GROUP, group(ANNA, SECRET))
        await school.restart()
        await school.current()
        await gets(school, EVERYTHING)
    assert await state(school, EVERYTHING, f"group/{uid('group')}") == before


async def test_a_protected_substitute_between_two_whole_lessons_leaves_no_trace(school: Hub) -> None:
    by = [{"duty": {"id": uid("secret duty")}}]
    await school.say(LESSON, lesson(organisation={"id": UNIT}))
    await gets(school, EVERYTHING)
    await school.say(LESSON_CHANGED, lesson(organisation={"id": UNIT}, teachers=by, changed={"teachers": []}))
    await school.say(LESSON, lesson(organisation={"id": UNIT}))
    assert await gets(school, EVERYTHING) == []


async def test_a_lesson_whose_change_came_first_and_was_withheld_is_new(school: Hub) -> None:
    """Promise 5: as the lesson is without the change."""
    by = [{"duty": {"id": uid("secret duty")}}]
    await school.say(LESSON_CHANGED, lesson(organisation={"id": UNIT}, teachers=by, changed={"teachers": []}))
    await gets(school, EVERYTHING)
    await school.say(LESSON, lesson(organisation={"id": UNIT}))
    assert await gets(school, EVERYTHING) == [f"lesson/{lesson()['id']}"]


async def test_an_entity_comes_again_only_for_those_from_whom_it_was_withheld(school: Hub) -> None:
    for to in (EVERYTHING, NO_GROUPS):
        await gets(school, to)
    await school.say(GROUP, group(ANNA, SECRET))
    for to in (EVERYTHING, NO_GROUPS):
        await gets(school, to)
    await school.say(PERSON, pupil(SECRET))
    assert f"group/{uid('group')}" in await gets(school, EVERYTHING)
    assert f"group/{uid('group')}" not in await gets(school, NO_GROUPS)


async def test_a_move_brings_what_is_known_to_those_alone_who_did_not_have_it(school: Hub) -> None:
    duty = {"id": uid("duty"), "person": {"id": ANNA}}
    await school.say("se.skolnav.directory.duty.upserted.v1", duty)
    for to in (HERE, THERE, BOTH):
        await gets(school, to)
    await school.say(PERSON, pupil(ANNA, at=ELSEWHERE, givenName="Anna"))
    assert await gets(school, BOTH) == []
    assert set(await gets(school, THERE)) == {f"person/{ANNA}/urn:prov:sis", f"duty/{uid('duty')}"}


async def test_a_person_who_moves_comes_to_those_who_see_no_enrolments_too(school: Hub) -> None:
    """Promise 4: for them nothing in the event that moves the person is new."""
    there = recipient(contract(*(ALL - {Category.GROUP}), organisations=[ELSEWHERE]), name="client/there-blind")
    await gets(school, there)
    await school.say(PERSON, pupil(ANNA, at=ELSEWHERE, givenName="Anna"))
    assert set(await gets(school, there)) == {f"person/{ANNA}/urn:prov:sis"}


async def test_a_stale_person_comes_although_the_source_says_nothing_new(school: Hub) -> None:
    """Promise 4: the person's object and `current` come in one batch."""
    blind = recipient(contract(*(ALL - {Category.GROUP})), name="client/blind")
    school.clock.move(hours=30)
    assert f"person/{ANNA}/urn:prov:sis" not in await gets(school, blind)
    now = {"asOf": school.clock.utc().isoformat()}
    moved = pupil(ANNA, givenName="Anna", enrolments=[])
    both = [event(CURRENT, now, id="c9", source=SIS), event(PERSON, moved, id="p9", source=SIS)]
    await school.log.append([school.catalogue.describe(each) for each in both], corrects_all)
    assert f"person/{ANNA}/urn:prov:sis" in await gets(school, blind)


async def test_who_was_in_a_class_once_is_not_told_by_the_class(school: Hub) -> None:
    """A hidden member leaves the class, and is open later."""
    await school.say(GROUP, group(ANNA, SECRET))
    await gets(school, EVERYTHING)
    await school.say(GROUP, group(ANNA))
    await gets(school, EVERYTHING)
    await school.say(PERSON, pupil(SECRET))
    assert await gets(school, EVERYTHING) == [f"person/{SECRET}/urn:prov:sis"]


def test_no_part_that_an_event_changes_is_dropped() -> None:
    """Promise 4: a class is renamed and has a thousand new members, with a long history."""
    moment = Moment(1, "1", "e", "t")
    old = following(moment, None, [f"old|p{n}" for n in range(3000)])
    changed = {"displayName", *(f"groupMemberships|p{n}" for n in range(1000))}
    news = following(moment, old, changed)
    assert set(news.fresh) == changed
    assert len(news.parts) <= len(changed) + MAX_PARTS
    assert News.unpack(news.pack()) == news


async def test_a_type_that_the_hub_no_longer_knows_holds_up_no_other_event(school: Hub) -> None:
    """Promise 1: a vendor's package was removed, and its entities are still state."""
    await school.say(ROOM, {"id": uid("hall"), "displayName": "Hall"})
    school.catalogue._entries.pop(ROOM)
    (copy,) = await school.log.restate({f"room/{uid('hall')}": NOBODY})
    assert copy.news is None
