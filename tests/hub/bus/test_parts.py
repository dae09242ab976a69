"""The log's small parts: packed names, filters, the ring, sequences."""

import itertools
import uuid
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.bus import lives
from hub.bus.base import Position, Stored, place
from hub.bus.digests import DAY_US, SCHEMA, Digests, Filter, content_of, find, pack_found, place_of, reach_back_to
from hub.bus.fresh import Fresh
from hub.bus.index import _Fold
from hub.bus.names import Names, Packed, pack_id, pack_ids, unpack_id, unpack_ids
from hub.bus.reader import within
from hub.bus.ring import Ring
from hub.bus.rows import TIMED, canonical_json, canonical_of, complete
from hub.bus.sequence import Sequencer
from hub.bus.sql import insert, marks, padded

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

    def test_acceptance_time_is_the_clocks_unless_that_was_given_already(self) -> None:
        sequencer = Sequencer(10)
        assert [sequencer.begin(now) for now in (5, 100, 100, 99, 103)] == [11, 100, 101, 102, 103]

    def test_a_keys_first_number_in_a_group_is_the_acceptance_time_and_the_next_ones_are_one_apart(self) -> None:
        sequencer = Sequencer(0)
        for now in (1000, 2000):
            assert sequencer.begin(now) == now
            assert [sequencer.take(key) for key in "abaa"] == [now, now, now + 1, now + 2]

    def test_a_group_begins_past_all_numbers_of_the_groups_before(self) -> None:
        """Promise 5: else the first number of a key in a group would tell how many the group before had."""
        sequencer = Sequencer(0)
        sequencer.begin(1000)
        last = [sequencer.take("a") for _ in range(10)][-1]
        assert sequencer.begin(last) == last + 1
        assert sequencer.take("a") == sequencer.take("b") == last + 1
        assert sequencer.begin(last + 1000) == last + 1000


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

    def test_it_is_exact_about_the_ends_of_what_it_holds(self) -> None:
        ring = Ring([0], 1_000_000)
        ring.feed([self.stored(0, offset) for offset in range(1, 11)])
        ring.forget([4])
        assert [ring.reaches(0, offset) for offset in (3, 4, 10)] == [False, True, True]
        assert [(found := ring.at(place(0, n))) and found.id for n in (4, 5, 10, 11)] == [None, "5", "10", None]
        assert [each.id for each in ring.after(0, 6, 2)] == ["7", "8"]
        assert list(ring.after(0, 10, 2)) == []

    def test_forgetting_stops_at_the_first_event_that_stays(self) -> None:
        ring = Ring([0, 0], 1_000_000)
        ring.feed([self.stored(0, 1), self.stored(1, 1), self.stored(0, 2)])
        ring.forget([2, 0])
        assert ring.at(place(0, 1)) is None
        assert ring.at(place(1, 1)) is not None
        assert ring.at(place(0, 2)) is not None

    @pytest.mark.parametrize("lost", ["forgotten", "pushed out"])
    def test_the_memory_of_what_it_lets_go_is_free_for_others(self, lost: str) -> None:
        each = len_in_memory(self.stored(0, 1))
        ring = Ring([0], 3 * each)
        ring.feed([self.stored(0, offset) for offset in (1, 2, 3)])
        assert ring.reaches(0, 0), "exactly at the limit all are kept"
        if lost == "forgotten":
            ring.forget([3])
            ring.feed([self.stored(0, offset) for offset in (4, 5, 6)])
            assert ring.reaches(0, 3)
        for offset in range(7 if lost == "forgotten" else 4, 60):
            ring.feed([self.stored(0, offset)])
            assert ring.reaches(0, offset - 3)
            assert not ring.reaches(0, offset - 4)


def len_in_memory(stored: Stored) -> int:
    return 1000 + 4 * len(stored.body)


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

    def test_it_tells_what_has_been_read(self) -> None:
        position = Position(7, (3, 0))
        assert [position.covers(place(0, offset)) for offset in (2, 3, 4)] == [True, True, False]
        assert [position.covers(place(1, offset)) for offset in (0, 1)] == [True, False]
        assert position.past(place(1, 5)) == Position(7, (3, 5))
        assert position.past(place(0, 4)) == Position(7, (4, 0))
        for read in (place(0, 3), place(0, 1)):
            assert position.past(read) is position
        assert [position.reached(Position(7, other)) for other in ((3, 0), (2, 0), (4, 0), (3, 1))] == [
            True,
            True,
            False,
            False,
        ]


class TestLives:
    def test_a_position_is_good_up_to_where_the_lives_since_then_began(self) -> None:
        db = apsw.Connection(":memory:")
        db.execute(lives.SCHEMA)
        epochs = [lives.begin(db, heads).epoch for heads in ([5, 5], [3, 9], [7, 8])]
        last = lives.begin(db, [6, 20])
        assert len({*epochs, last.epoch}) == 4
        assert [tuple(last.shared(epoch) or ()) for epoch in epochs] == [(3, 8), (6, 8), (6, 20)]
        assert last.shared(last.epoch) is None
        assert all(epoch in last for epoch in (*epochs, last.epoch))
        assert last.epoch + 1 not in last

    def test_the_first_life_shares_with_none(self) -> None:
        db = apsw.Connection(":memory:")
        db.execute(lives.SCHEMA)
        first = lives.begin(db, [0])
        assert first.epoch in first
        assert first.shared(first.epoch) is None


