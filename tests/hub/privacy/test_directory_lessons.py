"""Staff, rooms and lessons: questions to the directory that pass the gate, and filters that reveal nothing hidden."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.bus.base import Log
from hub.privacy.base import Recipient
from hub.store import disclosures as rows
from schemas import Category
from tests.hub.privacy.conftest import TENANT, Hub
from tests.hub.privacy.house import ALL, contract, recipient
from tests.hub.privacy.worlds import ANNA, MUM, PAIRS, RECIPIENTS, SECRET, TINA, VERA, Pair, Said
from tests.school import (
    ACTIVITY,
    DUTY,
    ELSEWHERE,
    GROUP,
    HIDDEN,
    LESSON,
    LESSON_CHANGED,
    ORGANISATION,
    PERSON,
    ROOM,
    SCHOOL,
    UNIT,
    duty,
    lesson,
    person,
    pupil,
    uid,
)

CANCELLED = "se.skolnav.schedule.lesson.cancelled.v1"
TODAY = date(2026, 11, 24)
TOMORROW = TODAY + timedelta(days=1)
B214, B215, GYM = uid("B214"), uid("B215"), uid("gym")
NILS, NORA = uid("Nils"), uid("Nora")
NILS_DUTY, NORA_DUTY = uid("duty", NILS), uid("duty", NORA)
CLASS, MATHS = uid("7A"), uid("maths")

TIMETABLE = recipient(
    contract(Category.STAFF, Category.IDENTITY, Category.NAME, Category.ATTENDANCE), name="connector/timetable"
)
NAMELESS = recipient(contract(Category.STAFF), name="connector/nameless")
PREMISES = recipient(contract(Category.NONE), name="connector/premises")
KITCHEN = recipient(contract(Category.GROUP, Category.DIET), name="connector/kitchen", aggregates=True)


def refs(*ids: str) -> list[dict[str, str]]:
    return [{"id": id} for id in ids]


def at(begin: str, name: str, day: str = "2026-11-24", **rest: Any) -> dict[str, Any]:
    """A lesson of 40 minutes; both times may be anything within the hour."""
    hour, minute = begin.split(":")
    times = {"startTime": f"{day}T{begin}:00+01:00", "endTime": f"{day}T{hour}:{int(minute) + 40}:00+01:00"}
    return lesson(id=uid(name), activity={"id": MATHS}, **{"organisation": {"id": UNIT}, **times, **rest})


def names(answer: Sequence[Any], *of: str) -> list[str]:
    """Which of the lessons called so are in the answer, in its order."""
    known = {uid(name): name for name in of}
    return [known.get(each["id"], each["id"]) for each in answer]


LESSONS = ("early", "late", "tomorrow", "elsewhere", "free")


def asked(answer: Sequence[Any]) -> list[str]:
    return names(answer, *LESSONS)


@pytest.fixture
async def school(hub: Hub) -> Hub:
    await hub.current()
    await hub.say(ORGANISATION, {"id": SCHOOL, "schoolTypes": ["GR"]})
    await hub.say(ORGANISATION, {"id": UNIT, "parentOrganisation": {"id": SCHOOL}})
    await hub.say(ORGANISATION, {"id": ELSEWHERE})
    await hub.say(PERSON, person(NILS, givenName="Nils"))
    await hub.say(PERSON, person(NORA, givenName="Nora"))
    await hub.say(PERSON, person(TINA, HIDDEN, givenName="Tina"))
    await hub.say(DUTY, duty(NILS, dutyRole="Lärare"))
    await hub.say(DUTY, duty(NORA, dutyAt={"id": ELSEWHERE}))
    await hub.say(DUTY, duty(TINA))
    await hub.say(ROOM, {"id": B214, "displayName": "B214", "seats": 30, "owner": {"id": SCHOOL}})
    await hub.say(ROOM, {"id": GYM, "displayName": "Gym", "owner": {"id": ELSEWHERE}})
    await hub.say(ROOM, {"id": uid("shed"), "displayName": "Shed"})
    await hub.say(GROUP, {"id": CLASS, "organisation": {"id": UNIT}})
    await hub.say(ACTIVITY, {"id": MATHS, "groups": refs(CLASS), "teachers": [{"duty": {"id": NILS_DUTY}}]})
    by_nils = [{"duty": {"id": NILS_DUTY}, "person": {"id": NILS}}]
    await hub.say(LESSON, at("11:00", "late", rooms=refs(B215), groups=refs(CLASS), teachers=by_nils))
    await hub.say(LESSON, at("09:00", "early", rooms=refs(B214, B215), groups=refs(uid("7B")), teachers=by_nils))
    await hub.say(LESSON, at("09:00", "tomorrow", "2026-11-25", rooms=refs(B214), teachers=by_nils))
    by_nora = [{"duty": {"id": NORA_DUTY}}]
    await hub.say(LESSON, at("10:00", "elsewhere", organisation={"id": ELSEWHERE}, teachers=by_nora))
    return hub


class TestStaff:
    async def test_persons_with_their_duties_there(self, school: Hub) -> None:
        (nils,) = await school.view(TIMETABLE).staff(organisations=[SCHOOL], on=TODAY)
        assert (nils["id"], nils["givenName"]) == (NILS, "Nils")
        assert [(each["id"], each["dutyRole"]) for each in nils["duties"]] == [(NILS_DUTY, "Lärare")]

    async def test_without_organisations_all_that_the_scope_reaches(self, school: Hub) -> None:
        assert {each["id"] for each in await school.view(TIMETABLE).staff(on=TODAY)} == {NILS, NORA}
        here = recipient(contract(*ALL, organisations=[SCHOOL]), name="connector/here")
        assert [each["id"] for each in await school.view(here).staff(on=TODAY)] == [NILS]

    async def test_a_duty_counts_from_its_first_to_its_last_day(self, school: Hub) -> None:
        await school.say(DUTY, duty(NILS, startDate="2026-11-24", endDate="2026-11-24"))
        found = [
            len(await school.view(TIMETABLE).staff(organisations=[UNIT], on=TODAY + timedelta(days=n)))
            for n in (-1, 0, 1)
        ]
        assert found == [0, 1, 0]

    async def test_only_the_duties_of_that_place_and_day_are_shown(self, school: Hub) -> None:
        await school.say(DUTY, duty(NILS, id=uid("second"), dutyAt={"id": SCHOOL}, dutyRole="Rektor"))
        await school.say(DUTY, duty(NILS, id=uid("over"), endDate="2026-11-23"))
        await school.say(DUTY, duty(NILS, id=uid("far"), dutyAt={"id": ELSEWHERE}))
        (nils,) = await school.view(TIMETABLE).staff(organisations=[SCHOOL], on=TODAY)
        assert {each["id"] for each in nils["duties"]} == {NILS_DUTY, uid("second")}

    async def test_a_contract_for_staff_alone_gives_pseudonyms_and_duties(self, school: Hub) -> None:
        (nils,) = await school.view(NAMELESS).staff(organisations=[SCHOOL], on=TODAY)
        name = school.gate.pseudonyms(NAMELESS).of(NILS)
        assert nils.keys() == {"id", "duties"}
        assert (nils["id"], nils["duties"][0]["person"]["id"]) == (name, name)
        assert "signature" not in nils["duties"][0]

    async def test_without_the_category_nobody_is_shown_and_nothing_is_noted_as_disclosed(self, school: Hub) -> None:
        to = recipient(contract(Category.IDENTITY, Category.NAME), name="connector/names")
        assert await school.view(to).staff(on=TODAY) == []
        place = school.directory.persons[NILS].owner.at
        assert await school.store.read(rows.for_place(TENANT, to.name, place)) == []

    async def test_a_recipient_that_makes_sums_gets_none(self, school: Hub) -> None:
        """Sums are made of group, attendance and diet: it cannot have the category."""
        assert await school.view(KITCHEN).staff(organisations=[SCHOOL], on=TODAY) == []

    @pytest.mark.parametrize("change", [{"personStatus": "Avliden"}, {"securityMarking": "Skyddad folkbokföring"}])
    async def test_the_dead_and_the_protected_are_left_out(self, school: Hub, change: dict[str, str]) -> None:
        """Promise 4."""
        await school.say(PERSON, {**person(NILS), **change})
        assert await school.view(TIMETABLE).staff(organisations=[SCHOOL], on=TODAY) == []

    async def test_a_duty_without_a_person_that_a_source_has_described_shows_nobody(self, school: Hub) -> None:
        await school.say(DUTY, duty(uid("unknown")))
        await school.say(DUTY, {"id": uid("vacant"), "dutyAt": {"id": UNIT}})
        answer = await school.view(TIMETABLE).staff(organisations=[UNIT], on=TODAY)
        assert [(each["id"], len(each["duties"])) for each in answer] == [(NILS, 1)]


class TestRooms:
    async def test_rooms_of_an_organisation_and_its_parts(self, school: Hub) -> None:
        (room,) = await school.view(PREMISES).rooms(organisations=[SCHOOL.upper()])
        assert room == {"id": B214, "displayName": "B214", "seats": 30, "owner": {"id": SCHOOL}}

    async def test_all_rooms_where_none_is_asked_for(self, school: Hub) -> None:
        assert {each["id"] for each in await school.view(PREMISES).rooms()} == {B214, GYM, uid("shed")}

    async def test_scope_holds_for_rooms(self, school: Hub) -> None:
        to = recipient(contract(*ALL, organisations=[ELSEWHERE]), name="connector/elsewhere")
        assert [each["id"] for each in await school.view(to).rooms()] == [GYM]


class TestLessons:
    async def test_all_of_a_day_in_the_order_in_which_they_begin(self, school: Hub) -> None:
        assert asked(await school.view(TIMETABLE).lessons(on=TODAY)) == ["early", "elsewhere", "late"]
        assert asked(await school.view(TIMETABLE).lessons(on=TOMORROW)) == ["tomorrow"]
        assert await school.view(TIMETABLE).lessons(on=TODAY - timedelta(days=1)) == []

    async def test_of_a_room(self, school: Hub) -> None:
        view = school.view(PREMISES)
        assert asked(await view.lessons(on=TODAY, room=B214.upper())) == ["early"]
        assert asked(await view.lessons(on=TODAY, room=B215)) == ["early", "late"]
        assert await view.lessons(on=TODAY, room=GYM) == []

    async def test_of_a_group(self, school: Hub) -> None:
        view = school.view(PREMISES)
        assert asked(await view.lessons(on=TODAY, group=uid("7B"))) == ["early"]

    async def test_of_a_group_by_the_activity_where_the_lesson_names_none(self, school: Hub) -> None:
        assert asked(await school.view(PREMISES).lessons(on=TODAY, group=CLASS)) == ["elsewhere", "late"]

    async def test_of_a_teacher_by_person_and_by_duty(self, school: Hub) -> None:
        view = school.view(TIMETABLE)
        assert asked(await view.lessons(on=TODAY, teacher=NILS)) == ["early", "late"]
        assert asked(await view.lessons(on=TODAY, teacher=NILS_DUTY.upper())) == ["early", "late"]
        # Her lesson names her duty alone.
        assert asked(await view.lessons(on=TODAY, teacher=NORA)) == ["elsewhere"]

    async def test_of_a_teacher_by_the_activity_where_the_lesson_names_none(self, school: Hub) -> None:
        await school.say(LESSON, at("13:00", "free"))
        assert asked(await school.view(TIMETABLE).lessons(on=TODAY, teacher=NILS)) == ["early", "late", "free"]

    async def test_an_activity_s_teacher_of_another_time_does_not_count(self, school: Hub) -> None:
        await school.say(LESSON, at("13:00", "free"))
        before = [{"duty": {"id": NILS_DUTY}, "endDate": "2026-11-23"}, {"duty": {"id": NORA_DUTY}}]
        await school.say(ACTIVITY, {"id": MATHS, "teachers": before})
        assert asked(await school.view(TIMETABLE).lessons(on=TODAY, teacher=NILS)) == ["early", "late"]
        assert asked(await school.view(TIMETABLE).lessons(on=TODAY, teacher=NORA)) == ["elsewhere", "free"]

    async def test_a_substitute_has_the_lesson_in_the_teacher_s_place(self, school: Hub) -> None:
        by_nora = [{"duty": {"id": NORA_DUTY}, "person": {"id": NORA}}]
        await school.say(LESSON_CHANGED, at("11:00", "late", teachers=by_nora, changed={"activityType": "x"}))
        view = school.view(TIMETABLE)
        assert asked(await view.lessons(on=TODAY, teacher=NILS)) == ["early"]
        assert asked(await view.lessons(on=TODAY, teacher=NORA)) == ["elsewhere", "late"]

    async def test_of_an_organisation_with_its_parts(self, school: Hub) -> None:
        view = school.view(PREMISES)
        assert asked(await view.lessons(on=TODAY, organisations=[SCHOOL.upper()])) == ["early", "late"]
        assert asked(await view.lessons(on=TODAY, organisations=[ELSEWHERE])) == ["elsewhere"]

    async def test_a_lesson_without_an_organisation_belongs_where_its_activity_does(self, school: Hub) -> None:
        await school.say(LESSON, {**at("13:00", "free"), "organisation": None})
        assert "free" in asked(await school.view(PREMISES).lessons(on=TODAY, organisations=[SCHOOL]))
        assert "free" not in asked(await school.view(PREMISES).lessons(on=TODAY, organisations=[ELSEWHERE]))

    async def test_filters_together(self, school: Hub) -> None:
        view = school.view(TIMETABLE)
        assert asked(await view.lessons(on=TODAY, room=B215, teacher=NILS, group=CLASS)) == ["late"]

    async def test_scope_holds_for_lessons(self, school: Hub) -> None:
        to = recipient(contract(*ALL, organisations=[ELSEWHERE]), name="connector/elsewhere")
        assert asked(await school.view(to).lessons(on=TODAY)) == ["elsewhere"]

    @pytest.mark.parametrize(
        "how", [{"cancelled": True}, {"cancelled": True, "changed": {"cancelled": None}}, {"cancelled": None}]
    )
    async def test_a_cancelled_lesson_is_there_and_says_so(self, school: Hub, how: dict[str, Any]) -> None:
        await school.say(CANCELLED, at("11:00", "late", **how))
        answer = await school.view(PREMISES).lessons(on=TODAY)
        assert [(*asked([each]), each["cancelled"]) for each in answer] == [
            ("early", False),
            ("elsewhere", False),
            ("late", True),
        ]

    async def test_a_moved_lesson_is_on_its_new_day_alone(self, school: Hub) -> None:
        view = school.view(PREMISES)
        assert "late" in asked(await view.lessons(on=TODAY))
        old = at("11:00", "late")
        moved = at("11:00", "late", "2026-11-25", changed={"startTime": old["startTime"], "endTime": old["endTime"]})
        await school.say(LESSON_CHANGED, moved)
        assert "late" not in asked(await view.lessons(on=TODAY))
        assert asked(await view.lessons(on=TOMORROW)) == ["tomorrow", "late"]

    async def test_fields_come_as_the_contract_allows(self, school: Hub) -> None:
        (early,) = await school.view(PREMISES).lessons(on=TODAY, room=B214)
        assert early["rooms"] == refs(B214, B215)
        assert "teachers" not in early
        (early,) = await school.view(NAMELESS).lessons(on=TODAY, room=B214)
        name = school.gate.pseudonyms(NAMELESS).of(NILS)
        assert early["teachers"] == [{"duty": {"id": NILS_DUTY}, "person": {"id": name}}]

    async def test_a_teacher_is_asked_for_by_the_recipient_s_own_name_alone(self, school: Hub) -> None:
        """The real id would reveal whose pseudonym it is."""
        view = school.view(NAMELESS)
        assert asked(await view.lessons(on=TODAY, teacher=school.gate.pseudonyms(NAMELESS).of(NILS))) == [
            "early",
            "late",
        ]
        assert await view.lessons(on=TODAY, teacher=NILS) == []
        assert await view.lessons(on=TODAY, teacher="nobody") == []

    @pytest.mark.parametrize("teacher", [NILS, "nobody"])
    async def test_no_event_is_read_for_a_name_that_the_recipient_does_not_have(
        self, school: Hub, teacher: str
    ) -> None:
        """Promise 5: the time that an answer takes would tell."""
        view = school.view(NAMELESS)
        view._log = log = Counted(school.log)  # type: ignore[assignment]
        assert await view.lessons(on=TODAY, teacher=teacher) == []
        assert log.reads == 0

    async def test_a_contract_without_staff_learns_nothing_by_asking_for_a_teacher(self, school: Hub) -> None:
        """A filter on a hidden field would be an oracle."""
        to = recipient(contract(Category.IDENTITY, Category.NAME), name="connector/names")
        view = school.view(to)
        view._log = log = Counted(school.log)  # type: ignore[assignment]
        for name in (NILS, NILS_DUTY, uid("nobody")):
            assert await view.lessons(on=TODAY, teacher=name) == []
        assert log.reads == 0

    async def test_a_duty_outside_the_scope_does_not_lead_from_a_person_to_a_lesson(self, school: Hub) -> None:
        """Her lesson here names a duty that the recipient may not see; whose it is must not follow from the answer."""
        await school.say(LESSON, at("13:00", "free", teachers=[{"duty": {"id": NORA_DUTY}}]))
        here = recipient(contract(*ALL, organisations=[SCHOOL]), name="connector/here")
        assert await school.view(here).lessons(on=TODAY, teacher=NORA) == []
        assert asked(await school.view(here).lessons(on=TODAY, teacher=NORA_DUTY)) == ["free"]

    async def test_lessons_that_are_trimmed_are_no_part_of_the_answer(self, school: Hub) -> None:
        assert len(await school.view(PREMISES).lessons(on=TODAY)) == 3
        school.clock.move(days=2)
        await school.say(LESSON, at("13:00", "free"))
        before = school.clock.now - timedelta(hours=1)
        school.directory.schedule.forget(before)
        await school.log.trim(before)
        assert asked(await school.view(PREMISES).lessons(on=TODAY)) == ["free"]

    async def test_an_answer_is_in_the_log_of_disclosures(self, school: Hub) -> None:
        await school.view(PREMISES).lessons(on=TODAY, room=B214)
        (row,) = school.directory.schedule.on(TOMORROW)
        assert await school.store.read(rows.for_place(TENANT, PREMISES.name, row.at)) == []
        (row,) = (each for each in school.directory.schedule.on(TODAY) if B214 in each.found_by.rooms)
        (noted,) = await school.store.read(rows.for_place(TENANT, PREMISES.name, row.at))
        assert (noted.disclosure.subscription, noted.decided.allowed) == ("directory", True)


async def test_persons_come_in_the_order_of_what_the_recipient_calls_them(school: Hub) -> None:
    """In the order of their real ids two recipients could match their pseudonyms, line by line."""
    for n in range(20):
        await school.say(PERSON, pupil(uid(f"pupil {n}")))
    for to in (KITCHEN, NAMELESS, recipient(contract(Category.GROUP), name="connector/groups")):
        shown = [each["id"] for each in await school.view(to).persons(organisations=[UNIT], on=TODAY)]
        assert shown == sorted(shown)
    shown = [each["id"] for each in await school.view(NAMELESS).staff(on=TODAY)]
    assert shown == sorted(shown)


# -- silence -------------------------------------------------------------------------------------------------------

_AT_UNIT = {"organisation": {"id": UNIT}}
_HERE = {**_AT_UNIT, "activity": {"id": MATHS}}
_TINA = (
    Said("t1", PERSON, person(TINA, HIDDEN)),
    Said("t2", DUTY, duty(TINA)),
)
_BASE = (
    Said("b1", PERSON, pupil(ANNA)),
    Said("b2", PERSON, person(VERA)),
    Said("b3", DUTY, duty(VERA)),
    Said("b4", ACTIVITY, {"id": MATHS, **_AT_UNIT, "teachers": [{"duty": {"id": uid("duty", VERA)}}]}),
)  # fmt: skip
_BY_TINA = [{"duty": {"id": uid("duty", TINA)}, "person": {"id": TINA}}]

MORE = (
    Pair("a protected member of staff", (*_BASE, *_TINA), _BASE),
    Pair(
        "a lesson that a protected teacher holds alone",
        (*_BASE, *_TINA, Said("l", LESSON, lesson(teachers=_BY_TINA, **_HERE))),
        (*_BASE, Said("l", LESSON, lesson(**_HERE))),
    ),
    Pair(
        "a protected teacher of an activity whose lesson names none",
        (
            *_BASE, *_TINA, Said("l", LESSON, lesson(**_HERE)),
            Said("a", ACTIVITY, {"id": MATHS, **_AT_UNIT, "teachers": _BY_TINA}),
        ),
        (
            *_BASE, Said("l", LESSON, lesson(**_HERE)),
            Said("a", ACTIVITY, {"id": MATHS, **_AT_UNIT}),
        ),
    ),
    Pair(
        "a change of a protected teacher that moves the lesson without saying so",
        (
            *_BASE, *_TINA, Said("l", LESSON, lesson(rooms=refs(B214), **_HERE)),
            Said("m", LESSON_CHANGED, lesson(
                rooms=refs(B215), teachers=_BY_TINA, changed={"teachers": None}, **_HERE,
            ) | {"startTime": "2026-11-25T09:40:00+01:00", "endTime": "2026-11-25T11:00:00+01:00"}),
        ),
        (*_BASE, Said("l", LESSON, lesson(rooms=refs(B214), **_HERE))),
    ),
)  # fmt: skip


class Counted:
    """A log that counts what an answer reads."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.reads = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    async def get(self, places: Any, **how: Any) -> Any:
        self.reads += 1
        return await self._log.get(places, **how)


