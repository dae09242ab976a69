"""What every follower works with."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

from hub.bus.base import Log, Stored
from hub.clock import Clock
from hub.privacy.telling import Telling
from hub.store.base import Store
from hub.subscriptions.model import Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The hub's parts that delivery needs, made once."""

    tenant: str
    log: Log
    store: Store
    telling: Telling
    clock: Clock
    dice: random.Random
    id_key: bytes  # delivery ids are keyed with it, so that they tell nothing of the event
    problem: Callable[[str, str, str], None] = lambda where, code, detail: None  # for the operator
    waits: Callable[[Subscription], bool] = lambda subscription: False  # it must wait as a whole at its cursor

    def key_of(self, stored: Stored) -> bytes:
        """The ordering key as the rows of parked keys have it: it names no person."""
        return blake2b(stored.key.encode(), digest_size=12, key=self.id_key).digest()

    def delivery_id(self, subscription: str, stored: Stored) -> str:
        """What the recipient deduplicates on: the same over retries, restarts and replays, and telling nothing."""
        name = f"{subscription}\0{stored.source}\0{stored.id}"
        return "msg_" + blake2b(name.encode(), digest_size=16, key=self.id_key).hexdigest()
