"""SS 12000 subscriptions as they are kept, and the signal that one sends: "come and fetch", without an id.

They are no subscriptions of the hub's own (nothing is delivered by them), and live as state of `api/ss12000`, a name
that no connector can have.
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
LIFETIME: Final = timedelta(days=90)  # as Skolverket's
MAX_EACH: Final = 20  # of one client


@dataclass(frozen=True, slots=True)
class Callback:
    """One subscription. `position` (packed) is how far in the log the client has been told."""

    id: str
    client: str
    name: str
    target: str
    resources: tuple[str, ...]  # of EndPointsEnum
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
    """All of them, by id. Raises StoreUnavailable."""
    rows = await store.read(connector_state.load(store.tenant, OWNER))
    return [_callback(id, orjson.loads(value)) for id, value in sorted(rows.items())]


def _callback(id: str, kept: dict[str, Any]) -> Callback:
    return Callback(
        id, kept["client"], kept["name"], kept["target"], tuple(kept["resources"]), from_us(kept["expires_us"]),
        bytes.fromhex(kept["position"]),
    )  # fmt: skip
