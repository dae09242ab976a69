"""Too many removals at once: they are held back until a person confirms them, or an equal pull does.

The loss of a whole list of the directory, or of a whole school in it, looks the same in every pull of an account that
has lost its rights. So an equal pull confirms no such loss, and while one waits, it confirms no other removal either.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from connectors.ss12000.delta import stands_for, too_many
from connectors.ss12000.kinds import ALL, DIRECTORY, GROUPS, ORGANISATIONS, PERSONS, Kind
from connectors.ss12000.mapping import belongs_to, end_of_school, schools_of
from plugins import Context, Waiting

BELIEVED_AFTER: Final = timedelta(hours=1)  # an equal pull this much later confirms them
_LEAST: Final = 3  # persons or groups; a school that loses this many and has none left is a lost school

How = Literal["missing", "announced", "emptied"]
"""How losses show: missing in a whole list, named by /deletedEntities, or there without all that it belonged to."""
_HOWS: Final[tuple[How, ...]] = ("missing", "announced", "emptied")
_PARTS: Final[Mapping[str, tuple[str, str]]] = {
    "persons": ("enrolments at known schools", "placeringar vid kända skolor"),
    "groups": ("members", "medlemmar"),
}

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
    total: bool = False  # all of a list, or all of a school: only a person confirms it

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
            "total": self.total,
        }

    def believed(self, now: datetime) -> bool:
        """Whether a pull that shows the same removals now confirms them."""
        return self.confirmed or (not self.total and now - self.since >= BELIEVED_AFTER)


class Holding:
    """The removals held back at one supplier, in the connector's state: a restart forgets none."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._looked: dict[str, datetime] = {}  # when a list with held removals was last read whole, by resource

    def of(self, kind: Kind) -> list[Held]:
        found = (Held.kept(self._ctx.state.get(_name(kind, how))) for how in _HOWS)
        return [held for held in found if held is not None]

    def any(self, kinds: Sequence[Kind]) -> bool:
        return any(self.of(kind) for kind in kinds)

    def due(self, kind: Kind) -> bool:
        """Whether it is time to look again at held removals: a person has confirmed them, or an hour is over.

        Also where an equal pull confirms nothing: the records may be back.
        """
        now, looked = self._ctx.clock.utc(), self._looked.get(kind.resource)
        return any(
            held.confirmed or now - max(held.since, looked or held.since) >= BELIEVED_AFTER for held in self.of(kind)
        )

    def _believed(self, held: Held) -> bool:
        if held.confirmed:
            return True
        return not self._total() and held.believed(self._ctx.clock.utc())

    def _total(self) -> bool:
        """Whether the loss of a whole list or school waits for a person."""
        return any(held.total and not held.confirmed for kind in DIRECTORY for held in self.of(kind))

    async def believable(self, kind: Kind, how: How, ids: Sequence[str], known: int) -> bool:
        """Whether these of the `known` records may be removed. If not, they are held back, and reported once."""
        if how == "missing":
            self._looked[kind.resource] = self._ctx.clock.utc()
        total = kind in DIRECTORY and self._is_total(kind, ids, known)
        if not ids or not (total or self._total() or too_many(len(ids), known)):
            return True
        name, what, now = _name(kind, how), stands_for(ids), self._ctx.clock.utc()
        if any(held.what == what and held.total >= total and self._believed(held) for held in self.of(kind)):
            return True
        held = Held.kept(self._ctx.state.get(name))
        if held is not None and (held.what, held.total) == (what, total):
            return False
        async with self._ctx.commit() as tx:
            tx.state[name] = Held(now, what, len(ids), known, total=total).to_keep()
        if total:
            otherwise = "Until then the last known directory stays, and no directory.current is published"
        elif self._total():
            otherwise = "An equal pull confirms it too, but only once no loss of a whole list or school waits"
        else:
            otherwise = "An equal pull in an hour confirms it too"
        self._ctx.problem(
            "removals-held",
            f"{len(ids)} of {known} {kind.resource} would be removed at once{self._scope(kind, ids, known)}; no "
            "removal is published. Check with the supplier, and what the hub's account may read; if it is right: "
            f"skolnav connectors confirm {self._ctx.instance} {kind.resource}:{what}. {otherwise}",
        )
        return False

    async def may_empty(self, kind: Kind, ids: Collection[str], known: Mapping[str, Any]) -> bool:
        """Whether these persons may lose all enrolments, or these groups all members. Not if all `known` do at once, or
        all of one school.

        `known`: the records that have enrolments or members, as they are kept. Fewer than `_LEAST` persons or
        memberships, or groups of one school, may well end. While a loss is held, it stays so for as long as at least
        half of the records show it.
        """
        self._looked[kind.resource] = self._ctx.clock.utc()
        name, what = _name(kind, "emptied"), stands_for([*ids, "emptied"])
        held = Held.kept(self._ctx.state.get(name))
        if held is not None and held.confirmed and held.what == what:
            return True
        share = 1 if held is None else 2
        size = len(known) if kind is PERSONS else sum(len(belongs_to(kind, kept)) for kept in known.values())
        schools = self._emptied_schools(kind, ids, known, share)
        if not ids or not (schools or (size >= _LEAST and len(ids) * share >= len(known))):
            return True
        if held is not None and held.what == what:
            return False
        async with self._ctx.commit() as tx:
            tx.state[name] = Held(self._ctx.clock.utc(), what, len(ids), len(known), total=True).to_keep()
        scope = f", among them all of {len(schools)} school(s)" if schools and len(ids) < len(known) else ""
        self._ctx.problem(
            "removals-held",
            f"{len(ids)} of {len(known)} {kind.resource} would lose all {_PARTS[kind.resource][0]} at once{scope}; "
            "none of this is published. Check with the supplier, and what the hub's account may read; if it is right: "
            f"skolnav connectors confirm {self._ctx.instance} {kind.resource}:{what}. Until then the last known "
            "directory stays, and no directory.current is published",
        )
        return False

    def _is_total(self, kind: Kind, ids: Sequence[str], known: int) -> bool:
        return 0 < known <= len(ids) or bool(self._lost_schools(kind, ids))

    def _scope(self, kind: Kind, ids: Sequence[str], known: int) -> str:
        schools = len(self._lost_schools(kind, ids))
        return f", among them all of {schools} school(s)" if schools and len(ids) < known else ""

    def _lost_schools(self, kind: Kind, ids: Sequence[str]) -> list[str]:
        """The schools that lose all their known persons or groups, or that are removed themselves while they have some.

        A school of fewer than `_LEAST` records does not count: a pupil or two may well be the last who leave. Nor does
        a school that has ended.
        """
        gone = set(ids)
        if not gone or kind not in (ORGANISATIONS, PERSONS, GROUPS):
            return []
        before, left = Counter[str](), Counter[str]()
        for each in (PERSONS, GROUPS) if kind is ORGANISATIONS else (kind,):
            prefix = f"{each.name}/"
            for name, kept in self._ctx.state.under(prefix).items():
                schools = schools_of(each, kept)
                before.update(schools)
                if kind is not ORGANISATIONS and name[len(prefix) :] not in gone:
                    left.update(schools)
        return [
            school
            for school, count in before.items()
            if count >= _LEAST
            and not left[school]
            and (kind is not ORGANISATIONS or school in gone)
            and not self._has_ended(school)
        ]

    def _emptied_schools(self, kind: Kind, ids: Collection[str], known: Mapping[str, Any], share: int) -> list[str]:
        """The schools of which at least 1/`share` of the `known` persons or groups are among `ids`."""
        before, emptied = Counter[str](), Counter[str]()
        for id, kept in known.items():
            schools = schools_of(kind, kept)
            before.update(schools)
            if id in ids:
                emptied.update(schools)
        return [
            school
            for school, count in before.items()
            if count >= _LEAST and emptied[school] * share >= count and not self._has_ended(school)
        ]

    def _has_ended(self, school: str) -> bool:
        """Whether the supplier itself has said that the school is over: then its people may leave with it."""
        end = end_of_school(self._ctx.state.get(ORGANISATIONS.key(school)))
        return end is not None and end[:10] < self._ctx.clock.school().date().isoformat()

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
            for how in _HOWS:
                held = Held.kept(self._ctx.state.get(_name(kind, how)))
                if held is not None and not held.confirmed:
                    word = f"{kind.resource}:{held.what}"
                    says = f"{held.count} of {held.known} {kind.resource} would be removed"
                    sv = f"{held.count} av {held.known} {SWEDISH[kind.resource]} skulle tas bort"
                    if how == "emptied":
                        part, del_sv = _PARTS[kind.resource]
                        says = f"{held.count} of {held.known} {kind.resource} would lose all {part}"
                        sv = f"{held.count} av {held.known} {SWEDISH[kind.resource]} skulle förlora alla {del_sv}"
                    if held.total:
                        says += "; only a person can confirm it"
                        sv += "; bara en person kan bekräfta det"
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
