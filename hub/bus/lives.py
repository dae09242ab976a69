"""The lives of a log's file: what positions of an earlier one still mean.

A log may lose its end: a backup is put back, a torn WAL is cut off. Offsets are then given a second time, to other
events, and whoever had read past the end that is left would miss those without a sign. So every opening
begins a life with an epoch of its own, and notes where it began: a position of an earlier life counts up to
the earliest beginning since, where both lives hold the same.
"""

import secrets
import struct
from collections.abc import Mapping, Sequence
from typing import Final

import apsw

SCHEMA: Final = """
-- `heads`: the last offset of each partition when the life began, eight bytes each.
CREATE TABLE lives (n INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, heads BLOB NOT NULL);
"""


class Lives:
    """`epoch` is this life's; `shared(epoch)` how far what another one read is what stands here."""

    def __init__(self, epoch: int, shared: Mapping[int, Sequence[int]]) -> None:
        self.epoch = epoch
        self._shared = shared

    def shared(self, epoch: int) -> Sequence[int] | None:
        """Per partition, the offset up to which a position of that life can be believed; None: no life of this log."""
        return self._shared.get(epoch)

    def __contains__(self, epoch: int) -> bool:
        return epoch == self.epoch or epoch in self._shared


def begin(db: apsw.Connection, heads: Sequence[int]) -> Lives:
    """Begin a life where the log now stands, durably: one row for each opening."""
    known = [
        (epoch, struct.unpack(f">{len(heads)}Q", packed))
        for epoch, packed in db.execute("SELECT epoch, heads FROM lives ORDER BY n")
    ]
    known.append((secrets.randbits(32), tuple(heads)))
    with db:
        packed = struct.pack(f">{len(heads)}Q", *heads)
        db.execute("INSERT INTO lives (epoch, heads) VALUES (?, ?)", (known[-1][0], packed))
    shared: dict[int, Sequence[int]] = {}
    bound: tuple[int, ...] = known[-1][1]
    for (epoch, _), (_, began) in zip(known[-2::-1], known[:0:-1], strict=True):
        bound = tuple(map(min, bound, began))
        shared[epoch] = bound
    return Lives(known[-1][0], shared)
