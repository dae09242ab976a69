"""An event has news for a recipient exactly if what is left of it differs from what was left of the state before."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

import orjson
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hub.bus.base import Stored
from hub.bus.news import RETURNED, Moment, following
from hub.privacy.base import Recipient, Rule
from hub.privacy.parts import Parts
from schemas import Category
from tests.hub.privacy.house import House, contract
from tests.hub.privacy.test_properties import CATALOGUE, DUTIES, ENTRIES, MARKS, PEOPLE, Filler, stored
from tests.school import DUTY, GROUP, HIDDEN, PERSON, person, pupil, uid

PARTS = Parts(CATALOGUE)
BEFORE = Moment(1, "0", "e0", "2026-11-24T08:00:00Z")


def changed(value: Any, picks: Iterator[int], *, fixed: frozenset[str], path: str = "") -> Any:
    """A copy in which some values are other ones, null, gone, or come twice."""
    if isinstance(value, list):
        kept = [changed(item, picks, fixed=fixed, path=f"{path}[]") for item in value if next(picks) % 7]
        return kept + kept[:1] if not next(picks) % 7 else kept
    if isinstance(value, dict):
        found = {}
        for name, item in value.items():
            inner = f"{path}.{name}".removeprefix(".")
            if inner in fixed or any(each.startswith((f"{inner}.", f"{inner}[]")) for each in fixed):
                found[name] = deepcopy(item)
            elif pick := next(picks) % 9:
                found[name] = None if pick == 1 else changed(item, picks, fixed=fixed, path=inner)
        return found
    if isinstance(value, str) and not next(picks) % 4:
        if value in PEOPLE:
            return PEOPLE[next(picks) % len(PEOPLE)]
        return next(iter(DUTIES)) if value in DUTIES else f"{value}+"
    return value


@st.composite
def cases(draw: st.DrawFn) -> tuple[House, Stored, Stored, Recipient]:
    entry = draw(st.sampled_from([each for each in ENTRIES if each.spec.entity is not None and not each.spec.ends]))
    picks = iter(draw(st.lists(st.integers(0, 62), min_size=1500, max_size=1500)))
    marks = {each: draw(st.sampled_from(MARKS)) for each in PEOPLE}
    to = Recipient(
        "client/any", (contract(*draw(st.sets(st.sampled_from(list(Category)), min_size=6))),),
        aggregates=draw(st.booleans()), protected=draw(st.booleans()),
    )  # fmt: skip
    house = House(CATALOGUE)
    for each, mark in marks.items():
        if mark != "unknown":
            house.say(PERSON, person(each, mark))
    for duty, each in DUTIES.items():
        house.say(DUTY, {"id": duty, "person": {"id": each}})
    old = Filler(entry, picks).data()
    old.pop("changed", None)
    spec = entry.spec
    fixed = frozenset({*spec.about, *spec.subject.path.split("/"), *spec.key.path.split("/"), "securityMarking"})
    new = changed(old, picks, fixed=fixed)
    return house, stored(entry, old), stored(entry, new), to


@settings(max_examples=300)
@given(cases())
def test_news_is_what_the_recipient_can_tell_apart(case: tuple[House, Stored, Stored, Recipient]) -> None:
    """Promise 5: for every type, every contract and every mark."""
    house, old, new, to = case
    before, after = house.decide(old, to, state=True), house.decide(new, to, state=True)
    assume(before.allowed and after.allowed and before.content and after.content)
    news = following(BEFORE, None, PARTS.differing(new.type, old.parsed["data"], new.parsed["data"]))
    decision = house.decide(replace(new, news=news), to)
    if before.content["data"] == after.content["data"]:
        assert decision.rule is Rule.NOTHING_LEFT
    if not decision.allowed:
        assert unordered(before.content["data"]) == unordered(after.content["data"])


def unordered(value: Any) -> Any:
    """The value without the order of its lists: an order among persons is no news."""
    if isinstance(value, dict):
        return {name: unordered(item) for name, item in value.items()}
    if isinstance(value, list):
        return sorted(
            (unordered(item) for item in value), key=lambda each: orjson.dumps(each, option=orjson.OPT_SORT_KEYS)
        )
    return value


def test_each_member_is_a_part_of_its_own() -> None:
    members = [{"person": {"id": PEOPLE[0]}}, {"person": {"id": PEOPLE[1]}, "startDate": "2026-08-17"}]
    both = {"id": uid("7A"), "groupMemberships": members}
    assert set(PARTS.differing(GROUP, {**both, "groupMemberships": members[:1]}, both)) == {
        f"groupMemberships{rest}|p{PEOPLE[1]}" for rest in ("", ".person", ".person#", ".person.id", ".startDate")
    }
    assert set(PARTS.naming(GROUP, both, frozenset({PEOPLE[0]}))) == {
        f"groupMemberships{rest}|p{PEOPLE[0]}" for rest in ("", ".person", ".person#", ".person.id")
    }


def test_an_order_among_persons_is_no_part() -> None:
    members = [{"person": {"id": each}} for each in PEOPLE]
    there = {"id": uid("7A"), "groupMemberships": members}
    assert not set(PARTS.differing(GROUP, there, {**there, "groupMemberships": members[::-1]}))


def test_what_no_contract_reaches_is_no_part() -> None:
    assert not set(PARTS.differing(PERSON, pupil(PEOPLE[0]), pupil(PEOPLE[0], HIDDEN, secret="x")))


def test_whoever_returns_is_new() -> None:
    assert set(PARTS.differing(PERSON, pupil(PEOPLE[0], HIDDEN), pupil(PEOPLE[0]))) == {RETURNED}
    assert set(PARTS.differing(PERSON, pupil(PEOPLE[0]), pupil(PEOPLE[0], HIDDEN))) == set()
