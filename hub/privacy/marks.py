"""Marks of entities that were withheld because of a person, and the task that restates them once they are permitted.

A mark names an entity that was withheld from a recipient, and the person (or the missing fact) that was the reason:
a person's id (the person's protection), `duty/<id>` (whose duty it is), `organisation/<id>` (where it is in the tree),
and the names of `hub.privacy.scope`.

When the directory changes for that person or fact, the entity is restated: its state goes through the log once more,
and through the gate. Nothing here decides: a second denial makes a second mark, which waits for the next change. A
crash between restating the entities and deleting their marks restates them twice. Any other restart restates nothing:
a mark whose fact is still missing stays.
"""

import asyncio
import contextlib
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Final

from hub.bus.base import Log
from hub.directory.directory import Directory, Protection
from hub.directory.tables import Change
from hub.pauses import away_s
from hub.privacy.beside import Beside
from hub.privacy.scope import PLACE, SCHOOL_TYPE
from hub.store import withheld as rows
from hub.store.base import Operation, Store
from hub.store.withheld import Withheld

PAGE: Final = 500  # the most entities in one call of `Log.restate`

_UNDECIDED: Final = "undecided/"

log = logging.getLogger(__name__)


def undecided(entity: str, recipient: str) -> Withheld:
    """The mark of an entity that was left out of an answer because deciding on it failed.

    No event announces that the gate's fault is over. Such an entity is restated at the next start of the hub, which may
    run a corrected version, and once a day.
    """
    return Withheld(f"{_UNDECIDED}{entity}", entity, recipient)


