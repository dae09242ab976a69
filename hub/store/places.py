"""Many places as few bytes: 4 each where they lie close together, else 8. Order and repeats are kept."""

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
    """Raises ValueError on anything that `pack` did not make."""
    if not packed:
        return ()
    try:
        if packed[0] == 4:
            (base,) = struct.unpack_from(">Q", packed, 1)
            return tuple([base + rest for rest in struct.unpack_from(f">{(len(packed) - 9) // 4}I", packed, 9)])
        if packed[0] == 8:
            return struct.unpack_from(f">{(len(packed) - 1) // 8}Q", packed, 1)
    except struct.error:
        pass
    raise ValueError("not packed places")
