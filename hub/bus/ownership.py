# ruff: noqa: S608 - only partition numbers and question marks are put into statements
"""An entity belongs to the source that made it. The writer asks here before it stores another source's event.

Nothing of this is stored by itself: the last event of an entity names the owner, by its own source or, if the event
corrects another source's entity, in the flags of its row. So ownership ends when a trim forgets the entity. It is
judged inside the writer's transaction, in the order of the events: two requests at the same moment get one owner.

A person is an entity for each source (`EventSpec.shared`), and the subject has the owner. The person belongs to no
source any more once the owner has deleted it.

While one source has made all entities of a kind (the school system all lessons), that source owns whatever it names,
and nothing is looked up: each statement would hold up the writer until the busy event loop lets go of the interpreter.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import apsw

from hub.bus import entity_state, rows
from hub.bus.base import Corrects, Place, offset_of, partition_of, place
from hub.bus.codec import Codec
from hub.bus.fresh import Fresh
from hub.bus.names import Names, Packed
from hub.bus.rows import Prepared
from hub.bus.sql import insert, marks, padded

Source = int | str  # as stored: its number in `names`, else its text

_AT_ONCE: Final = 256  # rows in one statement

SCHEMA: Final = """
-- The sources that have sent events about entities of a kind, each as its number in `names`. Rows are never deleted.
CREATE TABLE makers (kind, source, PRIMARY KEY (kind, source)) WITHOUT ROWID;
"""


class Makers:
    """The sources that may own entities of each kind. All methods run inside the writer's transactions."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db
        self._sources: dict[Packed, set[Source]] = {}
        self._new: set[tuple[Packed, Source]] = set()
        for kind, source in db.execute("SELECT kind, source FROM makers"):
            self._sources.setdefault(kind, set()).add(source)

    def settled(self, events: Iterable[Prepared]) -> bool:
        """Each of these events makes an entity of a kind that only its own source makes: nothing is to be judged."""
        sources = self._sources
        for event in events:
            claim = event.claim
            if event.shared is not None or event.placed:
                return False
            if claim is None:
                continue
            makers = sources.get(_kind_of(claim))
            if makers is None or len(makers) > 1 or event.columns[1] not in makers or not event.makes:
                return False
        self._new = set()
        return True

    def contested(self, events: Iterable[Prepared]) -> set[Packed]:
        """The entities of these events that may belong to another source. Counts the events' sources as makers."""
        sources = self._sources
        contested: set[Packed] = set()
        new: set[tuple[Packed, Source]] = set()
        for event in events:
            claim = event.claim
            if claim is None or event.shared is not None:
                continue
            kind, source = _kind_of(claim), event.columns[1]
            makers = sources.get(kind)
            if makers is None or source not in makers:
                new.add((kind, source))
                if makers is None:
                    continue  # no entity of this kind exists
            elif len(makers) == 1 and event.makes:
                continue
            contested.add(claim)
        if new:
            insert(self._db, "INSERT INTO makers VALUES", list(new))
        self._new = new
        return contested

    def commit(self) -> None:
        """The transaction of the last `settled` or `contested` is durable."""
        for kind, source in self._new:
            self._sources.setdefault(kind, set()).add(source)


def _kind_of(entity: Packed) -> Packed:
    return entity[:2] if isinstance(entity, bytes) else entity.partition("/")[0]


def _make(event: Prepared, made: dict[Packed, Source | None]) -> None:
    """Let the event's source own an entity that has no owner, if the event can make one."""
    assert event.claim is not None
    if event.makes:
        made[event.claim] = event.columns[1]
    else:
        event.mark_owner(rows.NO_OWNER)


