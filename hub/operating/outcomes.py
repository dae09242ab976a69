"""What became of an event: for each subscription the decision, the failed attempts and the outcome.

No row says that an event was delivered. It was, if it was permitted and its subscription's cursor has passed it without
leaving it open, parked or dead. An operator sees that a rule withheld an event, and not which rule: that could tell who
is protected. A privacy officer and an auditor see the rule.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any, Final

from hub.assembly.services import Services
from hub.bus.base import Position, Stored
from hub.clock import to_us
from hub.delivery.base import PULLED
from hub.delivery.reading import Reader
from hub.operating.events import AcceptedEvent, NoSuchEvent, named
from hub.operating.reasons import reason_of
from hub.privacy.telling import LIVE
from hub.store import acknowledged, attempts, cursors, dead_letters, disclosures, parked
from hub.subscriptions.matching import Matcher
from hub.subscriptions.model import Status, Subscription
from hub.texts import Language

RESENT: Final = "resend-"  # how the names of the lanes of resent letters begin


class What(StrEnum):
    """The texts are `outcome.<value>`."""

    NOT_ASKED = "not-asked"  # the subscription does not ask for this type or source
    BEFORE = "before"  # the event was accepted before the subscription began
    WAITING = "waiting"  # the subscription has not come to the event yet
    UNDER_WAY = "under-way"  # permitted, and its delivery is open
    WITHHELD = "withheld"  # a rule or the subscription's filter says no
    RETRYING = "retrying"  # an attempt failed, and another one follows
    BEHIND = "behind"  # an earlier event of its key is being retried
    DELIVERED = "delivered"  # the recipient took it
    SERVED = "served"  # it was in an answer to the client, which has not come back yet
    ACKNOWLEDGED = "acknowledged"  # the client came back with a cursor after it
    DEAD = "dead"  # the hub gave it up: a dead letter
    RESENT = "resent"  # a person sent the dead letter again, and it has not been decided yet
    DISCARDED = "discarded"  # a person ended the dead letter without sending it again
    UNRECORDED = "unrecorded"  # the subscription has passed it, and no decision is recorded any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One failed attempt on an event."""

    at: datetime
    number: int
    result: str  # what followed: retry, dead, gone or misconfigured
    reason: str  # a code, such as `http-503` or `timeout`
    status: int | None  # the HTTP status; None if no answer came
    took_s: float
    lane: str
    says: str = ""  # the reason in the reader's language, once `worded` has filled it in

    @classmethod
    def of(cls, row: attempts.FailedAttempt) -> "Attempt":
        return cls(
            at=row.at, number=row.number, result=row.result, reason=row.reason, status=row.status,
            took_s=round(row.took_s, 6), lane=row.lane,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one event for one subscription."""

    subscription: str  # its id
    name: str
    recipient: str
    sink: str
    state: Status
    outcome: What
    decision: bool | None  # whether the last recorded decision allowed it; None: there is none
    at: datetime | None  # when it was last decided on, which for a delivery is when it left; when a letter ended
    rule: str | None = None  # the decision's rule, for a privacy officer or an auditor
    reason: str = ""  # the code of the last failure, of an event that is not delivered
    next_try: datetime | None = None
    letter: str | None = None  # the dead letter's id
    ended_by: str | None = None  # who sent a dead letter again or discarded it
    note: str = ""  # why it was discarded
    attempts: Sequence[Attempt] = ()  # those that failed, oldest first
    says: str = ""  # the reason in the reader's language, once `worded` has filled it in


@dataclass(frozen=True, slots=True, kw_only=True)
class EventOutcomes:
    event: AcceptedEvent
    outcomes: Sequence[Outcome]


async def of_event(services: Services, *, event: str, source: str | None, with_rules: bool) -> Sequence[EventOutcomes]:
    """The outcomes of each event with this id. Raises NoSuchEvent, LogUnavailable, StoreUnavailable."""
    found = await named(services, event, source)
    if not found:
        raise NoSuchEvent
    return await of_events(services, found, services.subscriptions.all(), with_rules=with_rules)


def worded(services: Services, found: Sequence[EventOutcomes], language: Language) -> Sequence[EventOutcomes]:
    """The same with each reason in words."""

    def says(outcome: Outcome) -> Outcome:
        def of(code: str) -> str:
            return reason_of(services, outcome.subscription, code, language)

        attempts = [replace(each, says=of(each.reason)) for each in outcome.attempts]
        return replace(outcome, says=of(outcome.reason), attempts=attempts)

    return [replace(each, outcomes=[says(outcome) for outcome in each.outcomes]) for each in found]


async def of_events(
    services: Services, events: Sequence[Stored], subscriptions: Sequence[Subscription], *, with_rules: bool
) -> Sequence[EventOutcomes]:
    """The outcomes of these events for these subscriptions. Raises StoreUnavailable."""
    wanted = [each for each in subscriptions if any(Matcher(each).may_match(stored) for stored in events)]
    recipients = sorted({each.recipient.name for each in wanted})
    rows = await services.store.read(
        partial(_Rows.load, services.store.tenant, [each.at for each in events], recipients)
    )
    judge = _Judge(services, rows, with_rules=with_rules)
    return [
        EventOutcomes(event=AcceptedEvent.of(stored), outcomes=[judge.outcome(stored, each) for each in subscriptions])
        for stored in events
    ]


@dataclass(frozen=True, slots=True)
class _Rows:
    """The store's rows about some events, as of one moment. All but the cursors are by subscription and place."""

    cursors: Mapping[str, Sequence[cursors.Cursor]]  # by subscription
    client_read: Mapping[str, tuple[bytes, datetime]]  # by subscription: how far its clients have acknowledged
    attempts: Mapping[tuple[str, int], Sequence[attempts.FailedAttempt]]
    letters: Mapping[tuple[str, int], Sequence[dead_letters.DeadLetter]]
    ended: Mapping[tuple[str, int], Sequence[dead_letters.EndedLetter]]
    parked: Mapping[tuple[str, int], Sequence[parked.Parked]]
    decisions: Mapping[tuple[str, int], Sequence[disclosures.Found]]

    @classmethod
    def load(cls, tenant: str, places: Sequence[int], recipients: Iterable[str], connection: Any) -> "_Rows":
        lanes = defaultdict(list)
        for cursor in cursors.load(tenant)(connection):
            lanes[cursor.subscription].append(cursor)
        tried, dead, ended = defaultdict(list), defaultdict(list), defaultdict(list)
        for attempt in attempts.for_places(tenant, places)(connection):
            tried[attempt.subscription, attempt.place].append(attempt)
        for letter in dead_letters.for_places(tenant, places)(connection):
            dead[letter.subscription, letter.place].append(letter)
        for end in dead_letters.ended_for_places(tenant, places)(connection):
            ended[end.letter.subscription, end.letter.place].append(end)
        waiting = defaultdict(list)
        for key, place in parked.for_places(tenant, places)(connection):
            waiting[key.subscription, place].append(key)
        decided = defaultdict(list)
        for recipient in recipients:
            for place in places:
                for found in disclosures.for_place(tenant, recipient, place)(connection):
                    if found.listed:
                        decided[found.disclosure.subscription, place].append(found)
        return cls(lanes, acknowledged.load(tenant)(connection), tried, dead, ended, waiting, decided)


class _Judge:
    """Concludes an outcome from the rows."""

    def __init__(self, services: Services, rows: _Rows, *, with_rules: bool) -> None:
        self._services = services
        self._rows = rows
        self._with_rules = with_rules
        self._matchers: dict[str, Matcher] = {}
        self._positions: dict[str, Position | None] = {}

    def outcome(self, stored: Stored, subscription: Subscription) -> Outcome:
        key = (subscription.id, stored.at)
        decided = self._rows.decisions.get(key, ())
        last = decided[-1] if decided else None
        base = Outcome(
            subscription=subscription.id,
            name=subscription.name,
            recipient=subscription.recipient.name,
            sink=subscription.sink["kind"],
            state=subscription.status,
            outcome=What.UNRECORDED,
            decision=None if last is None else last.decided.allowed,
            at=None if last is None else last.disclosure.at,
            rule=last.decided.rule if last is not None and self._with_rules else None,
            attempts=[Attempt.of(row) for row in self._rows.attempts.get(key, ())],
        )
        return self._unfinished(base, stored, subscription) or self._finished(base, stored, subscription, last)

    def _unfinished(self, base: Outcome, stored: Stored, subscription: Subscription) -> Outcome | None:
        """The outcome of an event for which a row says that it is dead, parked or open."""
        key = (subscription.id, stored.at)
        for letter in self._rows.letters.get(key, ()):
            return replace(base, outcome=What.DEAD, reason=letter.reason, letter=letter.id)
        for row in self._rows.parked.get(key, ()):
            if row.place != stored.at:
                return replace(base, outcome=What.BEHIND, next_try=row.due)
            if row.reason:
                return replace(base, outcome=What.RETRYING, reason=row.reason, next_try=row.due)
            # Its turn has come: a person has sent it again, or the event before it of its key has ended.
            return replace(base, outcome=What.RESENT if row.lane.startswith(RESENT) else What.UNDER_WAY)
        for cursor in self._rows.cursors.get(subscription.id, ()):
            if stored.at in cursor.open and (cursor.lane == LIVE or cursor.lane.startswith(RESENT)):
                going_on = subscription.status is Status.ACTIVE
                return replace(base, outcome=What.UNDER_WAY if going_on else What.WAITING)
        return None

    def _finished(
        self, base: Outcome, stored: Stored, subscription: Subscription, last: disclosures.Found | None
    ) -> Outcome:
        ended = self._rows.ended.get((subscription.id, stored.at), ())
        if ended and (last is None or last.disclosure.at <= ended[-1].ended_at):
            end = ended[-1]
            what = What.DISCARDED if end.how == "discarded" else What.RESENT
            return replace(
                base, outcome=what, at=end.ended_at, reason=end.letter.reason, letter=end.letter.id, ended_by=end.by,
                note=end.note,
            )  # fmt: skip
        if last is not None:
            return replace(base, outcome=self._decided(stored, subscription, last))
        if not self._matcher(subscription).may_match(stored):
            return replace(base, outcome=What.NOT_ASKED)
        if subscription.start_from == "now" and stored.accepted_us < self._began_us(subscription):
            return replace(base, outcome=What.BEFORE)
        if not self._passed(stored, subscription):
            return replace(base, outcome=What.WAITING)
        return base

    def _decided(self, stored: Stored, subscription: Subscription, last: disclosures.Found) -> What:
        if not last.decided.allowed:
            return What.WITHHELD
        if subscription.sink["kind"] not in PULLED:
            return What.DELIVERED
        read = self._rows.client_read.get(subscription.id)
        if read is not None and read[1] > last.disclosure.at and self._present(read[0]).covers(stored.at):
            return What.ACKNOWLEDGED
        return What.SERVED

    def _passed(self, stored: Stored, subscription: Subscription) -> bool:
        """Whether the live cursor is past the event. A client holds the cursor of its feed or stream."""
        id = subscription.id
        if subscription.sink["kind"] in PULLED:
            read = self._rows.client_read.get(id)
            return read is not None and self._present(read[0]).covers(stored.at)
        if id not in self._positions:
            live = next((row for row in self._rows.cursors.get(id, ()) if row.lane == LIVE), None)
            position = None if live is None else Reader.open(self._services.log, live.position).position
            self._positions[id] = None if position is None else self._services.log.present(position)
        position = self._positions[id]
        return position is not None and position.covers(stored.at)

    def _present(self, packed: bytes) -> Position:
        return self._services.log.present(Position.unpack(packed))

    def _began_us(self, subscription: Subscription) -> int:
        return to_us(self._services.subscriptions.created(subscription.id))

    def _matcher(self, subscription: Subscription) -> Matcher:
        if subscription.id not in self._matchers:
            self._matchers[subscription.id] = Matcher(subscription)
        return self._matchers[subscription.id]