class WithheldMarks:
    """All marks in memory, by the person or fact that they wait for; `start` loads them and examines each once."""

    def __init__(self, store: Store, log: Log, directory: Directory, tenant: str) -> None:
        self._store = store
        self._log = log
        self._directory = directory
        self._tenant = tenant
        self._marks: dict[str, dict[str, set[str]]] = {}  # name -> entity -> recipients
        self._freed: list[Withheld] = []  # removed from `_marks`; their rows are deleted once `_entities` are restated
        self._entities: set[str] = set()
        self._moved: dict[str, bool] = {}  # person -> whether the person's own entity is to be restated too
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._task: asyncio.Task[None] | None = None
        self.beside = Beside(store, directory.clock)

    async def start(self) -> None:
        """Load the marks, examine all of them once, then follow the directory. Raises StoreUnavailable."""
        names = await self._store.read(rows.persons(self._tenant))
        self.keep(await self._store.read(rows.of(self._tenant, names)))
        self._directory.listen(self._changed)
        self._free([name for name in self._marks if self._is_known(name)], ())
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self.beside.stop()

    async def settled(self) -> None:
        """Return when all changes so far have been examined and the entities that they freed have been restated."""
        await self.beside.save()
        await self._idle.wait()

    def keep(self, marks: Iterable[Withheld]) -> None:
        """Add marks in memory. Call it in the turn of the decision; `rows` makes them durable."""
        for mark in marks:
            self._marks.setdefault(mark.person, {}).setdefault(mark.entity, set()).add(mark.recipient)

    def examine(self, names: Iterable[str]) -> None:
        """Examine marks that were made later than their decision: the directory may have changed between."""
        self._free([name for name in names if name in self._marks], ())

    def rows(self, marks: Iterable[Withheld]) -> Operation:
        """The rows of these marks, for the commit of their decisions."""
        return rows.add(self._tenant, marks)

    def new_day(self, today: date) -> None:
        """Examine the marks that a new day frees without an event: enrolments that begin, and undecided events.

        Call it after midnight.
        """
        self._free([name for name in self._marks if name.startswith(_UNDECIDED)], ())
        starting = self._directory.starting(today)
        if starting:
            self._moved.update(dict.fromkeys(starting, True))
            self._wake()

    # -- following the directory --------------------------------------------------------------------------------

    def _changed(self, change: Change) -> None:
        names = (prefix + name for name in change.names for prefix in ("", PLACE, SCHOOL_TYPE))
        touched = [name for name in names if name in self._marks]
        if change.refreshed:
            persons = self._directory.persons
            touched += [
                name
                for name in self._marks
                if (person := persons.get(name)) is not None and person.owner.source in change.refreshed
            ]
        if change.moved:
            for name in change.moved:
                self._moved.setdefault(name, False)
            self._wake()
        # The gate decides anyway on the event that caused the change. Restating its entity would deliver it twice.
        self._free(touched, change.entities)

    def _free(self, names: Iterable[str], arriving: Collection[str]) -> None:
        """Remove the marks that may have become void, in this turn: a mark that is made later is a new one.

        `arriving`: entities that need no restating, since an event about each is on its way.
        """
        for name in names:
            if name not in self._marks or not self._may_be_free(name):
                continue
            for entity, recipients in self._marks.pop(name).items():
                self._freed += [Withheld(name, entity, recipient) for recipient in recipients]
                if entity not in arriving:
                    self._entities.add(entity)
        if self._freed:
            self._wake()

    def _is_known(self, name: str) -> bool:
        """Whether the fact that this name stands for is there now: asked once, at the start."""
        directory, rest = self._directory, name.partition("/")[2]
        if name.startswith((PLACE, SCHOOL_TYPE)):
            belongings = self._belongings(rest)
            if name.startswith(PLACE):
                return bool(belongings)
            return any(type_ is not None or directory.school_types(each) for each, type_ in belongings)
        if name.startswith("duty/"):
            return directory.duty_person(rest) is not None
        return not name.startswith("organisation/") or rest in directory.organisations

    def _belongings(self, name: str) -> Collection[tuple[str, str | None]]:
        """Where a person, or an entity (`group/<id>`), belongs today."""
        directory = self._directory
        kind, _, id = name.rpartition("/")
        if not kind:
            clock = directory.clock
            return directory.belongings(id, clock.school().date().isoformat(), clock.utc_us())
        organisation, type_ = (id, None) if kind == "organisation" else directory.owner_of(id)
        return [] if organisation is None else [(organisation, type_)]

    def _may_be_free(self, name: str) -> bool:
        """Whether the gate might now permit what waits for this name."""
        if "/" in name:
            return True  # a fact that has changed, so the directory knows it now; or undecided
        return self._directory.protection(name, self._directory.clock.utc()) is Protection.OPEN

    def _wake(self) -> None:
        self._idle.clear()
        self._work.set()

    async def _run(self) -> None:
        failures = 0
        while True:
            await self._work.wait()
            self._work.clear()
            freed, self._freed = self._freed, []
            entities, self._entities = self._entities, set()
            moved, self._moved = self._moved, {}
            try:
                entities |= await self._known_about(moved)
                await self._restate(sorted(entities))
                gone = [mark for mark in freed if not self._has(mark)]
                await self._store.commit(rows.remove(self._tenant, gone))
            except Exception as error:  # of any kind: without these marks their entities would never be restated
                failures += 1
                pause_s = away_s(failures)
                log.error("restating withheld entities failed (%s); next try in %.1f s", type(error).__name__, pause_s)
                self._freed += freed
                self._entities |= entities
                self._moved = moved | self._moved
                await self._directory.clock.sleep(pause_s)
                self._work.set()
            else:
                failures = 0
            if not self._work.is_set():
                self._idle.set()

    async def _known_about(self, moved: Mapping[str, bool]) -> set[str]:
        """All entities about persons who have moved: a scope may begin to match any of them."""
        found: set[str] = set()
        for person, own_entity in moved.items():
            for each in await self._log.states_about(person):
                if each.entity is not None and (own_entity or not each.entity.startswith("person/")):
                    found.add(each.entity)
        return found

    def _has(self, mark: Withheld) -> bool:
        return mark.recipient in self._marks.get(mark.person, {}).get(mark.entity, ())

    async def _restate(self, entities: Sequence[str]) -> None:
        wanted = [entity for entity in entities if not self._directory.superseded(entity)]
        for start in range(0, len(wanted), PAGE):
            await self._log.restate(wanted[start : start + PAGE])
