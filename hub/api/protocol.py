"""A connection to the hub: uvicorn's HTTP/1.1 with the limits of the door (`limits.py`).

What a client sends is bounded in bytes and in time before a route sees it, and an offer to upgrade is ignored. Every
refusal is a problem document.
"""

import asyncio
import http
from email.utils import formatdate
from typing import Any, Final

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from hub.api import head
from hub.api.door import Door
from hub.api.head import HeadRefused
from hub.api.limits import (
    BODY_S,
    HEAD_S,
    IDLE_S,
    LEAST_BODY,
    LINGER_S,
    MAX_FIELDS,
    MAX_HEAD,
    MAX_PIPELINED,
    MAX_TARGET,
    MUCH_PIPELINED,
    SWEEP_S,
    Limit,
)
from hub.api.one_write import OneWrite
from hub.http.forwarded import client_behind
from hub.http.ground import ask_again
from hub.http.problems import MEDIA_TYPE, ApiProblem
from hub.http.rates import caller_of
from hub.http.sockets import drop, in_system
from hub.http.unread import CUT, SHARE, Unread

UNREAD_S: Final = 5.0
# Bytes. A connection with more in its write buffer is known to `Unread`. Answers below that, which nearly all are, are
# sent at the end of the loop's turn, all of one connection in one system call.
LEAST_UNREAD: Final = 4096

_FRAMING: Final = frozenset({b"content-length", b"transfer-encoding"})

# What a connection does: plain integers, since each request changes them several times.
_IDLE: Final = 0  # between an answer and the next request
_HEAD: Final = 1  # a head arrives, or is waited for after the connection was made
_BODY: Final = 2
_ASKED: Final = 3  # the request is complete, and its answer is not
_REFUSED: Final = 4  # the last answer is sent or waits for earlier ones; all that still arrives is dropped


class _Flow(FlowControl):
    """Reads no further while much waits for earlier answers: uvicorn would store all that a client sends meanwhile.

    While little waits, it reads on, since only a read shows that the client has left.
    """

    def __init__(self, transport: Any, connection: "Connection") -> None:
        super().__init__(transport)
        self._connection = connection

    def resume_reading(self) -> None:
        if self.read_paused and not self._connection.much_waits:
            super().resume_reading()