class Ownership:
    """The owners that one transaction's events may meet. `judge` takes each batch in turn."""

    def __init__(
        self,
        db: apsw.Connection,
        *,
        makers: Makers,
        fresh: Sequence[Fresh],
        names: Names,
        codec: Codec,
        events: Sequence[Prepared],
    ) -> None:
        self._db = db
        self._fresh = fresh
        self._names = names
        self._codec = codec
        # Of entities and persons, without those that have no owner.
        self._held = self._look_up(makers.contested(events), events)
        # Data of events of shared subjects, by entity: of this transaction's stored events, and of the present batch.
        self._records: dict[Packed, Any] = {}
        self._judged: dict[Packed, Any] = {}

    def judge(self, events: Iterable[tuple[int, Prepared]], corrects: Corrects) -> list[tuple[int, str]]:
        """The events that may not be stored: (index, owner) of each.

        If there are none, the events count as stored, and `judge` has written owners and marks into their columns.
        """
        held, refused = self._held, []
        self._judged = {}
        made: dict[Packed, Source | None] = {}
        for index, event in events:
            claim = event.claim
            if event.shared is None and not event.placed:
                if claim is None:
                    continue
                if claim not in held and claim not in made:  # nearly every event makes a new entity
                    _make(event, made)
                    continue
            owner = None
            if claim is not None:
                owner = made[claim] if claim in made else held.get(claim)
                if event.shared is not None:
                    owner = self._judge_shared(event, owner, made)
                elif owner is None:
                    _make(event, made)
            if owner is None or owner == event.source:
                owner = self._placed_by_another(event, made, corrects)
                if owner is None:
                    continue
            elif event.adds or corrects(event.stored.source, self._names.name(owner)):
                event.mark_owner(owner)
                owner = self._placed_by_another(event, made, corrects) if not event.adds else None
                if owner is None:
                    continue
            refused.append((index, self._names.name(owner)))
        if not refused:
            self._records.update(self._judged)
            for claim, owner in made.items():
                if owner is None:
                    held.pop(claim, None)
                else:
                    held[claim] = owner
        return refused

    def _judge_shared(self, event: Prepared, owner: Source | None, made: dict[Packed, Source | None]) -> Source | None:
        """The owner of a shared subject, for this event. Fills in `event.adds`."""
        shared, described = event.shared, event.described
        assert shared is not None
        assert described is not None
        assert event.claim is not None
        assert event.entity is not None
        data = described.event.data
        theirs: Any = None
        if owner is not None and owner != event.source:
            theirs = self._record(f"{described.subject}/{self._names.name(owner)}")
            if theirs is not None and not shared.makes(theirs):
                owner = None  # that record holds no more than a mark
        self._judged[event.entity] = data
        if owner == event.source:
            made[event.claim] = None if described.entry.spec.ends else owner
        elif owner is None:
            if shared.makes(data):
                made[event.claim] = event.source
            else:
                event.adds = True
                event.mark_owner(rows.NO_OWNER)
        elif shared.adds(data, theirs):
            event.adds = True
        return owner

    def _placed_by_another(
        self, event: Prepared, made: Mapping[Packed, Source | None], corrects: Corrects
    ) -> Source | None:
        """The owner of a person whom the event would move; None if there is none."""
        for person in event.placed:
            owner = made[person] if person in made else self._held.get(person)
            if owner is None or owner == event.source:
                continue
            if not corrects(event.stored.source, self._names.name(owner)):
                return owner
        return None

    def _record(self, entity: str) -> Any:
        """The data of an entity's last event; None if the log does not have it."""
        packed = self._names.packed(entity)
        for records in (self._judged, self._records):
            if packed in records:
                return records[packed]
        at = entity_state.place_of(self._db, self._fresh, packed)
        if at is None:
            return None
        query = f"SELECT {rows.COLUMNS} FROM events_{partition_of(Place(at))} WHERE offset = ?"
        for row in self._db.execute(query, (offset_of(Place(at)),)):
            return rows.stored(partition_of(Place(at)), row, self._names, self._codec).parsed.get("data")
        return None

    def _look_up(self, entities: set[Packed], events: Sequence[Prepared]) -> dict[Packed, Source]:
        db, fresh = self._db, self._fresh
        places = entity_state.places_of(db, fresh, entities) if entities else {}
        persons: set[Packed | None] = set()
        for event in events:
            if event.shared is not None:
                persons.add(event.claim)
            if event.placed:
                persons.update(event.placed)
        for claim in persons:
            assert claim is not None
            found = entity_state.under(db, fresh, claim, self._names.unpack(claim))
            if found:
                places[claim] = found[0]
        return self._owners(places, persons) if places else {}

    def _owners(self, places: Mapping[Packed, int], persons: set[Packed | None]) -> dict[Packed, Source]:
        """The owners that the events at these places name."""
        offsets: dict[int, list[int]] = defaultdict(list)
        for at in places.values():
            offsets[partition_of(Place(at))].append(offset_of(Place(at)))
        named: dict[int, tuple[Source, int]] = {}
        for partition, wanted in offsets.items():
            for start in range(0, len(wanted), _AT_ONCE):
                some = padded(wanted[start : start + _AT_ONCE])
                query = f"SELECT offset, source, flags FROM events_{partition} WHERE offset IN ({marks(len(some))})"
                for offset, source, flags in self._db.execute(query, some):
                    named[place(partition, offset)] = source, flags
        owners: dict[Packed, Source] = {}
        for claim, at in places.items():
            if at not in named:
                continue
            source, flags = named[at]
            owner = flags >> rows.OWNER_BITS
            released = claim in persons and not owner and flags & rows.CONTINUES
            if not released and owner != rows.NO_OWNER:
                owners[claim] = owner or source
        return owners
