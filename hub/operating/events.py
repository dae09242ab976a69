"""Accepted events by id and type, without their subjects, which may name a person."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from functools import partial
from typing import Final

from hub.assembly.services import Services
from hub.bus.base import Position, Stored, Wanted
from hub.clock import from_us

_SAME_ID: Final = 100  # events of different sources that have the same id


class NoSuchEvent(LookupError):
    """No event with this id is in the log. It may have been trimmed."""


class UnknownPage(ValueError):
    """`after` is not the `next` of an earlier page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedEvent:
    id: str
    source: str
    type: str
    accepted: datetime

    @classmethod
    def of(cls, stored: Stored) -> "AcceptedEvent":
        return cls(id=stored.id, source=stored.source, type=stored.type, accepted=from_us(stored.accepted_us))


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage:
    """Some of the accepted events, in the order of the log."""

    events: Sequence[AcceptedEvent]
    next: str  # the place after these events: give it as `after` to read on
    at_head: bool  # there were no more events


async def page(
    services: Services, *, since: datetime | None, after: str | None, type: str | None, limit: int
) -> EventPage:
    """Events of a glob of types (None: of any), from `after`, else accepted at or after `since`, else from the oldest.

    Raises UnknownPage, LogUnavailable.
    """
    if after is not None:
        position = services.log.present(_position(after))
    else:
        position = services.log.start() if since is None else await services.log.at(since)
    found: list[Stored] = []
    if type is not None:
        # The log's index knows the types of all its events, also those that the catalogue no longer has.
        head = services.log.head()
        if not await services.log.count(Wanted(type=partial(fnmatchcase, pat=type)), after=position, upto=head):
            return _page(found, head, at_head=True)
    while True:
        batch = await services.log.read(position, limit)
        for stored in batch.events:
            position = position.past(stored.at)
            if type is None or fnmatchcase(stored.type, type):
                found.append(stored)
                if len(found) == limit:
                    return _page(found, position, at_head=False)
        position = batch.position
        if batch.at_head:
            return _page(found, position, at_head=True)


async def named(services: Services, id: str, source: str | None) -> Sequence[Stored]:
    """The stored events with this id, from one source or (None) from any. Raises LogUnavailable."""
    if source is not None:
        known = await services.log.find(source, id)
        return [] if known is None else [known]
    return (await services.log.search(Wanted(id=id), limit=_SAME_ID)).events[::-1]


def _page(found: Sequence[Stored], position: Position, *, at_head: bool) -> EventPage:
    return EventPage(
        events=[AcceptedEvent.of(stored) for stored in found],
        next=base64.urlsafe_b64encode(position.pack()).decode(),
        at_head=at_head,
    )


def _position(token: str) -> Position:
    try:
        return Position.unpack(base64.urlsafe_b64decode(token))
    except (ValueError, binascii.Error):
        raise UnknownPage from None
