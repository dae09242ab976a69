"""Too many removals at once: they are held back until a person confirms them, or an equal pull does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from connectors.ss12000.delta import stands_for, too_many
from connectors.ss12000.kinds import ALL, DIRECTORY, Kind
from plugins import Context, Waiting

BELIEVED_AFTER: Final = timedelta(hours=1)  # an equal pull this much later confirms them

How = Literal["missing", "announced"]
"""How removals show: missing in a whole list, or named by /deletedEntities. The two need not agree."""
_HOWS: Final[tuple[How, ...]] = ("missing", "announced")

SWEDISH: Final[Mapping[str, str]] = {
    "organisations": "organisationer",
    "persons": "personer",
    "groups": "grupper",
    "duties": "tjänstgöringar",
    "activities": "aktiviteter",
    "rooms": "salar",
    "calendarEvents": "lektioner",
    "absences": "frånvaroanmälningar",
    "attendances": "närvarouppgifter",
    "attendanceEvents": "in- och utcheckningar",
}


@dataclass(frozen=True, slots=True)
class Held:
    """Some removals of one resource."""

    since: datetime  # machine time
    what: str  # a word for exactly these records
    count: int
    known: int  # records of the resource
    confirmed: bool = False

    @classmethod
    def kept(cls, value: Any) -> "Held | None":
        """From connector state; None if nothing is held."""
        return cls(**{**value, "since": datetime.fromisoformat(value["since"])}) if value is not None else None

    def to_keep(self) -> dict[str, Any]:
        return {
            "since": self.since.isoformat(),
            "what": self.what,
            "count": self.count,
            "known": self.known,
            "confirmed": self.confirmed,
        }

    def believed(self, now: datetime) -> bool:
        """Whether a pull that shows the same removals now confirms them."""
        return self.confirmed or now - self.since >= BELIEVED_AFTER


class Holding:
    """The removals held back at one supplier, in the connector's state: a restart forgets none."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def of(self, kind: Kind) -> list[Held]:
        found = (Held.kept(self._ctx.state.get(_name(kind, how))) for how in _HOWS)
        return [held for held in found if held is not None]

    def any(self, kinds: Sequence[Kind]) -> bool:
        return any(self.of(kind) for kind in kinds)

    def due(self, kind: Kind) -> bool:
        """Whether it is time to look again at held removals: a person has confirmed them, or an hour is over."""
        return any(held.believed(self._ctx.clock.utc()) for held in self.of(kind))

    async def believable(self, kind: Kind, how: How, ids: Sequence[str], known: int) -> bool:
        """Whether these of the `known` records may be removed. If not, they are held back, and reported once."""
        if not too_many(len(ids), known, whole=kind in DIRECTORY):
            return True
        name, what, now = _name(kind, how), stands_for(ids), self._ctx.clock.utc()
        if any(held.what == what and held.believed(now) for held in self.of(kind)):
            return True
        held = Held.kept(self._ctx.state.get(name))
        if held is not None and held.what == what:
            return False
        async with self._ctx.commit() as tx:
            tx.state[name] = Held(now, what, len(ids), known).to_keep()
        self._ctx.problem(
            "removals-held",
            f"{len(ids)} of {known} {kind.resource} would be removed at once; no removal is published. Check with the "
            f"supplier; if it is right: skolnav connectors confirm {self._ctx.instance} {kind.resource}:{what}. An "
            "equal pull in an hour confirms it too",
        )
        return False

    async def over(self, kind: Kind, how: How) -> None:
        """Forget held removals that have been published, or that no longer show."""
        name = _name(kind, how)
        if name in self._ctx.state:
            async with self._ctx.commit() as tx:
                del tx.state[name]

    def waiting(self) -> list[Waiting]:
        """The removals that a person may confirm; the same records that show in both ways are one entry."""
        found: dict[str, Waiting] = {}
        for kind in ALL:
            for held in self.of(kind):
                if not held.confirmed:
                    word = f"{kind.resource}:{held.what}"
                    says = f"{held.count} of {held.known} {kind.resource} would be removed"
                    sv = f"{held.count} av {held.known} {SWEDISH[kind.resource]} skulle tas bort"
                    found.setdefault(word, Waiting(word, says, held.since, sv))
        return list(found.values())

    async def confirm(self, word: str) -> None:
        """Note that a person has confirmed the removals of `word`."""
        resource, _, what = word.partition(":")
        async with self._ctx.commit() as tx:
            for kind in ALL:
                for how in _HOWS:
                    held = Held.kept(tx.state.get(_name(kind, how)))
                    if held is not None and (kind.resource, held.what) == (resource, what):
                        tx.state[_name(kind, how)] = {**held.to_keep(), "confirmed": True}


def _name(kind: Kind, how: How) -> str:
    return f"held/{kind.resource}/{how}"