class Connection(HttpToolsProtocol):
    """One client's connection, counted by its `Door` and, while its client does not read, by `Unread`.

    If a body goes on after the answer, the rest is dropped for `UNREAD_S`; then the connection closes. If it closed at
    once, the client might lose the answer, which explains the refusal: the kernel resets a connection that is closed
    while bytes are unread.
    """

    # uvicorn's attributes nearly fill the 30 that CPython keeps compact in an instance. With these in its dictionary
    # too, each look-up of a connection would cost more, and each request does some hundred.
    __slots__ = (
        "_arrived",
        "_door",
        "_got",
        "_offered",
        "_one_write",
        "_progress",
        "_proxied",
        "_refusal",
        "_running",
        "_since",
        "_size",
        "_stage",
        "_unread",
        "_unread_scope",
    )

    def __init__(self, *, door: Door, unread: Unread, **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self.url = b""
        self._door = door
        self._unread = unread
        self._stage = _HEAD
        self._since = door.now  # when the stage began, or the present span of a body
        self._size = 0  # bytes of a head that is not complete, or of a body's chunk head or trailer
        self._arrived = 0  # bytes of the last read
        self._progress = False  # a head or a piece of a body was completed by the bytes that arrived last
        self._got = 0  # bytes of a body in the present span
        self._offered = False  # the request offers to upgrade
        # Raised within the parser, or waiting until earlier requests are answered.
        self._refusal: HeadRefused | None = None
        self._running: RequestResponseCycle | None = None  # the request that is being answered, or was last
        self._unread_scope: Any = {}  # of the request whose answer is unread
        self._proxied = False

    @property
    def is_idle(self) -> bool:
        waits = self._stage in (_IDLE, _HEAD, _REFUSED) and not self._answers
        return waits and not self.transport.get_write_buffer_size()

    @property
    def much_waits(self) -> bool:
        """Requests wait for earlier answers, and are many or large."""
        waiting = self.pipeline
        return len(waiting) >= MUCH_PIPELINED or sum(len(cycle.body) for cycle, _ in waiting) > HIGH_WATER_LIMIT

    def abort(self) -> None:
        self.transport.abort()

    def sweep(self, now: float) -> None:
        stage = self._stage
        if stage == _ASKED:
            return
        waited_s = now - self._since - SWEEP_S  # the door's clock, from which `_since` was read, may be this late
        if stage == _IDLE:
            if waited_s > IDLE_S and not self.transport.get_write_buffer_size():
                self.transport.close()
            elif waited_s > IDLE_S and not self.flow.write_paused:
                self.cut()  # `Unread` does not watch so few bytes
        elif stage == _HEAD:
            if waited_s > HEAD_S and not self._answers:
                self._refuse(HeadRefused(head.HEAD_LATE, Limit.HEAD_TIME))
        elif stage == _REFUSED:
            if waited_s > LINGER_S and not self._answers:
                self.transport.abort()
        elif waited_s > BODY_S and not self.cycle.response_complete:
            if self._got < LEAST_BODY and not self.flow.read_paused:
                self._refuse(HeadRefused(head.BODY_LATE, Limit.BODY_TIME))
            self._since, self._got = now, 0

    # -- what the client does not read (`hub.http.unread.Slow`) ---------------------------------------------------

    def owner(self) -> str:
        scope: Any = {} if self._running is None else self._running.scope
        return scope[SHARE].owner if SHARE in scope else caller_of(scope.get("client", self.client))

    def unread(self) -> int:
        return self.transport.get_write_buffer_size()

    def in_system(self) -> int:
        return in_system(self.transport)

    def is_due(self) -> bool:
        try:
            ask_again(self._unread_scope)
        except ApiProblem:
            return False
        return True

    def cut(self) -> None:
        if self._running is not None:
            self._running.disconnected = True  # known at once: uvicorn logs an error for an answer that ends short
        drop(self.transport)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._running is not None:
            self._unread_scope = self._running.scope
        self._unread.begins(self)

    def resume_writing(self) -> None:
        self._unread.ends(self)
        if self._stage == _IDLE:
            self._since = self._door.now
        super().resume_writing()

    # -- the transport -------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        transport.set_write_buffer_limits(high=LEAST_UNREAD)
        self._one_write = OneWrite(transport)
        super().connection_made(self._one_write)  # type: ignore[arg-type]
        self.flow = _Flow(self.transport, self)
        address = self.client[0] if self.client else ""
        self._proxied = self._door.is_proxy(address)
        descriptor = transport.get_extra_info("socket").fileno()
        refused = self._door.enters(self, "" if self._proxied else address, descriptor)
        if refused is not None:
            self._stage = _REFUSED
            self._write(refused)
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._door.leaves(self)
        self._unread.ends(self)
        if self._running is not None and self._answers:
            self._running.disconnected = True  # uvicorn marks the last request, which may wait behind this one
            self._running.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._stage == _REFUSED:
            return
        self._arrived = len(data)
        self._progress = False
        while data:
            try:
                self.parser.feed_data(data)
                break
            except httptools.HttpParserUpgrade as offer:
                data = data[offer.args[0] :]
                self._ignore_offer()
            except httptools.HttpParserInvalidMethodError:
                self._refuse(HeadRefused(head.unreadable(data)))
                return
            except httptools.HttpParserError:
                self._refuse(self._refusal or HeadRefused(head.UNREADABLE))
                return
        if self._stage == _HEAD:
            # After the end of an earlier request, what of these bytes belongs to the new head is known in part.
            self._size = head.size(self.headers, self.url) if self._progress else self._size + self._arrived
            if len(self.url) > MAX_TARGET:
                self._refuse(HeadRefused(head.TARGET_TOO_LONG, Limit.TARGET))
            elif self._size > MAX_HEAD:
                self._refuse(HeadRefused(head.TOO_LARGE, Limit.HEAD_BYTES))
        elif self._stage == _BODY and not self._progress:
            self._size += self._arrived
            if self._size > MAX_HEAD or len(self.headers) > MAX_FIELDS:
                self._refuse(HeadRefused(head.TOO_LARGE, Limit.HEAD_BYTES))

    # -- the parser ----------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._size = 0
        if self._stage != _HEAD:
            self._stage = _HEAD
            self._since = self._door.now

    def on_headers_complete(self) -> None:
        fields = self.headers
        try:
            head.check(fields, self.url, self.parser.get_http_version)
            if self._size + self._arrived > MAX_HEAD and head.size(fields, self.url) > MAX_HEAD:
                raise HeadRefused(head.TOO_LARGE, Limit.HEAD_BYTES)
            if len(self.pipeline) >= MAX_PIPELINED:
                raise HeadRefused(head.PIPELINED, Limit.PIPELINED)
        except HeadRefused as refused:
            self._refusal = refused
            raise
        self._offered = self.parser.should_upgrade()
        self.scope[CUT] = self.cut  # type: ignore[typeddict-unknown-key]
        if self._proxied:
            client = client_behind(fields, self._door.proxies)
            if client is not None:
                self.scope["client"] = (client, 0)
        super().on_headers_complete()
        if self.pipeline:
            self.flow.resume_reading()  # uvicorn pauses it until the earlier answer
        else:
            self._running = self.cycle
        self.headers = []  # for trailer fields: the scope keeps the fields of the head apart from them
        self._stage = _BODY
        self._since = self._door.now
        self._size = self._got = 0
        self._progress = True

    def on_body(self, body: bytes) -> None:
        self._progress = True
        self._size = 0
        self._got += len(body)
        cycle = self.cycle
        if cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        if self._offered:  # to the parser the request ends with its head; the body is still to come
            return
        self._progress = True
        cycle = self.cycle
        cycle.more_body = False  # after an early answer too, where uvicorn leaves it
        cycle.message_event.set()
        self._stage = _ASKED
        if cycle.response_complete:
            self._stage = _IDLE
            self._since = self._door.now

    def _ignore_offer(self) -> None:
        """Go on with the body of a request that offers to upgrade, and with what follows the request.

        The parser stops behind the head of such a request. A new parser reads a head of the same framing first.
        """
        self._offered = False
        self.parser = httptools.HttpRequestParser(_BehindHead(self))
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        framing = [b"%b: %b\r\n" % field for field in self.scope["headers"] if field[0] in _FRAMING]
        self.parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n" % b"".join(framing))

    # -- answers -------------------------------------------------------------------------------------------------

    @property
    def _answers(self) -> bool:
        """A request is being answered."""
        return self._running is not None and not self._running.response_complete

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        self._one_write.flush()
        if self.transport.is_closing():
            return
        if self.pipeline:
            self._running, app = self.pipeline.pop()
            self._start_asgi_task(self._running, app)
            self.flow.resume_reading()
            return
        self.flow.resume_reading()
        self._since = self._door.now
        if self._stage == _ASKED:
            self._stage = _IDLE
        elif self._stage == _BODY:
            self.loop.call_later(UNREAD_S, self._cut_off, self.cycle)
        elif self._stage == _REFUSED and self._refusal is not None:
            self._end(self._refusal.problem)

    def _cut_off(self, answered: RequestResponseCycle) -> None:
        if answered.more_body and not self.transport.is_closing():
            self.transport.close()

    def _refuse(self, refused: HeadRefused) -> None:
        """Answer what arrived last with a problem document, after the answers to earlier requests, and close."""
        if refused.limit is not None:
            self._door.reached(refused.limit)
        of_body = self._stage == _BODY
        self._stage = _REFUSED
        self._since = self._door.now
        if of_body and self.cycle is not self._running:
            self.pipeline.popleft()  # the newest
        elif of_body and self.cycle.response_started:
            self.transport.close()
            return
        elif of_body:
            self.cycle.disconnected = True  # the route learns that the body will not come, and can't answer any more
            self.cycle.message_event.set()
            self.cycle.response_complete = True
        if self._answers:
            self._refusal = refused
            self.flow.pause_reading()
        else:
            self._end(refused.problem)

    def _end(self, problem: ApiProblem) -> None:
        """Send the last answer. What the client still sends is dropped, until it closes or `LINGER_S` have passed."""
        self._write(problem)
        self.transport.write_eof()
        self.flow.resume_reading()

    def _write(self, problem: ApiProblem) -> None:
        fields = dict(self.scope["headers"]) if self.scope else {}
        body = problem.body(fields.get(b"accept-language", b"").decode("latin-1"))
        named = {
            "date": formatdate(usegmt=True), "content-type": MEDIA_TYPE, "content-length": str(len(body)),
            "connection": "close", **problem.headers,
        }  # fmt: skip
        lines = [f"HTTP/1.1 {problem.status} {http.HTTPStatus(problem.status).phrase}"]
        lines += [f"{name.lower()}: {value}" for name, value in named.items()]
        if self.scope and self.parser.get_method() == b"HEAD":
            body = b""
        self.transport.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)


class _BehindHead:
    """Callbacks of a parser that reads a head which the connection knows already: they begin behind that head."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known = True
        self.on_body = connection.on_body
        self.on_message_complete = connection.on_message_complete

    def on_message_begin(self) -> None:
        if not self._known:
            self._connection.on_message_begin()

    def on_url(self, url: bytes) -> None:
        if not self._known:
            self._connection.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._known:
            self._connection.on_header(name, value)

    def on_headers_complete(self) -> None:
        if not self._known:
            self._connection.on_headers_complete()
        self._known = False