async def told(folder: Path, world: Sequence[Said]) -> dict[str, Any]:
    """All that each recipient can ask about staff, rooms and lessons in this world, and how much an answer reads."""
    hub = Hub(folder)
    folder.mkdir()
    await hub.start()
    try:
        await hub.current()
        await hub.say(ORGANISATION, {"id": SCHOOL})
        await hub.say(ORGANISATION, {"id": UNIT, "parentOrganisation": {"id": SCHOOL}, "schoolTypes": ["GR"]})
        for said in world:
            await hub.say(said.type, said.data, said.source)
        found: dict[str, Any] = {}
        for to in (*RECIPIENTS, TIMETABLE, NAMELESS):
            found[to.name] = await _asked(hub, to)
        return found
    finally:
        await hub.stop()


async def _asked(hub: Hub, to: Recipient) -> list[Any]:
    view = hub.view(to)
    view._log = log = Counted(hub.log)  # type: ignore[assignment]
    called = [hub.gate.pseudonyms(to).of(each) for each in (TINA, VERA)]
    duties = [uid("duty", TINA), uid("duty", VERA), uid("tina's duty"), uid("vera's duty")]
    teachers = [TINA, VERA, MUM, SECRET, *called, *duties, uid("nobody")]
    found: list[Any] = []
    for day in (TODAY, TOMORROW):
        found += [await view.staff(on=day), await view.staff(organisations=[SCHOOL], on=day)]
        found += [await view.lessons(on=day), await view.lessons(on=day, organisations=[SCHOOL])]
        for room in (B214, B215):
            found.append(await view.lessons(on=day, room=room))
        for teacher in teachers:
            before = log.reads
            found.append((teacher, await view.lessons(on=day, teacher=teacher), log.reads - before))
    return [*found, await view.rooms()]


@pytest.mark.parametrize("pair", [*PAIRS, *MORE], ids=lambda pair: pair.name)
async def test_no_answer_tells_worlds_apart_that_differ_only_in_what_is_withheld(pair: Pair, tmp_path: Path) -> None:
    """Promise 5."""
    assert await told(tmp_path / "told", pair.told) == await told(tmp_path / "never", pair.never)


async def test_something_is_answered_in_these_worlds(tmp_path: Path) -> None:
    """Else the test above would hold for a gate that is shut."""
    for number, pair in enumerate(MORE):
        found = await told(tmp_path / str(number), pair.told)
        staff, _, lessons, *_ = found["client/all"]
        assert [each["id"] for each in staff] == [VERA]
        assert bool(lessons) == (pair is not MORE[0])
