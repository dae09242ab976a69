"""The log: what every backend promises, and the few words that it speaks in.

The log is N partitions; a key lives in one of them. A `Place` names one stored event, a `Position` how far a reader
has got in all partitions. Both are opaque outside this room: keep them, give them back, compare them nowhere.
"""

import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NewType, Protocol, Self

import orjson

from schemas import Described, Event

Place = NewType("Place", int)
"""One stored event: partition and offset in one integer. Places of one partition rise in log order."""

OFFSET_BITS: Final = 48


def place(partition: int, offset: int) -> Place:
    return Place(partition << OFFSET_BITS | offset)


def partition_of(at: Place) -> int:
    return at >> OFFSET_BITS


def offset_of(at: Place) -> int:
    return at & ((1 << OFFSET_BITS) - 1)


@dataclass(frozen=True, slots=True)
class Position:
    """How far a reader has got: per partition the last offset read (0 = nothing), and the log's epoch.

    The epoch names the life of the log that gave it (`hub.bus.lives`): a log that has lost its end gives offsets anew,
    and a position from before that counts only as far as both lives hold the same.
    """

    epoch: int
    offsets: tuple[int, ...]

    def past(self, at: Place) -> "Position":
        """This position with `at` read too. Offsets never go back."""
        partition = partition_of(at)
        if offset_of(at) <= self.offsets[partition]:
            return self
        offsets = list(self.offsets)
        offsets[partition] = offset_of(at)
        return Position(self.epoch, tuple(offsets))

    def covers(self, at: Place) -> bool:
        """Whether `at` has been read by a reader who is here."""
        return offset_of(at) <= self.offsets[partition_of(at)]

    def reached(self, other: "Position") -> bool:
        """Whether a reader who is here has read all that one at `other` has."""
        return all(mine >= theirs for mine, theirs in zip(self.offsets, other.offsets, strict=True))

    def pack(self) -> bytes:
        return struct.pack(f">IH{len(self.offsets)}Q", self.epoch, len(self.offsets), *self.offsets)

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        """Raises ValueError on anything that `pack` did not make."""
        try:
            epoch, count = struct.unpack_from(">IH", packed)
            return cls(epoch, struct.unpack(f">{count}Q", packed[6:]))
        except struct.error:
            raise ValueError("not a position") from None


@dataclass(slots=True, repr=False)
class Stored:
    """An event in the log, with the columns that routing and the gate read without parsing it.

    `body` is the whole event in the JSON event format, `sequence` and `time` filled in: bytes that may be sent as
    they are to whom may see all of it, unless `extras` says that something in it is not in the catalogue.
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
    # It says what changed, or that its entity is no more: what it leaves out stands in the events before it.
    continues: bool = False
    earlier: tuple["Stored", ...] = ()  # those, newest first; read with the state alone
    _parsed: dict[str, Any] | None = None

    def __repr__(self) -> str:
        # Only what may stand in a log line: no subject, no data.
        return f"<Stored {self.type} {self.id} at {self.at}>"

    @property
    def parsed(self) -> dict[str, Any]:
        """The event as one JSON object. Shared between recipients: read, never write."""
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
    """What a read gave: events in log order per partition, and the position after all that was looked at.

    `position` may be past the last event (others were skipped or trimmed); `at_head` says that nothing more was there.
    """

    events: Sequence[Stored]
    position: Position
    at_head: bool


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of a batch. `stored` are the new ones; `duplicates` counts those known before (same content)."""

    stored: Sequence[Stored]
    duplicates: int


class IdConflict(ValueError):
    """The same `source` and `id` came with other content. Nothing of the batch was stored.

    `indexes` are the places in the batch, counted from 0.
    """

    def __init__(self, indexes: Iterable[int]) -> None:
        self.indexes = tuple(indexes)
        super().__init__("a known id with other content")


class LogUnavailable(Exception):
    """The log can't be written or read now (disk full, broker away). Nothing was stored; try again later."""


class Log(Protocol):
    """An ordered, durable log of events with their state. `tests/contracts/log.py` holds every backend to this."""

    @property
    def partitions(self) -> int: ...

    def observe(self, observer: Callable[[Sequence[Stored]], None]) -> None:
        """Call `observer` with newly durable events, in log order, in the turn before `append` returns.

        Observers run on the event loop and must not fail: the directory applies its events here, before anything is
        acknowledged and before any reader sees them.
        """

    async def append(self, batch: Sequence[Described]) -> Appended:
        """Store a validated batch and return once all of it is durable (promise 1).

        Atomic per partition; repeating the batch is harmless: a known (source, id) is not stored again within
        the duplicate window, across batches and within one. An empty batch asks whether the log can be written, and
        is written too. Raises IdConflict, LogUnavailable.
        """

    async def read(self, after: Position, limit: int, *, limit_bytes: int = 4 << 20) -> Batch:
        """Up to `limit` events after a position, from memory if it reaches back, else from the file.

        A position below the trim point is moved up silently, one that no life of this log gave reads from the
        oldest. Never waits. Raises LogUnavailable; ValueError for a position of another number of partitions.
        """

    async def wait(self, after: Position) -> None:
        """Return as soon as there is something after `after`; wakes on append, without polling."""

    async def get(self, places: Sequence[Place], *, state: bool = False) -> Sequence[Stored]:
        """The events at these places, in that order; those that were trimmed are left out.

        `state`: they were read as the state of their entities, so with what that rests on (`Stored.earlier`).
        """

    async def find(self, source: str, id: str) -> Stored | None:
        """The event that (source, id) names, while the log keeps it. For `skolnav why` and `events`."""

    def start(self) -> Position:
        """Before everything: reading from here gives the oldest event kept."""

    def knows(self, position: Position) -> bool:
        """Whether this log gave it, in this life or an earlier one."""

    def head(self) -> Position:
        """After the newest durable event."""

    async def at(self, time: datetime) -> Position:
        """Just before the first event accepted at or after `time` (aware)."""

    async def oldest_time(self) -> datetime | None:
        """Acceptance time of the oldest event kept outside state; None if the log is empty."""

    async def trim(self, before: datetime) -> int:
        """Forget events accepted before `before`, except those that are some entity's state; returns how many.

        State whose type `ends` its entity, and state of `window` types, goes with its age.
        """

    async def states(self, kinds: Sequence[str], after: str = "", limit: int = 1000) -> Sequence[Stored]:
        """The last event of each entity whose kind (`absence` of `absence/<uuid>`) is in `kinds`.

        By kind, then in a fixed order of entities. Pages by `after`, the last entity seen; `ends` types are included.
        Each comes with what it rests on (`Stored.earlier`): an event that says what changed with those back to the
        last that does not, the last of an entity with what it was before. Trimming spares them as long as the state
        itself; of very many the oldest and the newest are kept.
        """

    async def states_of(self, subject: str) -> Sequence[Stored]:
        """The last event of each entity with this subject (`person/<uuid>`)."""

    async def states_about(self, person: str) -> Sequence[Stored]:
        """The last event of each entity that is about this person."""

    async def restate(self, entities: Sequence[str]) -> Sequence[Stored]:
        """Append each entity's state as it stands when this is written, under its own source with a new random id.

        Copied in the writer's own transaction: a copy read earlier could land on top of a newer one. `data.changed`
        is left out: the copy stands for the entity as it is, and previous values would tell what was withheld. So
        would a type that speaks of a change: it takes that of the event that the changes were made to.
        Unknown entities are left out.
        """

    async def close(self) -> None: ...
