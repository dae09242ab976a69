"""Statements that write or read many rows at once.

Each statement releases the GIL and must acquire it again. While the event loop is busy, that wait costs more than
writing a row.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Final, TypeVar

import apsw

T = TypeVar("T")

_MOST: Final = 64  # rows in one statement; a power of two, so that few different statements are prepared


def insert(db: apsw.Connection, head: str, rows: Sequence[tuple[Any, ...]], tail: str = "") -> None:
    """Execute `head` (up to VALUES), the rows and `tail`, with one statement for each power of two in their number."""
    start, left = 0, len(rows)
    while left:
        size = min(_MOST, 1 << (left.bit_length() - 1))
        statement = f"{head} {_values(len(rows[0]), size)} {tail}"
        db.execute(statement, tuple(chain.from_iterable(rows[start : start + size])))
        start += size
        left -= size


@lru_cache(64)
def _values(width: int, rows: int) -> str:
    return ",".join([f"({marks(width)})"] * rows)


@lru_cache(512)
def marks(count: int) -> str:
    """`?,?,?`"""
    return ",".join("?" * count)


def padded(values: Sequence[T]) -> tuple[T, ...]:
    """`values` with the last one repeated up to a power of two, so that `IN (...)` needs few prepared statements."""
    return (*values, *[values[-1]] * ((1 << (len(values) - 1).bit_length()) - len(values)))