class TestWithin:
    def stored(self, size: int) -> Stored:
        return Stored(place(0, size), "t", "s", str(size), "x", "x", None, (), (), False, 0, bytes(size))

    @pytest.mark.parametrize(
        ("limit", "sizes"),
        [(0, [10]), (10, [10]), (29, [10]), (30, [10, 20]), (31, [10, 20]), (60, [10, 20, 30]), (999, [10, 20, 30])],
    )
    def test_as_many_as_the_bytes_allow_but_at_least_one(self, limit: int, sizes: list[int]) -> None:
        parts = [[self.stored(10)], [self.stored(20), self.stored(30)]]
        assert [len(each.body) for each in within(parts, limit)] == sizes
        assert within([], limit) == []


class TestInsert:
    @pytest.mark.parametrize("count", [0, 1, 2, 3, 63, 64, 65, 127, 200])
    def test_any_number_of_rows_is_written(self, count: int) -> None:
        db = apsw.Connection(":memory:")
        db.execute("CREATE TABLE t (a, b)")
        rows = [(n, str(n)) for n in range(count)]
        insert(db, "INSERT INTO t VALUES", rows)
        assert db.execute("SELECT a, b FROM t ORDER BY a").fetchall() == rows

    @pytest.mark.parametrize(("count", "size"), [(1, 1), (2, 2), (3, 4), (4, 4), (5, 8), (9, 16)])
    def test_values_are_padded_with_the_last_one(self, count: int, size: int) -> None:
        found = padded(list(range(count)))
        assert found == (*range(count), *[count - 1] * (size - count))
        assert marks(len(found)).count("?") == size


class TestDigests:
    def made(self, window_days: int = 2) -> tuple[apsw.Connection, Digests]:
        db = apsw.Connection(":memory:")
        db.execute(SCHEMA)
        return db, Digests(db, window_days * DAY_US)

    def key(self, n: int) -> bytes:
        return blake2b(str(n).encode(), digest_size=16).digest()

    def add(self, digests: Digests, keys: Sequence[int], at_us: int) -> None:
        digests.make_room(len(keys), at_us)
        digests.add(sorted((self.key(n), pack_found(b"content!", n)) for n in keys))

    def days(self, db: apsw.Connection) -> list[int]:
        return [day for (day,) in db.execute("SELECT day FROM generations ORDER BY number")]

    def test_what_was_added_is_known_with_its_content_and_place(self) -> None:
        db, digests = self.made()
        self.add(digests, range(10), DAY_US)
        found = digests.known([self.key(3), self.key(99)])
        assert {key: (content_of(each), place_of(each)) for key, each in found.items()} == {
            self.key(3): (b"content!", 3)
        }
        assert (find(db, self.key(3)), find(db, self.key(99))) == (3, None)

    def test_a_day_has_a_generation_of_its_own_and_goes_when_all_of_it_is_past_the_window(self) -> None:
        db, digests = self.made(window_days=2)
        for n, at_us in enumerate([DAY_US, 2 * DAY_US - 1, 2 * DAY_US]):
            self.add(digests, [n], at_us)
        assert self.days(db) == [1, 2]
        self.add(digests, [3], 4 * DAY_US - 1)
        assert self.days(db) == [1, 2, 3]
        self.add(digests, [4], 4 * DAY_US)
        assert self.days(db) == [2, 3, 4]
        assert digests.known([self.key(0), self.key(1)]) == {}
        assert set(digests.known(map(self.key, range(5)))) == {self.key(n) for n in (2, 3, 4)}
        assert reach_back_to(db) == 2 * DAY_US

    def test_a_full_generation_is_followed_by_another_of_the_same_day(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("hub.bus.digests._GENERATION_KEYS", 64)
        db, digests = self.made()
        self.add(digests, range(60), DAY_US)
        self.add(digests, range(60, 64), DAY_US)
        assert self.days(db) == [1]
        self.add(digests, [64], DAY_US)
        assert self.days(db) == [1, 1]
        again = Digests(db, DAY_US)
        assert len(again.known(map(self.key, range(70)))) == 65
        self.add(again, range(65, 128), DAY_US)
        assert self.days(db) == [1, 1], "the keys of the newest generation are counted at the start"
        self.add(again, [128], DAY_US)
        assert self.days(db) == [1, 1, 1]

    def test_the_newer_of_two_entries_of_a_key_counts(self) -> None:
        """Past the window an id may be used again; the old generation may still be there."""
        db, digests = self.made()
        self.add(digests, [1], DAY_US)
        digests.make_room(1, 2 * DAY_US)
        digests.add([(self.key(1), pack_found(b"other...", 77))])
        assert place_of(digests.known([self.key(1)])[self.key(1)]) == 77
        assert find(db, self.key(1)) == 77

    def test_what_a_rolled_back_transaction_did_is_undone(self) -> None:
        db, digests = self.made()
        self.add(digests, [1], DAY_US)
        digests.begin()
        db.execute("BEGIN")
        self.add(digests, [2], 2 * DAY_US)
        db.execute("ROLLBACK")
        digests.undo()
        assert set(digests.known([self.key(1), self.key(2)])) == {self.key(1)}
        self.add(digests, [2], 2 * DAY_US)
        assert self.days(db) == [1, 2]

    def test_an_empty_index_reaches_back_for_ever(self) -> None:
        db, _ = self.made()
        assert reach_back_to(db) == 0
