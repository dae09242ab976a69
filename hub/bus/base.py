"""The log: what every backend promises, and the types that its callers share.

The log is N partitions; all events of a key are in one partition. A `Place` names one stored event; a `Position` says
how far a reader has read in each partition. Both are opaque outside this room: callers store them and pass them back,
and compare at most two places of one key, whose order is that of the log.
"""

import struct
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, Final, NewType, Protocol, Self

import orjson

from hub.bus.news import Again, News
from schemas import Described, Event

Place = NewType("Place", int)
"""One stored event: its partition and offset in one integer. Places of one partition rise in log order."""

OFFSET_BITS: Final = 48

LEFT: Final = "urn:skolnav:left"
"""In place of a source in the entity of an event that tells that a person has left (`person/<uuid>/<LEFT>`)."""


def place(partition: int, offset: int) -> Place:
    return Place(partition << OFFSET_BITS | offset)


def partition_of(at: Place) -> int:
    return at >> OFFSET_BITS


def offset_of(at: Place) -> int:
    return at & ((1 << OFFSET_BITS) - 1)


@dataclass(frozen=True, slots=True)
class Position:
    """How far a reader has read: the last offset of each partition (0 = nothing), and the log's epoch.

    The epoch names the life of the log that issued the position (`hub.bus.lives`). A log that lost its newest events
    uses their offsets again for other events, so a position from an earlier life is valid only up to the offset where
    the two lives part.
    """

    epoch: int
    offsets: tuple[int, ...]

    def past(self, at: Place) -> "Position":
        """This position with `at` read too. An offset never falls. Only for a position of this life (`Log.present`)."""
        partition = partition_of(at)
        if offset_of(at) <= self.offsets[partition]:
            return self
        offsets = list(self.offsets)
        offsets[partition] = offset_of(at)
        return Position(self.epoch, tuple(offsets))

    def covers(self, at: Place) -> bool:
        """Whether a reader at this position has read `at`."""
        return offset_of(at) <= self.offsets[partition_of(at)]

    def reached(self, other: "Position") -> bool:
        """Whether a reader at this position has read all that a reader at `other` has read."""
        return all(mine >= theirs for mine, theirs in zip(self.offsets, other.offsets, strict=True))

    def pack(self) -> bytes:
        return struct.pack(f">IH{len(self.offsets)}Q", self.epoch, len(self.offsets), *self.offsets)

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        """The position that `pack` made into these bytes. Raises ValueError for any other bytes."""
        try:
            epoch, count = struct.unpack_from(">IH", packed)
            return cls(epoch, struct.unpack(f">{count}Q", packed[6:]))
        except struct.error:
            raise ValueError("not a position") from None


@dataclass(slots=True, repr=False)
class Stored:
    """An event in the log, with the columns that routing and the gate read without parsing the body.

    `body` is the whole event in the JSON event format, with `sequence` and `time` filled in. A recipient that may see
    all of the event can get these bytes unchanged, unless `extras` says that the body holds something that the
    catalogue does not list.
    """

    at: Place
    type: str
    source: str
    id: str
    subject: str
    key: str
    entity: str | None
    about: tuple[str, ...]  # lower-case person ids
    organisations: tuple[str, ...]  # lower-case ids, from the event itself
    extras: bool
    accepted_us: int  # acceptance time, microseconds since 1970 UTC; `sequence` in the event is at least this
    body: bytes
    # The event reports a change or the end of its entity. Earlier events of the entity hold the data left out here.
    continues: bool = False
    earlier: tuple["Stored", ...] = ()  # those earlier events, newest first; filled in when state is read
    _parsed: dict[str, Any] | None = None
    # The event is from another source than the person's owner, and adds a protection mark; nothing else in it counts.
    adds: bool = False
    # The hub tells with it, as with a deletion, that a person became protected (`Log.leave`).
    leaves: bool = False
    restated: bool = False  # the hub's copy of an earlier state (`Log.restate`)
    news: News | None = None  # what is new in this state of its entity; None: all of it
    # An earlier event of its key was stored in the same transaction (its group). Then `sequence` in the body counts
    # the events of the key in the group, also withheld ones, so each recipient gets a number of its own.
    later: bool = False
    sibling: "Stored | None" = None  # that event, the newest of them; None: there is none, or it has been trimmed
    # The `later` ones among the events that `news.moments` are of; filled in when state is read.
    then: tuple["Stored", ...] = ()

    def __repr__(self) -> str:
        # Log lines may show this much: no subject, no data.
        return f"<Stored {self.type} {self.id} at {self.at}>"

    @property
    def parsed(self) -> dict[str, Any]:
        """The event as one JSON object. All recipients share it: never change it."""
        if self._parsed is None:
            self._parsed = orjson.loads(self.body)
        return self._parsed

    @property
    def event(self) -> Event:
        attributes = dict(self.parsed)
        data = attributes.pop("data", None)
        return Event(attributes, data)


