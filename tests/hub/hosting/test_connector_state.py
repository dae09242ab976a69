"""What a connector remembers, by prefix: in order, with what is staged, and without walking through all of it."""

import random

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.hosting.connector_state import ConnectorState, EditableState, StateView


def state_of(**values):
    return ConnectorState("exempel", "kitchen", {name: orjson.dumps(value) for name, value in values.items()})


def dumped(changes):
    return {name: None if value is None else orjson.dumps(value) for name, value in changes.items()}


NAMES = {"absence/b": 2, "closed/a": 9, "absence/a": 1, "absence": 0, "absence0": 0, "absent/x": 7}


def test_only_what_begins_with_the_prefix_is_there_in_order():
    under = StateView(state_of(**NAMES)).under("absence/")
    assert list(under.items()) == [("absence/a", 1), ("absence/b", 2)]
    assert (len(under), under["absence/a"], under.get("closed/a")) == (2, 1, None)
    assert "absence/a" in under
    assert "closed/a" not in under
    with pytest.raises(KeyError):
        under["closed/a"]


def test_the_empty_prefix_is_all_of_it_in_order():
    assert list(StateView(state_of(**NAMES)).under("")) == sorted(NAMES)


def test_what_is_staged_is_seen_and_hides_what_was_there():
    state = state_of(**NAMES)
    view = EditableState(state, dumped({"absence/c": 3, "absence/b": None}))
    view["absence/0"] = "new"
    view["closed/z"] = "elsewhere"
    assert list(view.under("absence/").items()) == [("absence/0", "new"), ("absence/a", 1), ("absence/c", 3)]
    assert list(StateView(state).under("absence/")) == ["absence/a", "absence/b"], "nothing is committed"


def test_what_is_forgotten_while_it_is_walked_through_does_not_come():
    view = EditableState(state_of(**{f"absence/{n}": n for n in range(4)}))
    seen = []
    for name, value in view.under("absence/").items():
        seen.append(value)
        del view[name]
        if value == 1:
            del view["absence/2"]
    assert seen == [0, 1, 3]
    assert list(view.under("absence/")) == []


def test_a_part_that_was_asked_for_before_shows_what_came_since():
    state = state_of(**NAMES)
    under = StateView(state).under("absence/")
    assert len(under) == 2
    state.apply(dumped({"absence/aa": 5, "absence/a": None}))
    assert list(under.items()) == [("absence/aa", 5), ("absence/b", 2)]


@pytest.mark.parametrize("prefix", ["\U0010ffff", "a\U0010ffff", "å", "ä/"])
def test_a_prefix_of_any_letters_has_an_end(prefix):
    names = {f"{prefix}{rest}": 1 for rest in ("", "a", "\U0010ffff\U0010ffff", "å")}
    state = state_of(**names, **NAMES)
    assert list(StateView(state).under(prefix)) == sorted(names)


@given(
    st.lists(
        st.tuples(
            st.dictionaries(st.text("ab/", max_size=4), st.none() | st.integers(0, 9), max_size=200),
            st.text("ab/", max_size=3),
        ),
        max_size=8,
    )
)
def test_it_is_what_a_walk_through_all_names_would_give(rounds):
    state, model = state_of(), {}
    for changes, prefix in rounds:
        state.apply(dumped(changes))
        for name, value in changes.items():
            if value is None:
                model.pop(name, None)
            else:
                model[name] = value
        expected = sorted((name, value) for name, value in model.items() if name.startswith(prefix))
        assert list(StateView(state).under(prefix).items()) == expected


def test_many_that_come_and_go_leave_nothing_behind():
    state = state_of()
    dice = random.Random(7)
    StateView(state).under("")  # from here on the order is kept
    for round in range(30):
        names = [f"absence/{round}/{dice.random()}" for _ in range(150)]
        state.apply(dict.fromkeys(names, b"1"))
        assert list(StateView(state).under(f"absence/{round}/")) == sorted(names)
        state.apply(dict.fromkeys(names))
    assert list(StateView(state).under("")) == []
    assert len(state._sorted) < 1000
    assert state._added == {}


def test_without_a_question_by_prefix_no_order_is_kept():
    state = state_of(**NAMES)
    state.apply(dumped({"more": 1}))
    assert (state._sorted, state._added) == (None, {})


def test_a_question_by_prefix_does_not_look_at_other_names():
    """100,000 names that are not asked for cost nothing: a dictionary that counts the look-ups."""

    class Counting(dict):
        looked = 0

        def __contains__(self, name):
            Counting.looked += 1
            return super().__contains__(name)

    state = state_of()
    state.values = Counting({f"other/{n}": b"1" for n in range(100_000)} | {"absence/1": b"1"})
    assert list(StateView(state).under("absence/")) == ["absence/1"]
    state.apply({"absence/2": b"2"})
    Counting.looked = 0
    assert list(StateView(state).under("absence/")) == ["absence/1", "absence/2"]
    assert Counting.looked < 10


def test_a_name_that_no_store_can_hold_is_refused_where_it_is_set():
    """Committed, it would fail for ever, and with it all that comes after it."""
    view = EditableState(state_of())
    with pytest.raises(TypeError, match="UTF-8") as caught:
        view["canary\ud800"] = 1
    assert "canary" not in str(caught.value)
    view["närvaro/å"] = 1
    assert view["närvaro/å"] == 1
