"""Promise 5 on a running hub: two worlds that differ only in what is withheld look the same to every recipient."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.silence import known
from tests.silence.doors import REFUSED_SINKS, SINKS, sink_kinds
from tests.silence.history import leavers, pairs
from tests.silence.town import HIDDEN_STEPS, VISIBLE, WITHOUT_NEWS, Step
from tests.silence.worlds import OBSERVERS, Pair, Slot, differences, in_words, observe

PAIRS = 200
# Without shrinking, which takes minutes: `python -m tests.silence` finds the smallest history.
SEARCH = settings(
    max_examples=PAIRS, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)  # fmt: skip
SEARCH_LEAVERS = settings(SEARCH, max_examples=PAIRS // 2)


def _expected(kind: str) -> object:
    marks = [pytest.mark.xfail(reason=known.STEPS[kind], strict=True)] if kind in known.STEPS else []
    return pytest.param(kind, marks=marks)


def small(kind: str) -> Pair:
    """One hidden step of a kind, twice, among a few visible ones."""
    return Pair(
        (
            Slot(visible=(Step("group", 6),), hidden=(Step(kind),)),
            Slot(hidden=(Step(kind, 1),)),
            Slot(visible=(Step("absence"), Step("lesson")), inside=(Step(kind, 2),), acts=("restart",)),
        ),
        ("all", "blind"),
    )  # fmt: skip


@pytest.mark.parametrize("kind", [_expected(each) for each in (*HIDDEN_STEPS, *WITHOUT_NEWS)])
def test_a_withheld_step_shows_nowhere(kind: str) -> None:
    """Promise 5."""
    found = known.left(differences(small(kind)))
    assert not found, in_words(small(kind), found)


@SEARCH
@given(pairs(hidden=known.QUIET_STEPS, inside=known.QUIET_STEPS, acts=known.QUIET_ACTS))
def test_worlds_that_differ_in_what_is_withheld_look_the_same(pair: Pair) -> None:
    """Promise 5."""
    found = known.left(differences(pair))
    assert not found, in_words(pair, found)


@pytest.mark.skipif("leave" in known.STEPS, reason=known.STEPS.get("leave", ""))
@SEARCH_LEAVERS
@given(leavers(acts=known.QUIET_ACTS))
def test_who_leaves_and_may_return_looks_as_who_is_deleted(pair: Pair) -> None:
    """Promise 5: on every channel, from the moment of the mark on."""
    found = known.left(differences(pair))
    assert not found, in_words(pair, found)


@pytest.mark.parametrize("kind", [_expected("leave")])
def test_who_becomes_protected_leaves_as_who_is_deleted(kind: str) -> None:
    """Promise 5."""
    pair = Pair((Slot(visible=(Step("absence", 3),)), Slot(visible=(Step(kind),)), Slot(visible=(Step("room"),))))
    found = known.left(differences(pair))
    assert not found, in_words(pair, found)


@pytest.mark.xfail(reason=known.ACTS["replay"], strict=True)
def test_a_replay_comes_in_the_same_order() -> None:
    """Promise 5: the person who returns has a restated group, whose first event is under way."""
    pair = Pair(
        (
            Slot(visible=(Step("remove"),), hidden=(Step("secret"),)),
            Slot(visible=(Step("name"),), acts=("replay",)),
        )
    )  # fmt: skip
    found = known.left(differences(pair))
    assert not found, in_words(pair, found)


@pytest.mark.xfail(reason=known.TIMES, strict=True)
def test_an_answer_takes_the_same_reads_and_commits() -> None:
    """Promise 5."""
    pair = Pair((Slot(), Slot(hidden=(Step("secret"),))))
    found = differences(pair)
    assert not found, in_words(pair, found)


def test_a_kind_of_sink_that_is_new_has_an_observer() -> None:
    """Promise 5: an arrival that nobody notes proves nothing."""
    assert sink_kinds() == SINKS | REFUSED_SINKS


@pytest.mark.parametrize("observer", OBSERVERS)
def test_every_observer_gets_something_on_every_channel(observer: str) -> None:
    """Else the tests above would hold for a hub that is shut."""
    steps = tuple(Step(kind, 1) for kind in VISIBLE if kind != "remove")
    seen = observe(Pair((Slot(visible=steps, hidden=(Step("secret"),)),), (observer,)), True)[observer]
    assert {"webhook", "stream", "callback"} <= seen.what.keys()
    assert any(each == "feed -feed" for each in seen.what)
