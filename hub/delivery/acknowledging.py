"""How far the client of each feed or stream has read, by its own word: it came back with a cursor.

The hub never waits for these rows. A row is written with the next page that has rows of its own, else with the counters
(`hub.delivery.counting`), so a crash may forget the last minutes; the client then counts as not having come back.
"""

from datetime import datetime

from hub.bus.base import Log, Position
from hub.clock import Clock
from hub.store import acknowledged
from hub.store.base import Operation, Store


class Acknowledging:
    def __init__(self, log: Log, store: Store, clock: Clock) -> None:
        self._log = log
        self._store = store
        self._clock = clock
        self._read: dict[str, Position] = {}  # by subscription
        self._came: dict[str, datetime] = {}  # by subscription: when its client came with that position
        self._unsaved: set[str] = set()

    async def start(self) -> None:
        """Raises StoreUnavailable."""
        stored = await self._store.read(acknowledged.load(self._store.tenant))
        self._read = {id: self._log.present(Position.unpack(position)) for id, (position, _) in stored.items()}
        self._came = {id: at for id, (_, at) in stored.items()}

    def note(self, subscription: str, position: Position) -> None:
        """The client of this subscription has come back with a cursor at this position."""
        known = self._read.get(subscription)
        position = self._log.present(position)
        if known is None or not known.reached(position):
            self._read[subscription] = position
            self._came[subscription] = self._clock.utc()
            self._unsaved.add(subscription)

    def unread_since(self, subscription: str) -> datetime | None:
        """When the client last came, if there are events after its cursor; None: there are none, or it never came."""
        position = self._read.get(subscription)
        if position is None or position.reached(self._log.head()):
            return None
        return self._came[subscription]

    def operations(self, subscription: str | None = None) -> list[Operation]:
        """What is not stored yet, of one subscription or of all."""
        wanted = self._unsaved if subscription is None else self._unsaved & {subscription}
        self._unsaved = self._unsaved - wanted
        now, tenant = self._clock.utc(), self._store.tenant
        return [acknowledged.save(tenant, id, self._read[id].pack(), now) for id in sorted(wanted)]

    def forget(self, subscription: str) -> None:
        """The subscription was deleted."""
        self._read.pop(subscription, None)
        self._came.pop(subscription, None)
        self._unsaved.discard(subscription)
