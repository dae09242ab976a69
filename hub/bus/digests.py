# ruff: noqa: S608 - only partition and day numbers are put into statements
"""Which (source, id) the log has seen, with which content, and where it put it.

One table a UTC day, dropped when the whole day is past the duplicate window. Only the newest one grows; a look-up in
an older one goes through a Bloom filter in memory first, so that an append costs the same however many there are.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import apsw

from hub.bus.sql import insert, marks, padded

DAY_US: Final = 86_400_000_000
_BITS_PER_KEY: Final = 16
_MIN_BITS: Final = 1 << 10
_WORDS: Final = struct.Struct("<4I")

Found = tuple[bytes, int]
"""(digest of the content, place)."""

SCHEMA: Final = """
CREATE TABLE generations (day INTEGER PRIMARY KEY, filter BLOB)  -- days since 1970 UTC; NULL: not made yet
"""


class Filter:
    """A Bloom filter: says surely that a key is not there, or that it may be (2 of 1,000 wrongly).

    The keys are digests, so their own words are the hashes.
    """

    __slots__ = ("_bits", "_mask")

    def __init__(self, bits: bytes | bytearray) -> None:
        self._bits = bits
        self._mask = len(bits) * 8 - 1

    @classmethod
    def of(cls, keys: Iterable[bytes], count: int) -> "Filter":
        """A filter for about `count` keys."""
        size = max(_MIN_BITS, 1 << (count * _BITS_PER_KEY).bit_length())
        bits, mask = bytearray(size // 8), size - 1
        for key in keys:
            for word in _WORDS.unpack(key):
                bit = word & mask
                bits[bit >> 3] |= 1 << (bit & 7)
        return cls(bits)

    def may_have(self, words: tuple[int, ...]) -> bool:
        """`words` is `Filter.words(key)`, worked out once for all filters."""
        bits, mask = self._bits, self._mask
        for word in words:
            bit = word & mask
            if not bits[bit >> 3] >> (bit & 7) & 1:
                return False
        return True

    words = staticmethod(_WORDS.unpack)

    def to_bytes(self) -> bytes:
        return bytes(self._bits)


class Digests:
    """The writer's side. Everything here runs inside the writer's transaction, except where it says otherwise."""

    def __init__(self, db: apsw.Connection, window_us: int) -> None:
        self._db = db
        self._window_us = window_us
        self._days: list[int] = []  # oldest first
        self._filters: dict[int, Filter] = {}
        for day, bits in db.execute("SELECT day, filter FROM generations ORDER BY day"):
            self._days.append(day)
            if bits is not None:
                self._filters[day] = Filter(bits)
        self._before = (self._days, self._filters)

    def begin(self) -> None:
        """A transaction starts."""
        self._before = (list(self._days), dict(self._filters))

    def undo(self) -> None:
        """The transaction was undone."""
        self._days, self._filters = self._before

    def open_day(self, accepted: int) -> None:
        """Make the generation of this time the newest and drop those that the window has left."""
        day = accepted // DAY_US
        if self._days and self._days[-1] >= day:
            return
        self._db.execute(f"CREATE TABLE {_table(day)} (key PRIMARY KEY, content, place) WITHOUT ROWID")
        self._db.execute("INSERT INTO generations VALUES (?, NULL)", (day,))
        self._days.append(day)
        oldest = (accepted - self._window_us) // DAY_US
        for past in [known for known in self._days if known < oldest]:
            self._db.execute(f"DROP TABLE {_table(past)}")
            self._db.execute("DELETE FROM generations WHERE day = ?", (past,))
            self._days.remove(past)
            self._filters.pop(past, None)

    def known(self, keys: Sequence[bytes]) -> dict[bytes, Found]:
        """Those of `keys` that were seen within the window."""
        found: dict[bytes, Found] = {}
        if not self._days:
            return found
        found.update(look_up(self._db, self._days[-1], keys))
        older = self._days[-2::-1]
        if not older:
            return found
        filters = [(day, self._filters.get(day)) for day in older]
        wanted: dict[int, list[bytes]] = {}
        for key in keys:
            words = _WORDS.unpack(key)
            for day, known in filters:
                if known is None or known.may_have(words):
                    wanted.setdefault(day, []).append(key)
        for day, candidates in wanted.items():
            for key, value in look_up(self._db, day, candidates).items():
                found.setdefault(key, value)
        return found

    def add(self, rows: Sequence[tuple[bytes, bytes, int]]) -> None:
        insert(self._db, f"INSERT INTO {_table(self._days[-1])} VALUES", rows)

    def unfiltered(self) -> list[int]:
        """Past generations that have no filter yet. On the event loop."""
        return [day for day in self._days[:-1] if day not in self._filters]

    def save_filter(self, day: int, made: Filter) -> None:
        if day in self._days:
            self._db.execute("UPDATE generations SET filter = ? WHERE day = ?", (made.to_bytes(), day))
            self._filters[day] = made


def build_filter(db: apsw.Connection, day: int) -> Filter:
    """A past generation's filter, read on a reader's connection."""
    count = db.execute(f"SELECT count(*) FROM {_table(day)}").get
    return Filter.of((key for (key,) in db.execute(f"SELECT key FROM {_table(day)}")), count)


def look_up(db: apsw.Connection, day: int, keys: Sequence[bytes]) -> Mapping[bytes, Found]:
    """Those of `keys` that a generation has. Any connection."""
    found: dict[bytes, Found] = {}
    for start in range(0, len(keys), 256):
        some = padded(keys[start : start + 256])
        query = f"SELECT key, content, place FROM {_table(day)} WHERE key IN ({marks(len(some))})"
        row: Any
        for row in db.execute(query, some):
            found[row[0]] = (row[1], row[2])
    return found


def days(db: apsw.Connection) -> list[int]:
    """The generations, newest first. Any connection."""
    return [day for (day,) in db.execute("SELECT day FROM generations ORDER BY day DESC")]


def _table(day: int) -> str:
    return f"digests_{int(day)}"
