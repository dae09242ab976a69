"""A small HTTP/1.1 client for one origin, whose caller decides in which turn of the loop the first byte leaves.

No library offers that: a delivery must get its bytes from the gate in the turn in which the first of them leaves
(docs/architecture.md, The order of commits), on a connection that is open already. So a request has two steps: getting
a `Connection`, which waits, and `Connection.request`, which writes before it returns. httptools (llhttp) parses.

Whatever the far side does, these limits hold: 5 s to connect, the caller's deadline for the whole exchange, 16 KiB of
response head. The hub has no use for a response's body. It reads a body only so that it can keep the connection: at
most 64 KiB and for one second after the head. Beyond that it closes the connection; the status is valid anyway.
"""

import asyncio
import functools
import ssl
from collections.abc import Sequence
from typing import Final, cast

import httptools

from hub.outbound.addresses import AddressRefused, Networks, Resolve, Target, admit, is_literal, system_resolve

CONNECT_S: Final = 5.0
MAX_HEAD: Final = 16 * 1024  # bytes of status line and headers, interim (1xx) responses included
MAX_BODY: Final = 64 * 1024
BODY_S: Final = 1.0
MAX_IDLE_S: Final = 30.0  # a connection without a request is closed after this time
MAX_AGE_S: Final = 300.0  # a connection is closed at this age, so that the hub notices a changed name
MAX_ADDRESSES: Final = 4  # the most addresses of one name that are tried


class Failure(Exception):
    """An exchange without a response. `code` is short and stable, for operators:

    `dns` (no such name, or the name server is silent), `connect`, `tls`, `address-refused`, `timeout`,
    `closed` (the far side closed before it had answered), `protocol` (the answer is not HTTP, or its head is too long).
    """

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


class Stale(Failure):
    """The far side closed before the first byte of a response. If the connection was a kept one, try once on a new one.

    The far side may have handled the request; it deduplicates by the delivery's id.
    """


