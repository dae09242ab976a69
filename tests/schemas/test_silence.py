"""Promise 8: whatever comes in, a refusal holds nothing of it."""

import copy
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import Catalogue, Entry, Event, InvalidEvent, core_catalogue

CATALOGUE = core_catalogue()
TEXT = "kanariefågel"
NUMBER = 918273645
CANARIES: tuple[Any, ...] = (
    TEXT,
    f"{TEXT}-11-24",
    f"2026-11-24T{TEXT}+01:00",
    TEXT * 100,
    NUMBER,
    -NUMBER,
    NUMBER + 0.5,
    [TEXT],
    [NUMBER],
    {TEXT: TEXT},
    [{TEXT: {"id": TEXT}}],
    {"id": TEXT, "displayName": [TEXT]},
    {"id": NUMBER, "value": NUMBER},
)


def says(catalogue: Catalogue, event: Any) -> str:
    """The whole text of a refusal; empty if the event is taken."""
    try:
        catalogue.describe(Event.from_dict(event), "[0].")
    except InvalidEvent as error:
        # A traceback shows causes too: pydantic's own error would print the input.
        shown = "".join(traceback.format_exception(error))
        return f"{shown} {error!r} {error.problems}"
    return ""


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if path:
        yield path
    for name, inner in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        yield from places(inner, (*path, name))


def replaced(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    whole = copy.deepcopy(value)
    inner = whole
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = new
    return whole


@pytest.mark.parametrize("entry", list(CATALOGUE), ids=lambda entry: entry.type)
def test_no_value_turns_up_in_a_refusal(entry: Entry) -> None:
    refusals = 0
    for index in range(len(entry.spec.examples)):
        whole = CATALOGUE.example(entry, index)
        for path in places(whole):
            for canary in CANARIES:
                text = says(CATALOGUE, replaced(whole, path, canary))
                refusals += bool(text)
                assert TEXT not in text
                assert str(NUMBER) not in text
    assert refusals > 50


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(NUMBER, NUMBER) | st.text(max_size=5).map(lambda text: text + TEXT),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "student", "person", "type", "meta", "items", "changed", "teachers", "kind", TEXT]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(st.sampled_from([entry.type for entry in CATALOGUE]), JSON)
def test_no_data_whatever_turns_up_in_a_refusal(type_: str, data: Any) -> None:
    text = says(CATALOGUE, {"specversion": "1.0", "id": TEXT, "source": "urn:s", "type": type_, "data": data})
    assert TEXT not in text
    assert str(NUMBER) not in text


@given(st.dictionaries(st.text(max_size=8) | st.sampled_from(["id", "subject", "time", "data"]), JSON, max_size=8))
def test_no_envelope_whatever_turns_up_in_a_refusal(attributes: dict[str, Any]) -> None:
    text = says(CATALOGUE, {**attributes, TEXT: TEXT})
    assert text
    assert TEXT not in text
    assert str(NUMBER) not in text
