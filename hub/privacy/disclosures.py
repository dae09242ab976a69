"""The log of disclosures: which events were about to leave for a recipient or were denied to it, and by which rule.

An intent is durable before bytes leave, in the same commit as the decision's other rows; it counts as a disclosure,
whatever becomes of the delivery. The intents of one answer are one row. Rows are chained by hashes
(`hub.store.disclosures`) and hold no person in clear.
"""

from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Final

from hub.bus.base import Stored
from hub.clock import Clock
from hub.keys import Keys
from hub.privacy.base import RULES_VERSION, Gate, Intent, Recipient, Rule
from hub.privacy.explanations import explanation
from hub.store import disclosures as rows
from hub.store.base import Operation, Store
from schemas.school_time import SCHOOL_ZONE

_PSEUDONYM_BYTES: Final = 12
_MAX_KNOWN: Final = 100_000
_AT_ONCE: Final = 20_000  # rows of the log in one read


@dataclass(frozen=True, slots=True)
class Explained:
    """Why a recipient got an event or not: the last decision on the event, in plain words.

    `recomputed`: the log of disclosures lists no decision on the event, so the gate was asked what it would decide now.
    """

    allowed: bool
    rule: Rule
    at: datetime
    recomputed: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A recipient that may hold data about a person, under one subscription.

    `listed`: how many answers list the person. `unlisted`: how many answers were so large that they list only some of
    their persons; the person may be among the others. `first` and `last`: when it got the first and the last of these.
    """

    recipient: str
    subscription: str
    listed: int
    unlisted: int
    first: datetime
    last: datetime


class Disclosures:
    """Records decisions and explains them. Each person id in an intent is stored as a pseudonym of the log's own."""

    def __init__(self, store: Store, keys: Keys, tenant: str, clock: Clock) -> None:
        self._store = store
        self._key = keys.derive(f"disclosures/{tenant}")
        self._tenant = tenant
        self._clock = clock
        self._known: dict[str, str] = {}

    def record(self, intents: Sequence[Intent]) -> Operation:
        """The row of one answer, for the commit that must be durable before a byte leaves.

        The intents have one recipient, subscription and contracts, and differ in lane or rule. The row is worked out in
        the store's thread: on the event loop a denial would add its time to an answer that tells nothing.
        """
        at = self._clock.utc()
        return lambda connection: self._row(intents, at)(connection)

    def _row(self, intents: Sequence[Intent], at: datetime) -> Operation:
        decided = tuple(
            rows.Decided(
                lane=intent.lane,
                rule=intent.rule.value,
                allowed=intent.allowed,
                places=tuple(sorted(set(intent.places))),
                subjects=tuple(sorted({self.subject(person) for person in intent.subjects})),
            )
            for intent in intents
            if intent.places
        )
        if not decided:
            return rows.append(self._tenant, [])
        first = intents[0]
        row = rows.Disclosure(
            at=at,
            recipient=first.recipient,
            subscription=first.subscription,
            contracts=first.contracts,
            decided=decided,
        )
        return rows.append(self._tenant, [row])

    def subject(self, person: str) -> str:
        """The log's pseudonym of a person, by which all disclosures about a person can be found (GDPR article 15)."""
        known = self._known.get(person)
        if known is None:
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            digest = blake2b(person.lower().encode(), key=self._key, digest_size=_PSEUDONYM_BYTES).digest()
            known = self._known[person] = urlsafe_b64encode(digest).decode()
        return known

    async def holders(self, person: str) -> list[Holder]:
        """The recipients that have got events about a person, by name, as far as the log of disclosures goes back.

        An event that only mentions the person (a group with its members) is not recorded under the person's pseudonym.
        Raises StoreUnavailable.
        """
        subject, after = self.subject(person), 0
        held: dict[tuple[str, str], Holder] = {}
        while True:
            found, upto = await self._store.read(rows.naming(self._tenant, subject, after=after, limit=_AT_ONCE))
            for each in found:
                key = each.disclosure.recipient, each.disclosure.subscription
                at = each.disclosure.at
                known = held.get(key)
                held[key] = Holder(
                    recipient=key[0],
                    subscription=key[1],
                    listed=(known.listed if known else 0) + each.listed,
                    unlisted=(known.unlisted if known else 0) + (not each.listed),
                    first=known.first if known else at,
                    last=at,
                )
            if upto == after:
                return [held[key] for key in sorted(held)]
            after = upto

    async def explain(
        self,
        stored: Stored,
        recipient: Recipient,
        language: str,
        gate: Gate,
        *,
        with_rule: bool = True,
        title: Callable[[str], str] = str,
    ) -> Explained:
        """Why this recipient got this event or not. `with_rule` and `title` as for `explanation`.

        Raises StoreUnavailable.
        """
        found = await self._store.read(rows.for_place(self._tenant, recipient.name, stored.at))
        listed = [each for each in found if each.listed]
        if listed:
            last = listed[-1]
            allowed, rule, recomputed = last.decided.allowed, Rule(last.decided.rule), False
            at = last.disclosure.at
        else:
            try:
                rule = gate.decide(stored, recipient).rule
            except Exception:  # the same fault holds the event back from the recipient (`hub.privacy.telling`)
                rule = Rule.UNDECIDED
            allowed, at, recomputed = rule is Rule.ALLOWED, self._clock.utc(), True
        local = at.astimezone(SCHOOL_ZONE)  # as people at the school read a clock
        text = explanation(
            rule, recipient, allowed=allowed, recomputed=recomputed, at=local, version=RULES_VERSION,
            unlisted=any(not each.listed for each in found), with_rule=with_rule, language=language, title=title,
        )  # fmt: skip
        return Explained(allowed, rule, at, recomputed, text)
