"""uvicorn's HTTP/1.1, with the head and the body of an answer in one write instead of two."""

import asyncio
import contextlib
import fcntl
import os
import socket
import struct
import termios
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from hub.http.problems import MEDIA_TYPE, ApiProblem
from hub.http.rates import caller_of
from hub.http.unread import SHARE, Unread

UNREAD_S: Final = 5.0

_HEAD_ENDS: Final = b"\r\n\r\n"
_NO_HTTP: Final = ApiProblem(
    "invalid-request", "This is not a readable HTTP/1.1 request. Check the program that sends it."
)


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

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _flush(self) -> None:
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held)


class Protocol(HttpToolsProtocol):
    """A connection. If a body goes on after the answer, the rest is dropped for `UNREAD_S`; then the connection closes.

    If the connection closed at once, the client might lose the answer, which explains the refusal: the kernel resets a
    connection that is closed while bytes are unread.
    """

    def __init__(self, *, unread: Unread, **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self._unread = unread
        self._running: RequestResponseCycle | None = None  # the request that is being answered, or was last

    # -- what the client does not read (`hub.http.unread.Slow`) ----------------------------------------------------

    def owner(self) -> str:
        share: Any = None if self._running is None else cast(Any, self._running.scope).get(SHARE)
        return caller_of(self.client) if share is None else str(share.owner)

    def unread(self) -> int:
        return self.transport.get_write_buffer_size()

    def in_system(self) -> int:
        connected = self.transport.get_extra_info("socket")
        if connected is None or connected.fileno() < 0:
            return 0
        waiting: int = struct.unpack("i", fcntl.ioctl(connected.fileno(), termios.TIOCOUTQ, bytes(4)))[0]
        return waiting

    def abort(self) -> None:
        """The system drops what it still holds for the client too, which it would otherwise offer for minutes."""
        connected = self.transport.get_extra_info("socket")
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(connected.fileno())) as same:
            same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread.begins(self)

    def resume_writing(self) -> None:
        self._unread.ends(self)
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unread.ends(self)
        super().connection_lost(exc)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    # -- the transport ---------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        transport.set_write_buffer_limits(high=0)  # `pause_writing` is called whenever something is unread
        super().connection_made(OneWrite(transport, self.loop))  # type: ignore[arg-type]

    def on_message_complete(self) -> None:
        if self.cycle.response_complete:
            self.cycle.more_body = False  # uvicorn leaves it as it was at the answer
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        answered = self.cycle
        if answered.response_complete and answered.more_body:
            self.loop.call_later(UNREAD_S, self._cut_off, answered)

    def _cut_off(self, answered: RequestResponseCycle) -> None:
        if answered.more_body and not self.transport.is_closing():
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """The answer to bytes that are not HTTP, as a problem document like every other error."""
        body = _NO_HTTP.body()
        head = (
            f"HTTP/1.1 {_NO_HTTP.status} Bad Request\r\ncontent-type: {MEDIA_TYPE}\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
