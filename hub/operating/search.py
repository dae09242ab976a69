"""Searching accepted events: by id, type, source, time, subject, and by what became of them.

A subject names a person. Only a privacy officer or an auditor may search by one: an operator who asks what was withheld
of a person's events would learn who is protected.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, Final

from hub.assembly.services import Services
from hub.bus.base import Place, Position, Stored, Wanted
from hub.operating.events import AcceptedEvent, UnknownPage
from hub.operating.outcomes import Outcome, What, of_events
from hub.store import dead_letters, parked
from hub.subscriptions.model import Subscription

MAX_LOOKED: Final = 1000  # events of which one call concludes what became of them
_AT_A_TIME: Final = 100

# These have rows in the store, which lead to the few events there are: searching the log for them would take long.
_WITH_ROWS: Final = frozenset({What.DEAD, What.DISCARDED, What.RESENT, What.RETRYING, What.BEHIND})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What to search for; None: any. `type` and `source` are globs; `recipient` a client's or an instance's name."""

    id: str | None = None
    type: str | None = None
    source: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    recipient: str | None = None
    outcome: What | None = None

    def wanted(self) -> Wanted:
        return Wanted(id=self.id, subject=self.subject, type=_glob(self.type), source=_glob(self.source))


class UnknownRecipient(Exception):
    """No client and no subscription has this name: it is misspelt, or what had it was removed."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundEvent:
    event: AcceptedEvent
    outcomes: Sequence[Outcome]  # of the recipient, or of all if an outcome was asked for; else empty


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPage:
    """Events, newest first. `next`: give it as `after` to go on; None: there are no older ones.

    A page may be empty and have a `next`: one call looks at a limited number of events.
    """

    events: Sequence[FoundEvent]
    next: str | None


async def search(services: Services, asked: Asked, *, after: str | None, limit: int, with_rules: bool) -> FoundPage:
    """Raises UnknownPage, UnknownRecipient, LogUnavailable, StoreUnavailable."""
    recipients = _subscriptions(services, asked.recipient)
    if asked.recipient is not None and not recipients:
        if asked.recipient not in (client.id for client in services.config.clients):
            raise UnknownRecipient(asked.recipient)
        return FoundPage(events=(), next=None)  # all events would look as if it had got none of them
    low = None if asked.since is None else await services.log.at(asked.since)
    high = services.log.head() if asked.until is None else await services.log.at(asked.until)
    if asked.outcome in _WITH_ROWS:
        return await _by_rows(services, asked, recipients, low, high, after=after, limit=limit, with_rules=with_rules)
    upto: Position | None = high if after is None else services.log.present(_position(after))
    found: list[FoundEvent] = []
    looked = 0
    with_outcomes = asked.recipient is not None or asked.outcome is not None
    while upto is not None and len(found) < limit and looked < MAX_LOOKED:
        # With an outcome asked for, each event of a page counts or not, so that a page ends where its last event is.
        size = limit - len(found) if asked.outcome is None else min(_AT_A_TIME, limit - len(found))
        page = await services.log.search(asked.wanted(), after=low, upto=upto, limit=size)
        looked += len(page.events)
        upto = page.upto
        if not with_outcomes:
            found += [FoundEvent(event=AcceptedEvent.of(stored), outcomes=()) for stored in page.events]
        else:
            found += await _concluded(services, asked, page.events, recipients, with_rules=with_rules)
    return FoundPage(events=found, next=None if upto is None else _token(upto.pack()))


async def _concluded(
    services: Services,
    asked: Asked,
    events: Sequence[Stored],
    recipients: Sequence[Subscription],
    *,
    with_rules: bool,
) -> list[FoundEvent]:
    """These events with what became of them, without those of which nothing became that was asked for."""
    found = []
    for each in await of_events(services, events, recipients, with_rules=with_rules):
        fitting = [one for one in each.outcomes if asked.outcome is None or one.outcome is asked.outcome]
        if fitting or asked.outcome is None:
            found.append(FoundEvent(event=each.event, outcomes=fitting))
    return found


async def _by_rows(
    services: Services,
    asked: Asked,
    recipients: Sequence[Subscription],
    low: Position | None,
    high: Position,
    *,
    after: str | None,
    limit: int,
    with_rules: bool,
) -> FoundPage:
    """The events that the store's rows lead to, in the order of their places. `after` names the last place before."""
    below = None if after is None else _place(after)
    ids = frozenset(each.id for each in recipients)
    places = await services.store.read(partial(_places, services.store.tenant, asked, ids))
    left = [at for at in places if high.covers(at) and (low is None or not low.covers(at))]
    left = [at for at in left if below is None or at < below]
    found: list[FoundEvent] = []
    wanted, looked = asked.wanted(), 0
    while looked < len(left) and len(found) < limit and looked < MAX_LOOKED:
        some = left[looked : looked + min(_AT_A_TIME, limit - len(found))]
        looked += len(some)
        events = [stored for stored in await services.log.get(some) if wanted.matches(stored)]
        found += await _concluded(services, asked, events, recipients, with_rules=with_rules)
    return FoundPage(events=found, next=_token(str(left[looked - 1]).encode()) if looked < len(left) else None)


def _places(tenant: str, asked: Asked, subscriptions: frozenset[str], connection: Any) -> Sequence[Place]:
    """The places of the events that may have the outcome that was asked for, highest first."""
    found: set[int] = set()
    match asked.outcome:
        case What.DEAD:
            found = dead_letters.places(tenant, subscriptions)(connection)
        case What.DISCARDED:
            found = dead_letters.ended_places(tenant, subscriptions)(connection)
        case What.RESENT:
            found = dead_letters.ended_places(tenant, subscriptions)(connection)
            found |= parked.places(tenant, subscriptions, waiting=False)(connection)
        case _:
            found = parked.places(tenant, subscriptions, waiting=asked.outcome is What.BEHIND)(connection)
    return [Place(at) for at in sorted(found, reverse=True)]


def _subscriptions(services: Services, recipient: str | None) -> Sequence[Subscription]:
    names = None if recipient is None else (recipient, f"client/{recipient}", f"connector/{recipient}")
    return [each for each in services.subscriptions.all() if names is None or each.recipient.name in names]


def _glob(pattern: str | None) -> Any:
    return None if pattern is None else lambda name: fnmatchcase(name, pattern)


def _token(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode()


def _position(token: str) -> Position:
    try:
        return Position.unpack(base64.urlsafe_b64decode(token))
    except (ValueError, binascii.Error):
        raise UnknownPage from None


def _place(token: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(token))
    except (ValueError, binascii.Error):
        raise UnknownPage from None
