"""The cursor that a feed or stream client holds: sealed, of one length, fresh in every answer (promise 5).

Two answers never give the same token, also where nothing has moved, so nothing can be learned by comparing them.
"""

import base64
import binascii
import struct
from dataclasses import dataclass
from typing import Final

from hub.bus.base import Position
from hub.keys import Keys
from hub.subscriptions.model import Subscription

NAME_BYTES: Final = 96
"""What the cursor keeps of the entity that the state has been served up to; see `cut`."""

_CUT: Final = b"\xff"  # as its last byte: no UTF-8 has it
_END: Final = chr(0x10FFFF)  # after every name that begins like the one it is put behind

_VERSION: Final = 1
_HEAD: Final = struct.Struct(">BQQ")
_NAME: Final = struct.Struct(f"{NAME_BYTES}s")


@dataclass(frozen=True, slots=True)
class FeedCursor:
    """Where a client stands.

    `read_us` is the acceptance time that it has read up to (machine time). `state_after` is the last entity of the
    state that was served, "" once that is over; the log follows from `position`. `lane_us` names the last lane of a
    replay that was begun (when it was asked for), `lane_at` how far that has come: None when it is finished.
    """

    position: Position
    read_us: int
    state_after: str = ""
    lane_us: int = 0
    lane_at: Position | None = None


class CursorUnknown(ValueError):
    """Not a cursor of this subscription, or not made by this hub."""


class CursorSealer:
    def __init__(self, keys: Keys) -> None:
        self._sealer = keys.sealer("feed/cursor")

    def seal(self, subscription: Subscription, cursor: FeedCursor) -> str:
        position = cursor.position.pack()
        lane = bytes(len(position)) if cursor.lane_at is None else cursor.lane_at.pack()
        name = cut(cursor.state_after).encode()
        if cursor.state_after and name.endswith(_END.encode()):
            name = name.removesuffix(_END.encode()).ljust(NAME_BYTES - 1, b"\0") + _CUT
        content = _HEAD.pack(_VERSION, cursor.read_us, cursor.lane_us) + position + lane + _NAME.pack(name)
        return base64.urlsafe_b64encode(self._sealer.seal(content, _bound_to(subscription))).decode().rstrip("=")

    def open(self, subscription: Subscription, token: str) -> FeedCursor:
        """Raises CursorUnknown."""
        try:
            sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
            content = self._sealer.open(sealed, _bound_to(subscription))
            version, read_us, lane_us = _HEAD.unpack_from(content)
            if version != _VERSION:
                raise ValueError
            middle = content[_HEAD.size : -NAME_BYTES]
            position, lane = middle[: len(middle) // 2], middle[len(middle) // 2 :]
            return FeedCursor(
                Position.unpack(position),
                read_us,
                _name(content[-NAME_BYTES:]),
                lane_us,
                Position.unpack(lane) if any(lane) else None,
            )
        except (ValueError, binascii.Error, struct.error):
            raise CursorUnknown from None


def cut(entity: str) -> str:
    """The name as a cursor can hold it: where it is too long, a name past all that begin like it.

    So a page may not end between two entities whose names are cut to the same.
    """
    encoded = entity.encode()
    if len(encoded) < NAME_BYTES or entity.endswith(_END):
        return entity
    return encoded[: NAME_BYTES - 1].decode(errors="ignore") + _END


def _name(field: bytes) -> str:
    if field.endswith(_CUT):
        return field[:-1].rstrip(b"\0").decode() + _END
    return field.rstrip(b"\0").decode()


def _bound_to(subscription: Subscription) -> bytes:
    return f"{subscription.recipient.name}\0{subscription.id}".encode()
