"""The parts of the hub that every follower uses."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from hub.bus.base import Log, Stored
from hub.clock import Clock
from hub.privacy.telling import Telling
from hub.store.base import Store
from hub.subscriptions.model import Subscription

if TYPE_CHECKING:
    from hub.spans import Spans


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Made once, for all followers."""

    tenant: str
    log: Log
    store: Store
    telling: Telling
    clock: Clock
    dice: random.Random
    id_key: bytes  # the key of the hash in delivery ids, so that they reveal nothing about the event
    problem: Callable[[str, str, str], None] = lambda where, code, detail: None  # for the operator
    delivered: Callable[[str, float | None], None] = lambda subscription, latency_s: None
    count: Callable[[str, str], None] = lambda subscription, what: None  # `failed`, `dead`
    waits: Callable[[Subscription], bool] = lambda subscription: False  # whether a subscription must wait as a whole
    spans: "Spans | None" = None  # None: no tracing

    def key_of(self, stored: Stored) -> bytes:
        """The ordering key in the rows of parked keys: a keyed hash, since the event's key may name a person."""
        return blake2b(stored.key.encode(), digest_size=12, key=self.id_key).digest()

    def delivery_id(self, subscription: str, stored: Stored) -> str:
        """The id on which the recipient deduplicates: the same in all retries, restarts and replays. A keyed hash."""
        name = f"{subscription}\0{stored.source}\0{stored.id}"
        return "msg_" + blake2b(name.encode(), digest_size=16, key=self.id_key).hexdigest()
