"""Promise 5 on a running hub: two worlds that differ only in what is withheld look the same to every recipient."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from hub.ss12000.routes import PREFIX as SS12000
from tests.silence import known
from tests.silence.doors import REFUSED_SINKS, SINKS, Door, doors, sink_kinds
from tests.silence.history import leavers, pairs
from tests.silence.town import HIDDEN_STEPS, NOBODY, SECRETS, VISIBLE, WITHOUT_NEWS, Step
from tests.silence.worlds import LEAVING, OBSERVERS, Pair, Slot, differences, in_words, observe

PAIRS = 140  # with the leavers some 40 s of processor time
# Without shrinking, which takes minutes: `python -m tests.silence` finds the smallest history.
SEARCH = settings(
    max_examples=PAIRS, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)  # fmt: skip
MOST_LOOKS = 50  # in one slot
SEARCH_LEAVERS = settings(SEARCH, max_examples=PAIRS // 4)


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


@pytest.mark.parametrize("kind", [*HIDDEN_STEPS, *WITHOUT_NEWS])
def test_a_withheld_step_shows_nowhere(kind: str) -> None:
    """Promise 5."""
    found = known.left(small(kind), differences(small(kind)))
    assert not found, in_words(small(kind), found)


@SEARCH
@given(pairs())
def test_worlds_that_differ_in_what_is_withheld_look_the_same(pair: Pair) -> None:
    """Promise 5."""
    found = known.left(pair, differences(pair))
    assert not found, in_words(pair, found)


@SEARCH_LEAVERS
@given(leavers())
def test_who_leaves_and_may_return_looks_as_who_is_deleted(pair: Pair) -> None:
    """Promise 5: on every channel, from the moment of the mark on."""
    found = differences(pair, LEAVING)
    assert not found, in_words(pair, found)


def test_who_becomes_protected_leaves_as_who_is_deleted() -> None:
    """Promise 5."""
    pair = Pair((Slot(visible=(Step("absence", 3),)), Slot(visible=(Step("leave"),)), Slot(visible=(Step("room"),))))
    found = differences(pair, LEAVING)
    assert not found, in_words(pair, found)


def test_a_replay_comes_in_the_same_order() -> None:
    """Promise 5: the person who returns has a restated group, whose first event is under way."""
    pair = Pair(
        (
            Slot(visible=(Step("remove"),), hidden=(Step("secret"),)),
            Slot(visible=(Step("name"),), acts=("replay",)),
        )
    )  # fmt: skip
    found = known.left(pair, differences(pair))
    assert not found, in_words(pair, found)


def test_an_answer_takes_the_same_reads_and_commits() -> None:
    """Promise 5: of each door of a protected person and of an unknown one. The search asks all doors."""
    looks = tuple(each for each in doors() if any(who in each.path + each.body for who in (SECRETS[0], NOBODY)))
    assert len(looks) > MOST_LOOKS
    for start in range(0, len(looks), MOST_LOOKS):
        pair = Pair((Slot(), Slot(hidden=(Step("secret"),), looks=looks[start : start + MOST_LOOKS])))
        found = known.left(pair, differences(pair))
        assert not found, in_words(pair, found)


@pytest.mark.parametrize("acts", [(), ("restart",)], ids=["in-memory", "after-a-restart"])
def test_a_list_takes_the_same_reads_after_a_change_that_is_withheld(acts: tuple[str, ...]) -> None:
    """Promise 5: a protected guardian is tied to an open pupil."""
    looks = (Door("GET", f"{SS12000}/persons"), Door("GET", f"{SS12000}/persons?sortkey=FamilyNameDesc"))
    pair = Pair((Slot(inside=(Step("guardian-tie"),), acts=acts), Slot(looks=looks)))
    found = known.left(pair, differences(pair))
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
