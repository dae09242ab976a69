# ruff: noqa: S608 - only partition numbers are put into statements
"""The events of one key in one group, as the file has them: what `Stored.sibling` and `Stored.then` are read from.

Events with a sibling are rare, so nothing is stored to find them but a flag. They are looked for among the rows of
their group, which lie side by side. Events up to the trim point are not found, even if a trim spared them: which events
are spared depends on events that a recipient may not know of.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import apsw

from hub.bus import rows
from hub.bus.base import Stored, offset_of, partition_of, place
from hub.bus.codec import Codec
from hub.bus.names import Names, pack_id
from hub.bus.news import Moment
from hub.bus.rows import Row


class Siblings:
    """Completes events that were read from the file."""

    def __init__(self, partitions: int, names: Names, codec: Codec) -> None:
        self._partitions = partitions
        self._names = names
        self._codec = codec

    def link(self, db: apsw.Connection, found: Sequence[Stored]) -> None:
        """Fill in `sibling` for these events, and for those that it leads to."""
        groups: dict[tuple[int, int], list[Stored]] = defaultdict(list)
        for each in found:
            if each.later and each.sibling is None:
                groups[partition_of(each.at), each.accepted_us].append(each)
        if not groups:
            return
        read = {each.at: each for each in found}
        for (partition, accepted), events in groups.items():
            keys = {each.key for each in events}
            newer: dict[str, Stored] = {}
            for row in self._backwards(db, partition, max(offset_of(each.at) for each in events)):
                if row.accepted != accepted or not keys:
                    break
                key = self._names.unpack(row.subject if row.key is None else row.key)
                if key not in keys:
                    continue
                stored = read.get(place(partition, row.offset)) or self._stored(partition, row)
                if _has_an_older_number(stored):
                    continue
                if key in newer:
                    newer[key].sibling = stored
                newer[key] = stored
                if not stored.later:
                    keys.remove(key)

    def recall(self, db: apsw.Connection, found: Iterable[Stored]) -> None:
        """Fill in `then` for these events, which are state."""
        for stored in found:
            if stored.news is not None:
                moments = [each for each in stored.news.moments if int(each.sequence) > each.accepted_us]
                if moments:
                    stored.then = tuple(event for each in moments for event in self._event_of(db, each))
                    self.link(db, stored.then)

    def _event_of(self, db: apsw.Connection, moment: Moment) -> Iterator[Stored]:
        """The event of a moment; nothing if it has been trimmed."""
        for partition in range(self._partitions):
            trimmed, head = _bounds(db, partition)
            low = before(db, partition, low=trimmed, head=head, since=moment.accepted_us)
            query = f"SELECT {rows.COLUMNS} FROM events_{partition} WHERE offset > ? ORDER BY offset"
            for row in map(Row._make, db.execute(query, (low,))):
                if row.accepted != moment.accepted_us:
                    break
                if row.id == pack_id(moment.id):
                    yield self._stored(partition, row)
                    return

    def _backwards(self, db: apsw.Connection, partition: int, offset: int) -> Iterator[Row]:
        """The rows from an offset back to the trim point."""
        query = f"SELECT {rows.COLUMNS} FROM events_{partition} WHERE offset <= ? AND offset > ? ORDER BY offset DESC"
        return map(Row._make, db.execute(query, (offset, _bounds(db, partition)[0])))

    def _stored(self, partition: int, row: Row) -> Stored:
        return rows.stored(partition, row, self._names, self._codec)


def before(db: apsw.Connection, partition: int, *, low: int, head: int, since: int) -> int:
    """The last offset of a partition that was accepted before `since`, but not below `low`."""
    # Acceptance times rise with offsets, so a binary search finds the place without an index on time.
    query = f"SELECT offset, accepted FROM events_{partition} WHERE offset > ? AND offset <= ? ORDER BY offset LIMIT 1"
    while low < head:
        middle = (low + head) // 2
        offset, accepted = db.execute(query, (middle, head)).get or (None, since)
        if offset is None or accepted >= since:
            head = middle
        else:
            low = offset
    return low


def _bounds(db: apsw.Connection, partition: int) -> tuple[int, int]:
    """The trim point and the newest offset of a partition."""
    query = f"SELECT trimmed, (SELECT max(offset) FROM events_{partition}) FROM partitions WHERE partition = ?"
    trimmed, head = db.execute(query, (partition,)).get
    return trimmed, trimmed if head is None else head


def _has_an_older_number(stored: Stored) -> bool:
    """Whether the event has the number of an earlier group (`rows.leaving`), so that it is no event's sibling."""
    return stored.leaves and int(stored.parsed["sequence"]) < stored.accepted_us
