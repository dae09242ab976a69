"""Telling a recipient something: the one way from an event, or a state, to bytes that may leave.

See docs/architecture.md, The gate.

    ledger = teller.ledger()                     # the rows of one commit
    decision = ledger.judge(stored)              # a no and its marks are in the ledger from this turn on
    ledger.disclose(decision)                    # the event is about to leave
    await store.commit(*ledger.operations())
    body = teller.permit(decision)               # in the turn of the first byte; PermitRefused: judge again

Followers, feeds, `/v1/state`, the directory's answers, the SS 12000 API and its signals all go this way. No other room
calls the gate, makes an intent or stores a mark.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

from hub.bus.base import Stored
from hub.directory.directory import Directory
from hub.privacy.base import Decision, Gate, Intent, PermitRefused, Recipient, Rule
from hub.privacy.disclosures import Disclosures
from hub.privacy.gate import allowed_categories
from hub.privacy.withheld import WithheldMarks, undecided
from hub.store.base import Operation
from hub.store.withheld import Withheld
from schemas import Category

LIVE: Final = "live"  # the lane of what happens now; replays and resends have lanes of their own
TRIES: Final = 20  # how often a directory may change between a decision and the first byte

T = TypeVar("T")

log = logging.getLogger(__name__)


class Unsettled(Exception):
    """The directory changed again and again while an answer was made. The client asks again in a moment."""


class Wanted(Protocol):
    """What a subscription itself asks for (`hub.subscriptions.matching`)."""

    @property
    def filter(self) -> Callable[[Mapping[str, Any]], bool] | None:
        """The subscription's data filter, for the reduced event; None: every event passes."""

    def matches(self, stored: Stored) -> bool:
        """Whether type and source are among those that the subscription names."""


class Telling:
    """The parts that every disclosure needs. Made once; `to` gives the teller of one recipient."""

    def __init__(self, gate: Gate, directory: Directory, disclosures: Disclosures, withheld: WithheldMarks) -> None:
        self.gate = gate
        self.directory = directory
        self.disclosures = disclosures
        self.withheld = withheld

    def to(self, recipient: Recipient, subscription: str, wanted: Wanted | None = None) -> "Teller":
        """`subscription` is its name in the log of disclosures; `wanted` None: it asks for every event."""
        return Teller(self, recipient, subscription, wanted)

    def holds(self, decisions: Iterable[Decision]) -> bool:
        """Whether all of these allow, and rest on what is still so. Valid in this turn."""
        check = self.gate.check
        try:
            for decision in decisions:
                check(decision)
        except PermitRefused:
            return False
        return True

    def categories(self, recipient: Recipient) -> frozenset[Category]:
        """What all contracts of a recipient together let it see."""
        return allowed_categories(recipient)


class Teller:
    """Judges events for one recipient under one subscription, and gives their bytes."""

    __slots__ = ("_filter", "_gate", "_matches", "_superseded", "recipient", "subscription", "telling")

    def __init__(self, telling: Telling, recipient: Recipient, subscription: str, wanted: Wanted | None) -> None:
        self.telling = telling
        self.recipient = recipient
        self.subscription = subscription
        self._gate = telling.gate
        self._superseded = telling.directory.superseded
        self._filter = None if wanted is None else wanted.filter
        self._matches = None if wanted is None else wanted.matches

    def ledger(self) -> "Ledger":
        """An empty ledger, for one commit or several in a row."""
        return Ledger(self)

    def judge(self, stored: Stored, *, state: bool) -> Decision:
        """Decide now, with the subscription's own filter. Never raises: what fails is `Rule.UNDECIDED`.

        `state`: the event stands for its entity as it is. The filter sees the reduced event; on the full one it would
        tell the recipient of hidden fields. Call this through a ledger, which does not forget the marks.
        """
        try:
            if state and stored.entity is not None and self._superseded(stored.entity):
                return Decision(stored, self.recipient, Rule.SUPERSEDED, False)
            decision = self._gate.decide(stored, self.recipient, state=state)
            if not decision.allowed:
                return decision
            if decision.stored is not stored and self._matches is not None and not self._matches(decision.stored):
                return decision.denied_by(Rule.FILTER)
            if self._filter is not None:
                content = decision.content
                assert content is not None
                if not self._filter(content):
                    return decision.denied_by(Rule.FILTER)
            return decision
        except Exception as error:
            log.error("%s: deciding on event %s failed: %s", self.subscription, stored.id, type(error).__name__)
            return Decision(stored, self.recipient, Rule.UNDECIDED, False)

    def permit(self, decision: Decision, lane: str | None = None) -> bytes:
        """The bytes that may leave, in the turn of the first byte (`Gate.permit`). Raises PermitRefused."""
        return self._gate.permit(decision, lane)


