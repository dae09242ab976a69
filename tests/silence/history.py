"""Random pairs of worlds, for hypothesis: steps that both worlds take, and among them those that only one takes."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from tests.silence.doors import Door, doors
from tests.silence.town import HIDDEN_STEPS, VISIBLE, WITHOUT_NEWS, Step
from tests.silence.worlds import ACTS, OBSERVERS, Pair, Slot

_NUMBERS = st.integers(0, 31)


def steps(kinds: Sequence[str], most: int) -> st.SearchStrategy[tuple[Step, ...]]:
    if not kinds:
        return st.just(())
    return st.lists(st.builds(Step, st.sampled_from(kinds), _NUMBERS), max_size=most).map(tuple)


def looks(most: int = 6) -> st.SearchStrategy[tuple[Door, ...]]:
    return st.lists(st.sampled_from(doors()), max_size=most).map(tuple)


def pairs(
    *,
    hidden: Sequence[str] = (*HIDDEN_STEPS, *WITHOUT_NEWS),
    inside: Sequence[str] = (*HIDDEN_STEPS, *WITHOUT_NEWS),
    visible: Sequence[str] = VISIBLE,
    acts: Sequence[str] = ACTS,
    most: int = 3,
) -> st.SearchStrategy[Pair]:
    """Pairs in which people are hidden from the beginning."""
    slot = st.builds(
        Slot, visible=steps(visible, 3), hidden=steps(hidden, 3), inside=steps(inside, 2),
        acts=st.lists(st.sampled_from(acts), max_size=1).map(tuple) if acts else st.just(()), looks=looks(),
    )  # fmt: skip
    return st.builds(Pair, st.lists(slot, min_size=1, max_size=most).map(tuple), _observers())


def leavers(*, acts: Sequence[str] = ACTS, returns: bool = True) -> st.SearchStrategy[Pair]:
    """Pairs in which a person is deleted in one world and becomes protected in the other, and may return."""
    slot = st.builds(
        Slot, visible=steps([each for each in VISIBLE if each not in ("remove", "name")], 2),
        acts=st.lists(st.sampled_from(acts), max_size=1).map(tuple) if acts else st.just(()), looks=looks(),
    )  # fmt: skip
    some = st.lists(slot, max_size=2).map(tuple)
    leave, back = Slot(visible=(Step("leave"),)), Slot(visible=(Step("return"),))
    kinds: list[st.SearchStrategy[Any]] = [st.tuples(some, st.just((leave,)), some)]
    if returns:
        kinds.append(st.tuples(some, st.just((leave,)), some, st.just((back,)), some))
    return st.builds(
        Pair, st.one_of(*kinds).map(lambda parts: tuple(each for part in parts for each in part)), _observers()
    )


def _observers() -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(sorted(OBSERVERS)), min_size=1, max_size=2, unique=True).map(tuple)
