"""Promise 5: `sequence` tells a recipient nothing of the events between those that it gets.

Each test has two worlds: one stores events that the recipient may not see between others of their key.
"""

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from typing import Any

import orjson
import pytest

from hub.bus.base import Left, Place, Stored, corrects_all
from hub.privacy.base import Recipient
from tests.hub.privacy.conftest import Hub
from tests.hub.privacy.house import recipient
from tests.school import (
    ABSENCE,
    DUTY,
    HIDDEN,
    LESSON,
    LESSON_CHANGED,
    ORGANISATION,
    PERSON,
    ROOM,
    SCHOOL,
    SIS,
    UNIT,
    absence,
    duty,
    event,
    lesson,
    person,
    pupil,
    uid,
)

SECRET = uid("Secret")
EVERYTHING = recipient(name="client/all")


@pytest.fixture
async def school(hub: Hub) -> Hub:
    await hub.say(ORGANISATION, {"id": SCHOOL, "organisationType": "Skola"})
    await hub.say(ORGANISATION, {"id": UNIT, "parentOrganisation": {"id": SCHOOL}, "schoolTypes": ["GR"]})
    await hub.current()
    await hub.say(PERSON, person(SECRET, HIDDEN))
    await hub.say(DUTY, duty(SECRET))
    return hub


async def batch(hub: Hub, *events: tuple[str, str, dict[str, Any]]) -> Sequence[Stored]:
    made = [hub.catalogue.describe(event(type_, data, id=id_, source=SIS)) for id_, type_, data in events]
    return (await hub.log.append(made, corrects_all)).stored


def moved(id_: str, hour: int) -> tuple[str, str, dict[str, Any]]:
    end = f"2026-11-24T{hour}:00:00+01:00"
    return id_, LESSON_CHANGED, lesson(endTime=end, teachers=[], changed={"endTime": "2026-11-24T09:00:00+01:00"})


def hidden(id_: str) -> tuple[str, str, dict[str, Any]]:
    """A change of a lesson that only its protected teacher's recipients may see."""
    teachers = [{"duty": {"id": uid("duty", SECRET)}}]
    return id_, LESSON_CHANGED, lesson(teachers=teachers, changed={"teachers": []})


async def together(hub: Hub, *writes: Coroutine[Any, Any, Any]) -> Sequence[Any]:
    """The results of writes that the log stores in one transaction, since it is busy with another one meanwhile."""
    writer: Any = hub.log._writer
    commit, busy, go_on = writer._commit, threading.Event(), threading.Event()

    def waits(items: Any) -> Any:
        busy.set()
        go_on.wait()
        return commit(items)

    writer._commit = waits
    first = asyncio.ensure_future(hub.say(ROOM, {"id": uid("hall"), "displayName": "Hall"}))
    await asyncio.to_thread(busy.wait)
    results = asyncio.gather(*writes)
    await asyncio.sleep(0)  # all have been submitted
    go_on.set()
    await first
    return await results


def steps(hub: Hub, events: Sequence[Stored], to: Recipient) -> dict[str, int]:
    """How far the numbers that the recipient gets are past the acceptance time, by event."""
    found = {}
    for stored in events:
        decision = hub.gate.decide(stored, to)
        if decision.allowed:
            left = orjson.loads(hub.gate.permit(decision))
            assert left == decision.content
            found[stored.id] = int(left["sequence"]) - stored.accepted_us
    return found


async def test_a_withheld_event_takes_no_number(school: Hub) -> None:
    stored = await batch(
        school, ("a", LESSON, lesson(teachers=[])), hidden("b"), moved("c", 11), hidden("d"), moved("e", 12)
    )
    assert steps(school, stored, EVERYTHING) == {"a": 0, "c": 1, "e": 2}


async def test_a_number_is_the_same_on_each_way_to_the_event_and_after_a_restart(school: Hub) -> None:
    stored = await batch(school, ("a", LESSON, lesson(teachers=[])), hidden("b"), moved("c", 11), moved("d", 12))
    places: list[Place] = [each.at for each in stored]
    for _ in range(2):
        for found in (
            await school.log.get(places),
            [each for at in places for each in await school.log.get([at])],
            [each for at in reversed(places) for each in await school.log.get([at], state=True)],
        ):
            assert steps(school, found, EVERYTHING) == {"a": 0, "c": 1, "d": 2}
        await school.restart()
        await school.current()


async def test_a_number_follows_what_may_be_seen_now(school: Hub) -> None:
    """A replay gives the numbers of what it delivers: they rise, and have no gaps."""
    stored = await batch(school, ("a", LESSON, lesson(teachers=[])), hidden("b"), moved("c", 11))
    assert steps(school, stored, EVERYTHING) == {"a": 0, "c": 1}
    await school.say(PERSON, person(SECRET))
    assert steps(school, stored, EVERYTHING) == {"a": 0, "b": 1, "c": 2}
    await school.say(PERSON, person(SECRET, HIDDEN))
    assert steps(school, stored, EVERYTHING) == {"a": 0, "c": 1}


