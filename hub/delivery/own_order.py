"""State in an order that is the recipient's own, for a recipient that knows persons by pseudonym.

The log keeps state in the order of the entities' names, and `person/<uuid>/<source>` holds a person's SS 12000 id. In
that order a list of the ids from elsewhere would unlock all pseudonyms by rank (promise 5). So entities whose names
begin with a person's id come in the order of the recipient's pseudonyms.

The log has no index in this order. The names of a kind are therefore read once for each CHUNK of entities, and only the
chunk is kept: 50,000 persons take ten such reads, and some 1 MB.
"""

import asyncio
import bisect
import heapq
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from hub.bus.base import Log, Position, Stored
from hub.keys import Pseudonyms
from hub.privacy.base import Recipient
from hub.privacy.telling import Telling
from schemas import Catalogue, Category

CHUNK: Final = 5000
_AT_ONCE: Final = 2000  # names in one turn: the event loop is shared
_MARK: Final = "~"

_Key = tuple[bytes, str]  # the pseudonym, and the rest of the name
_FIRST: Final[_Key] = (b"", "")


@dataclass(frozen=True, slots=True)
class _Chunk:
    """The next names of a kind after a key, as they were when the log's head was there."""

    kind: str
    after: _Key
    head: Position
    names: Sequence[tuple[_Key, str]]

    def holds(self, kind: str, key: _Key, position: Position) -> bool:
        """Whether it has what follows this key, and all entities that a reader from `position` must get."""
        if kind != self.kind or key < self.after or not self.head.reached(position):
            return False
        return len(self.names) < CHUNK or key < self.names[-1][0]


class OwnOrder:
    """One recipient's order, for one subscription. `kinds`: the kinds of entity that it is for."""

    def __init__(self, log: Log, kinds: Collection[str], pseudonyms: Pseudonyms) -> None:
        self.kinds = kinds
        self._log = log
        self._pseudonyms = pseudonyms
        self._chunk: _Chunk | None = None

    async def states(self, kind: str, after: str, position: Position, limit: int) -> Sequence[Stored]:
        """As `Log.states` of one kind, in this order. `position`: where the reader will read on after the state.

        Raises LogUnavailable.
        """
        while True:
            names = await self._following(kind, after, position, limit)
            if not names:
                self._chunk = None
                return ()
            found = await self._log.states_named(names)
            if found:  # else all of them were trimmed meanwhile
                return found
            after = names[-1]

    async def _following(self, kind: str, after: str, position: Position, limit: int) -> Sequence[str]:
        (key,) = self._keys((after,)) if after.partition("/")[2] else (_FIRST,)
        chunk = self._chunk
        if chunk is None or not chunk.holds(kind, key, position):
            head = self._log.head()
            names = await self._log.entities(kind)
            nearest: list[tuple[_Key, str]] = []
            for start in range(0, len(names), _AT_ONCE):
                part = names[start : start + _AT_ONCE]
                later = [each for each in zip(self._keys(part), part, strict=True) if each[0] > key]
                nearest = heapq.nsmallest(CHUNK, nearest + later)
                await asyncio.sleep(0)
            chunk = self._chunk = _Chunk(kind, key, head, nearest)
        at = bisect.bisect_right(chunk.names, key, key=lambda each: each[0])
        return [name for _, name in chunk.names[at : at + limit]]

    def _keys(self, names: Sequence[str]) -> list[_Key]:
        parts = [name.split("/", 2) for name in names]
        order = self._pseudonyms.in_bytes([part[1] for part in parts])
        return [(pseudonym, "".join(part[2:])) for pseudonym, part in zip(order, parts, strict=True)]


def own_order(log: Log, catalogue: Catalogue, telling: Telling, recipient: Recipient) -> OwnOrder | None:
    """The recipient's own order; None if it may see the SS 12000 ids."""
    if Category.IDENTITY in telling.categories(recipient):
        return None
    kinds = {
        spec.entity.kind
        for entry in catalogue
        if (spec := entry.spec).entity is not None and spec.entity.path.partition("/")[0] in spec.about
    }
    return OwnOrder(log, kinds, telling.gate.pseudonyms(recipient))


def marked(entity: str) -> str:
    """The name by which a cursor in this order holds an entity, so that it is not taken for one in the log's order."""
    kind, _, rest = entity.partition("/")
    return f"{kind}/{_MARK}{rest}"


def is_marked(name: str) -> bool:
    return name.partition("/")[2].startswith(_MARK)


def unmarked(name: str) -> str:
    return name.replace(f"/{_MARK}", "/", 1)
