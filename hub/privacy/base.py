"""The gate's words: who receives, what was decided, and the permit without which nothing can be sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol

from hub.bus.base import Place, Stored
from hub.store.withheld import Withheld
from schemas import DataContract


class PayloadLevel(StrEnum):
    """How much of a permitted event a subscription wants."""

    NONE = "none"  # that something happened: id, source, type, time
    ID = "id"  # the attributes, without data
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a decision is taken for: a client or a connector instance, under one subscription's contract.

    `name` is `client/<id>` or `connector/<instance>`; pseudonyms and disclosures go by it. `contracts` are all in
    force at once: the client's and the subscription's (a connector's class and its configuration); an event must
    pass each.
    """

    name: str
    contracts: tuple[DataContract, ...]
    level: PayloadLevel = PayloadLevel.FULL
    aggregates: bool = False  # it only makes sums: every person, under a pseudonym
    protected: bool = False  # the privacy officer lets it have protected persons' own business


class Rule(StrEnum):
    """Why it was decided so. The values are what `skolnav why` explains (hub/privacy/explanations.py)."""

    ALLOWED = "tillaten"
    CONTRACT = "avtal.kategorier"
    SCOPE = "avtal.omfattning"
    SCOPE_UNKNOWN = "avtal.omfattning-okand"
    PROTECTED = "skydd.person"
    UNKNOWN = "skydd.okand"
    STALE = "skydd.aldrad"
    NOTHING_LEFT = "avtal.inget-kvar"
    FILTER = "prenumeration.filter"


RULES_VERSION = 1


NEVER_US: Final = 1 << 62  # an `expires_us` that does not come


@dataclass(slots=True)
class Decision:
    """What one recipient may get of one event, valid until the directory changes for what it rests on.

    `content` is the reduced event (one JSON object; None if denied). It must not be sent from here: only
    `Gate.permit` turns it into bytes, in the turn of the first byte.
    """

    stored: Stored
    recipient: Recipient
    rule: Rule
    allowed: bool
    reduced: Mapping[str, Any] | None = None  # None while `unchanged`: nothing is copied, and perhaps nothing parsed
    unchanged: bool = False  # nothing was removed: `stored.body` may be sent as it is
    versions: Mapping[str, int] = field(default_factory=dict)  # what it rests on -> directory version at the decision
    withheld: Sequence[Withheld] = ()  # to be kept also where `allowed`: persons were removed from the event
    expires_us: int = NEVER_US  # machine time: from then on a mark is too old, or another day's enrolments count

    @property
    def content(self) -> Mapping[str, Any] | None:
        if not self.allowed:
            return None
        return self.stored.parsed if self.reduced is None else self.reduced

    @content.setter
    def content(self, value: Mapping[str, Any] | None) -> None:
        self.reduced = value


class PermitRefused(Exception):
    """The directory changed for a person in the event since the decision: decide again."""


class Gate(Protocol):
    def decide(self, stored: Stored, recipient: Recipient, *, state: bool = False) -> Decision:
        """Decide now. Pure in-memory work; raises nothing that is expected (an exception parks the key).

        `state`: the event stands for its entity as it is, not for its last change. Where that is withheld the decision
        is about one of `stored.earlier`.
        """

    def permit(self, decision: Decision, lane: str | None = None) -> bytes:
        """The bytes that may leave, in the JSON event format, at the recipient's payload level. Raises PermitRefused.

        Call it in the turn in which the first byte leaves: no await between. The lane goes in as `skolnavlane`.
        """


@dataclass(frozen=True, slots=True)
class Intent:
    """That a recipient is about to be given events, or was denied them: one row of the log of disclosures."""

    recipient: str
    subscription: str
    lane: str
    rule: Rule
    allowed: bool
    contracts: tuple[str, ...]  # versions (digests) of the contracts in force
    places: tuple[Place, ...]
    subjects: tuple[str, ...]  # ids of the persons; the log of disclosures keeps pseudonyms of its own
