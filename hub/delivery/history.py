"""What became of deliveries, once it is over: failed attempts and ended dead letters, kept as long as events are."""

from datetime import datetime
from typing import Final

from hub.store import dead_letters, numbered, tables
from hub.store.base import Store

ROWS: Final = 500  # removed in one transaction: few, so that no delivery waits long for a trim


async def trim(store: Store, before: datetime) -> None:
    """Remove what is older, in short transactions. Raises StoreUnavailable."""
    while (upto := await store.read(numbered.expired(tables.attempts, store.tenant, before, ROWS))) is not None:
        await store.commit(numbered.trim(tables.attempts, store.tenant, upto))
    while await store.read(dead_letters.ended_before(store.tenant, before)):
        await store.commit(dead_letters.trim_ended(store.tenant, before, ROWS))
