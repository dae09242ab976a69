"""The provider's index: the place of each entity's state with its facts, so that a page reads only what it shows.

It is no second source of data: it holds places in the log. The hub builds it from the log's state at the first request
for a kind, and it follows the log from then on. Answers are made from the log, after a privacy decision.
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

WITHDRAWN: Final = "se.skolnav.absence.withdrawn.v1"  # counts as deleted: the standard has no withdrawal

log = logging.getLogger(__name__)


def reports_of(tenant: str) -> str:
    """The beginning of the sources of events that clients report by `POST`."""
    return f"urn:skolnav:{tenant}:ss12000:"


class Row:
    """One entity's state. `key` is unique within its kind; `id` is the SS 12000 id (lower case)."""

    __slots__ = (
        "at", "continues", "created_us", "ended", "facts", "id", "key", "leaves", "modified_us", "rests",
        "source",
    )  # fmt: skip

    def __init__(self, *, key: str, stored: Stored, ended: bool, facts: Any, id: str, created_us: int) -> None:
        self.key = key
        self.id = id
        self.at: Place = stored.at
        self.source = intern(stored.source)
        self.ended = ended
        self.facts = facts
        # The time at which the hub accepted the change: a client compares it with its own last visit. A source's own
        # time may be long before that, or in the future (lessons).
        self.modified_us = stored.accepted_us
        self.created_us = min(created_us, stored.accepted_us) if created_us > 0 else stored.accepted_us
        # A client that may see nothing of a change must not see its time either, so the modified time depends on the
        # client.
        self.rests = stored.continues and not ended  # on earlier events, which only the log's file finds
        self.continues = self.rests or (stored.news is not None and not ended)  # a client may see it as it was before
        self.leaves = stored.leaves

    def as_of(self, stored: Stored) -> "Row":
        """The row for a client for which this event is the entity's last one."""
        return Row(
            key=self.key, stored=stored, ended=self.ended, facts=self.facts, id=self.id, created_us=self.created_us
        )


class Table:
    """All entities of one kind."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.rows: dict[str, Row] = {}
        self._ordered: list[str] = []
        self._added: list[str] = []
        self._last: dict[tuple[str, str], Row] = {}  # (pupil, lesson) -> the newest attendance

    def keys(self) -> Sequence[str]:
        """Every key, in order, perhaps also of rows that are gone. The returned list is never changed later."""
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
        """The newest attendance of the same pupil at the same lesson; for rows of other kinds the row itself."""
        facts = row.facts
        return self._last.get((facts.student, facts.lesson), row) if isinstance(facts, Attendance) else row

    def drop(self, row: Row) -> None:
        """Remove a row whose event the log no longer has."""
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
        """All entities of one kind. The first call reads them from the log. Raises LogUnavailable."""
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
        elif table.kind == "presence":  # its key is the person, while clients ask by its own id
            row = next((each for each in table.rows.values() if each.id == id), None)
        else:
            row = table.rows.get(id)
        return row if row is not None and self.holds(table, row) else None

    def holds(self, table: Table, row: Row) -> bool:
        """Whether this row shows the entity.

        If several sources know a person, the owner's row shows the person. If a client reported an attendance that the
        school system sent too, the newer row shows it.
        """
        if table.kind == "attendance":
            return self._instead(table, row) is None
        if table.kind != "person":
            return True
        person = self._directory.persons.get(row.id)
        return person is not None and person.owner.at == row.at and person.known is not row.ended

    def gone_us(self, table: Table, row: Row) -> int | None:
        """The time since which the entity is gone; None if it exists, or if another row shows it.

        A person who became protected is gone as one who was deleted.
        """
        if row.leaves:
            return None if self._directory.superseded(f"{table.kind}/{row.key}") else row.modified_us
        if table.kind == "attendance" and (instead := self._instead(table, row)) is not None:
            return instead.modified_us
        return row.modified_us if row.ended and self.holds(table, row) else None

    def _instead(self, table: Table, row: Row) -> Row | None:
        """The attendance that is shown instead of this one. If the school system has sent both, both are shown."""
        last = table.last_of(row)
        if last.key == row.key or not any(each.source.startswith(self._reports) for each in (row, last)):
            return None
        return last

    async def _load(self, kind: str) -> Table:
        # Registered before the first read, so that `_observe` adds the events that are appended meanwhile.
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
            except Exception as error:  # an observer must not fail; the next request builds the table again
                log.error("ss12000 index: %s of kind %s", type(error).__name__, table.kind)
                self._tables.pop(table.kind, None)
                self._ready.pop(table.kind, None)

    def _put(self, table: Table, stored: Stored) -> None:
        table.put(self.row(table.kind, stored))

    def row(self, kind: str, stored: Stored) -> Row:
        """The row for this state of an entity of this kind."""
        assert stored.entity is not None
        data = stored.parsed.get("data") or {}
        key = stored.entity.partition("/")[2]
        id = data.get("id")
        meta = data.get("meta")
        ended = stored.type in self._ends
        return Row(
            key=key,
            stored=stored,
            ended=ended,
            facts=None if ended else facts(kind, data, stored.accepted_us),
            id=intern(id.lower()) if isinstance(id, str) else key,
            created_us=microseconds(meta.get("created")) if isinstance(meta, dict) else 0,
        )
