"""Trims the log of disclosures and the audit: removes the rows whose retention (`disclosure_retention`) has passed."""

from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import Final

from hub.clock import Clock
from hub.store import audit, disclosures, numbered, tables
from hub.store.base import Store
from schemas.school_time import SCHOOL_ZONE, school_moment

ROWS: Final = 500  # removed in one transaction: few, so that no delivery waits long for a trim
_HUB: Final = "hub"  # the actor in the audit


class ChainBroken(Exception):
    """A row among those to remove was changed, removed or added by hand. Nothing more was removed from the chain."""

    def __init__(self, row: int) -> None:
        super().__init__(f"row {row}")
        self.row = row


def kept_since(clock: Clock, retention: timedelta) -> datetime:
    """Rows from before this moment are removed, once a day: it moves at midnight in school.

    The day is that of machine time, which the rows have too; a demo's school clock may be years ahead.
    """
    today = clock.utc().astimezone(SCHOOL_ZONE).date()
    return school_moment(today, time()).astimezone(UTC) - retention


async def trim(store: Store, clock: Clock, retention: timedelta) -> None:
    """Remove what is older, in short transactions. Each notes in the audit up to which row it has removed.

    The log of disclosures stays as it is from a break of its chain on: were these rows removed, the break would be
    hidden. Raises ChainBroken, when all else is done; StoreUnavailable.
    """
    before = kept_since(clock, retention)
    noted = partial(audit.add, store.tenant, actor=_HUB)
    while (upto := await store.read(numbered.expired(tables.audit, store.tenant, before, ROWS))) is not None:
        note = noted(clock.utc(), action="audit.trimmed", target=str(upto))
        await store.commit(numbered.trim(tables.audit, store.tenant, upto), note)
    while (expired := await store.read(disclosures.expired(store.tenant, before, ROWS))) is not None:
        if expired.broken_at is not None:
            raise ChainBroken(expired.broken_at)
        note = noted(clock.utc(), action="disclosures.trimmed", target=str(expired.upto))
        await store.commit(disclosures.trim(store.tenant, expired.upto), note)
