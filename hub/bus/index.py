"""The writer's side of the indexes: their newest part in memory, the rest in tables, written piece by piece.

Writing the part in memory into the tables is called a fold. It runs behind the appends, in proportion to them.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import apsw

from hub.bus import entity_state
from hub.bus.digests import Digests
from hub.bus.fresh import Fresh, Noted
from hub.bus.names import Packed
from hub.bus.sql import insert

# Events in memory before a fold begins; twice as many while it runs (about 1/2 KiB each).
FRESH_EVENTS: Final = 32_768
# Rows that a fold writes for each appended event. An event adds three, so a fold ends before the next one begins.
_FOLD_PER_EVENT: Final = 4


class Index:
    """All methods run inside the writer's transactions; `undo` reverts the changes of a rolled back transaction."""

    def __init__(self, db: apsw.Connection, digests: Digests, folded: Sequence[int]) -> None:
        self._db = db
        self._digests = digests
        self._active = Fresh()
        self._folding: _Fold | None = None
        self._before: tuple[Fresh, _Fold | None, int] = (self._active, None, 0)
        self._any_earlier = bool(db.execute("SELECT EXISTS (SELECT 1 FROM earlier)").get)
        self.folded = list(folded)
        self.fresh: tuple[Fresh, ...] = (self._active,)  # newest first; readers use it too

    def begin(self) -> None:
        """A transaction begins."""
        self._digests.begin()
        self._before = (self._active, self._folding, self._folding.done if self._folding else 0)

    def undo(self) -> None:
        """The transaction was rolled back."""
        self._digests.undo()
        self._active, self._folding, done = self._before
        if self._folding is not None:
            self._folding.done = done

    def known(self, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """The keys that were seen within the duplicate window, each with content digest and place (`pack_found`)."""
        found: dict[bytes, bytes] = {}
        older: list[bytes] = []
        for key in keys:
            for fresh in self.fresh:
                if (hit := fresh.digests.get(key)) is not None:
                    found[key] = hit
                    break
            else:
                older.append(key)
        if older:
            found.update(self._digests.known(older))
        return found

    def fold(self, added: int, heads: Sequence[int]) -> None:
        """Write the next piece, in proportion to the number of events that this transaction adds."""
        if self._folding is None and len(self._active.digests) >= FRESH_EVENTS:
            self._start_fold(heads)
        if self._folding is not None:
            self._write(added * _FOLD_PER_EVENT)

    def fold_up_to(self, offsets: Sequence[int], heads: Sequence[int], rows: int) -> bool:
        """Write up to `rows` rows. Returns whether the tables covered all events up to `offsets` before that."""
        if all(done >= wanted for done, wanted in zip(self.folded, offsets, strict=True)):
            return True
        if self._folding is None:
            self._start_fold(heads)
        self._write(rows)
        return False

    def commit(self, noted: Iterable[Noted], newest_us: int) -> None:
        """The transaction is durable. `noted` are the events that it added."""
        self._active.note(noted)
        self._active.newest_us = newest_us
        if self._folding is not None and self._folding.finished:
            self.folded = list(self._folding.heads)
            self._folding = None
        self.fresh = (self._active,) if self._folding is None else (self._active, self._folding.fresh)

    def _start_fold(self, heads: Sequence[int]) -> None:
        fresh = self._active
        if fresh.digests:
            self._digests.make_room(len(fresh.digests), fresh.newest_us)
        self._folding = _Fold(fresh, heads)
        self._active = Fresh()

    def _write(self, rows: int) -> None:
        fold = self._folding
        assert fold is not None
        for table, some in fold.take(max(rows, 1)):
            match table:
                case "digests":
                    self._digests.add(some)
                case "state":
                    self._any_earlier = entity_state.fold(self._db, fold.fresh, some, any_earlier=self._any_earlier)
                case "related":
                    insert(self._db, "INSERT OR IGNORE INTO related VALUES", some)
        if fold.finished:
            for partition, head in enumerate(fold.heads):
                self._db.execute("UPDATE partitions SET folded = ? WHERE partition = ?", (head, partition))


class _Fold:
    """A fold under way: the rows of a `Fresh` that no longer changes, table by table, sorted by their keys."""

    def __init__(self, fresh: Fresh, heads: Sequence[int]) -> None:
        self.fresh = fresh
        self.heads = tuple(heads)  # the tables cover all events up to these offsets once the fold is finished
        self.done = 0  # rows written
        self._sizes = {
            "digests": len(fresh.digests),
            "state": len(fresh.state),
            "related": sum(len(entities) for entities in fresh.related.values()),
        }
        self._total = sum(self._sizes.values())
        self._sorted: tuple[str, list[tuple[Any, ...]]] = ("", [])

    @property
    def finished(self) -> bool:
        return self.done >= self._total

    def take(self, count: int) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
        """The next `count` rows, by table."""
        start, done = 0, self.done
        self.done = upto = min(done + count, self._total)
        for table, size in self._sizes.items():
            if start < upto and done < start + size:
                yield table, self._rows(table)[max(done - start, 0) : upto - start]
            start += size

    def _rows(self, table: str) -> list[tuple[Any, ...]]:
        """The rows of one table. Each table is sorted when it is needed: sorting all of them at once would hold up the
        event loop for longer.
        """
        if self._sorted[0] != table:
            rows: list[tuple[Any, ...]]
            match table:
                case "digests":
                    digests = self.fresh.digests
                    rows = [(key, digests[key]) for key in sorted(digests)]
                case "state":
                    places = self.fresh.state
                    rows = [(entity, places[entity]) for entity in _in_order(places)]
                case _:
                    related = self.fresh.related
                    rows = [(name, entity) for name in _in_order(related) for entity in _in_order(related[name])]
            self._sorted = (table, rows)
        return self._sorted[1]


def _in_order(names: Iterable[Packed]) -> list[Packed]:
    """SQLite's order of mixed values: text before bytes."""
    try:
        return sorted(names)  # nearly always all are bytes
    except TypeError:
        return sorted(names, key=lambda name: (isinstance(name, bytes), name))