async def test_a_permit_is_refused_if_an_event_that_was_counted_is_withheld_since(school: Hub) -> None:
    """Promise 5: else the recipient gets the number after that of an event that it does not get."""
    await school.say(PERSON, person(SECRET))
    stored = await batch(school, ("a", LESSON, lesson(teachers=[])), hidden("b"), moved("c", 11))
    decision = school.gate.decide(stored[2], EVERYTHING)
    school.gate.check(decision)
    await school.say(PERSON, person(SECRET, HIDDEN))
    with pytest.raises(Exception, match="the directory has changed"):
        school.gate.check(decision)


async def test_state_has_the_number_of_the_last_event_that_the_recipient_could_get(school: Hub) -> None:
    """Promise 5: the same with and without changes that say nothing to the recipient, also after a later one."""
    await batch(school, ("a", LESSON, lesson(teachers=[])), hidden("b"), moved("c", 11), hidden("d"))
    for _ in range(2):
        (state,) = await school.log.states_named([f"lesson/{uid('lesson')}"])
        decision = school.gate.decide(state, EVERYTHING, state=True)
        assert decision.content is not None
        assert decision.content["id"] == "c"
        assert int(decision.content["sequence"]) == decision.stored.accepted_us + 1
        await school.restart()
        await school.current()


async def whole_state(hub: Hub, told: bool) -> tuple[str, int]:
    """Of a pupil whose record came thrice in a batch, and perhaps with a hidden change between and after."""
    name = uid("Anna")
    secret = {"responsibles": [{"person": {"id": SECRET}, "relationType": "Förälder"}]}
    events = [
        ("p1", PERSON, pupil(name, givenName="A")),
        *([("p2", PERSON, pupil(name, givenName="A", **secret))] if told else []),
        ("p3", PERSON, pupil(name, givenName="B")),
    ]
    stored = await batch(hub, *events)
    if told:
        hub.clock.move(minutes=1)
        await batch(hub, ("p4", PERSON, pupil(name, givenName="B", **secret)))
    (state,) = await hub.log.states_of(f"person/{name}", ["person"])
    left = orjson.loads(hub.gate.permit(hub.gate.decide(state, EVERYTHING, state=True)))
    return left["id"], int(left["sequence"]) - stored[0].accepted_us


@pytest.mark.parametrize("told", [False, True])
async def test_state_as_of_an_earlier_moment_has_the_number_of_that_moment(school: Hub, told: bool) -> None:
    """Promise 5: also where a later event brought the recipient nothing."""
    assert await whole_state(school, told) == ("p3", 1)


async def test_as_of_a_moment_that_was_trimmed_and_on_the_event_itself_the_number_is_the_acceptance_time(
    school: Hub,
) -> None:
    """Promise 5: what the log spares depends on what is withheld, so below the trim point it counts no events."""
    assert await whole_state(school, True) == ("p3", 1)
    school.clock.move(days=1)
    await school.log.trim(school.clock.now)
    (state,) = await school.log.states_of(f"person/{uid('Anna')}", ["person"])
    await school.current()
    decision = school.gate.decide(state, EVERYTHING, state=True)
    assert decision.content is not None
    assert int(decision.content["sequence"]) == decision.stored.accepted_us


async def test_an_event_that_tells_of_a_protection_has_the_number_of_the_mark_and_takes_none(school: Hub) -> None:
    """Promise 5: a deletion would have been in the log since the mark."""
    name = uid("Anna")
    mark_us = (await school.say(PERSON, pupil(name))).accepted_us
    school.clock.move(minutes=1)
    absences = [school.catalogue.describe(event(ABSENCE, absence(name, id=uid(each)))) for each in ("one", "two")]
    _, (left,), _ = await together(
        school,
        school.log.append(absences[:1]),
        school.log.leave([Left(name, SIS, (), mark_us)]),
        school.log.append(absences[1:]),
    )
    for _ in range(2):
        *_, one, again, two = (await school.log.read(school.log.start(), 100)).events
        assert one.accepted_us == again.accepted_us == two.accepted_us
        assert (again.id, again.later, int(again.parsed["sequence"])) == (left.id, False, mark_us)
        assert two.sibling is not None
        assert (two.sibling.at, two.sibling.sibling, one.later) == (one.at, None, False)
        await school.restart()


async def test_a_long_batch_of_one_key_is_decided_on_once_for_each_recipient(school: Hub) -> None:
    """Not once for each later event: 500 would be 125,000 decisions."""
    stored = await batch(school, ("a", LESSON, lesson(teachers=[])), *(moved(f"c{n}", 10 + n % 10) for n in range(200)))
    decide, count = school.gate._decide, 0

    def counted(*given: Any, **how: Any) -> Any:
        nonlocal count
        count += 1
        return decide(*given, **how)

    school.gate._decide = counted  # type: ignore[method-assign]
    assert list(steps(school, stored, EVERYTHING).values()) == list(range(201))
    assert count <= 2 * len(stored)
