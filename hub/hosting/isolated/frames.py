"""What passes over the socket between the hub and a connector's process.

A frame is JSON (a list that begins with a word) and byte strings behind it: events, values of the state and bodies pass
as they are. The hub reads what a vendor's process has written: a frame has a largest size, and nothing in it is code.
"""

import asyncio
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, cast

import orjson

_HEAD: Final = struct.Struct("!II")  # bytes of JSON and parts together; bytes of JSON

Parts = Sequence[bytes]


class BadFrame(ValueError):
    """The other side has written what is no frame."""


def packed(head: Sequence[Any], parts: Parts = ()) -> bytes:
    """One frame. Raises TypeError for what JSON does not have."""
    text = orjson.dumps([*head, [len(part) for part in parts]])
    size = len(text) + sum(map(len, parts))
    return b"".join((_HEAD.pack(size, len(text)), text, *parts))


class Unpacker:
    """Makes frames of the bytes as they arrive. `most`: the largest frame, in bytes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._left = bytearray()

    def feed(self, arrived: bytes) -> Iterator[tuple[list[Any], list[bytes]]]:
        """Each frame that is whole now: its list and its byte strings. Raises BadFrame."""
        self._left += arrived
        while len(self._left) >= _HEAD.size:
            size, text = _HEAD.unpack_from(self._left)
            if size > self._most or text > size:
                raise BadFrame("too large")
            end = _HEAD.size + size
            if len(self._left) < end:
                return
            body = bytes(memoryview(self._left)[_HEAD.size : end])
            del self._left[:end]
            yield _read(body, text)


def _read(body: bytes, text: int) -> tuple[list[Any], list[bytes]]:
    try:
        *head, lengths = orjson.loads(body[:text])
        parts, at = [], text
        for length in lengths:
            if length < 0:
                raise BadFrame("a negative length")
            parts.append(body[at : at + length])
            at += length
        if at != len(body) or not head or not isinstance(head[0], str):
            raise BadFrame("not a frame")
    except (TypeError, ValueError) as error:
        raise BadFrame(type(error).__name__) from None
    return head, parts


class Channel(asyncio.Protocol):
    """One end of the socket, on an event loop.

    `received(head, parts)` is called for each frame; a ValueError, TypeError or LookupError in it counts as a BadFrame.
    `lost(error)` is called once, when the other end is gone, or with the BadFrame that has ended the reading. Reading
    stops for the rest of a second in which more than `most_a_second` frames came: the other side then waits.

    `most_unread`: while more bytes than this wait for the other side, it is not read either. One side alone may have
    this limit: two would wait for each other.
    """

    def __init__(
        self,
        received: Callable[[list[Any], list[bytes]], None],
        lost: Callable[[BadFrame | None], None],
        *,
        most: int,
        most_a_second: float = float("inf"),
        most_unread: int | None = None,
    ) -> None:
        self._received = received
        self._lost = lost
        self._unpacker = Unpacker(most)
        self._most_a_second = most_a_second
        self._second, self._frames = 0.0, 0
        self._throttled = False
        self._most_unread = most_unread
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._transport: asyncio.Transport | None = None
        self._bad: BadFrame | None = None

    def send(self, head: Sequence[Any], parts: Parts = ()) -> None:
        """Write at once, if the other end can take it. Nothing happens if it is gone. Raises as `packed`."""
        frame = packed(head, parts)
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(frame)

    async def has_room(self) -> None:
        """Wait while more than `most_unread` bytes wait for the other side. Returns if it is gone, too."""
        await self._has_room.wait()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self._most_unread is not None:
            self._transport.set_write_buffer_limits(self._most_unread)

    def pause_writing(self) -> None:
        if self._most_unread is not None and self._transport is not None:
            self._has_room.clear()
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._has_room.set()
        self._read_on()

    def data_received(self, data: bytes) -> None:
        try:
            for head, parts in self._unpacker.feed(data):
                self._frames += 1
                self._received(head, parts)
        except (BadFrame, TypeError, ValueError, LookupError) as error:
            self._bad = error if isinstance(error, BadFrame) else BadFrame(type(error).__name__)
            self.close()
            return
        loop = asyncio.get_running_loop()
        now = loop.time()
        if now - self._second >= 1:
            self._second, self._frames = now, 0
        elif self._frames > self._most_a_second and self._transport is not None:
            self._throttled = True
            self._transport.pause_reading()
            loop.call_later(1 - (now - self._second), self._second_over)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._has_room.set()
        self._lost(self._bad)

    def _second_over(self) -> None:
        self._throttled = False
        self._read_on()

    def _read_on(self) -> None:
        if self._throttled or not self._has_room.is_set():
            return
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
