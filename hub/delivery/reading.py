"""Reading for one recipient: the state of each entity if the subscription starts from state, then the log as it grows.

Followers, feeds and replays all read this way; this module decides nothing. A `Reading` has no cursor of its own: a
feed's client holds the `ReadCursor`; a `Reader` holds one for a follower and packs it for the store.
"""

import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

from hub.bus.base import Log, Place, Position, Stored
from hub.delivery.own_order import OwnOrder, is_marked, marked, unmarked
from schemas import Catalogue

_SIZES: Final = struct.Struct(">HHH")  # of the positions in a packed reader


@dataclass(frozen=True, slots=True)
class ReadCursor:
    """How far a reading has come.

    `state_after` is the last entity whose state was read (`absence/` before the first of that kind), "" after the whole
    state. Then the log is read from `position`, the log's head when reading the state began.
    """

    position: Position
    state_after: str = ""


@dataclass(frozen=True, slots=True)
class Slice:
    """Some events. `after(n)` is the cursor with the first `n` of them read; `at_head`: there were no later events."""

    events: Sequence[Stored]
    after: Callable[[int], ReadCursor]
    state: bool = False  # each event stands for its entity as it is
    at_head: bool = False
    name: Callable[[Stored], str] = lambda stored: ""  # of state: the `state_after` of a cursor after this event


class Reading:
    """Reads the state of entities of some `kinds`, then the log up to `until` (None: without end).

    `own`: the order of the state for a recipient that knows persons by pseudonym.
    """

    def __init__(
        self, log: Log, kinds: Sequence[str] = (), until: Position | None = None, own: OwnOrder | None = None
    ) -> None:
        self._log = log
        self._kinds = kinds
        self._until = until
        self._own = own

    def from_state(self) -> ReadCursor:
        """The first cursor of a reading that begins with the state."""
        return ReadCursor(self._log.head(), f"{self._kinds[0]}/" if self._kinds else "")

    async def read(self, cursor: ReadCursor, limit: int) -> Slice:
        """The next events, up to `limit`. Never waits. Raises LogUnavailable."""
        cursor = replace(cursor, position=self._log.present(cursor.position))  # a client's cursor outlives the process
        if cursor.state_after and self._kinds:
            return await self._state(cursor, limit)
        return await self._follow(cursor, limit)

    def over(self, cursor: ReadCursor) -> bool:
        """Whether everything up to `until` has been read; never true without an `until`."""
        return self._until is not None and cursor.position.reached(self._until)

    async def _state(self, cursor: ReadCursor, limit: int) -> Slice:
        after = cursor.state_after
        kind = after.partition("/")[0]
        if (
            kind not in self._kinds
        ):  # the subscription no longer has this kind: begin the state again, so that nothing is lost
            kind, after = self._kinds[0], f"{self._kinds[0]}/"
        own = self._own if self._own is not None and kind in self._own.kinds else None
        if is_marked(after) is not (own is not None):
            # The kind was begun in the other order, by an earlier version or under another contract: once more, so that
            # nothing is lost.
            after = f"{kind}/"
        if own is None:
            name: Callable[[Stored], str] = entity_of
            states = await self._log.states([kind], after, limit)
        else:
            name = _marked_name
            states = await own.states(kind, unmarked(after), cursor.position, limit)
        # A state that is newer than the start of this reading is read from the log later, in log order. If it were read
        # here too, the newer of two changes would arrive first.
        events = [stored for stored in states if cursor.position.covers(stored.at)]
        following = self._kinds[self._kinds.index(kind) + 1 :]

        def past(n: int) -> ReadCursor:
            if n < len(events):
                return replace(cursor, state_after=name(events[n - 1]) if n else after)
            if states:
                return replace(cursor, state_after=name(states[-1]))
            return replace(cursor, state_after=f"{following[0]}/" if following else "")

        return Slice(events, past, state=True, name=name)

    async def _follow(self, cursor: ReadCursor, limit: int) -> Slice:
        batch = await self._log.read(cursor.position, limit)
        events, position, until = batch.events, batch.position, self._until
        if until is not None and not until.reached(position):
            events = [stored for stored in events if until.covers(stored.at)]

        def past(n: int) -> ReadCursor:
            if n >= len(events):
                return ReadCursor(position)
            reached = cursor.position
            for stored in events[:n]:
                reached = reached.past(stored.at)
            return ReadCursor(reached)

        return Slice(events, past, at_head=batch.at_head)


