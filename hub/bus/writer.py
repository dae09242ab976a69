# ruff: noqa: S608 - only partition and day numbers are put into statements
"""The log's one writer: it handles a group of requests in one transaction.

This is step 1 of the order of commits (docs/architecture.md).
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import apsw
from pydantic_core import from_json

from hub.bus import entity_state, lasting, rows
from hub.bus.base import (
    Appended,
    Corrects,
    IdConflict,
    LogUnavailable,
    OwnedByAnother,
    Place,
    Stored,
    corrects_nothing,
    offset_of,
    partition_of,
    place,
)  # fmt: skip
from hub.bus.before import Before
from hub.bus.codec import Codec
from hub.bus.digests import content_of, pack_found, place_of
from hub.bus.fresh import Fresh, Noted
from hub.bus.index import Index
from hub.bus.names import Names, Packed
from hub.bus.news import Again, Compare
from hub.bus.ownership import Makers, Ownership
from hub.bus.reader import LogReader
from hub.bus.rows import Prepared, Row
from hub.bus.sequence import Sequencer
from hub.bus.sql import insert, marks
from hub.clock import Clock
from schemas.sameness import same_meaning

_FOLD_ROWS: Final = 8192  # index rows written in one transaction while a caller waits for a complete fold
_EVENT_COLUMNS: Final = ", ".join(f"e.{column}" for column in Row._fields)
_CHECKPOINT_PAGES: Final = 1000  # 8 MiB: few enough pages that one checkpoint never holds up ingest for long


@dataclass(frozen=True, slots=True)
class Append:
    events: Sequence[Prepared]
    corrects: Corrects = corrects_nothing


@dataclass(frozen=True, slots=True)
class Restate:
    entities: Mapping[Packed, Again]


@dataclass(frozen=True, slots=True)
class Trim:
    """Delete events up to an offset, which were all accepted before `before_us`.

    `expiring`: the types, as stored, whose state a trim deletes too, with the field of their data that holds the time
    until which the state is kept nevertheless ("": none).
    """

    partition: int
    upto: int
    before_us: int
    expiring: Mapping[int | str, str]


@dataclass(frozen=True, slots=True)
class Trimmed:
    partition: int
    upto: int
    forgotten: int


@dataclass(frozen=True, slots=True)
class Sweep:
    """Look at up to `limit` spared events past a place, and delete those that are no longer state.

    State that was over before `before_us` ends.
    """

    after: int
    limit: int
    before_us: int


@dataclass(frozen=True, slots=True)
class Swept:
    last: int | None  # the last place that was looked at; None: there were no more
    forgotten: int


@dataclass(frozen=True, slots=True)
class Fold:
    """Fold the next rows into the index tables. The result: whether the tables covered these offsets already."""

    offsets: Sequence[int]


@dataclass(slots=True)
class _Group:
    """The additions of one transaction."""

    accepted: int
    next: list[int]
    high: list[int]
    known: dict[bytes, bytes]
    owners: Ownership | None  # None: each event belongs to its own source
    before: Before | None  # None: nothing is compared, and all is new
    added: dict[bytes, Prepared] = field(default_factory=dict)
    last: dict[str, Stored] = field(default_factory=dict)  # of each key
    rows: dict[int, list[tuple[Any, ...]]] = field(default_factory=dict)
    noted: list[Noted] = field(default_factory=list)


class LogWriter:
    """Owns the writing connection. Callers use `commit` only, and always from one thread."""

    def __init__(
        self,
        db: apsw.Connection,
        *,
        names: Names,
        index: Index,
        sequencer: Sequencer,
        heads: Sequence[int],
        high: Sequence[int],
        clock: Clock,
        codec: Codec,
        compare: Compare | None = None,
    ) -> None:
        self._db = db
        self._names = names
        self._index = index
        self._sequencer = sequencer
        self._next = [head + 1 for head in heads]
        self._high = list(high)
        self._clock = clock
        self._codec = codec
        self._compare = compare
        self._reader = LogReader(len(heads), names, codec)
        self._makers = Makers(db)
        self._wal_pages = 0
        db.set_wal_hook(self._note_wal)

    def commit(self, items: Sequence[Any]) -> Sequence[Any]:
        """Handle a group in one transaction. Raises LogUnavailable; then nothing of the group is stored."""
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
        db, index = self._db, self._index
        index.begin()
        db.execute("BEGIN IMMEDIATE")
        unsaved = list(self._names.unsaved)
        insert(db, "INSERT INTO names VALUES", unsaved)
        accepted = self._sequencer.begin(self._clock.utc_us())
        events = [event for item in items if isinstance(item, Append) for event in item.events]
        owners = None
        if not self._makers.settled(events):
            owners = Ownership(
                db, makers=self._makers, fresh=index.fresh, names=self._names, codec=self._codec, events=events
            )
        known = index.known([event.key_digest for event in events])
        group = _Group(accepted, list(self._next), list(self._high), known, owners, self._before(items, events))
        results = [self._handle(item, group) for item in items]
        self._flush(group)
        index.fold(len(group.noted), [each - 1 for each in self._next])
        db.execute("COMMIT")
        del self._names.unsaved[: len(unsaved)]
        self._makers.commit()
        index.commit(group.noted, accepted)
        self._next = group.next
        self._high = group.high
        return results

    def _before(self, items: Sequence[Any], events: Sequence[Prepared]) -> Before | None:
        if self._compare is None:
            return None
        # Events that continue others are not compared.
        entities = [event.entity for event in events if event.entity is not None and not event.stored.continues]
        for item in items:
            if isinstance(item, Restate):
                entities += item.entities
        return Before(
            self._db, fresh=self._index.fresh, reader=self._reader, compare=self._compare, entities=entities
        )  # fmt: skip

    def _handle(self, item: Any, group: _Group) -> Any:
        match item:
            case Append(events, corrects):
                return self._append(events, corrects, group)
            case Restate(entities):
                return self._restate(entities, group)
            case Trim():
                return self._trim(item, group)
            case Sweep():
                return self._sweep(item)
            case Fold(offsets):
                return self._index.fold_up_to(offsets, [each - 1 for each in self._next], _FOLD_ROWS)
            case _:
                raise TypeError(f"{type(item).__name__} is not a request to the log")

    def _append(
        self, events: Sequence[Prepared], corrects: Corrects, group: _Group
    ) -> Appended | IdConflict | OwnedByAnother:
        new: dict[bytes, Prepared] = {}
        fresh: list[tuple[int, Prepared]] = []
        conflicts: list[int] = []
        for index, event in enumerate(events):
            key = event.key_digest
            same = new.get(key) or group.added.get(key)
            if same is not None:
                if event.content_digest != same.content_digest and not same_meaning(
                    from_json(event.canonical), from_json(same.canonical)
                ):
                    conflicts.append(index)
            elif (found := group.known.get(key)) is not None:
                if content_of(found) != event.content_digest and not self._repeats(event, place_of(found)):
                    conflicts.append(index)
            else:
                new[key] = event
                fresh.append((index, event))
        if conflicts:
            return IdConflict(conflicts)
        if group.owners is not None and (refused := group.owners.judge(fresh, corrects)):
            return OwnedByAnother(refused)
        group.added.update(new)
        if not events:
            # The caller tests whether the log can be written. A transaction without a change would not touch the disk.
            self._db.execute("INSERT INTO names VALUES (-1, '')")
            self._db.execute("DELETE FROM names WHERE number = -1")
        return Appended([self._add(event, group) for _, event in fresh], len(events) - len(fresh))

    def _repeats(self, event: Prepared, at: int) -> bool:
        """Whether the event means the same as the stored event at a place, although it is spelt differently.

        An event that a trim has deleted can't be compared, so the id counts as one with other content.
        """
        for _, row in self._rows_at(at):
            body = self._codec.decode(self._names.unpack(row.subject), row.body)
            return same_meaning(from_json(event.canonical), from_json(rows.canonical_of(body, row.flags)))
        return False

    def _add(self, event: Prepared, group: _Group, again: Again | None = None) -> Stored:
        partition, stored, accepted = event.partition, event.stored, group.accepted
        offset = group.next[partition]
        group.next[partition] = offset + 1
        columns = event.columns
        if event.sequence:
            sequence = event.sequence
        else:
            sequence = self._sequencer.take(stored.key)
            stored.sibling = sibling = group.last.get(stored.key)
            group.last[stored.key] = stored
            if sibling is not None:
                stored.later = True
                columns = (*columns[:-1], event.flags | rows.LATER)
        high = group.high[partition] = max(group.high[partition], sequence)
        stored.at = at = place(partition, offset)
        stored.accepted_us = accepted
        stored.body = body = rows.complete(event.canonical, event.flags, accepted, sequence)
        news = None
        if group.before is not None and event.entity is not None:
            data = event.described.event.data if event.described is not None else stored.parsed.get("data")
            stored.news = group.before.news(event.entity, stored, data, again)
            group.before.note(event.entity, stored)
            if stored.news is not None:
                news = self._codec.encode(stored.subject, stored.news.pack())
        group.rows.setdefault(partition, []).append(
            (offset, accepted, high - accepted, *columns, self._codec.encode(stored.subject, body), news)
        )
        found = pack_found(event.content_digest, at)
        group.noted.append((event.key_digest, found, at, event.entity, event.names, event.stored.continues))
        return stored

    def _flush(self, group: _Group) -> None:
        for partition, added in group.rows.items():
            insert(self._db, f"INSERT INTO events_{partition} VALUES", added)
        group.rows.clear()

    def _restate(self, entities: Mapping[Packed, Again], group: _Group) -> Sequence[Stored]:
        # The earlier events of this group count as state already.
        self._flush(group)
        pending = Fresh()
        pending.note(group.noted)
        fresh = (pending, *self._index.fresh)
        copies: list[Stored] = []
        for entity, again in entities.items():
            for partition, row in self._rows_at(entity_state.place_of(self._db, fresh, entity)):
                old = rows.stored(partition, row, self._names, self._codec)
                type_ = self._whole_type(fresh, entity) if old.continues else None
                copy = rows.copy_of(old, row, partition=partition, names=self._names, whole_type=type_)
                copies.append(self._add(copy, group, again))
        return copies

    def _whole_type(self, fresh: Sequence[Fresh], entity: Packed) -> str | None:
        """The type of the event that an entity's changes were made to; None if the log no longer has that event."""
        for at in entity_state.chain_of(self._db, fresh, entity):
            for _, row in self._rows_at(at):
                if not row.flags & rows.CONTINUES:
                    return self._names.name(row.type)
        return None

    def _rows_at(self, at: int | None) -> Iterator[tuple[int, Row]]:
        """The partition and row of the event at a place; nothing if there is no such event."""
        if at is not None:
            partition, offset = partition_of(Place(at)), offset_of(Place(at))
            for row in self._db.execute(f"SELECT {rows.COLUMNS} FROM events_{partition} WHERE offset = ?", (offset,)):
                yield partition, Row._make(row)

    def _trim(self, item: Trim, group: _Group) -> Trimmed:
        db, partition = self._db, item.partition
        trimmed, folded = db.execute("SELECT trimmed, folded FROM partitions WHERE partition = ?", (partition,)).get
        upto = min(item.upto, folded)  # past `folded` the tables do not yet show which events are state
        bounds = (place(partition, 0), trimmed, upto)
        types = f"({marks(len(item.expiring))})"
        is_state = f"""
            FROM events_{partition} e JOIN state s ON s.entity = e.entity AND s.place = ? + e.offset
            WHERE e.offset > ? AND e.offset <= ? AND e.type"""
        values = (*bounds, *item.expiring)
        db.execute(f"INSERT OR IGNORE INTO spared SELECT s.place, s.entity {is_state} NOT IN {types}", values)
        kept: list[tuple[int, Any, int]] = []
        for found in db.execute(f"SELECT {_EVENT_COLUMNS} {is_state} IN {types}", values).fetchall():
            row = Row._make(found)
            over_us = self._over_us(partition, row, item.expiring[row.type])
            if over_us is not None and over_us >= item.before_us:
                kept.append((place(partition, row.offset), row.entity, over_us))
            else:
                lasting.delete_state(db, row.entity, row.subject)
        lasting.spare(db, kept)
        db.execute(
            f"""INSERT OR IGNORE INTO spared SELECT x.place, x.entity
            FROM events_{partition} e JOIN earlier x ON x.entity = e.entity AND x.place = ? + e.offset
            WHERE e.offset > ? AND e.offset <= ?""",
            bounds,
        )
        db.execute(
            f"""DELETE FROM events_{partition} WHERE offset > ?2 AND offset <= ?3 AND ?1 + offset NOT IN
            (SELECT place FROM spared WHERE place > ?1 + ?2 AND place <= ?1 + ?3)""",
            bounds,
        )
        forgotten = db.changes()
        db.execute(
            "UPDATE partitions SET trimmed = ?, high = ? WHERE partition = ?", (upto, group.high[partition], partition)
        )
        return Trimmed(partition, upto, forgotten)

    def _over_us(self, partition: int, row: Row, field: str) -> int | None:
        return lasting.over_us(rows.stored(partition, row, self._names, self._codec), field) if field else None

    def _sweep(self, item: Sweep) -> Swept:
        db, after, limit = self._db, item.after, item.limit
        lasting.end(db, item.before_us, limit)
        looked = db.execute(
            "SELECT max(place) FROM (SELECT place FROM spared WHERE place > ? ORDER BY place LIMIT ?)", (after, limit)
        ).get
        if looked is None:
            return Swept(None, 0)
        query = """
            SELECT place FROM spared WHERE place > ? AND place <= ?
            AND NOT EXISTS (SELECT 1 FROM state WHERE state.entity = spared.entity AND state.place = spared.place)
            AND NOT EXISTS
            (SELECT 1 FROM earlier WHERE earlier.entity = spared.entity AND earlier.place = spared.place)"""
        gone = [Place(found) for (found,) in db.execute(query, (after, looked))]
        for each in gone:
            db.execute(f"DELETE FROM events_{partition_of(each)} WHERE offset = ?", (offset_of(each),))
            db.execute("DELETE FROM spared WHERE place = ?", (each,))
        return Swept(looked, len(gone))

    def _undo(self) -> None:
        self._index.undo()
        if self._db.in_transaction:  # after some errors SQLite has rolled back already
            with contextlib.suppress(apsw.Error):
                self._db.execute("ROLLBACK")

    def _note_wal(self, db: apsw.Connection, name: str, pages: int) -> int:
        self._wal_pages = pages
        return apsw.SQLITE_OK

    def _checkpoint(self) -> None:
        try:
            self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.Error:
            return  # everything is durable in the WAL; the checkpoint after the next commit tries again
        self._wal_pages = 0
