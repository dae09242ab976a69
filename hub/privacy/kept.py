"""Protections that outlive their records: kept in the store, and applied to the directory at each start.

The log forgets a deleted person when the retention has passed, and a record's earlier mark when a newer record has
none. The protection goes on all the same: it ends by its own source's Ingen, or by an officer (`lift`).

The rows follow the log: they are written after the event's publisher has its answer. The note MARKS_READ says how far
they have come. After a crash the start reads what the log has after that position, so no mark is lost between.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from typing import Final

from hub.bus.base import Log, Position, Stored, Wanted
from hub.clock import Clock
from hub.directory import records
from hub.directory.directory import Directory
from hub.directory.records import Mark
from hub.pauses import until_it_works
from hub.privacy.disclosures import Disclosures
from hub.store import audit, kept_marks, notes
from hub.store.base import Store, StoreUnavailable
from hub.store.kept_marks import KeptMark
from hub.tasks import Tasks

_PERSON: Final = "se.skolnav.directory.person."
_PAGE: Final = 1000

log = logging.getLogger(__name__)


class NotProtected(LookupError):
    """No source protects the person."""


class StillProtected(Exception):
    """A source that still has the person says that the person is protected. `sources`: which."""

    def __init__(self, sources: Iterable[str]) -> None:
        self.sources = tuple(sources)
        super().__init__("a source still protects the person")


class KeptMarks:
    """Keeps the rows as the directory has the protections, from `start` to `stop`."""

    def __init__(
        self, store: Store, event_log: Log, directory: Directory, disclosures: Disclosures, clock: Clock
    ) -> None:
        self._disclosures = disclosures
        self._store = store
        self._log = event_log
        self._directory = directory
        self._clock = clock
        self._changed: set[tuple[str, str]] = set()  # (person, source), to be written
        self._work = asyncio.Event()
        self._writing = asyncio.Lock()  # a lifted mark is not written over by what the directory had before
        self._tasks = Tasks()

    async def start(self) -> None:
        """Give the directory what the store has kept, after `Directory.load` and before anything is appended.

        Raises StoreUnavailable, LogUnavailable.
        """
        tenant = self._store.tenant
        rows = await self._store.read(kept_marks.load(tenant))
        noted = (await self._store.read(notes.load(tenant))).get(notes.MARKS_READ)
        read_to = Position.unpack(bytes.fromhex(noted.value)) if noted is not None else None
        marks = {(mark.person, mark.source): mark for mark in rows}
        if read_to is not None:
            await self._catch_up(marks, read_to)
        void = self._directory.remember(marks.values())
        known = self._directory.protected()
        lifted = {key for key, mark in marks.items() if mark.lifted}.difference(
            (mark.person, mark.source) for mark in void
        )
        self._changed = known | ({(mark.person, mark.source) for mark in rows} - lifted)
        self._directory.on_marks = self._note
        await self._write()
        self._tasks.start(self._run(), "kept marks")

    async def stop(self) -> None:
        await self._tasks.stop()
        with contextlib.suppress(StoreUnavailable):  # the next start reads the log from where the rows have come
            await self._write()

    async def tidy(self) -> None:
        """Note how far the rows have come, so that the next start has little to read. Raises StoreUnavailable."""
        await self._write()

    async def lift(self, person: str, *, actor: str, reason: str) -> tuple[str, ...]:
        """End a protection that no source will end, and return the sources whose marks these were.

        The row of the audit is durable before anything is lifted. It has the pseudonym that the log of disclosures uses
        for the person, and the officer's own words, which must name no person: operators read the audit.

        Raises NotProtected, StillProtected, StoreUnavailable.
        """
        tenant = self._store.tenant
        async with self._writing:
            found = self._directory.persons.get(person)
            protecting = found.protecting if found is not None else ()
            if not protecting:
                raise NotProtected
            if said := [each.source for each in protecting if not (each.gone or each.held)]:
                raise StillProtected(said)
            lifted = [KeptMark(person=person, source=each.source, at=each.at, lifted=True) for each in protecting]
            target = f"{self._disclosures.subject(person)}: {reason}"
            note = audit.add(tenant, self._clock.utc(), actor=actor, action="protection.lifted", target=target)
            await self._store.commit(note, kept_marks.put(tenant, lifted))
            # A source may have said meanwhile that the person is protected. That is a new mark, and its row follows.
            now = {each.source: each.at for each in self._directory.persons[person].protecting}
            for mark in lifted:
                if now.get(mark.source) == mark.at:
                    self._directory.lift(person, mark.source)
        return tuple(mark.source for mark in lifted)

    def _note(self, changed: set[tuple[str, str]]) -> None:
        self._changed |= changed
        self._work.set()

    async def _run(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            # After a failure of any kind: the marks must be written some time.
            await until_it_works(self._write, clock=self._clock, failed=_log_failure)

    async def _write(self) -> None:
        """Write what has changed, and how far the rows have come."""
        tenant = self._store.tenant
        async with self._writing:
            head = self._log.head()
            changed, self._changed = self._changed, set()
            marks = {key: self._directory.kept_mark(*key) for key in changed}
            try:
                await self._store.commit(
                    kept_marks.put(tenant, [mark for mark in marks.values() if mark is not None]),
                    kept_marks.remove(tenant, [key for key, mark in marks.items() if mark is None]),
                    notes.put(tenant, notes.MARKS_READ, self._clock.utc(), head.pack().hex()),
                )
            except BaseException:
                self._changed |= changed
                raise

    async def _catch_up(self, marks: dict[tuple[str, str], KeptMark], read_to: Position) -> None:
        """Bring the rows up to what the log says after a position."""
        wanted = Wanted(type=lambda type_: type_.startswith(_PERSON))
        events: list[Stored] = []
        upto: Position | None = None
        while True:
            found = await self._log.search(wanted, after=read_to, upto=upto, limit=_PAGE)
            events += found.events
            upto = found.upto
            if upto is None:
                break
        for stored in reversed(events):
            _apply(marks, stored)


def _log_failure(error: Exception, pause_s: float) -> None:
    log.error("keeping protections failed (%s); next try in %.1f s", type(error).__name__, pause_s)


def _apply(marks: dict[tuple[str, str], KeptMark], stored: Stored) -> None:
    """Bring the rows up to what one event says."""
    if ".deleted." in stored.type:
        return
    key = (stored.subject.partition("/")[2], stored.source)
    try:
        record = records.read_person(stored.source, stored.at, stored.parsed.get("data") or {})
    except Exception:
        return  # such an object ends no protection and begins none
    before = marks.get(key)
    if record.mark is Mark.PROTECTED:
        guardians = before.guardians if before is not None else ()
        marks[key] = KeptMark(
            person=key[0], source=key[1], at=stored.at, guardians=tuple(dict.fromkeys((*record.guardians, *guardians)))
        )
    elif record.mark is Mark.NONE:
        marks.pop(key, None)
