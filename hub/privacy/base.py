"""The gate's words: a recipient, a decision, and the rules that a decision follows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, make_dataclass
from enum import StrEnum
from typing import Any, Final, Protocol

from hub.bus.base import Place, Stored
from hub.clock import NEVER_US
from hub.keys import Pseudonyms
from hub.store.withheld import Withheld
from schemas import DataContract


class PayloadLevel(StrEnum):
    """How much of a permitted event a subscription wants."""

    NONE = "none"  # that something happened: id, source, type, time
    ID = "id"  # the attributes, without data
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Recipient:
    """A client or a connector instance, under the contracts of one subscription.

    `name` is `client/<id>` or `connector/<instance>`; each name has pseudonyms and disclosures of its own. `contracts`
    are all in force at once: the client's and the subscription's (for a connector: its class's and its
    configuration's). An event must pass each.
    """

    name: str
    contracts: tuple[DataContract, ...]
    level: PayloadLevel = PayloadLevel.FULL
    aggregates: bool = False  # the recipient only makes sums: it gets every person, under a pseudonym
    protected: bool = False  # the privacy officer allows it events about protected persons
    exact: tuple[str, ...] = ()  # types whose sums it gets exact and at once, since it must act on them; * and ?


class Rule(StrEnum):
    """The reason for a decision. The values are what `skolnav why` explains (texts `rule.<value>`)."""

    ALLOWED = "tillaten"  # the only rule under which an event leaves
    CONTRACT = "avtal.kategorier"
    SCOPE = "avtal.omfattning"
    SCOPE_UNKNOWN = "avtal.omfattning-okand"
    PROTECTED = "skydd.person"
    UNKNOWN = "skydd.okand"
    STALE = "skydd.aldrad"
    NOTHING_LEFT = "avtal.inget-kvar"
    FILTER = "prenumeration.filter"
    SUPERSEDED = "uppgift.ersatt"  # the person belongs to another source now
    LATE = "summa.mellan-rapporter"  # a sum that comes because something has changed, not at a report time
    UNDECIDED = "beslut.saknas"  # deciding failed: nothing leaves, and the gate decides on the event again later


RULES_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Decision:
    """What one recipient may get of one event, valid until a part of the directory that it rests on changes.

    `content` is the reduced event (one JSON object; None if denied). Do not send it: only `Gate.permit` turns a
    decision into bytes, in the turn of the first byte.
    """

    stored: Stored
    recipient: Recipient
    rule: Rule
    allowed: bool
    reduced: Mapping[str, Any] | None = None  # None if `unchanged`: then nothing was copied, and perhaps nothing parsed
    unchanged: bool = False  # nothing was removed: `stored.body` may be sent as it is
    versions: Mapping[str, int] = field(default_factory=dict)  # name it rests on -> directory version at the decision
    withheld: Sequence[Withheld] = ()  # marks to store; an allowed decision has some if persons were removed
    expires_us: int = NEVER_US  # machine time: from then on a mark is too old, or another day's enrolments count

    @property
    def content(self) -> Mapping[str, Any] | None:
        if not self.allowed:
            return None
        return self.stored.parsed if self.reduced is None else self.reduced

    def denied_by(self, rule: Rule) -> "Decision":
        """The same decision turned into a denial.

        The marks stay: an event that gets back its withheld parts may pass `rule`.
        """
        return Decision(self.stored, self.recipient, rule, allowed=False, withheld=self.withheld)


# A frozen dataclass takes five times as long to make as a plain one, since it sets every field through
# `object.__setattr__`, and each event needs a decision for each recipient. The gate therefore fills in a plain Draft,
# which has the same slots, and makes it a Decision by its class in the line that returns it. The gate passes the values
# by position, in the order above: keywords would double the cost.
Draft: Final[Any] = make_dataclass("Draft", [(each.name, each.type, each) for each in fields(Decision)], slots=True)


class PermitRefused(Exception):
    """Something that the decision rests on has changed since: decide again."""


class Gate(Protocol):
    """Decides. Only `hub.privacy` asks it for decisions; other rooms go through `hub.privacy.telling`."""

    def decide(self, stored: Stored, recipient: Recipient, *, state: bool = False) -> Decision:
        """Decide now. Pure in-memory work; raises nothing that is expected.

        `state`: the event stands for its entity as it is, not for its last change. If nothing is left of that change,
        the decision is about one of `stored.earlier`.
        """

    def permit(self, decision: Decision, lane: str | None = None) -> bytes:
        """The bytes that may leave, in the JSON event format, at the recipient's payload level. Raises PermitRefused.

        Call it in the turn in which the first byte leaves: no await between. The event gets the lane as `skolnavlane`.
        """

    def pseudonyms(self, recipient: Recipient) -> Pseudonyms:
        """The recipient's own pseudonyms for persons."""

    def check(self, decision: Decision) -> None:
        """Raises PermitRefused if the decision is a denial, or if something that it rests on has changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """For the log of disclosures: events that are about to leave for a recipient, or were denied to it by one rule."""

    recipient: str
    subscription: str
    lane: str
    rule: Rule
    allowed: bool
    contracts: tuple[str, ...]  # versions (digests) of the contracts in force
    places: tuple[Place, ...]
    subjects: tuple[str, ...]  # ids of the persons; the log of disclosures keeps pseudonyms of its own
