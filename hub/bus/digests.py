# ruff: noqa: S608 - only generation numbers are put into statements
"""The duplicate index: for each (source, id) that the log has accepted, the content's digest and the event's place.

Digests lie in generations. Each is a table: a new one begins with each UTC day and after 262,144 keys, so that the
cost of a write does not grow with the number of events in a day. A generation is dropped once all of it is older than
the duplicate window. Each has a Bloom filter in memory, so the log seldom searches a table for a new id, and nearly
every id is new. Figures: docs/log-indexes.md.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import apsw

from hub.bus.sql import insert, marks, padded

DAY_US: Final = 86_400_000_000
SCHEMA: Final = """
-- `day` counts from 1970 UTC. The newest generation has no stored filter: opening the log makes it.
CREATE TABLE generations (number INTEGER PRIMARY KEY, day INTEGER NOT NULL, filter BLOB);
"""

_GENERATION_KEYS: Final = 1 << 18
_BITS_PER_KEY: Final = 16
_WORDS: Final = struct.Struct("<4I")
_FOUND: Final = struct.Struct(">8sQ")


def pack_found(content: bytes, place: int) -> bytes:
    """The value that the index holds for a key: content digest and place, in 16 bytes since there are very many."""
    return _FOUND.pack(content, place)


def content_of(found: bytes) -> bytes:
    return found[:8]


def place_of(found: bytes) -> int:
    return _FOUND.unpack(found)[1]  # type: ignore[no-any-return]


class Filter:
    """A Bloom filter: it never misses a key, and reports 2 of 1,000 absent keys as present once it is full.

    The keys are digests, so the four words of a key serve as its hashes.
    """

    __slots__ = ("_bits", "_mask")

    def __init__(self, bits: bytes | bytearray = b"") -> None:
        self._bits = bits or bytearray(_GENERATION_KEYS * _BITS_PER_KEY // 8)
        self._mask = len(self._bits) * 8 - 1

    words = staticmethod(_WORDS.unpack)

    def may_have(self, words: tuple[int, ...]) -> bool:
        """`words` is `Filter.words(key)`, which the caller computes once for all filters."""
        bits, mask = self._bits, self._mask
        for word in words:
            bit = word & mask
            if not bits[bit >> 3] >> (bit & 7) & 1:
                return False
        return True

    def add(self, keys: Iterable[bytes]) -> None:
        """Add keys. Not allowed on a filter that was made from the bits that `shrunk` returned."""
        bits, mask, unpack = self._bits, self._mask, _WORDS.unpack
        assert isinstance(bits, bytearray)
        for key in keys:
            for word in unpack(key):
                bit = word & mask
                bits[bit >> 3] |= 1 << (bit & 7)

    def shrunk(self, keys: int) -> bytes:
        """The bits for a generation that has ended with `keys` keys: as few as that number needs.

        Halving a filter by OR of its two halves keeps every key, since a hash then loses its highest bit only.
        """
        bits = bytes(self._bits)
        while len(bits) > 64 and keys * _BITS_PER_KEY * 2 <= len(bits) * 8:
            half = len(bits) // 2
            low, high = int.from_bytes(bits[:half]), int.from_bytes(bits[half:])
            bits = (low | high).to_bytes(half)
        return bits


@dataclass(frozen=True, slots=True)
class _Generation:
    number: int
    day: int
    keys: int
    filter: Filter


class Digests:
    """The generations as the writer uses them. Every method runs inside one of its transactions."""

    def __init__(self, db: apsw.Connection, window_us: int) -> None:
        self._db = db
        self._window_us = window_us
        self._generations: list[_Generation] = []  # oldest first
        for number, day, bits in db.execute("SELECT number, day, filter FROM generations ORDER BY number"):
            self._generations.append(_Generation(number, day, 0, Filter(bits or b"")))
        if self._generations:
            newest = self._generations[-1]
            keys = [key for (key,) in db.execute(f"SELECT key FROM digests_{newest.number}")]
            newest.filter.add(keys)
            self._generations[-1] = replace(newest, keys=len(keys))
        self._before = list(self._generations)

    def begin(self) -> None:
        """A transaction begins."""
        self._before = list(self._generations)

    def undo(self) -> None:
        """The transaction was rolled back. Filter bits that it set may remain: they cost look-ups, but no errors."""
        self._generations = self._before

    def known(self, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """The keys that some generation has, each with its content digest and place (`pack_found`)."""
        wanted: dict[int, list[bytes]] = {}
        generations = [(each.number, each.filter.may_have) for each in reversed(self._generations)]
        words = _WORDS.unpack
        for key in keys:
            hashes = words(key)
            for number, may_have in generations:
                if may_have(hashes):
                    wanted.setdefault(number, []).append(key)
        found: dict[bytes, bytes] = {}
        for number, candidates in wanted.items():
            found = {**look_up(self._db, number, candidates), **found}
        return found

    def make_room(self, keys: int, newest_us: int) -> None:
        """Prepare for `keys` more digests, the newest of them accepted at `newest_us`. Call it before they are added.

        Begins a new generation if one is due, and then drops the generations that are past the duplicate window.
        """
        day = newest_us // DAY_US
        current = self._generations[-1] if self._generations else None
        if current is not None and current.day == day and current.keys + keys <= _GENERATION_KEYS:
            self._generations[-1] = replace(current, keys=current.keys + keys)
            return
        if current is not None:
            bits = current.filter.shrunk(current.keys)
            self._db.execute("UPDATE generations SET filter = ? WHERE number = ?", (bits, current.number))
            self._generations[-1] = replace(current, filter=Filter(bits))
        number = current.number + 1 if current is not None else 1
        self._db.execute(f"CREATE TABLE digests_{number} (key PRIMARY KEY, found BLOB NOT NULL) WITHOUT ROWID")
        self._db.execute("INSERT INTO generations VALUES (?, ?, NULL)", (number, day))
        self._generations.append(_Generation(number, day, keys, Filter()))
        for past in [each for each in self._generations if (each.day + 1) * DAY_US <= newest_us - self._window_us]:
            self._db.execute(f"DROP TABLE digests_{past.number}")
            self._db.execute("DELETE FROM generations WHERE number = ?", (past.number,))
            self._generations.remove(past)

    def add(self, rows: Sequence[tuple[bytes, bytes]]) -> None:
        """Add (key, found) rows, sorted by key, to the newest generation. Adding a row twice is harmless."""
        newest = self._generations[-1]
        newest.filter.add(key for key, _ in rows)
        insert(self._db, f"INSERT OR REPLACE INTO digests_{newest.number} VALUES", rows)


def look_up(db: apsw.Connection, generation: int, keys: Sequence[bytes]) -> Mapping[bytes, bytes]:
    """The keys that this generation has. Works on any connection."""
    found: dict[Any, Any] = {}
    for start in range(0, len(keys), 256):
        some = padded(keys[start : start + 256])
        query = f"SELECT key, found FROM digests_{generation} WHERE key IN ({marks(len(some))})"
        found.update(db.execute(query, some))
    return found


def find(db: apsw.Connection, key: bytes) -> int | None:
    """The place of a key's event, or None if no generation has the key. Works on any connection."""
    for number in [number for (number,) in db.execute("SELECT number FROM generations ORDER BY number DESC")]:
        for found in look_up(db, number, [key]).values():
            return place_of(found)
    return None


def reach_back_to(db: apsw.Connection) -> int:
    """The time since which the index is complete: every event accepted later has its digest here, or in memory.

    In microseconds since 1970 UTC. Works on any connection.
    """
    day = db.execute("SELECT min(day) FROM generations").get
    return 0 if day is None else day * DAY_US
