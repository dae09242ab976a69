"""Where a follower reads from: the log as it grows, the state and then the log, or a stretch of the past.

A reader packs into the bytes that the cursor row keeps, and is opened again from them.
"""

import struct
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from hub.bus.base import Log, Position, Stored
from schemas import Catalogue


class Reader(Protocol):
    @property
    def done(self) -> bool:
        """Nothing will come any more (never true for what follows the log)."""

    @property
    def state(self) -> bool:
        """What `next` gives stands for entities as they are, not for their last change."""

    @property
    def behind(self) -> bool:
        """Trimming has passed this reader: there were events that it will not get."""

    async def next(self, limit: int) -> Sequence[Stored]:
        """Up to `limit` events. What this returns is not counted as read before `accept`. Empty: see `wait`."""

    def accept(self) -> None:
        """What `next` gave is taken: move on. Called in the turn in which the follower takes it."""

    async def wait(self) -> None:
        """Return as soon as `next` may give something."""

    def reached(self, head: Position) -> bool:
        """Whether everything up to `head` has been taken."""

    def pack(self) -> bytes: ...


class LiveReader:
    """Follows the log after a position, up to `until` where given (a replay)."""

    TAG: Final = b"L"

    def __init__(self, log: Log, position: Position, until: Position | None = None) -> None:
        self._log = log
        self._position = self._next = position
        self._until = until

    @property
    def position(self) -> Position:
        return self._position

    @property
    def done(self) -> bool:
        return self._until is not None and self._position.reached(self._until)

    @property
    def state(self) -> bool:
        return False

    @property
    def behind(self) -> bool:
        return not self._position.reached(self._log.start())

    async def next(self, limit: int) -> Sequence[Stored]:
        batch = await self._log.read(self._position, limit)
        self._next = batch.position
        if self._until is None:
            return batch.events
        return [stored for stored in batch.events if self._until.covers(stored.at)]

    def accept(self) -> None:
        self._position = self._next

    async def wait(self) -> None:
        await self._log.wait(self._position)

    def reached(self, head: Position) -> bool:
        return self._position.reached(head)

    def pack(self) -> bytes:
        packed = self._position.pack()
        until = b"" if self._until is None else self._until.pack()
        return self.TAG + struct.pack(">H", len(packed)) + packed + until


class StateReader:
    """The last event of each entity of some kinds, then the log from where it stood when this began."""

    TAG: Final = b"S"

    def __init__(self, log: Log, kinds: Sequence[str], then: Position, after: str = "") -> None:
        self._log = log
        self._kinds = list(kinds)  # those not finished; `after` is how far the first of them has been read
        self._then = then
        self._after = self._next = after
        self._live: LiveReader | None = None if self._kinds else LiveReader(log, then)

    @property
    def done(self) -> bool:
        return False

    @property
    def state(self) -> bool:
        return self._live is None

    @property
    def behind(self) -> bool:
        return self._live is not None and self._live.behind

    async def next(self, limit: int) -> Sequence[Stored]:
        if self._live is not None:
            return await self._live.next(limit)
        states = await self._log.states(self._kinds[:1], self._after, limit)
        self._next = (states[-1].entity or "") if states else ""
        # What is newer than the start of this comes again, in its place, from the log.
        return [stored for stored in states if self._then.covers(stored.at)]

    def accept(self) -> None:
        if self._live is not None:
            self._live.accept()
            return
        self._after = self._next
        if not self._after:
            del self._kinds[0]
            if not self._kinds:
                self._live = LiveReader(self._log, self._then)

    async def wait(self) -> None:
        if self._live is not None:
            await self._live.wait()

    def reached(self, head: Position) -> bool:
        return self._live is not None and self._live.reached(head)

    def pack(self) -> bytes:
        if self._live is not None:
            return self._live.pack()
        packed = self._then.pack()
        kinds = ",".join(self._kinds).encode()
        return self.TAG + struct.pack(">HH", len(packed), len(kinds)) + packed + kinds + self._after.encode()


def open_reader(log: Log, packed: bytes) -> LiveReader | StateReader:
    """The reader that `pack` described. Raises ValueError."""
    tag, rest = packed[:1], packed[1:]
    if tag == LiveReader.TAG:
        (size,) = struct.unpack_from(">H", rest)
        until = rest[2 + size :]
        return LiveReader(log, Position.unpack(rest[2 : 2 + size]), Position.unpack(until) if until else None)
    if tag == StateReader.TAG:
        size, kinds_size = struct.unpack_from(">HH", rest)
        kinds = rest[4 + size : 4 + size + kinds_size].decode().split(",")
        after = rest[4 + size + kinds_size :].decode()
        return StateReader(log, kinds, Position.unpack(rest[4 : 4 + size]), after)
    raise ValueError("not a cursor")


def state_kinds(catalogue: Catalogue, types: Iterable[str]) -> list[str]:
    """The kinds of entity (`absence`, `lesson`) whose state some of these types are, directory kinds first.

    Who a person is comes before what is said of them.
    """
    found: dict[str, bool] = {}
    for type_ in types:
        spec = catalogue.entry(type_).spec
        if spec.entity is not None:
            found[spec.entity.kind] = spec.family != "directory"
    return sorted(found, key=lambda kind: (found[kind], kind))
