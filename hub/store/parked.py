"""Parked keys: one row for the event whose delivery is tried again, and wait rows for the key's later events."""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, bindparam, delete, func, insert, select

from hub.clock import from_us, to_us
from hub.store import tables
from hub.store.base import Operation
from hub.store.statements import upsert

_PARKED = tables.parked
_WAITING = tables.waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """A parked key of one subscription's lane. `key` is opaque here.

    `place` is the event that is tried next, `attempts` the number of tries so far, `due` the time of the next try,
    `since` the time at which the key was parked (aware, UTC). `cause` and `reason` are short codes, never data.
    """

    subscription: str
    lane: str
    key: bytes
    place: int
    cause: str
    attempts: int
    due: datetime
    since: datetime
    reason: str


def park(tenant: str, parked: Parked) -> Operation:
    """Park a key, or update it after another attempt. Its wait rows stay."""
    row = {
        "tenant": tenant,
        "subscription": parked.subscription,
        "lane": parked.lane,
        "key": parked.key,
        "place": parked.place,
        "cause": parked.cause,
        "attempts": parked.attempts,
        "due_us": to_us(parked.due),
        "since_us": to_us(parked.since),
        "reason": parked.reason,
    }
    return lambda connection: connection.execute(upsert(connection, _PARKED), row)


def wait(tenant: str, subscription: str, lane: str, *, key: bytes, places: Sequence[int]) -> Operation:
    """Add later events of a parked key, in this order, after its other wait rows."""
    last = select(func.coalesce(func.max(_WAITING.c.n), 0)).where(
        _of_key(_WAITING, tenant, subscription=subscription, lane=lane, key=key)
    )

    def operation(connection: Connection) -> None:
        if not places:
            return
        first = connection.execute(last).scalar_one() + 1
        connection.execute(
            insert(_WAITING),
            [
                {"tenant": tenant, "subscription": subscription, "lane": lane, "key": key, "n": n, "place": place}
                for n, place in enumerate(places, first)
            ],
        )

    return operation


def drop_waiting(tenant: str, subscription: str, lane: str, *, key: bytes, places: Sequence[int]) -> Operation:
    """Delete wait rows: their events are tried now, or are settled."""
    statement = delete(_WAITING).where(
        _of_key(_WAITING, tenant, subscription=subscription, lane=lane, key=key), _WAITING.c.place == bindparam("gone")
    )

    def operation(connection: Connection) -> None:
        if places:
            connection.execute(statement, [{"gone": place} for place in places])

    return operation


def unpark(tenant: str, subscription: str, lane: str, *, key: bytes) -> Operation:
    """Delete a key's row and its remaining wait rows: the key's events are delivered again."""

    def operation(connection: Connection) -> None:
        for table in (_PARKED, _WAITING):
            connection.execute(
                delete(table).where(_of_key(table, tenant, subscription=subscription, lane=lane, key=key))
            )

    return operation


def forget(tenant: str, subscription: str, lane: str | None = None) -> Operation:
    """Delete all parked keys of a subscription, or only those of `lane`."""

    def operation(connection: Connection) -> None:
        for table in (_PARKED, _WAITING):
            statement = delete(table).where(table.c.tenant == tenant, table.c.subscription == subscription)
            connection.execute(statement if lane is None else statement.where(table.c.lane == lane))

    return operation


def load(tenant: str, subscription: str | None = None) -> Callable[[Connection], list[tuple[Parked, tuple[int, ...]]]]:
    """Every parked key of one subscription or of all, each with the places that wait behind it, in order."""

    def of(table: Table) -> ColumnElement[bool]:
        own = table.c.tenant == tenant
        return own if subscription is None else own & (table.c.subscription == subscription)

    def read(connection: Connection) -> list[tuple[Parked, tuple[int, ...]]]:
        behind: dict[tuple[str, str, bytes], list[int]] = defaultdict(list)
        for row in connection.execute(
            select(_WAITING.c.subscription, _WAITING.c.lane, _WAITING.c.key, _WAITING.c.place)
            .where(of(_WAITING))
            .order_by(_WAITING.c.subscription, _WAITING.c.lane, _WAITING.c.key, _WAITING.c.n)
        ):
            behind[row.subscription, row.lane, row.key].append(row.place)
        return [
            (_parked(row), tuple(behind.get((row.subscription, row.lane, row.key), ())))
            for row in connection.execute(select(_PARKED).where(of(_PARKED)))
        ]

    return read


def for_places(tenant: str, places: Sequence[int]) -> Callable[[Connection], list[tuple[Parked, int]]]:
    """The parked keys that hold an event at one of these places, each with the place, also of an event that waits."""
    own = (_PARKED.c.tenant == tenant) & _PARKED.c.place.in_(places)
    behind = (_PARKED.c.tenant == tenant) & _WAITING.c.place.in_(places)
    same = and_(*(_PARKED.c[name] == _WAITING.c[name] for name in ("tenant", "subscription", "lane", "key")))
    waiting = select(_PARKED, _WAITING.c.place.label("waits")).join_from(_WAITING, _PARKED, same).where(behind)

    def read(connection: Connection) -> list[tuple[Parked, int]]:
        first = [(_parked(row), row.place) for row in connection.execute(select(_PARKED).where(own))]
        return first + [(_parked(row), row.waits) for row in connection.execute(waiting)]

    return read


def places(tenant: str, subscriptions: Collection[str], *, waiting: bool) -> Callable[[Connection], set[int]]:
    """The places of the parked events of these subscriptions, or of the events that wait behind them."""
    table = _WAITING if waiting else _PARKED
    query = select(table.c.subscription, table.c.place).where(table.c.tenant == tenant)
    return lambda connection: {row.place for row in connection.execute(query) if row.subscription in subscriptions}


def _parked(row: Row[Any]) -> Parked:
    return Parked(
        subscription=row.subscription,
        lane=row.lane,
        key=row.key,
        place=row.place,
        cause=row.cause,
        attempts=row.attempts,
        due=from_us(row.due_us),
        since=from_us(row.since_us),
        reason=row.reason,
    )


def _of_key(table: Table, tenant: str, *, subscription: str, lane: str, key: bytes) -> ColumnElement[bool]:
    return (
        (table.c.tenant == tenant)
        & (table.c.subscription == subscription)
        & (table.c.lane == lane)
        & (table.c.key == key)
    )
