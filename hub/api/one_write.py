"""A transport that sends the head and the body of an answer in one write instead of two."""

import asyncio
from typing import Any, Final

_HEAD_ENDS: Final = b"\r\n\r\n"


class OneWrite:
    """A transport that holds the head of an answer until its body comes, and at most until the next turn of the loop.

    A write is a system call, and costs a tenth of an acknowledgement. Head and body that are written in one turn, as
    the gate's permit requires, leave in that turn.
    """

    __slots__ = ("_held", "_loop", "_transport", "get_extra_info", "is_closing", "pause_reading", "resume_reading")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held = b""
        self.is_closing = transport.is_closing
        self.get_extra_info = transport.get_extra_info
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading

    def write(self, data: bytes) -> None:
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held + data)
        elif data.endswith(_HEAD_ENDS):
            self._held = data
            self._loop.call_soon(self._flush)
        else:
            self._transport.write(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def write_eof(self) -> None:
        self._flush()
        self._transport.write_eof()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _flush(self) -> None:
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held)