class Response:
    """Status and headers of a final response."""

    __slots__ = ("_headers", "status")

    def __init__(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self.status = status
        self._headers = headers

    def header(self, name: bytes) -> str | None:
        """The value of the first header with this lower-case name, stripped; None if there is none."""
        for given, value in self._headers:
            if given.lower() == name:
                return value.decode("latin-1").strip()
        return None


@functools.cache
def default_tls() -> ssl.SSLContext:
    """Verifies against the machine's authorities. Made once, since loading them takes tens of milliseconds."""
    return ssl.create_default_context()


class Connection(asyncio.Protocol):
    """One connection. It has one exchange at a time."""

    def __init__(self, client: "Client") -> None:
        self._client = client
        self._loop = client.loop
        self._born = self.idle_since = self._loop.time()  # of the loop
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[Response] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._begin()

    def _begin(self) -> None:
        self._status = 0  # the status of a final response, once its head is complete
        self._headers: list[tuple[bytes, bytes]] = []
        self._head_bytes = 0
        self._body_bytes = 0
        self._complete = False
        self._keep = True

    # What the client and its callers call

    def request(self, message: bytes, deadline: float) -> asyncio.Future[Response]:
        """Write the whole request in this turn. The future is the response, or fails with Failure by the deadline.

        `deadline` is loop time. A caller that is cancelled while it waits must call `abort`.
        """
        assert self._answer is None
        assert self._transport is not None
        self._begin()
        self._answer = self._loop.create_future()
        self._timer = self._loop.call_at(deadline, self._expired)
        self._transport.write(message)
        return self._answer

    def release(self) -> None:
        """Return a connection to the client without having used it."""
        self.idle_since = self._loop.time()
        if self.usable():
            self._client.keep(self)
        else:
            self.abort()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()  # close() would wait for unsent bytes, which a hostile peer never reads

    def usable(self) -> bool:
        now = self._loop.time()
        return (
            self._transport is not None
            and not self._transport.is_closing()
            and now - self.idle_since < MAX_IDLE_S
            and now - self._born < MAX_AGE_S
        )

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # TCP_NODELAY is on: asyncio and uvloop set it

    def data_received(self, data: bytes) -> None:
        if self._answer is None:  # bytes without a request
            self.abort()
            return
        # Raw bytes are counted, so that endless trailers and chunk extensions count too.
        if self._status:
            self._body_bytes += len(data)
        else:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if not self._status:
                self._fail(Failure("protocol"))
            else:
                self._finish(keep=False)
            return
        if self._complete:
            self._finish(keep=self._keep)
        elif not self._status:
            if self._head_bytes > MAX_HEAD:
                self._fail(Failure("protocol"))
        elif self._body_bytes > MAX_BODY:
            self._finish(keep=False)
        elif self._timer is not None and self._timer.when() > self._loop.time() + BODY_S:
            self._timer.cancel()
            self._timer = self._loop.call_later(BODY_S, self._expired)

    def connection_lost(self, exc: Exception | None) -> None:
        self._client.forget(self)
        if self._answer is not None:
            if self._status:  # closed at the end of the body or within it: the status is valid
                self._finish(keep=False)
            elif isinstance(exc, ssl.SSLError):
                self._fail(Failure("tls"))
            elif not self._head_bytes:
                self._fail(Stale("closed"))
            else:
                self._fail(Failure("closed"))
        self._transport = None
        del self._parser  # the parser has a reference to this object

    # httptools

    def on_message_begin(self) -> None:
        if self._complete:  # a second response to one request
            self._keep = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._status:  # otherwise it is a trailer
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._complete:
            return
        status = self._parser.get_status_code()
        if status < 200:  # an interim response: the final one follows
            self._headers.clear()
        else:
            self._status = status

    def on_message_complete(self) -> None:
        if self._status and not self._complete:
            self._complete = True
            self._keep = self._parser.should_keep_alive()

    # How an exchange ends

    def _expired(self) -> None:
        if self._status:
            self._finish(keep=False)
        else:
            self._fail(Failure("timeout"))

    def _end(self) -> "asyncio.Future[Response] | None":
        answer, self._answer = self._answer, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return answer

    def _finish(self, *, keep: bool) -> None:
        answer = self._end()
        response = Response(self._status, self._headers)
        # If the far side answered early and has not read all bytes, the rest would delay the next request's first byte.
        if keep and self._transport is not None and not self._transport.get_write_buffer_size():
            self.release()
        else:
            self.abort()
        if answer is not None and not answer.done():
            answer.set_result(response)

    def _fail(self, failure: Failure) -> None:
        answer = self._end()
        self.abort()
        if answer is not None and not answer.done():
            answer.set_exception(failure)


class Client:
    """Connections to one origin. It keeps as many as the caller uses at a time; the caller limits that number."""

    def __init__(
        self,
        target: Target,
        *,
        allow: Networks = (),
        public: bool = True,
        ssl_context: ssl.SSLContext | None = None,
        resolve: Resolve = system_resolve,
    ) -> None:
        """`public`: whether TLS may reach public addresses beside those in `allow`. Opens no connection yet."""
        self.loop = asyncio.get_running_loop()
        self._target = target
        self._allow = allow
        self._public = public and target.tls
        self._tls = ssl_context
        self._resolve = resolve
        self._resolving: asyncio.Future[Sequence[str]] | None = None
        # The last used is used first, so that spare connections idle and are closed. The first has idled longest.
        self._idle: list[Connection] = []
        self._sweep: asyncio.TimerHandle | None = None
        self._all: set[Connection] = set()
        self._closed = False

    def kept(self) -> Connection | None:
        """An idle connection that is not known to be closed. None: there is none, so call `connect`."""
        while self._idle:
            connection = self._idle.pop()
            if connection.usable():
                return connection
            connection.abort()
        return None

    async def connect(self, deadline: float) -> Connection:
        """A new connection, by `deadline` (loop time) but within 5 s. Raises Failure."""
        if self._closed:
            raise Failure("closed")
        until = min(deadline, self.loop.time() + CONNECT_S)
        addresses = await self._addresses(until)
        for index, address in enumerate(addresses):
            now = self.loop.time()
            share = (until - now) / (len(addresses) - index)
            try:
                async with asyncio.timeout_at(now + share):
                    connection = await self._open(address)
                break
            except ssl.SSLError:
                raise Failure("tls") from None
            except OSError:  # TimeoutError is one
                continue
        else:
            raise Failure("connect")
        if self._closed or not connection.usable():  # the far side sent bytes or closed before the request
            connection.abort()
            raise Failure("closed")
        return connection

    async def close(self) -> None:
        """Close all connections. Exchanges under way end with the failure `closed`."""
        self._closed = True
        self._idle.clear()
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in tuple(self._all):
            connection.abort()
        await asyncio.sleep(0)  # so that the transports call their protocols

    def keep(self, connection: Connection) -> None:
        self._idle.append(connection)
        if self._sweep is None:
            self._sweep = self.loop.call_later(MAX_IDLE_S, self._close_spare)

    def _close_spare(self) -> None:
        """Close connections that have idled too long; look again when that may hold for the next one."""
        self._sweep = None
        while self._idle and not self._idle[0].usable():
            self._idle.pop(0).abort()
        if self._idle:
            self._sweep = self.loop.call_at(self._idle[0].idle_since + MAX_IDLE_S, self._close_spare)

    def forget(self, connection: Connection) -> None:
        self._all.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    async def _open(self, address: str) -> Connection:
        target = self._target
        _, connection = await self.loop.create_connection(
            lambda: Connection(self),
            address,
            target.port,
            ssl=(self._tls or default_tls()) if target.tls else None,
            server_hostname=target.server_name if target.tls else None,
        )
        self._all.add(connection)
        return connection

    async def _addresses(self, until: float) -> Sequence[str]:
        """The host's present addresses, once all of them are checked. Raises Failure."""
        found = [self._target.host] if is_literal(self._target.host) else await self._look_up(until)
        if not found:
            raise Failure("dns")
        try:
            return admit(found, self._allow, public=self._public)[:MAX_ADDRESSES]
        except AddressRefused:
            raise Failure("address-refused") from None

    async def _look_up(self, until: float) -> Sequence[str]:
        if self._resolving is None:
            # All callers share one look-up, so a name server that never answers costs one thread at a time.
            self._resolving = asyncio.ensure_future(self._resolve(self._target.host, self._target.port))
            self._resolving.add_done_callback(self._resolved)
        try:
            async with asyncio.timeout_at(until):
                return await asyncio.shield(self._resolving)
        except TimeoutError:
            raise Failure("dns") from None

    def _resolved(self, _: "asyncio.Future[Sequence[str]]") -> None:
        self._resolving = None
