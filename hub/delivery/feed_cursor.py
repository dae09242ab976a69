"""The cursor that a feed or stream client holds: sealed, of one length, fresh in every answer (promise 5).

Two answers never have the same token, also if the client has read nothing new, so comparing tokens reveals nothing.
"""

import base64
import binascii
import struct
from dataclasses import dataclass
from typing import Final

from hub.bus.base import Position
from hub.delivery.reading import ReadCursor
from hub.keys import Keys
from hub.subscriptions.model import Subscription

NAME_BYTES: Final = 96
"""Bytes for the name of the last entity whose state has been served; see `cut`."""

_CUT: Final = b"\xff"  # the name's last byte if the name was cut: no UTF-8 text contains it
_END: Final = chr(0x10FFFF)  # a name with this at its end sorts after every name with the same beginning

_VERSION: Final = 1
_HEAD: Final = struct.Struct(">BQQI")
_NAME: Final = struct.Struct(f"{NAME_BYTES}s")


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedCursor:
    """How far a client has read.

    `read_us` is the acceptance time up to which the client has read (machine time). `lane_us` names the last lane that
    was begun for the client, by the time at which that lane was requested. While the lane is not finished, `lane_at` is
    the position of a replay, or `lane_served` the number of places of a resend that have been served.
    """

    read: ReadCursor
    read_us: int
    lane_us: int = 0
    lane_at: Position | None = None
    lane_served: int = 0


class CursorUnknown(ValueError):
    """The token is not a cursor of this subscription, or another hub made it."""


class CursorSealer:
    def __init__(self, keys: Keys) -> None:
        self._sealer = keys.sealer("feed/cursor")

    def seal(self, subscription: Subscription, cursor: FeedCursor) -> str:
        """A token for this cursor: a different token at each call, and always of the same length."""
        position = cursor.read.position.pack()
        lane = bytes(len(position)) if cursor.lane_at is None else cursor.lane_at.pack()
        name = cut(cursor.read.state_after).encode()
        if cursor.read.state_after and name.endswith(_END.encode()):
            name = name.removesuffix(_END.encode()).ljust(NAME_BYTES - 1, b"\0") + _CUT
        head = _HEAD.pack(_VERSION, cursor.read_us, cursor.lane_us, cursor.lane_served)
        sealed = self._sealer.seal(head + position + lane + _NAME.pack(name), _bound_to(subscription))
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def open(self, subscription: Subscription, token: str) -> FeedCursor:
        """The cursor in a token. Raises CursorUnknown."""
        try:
            sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
            content = self._sealer.open(sealed, _bound_to(subscription))
            version, read_us, lane_us, lane_served = _HEAD.unpack_from(content)
            if version != _VERSION:
                raise ValueError
            middle = content[_HEAD.size : -NAME_BYTES]
            position, lane = middle[: len(middle) // 2], middle[len(middle) // 2 :]
            return FeedCursor(
                read=ReadCursor(Position.unpack(position), _name(content[-NAME_BYTES:])),
                read_us=read_us,
                lane_us=lane_us,
                lane_at=Position.unpack(lane) if any(lane) else None,
                lane_served=lane_served,
            )
        except (ValueError, binascii.Error, struct.error):
            raise CursorUnknown from None


def cut(entity: str) -> str:
    """An entity's name as a cursor can hold it. A longer name becomes one that sorts after all with its beginning.

    A page must therefore not end between two entities whose names are cut to the same text.
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