class Ledger:
    """The rows that must be durable before a byte leaves: what is disclosed, what was denied, and the marks.

    One row for each lane and rule. Marks reach the hub's memory in the turn of the decision, so that no change of the
    directory comes between a denial and its mark; their rows follow with `operations`.
    """

    __slots__ = ("_events", "_marks", "_teller", "denied")

    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self._events: dict[tuple[str, Rule], list[Stored]] = {}
        self._marks: list[Withheld] = []
        self.denied = 0  # denials since the last `operations`

    def judge(self, stored: Stored, *, state: bool = False, lane: str = LIVE) -> Decision:
        """`Teller.judge`, with the denial and the marks entered here.

        An allowed decision is entered by `disclose`. An undecided event is not entered: the caller decides on it again
        later, or withholds it.
        """
        decision = self._teller.judge(stored, state=state)
        if decision.withheld:
            self._mark(decision.withheld)
        if not decision.allowed and decision.rule is not Rule.UNDECIDED:
            self._deny(decision, lane)
        return decision

    def disclose(self, decision: Decision, lane: str = LIVE) -> None:
        """The event is about to leave."""
        self._enter(decision, lane)

    def withhold(self, decision: Decision, lane: str = LIVE) -> None:
        """Leave an undecided event out, for a recipient that asks by itself. Its entity is restated later."""
        self._deny(decision, lane)
        entity = decision.stored.entity
        if entity is not None:
            self._mark([undecided(entity, decision.recipient.name)])

    def operations(self) -> list[Operation]:
        """Everything entered since the last call, as operations of one commit."""
        telling, operations = self._teller.telling, []
        if self._marks:
            operations.append(telling.withheld.rows(self._marks))
        if self._events:
            intents = [self._intent(lane, rule, events) for (lane, rule), events in self._events.items()]
            operations.append(telling.disclosures.record(intents))
        self._events, self._marks, self.denied = {}, [], 0
        return operations

    def _mark(self, marks: Sequence[Withheld]) -> None:
        self._teller.telling.withheld.keep(marks)
        self._marks += marks

    def _deny(self, decision: Decision, lane: str) -> None:
        self.denied += 1
        self._enter(decision, lane)

    def _enter(self, decision: Decision, lane: str) -> None:
        events = self._events.get((lane, decision.rule))
        if events is None:
            self._events[lane, decision.rule] = [decision.stored]
        else:
            events.append(decision.stored)

    def _intent(self, lane: str, rule: Rule, events: list[Stored]) -> Intent:
        recipient = self._teller.recipient
        return Intent(
            recipient=recipient.name,
            subscription=self._teller.subscription,
            lane=lane,
            rule=rule,
            allowed=rule is Rule.ALLOWED,
            contracts=tuple(contract.version for contract in recipient.contracts),
            places=tuple(stored.at for stored in events),
            subjects=tuple({person for stored in events for person in stored.about}),
        )


async def settled(
    attempt: Callable[[], T | None], decide_again: Callable[[], Awaitable[object]], tries: int = TRIES
) -> T:
    """What `attempt` gives, in the turn in which it gives something. After each None, decide again and commit.

    Raises Unsettled after `tries`.
    """
    for _ in range(tries):
        made = attempt()
        if made is not None:
            return made
        await decide_again()
    raise Unsettled
