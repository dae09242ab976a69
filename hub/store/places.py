"""Many places in few bytes: 4 for each if they are close together, else 8. Order and repeats are preserved."""

import struct
from collections.abc import Sequence


def pack(places: Sequence[int]) -> bytes:
    if not places:
        return b""
    base = min(places)
    if max(places) - base < 1 << 32:
        return struct.pack(f">BQ{len(places)}I", 4, base, *[place - base for place in places])
    return struct.pack(f">B{len(places)}Q", 8, *places)


def unpack(packed: bytes) -> tuple[int, ...]:
    """The places that `pack` made into these bytes. Raises ValueError for any other bytes."""
    if not packed:
        return ()
    width, count = packed[0], len(packed)
    if width == 4 and count >= 13 and (count - 9) % 4 == 0:
        base, *rest = struct.unpack_from(f">Q{(count - 9) // 4}I", packed, 1)
        return tuple([base + each for each in rest])
    if width == 8 and count >= 9 and (count - 1) % 8 == 0:
        return struct.unpack_from(f">{(count - 1) // 8}Q", packed, 1)
    raise ValueError("not packed places")
