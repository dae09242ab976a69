"""Keys whose delivery failed: one row for the event that is tried again, wait rows for the key's later ones."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, bindparam, delete, func, insert, select

from hub.clock import from_us, to_us
from hub.store import tables
from hub.store.base import Operation
from hub.store.statements import upsert

_PARKED = tables.parked
_WAITING = tables.waiting


@dataclass(frozen=True, slots=True)
class Parked:
    """A key of one subscription's lane that waits. `key` is opaque here.

    `place` is the event that is tried next, `attempts` how often it was; `due` when, `since` when the key was parked
    (aware, UTC). `cause` and `reason` are short codes, never data.
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


@dataclass(frozen=True, slots=True)
class Counts:
    """How much waits in one lane: parked keys, and later events of those keys."""

    keys: int
    waiting: int


def park(tenant: str, parked: Parked) -> Operation:
    """Park a key, or say how it stands after another attempt. Its wait rows stay."""
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


def wait(tenant: str, subscription: str, lane: str, key: bytes, places: Sequence[int]) -> Operation:
    """Append later events of a parked key, in this order, after those that wait already."""
    last = select(func.coalesce(func.max(_WAITING.c.n), 0)).where(_of_key(_WAITING, tenant, subscription, lane, key))

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


def drop_waiting(tenant: str, subscription: str, lane: str, key: bytes, places: Sequence[int]) -> Operation:
    """These wait no longer: one is tried now, or is settled."""
    statement = delete(_WAITING).where(
        _of_key(_WAITING, tenant, subscription, lane, key), _WAITING.c.place == bindparam("gone")
    )

    def operation(connection: Connection) -> None:
        if places:
            connection.execute(statement, [{"gone": place} for place in places])

    return operation


def unpark(tenant: str, subscription: str, lane: str, key: bytes) -> Operation:
    """The key flows again: its row goes, and whatever wait rows it still has."""

    def operation(connection: Connection) -> None:
        for table in (_PARKED, _WAITING):
            connection.execute(delete(table).where(_of_key(table, tenant, subscription, lane, key)))

    return operation


def forget(tenant: str, subscription: str, lane: str | None = None) -> Operation:
    """Drop all that a subscription has parked; with `lane` that lane's only."""

    def operation(connection: Connection) -> None:
        for table in (_PARKED, _WAITING):
            statement = delete(table).where(table.c.tenant == tenant, table.c.subscription == subscription)
            connection.execute(statement if lane is None else statement.where(table.c.lane == lane))

    return operation


def load(tenant: str, subscription: str | None = None) -> Callable[[Connection], list[tuple[Parked, tuple[int, ...]]]]:
    """Every parked key (or those of one subscription), with the places that wait behind it in order."""

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
        found = []
        for row in connection.execute(select(_PARKED).where(of(_PARKED))):
            parked = Parked(
                row.subscription,
                row.lane,
                row.key,
                row.place,
                row.cause,
                row.attempts,
                from_us(row.due_us),
                from_us(row.since_us),
                row.reason,
            )
            found.append((parked, tuple(behind.get((row.subscription, row.lane, row.key), ()))))
        return found

    return read


def counts(tenant: str) -> Callable[[Connection], dict[tuple[str, str], Counts]]:
    """By (subscription, lane); a lane with nothing parked is left out."""

    def read(connection: Connection) -> dict[tuple[str, str], Counts]:
        def by_lane(table: Table) -> dict[tuple[str, str], int]:
            query = (
                select(table.c.subscription, table.c.lane, func.count().label("rows"))
                .where(table.c.tenant == tenant)
                .group_by(table.c.subscription, table.c.lane)
            )
            return {(row.subscription, row.lane): row.rows for row in connection.execute(query)}

        waiting = by_lane(_WAITING)
        return {lane: Counts(keys, waiting.get(lane, 0)) for lane, keys in by_lane(_PARKED).items()}

    return read


def _of_key(table: Table, tenant: str, subscription: str, lane: str, key: bytes) -> ColumnElement[bool]:
    return (
        (table.c.tenant == tenant)
        & (table.c.subscription == subscription)
        & (table.c.lane == lane)
        & (table.c.key == key)
    )
