"""Marks of entities that were withheld because of a person, and the task that restates them once they are permitted.

A mark names an entity that was withheld from a recipient, and the person (or the missing fact) that was the reason:
a person's id (the person's protection), `duty/<id>` (whose duty it is), `organisation/<id>` (where it is in the tree),
and the names of `hub.privacy.scope`.

When the directory changes for that person or fact, the entity is restated: its state goes through the log once more,
and through the gate, as news for those recipients from whom it was withheld. Entities about persons who have moved are
restated for whoever did not see them where they were, and entities about, or with, persons who have returned (from a
protection or a deletion) for whoever sees these persons. Of persons who become protected the log tells once, as of a
deletion.

Nothing here decides: a second denial makes a second mark, which waits for the next change. A crash between restating
the entities and deleting their marks restates them twice. Any other restart restates nothing: a mark whose fact is
still missing stays.
"""

import asyncio
import contextlib
import logging
from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta
from typing import Final

from hub.bus.base import LEFT, Left, Log, Position
from hub.bus.news import Again, Belongings
from hub.directory.directory import Directory, Protection
from hub.directory.tables import Change
from hub.pauses import away_s
from hub.privacy import departures
from hub.privacy.beside import Beside
from hub.privacy.scope import PLACE, SCHOOL_TYPE
from hub.store import notes
from hub.store import withheld as rows
from hub.store.base import Operation, Store, StoreUnavailable
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
        self._entities: dict[str, Again] = {}
        # Person -> where they belonged before, and whether the person's own entity is to be restated too.
        self._moved: dict[str, tuple[Belongings, bool]] = {}
        self._returned: dict[str, bool] = {}  # the same for persons who have returned
        self._left: dict[str, Left] = {}  # persons who became protected: recipients are told as of a deletion
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._task: asyncio.Task[None] | None = None
        self.beside = Beside(store, directory.clock)

    async def start(self) -> None:
        """Load the marks, examine all of them once, then follow the directory.

        Raises StoreUnavailable, LogUnavailable.
        """
        names = await self._store.read(rows.persons(self._tenant))
        self.keep(await self._store.read(rows.of(self._tenant, names)))
        noted = (await self._store.read(notes.load(self._tenant))).get(notes.LEFT_READ)
        if noted is not None:
            read_to = Position.unpack(bytes.fromhex(noted.value))
            for left in await departures.untold(self._log, self._directory, read_to):
                self._left[left.person] = left
        self._directory.listen(self._changed)
        self._free([name for name in self._marks if self._is_known(name)], ())
        if self._left:
            self._wake()
        await self.tidy()
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            with contextlib.suppress(StoreUnavailable):  # the next start reads the log from the last note
                await self.tidy()
        await self.beside.stop()

    async def tidy(self) -> None:
        """Note that all who became protected have been told of, so that the next start has little to read.

        Raises StoreUnavailable.
        """
        if not self._left:
            head = self._log.head().pack().hex()
            now = self._directory.clock.utc()
            await self._store.commit(notes.put(self._tenant, notes.LEFT_READ, now, head))

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
        directory, yesterday = self._directory, (today - timedelta(days=1)).isoformat()
        now_us = directory.clock.utc_us()
        for person in directory.starting(today):
            self._moved[person] = tuple(directory.belongings(person, yesterday, now_us)), True
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
        for name, places in change.left.items():
            if (left := departures.left(self._directory, name, places, change.accepted_us)) is not None:
                self._left[name] = left
                self._wake()
        for name, came_from in change.moved.items():
            self._moved.setdefault(name, (came_from, False))
            self._wake()
        for name in change.returned:
            self._returned[name] = self._returned.get(name, False) or self._own(name) not in change.entities
            self._wake()
        # An event by which a person returns, or gets a place, is news for those who wait for that. Restating its entity
        # would deliver it twice.
        own = change.entities & {self._own(name) for name in change.names if name in self._directory.persons}
        self._free([name for name in touched if "/" in name], own)
        self._free([name for name in touched if "/" not in name], own & {self._own(name) for name in change.returned})

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
                    person = "" if "/" in name else name
                    persons = frozenset({name.removeprefix("duty/")})
                    marked = frozenset((recipient, person) for recipient in recipients)
                    self._restate_for(entity, Again(recipients=marked, persons=persons))
        if self._freed:
            self._wake()

    def _own(self, person: str) -> str:
        """The entity that holds a person's data."""
        return f"person/{person}/{self._directory.persons[person].owner.source}"

    def _restate_for(self, entity: str, again: Again) -> None:
        known = self._entities.get(entity)
        self._entities[entity] = again if known is None else known | again

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
            moved, self._moved = self._moved, {}
            returned, self._returned = self._returned, {}
            entities: dict[str, Again] = {}
            try:
                await self._tell()
                await self._find(moved, returned)
                entities, self._entities = self._entities, {}
                await self._restate(entities)
                gone = [mark for mark in freed if not self._has(mark)]
                await self._store.commit(rows.remove(self._tenant, gone))
            except Exception as error:  # of any kind: without these marks their entities would never be restated
                failures += 1
                pause_s = away_s(failures)
                log.error("restating withheld entities failed (%s); next try in %.1f s", type(error).__name__, pause_s)
                self._freed += freed
                for entity, again in entities.items():
                    self._restate_for(entity, again)
                self._moved = self._moved | moved
                for person, own_entity in returned.items():
                    self._returned[person] = self._returned.get(person, False) or own_entity
                await self._directory.clock.sleep(pause_s)
                self._work.set()
            else:
                failures = 0
            if not self._work.is_set():
                self._idle.set()

    async def _tell(self) -> None:
        """Tell of those who became protected, as of a deletion. They are noted here until that is durable."""
        leaving = dict(self._left)
        told = [each for each in leaving.values() if not self._directory.superseded(f"person/{each.person}/{LEFT}")]
        for start in range(0, len(told), PAGE):
            await self._log.leave(told[start : start + PAGE])
        for person, left in leaving.items():
            if self._left.get(person) is left:
                del self._left[person]
        if leaving:
            await self.tidy()

    async def _find(self, moved: Mapping[str, tuple[Belongings, bool]], returned: Mapping[str, bool]) -> None:
        """All entities about persons who have moved, since a scope may begin to match any of them, and all entities
        with persons who have returned.
        """
        for person, (came_from, own_entity) in moved.items():
            for each in await self._log.states_about(person):
                if each.entity is None or each.leaves:
                    continue
                if own_entity or not each.entity.startswith("person/"):
                    self._restate_for(each.entity, Again(came_from=came_from))
        directory = self._directory
        for person, own_entity in returned.items():
            entities = [f"duty/{duty}" for duty in directory.duties_of(person)]
            entities += [f"diet/{diet}" for diet in directory.diets_of(person)]
            if own_entity:
                entities.append(self._own(person))
            for entity in entities:
                self._restate_for(entity, Again(returned=True))
            for group in directory.groups_of(person):
                self._restate_for(f"group/{group}", Again(persons=frozenset({person})))

    def _has(self, mark: Withheld) -> bool:
        return mark.recipient in self._marks.get(mark.person, {}).get(mark.entity, ())

    async def _restate(self, entities: Mapping[str, Again]) -> None:
        wanted = [entity for entity in sorted(entities) if not self._directory.superseded(entity)]
        for start in range(0, len(wanted), PAGE):
            await self._log.restate({entity: entities[entity] for entity in wanted[start : start + PAGE]})
