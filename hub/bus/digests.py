# ruff: noqa: S608 - only generation numbers are put into statements
"""Which (source, id) the log has seen, with which content, and where it put it.

Digests are kept in generations: a table a UTC day, and a new one after 262,144 keys, so that writing into it costs the
same however much a day brings. A generation is dropped when the whole of it is past the duplicate window. Each has a
Bloom filter in memory: what is new, nearly everything, is never looked for in a table.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import apsw

from hub.bus.sql import insert, marks, padded

DAY_US: Final = 86_400_000_000
SCHEMA: Final = """
-- `day` counts from 1970 UTC; the filter of the newest one is made when the log is opened.
CREATE TABLE generations (number INTEGER PRIMARY KEY, day INTEGER NOT NULL, filter BLOB);
"""

_GENERATION_KEYS: Final = 1 << 18
_BITS_PER_KEY: Final = 16
_WORDS: Final = struct.Struct("<4I")
_FOUND: Final = struct.Struct(">8sQ")


def pack_found(content: bytes, place: int) -> bytes:
    """What is kept of a key: the digest of its content and its place, small since very many are held."""
    return _FOUND.pack(content, place)


def content_of(found: bytes) -> bytes:
    return found[:8]


def place_of(found: bytes) -> int:
    return _FOUND.unpack(found)[1]  # type: ignore[no-any-return]


class Filter:
    """A Bloom filter: says surely that a key is not there, or that it may be (2 of 1,000 wrongly, when full).

    The keys are digests, so their own words serve as the hashes.
    """

    __slots__ = ("_bits", "_mask")

    def __init__(self, bits: bytes | bytearray = b"") -> None:
        self._bits = bits or bytearray(_GENERATION_KEYS * _BITS_PER_KEY // 8)
        self._mask = len(self._bits) * 8 - 1

    words = staticmethod(_WORDS.unpack)

    def may_have(self, words: tuple[int, ...]) -> bool:
        """`words` is `Filter.words(key)`, worked out once for all filters."""
        bits, mask = self._bits, self._mask
        for word in words:
            bit = word & mask
            if not bits[bit >> 3] >> (bit & 7) & 1:
                return False
        return True

    def add(self, keys: Iterable[bytes]) -> None:
        """Only before `shrunk`."""
        bits, mask, unpack = self._bits, self._mask, _WORDS.unpack
        assert isinstance(bits, bytearray)
        for key in keys:
            for word in unpack(key):
                bit = word & mask
                bits[bit >> 3] |= 1 << (bit & 7)

    def shrunk(self, keys: int) -> bytes:
        """The bits, for a generation that ended with so many keys: halves laid over each other lose nothing else."""
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
    """The writer's side: everything here runs inside its transactions."""

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
        """A transaction starts."""
        self._before = list(self._generations)

    def undo(self) -> None:
        """The transaction was undone. Bits set meanwhile do no harm."""
        self._generations = self._before

    def known(self, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """Those of `keys` that were seen within the window, as `pack_found` made it."""
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
        """Before `keys` digests are added, the newest accepted at `newest_us`: a new generation where one is due."""
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
        """Add (key, found) to the newest generation, in the order of the keys. Repeating it is harmless."""
        newest = self._generations[-1]
        newest.filter.add(key for key, _ in rows)
        insert(self._db, f"INSERT OR REPLACE INTO digests_{newest.number} VALUES", rows)


def look_up(db: apsw.Connection, generation: int, keys: Sequence[bytes]) -> Mapping[bytes, bytes]:
    """Those of `keys` that a generation has. Any connection."""
    found: dict[Any, Any] = {}
    for start in range(0, len(keys), 256):
        some = padded(keys[start : start + 256])
        query = f"SELECT key, found FROM digests_{generation} WHERE key IN ({marks(len(some))})"
        found.update(db.execute(query, some))
    return found


def find(db: apsw.Connection, key: bytes) -> int | None:
    """The place of a key, or None if no generation has it. Any connection."""
    for number in [number for (number,) in db.execute("SELECT number FROM generations ORDER BY number DESC")]:
        for found in look_up(db, number, [key]).values():
            return place_of(found)
    return None


def reach_back_to(db: apsw.Connection) -> int:
    """Since when every event's digest is kept; microseconds since 1970 UTC. Any connection."""
    day = db.execute("SELECT min(day) FROM generations").get
    return 0 if day is None else day * DAY_US
