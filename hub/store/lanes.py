"""Lanes beside the live one: replays and resends that an operator started, and late events of feeds."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, and_, delete, exists, select, update

from hub.clock import from_us, to_us
from hub.store import places, tables
from hub.store.base import Operation
from hub.store.statements import upsert

_TABLE = tables.lanes


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One replay (all events from `start` up to `until`, packed positions) or resend (`places`, in this order).

    `by` is the client that requested the lane, `at` the time of the request (aware, UTC). `done`: nothing is left to
    deliver. The hub itself adds a late lane for a feed's event on which deciding failed; it is served from `at` on.
    """

    subscription: str
    lane: str
    kind: Literal["replay", "resend", "late", "late-state"]
    start: bytes
    until: bytes
    places: tuple[int, ...]
    by: str
    at: datetime
    done: bool


def add(tenant: str, lane: Lane) -> Operation:
    row = {
        "tenant": tenant,
        "subscription": lane.subscription,
        "lane": lane.lane,
        "kind": lane.kind,
        "start": lane.start,
        "until": lane.until,
        "places": places.pack(lane.places),
        "by": lane.by,
        "at_us": to_us(lane.at),
        "done": lane.done,
    }
    return lambda connection: connection.execute(upsert(connection, _TABLE), row)


def load(tenant: str, subscription: str | None = None) -> Callable[[Connection], list[Lane]]:
    """All lanes, also finished lanes, oldest first, of one subscription or all."""
    query = select(_TABLE).where(_TABLE.c.tenant == tenant)
    if subscription is not None:
        query = query.where(_TABLE.c.subscription == subscription)
    query = query.order_by(_TABLE.c.at_us, _TABLE.c.subscription, _TABLE.c.lane)
    return lambda connection: [
        Lane(
            subscription=row.subscription,
            lane=row.lane,
            kind=row.kind,
            start=row.start,
            until=row.until,
            places=places.unpack(row.places),
            by=row.by,
            at=from_us(row.at_us),
            done=row.done,
        )
        for row in connection.execute(query)
    ]


def finish(tenant: str, subscription: str, lane: str) -> Operation:
    statement = (
        update(_TABLE)
        .where(_TABLE.c.tenant == tenant, _TABLE.c.subscription == subscription, _TABLE.c.lane == lane)
        .values(done=True)
    )
    return lambda connection: connection.execute(statement)


def forget(tenant: str, subscription: str, lane: str | None = None) -> Operation:
    """Delete a subscription's lanes, or only `lane`."""
    statement = delete(_TABLE).where(_TABLE.c.tenant == tenant, _TABLE.c.subscription == subscription)
    if lane is not None:
        statement = statement.where(_TABLE.c.lane == lane)
    return lambda connection: connection.execute(statement)


def forget_ended(tenant: str, before: datetime) -> Operation:
    """Delete the lanes from before the oldest event that the log keeps, except those that still have a cursor.

    A feed's lanes have no cursor and are never done, since each client reads at its own pace.
    """
    followed = exists().where(
        and_(
            tables.cursors.c.tenant == tenant,
            tables.cursors.c.subscription == _TABLE.c.subscription,
            tables.cursors.c.lane == _TABLE.c.lane,
        )
    )
    statement = delete(_TABLE).where(_TABLE.c.tenant == tenant, _TABLE.c.at_us < to_us(before), ~followed)
    return lambda connection: connection.execute(statement)
