"""The log's small parts: packed names, filters, the ring, sequences."""

import itertools
import uuid
from hashlib import blake2b
from typing import Any

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.bus.base import Position, Stored, place
from hub.bus.digests import Filter
from hub.bus.fresh import Fresh
from hub.bus.index import _Fold
from hub.bus.names import Names, Packed, pack_id, pack_ids, unpack_id, unpack_ids
from hub.bus.ring import Ring
from hub.bus.rows import TIMED, canonical_json, canonical_of, complete
from hub.bus.sequence import Sequencer

UUIDS = st.uuids().map(str)
PACKED = st.sampled_from(["a", "b", "å", "\U0001f600", "\uffff"]) | st.sampled_from([b"a", b"b", b"", b"\xff"])
IDS = st.one_of(UUIDS, UUIDS.map(str.upper), st.text(st.characters(codec="utf-8")))


class TestNames:
    @given(IDS)
    def test_an_id_comes_back_as_it_was(self, id_: str) -> None:
        assert unpack_id(pack_id(id_)) == id_

    @given(st.lists(IDS).map(tuple))
    def test_any_number_of_ids_comes_back(self, ids: tuple[str, ...]) -> None:
        assert unpack_ids(pack_ids(ids)) == ids

    @given(st.one_of(IDS, st.builds("{}/{}".format, st.sampled_from(["person", "lesson", "a/b", ""]), IDS)))
    def test_an_entity_comes_back_and_is_packed_alike_by_readers(self, entity: str) -> None:
        names = Names()
        packed = names.pack(entity)
        assert names.unpack(packed) == entity
        assert Names(names.unsaved).unpack(packed) == entity
        assert names.packed(entity) == packed

    @pytest.mark.parametrize(
        "close",
        [
            "3b0b6f0e-0b52-4f0c-8f52-5d9a3a1f2c0",
            "3b0b6f0e0b524f0c8f525d9a3a1f2c01aaaa",
            "3b0b6f0e-0b52-4f0c-8f52- d9a3a1f2c01",
            "3B0b6f0e-0b52-4f0c-8f52-5d9a3a1f2c01",
        ],
    )
    def test_what_is_nearly_a_uuid_stays_text(self, close: str) -> None:
        assert pack_id(close) == close

    def test_names_past_the_numbers_are_kept_as_text(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("hub.bus.names._MAX_NAMES", 3)
        names = Names()
        for kind in ("a", "b", "c", "d"):
            entity = f"{kind}/{uuid.uuid4()}"
            assert names.unpack(names.pack(entity)) == entity
            assert names.name(names.number(kind)) == kind
        assert len(names.unsaved) == 2


class TestFilter:
    KEYS = tuple(blake2b(str(n).encode(), digest_size=16).digest() for n in range(40_000))

    @pytest.mark.parametrize("size", [0, 1, 1000, 20_000])
    def test_a_filter_passes_all_its_keys_and_few_others_however_small_it_was_made(self, size: int) -> None:
        made = Filter()
        made.add(self.KEYS[:size])
        shrunk = Filter(made.shrunk(size))
        assert all(shrunk.may_have(Filter.words(key)) for key in self.KEYS[:size])
        assert sum(shrunk.may_have(Filter.words(key)) for key in self.KEYS[20_000:]) < 20_000 * 0.01
        assert len(made.shrunk(size)) <= max(64, size * 4)


class TestFold:
    @given(
        st.dictionaries(st.binary(min_size=16, max_size=16), st.binary(max_size=4)),
        st.dictionaries(PACKED, st.integers(0, 2**50)),
        st.dictionaries(PACKED, st.lists(PACKED, min_size=1, max_size=4)),
        st.integers(1, 20),
    )
    def test_rows_come_in_the_tables_own_order_however_few_are_taken_at_a_time(
        self,
        digests: dict[bytes, bytes],
        state: dict[Packed, int],
        related: dict[Packed, list[Packed]],
        some: int,
    ) -> None:
        """Else each would rewrite a page of its own."""
        fold = _Fold(Fresh(digests=digests, state=state, related=related), [0])
        found: dict[str, list[tuple[Any, ...]]] = {"digests": [], "state": [], "related": []}
        while not fold.finished:
            for table, rows in fold.take(some):
                found[table] += rows
        expected = {
            "digests": list(digests.items()),
            "state": list(state.items()),
            "related": [(name, entity) for name, entities in related.items() for entity in entities],
        }
        db = apsw.Connection(":memory:")
        db.execute("CREATE TABLE t (a, b)")
        for table, rows in expected.items():
            db.executemany("INSERT INTO t VALUES (?, ?)", rows)
            assert found[table] == db.execute("SELECT a, b FROM t ORDER BY a, b").fetchall()
            db.execute("DELETE FROM t")


class TestSequencer:
    @given(st.lists(st.tuples(st.integers(0, 50), st.lists(st.sampled_from("abc")))))
    def test_numbers_of_a_key_rise_whatever_the_clock_does(self, groups: list[tuple[int, list[str]]]) -> None:
        sequencer = Sequencer(10)
        given: dict[str, list[int]] = {key: [10] for key in "abc"}
        accepted = [10]
        for now, keys in groups:
            accepted.append(sequencer.begin(now))
            for key in keys:
                given[key].append(sequencer.take(key))
                assert given[key][-1] >= accepted[-1]
        for numbers in (accepted, *given.values()):
            assert all(earlier < later for earlier, later in itertools.pairwise(numbers))


class TestRing:
    def stored(self, partition: int, offset: int, size: int = 1000) -> Stored:
        return Stored(place(partition, offset), "t", "s", str(offset), "x", "x", None, (), (), False, 0, bytes(size))

    def test_it_keeps_the_newest_within_its_bytes(self) -> None:
        ring = Ring([0, 0], 100_000)
        for offset in range(1, 5001):
            ring.feed([self.stored(0, offset), self.stored(1, offset)])
        kept = [each for each in range(5001) if ring.reaches(0, each) and ring.reaches(1, each)]
        assert kept[-1] == 5000
        assert 5 <= 5000 - kept[0] <= 50
        assert [each.id for each in ring.after(0, kept[0], 3)] == [str(kept[0] + n) for n in (1, 2, 3)]
        assert ring.at(place(0, kept[0] - 1)) is None
        assert ring.at(place(0, 5001)) is None
        newest = ring.at(place(1, 5000))
        assert newest is not None
        assert newest.id == "5000"

    def test_it_starts_where_the_file_ends(self) -> None:
        ring = Ring([7], 100_000)
        assert ring.reaches(0, 7)
        assert not ring.reaches(0, 6)
        ring.feed([self.stored(0, 8)])
        assert [each.id for each in ring.after(0, 7, 10)] == ["8"]

    def test_what_was_trimmed_is_let_go(self) -> None:
        ring = Ring([0], 1_000_000)
        ring.feed([self.stored(0, offset) for offset in range(1, 11)])
        ring.forget([6])
        assert ring.at(place(0, 6)) is None
        assert [each.id for each in ring.after(0, 6, 10)] == ["7", "8", "9", "10"]


class TestBody:
    @given(st.booleans(), st.integers(0, 10**15), st.integers(0, 10**16 - 1))
    def test_what_was_published_is_got_back_from_the_body(self, timed: bool, accepted: int, sequence: int) -> None:
        """A crash leaves rows whose digests must be made again."""
        canonical = canonical_json({"id": "e", "data": {"b": 1, "a": 2**70}})
        flags = TIMED if timed else 0
        assert canonical_of(complete(canonical, flags, accepted, sequence), flags) == canonical


class TestPosition:
    @given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 2**48 - 1), max_size=8).map(tuple))
    def test_a_position_comes_back_from_its_bytes(self, epoch: int, offsets: tuple[int, ...]) -> None:
        assert Position.unpack(Position(epoch, offsets).pack()) == Position(epoch, offsets)

    @given(st.binary(max_size=40))
    def test_other_bytes_are_no_position(self, packed: bytes) -> None:
        try:
            position = Position.unpack(packed)
        except ValueError:
            return
        assert position.pack() == packed
