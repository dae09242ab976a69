import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from hub import texts
from hub.subscriptions.filters import InvalidFilter, compile_filter

EVENT = {
    "id": "e-1",
    "source": "urn:skolnav:feeder",
    "type": "se.skolnav.absence.reported.v1",
    "subject": "person/4f1c",
    "lastchunk": True,
    "attempt": 3,
    "data": {"type": "Anmäld frånvaro", "subject": "hidden"},
}


@pytest.mark.parametrize(
    ("filters", "lets_through"),
    [
        ([], True),
        ([{"exact": {"type": "se.skolnav.absence.reported.v1"}}], True),
        ([{"exact": {"type": "SE.skolnav.absence.reported.v1"}}], False),
        ([{"prefix": {"type": "se.skolnav.absence."}}], True),
        ([{"suffix": {"type": ".v1", "source": ":feeder"}}], True),
        ([{"suffix": {"type": ".v1", "source": ":other"}}], False),
        ([{"exact": {"dataschema": "x"}}], False),
        ([{"not": {"exact": {"dataschema": "x"}}}], True),
        ([{"all": [{"prefix": {"subject": "person/"}}, {"not": {"suffix": {"subject": "9"}}}]}], True),
        ([{"any": [{"exact": {"id": "e-2"}}, {"exact": {"id": "e-1"}}]}], True),
        ([{"any": [{"exact": {"id": "e-2"}}, {"exact": {"id": "e-3"}}]}], False),
        ([{"exact": {"lastchunk": "true"}}, {"exact": {"attempt": "3"}}], True),
        ([{"exact": {"id": "e-1"}}, {"exact": {"id": "e-2"}}], False),
    ],
)
def test_a_filter_is_what_the_cloudevents_subscriptions_api_says(filters, lets_through) -> None:
    assert compile_filter(filters)(EVENT) is lets_through


@pytest.mark.parametrize(
    ("filters", "where", "key"),
    [
        (["type"], (0,), "filter.one-dialect"),
        ([{"exact": {"id": "1"}, "prefix": {"id": "1"}}], (0,), "filter.one-dialect"),
        ([{"like": {"id": "1"}}], (0,), "filter.dialect"),
        ([{"sql": "id = 1"}], (0,), "filter.dialect"),
        ([{"exact": {}}], (0, "exact"), "filter.attributes"),
        ([{"exact": "id"}], (0, "exact"), "filter.attributes"),
        ([{"exact": {"data": "1"}}], (0, "exact"), "filter.attribute-name"),
        ([{"exact": {"student.id": "1"}}], (0, "exact"), "filter.attribute-name"),
        ([{"exact": {"id": ""}}], (0, "exact", "id"), "filter.value"),
        ([{"exact": {"id": 1}}], (0, "exact", "id"), "filter.value"),
        ([{"all": []}], (0, "all"), "filter.list"),
        ([{"any": [{"exact": {"id": "1"}}, {"not": []}]}], (0, "any", 1, "not"), "filter.one-dialect"),
    ],
)
def test_what_is_wrong_is_told_by_place(filters, where, key) -> None:
    with pytest.raises(InvalidFilter) as caught:
        compile_filter(filters)
    assert (caught.value.where, caught.value.key) == (where, key)
    assert texts.text(key, "sv", **caught.value.values)


def test_a_filter_can_not_grow_without_bound() -> None:
    deep: dict[str, object] = {"exact": {"id": "1"}}
    for _ in range(5000):
        deep = {"not": deep}
    with pytest.raises(InvalidFilter):
        compile_filter([deep])
    with pytest.raises(InvalidFilter, match="too-large"):
        compile_filter([{"any": [{"exact": {"id": str(n)}} for n in range(5000)]}])


_attributes = st.sampled_from(["id", "type", "subject", "missing"])
_values = st.sampled_from(["e-1", "se.", ".v1", "person/4f1c", "e"])
_leaf = st.builds(
    lambda dialect, name, value: {dialect: {name: value}},
    st.sampled_from(["exact", "prefix", "suffix"]),
    _attributes,
    _values,
)
_filters = st.recursive(
    _leaf,
    lambda inner: st.one_of(
        st.builds(lambda parts: {"all": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda part: {"not": part}, inner),
    ),
    max_leaves=8,
)


@given(_filters)
def test_de_morgan_holds_and_data_never_matters(one) -> None:
    """Promise 4: a filter sees attributes alone, so it tells nothing of hidden data."""
    try:
        plain = compile_filter([one])
        negated = compile_filter([{"not": {"any": [one]}}])
    except InvalidFilter:
        reject()  # nested too deep
    assert plain(EVENT) is not negated(EVENT)
    assert plain({**EVENT, "data": None}) is plain(EVENT)
