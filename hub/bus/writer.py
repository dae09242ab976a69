# ruff: noqa: S608 - only partition and day numbers are put into statements
"""The log's one writer: what becomes of a group of requests in one transaction (DESIGN "Order of commits", step 1)."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import apsw

from hub.bus import rows, state
from hub.bus.base import Appended, IdConflict, LogUnavailable, Place, Stored, offset_of, partition_of, place
from hub.bus.codec import Codec
from hub.bus.digests import Digests, Filter
from hub.bus.names import Names, Packed, pack_id
from hub.bus.rows import Prepared
from hub.bus.sequence import Sequencer
from hub.bus.sql import insert
from hub.clock import Clock, to_us

_CHECKPOINT_PAGES: Final = 1000  # 8 MiB: often enough that one never holds up ingest for long


@dataclass(frozen=True, slots=True)
class Append:
    events: Sequence[Prepared]


@dataclass(frozen=True, slots=True)
class Restate:
    entities: Sequence[Packed]


@dataclass(frozen=True, slots=True)
class Trim:
    """Forget up to an offset; `expiring` are the types (as stored) whose state goes with its age."""

    partition: int
    upto: int
    expiring: Sequence[int | str]


@dataclass(frozen=True, slots=True)
class Trimmed:
    partition: int
    upto: int
    forgotten: int


@dataclass(frozen=True, slots=True)
class Sweep:
    """Forget spared events that are state no more, looking at up to `limit` spared ones past a place."""

    after: int
    limit: int


@dataclass(frozen=True, slots=True)
class Swept:
    last: int | None  # None: that was all
    forgotten: int


@dataclass(frozen=True, slots=True)
class SaveFilter:
    day: int
    filter: Filter


@dataclass(slots=True)
class _Group:
    """What one transaction adds, before it is written."""

    accepted: int
    next: list[int]
    high: list[int]
    known: dict[bytes, tuple[bytes, int]]
    added: dict[bytes, bytes] = field(default_factory=dict)
    rows: dict[int, list[tuple[Any, ...]]] = field(default_factory=dict)
    digests: list[tuple[bytes, bytes, int]] = field(default_factory=list)
    moved: list[state.Moved] = field(default_factory=list)


class LogWriter:
    """Owns the writing connection. `commit` is all that the outside calls, always from one thread."""

    def __init__(
        self,
        db: apsw.Connection,
        *,
        names: Names,
        digests: Digests,
        sequencer: Sequencer,
        heads: Sequence[int],
        high: Sequence[int],
        clock: Clock,
        codec: Codec,
    ) -> None:
        self._db = db
        self._names = names
        self._digests = digests
        self._sequencer = sequencer
        self._next = [head + 1 for head in heads]
        self._high = list(high)
        self._clock = clock
        self._codec = codec
        self._wal_pages = 0
        db.set_wal_hook(self._note_wal)

    def commit(self, items: Sequence[Any]) -> Sequence[Any]:
        """Handle a group in one transaction. Raises LogUnavailable, and then nothing of it is stored."""
        try:
            results = self._transaction(items)
        except apsw.Error as error:
            self._undo()
            raise LogUnavailable(f"the log can't be written ({type(error).__name__})") from None
        except BaseException:
            self._undo()
            raise
        if self._wal_pages >= _CHECKPOINT_PAGES:
            self._checkpoint()
        return results

    def _transaction(self, items: Sequence[Any]) -> Sequence[Any]:
        db = self._db
        self._digests.begin()
        db.execute("BEGIN IMMEDIATE")
        unsaved = list(self._names.unsaved)
        insert(db, "INSERT INTO names VALUES", unsaved)
        accepted = self._sequencer.begin(to_us(self._clock.utc()))
        self._digests.open_day(accepted)
        keys = [event.key_digest for item in items if isinstance(item, Append) for event in item.events]
        group = _Group(accepted, list(self._next), list(self._high), self._digests.known(keys))
        results = [self._handle(item, group) for item in items]
        self._flush(group)
        db.execute("COMMIT")
        del self._names.unsaved[: len(unsaved)]
        self._next = group.next
        self._high = group.high
        return results

    def _handle(self, item: Any, group: _Group) -> Any:
        match item:
            case Append(events):
                return self._append(events, group)
            case Restate(entities):
                return self._restate(entities, group)
            case Trim():
                return self._trim(item, group)
            case Sweep(after, limit):
                return self._sweep(after, limit)
            case SaveFilter(day, made):
                return self._digests.save_filter(day, made)
            case _:
                raise TypeError(f"{type(item).__name__} is no request to the log")

    def _append(self, events: Sequence[Prepared], group: _Group) -> Appended | IdConflict:
        new: dict[bytes, bytes] = {}
        fresh: list[Prepared] = []
        conflicts: list[int] = []
        for index, event in enumerate(events):
            key = event.key_digest
            content = new.get(key) or group.added.get(key)
            if content is None and (found := group.known.get(key)) is not None:
                content = found[0]
            if content is None:
                new[key] = event.content_digest
                fresh.append(event)
            elif content != event.content_digest:
                conflicts.append(index)
        if conflicts:
            return IdConflict(conflicts)
        group.added.update(new)
        return Appended([self._add(event, group) for event in fresh], len(events) - len(fresh))

    def _add(self, event: Prepared, group: _Group) -> Stored:
        partition, stored, accepted = event.partition, event.stored, group.accepted
        offset = group.next[partition]
        group.next[partition] = offset + 1
        sequence = self._sequencer.take(stored.key)
        high = group.high[partition] = max(group.high[partition], sequence)
        stored.at = at = place(partition, offset)
        stored.accepted_us = accepted
        stored.body = body = rows.complete(event.canonical, event.timed, accepted, sequence)
        group.rows.setdefault(partition, []).append(
            (offset, accepted, high - accepted, *event.columns, self._codec.encode(stored.subject, body))
        )
        group.digests.append((event.key_digest, event.content_digest, at))
        if stored.entity is not None:
            about = () if event.columns[6] is None else tuple(pack_id(person) for person in stored.about)
            group.moved.append(state.Moved(event.columns[5], at, event.columns[3], about))
        return stored

    def _flush(self, group: _Group) -> None:
        for partition, added in group.rows.items():
            insert(self._db, f"INSERT INTO events_{int(partition)} VALUES", added)
        self._digests.add(group.digests)
        state.move(self._db, group.moved)
        group.rows.clear()
        group.digests.clear()
        group.moved.clear()

    def _restate(self, entities: Sequence[Packed], group: _Group) -> Sequence[Stored]:
        self._flush(group)  # what came before in this very group is state already
        copies: list[Stored] = []
        for found in state.places_of(self._db, entities):
            if found is None:
                continue
            partition = partition_of(Place(found))
            query = f"SELECT {rows.COLUMNS} FROM events_{partition} WHERE offset = ?"
            for row in self._db.execute(query, (offset_of(Place(found)),)):
                old = rows.stored(partition, row, self._names, self._codec)
                copies.append(self._add(rows.copy_of(old, partition, row), group))
        return copies

    def _trim(self, item: Trim, group: _Group) -> Trimmed:
        self._flush(group)
        db, partition, expiring = self._db, int(item.partition), tuple(item.expiring)
        low = db.execute("SELECT offset FROM trims WHERE partition = ?", (partition,)).get
        table, bounds = f"events_{partition}", (low, item.upto)
        one_of = f"({','.join('?' * len(expiring))})"
        is_state = (
            f"FROM {table} e JOIN state s ON s.entity = e.entity AND s.place = (? + e.offset) "
            f"WHERE e.offset > ? AND e.offset <= ? AND e.type"
        )
        first = (place(partition, 0), *bounds, *expiring)
        db.execute(f"INSERT INTO spared SELECT s.place, s.entity {is_state} NOT IN {one_of}", first)
        gone = [(entity,) for (entity,) in db.execute(f"SELECT s.entity {is_state} IN {one_of}", first)]
        db.executemany("DELETE FROM state WHERE entity = ?", gone)
        db.executemany("DELETE FROM state_about WHERE entity = ?", gone)
        db.execute(
            f"DELETE FROM {table} WHERE offset > ? AND offset <= ? AND (? + offset) NOT IN "
            "(SELECT place FROM spared WHERE place > ? AND place <= ?)",
            (*bounds, first[0], place(partition, low), place(partition, item.upto)),
        )
        forgotten = db.changes()
        db.execute(
            "UPDATE trims SET offset = ?, high = ? WHERE partition = ?", (item.upto, group.high[partition], partition)
        )
        return Trimmed(partition, item.upto, forgotten)

    def _sweep(self, after: int, limit: int) -> Swept:
        db = self._db
        looked = db.execute(
            "SELECT max(place) FROM (SELECT place FROM spared WHERE place > ? ORDER BY place LIMIT ?)", (after, limit)
        ).get
        if looked is None:
            return Swept(None, 0)
        query = """
            SELECT place FROM spared WHERE place > ? AND place <= ? AND NOT EXISTS
            (SELECT 1 FROM state WHERE state.entity = spared.entity AND state.place = spared.place)"""
        gone = [Place(found) for (found,) in db.execute(query, (after, looked))]
        for each in gone:
            db.execute(f"DELETE FROM events_{partition_of(each)} WHERE offset = ?", (offset_of(each),))
            db.execute("DELETE FROM spared WHERE place = ?", (each,))
        return Swept(looked, len(gone))

    def _undo(self) -> None:
        self._digests.undo()
        if self._db.in_transaction:  # SQLite undoes some failures by itself
            with contextlib.suppress(apsw.Error):
                self._db.execute("ROLLBACK")

    def _note_wal(self, db: apsw.Connection, name: str, pages: int) -> int:
        self._wal_pages = pages
        return apsw.SQLITE_OK

    def _checkpoint(self) -> None:
        try:
            self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.Error:
            return  # all is in the WAL, durable; the next commit tries again
        self._wal_pages = 0
