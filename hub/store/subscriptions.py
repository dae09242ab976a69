"""Subscriptions and the status of each. Those in the file are stored too, so that a removal from the file shows."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from hub.clock import from_us, to_us
from hub.store import tables
from hub.store.base import Operation
from hub.store.statements import upsert

_SUBSCRIPTIONS = tables.subscriptions
_STATUS = tables.subscription_status


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSubscription:
    """One subscription. `spec` is its specification, sealed by the registry since it holds secrets.

    `origin` names its owner: `file`, `api` or `connector`. A connector's subscription has an empty `client` and `spec`.
    """

    id: str
    client: str
    origin: str
    spec: bytes
    created: datetime


@dataclass(frozen=True, slots=True)
class StoredStatus:
    """The status of the subscription with this id. `reason` is a short code, "" if there is none."""

    id: str
    status: str
    reason: str
    since: datetime


def save(tenant: str, subscription: StoredSubscription) -> Operation:
    row = {
        "tenant": tenant,
        "id": subscription.id,
        "client": subscription.client,
        "origin": subscription.origin,
        "spec": subscription.spec,
        "created_us": to_us(subscription.created),
    }
    return lambda connection: connection.execute(upsert(connection, _SUBSCRIPTIONS), row)


def load(tenant: str) -> Callable[[Connection], list[StoredSubscription]]:
    query = select(_SUBSCRIPTIONS).where(_SUBSCRIPTIONS.c.tenant == tenant).order_by(_SUBSCRIPTIONS.c.created_us)
    return lambda connection: [
        StoredSubscription(
            id=row.id, client=row.client, origin=row.origin, spec=row.spec, created=from_us(row.created_us)
        )
        for row in connection.execute(query)
    ]


def remove(tenant: str, id: str) -> Operation:
    """Delete a subscription and its status."""

    def operation(connection: Connection) -> None:
        for table in (_SUBSCRIPTIONS, _STATUS):
            connection.execute(delete(table).where(table.c.tenant == tenant, table.c.id == id))

    return operation


def set_status(tenant: str, status: StoredStatus) -> Operation:
    row = {
        "tenant": tenant,
        "id": status.id,
        "status": status.status,
        "reason": status.reason,
        "since_us": to_us(status.since),
    }
    return lambda connection: connection.execute(upsert(connection, _STATUS), row)


def statuses(tenant: str) -> Callable[[Connection], list[StoredStatus]]:
    query = select(_STATUS).where(_STATUS.c.tenant == tenant)
    return lambda connection: [
        StoredStatus(id=row.id, status=row.status, reason=row.reason, since=from_us(row.since_us))
        for row in connection.execute(query)
    ]
