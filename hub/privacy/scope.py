"""The scope: whether an event lies within every contract's organisations and school types.

An event's organisations are those that it names (a column of the log); else, for an event about persons, where each
of them belongs today; else those of the group, activity, room or duty that owns it. One match suffices, per person.
If no organisation is known, the event is outside.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Final

from hub.bus.base import Stored
from hub.clock import NEVER_US
from hub.directory.directory import Directory
from hub.directory.tables import STRUCTURE
from hub.privacy.base import Recipient, Rule
from schemas import Entry
from schemas.payload import pluck
from schemas.school_time import SCHOOL_ZONE

Belonging = tuple[str, str | None]  # organisation, and school type where it is known

# An event waits for a fact under a name of its own, so that a change of something else does not restate it.
PLACE: Final = "place/"  # where a person (`place/<id>`) or an entity (`place/group/<id>`) belongs
SCHOOL_TYPE: Final = "school-type/"  # likewise: which school types it has


@dataclass(slots=True)
class ScopeNeed:
    """Whether an event lies within the scope. If not, `waits_for` names the missing facts that could change that."""

    met: bool
    rule: Rule = Rule.ALLOWED
    waits_for: Collection[str] = ()
    versions: Mapping[str, int] = field(default_factory=dict)
    expires_us: int = NEVER_US


class ScopeCheck:
    """The scopes of one recipient's contracts for one type."""

    @classmethod
    def of(cls, recipient: Recipient, entry: Entry, directory: Directory) -> "ScopeCheck | None":
        """None if no contract has a scope."""
        scopes = [
            (
                None if scope.organisations is None else frozenset(each.lower() for each in scope.organisations),
                scope.school_types,
            )
            for contract in recipient.contracts
            if (scope := contract.scope).organisations is not None or scope.school_types is not None
        ]
        return cls(scopes, entry, directory) if scopes else None

    def __init__(
        self,
        scopes: Sequence[tuple[frozenset[str] | None, frozenset[str] | None]],
        entry: Entry,
        directory: Directory,
    ) -> None:
        self._scopes = scopes
        self._spec = entry.spec
        self._directory = directory
        self._typed = any(types is not None for _, types in scopes)
        self._known: dict[tuple[str, ...], ScopeNeed] = {}  # by the organisations that events name
        self._known_at = -1
        self._day = ""
        self._day_ends_us = 0

    def need(self, stored: Stored, about: Sequence[str], now_us: int) -> ScopeNeed:
        """Decide on one event that is about these persons."""
        structure = self._directory.version(STRUCTURE)
        if stored.organisations and not (self._typed and about):
            if structure != self._known_at or len(self._known) > 10_000:
                self._known.clear()
                self._known_at = structure
            known = self._known.get(stored.organisations)
            if known is None:
                known = self._judge([(each, None) for each in stored.organisations])
                known.versions = {STRUCTURE: structure}
                self._known[stored.organisations] = known
            return known
        versions = {STRUCTURE: structure}
        expires_us = NEVER_US
        if about:
            need = ScopeNeed(True)
            for person in about:
                versions[person] = self._directory.version(person)
                belongs = self._directory.belongings(person, self._today(now_us), now_us)
                expires_us = min(expires_us, self._day_ends_us, self._children_until(person, now_us))
                if stored.organisations:
                    types = {type_ for _, type_ in belongs if type_ is not None}
                    named = [(each, type_) for each in stored.organisations for type_ in types or (None,)]
                    need = self._judge(named, person=person)
                else:
                    need = self._judge(sorted(belongs, key=str), (PLACE + person,), person)
                if not need.met:
                    break
        else:
            need = self._judge(*self._owners(stored))
        need.versions = versions
        need.expires_us = expires_us
        return need

    def contained(self, belongings: Sequence[Belonging]) -> bool:
        """Whether a person who belongs here is surely within the scope."""
        return bool(belongings) and self._judge(belongings).met

    def _judge(
        self, belongings: Sequence[Belonging], if_none: Collection[str] = (), person: str | None = None
    ) -> ScopeNeed:
        """Whether every scope contains one of these. `if_none`: the names to wait for if nothing is known.

        `person`: whose belongings these are, if they are a person's.
        """
        if not belongings:
            return ScopeNeed(False, Rule.SCOPE_UNKNOWN, if_none)
        unknown: set[str] = set()
        for organisations, types in self._scopes:
            within = belongings
            if organisations is not None:
                parts = self._directory.with_parts(organisations)
                within = [each for each in belongings if each[0] in parts]
            if not within:
                unplaced = {self._directory.unplaced(each[0]) for each in belongings} - {None}
                unknown |= {f"organisation/{each}" for each in unplaced}
                if not unplaced:
                    return ScopeNeed(False, Rule.SCOPE)
            elif types is not None:
                found: set[str] = set()
                for organisation, type_ in within:
                    found |= {type_} if type_ is not None else self._directory.school_types(organisation)
                if not found:
                    unknown |= {f"{SCHOOL_TYPE}organisation/{each[0]}" for each in within}
                    unknown |= {SCHOOL_TYPE + person} if person is not None else set()
                elif not found & types:
                    return ScopeNeed(False, Rule.SCOPE)
        return ScopeNeed(False, Rule.SCOPE_UNKNOWN, unknown) if unknown else ScopeNeed(True)

    def _owners(self, stored: Stored) -> tuple[Sequence[Belonging], Collection[str]]:
        """Where the owners of the event belong, and the names of owners that are not known."""
        belongings: set[Belonging] = set()
        missing: set[str] = set()
        data = stored.parsed.get("data")
        for path in self._spec.groups:
            parent = path.split(".")[-2] if "." in path else self._spec.subject.kind
            kind = parent.removesuffix("[]").removesuffix("s")
            for id in pluck(data, path):
                organisation, type_ = self._directory.owner_of(id.lower())
                if organisation is None:
                    missing.add(f"{PLACE}{'activity' if kind == 'activitie' else kind}/{id.lower()}")
                else:
                    belongings.add((organisation, type_))
        return sorted(belongings, key=str), missing

    def _children_until(self, person: str, now_us: int) -> int:
        directory = self._directory
        return min((directory.judge(child, now_us)[1] for child in directory.children_of(person)), default=NEVER_US)

    def _today(self, now_us: int) -> str:
        if now_us >= self._day_ends_us:
            clock = self._directory.clock
            today = clock.school()
            self._day = today.date().isoformat()
            midnight = next_midnight(today)
            self._day_ends_us = clock.utc_us() + max(1, int(clock.machine_seconds_until(midnight) * 1_000_000))
        return self._day


def next_midnight(today: datetime) -> datetime:
    """When the school's next day begins."""
    return datetime.combine(today.date() + timedelta(days=1), time(), SCHOOL_ZONE)
