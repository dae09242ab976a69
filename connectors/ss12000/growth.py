"""Too many new records at once: a list that never ends must not fill the log. More waits until a person confirms it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from connectors.ss12000 import words
from connectors.ss12000.holding import SWEDISH
from connectors.ss12000.kinds import ALL, Kind
from connectors.ss12000.words import SUPPLIER
from plugins import Context, TemporaryError, Transaction, Waiting

_GROWN: Final = "grown/"


@dataclass(slots=True)
class Room:
    """How many new records one reading of a list may still publish."""

    left: int
    taken: int = 0  # since `Growth.note` last counted
    refused: int = 0

    def has_room(self) -> bool:
        """Whether one more new record may be published; counts it."""
        if self.left <= 0:
            self.refused += 1
            return False
        self.left -= 1
        self.taken += 1
        return True


class Growth:
    """The new records of each resource since its list was last read to the end, in the connector's state.

    They are counted over pulls and restarts: a list without end is cut off by the time-out of a poll, too.
    """

    def __init__(self, ctx: Context, most: int) -> None:
        self._ctx = ctx
        self._most = most

    def room(self, kind: Kind) -> Room:
        kept = self._kept(kind)
        return Room(self._most - (kept["count"] if kept is not None else 0))

    def note(self, tx: Transaction, kind: Kind, room: Room) -> None:
        """Count what was published in this commit."""
        if room.taken:
            kept = tx.state.get(_name(kind)) or {"count": 0, "since": self._ctx.clock.utc().isoformat()}
            tx.state[_name(kind)] = {**kept, "count": kept["count"] + room.taken}
            room.taken = 0

    def is_endless(self, room: Room) -> bool:
        """Whether no more of the list need be read."""
        return room.refused > self._most

    def too_many(self, kind: Kind) -> TemporaryError:
        """The error for a list whose new records have no room."""
        return SUPPLIER.temporary(
            words.GROWS, resource=kind.resource, most=self._most, instance=self._ctx.instance, word=self._word(kind)
        )

    async def over(self, kind: Kind) -> None:
        """The list was read to its end."""
        if self._kept(kind) is not None:
            async with self._ctx.commit() as tx:
                del tx.state[_name(kind)]

    def waiting(self) -> list[Waiting]:
        found = []
        for kind in ALL:
            kept = self._kept(kind)
            if kept is not None and kept["count"] >= self._most:
                says = f"more new {kind.resource} than max_new ({self._most}) came at once"
                sv = f"fler nya {SWEDISH[kind.resource]} än max_new ({self._most}) kom på en gång"
                found.append(Waiting(self._word(kind), says, datetime.fromisoformat(kept["since"]), sv))
        return found

    async def confirm(self, word: str) -> None:
        """As many again may be published, where `word` is one of `waiting`."""
        for kind in ALL:
            if word == self._word(kind):
                await self.over(kind)

    def _word(self, kind: Kind) -> str:
        return f"{kind.resource}:more"

    def _kept(self, kind: Kind) -> Any:
        return self._ctx.state.get(_name(kind))


def _name(kind: Kind) -> str:
    return f"{_GROWN}{kind.resource}"
