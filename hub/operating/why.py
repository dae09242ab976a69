"""Why a recipient got an event, or did not: the decision in words, and every decision that was recorded."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.assembly.services import Services
from hub.bus.base import Stored
from hub.operating.events import AcceptedEvent, NoSuchEvent, named
from hub.operating.outcomes import Outcome, of_events, worded
from hub.privacy.base import Recipient
from hub.registry.build import recipient_of
from hub.store import disclosures
from hub.subscriptions.model import Status
from hub.texts import Language


class NoSuchRecipient(LookupError):
    """No client with a data contract and no connector has this name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskingSubscription:
    """One subscription of the recipient, and whether the subscription asks for the event's type at all."""

    id: str
    state: Status
    asks_for_the_type: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedDecision:
    """One row of the log of disclosures that covers the event."""

    row: int  # its number in the log of disclosures
    at: datetime
    rule: str | None  # None: the caller may not know which rule withheld the event
    allowed: bool
    subscription: str
    lane: str
    contracts: Sequence[str]  # the versions of the data contracts that were in force
    listed: bool  # False: the event may be among those that the row only counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The last decision on one event for one recipient."""

    event: AcceptedEvent
    recipient: str
    allowed: bool
    rule: str | None  # as for RecordedDecision
    at: datetime
    recomputed: bool  # no row lists a decision, so this is what the gate would decide now
    text: str  # the decision in the caller's language
    subscriptions: Sequence[AskingSubscription]
    outcomes: Sequence[Outcome]  # what became of the event, for each of these subscriptions
    decisions: Sequence[RecordedDecision]


async def why(
    services: Services, *, event: str, source: str | None, recipient: str, language: Language, with_rules: bool
) -> Sequence[Explanation]:
    """One explanation for each event with this id and each contract of the recipient.

    `recipient` is a client's or a connector instance's name, with `client/` or `connector/` before it where both have
    that name. `with_rules`: whether the caller may know which rule withheld an event.

    Raises NoSuchEvent, NoSuchRecipient, LogUnavailable, StoreUnavailable.
    """
    found = await named(services, event, source)
    if not found:
        raise NoSuchEvent
    recipients = _recipients(services, recipient)
    if not recipients:
        raise NoSuchRecipient
    return [
        await _explained(services, stored, each, language, with_rules=with_rules)
        for stored in found
        for each in recipients
    ]


def _recipients(services: Services, name: str) -> Sequence[Recipient]:
    """The recipient, once for each contract of its subscriptions; without subscriptions, under the client's own."""
    names = (name,) if "/" in name else (f"client/{name}", f"connector/{name}")
    found = [each.recipient for each in services.subscriptions.all() if each.recipient.name in names]
    if found:
        return list({(each.name, each.contracts): each for each in found}.values())
    clients = [client for client in services.config.clients if f"client/{client.id}" in names]
    return [own for client in clients if (own := recipient_of(client)) is not None]


async def _explained(
    services: Services, stored: Stored, recipient: Recipient, language: Language, *, with_rules: bool
) -> Explanation:
    last = await services.disclosures.explain(stored, recipient, language, services.gate, with_rule=with_rules)
    rows = await services.store.read(disclosures.for_place(services.store.tenant, recipient.name, stored.at))
    own = [each for each in services.subscriptions.all() if each.recipient.name == recipient.name]
    [became] = worded(services, await of_events(services, [stored], own, with_rules=with_rules), language)
    return Explanation(
        event=AcceptedEvent.of(stored),
        recipient=recipient.name,
        allowed=last.allowed,
        rule=last.rule if last.allowed or with_rules else None,
        at=last.at,
        recomputed=last.recomputed,
        text=last.text,
        subscriptions=[
            AskingSubscription(id=each.id, state=each.status, asks_for_the_type=stored.type in each.types)
            for each in own
        ],
        outcomes=became.outcomes,
        decisions=[
            RecordedDecision(
                row=row.n,
                at=row.disclosure.at,
                rule=row.decided.rule if row.decided.allowed or with_rules else None,
                allowed=row.decided.allowed,
                subscription=row.disclosure.subscription,
                lane=row.decided.lane,
                contracts=list(row.disclosure.contracts),
                listed=row.listed,
            )
            for row in rows
        ],
    )
