"""Statements over many rows at once.

Each statement lets go of the GIL and takes it back; with a busy event loop that wait is what costs, not the row.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Final, TypeVar

import apsw

T = TypeVar("T")

_MOST: Final = 64  # rows a statement; a power of two, so that few statements are ever prepared


def insert(db: apsw.Connection, head: str, rows: Sequence[tuple[Any, ...]], tail: str = "") -> None:
    """`head` (up to VALUES), the rows, `tail`, in as few statements as there are bits in their number."""
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
    """`values` with the last one repeated up to a power of two: for `IN (...)`, so that few statements are prepared."""
    return (*values, *[values[-1]] * ((1 << (len(values) - 1).bit_length()) - len(values)))
