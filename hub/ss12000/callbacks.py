"""Stored SS 12000 subscriptions. Each makes the hub call a client's URL when there is something to fetch.

They deliver no events, so they are not among the hub's own subscriptions. The store holds them as the state of
`api/ss12000`, a name that no connector can have.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from hub.clock import from_us, to_us
from hub.store import connector_state
from hub.store.base import Operation, Store

OWNER: Final = "api/ss12000"
LIFETIME: Final = timedelta(days=90)  # the same as in Skolverket's API
MAX_EACH: Final = 20  # the most that one client can have


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """One subscription. The client has been called about the log up to `position` (packed)."""

    id: str
    client: str
    name: str
    target: str
    resources: tuple[str, ...]  # values of EndPointsEnum
    expires: datetime
    position: bytes


def save(tenant: str, callback: Callback) -> Operation:
    value = orjson.dumps(
        {
            "client": callback.client,
            "name": callback.name,
            "target": callback.target,
            "resources": callback.resources,
            "expires_us": to_us(callback.expires),
            "position": callback.position.hex(),
        }
    )
    return connector_state.put(tenant, OWNER, {callback.id: value})


def forget(tenant: str, ids: Iterable[str]) -> Operation:
    return connector_state.put(tenant, OWNER, dict.fromkeys(ids))


async def load(store: Store) -> list[Callback]:
    """All subscriptions, ordered by id. Raises StoreUnavailable."""
    rows = await store.read(connector_state.load(store.tenant, OWNER))
    return [_callback(id, orjson.loads(value)) for id, value in sorted(rows.items())]


def _callback(id: str, stored: dict[str, Any]) -> Callback:
    return Callback(
        id=id,
        client=stored["client"],
        name=stored["name"],
        target=stored["target"],
        resources=tuple(stored["resources"]),
        expires=from_us(stored["expires_us"]),
        position=bytes.fromhex(stored["position"]),
    )
