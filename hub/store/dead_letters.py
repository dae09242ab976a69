"""Dead letters: events that a recipient will not get unless a person acts. Their places and reasons, no content."""

import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, Select, Table, delete, func, insert, select

from hub.clock import from_us, to_us
from hub.store import tables
from hub.store.base import Operation
from hub.store.statements import upsert

_TABLE = tables.dead_letters
_ENDED = tables.ended_letters


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A delivery that the hub gave up. `id` comes from `new_id`, so that ids sort by time; times are aware, UTC.

    `reason` is a short code (`http-400`), never data.
    """

    id: str
    subscription: str
    lane: str
    place: int
    event_id: str
    source: str
    type: str
    reason: str
    attempts: int
    first_at: datetime
    dead_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedLetter:
    """A dead letter that a person has ended: `by` is the client's id.

    `new_lane`: the lane of a letter that was sent again. `note`: why a letter was discarded, in the person's words.
    """

    letter: DeadLetter
    ended_at: datetime
    how: Literal["resent", "discarded"]
    by: str
    note: str = ""
    new_lane: str = ""


def new_id(dead_at: datetime) -> str:
    """A new id that sorts after those of earlier times."""
    return f"{to_us(dead_at):014x}-{secrets.token_hex(5)}"


def add(tenant: str, letter: DeadLetter) -> Operation:
    """Store a dead letter. Storing a letter twice leaves one."""
    row = {
        "tenant": tenant,
        "id": letter.id,
        "subscription": letter.subscription,
        "lane": letter.lane,
        "place": letter.place,
        "event_id": letter.event_id,
        "source": letter.source,
        "type": letter.type,
        "reason": letter.reason,
        "attempts": letter.attempts,
        "first_us": to_us(letter.first_at),
        "dead_us": to_us(letter.dead_at),
    }
    return lambda connection: connection.execute(upsert(connection, _TABLE), row)


def page(
    tenant: str, subscription: str | None = None, after: str = "", limit: int = 100
) -> Callable[[Connection], list[DeadLetter]]:
    """Dead letters with ids above `after`, in the order of their ids, of one subscription or all."""
    query = select(_TABLE).where(_TABLE.c.tenant == tenant, _TABLE.c.id > after)
    if subscription is not None:
        query = query.where(_TABLE.c.subscription == subscription)
    query = query.order_by(_TABLE.c.id).limit(limit)
    return lambda connection: [_letter(row) for row in connection.execute(query)]


def counts(tenant: str) -> Callable[[Connection], dict[str, int]]:
    """The number of dead letters by subscription, without subscriptions that have none."""
    query = (
        select(_TABLE.c.subscription, func.count().label("letters"))
        .where(_TABLE.c.tenant == tenant)
        .group_by(_TABLE.c.subscription)
    )
    return lambda connection: {row.subscription: row.letters for row in connection.execute(query)}


def get(tenant: str, id: str) -> Callable[[Connection], DeadLetter | None]:
    query = select(_TABLE).where(_TABLE.c.tenant == tenant, _TABLE.c.id == id)

    def read(connection: Connection) -> DeadLetter | None:
        row = connection.execute(query).one_or_none()
        return None if row is None else _letter(row)

    return read


def for_places(tenant: str, places: Sequence[int]) -> Callable[[Connection], list[DeadLetter]]:
    """The dead letters of the events at these places."""
    query = select(_TABLE).where(_TABLE.c.tenant == tenant, _TABLE.c.place.in_(places)).order_by(_TABLE.c.id)
    return lambda connection: [_letter(row) for row in connection.execute(query)]


def places(tenant: str, subscriptions: Collection[str]) -> Callable[[Connection], set[int]]:
    """The places of the dead letters of these subscriptions."""
    return _places_in(_TABLE, tenant, subscriptions)


def ended_places(tenant: str, subscriptions: Collection[str]) -> Callable[[Connection], set[int]]:
    """The places of the ended letters of these subscriptions."""
    return _places_in(_ENDED, tenant, subscriptions)


def _places_in(table: Table, tenant: str, subscriptions: Collection[str]) -> Callable[[Connection], set[int]]:
    query = select(table.c.subscription, table.c.place).where(table.c.tenant == tenant)
    return lambda connection: {row.place for row in connection.execute(query) if row.subscription in subscriptions}


def end(tenant: str, ended: EndedLetter) -> Operation:
    """Remove a dead letter and keep how it ended. Nothing happens if the letter is gone already."""
    mine = (_TABLE.c.tenant == tenant) & (_TABLE.c.id == ended.letter.id)
    more = {
        "ended_us": to_us(ended.ended_at),
        "how": ended.how,
        "by": ended.by,
        "note": ended.note,
        "new_lane": ended.new_lane,
    }

    def operation(connection: Connection) -> None:
        row = connection.execute(select(_TABLE).where(mine)).one_or_none()
        if row is not None:
            connection.execute(insert(_ENDED), {**row._mapping, **more})
            connection.execute(delete(_TABLE).where(mine))

    return operation


def ended_page(
    tenant: str, subscription: str | None = None, before: str | None = None, limit: int = 100
) -> Callable[[Connection], list[EndedLetter]]:
    """Ended letters with ids below `before` (None: from the newest), newest first, of one subscription or all."""
    query = select(_ENDED).where(_ENDED.c.tenant == tenant)
    if subscription is not None:
        query = query.where(_ENDED.c.subscription == subscription)
    if before is not None:
        query = query.where(_ENDED.c.id < before)
    return _ended(query.order_by(_ENDED.c.id.desc()).limit(limit))


def ended_for_places(tenant: str, places: Sequence[int]) -> Callable[[Connection], list[EndedLetter]]:
    """The ended letters of the events at these places, in the order in which they ended."""
    return _ended(
        select(_ENDED).where(_ENDED.c.tenant == tenant, _ENDED.c.place.in_(places)).order_by(_ENDED.c.ended_us)
    )


def ended_before(tenant: str, before: datetime) -> Callable[[Connection], bool]:
    """Whether a letter ended before this time."""
    query = select(_ENDED.c.id).where(_ENDED.c.tenant == tenant, _ENDED.c.ended_us < to_us(before)).limit(1)
    return lambda connection: connection.execute(query).one_or_none() is not None


def trim_ended(tenant: str, before: datetime, limit: int) -> Operation:
    """Remove letters that ended before this time, at most `limit`."""
    oldest = (
        select(_ENDED.c.id)
        .where(_ENDED.c.tenant == tenant, _ENDED.c.ended_us < to_us(before))
        .order_by(_ENDED.c.ended_us)
        .limit(limit)
    )
    statement = delete(_ENDED).where(_ENDED.c.tenant == tenant, _ENDED.c.id.in_(oldest))
    return lambda connection: connection.execute(statement)


def forget(tenant: str, subscription: str) -> Operation:
    """Delete all dead letters of a subscription, ended ones too."""

    def operation(connection: Connection) -> None:
        for table in (_TABLE, _ENDED):
            connection.execute(delete(table).where(table.c.tenant == tenant, table.c.subscription == subscription))

    return operation


def _ended(query: Select[Any]) -> Callable[[Connection], list[EndedLetter]]:
    return lambda connection: [
        EndedLetter(
            letter=_letter(row), ended_at=from_us(row.ended_us), how=row.how, by=row.by, note=row.note,
            new_lane=row.new_lane,
        )
        for row in connection.execute(query)
    ]  # fmt: skip


def _letter(row: Row[Any]) -> DeadLetter:
    return DeadLetter(
        id=row.id,
        subscription=row.subscription,
        lane=row.lane,
        place=row.place,
        event_id=row.event_id,
        source=row.source,
        type=row.type,
        reason=row.reason,
        attempts=row.attempts,
        first_at=from_us(row.first_us),
        dead_at=from_us(row.dead_us),
    )
