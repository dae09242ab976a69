"""What clients have asked for: bounded for each client and in all while answers are made, and while they are not read.

The system's socket buffers take the first part of an answer. The rest is in this process, in the connection's write
buffer, and is what counts here.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Protocol

from hub.clock import Clock
from hub.http.counted import Counted
from hub.http.problems import ApiProblem

log = logging.getLogger(__name__)

MAX_EACH: Final = 32 << 20  # bytes that one client leaves unread, before it gets no further answer
MAX_ALL: Final = 128 << 20  # bytes that all clients leave unread, before a client that left some gets no further answer
STALLED_S: Final = 60.0  # a connection is cut when its client takes less than LEAST_READ in this time
LEAST_READ: Final = 4096  # bytes
SWEEP_S: Final = 1.0
MADE_EACH: Final = 2  # answers with data that are made for one client at a time: each is in memory as a whole
MADE_ALL: Final = 8  # the same for all clients together

SHARE: Final = "skolnav.share"  # the key of a request's `Share` in its scope
CUT: Final = "skolnav.cut"  # the key of `Slow.cut` of a request's connection in its scope, where the server gives it


class Slow(Protocol):
    """A connection with unread bytes."""

    def owner(self) -> str:
        """Whose bytes they are: a client, or an address."""

    def unread(self) -> int:
        """Bytes that are still in this process."""

    def in_system(self) -> int:
        """Bytes in the system's send buffer that the client's system has not confirmed."""

    def is_due(self) -> bool:
        """Whether the rights of the caller still cover the unread bytes."""

    def cut(self) -> None:
        """End the connection at once, and drop what is unread."""


class _Entry:
    __slots__ = ("left", "owner", "since", "size")

    def __init__(self, owner: str, size: int, left: int, now: float) -> None:
        self.owner = owner
        self.size = size  # as counted in the sums
        self.left = left  # with the system's part, when the client was last seen to read
        self.since = now


class Unread:
    """The connections of a server that have unread bytes."""

    def __init__(self, clock: Clock) -> None:
        self.total = 0  # bytes
        self.cut = Counted(clock, log, "a connection was cut, since its client did not read the answer")
        self.refused = Counted(clock, log, "a request was refused, since its client leaves too many answers unread")
        self._clock = clock
        self._slow: dict[Slow, _Entry] = {}
        self._each: Counter[str] = Counter()
        self._made = asyncio.Semaphore(MADE_ALL)
        self._made_each: dict[str, asyncio.Semaphore] = {}
        self._asked: Counter[str] = Counter()  # answers that wait for a slot or have one

    def begins(self, connection: Slow) -> None:
        """The connection's client does not read as fast as the hub writes."""
        size = connection.unread()
        entry = self._slow.get(connection)
        if entry is None:
            left = size + connection.in_system()
            self._slow[connection] = entry = _Entry(connection.owner(), 0, left, self._clock.monotonic())
        self._recount(entry, size)

    def ends(self, connection: Slow) -> None:
        """All was read, or the connection was lost."""
        entry = self._slow.pop(connection, None)
        if entry is not None:
            self._recount(entry, 0)

    def full(self, owner: str) -> bool:
        """Whether this owner gets no further answer: it left too much unread, or it left some and all is full."""
        own = self._each[owner] if self.total else 0
        return own >= MAX_EACH or (own > 0 and self.total >= MAX_ALL)

    @asynccontextmanager
    async def slot(self, owner: str) -> AsyncIterator["Slot"]:
        """Wait until this owner's next answer may be made. It has been sent when the context ends."""
        self._asked[owner] += 1
        own = self._made_each.setdefault(owner, asyncio.Semaphore(MADE_EACH))
        try:
            async with own:
                await self._made.acquire()
                slot = Slot(self._made)
                try:
                    yield slot
                finally:
                    slot.made()
        finally:
            self._asked[owner] -= 1
            if not self._asked[owner]:
                del self._asked[owner], self._made_each[owner]

    async def watch(self) -> None:
        """Cut connections whose clients stopped reading, for as long as the server runs."""
        while True:
            await self._clock.sleep(SWEEP_S)
            self.cut_ended()
            now = self._clock.monotonic()
            for connection, entry in tuple(self._slow.items()):
                self._look(connection, entry, now)

    def cut_ended(self) -> None:
        """Drop what is unread and what its client may no longer have, since its token, role or subscription ended."""
        for connection in tuple(self._slow):
            if not connection.is_due():
                log.info("a connection was cut, since the rights to its unread answer have ended")
                connection.cut()

    def cut_all(self) -> None:
        """Cut every connection with unread bytes: the server stops."""
        for connection in tuple(self._slow):
            self.cut.count()
            connection.cut()

    def _look(self, connection: Slow, entry: _Entry, now: float) -> None:
        size = connection.unread()
        left = size + connection.in_system()
        self._recount(entry, size)
        # The system confirms in large steps, so that a client which reads steadily seems to pause for some seconds.
        if left <= entry.left - LEAST_READ:
            entry.left, entry.since = left, now
        elif left > entry.left:  # the hub wrote more, which it does once its own buffer is empty
            entry.left = left
        elif now - entry.since >= STALLED_S:
            self.cut.count()
            connection.cut()

    def _recount(self, entry: _Entry, size: int) -> None:
        self.total += size - entry.size
        self._each[entry.owner] += size - entry.size
        entry.size = size
        if not self._each[entry.owner]:
            del self._each[entry.owner]


class Slot:
    """Room to make one answer. Answers of other clients may wait for it, so it is not held while the client reads."""

    def __init__(self, slots: asyncio.Semaphore) -> None:
        self._slots: asyncio.Semaphore | None = slots

    def made(self) -> None:
        """The answer is made. Sending it may take as long as the client does; only its own next answers wait then."""
        slots, self._slots = self._slots, None
        if slots is not None:
            slots.release()


class Share:
    """One client's part of what may be made and unread."""

    __slots__ = ("_unread", "owner")

    def __init__(self, unread: Unread, owner: str) -> None:
        self.owner = owner
        self._unread = unread

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[Slot]:
        """`Unread.slot` of this client. Raises ApiProblem (429) as `require` does."""
        async with self._unread.slot(self.owner) as slot:
            self.require()  # other answers may have been written since the request came
            yield slot

    def require(self) -> None:
        """Raises ApiProblem (429) if the client leaves so much unread that it gets no further answer."""
        if self._unread.full(self.owner):
            self._unread.refused.count()
            raise ApiProblem(
                "too-many-requests",
                "Too many answers to this client are unread. Read them, or close their connections, and ask again.",
                headers={"Retry-After": "5"},
            )
