"""Who eats, against a computation that walks through the minutes and shares nothing with the code."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.catering.config import Kitchen, Sitting
from connectors.catering.counting import Away, Organisations, at_school, count, diet, instant, unplaced
from tests.school import ELSEWHERE, SCHOOL, enrolment, uid

UNIT_A, UNIT_B, GROUP_1, GROUP_2 = (uid("counting", name) for name in ("a", "b", "1", "2"))
TREE = [
    {"id": SCHOOL, "parentOrganisation": {"id": ELSEWHERE}},
    {"id": UNIT_A, "parentOrganisation": {"id": SCHOOL}},
    {"id": UNIT_B.upper(), "parentOrganisation": {"id": SCHOOL}},
    {"id": ELSEWHERE},
]
DIETS = {"GLUTEN": "GLUTENFRI", "LAKTOS": "LAKTOSFRI", "GLUTEN+LAKTOS": "GL"}


def kitchen(*sittings: Sitting, **changes: Any) -> Kitchen:
    lunch = Sitting(id="1", from_=time(11), to=time(11, 30))
    return Kitchen(
        id="K", units=(SCHOOL,), unit_code="1", sittings=sittings or (lunch,), **{"diet_codes": DIETS, **changes}
    )


def pupil(number: int, unit: str = UNIT_A, groups: tuple[str, ...] = (), codes: tuple[str, ...] = ()) -> dict[str, Any]:
    enrolled = enrolment(unit, startDate="2024-08-15", cancelled=False)
    return {"id": f"p{number}", "groups": list(groups), "diet": list(codes), "enrolments": [enrolled]}


# Days with what UTC is behind school time at each UTC minute, by hand: the last Sundays of March and October change
# at 01:00 UTC.
DAYS = {
    date(2026, 11, 24): lambda utc: 60,
    date(2026, 6, 1): lambda utc: 120,
    date(2026, 10, 25): lambda utc: 120 if utc < datetime(2026, 10, 25, 1) else 60,
    date(2027, 3, 28): lambda utc: 60 if utc < datetime(2027, 3, 28, 1) else 120,
}


@st.composite
def worlds(draw: st.DrawFn) -> Any:
    day = draw(st.sampled_from(list(DAYS)))
    begin = draw(st.integers(0, 1380))
    length = draw(st.integers(1, min(59, 1439 - begin)))
    pupils = [
        pupil(
            number,
            draw(st.sampled_from([UNIT_A, UNIT_B])),
            draw(st.sampled_from([(), (GROUP_1,), (GROUP_2.upper(), GROUP_1)])),
            draw(
                st.sampled_from([(), (), ("NORMAL",), ("GLUTEN",), ("LAKTOS", "GLUTEN"), ("NÖT",), ("GLUTEN", "NÖT")])
            ),
        )
        for number in range(draw(st.integers(0, 8)))
    ]
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=3)
    absences = [
        Away(f"p{who}", midnight + timedelta(minutes=start), midnight + timedelta(minutes=start + long))
        for who, start, long in draw(
            st.lists(st.tuples(st.integers(0, 9), st.integers(0, 1700), st.integers(0, 400)), max_size=8)
        )
    ]
    groups = draw(st.sampled_from([(), (GROUP_1,), (GROUP_2,)]))
    closed = draw(st.sampled_from([(), (UNIT_A,), (UNIT_A, UNIT_B), (SCHOOL,), (ELSEWHERE,)]))
    sitting = Sitting(
        id="1",
        from_=time(begin // 60, begin % 60),
        to=time((begin + length) // 60, (begin + length) % 60),
        groups=frozenset(groups),
    )
    return day, sitting, pupils, absences, closed


def minutes_of(day: date, sitting: Sitting) -> list[datetime]:
    """Every UTC minute whose school wall clock lies in the sitting, the first of a repeated hour only."""
    found: dict[time, datetime] = {}
    utc = datetime(day.year, day.month, day.day) - timedelta(hours=3)
    for _ in range(30 * 60):
        wall = utc + timedelta(minutes=DAYS[day](utc))
        if wall.date() == day and sitting.from_ <= wall.time() < sitting.to:
            found.setdefault(wall.time(), utc)
        utc += timedelta(minutes=1)
    return [moment.replace(tzinfo=UTC) for moment in found.values()]


@given(worlds())
def test_a_count_equals_a_walk_through_the_minutes(world: Any) -> None:
    day, sitting, pupils, absences, closed = world
    subject = kitchen(sitting, staff_portions=9)
    tree = Organisations(TREE)
    found = count(subject, sitting, day, pupils, absences, tree.open_parts(subject.units, closed) if closed else None)

    minutes = minutes_of(day, sitting)
    shut = {UNIT_A, UNIT_B} if {SCHOOL, ELSEWHERE} & set(closed) else set(closed)
    expected: dict[str, int] = {"NORMAL": 0, "GLUTENFRI": 0, "LAKTOSFRI": 0, "GL": 0, "ÖVRIG": 0}
    enrolled = absent = at_open = 0
    for one in pupils:
        if sitting.groups and not any(group.lower() in sitting.groups for group in one["groups"]):
            continue
        enrolled += 1
        at_open += one["enrolments"][0]["enroledAt"]["id"] not in shut
        away = any(a.student == one["id"] and a.start <= minute < a.end for a in absences for minute in minutes)
        if away or one["enrolments"][0]["enroledAt"]["id"] in shut:
            absent += 1
            continue
        match sorted(code for code in one["diet"] if code != "NORMAL"):
            case []:
                expected["NORMAL"] += 1
            case ["GLUTEN"]:
                expected["GLUTENFRI"] += 1
            case ["GLUTEN", "LAKTOS"]:
                expected["GL"] += 1
            case _:
                expected["ÖVRIG"] += 1
    assert (found.enrolled, found.absent, found.portions) == (enrolled, absent, expected)
    assert found.enrolled - found.absent == sum(found.portions.values())
    assert found.staff == (0 if closed and not at_open else 9)


@given(worlds(), st.randoms())
def test_the_order_of_pupils_and_absences_and_repeats_of_them_change_nothing(world: Any, random: Any) -> None:
    day, sitting, pupils, absences, _ = world
    subject = kitchen(sitting)
    shuffled, repeated = list(pupils), absences * 2
    random.shuffle(shuffled)
    random.shuffle(repeated)
    assert count(subject, sitting, day, pupils, absences) == count(subject, sitting, day, shuffled, repeated)


LUNCH = Sitting(id="1", from_=time(11), to=time(11, 30))
NOON = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("start", "end", "covers"),
    [
        ("08:00", "11:00", False),
        ("08:00", "11:01", True),
        ("11:29", "12:00", True),
        ("11:30", "16:00", False),
        ("11:10", "11:20", True),
        ("11:10", "11:10", False),
        ("08:00", "16:00", True),
    ],
)
def test_an_absence_covers_a_sitting_that_it_overlaps(start: str, end: str, covers: bool) -> None:
    away = Away("p0", instant(NOON, time.fromisoformat(start)), instant(NOON, time.fromisoformat(end)))
    assert count(kitchen(), LUNCH, NOON, [pupil(0)], [away]).absent == covers


def test_one_pupil_is_one_portion_however_many_diets_and_unknown_ones_are_counted_as_kinds() -> None:
    pupils = [pupil(n, codes=("NÖT", "ÄGG")) for n in range(3)] + [pupil(9, codes=("ÄGG",))]
    found = count(kitchen(), LUNCH, NOON, pupils, [])
    assert found.portions["ÖVRIG"] == sum(found.portions.values()) == 4
    assert found.unknown_diets == 2


def test_a_diet_mapped_to_other_on_purpose_is_not_unknown() -> None:
    assert diet(kitchen(diet_codes={"NÖT": "ÖVRIG"}), ["NÖT"]) == ("ÖVRIG", None)


def test_pupils_in_no_sittings_groups_are_noticed() -> None:
    first = Sitting(id="1", from_=time(11), to=time(11, 30), groups=frozenset({GROUP_1}))
    pupils = [pupil(0, groups=(GROUP_1,)), pupil(1)]
    assert unplaced(kitchen(first), pupils) == 1
    assert unplaced(kitchen(first, Sitting(id="2", from_=time(12), to=time(13))), pupils) == 0


@pytest.mark.parametrize(
    ("change", "there"),
    [
        ({}, True),
        ({"cancelled": True}, False),
        ({"endDate": "2026-11-23"}, False),
        ({"endDate": "2026-11-24"}, True),
        ({"startDate": "2026-11-25"}, False),
    ],
)
def test_an_enrolment_holds_on_its_days(change: dict[str, Any], there: bool) -> None:
    one = pupil(0)
    one["enrolments"][0].update(change)
    assert at_school(one, NOON, {UNIT_A}) == there


def test_organisations_in_a_circle_end() -> None:
    circle = Organisations(
        [{"id": "A", "parentOrganisation": {"id": "B"}}, {"id": "b", "parentOrganisation": {"id": "a"}}]
    )
    assert circle.line("A") == ["a", "b"]