class Reader:
    """A follower's reading and its cursor.

    `began`: the log's head when reading the state began; events up to there were read as state. None: no state.
    """

    def __init__(
        self,
        log: Log,
        cursor: ReadCursor,
        *,
        kinds: Sequence[str] = (),
        until: Position | None = None,
        began: Position | None = None,
        own: OwnOrder | None = None,
    ) -> None:
        self._log = log
        self._reading = Reading(log, kinds, until, own)
        self._until = until
        self._began = began
        self._cursor = self._next = cursor

    @classmethod
    def from_state(cls, log: Log, kinds: Sequence[str]) -> Self:
        """A reader that begins with the state."""
        cursor = Reading(log, kinds).from_state()
        return cls(log, cursor, kinds=kinds, began=cursor.position)

    @classmethod
    def open(cls, log: Log, packed: bytes, kinds: Sequence[str] = (), own: OwnOrder | None = None) -> Self:
        """The reader that `pack` stored. `kinds`: those whose state the subscription wants now. Raises ValueError."""
        try:
            sizes = _SIZES.unpack_from(packed)
        except struct.error:
            raise ValueError("not a cursor") from None
        parts, at = [], _SIZES.size
        for size in sizes:
            parts.append(Position.unpack(packed[at : at + size]) if size else None)
            at += size
        position, until, began = parts
        if position is None:
            raise ValueError("not a cursor")
        return cls(log, ReadCursor(position, packed[at:].decode()), kinds=kinds, until=until, began=began, own=own)

    def pack(self) -> bytes:
        position = self._cursor.position.pack()
        until = b"" if self._until is None else self._until.pack()
        began = b"" if self._began is None else self._began.pack()
        sizes = _SIZES.pack(len(position), len(until), len(began))
        return sizes + position + until + began + self._cursor.state_after.encode()

    @property
    def position(self) -> Position | None:
        """The reader's position in the log; None while it reads the state."""
        return None if self._cursor.state_after else self._cursor.position

    @property
    def done(self) -> bool:
        """Whether a reader with an end has reached it."""
        return self._reading.over(self._cursor)

    @property
    def behind(self) -> bool:
        """Whether events were trimmed that this reader has not read."""
        return not self._cursor.state_after and not self._cursor.position.reached(self._log.start())

    async def next(self, limit: int) -> Slice:
        """Up to `limit` events. They count as read only after `accept`. If there are none, `wait` for some."""
        found = await self._reading.read(self._cursor, limit)
        self._next = found.after(len(found.events))
        return found

    def accept(self) -> bool:
        """Move past the events of the last `next`, in the turn in which they are taken. Returns whether it moved."""
        moved = self._next != self._cursor
        self._cursor = self._next
        return moved

    async def wait(self) -> None:
        """Return as soon as `next` may have events."""
        if not self._cursor.state_after:
            await self._log.wait(self._cursor.position)

    def reached(self, head: Position) -> bool:
        """Whether everything up to `head` has been read and accepted."""
        return not self._cursor.state_after and self._cursor.position.reached(head)

    def was_state(self, place: Place) -> bool:
        """Whether this reader read the event as its entity's state."""
        return self._began is not None and self._began.covers(place)


def entity_of(stored: Stored) -> str:
    """The entity whose state this is."""
    assert stored.entity is not None
    return stored.entity


def _marked_name(stored: Stored) -> str:
    return marked(entity_of(stored))


def state_kinds(catalogue: Catalogue, types: Iterable[str]) -> list[str]:
    """The kinds of entity (`absence`, `lesson`) whose state these types carry, directory kinds first.

    So a recipient gets a person before it gets events about the person.
    """
    found: dict[str, bool] = {}
    for type_ in types:
        spec = catalogue.entry(type_).spec
        if spec.entity is not None:
            found[spec.entity.kind] = spec.family != "directory"
    return sorted(found, key=lambda kind: (found[kind], kind))
