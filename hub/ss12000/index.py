"""Where the state of each entity stands, with the values that are asked for: so that a page reads nothing else.

No second truth: it holds places in the log, is made from the log's state when a kind is first asked for, and follows
the log from then on. What leaves is read from the log, and decided on.
"""

import asyncio
import bisect
import logging
from collections.abc import Sequence
from sys import intern
from typing import Any, Final

from hub.bus.base import Log, Place, Stored
from hub.directory.directory import Directory
from hub.ss12000.facts import Attendance, facts, microseconds
from schemas import Catalogue

WITHDRAWN: Final = "se.skolnav.absence.withdrawn.v1"  # for the standard, which knows no withdrawing, it is gone

log = logging.getLogger(__name__)


def reports_of(tenant: str) -> str:
    """How the sources of what clients report by `POST` begin."""
    return f"urn:skolnav:{tenant}:ss12000:"


class Row:
    """One entity's state. `key` tells it from others of its kind; `id` is the SS 12000 id (lower case)."""

    __slots__ = ("at", "continues", "created_us", "ended", "facts", "id", "key", "modified_us", "source")

    def __init__(self, key: str, stored: Stored, ended: bool, facts: Any, id: str, created_us: int) -> None:
        self.key = key
        self.id = id
        self.at: Place = stored.at
        self.source = intern(stored.source)
        self.ended = ended
        self.facts = facts
        # When the hub took it: what a client compares with its own last visit. A source's own time may be long before
        # the hub heard of the change, or in the future (lessons).
        self.modified_us = stored.accepted_us
        self.created_us = min(created_us, stored.accepted_us) if created_us > 0 else stored.accepted_us
        # For whom nothing is left of a change, it was not modified by it: when it was depends on who asks.
        self.continues = stored.continues and not ended

    def as_of(self, stored: Stored) -> "Row":
        """For whom this event is the entity's last."""
        return Row(self.key, stored, self.ended, self.facts, self.id, self.created_us)


class Table:
    """All entities of one kind."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.rows: dict[str, Row] = {}
        self._ordered: list[str] = []
        self._added: list[str] = []
        self._last: dict[tuple[str, str], Row] = {}  # of a pupil's attendances at a lesson, the one told last

    def keys(self) -> Sequence[str]:
        """Every key, in order; some may be gone. A list that nobody changes any more."""
        if self._added:
            merged = self._ordered + sorted(self._added)
            merged.sort()
            self._ordered, self._added = merged, []
        return self._ordered

    def put(self, row: Row) -> None:
        old = self.rows.get(row.key)
        if old is not None and old.at >= row.at:
            return
        self.rows[row.key] = row
        if old is None:
            self._added.append(row.key)
        if isinstance(row.facts, Attendance):
            pair = (row.facts.student, row.facts.lesson)
            last = self._last.get(pair)
            if last is None or last.at < row.at:
                self._last[pair] = row

    def last_of(self, row: Row) -> Row:
        """Of the attendances of the same pupil at the same lesson, the one told last; of anything else itself."""
        facts = row.facts
        return self._last.get((facts.student, facts.lesson), row) if isinstance(facts, Attendance) else row

    def drop(self, row: Row) -> None:
        """Its event is no longer kept."""
        if self.rows.get(row.key) is row:
            del self.rows[row.key]
            keys = list(self.keys())
            at = bisect.bisect_left(keys, row.key)
            if at < len(keys) and keys[at] == row.key:
                del keys[at]
            self._ordered = keys


class Index:
    """The tables, by kind. Runs on the event loop."""

    def __init__(self, log: Log, catalogue: Catalogue, directory: Directory, tenant: str) -> None:
        self._log = log
        self._reports = reports_of(tenant)
        self._directory = directory
        self._ends = {entry.type for entry in catalogue if entry.spec.ends} | {WITHDRAWN}
        self._tables: dict[str, Table] = {}
        self._ready: dict[str, asyncio.Future[Table]] = {}
        log.observe(self._observe)

    async def table(self, kind: str) -> Table:
        """All of one kind; read from the log the first time. Raises LogUnavailable."""
        ready = self._ready.get(kind)
        if ready is None:
            ready = self._ready[kind] = asyncio.ensure_future(self._load(kind))
        try:
            return await asyncio.shield(ready)
        except BaseException:
            if ready.done() and (ready.cancelled() or ready.exception() is not None):
                self._ready.pop(kind, None)
            raise

    def ended(self, type_: str) -> bool:
        """Whether an entity is gone after an event of this type."""
        return type_ in self._ends

    def find(self, table: Table, id: str) -> Row | None:
        """The entity with this SS 12000 id, gone or not."""
        if table.kind == "person":
            person = self._directory.persons.get(id)
            row = table.rows.get(f"{id}/{person.owner.source}") if person is not None else None
        elif table.kind == "presence":  # kept per person, asked for by its own id
            row = next((each for each in table.rows.values() if each.id == id), None)
        else:
            row = table.rows.get(id)
        return row if row is not None and self.holds(table, row) else None

    def holds(self, table: Table, row: Row) -> bool:
        """Whether this is the entity's last word: of a person whom several sources know, the owner's; of a pupil's
        attendance at a lesson that was reported here and came by its school system too, the later.
        """
        if table.kind == "attendance":
            return self._instead(table, row) is None
        if table.kind != "person":
            return True
        person = self._directory.persons.get(row.id)
        return person is not None and person.owner.at == row.at and person.known is not row.ended

    def gone_us(self, table: Table, row: Row) -> int | None:
        """Since when the entity is gone; None if it is there, or is another row's to tell of."""
        if table.kind == "attendance" and (instead := self._instead(table, row)) is not None:
            return instead.modified_us
        return row.modified_us if row.ended and self.holds(table, row) else None

    def _instead(self, table: Table, row: Row) -> Row | None:
        """What is told in place of this attendance. Two that a school system has sent itself are both told."""
        last = table.last_of(row)
        if last.key == row.key or not any(each.source.startswith(self._reports) for each in (row, last)):
            return None
        return last

    async def _load(self, kind: str) -> Table:
        # In the table's place before the first read: what is appended meanwhile is put in by `_observe`.
        table = self._tables[kind] = Table(kind)
        after = ""
        while page := await self._log.states((kind,), after):
            for number, stored in enumerate(page):
                self._put(table, stored)
                if number % 200 == 199:
                    await asyncio.sleep(0)
            after = page[-1].entity or ""
        return table

    def _observe(self, batch: Sequence[Stored]) -> None:
        for stored in batch:
            if stored.entity is None:
                continue
            table = self._tables.get(stored.entity.partition("/")[0])
            if table is None:
                continue
            try:
                self._put(table, stored)
            except Exception as error:  # an observer must not fail; the table is made anew
                log.error("ss12000 index: %s of kind %s", type(error).__name__, table.kind)
                self._tables.pop(table.kind, None)
                self._ready.pop(table.kind, None)

    def _put(self, table: Table, stored: Stored) -> None:
        table.put(self.row(table.kind, stored))

    def row(self, kind: str, stored: Stored) -> Row:
        """The row of an entity of this kind whose state this is."""
        assert stored.entity is not None
        data = stored.parsed.get("data") or {}
        key = stored.entity.partition("/")[2]
        id = data.get("id")
        meta = data.get("meta")
        ended = stored.type in self._ends
        return Row(
            key,
            stored,
            ended,
            None if ended else facts(kind, data, stored.accepted_us),
            intern(id.lower()) if isinstance(id, str) else key,
            microseconds(meta.get("created")) if isinstance(meta, dict) else 0,
        )
