"""A change from nobody to somebody is news, and looks the same whether nobody was there or a hidden person was."""

from typing import Any

import pytest

from hub.privacy.base import Rule
from schemas import Category
from tests.hub.privacy.house import House, contract, recipient
from tests.school import DUTY, HIDDEN, LESSON_CHANGED, PERSON, UNIT, duty, lesson, person, pupil, uid

ANNA, NILS, TINA = uid("Anna"), uid("Nils"), uid("Tina")
BY_NILS = [{"duty": {"id": uid("duty", NILS)}, "person": {"id": NILS}}]
BY_TINA = [{"duty": {"id": uid("duty", TINA)}, "person": {"id": TINA}}]
WITHOUT_ANNA = [{"student": {"id": ANNA}, "participates": False}]


@pytest.fixture
def house() -> House:
    house = House()
    house.tree()
    for each in (person(NILS), person(TINA, HIDDEN), pupil(ANNA)):
        house.say(PERSON, each)
    for teacher in (NILS, TINA):
        house.say(DUTY, duty(teacher))
    return house


def changed(house: House, **fields: Any) -> Any:
    return house.stored(LESSON_CHANGED, lesson(organisation={"id": UNIT}, **fields))


@pytest.mark.parametrize("before", [None, [], BY_TINA], ids=["null", "empty", "a protected teacher"])
def test_a_lesson_that_gets_its_first_teacher_is_delivered(house: House, before: Any) -> None:
    """Promise 4: never lost. Promise 5: a protected teacher before looks like none."""
    data = house.seen(changed(house, teachers=BY_NILS, changed={"teachers": before}), recipient())
    assert data["teachers"] == BY_NILS
    assert data["changed"] == {"teachers": None}


@pytest.mark.parametrize("before", [None, []])
def test_so_is_one_with_its_first_exception(house: House, before: Any) -> None:
    stored = changed(house, studentExceptions=WITHOUT_ANNA, changed={"studentExceptions": before})
    assert house.seen(stored, recipient())["studentExceptions"] == WITHOUT_ANNA


@pytest.mark.parametrize("before", [None, [], BY_TINA])
def test_it_is_no_news_for_a_contract_that_shows_no_teachers(house: House, before: Any) -> None:
    """Promise 5."""
    stored = changed(house, teachers=BY_NILS, changed={"teachers": before})
    assert house.decide(stored, recipient(contract(Category.NONE))).rule is Rule.NOTHING_LEFT


@pytest.mark.parametrize("now", [[], BY_TINA])
def test_it_is_no_news_where_nobody_visible_follows_nobody(house: House, now: Any) -> None:
    """Promise 5."""
    stored = changed(house, teachers=now, changed={"teachers": None})
    assert house.decide(stored, recipient()).rule is Rule.NOTHING_LEFT
