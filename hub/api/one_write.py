"""A transport that sends the head and the body of an answer in one write instead of two."""

import asyncio
from typing import Any, Final

_HEAD_ENDS: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length: "


class OneWrite:
    """A transport that holds the head of an answer with a stated length until its body is written.

    A write is a system call, and costs a tenth of an acknowledgement. uvicorn writes a body, be it empty, behind each
    such head except that of an answer to HEAD: the connection calls `flush` when an answer is complete. The head of a
    stream states no length and is written at once.
    """

    __slots__ = ("_held", "_transport", "get_extra_info", "is_closing", "pause_reading", "resume_reading")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._held = b""
        self.is_closing = transport.is_closing
        self.get_extra_info = transport.get_extra_info
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading

    def write(self, data: bytes) -> None:
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held + data)
        elif data.endswith(_HEAD_ENDS) and _LENGTH in data:
            self._held = data
        else:
            self._transport.write(data)

    def flush(self) -> None:
        """Write a head that is held."""
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held)

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def write_eof(self) -> None:
        self.flush()
        self._transport.write_eof()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