@dataclass(frozen=True, slots=True)
class Batch:
    """The result of a read: events in log order per partition, and the position after everything that was read.

    `position` may be past the last event, since the log skips trimmed events. `at_head`: there were no further events.
    """

    events: Sequence[Stored]
    position: Position
    at_head: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a search asks for; None: any. `subject` also finds the events about that person (`person/<uuid>`).

    `type` and `source` are predicates on names. They are called in any thread, and once for each name.
    """

    id: str | None = None
    subject: str | None = None
    type: Callable[[str], bool] | None = None
    source: Callable[[str], bool] | None = None

    def matches(self, stored: Stored) -> bool:
        return (
            (self.id is None or stored.id == self.id)
            and (self.type is None or self.type(stored.type))
            and (self.source is None or self.source(stored.source))
            and (self.subject is None or self.subject in (stored.subject, *[f"person/{each}" for each in stored.about]))
        )


@dataclass(frozen=True, slots=True)
class Found:
    """The result of a search: events, newest first, and where to go on (None: there are no older ones)."""

    events: Sequence[Stored]
    upto: Position | None


@dataclass(frozen=True, slots=True)
class Appended:
    """The result of an append. `stored` are the new events; `duplicates` counts known events (same id and content)."""

    stored: Sequence[Stored]
    duplicates: int


class IdConflict(ValueError):
    """An event has the `source` and `id` of a stored event but other content. Nothing of the batch was stored.

    `indexes` names such events by their index in the batch.
    """

    def __init__(self, indexes: Iterable[int]) -> None:
        self.indexes = tuple(indexes)
        super().__init__("a known id with other content")


class OwnedByAnother(Exception):
    """Events that would change what belongs to another source. Nothing of the batch was stored.

    `indexes` are the events' places in the batch, `owners` the sources that they would have interfered with.
    """

    def __init__(self, refused: Iterable[tuple[int, str]]) -> None:
        self.indexes, self.owners = zip(*refused, strict=True)
        super().__init__("an entity that belongs to another source")


@dataclass(frozen=True, slots=True)
class Left:
    """A person (lower-case id) who became protected.

    `source`: the owner's. `organisations`: where the person belonged before. `accepted_us`: when the hub accepted the
    event that brought the mark.
    """

    person: str
    source: str
    organisations: tuple[str, ...]
    accepted_us: int


Corrects = Callable[[str, str], bool]
"""`(source, owner)`: whether this source may change what belongs to the owner."""


def corrects_nothing(source: str, owner: str) -> bool:
    return False


def corrects_all(source: str, owner: str) -> bool:
    return True


def corrects_of(globs: Iterable[str]) -> Corrects:
    """What a setting `corrects` allows: to change what belongs to the sources that match one of these globs."""
    listed = tuple(globs)
    return lambda source, owner: any(fnmatchcase(owner, glob) for glob in listed)


class LogUnavailable(Exception):
    """The log can't be written or read now (disk full, broker away). Nothing was stored; try again later."""


