# ruff: noqa: S608 - only partition numbers are put into statements
"""Queries on the log's file. Each method runs in a reader's thread, on a connection that shows one moment."""

from collections.abc import Collection, Iterable, Sequence

import apsw

from hub.bus import digests, entity_state, rows
from hub.bus.base import Place, Stored, offset_of, partition_of, place
from hub.bus.codec import Codec
from hub.bus.fresh import Fresh
from hub.bus.names import Names, pack_id
from hub.bus.siblings import Siblings, before

Shares = Sequence[tuple[int, int]]
"""Pairs of a partition and the number of events to read from it."""


class LogReader:
    """Queries over the tables. Callers pass the part of the indexes in memory (`fresh`), read before the snapshot."""

    def __init__(self, partitions: int, names: Names, codec: Codec) -> None:
        self._partitions = partitions
        self._names = names
        self._codec = codec
        self._siblings = Siblings(partitions, names, codec)

    def scan(
        self, db: apsw.Connection, *, offsets: Sequence[int], heads: Sequence[int], shares: Shares, limit_bytes: int
    ) -> list[Stored]:
        """For each partition: its share of events after its offset, up to its head."""
        found: list[Sequence[Stored]] = []
        names, codec = self._names, self._codec
        for partition, share in shares:
            query = f"SELECT {rows.COLUMNS} FROM events_{partition} WHERE offset > ? AND offset <= ? LIMIT ?"
            events: list[Stored] = []
            size = 0
            for row in db.execute(query, (offsets[partition], heads[partition], share)):
                event = rows.stored(partition, row, names, codec)
                events.append(event)
                size += len(event.body)
                if size > limit_bytes:
                    break
            found.append(events)
        page = within(found, limit_bytes)
        self._siblings.link(db, page)
        return page

    def fetch(self, db: apsw.Connection, places: Iterable[int]) -> list[Stored]:
        """The events at these places, without those that have been deleted."""
        found = self._fetch(db, places)
        self._siblings.link(db, found)
        return found

    def _fetch(self, db: apsw.Connection, places: Iterable[int]) -> list[Stored]:
        found: list[Stored] = []
        for at in map(Place, places):
            query = f"SELECT {rows.COLUMNS} FROM events_{partition_of(at)} WHERE offset = ?"
            rows_there = db.execute(query, (offset_of(at),))
            found += [rows.stored(partition_of(at), row, self._names, self._codec) for row in rows_there]
        return found

    def find(self, db: apsw.Connection, fresh: Sequence[Fresh], source: str, id_: str) -> list[Stored]:
        """The event with this source and id, or an empty list if the log does not have it."""
        key = rows.key_digest(source, id_)
        for newer in fresh:
            if (hit := newer.digests.get(key)) is not None:
                return self.fetch(db, [digests.place_of(hit)])
        at = digests.find(db, key)
        if at is not None:
            return self.fetch(db, [at])
        # No index reaches back past the duplicate window, so the rows of older events are searched.
        number = self._names.known(source)
        for partition in range(self._partitions):
            query = f"SELECT offset FROM events_{partition} WHERE accepted < ? AND id = ? AND source = ?"
            values = (digests.reach_back_to(db), pack_id(id_), source if number is None else number)
            for (offset,) in db.execute(query, values):
                return self.fetch(db, [place(partition, offset)])
        return []

    def before(self, db: apsw.Connection, lows: Sequence[int], heads: Sequence[int], since: int) -> list[int]:
        """For each partition the last offset accepted before `since`, but not below its offset in `lows`."""
        return [
            before(db, partition, low=low, head=head, since=since)
            for partition, (low, head) in enumerate(zip(lows, heads, strict=True))
        ]

    def oldest(self, db: apsw.Connection, lows: Sequence[int]) -> int | None:
        """Acceptance time of the oldest event past these offsets; None if there is none."""
        times = [
            db.execute(f"SELECT accepted FROM events_{partition} WHERE offset > ? ORDER BY offset LIMIT 1", (low,)).get
            for partition, low in enumerate(lows)
        ]
        return min((time for time in times if time is not None), default=None)

    def states(
        self, db: apsw.Connection, fresh: Sequence[Fresh], *, kinds: Sequence[str], after: str, limit: int
    ) -> list[Stored]:
        places = entity_state.page(db, fresh, names=self._names, kinds=kinds, after=after, limit=limit)
        return self.fetch_states(db, fresh, places)

    def entities(self, db: apsw.Connection, fresh: Sequence[Fresh], kind: str) -> list[str]:
        return [self._names.unpack(each) for each in entity_state.of_kind(db, fresh, names=self._names, kind=kind)]

    def states_named(self, db: apsw.Connection, fresh: Sequence[Fresh], entities: Sequence[str]) -> list[Stored]:
        packed = [self._names.packed(each) for each in entities]
        places = entity_state.places_of(db, fresh, packed)
        return self.fetch_states(db, fresh, [places[each] for each in packed if each in places])

    def states_of(
        self, db: apsw.Connection, fresh: Sequence[Fresh], name: str, kinds: Collection[str] | None = None
    ) -> list[Stored]:
        """State of the entities that the index finds by a name, perhaps too many: the caller checks each event."""
        places = entity_state.of_name(db, fresh, self._names.packed(name), self._names.of_kinds(kinds))
        return self.fetch_states(db, fresh, places)

    def fetch_states(self, db: apsw.Connection, fresh: Sequence[Fresh], places: Iterable[int]) -> list[Stored]:
        """As `fetch`, each event with the events that it rests on, and with what its recipient's number rests on."""
        found = self.fetch_chains(db, fresh, places)
        events = [event for each in found for event in (each, *each.earlier)]
        self._siblings.link(db, events)
        self._siblings.recall(db, events)
        return found

    def fetch_chains(self, db: apsw.Connection, fresh: Sequence[Fresh], places: Iterable[int]) -> list[Stored]:
        """As `fetch_states`, but without siblings: for the writer, which needs none."""
        found = self._fetch(db, places)
        for stored in found:
            if stored.continues and stored.entity is not None:
                chain = entity_state.chain_of(db, fresh, self._names.packed(stored.entity))
                stored.earlier = tuple(self._fetch(db, [at for at in chain if at < stored.at]))
        return found


def within(found: Iterable[Sequence[Stored]], limit_bytes: int) -> list[Stored]:
    """The events of all partitions one after another: as many as `limit_bytes` allows, but at least one."""
    events: list[Stored] = []
    size = 0
    for partition_events in found:
        for each in partition_events:
            size += len(each.body)
            if size > limit_bytes and events:
                return events
            events.append(each)
    return events
