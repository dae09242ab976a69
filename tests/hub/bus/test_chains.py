"""What an entity's last event rests on, wherever the fold of the index has come to: a model that knows every event."""

import itertools
from dataclasses import dataclass, field

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.bus import entity_state
from hub.bus.fresh import CHAIN, Fresh, capped
from hub.bus.names import Packed
from tests.school import uid

ENTITIES: tuple[Packed, ...] = ("case/a", "case/b", b"\0\1" + b"x" * 16)


@dataclass
class Indexed:
    """An index in three parts, as the log has it: the newest events, a part that is being folded in, the tables."""

    db: apsw.Connection = field(default_factory=lambda: apsw.Connection(":memory:"))
    active: Fresh = field(default_factory=Fresh)
    folding: Fresh | None = None
    left: list[tuple[Packed, int]] = field(default_factory=list)  # rows of `folding` that are not in the tables yet
    any_earlier: bool = False
    events: dict[Packed, list[tuple[int, bool]]] = field(default_factory=dict)
    places: itertools.count = field(default_factory=lambda: itertools.count(1))  # type: ignore[type-arg]

    def __post_init__(self) -> None:
        self.db.execute(entity_state.SCHEMA)

    @property
    def fresh(self) -> tuple[Fresh, ...]:
        return (self.active,) if self.folding is None else (self.active, self.folding)

    def add(self, entity: Packed, continues: bool) -> None:
        place = next(self.places)
        self.active.note([(uid(place).encode(), b"", place, entity, (), continues)])
        self.events.setdefault(entity, []).append((place, continues))

    def write(self, rows: int) -> None:
        """The next rows of the fold; begins one if there is none."""
        if self.folding is None:
            self.folding, self.active = self.active, Fresh()
            self.left = sorted(self.folding.state.items(), key=lambda row: (isinstance(row[0], bytes), row[0]))
        some, self.left = self.left[:rows], self.left[rows:]
        if some:
            self.any_earlier = entity_state.fold(self.db, self.folding, some, any_earlier=self.any_earlier)
        if not self.left:
            self.folding = None

    def rests_on(self, entity: Packed) -> list[int]:
        """The model's answer, newest first: back to the last event that holds the whole entity."""
        places: list[int] = []
        *earlier, (_, continues) = self.events[entity]
        for place, more in reversed(earlier):
            if not continues:
                break
            places.append(place)
            continues = more
        return places


STEPS = st.lists(
    st.tuples(st.sampled_from(ENTITIES), st.sampled_from([False, True, True]))
    | st.integers(1, len(ENTITIES)),
    min_size=1,
    max_size=40,
)  # fmt: skip


@given(STEPS)
def test_a_chain_is_found_wherever_its_events_are(
    steps: list[tuple[Packed, bool] | int],
) -> None:
    index = Indexed()
    for step in steps:
        if isinstance(step, int):
            index.write(step)
        else:
            index.add(*step)
        for entity in ENTITIES:
            events = index.events.get(entity, [])
            last = events[-1][0] if events else None
            assert entity_state.place_of(index.db, index.fresh, entity) == last
            found = entity_state.chain_of(index.db, index.fresh, entity)
            if events and events[-1][1]:
                assert found == index.rests_on(entity)
            elif events:
                assert found in ([], index.rests_on(entity))


@given(st.lists(st.just(True) | st.integers(1, 3), min_size=CHAIN, max_size=4 * CHAIN))
def test_a_very_long_chain_keeps_its_beginning_and_its_newest_events(steps: list[bool | int]) -> None:
    index = Indexed()
    index.add(ENTITIES[0], continues=False)
    for step in steps:
        if step is True:
            index.add(ENTITIES[0], continues=True)
        else:
            index.write(step)
    found = entity_state.chain_of(index.db, index.fresh, ENTITIES[0])
    whole = index.rests_on(ENTITIES[0])
    assert found[-1:] == whole[-1:]
    assert found[: CHAIN - 1] == whole[: CHAIN - 1]
    assert len(found) <= 3 * CHAIN


@pytest.mark.parametrize("count", [0, 1, CHAIN - 1, CHAIN, CHAIN + 1, CHAIN + 2, 3 * CHAIN])
def test_a_chain_is_cut_in_its_middle(count: int) -> None:
    places = tuple(range(count))
    assert capped(places) == (places if count <= CHAIN else (0, *range(count - CHAIN + 1, count)))
    assert len(capped(places)) == min(count, CHAIN)
