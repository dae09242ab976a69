"""Telling a recipient something: the one way from an event, or a state, to bytes that may leave.

See docs/architecture.md, The gate.

    ledger = teller.ledger()                     # the rows of one commit
    decision = ledger.judge(stored)              # a denial and its marks are in the ledger from this turn on
    ledger.disclose([decision])                  # the event is about to leave
    await store.commit(*ledger.operations())
    body = teller.permit(decision)               # in the turn of the first byte; PermitRefused: judge again

Followers, feeds, `/v1/state`, the directory's answers, the SS 12000 API and its signals all go this way. What the
directory alone decides, before anything is read, is in `hub.privacy.before`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

from hub.bus.base import Stored
from hub.directory.directory import Directory
from hub.privacy.base import Decision, Gate, Intent, PermitRefused, Recipient, Rule
from hub.privacy.before import refused
from hub.privacy.disclosures import Disclosures
from hub.privacy.gate import allowed_categories
from hub.privacy.marks import WithheldMarks, undecided
from hub.store.base import Operation
from hub.store.withheld import Withheld
from schemas import Category

LIVE: Final = "live"  # the lane of what happens now; replays and resends have lanes of their own
_AT_ONCE: Final = 100  # denials in one turn: the event loop is shared
TRIES: Final = 20  # the most decisions on one answer while the directory changes before each first byte

T = TypeVar("T")

log = logging.getLogger(__name__)


class Unsettled(Exception):
    """The directory changed again and again while an answer was made. The client should ask again in a moment."""


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
        """`subscription` is the name in the log of disclosures; `wanted` None: the recipient asks for every event."""
        return Teller(self, recipient, subscription, wanted)

    def holds(self, decisions: Iterable[Decision]) -> bool:
        """Whether all of these allow, and nothing that they rest on has changed. Valid in this turn."""
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
    """One recipient under one subscription: gives ledgers for decisions, and bytes for what was decided."""

    __slots__ = ("_gate", "_wanted", "permit", "recipient", "subscription", "telling")

    def __init__(self, telling: Telling, recipient: Recipient, subscription: str, wanted: Wanted | None) -> None:
        self.telling = telling
        self.recipient = recipient
        self.subscription = subscription
        self.permit = telling.gate.permit  # the bytes that may leave, in the turn of the first byte (`Gate.permit`)
        self._gate = telling.gate
        self._wanted = wanted

    def ledger(self) -> "Ledger":
        """An empty ledger, for one commit or several in a row."""
        return Ledger(self)

    def decide(self, stored: Stored, *, state: bool) -> Decision:
        """The gate's decision, with the subscription's own filter. Raises the errors of both; a ledger catches them.

        The filter sees the reduced event, since on the full event it would reveal hidden fields.
        """
        if state and stored.entity is not None and self.telling.directory.superseded(stored.entity):
            return Decision(stored, self.recipient, Rule.SUPERSEDED, allowed=False)
        decision = self._gate.decide(stored, self.recipient, state=state)
        wanted = self._wanted
        if not decision.allowed or wanted is None:
            return decision
        if decision.stored is not stored and not wanted.matches(decision.stored):
            return decision.denied_by(Rule.FILTER)
        if (passes := wanted.filter) is not None:
            content = decision.content
            assert content is not None
            if not passes(content):
                return decision.denied_by(Rule.FILTER)
        return decision


class Ledger:
    """The rows that must be durable before a byte leaves: disclosures, denials and marks.

    One row for an answer. Marks reach the hub's memory in the turn of the decision, so that no change of the
    directory comes between a denial and its mark; their rows follow with `operations`.
    """

    __slots__ = ("_decide", "_events", "_marks", "_teller", "denied")

    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self._decide = teller.decide
        self._events: dict[tuple[str, Rule], list[Stored]] = {}
        self._marks: list[Withheld] = []
        self.denied = 0  # denials since the last `operations`

    def judge(self, stored: Stored, *, state: bool = False, lane: str = LIVE) -> Decision:
        """Decide now, and enter a denial and the marks. Never raises: after an error the rule is `Rule.UNDECIDED`.

        `state`: the event stands for its entity as it is. `disclose` enters an allowed decision. An undecided event is
        not entered: the caller judges the event again later, or withholds it.
        """
        try:
            decision = self._decide(stored, state=state)
        except Exception as error:
            teller = self._teller
            log.error("%s: deciding on event %s failed: %s", teller.subscription, stored.id, type(error).__name__)
            return Decision(stored, teller.recipient, Rule.UNDECIDED, allowed=False)
        if decision.withheld:
            self._mark(decision.withheld)
        if not decision.allowed:
            self._deny(decision, lane)
        return decision

    def disclose(self, decisions: Sequence[Decision], lane: str = LIVE) -> None:
        """Enter allowed decisions: their events are about to leave."""
        if decisions:
            events = self._events.setdefault((lane, Rule.ALLOWED), [])
            events += [decision.stored for decision in decisions]

    def withhold(self, decision: Decision, lane: str = LIVE) -> None:
        """Enter an undecided event as denied: the answer leaves it out, and its entity is restated later."""
        self._deny(decision, lane)
        entity = decision.stored.entity
        if entity is not None:
            self._mark([undecided(entity, decision.recipient.name)])

    def refuse(self, decision: Decision) -> None:
        """Enter a denial of an event that was not read (`hub.privacy.before`)."""
        self._mark(decision.withheld)
        self._deny(decision, LIVE)

    def refuse_later(self, events: Iterable[Stored]) -> None:
        """Enter denials of events that were not read, beside the answer: their number must not show in its time.

        Each event is about one person. A person who has become open by then counts as open since the answer: the entity
        is restated, since the answer left it out. `events` is read then.
        """
        telling, recipient, ledger = self._teller.telling, self._teller.recipient, Ledger(self._teller)
        clock = telling.directory.clock

        async def enter() -> Sequence[Operation]:
            persons: set[str] = set()
            for number, event in enumerate(events):
                persons.update(event.about)
                denial = refused(telling.directory, recipient, event, clock.utc_us())
                if denial is not None:
                    ledger.refuse(denial)  # also if the mark is known: its row may not be durable yet
                elif event.entity is not None:
                    telling.withheld.keep([Withheld(event.about[0], event.entity, recipient.name)])
                if number % _AT_ONCE == _AT_ONCE - 1:
                    await asyncio.sleep(0)
            telling.withheld.examine(persons)
            return ledger.operations()

        telling.withheld.beside.later(enter)

    def operations(self, *, marks_beside: bool = False) -> list[Operation]:
        """Everything entered since the last call, as operations of one commit.

        `marks_beside`: the marks become durable beside it. Only for a caller that asks for the same again and again, so
        that a mark which a crash forgets is made anew.
        """
        telling, operations = self._teller.telling, []
        if self._marks:
            marks = telling.withheld.rows(self._marks)
            if marks_beside:
                telling.withheld.beside.add([marks])
            else:
                operations.append(marks)
        if self._events:
            intents = [self._intent(lane, rule, events) for (lane, rule), events in self._events.items()]
            operations.append(telling.disclosures.record(intents))
        self._events, self._marks, self.denied = {}, [], 0
        return operations

    def store_beside(self) -> None:
        """The answer tells nothing: what was entered becomes durable beside it, as no answer shows that it is there."""
        self._teller.telling.withheld.beside.add(self.operations())

    def _mark(self, marks: Sequence[Withheld]) -> None:
        self._teller.telling.withheld.keep(marks)
        self._marks += marks

    def _deny(self, decision: Decision, lane: str) -> None:
        self.denied += 1
        self._events.setdefault((lane, decision.rule), []).append(decision.stored)

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
    """The first result of `attempt` that is not None, in the turn in which it was made.

    After each None `decide_again` is awaited: it decides and commits. Raises Unsettled after `tries`.
    """
    for _ in range(tries):
        made = attempt()
        if made is not None:
            return made
        await decide_again()
    raise Unsettled