class Log(Protocol):
    """An ordered, durable log of events and of their entities' state. `tests/contracts/log.py` tests every backend."""

    @property
    def partitions(self) -> int: ...

    def observe(self, observer: Callable[[Sequence[Stored]], None]) -> None:
        """Call `observer` with newly durable events, in log order, in the turn in which they become visible.

        Observers run on the event loop and must not fail. The directory observes: it applies its events before their
        publisher gets an answer and before any reader sees them.
        """

    async def append(self, batch: Sequence[Described], corrects: Corrects = corrects_nothing) -> Appended:
        """Store a validated batch and return once all of it is durable (promise 1).

        Atomic per partition. Repeating a batch is harmless: within the duplicate window a known (source, id) is not
        stored again, whether it comes in another batch or twice in one, and however it is spelt. An empty batch tests
        whether the log can be written, by a small change to the file.

        An entity belongs to the source that made it; `corrects` says which other sources may change it, and is called
        in any thread. Raises IdConflict, OwnedByAnother, LogUnavailable.
        """

    async def read(self, after: Position, limit: int, *, limit_bytes: int = 4 << 20) -> Batch:
        """Up to `limit` events after a position.

        A position below the trim point counts as the trim point. A position that no life of this log issued counts as
        the start. Never waits. Raises LogUnavailable; ValueError for a position with another number of partitions.
        """

    async def wait(self, after: Position) -> None:
        """Return as soon as there is an event after `after`, without polling."""

    async def get(self, places: Sequence[Place], *, state: bool = False) -> Sequence[Stored]:
        """The events at these places, in that order, without those that have been trimmed.

        `state`: each event is the state of its entity, so it comes with the events that it rests on (`Stored.earlier`).
        """

    async def find(self, source: str, id: str) -> Stored | None:
        """The event with this source and id, or None if the log does not have it. For `skolnav why` and `events`."""

    async def search(
        self, wanted: Wanted, *, after: Position | None = None, upto: Position | None = None, limit: int
    ) -> Found:
        """The newest events that match, after one position (None: from the oldest kept) and up to another (the head).

        Answers within some 100 ms however large the log is, also for what matches nothing. Raises LogUnavailable.
        """

    async def count(self, wanted: Wanted, *, after: Position, upto: Position) -> int:
        """How many events of the wanted types and sources there are between two positions. Raises LogUnavailable."""

    async def keep_up(self) -> bool:
        """Prepare for searches: do a short piece of what the last appends left to do. Returns whether more is left."""

    def start(self) -> Position:
        """The position before the oldest event that the log has."""

    def knows(self, position: Position) -> bool:
        """Whether this log issued the position, in this life or an earlier one."""

    def present(self, position: Position) -> Position:
        """The same place as a position of this life, which `past` can move on.

        `past` on a position of an earlier life would name offsets that the earlier life did not have, and the log would
        read again from where the two lives part.
        """

    def head(self) -> Position:
        """The position after the newest durable event."""

    async def at(self, time: datetime) -> Position:
        """The position before the first event accepted at or after `time` (aware)."""

    async def oldest_time(self) -> datetime | None:
        """Acceptance time of the oldest event above the trim point; None if there is none."""

    async def trim(self, before: datetime) -> int:
        """Delete events accepted before `before`; returns the number of deleted events.

        The log keeps events that are an entity's state, or that the state rests on. It does not keep state whose type
        `ends` its entity. It keeps state of `window` types only while the time of its `until` is not before `before`.
        """

    async def states(self, kinds: Sequence[str], after: str = "", limit: int = 1000) -> Sequence[Stored]:
        """The last event of each entity whose kind (`absence` in `absence/<uuid>`) is in `kinds`.

        Ordered by kind, then in a fixed order of entities. `after` is the last entity of the page before. Types that
        end an entity are included.

        Each event comes with the events that it rests on (`Stored.earlier`). For a change these are the earlier changes
        back to the last event that holds the whole entity; for an end, the entity's state before the end. Trimming
        keeps them as long as the state itself. If there are very many, only the oldest and the newest remain.
        """

    async def entities(self, kind: str) -> Sequence[str]:
        """The names of all entities of a kind that have state, in any order."""

    async def states_named(self, entities: Sequence[str]) -> Sequence[Stored]:
        """The last events of these entities, as `states` gives them, in this order; without those that have none."""

    async def states_of(self, subject: str, kinds: Collection[str] | None = None) -> Sequence[Stored]:
        """The last event of each entity with this subject (`person/<uuid>`).

        `kinds`: only entities of these kinds are read, so that the time tells nothing of the others. None: all.
        """

    async def states_about(self, person: str, kinds: Collection[str] | None = None) -> Sequence[Stored]:
        """The last event of each entity that is about this person. `kinds` as for `states_of`."""

    async def restate(self, entities: Mapping[str, Again]) -> Sequence[Stored]:
        """Append a copy of each entity's current state, under the entity's own source with a new random id.

        The copy is news for those alone whom `Again` names (`Stored.news`).

        The writer reads and copies the state in one transaction; a copy of a state read earlier could overwrite a
        newer state. The copy has no `data.changed`, since previous values would reveal what was withheld. For the same
        reason its type is not that of a change: it gets the type of the event that the changes were made to. Unknown
        entities are skipped.
        """

    async def leave(self, persons: Sequence[Left]) -> Sequence[Stored]:
        """Append for each person what a deletion by the person's owner looks like to recipients (`Stored.leaves`).

        The person's own state stays as it is. Raises LogUnavailable.
        """

    async def close(self) -> None: ...
