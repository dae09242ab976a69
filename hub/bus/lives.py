"""The lives of a log's file: how far a position that an earlier life issued is still valid.

A log may lose its newest events: an operator restores a backup, or SQLite cuts off a torn WAL. The log then uses their
offsets again for other events, and a reader that had read past the remaining end would miss those events unnoticed. So
each opening begins a life with its own epoch and stores the heads at its beginning. A position from an earlier life is
valid up to the lowest beginning of the lives since then: up to there both lives hold the same events.
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
    """The epoch of this life, and how far each earlier life holds the same events as this one."""

    def __init__(self, epoch: int, shared: Mapping[int, Sequence[int]]) -> None:
        self.epoch = epoch
        self._shared = shared

    def shared(self, epoch: int) -> Sequence[int] | None:
        """For each partition the offset up to which a position of that life is valid; None for an unknown life."""
        return self._shared.get(epoch)

    def __contains__(self, epoch: int) -> bool:
        return epoch == self.epoch or epoch in self._shared


def begin(db: apsw.Connection, heads: Sequence[int]) -> Lives:
    """Begin a life at the log's present heads, durably. Each opening stores one row."""
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
