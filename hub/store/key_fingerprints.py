"""Which key a tenant's data was made with, so that a start with another one is noticed before it can do harm."""

from collections.abc import Callable

from sqlalchemy import Connection, insert, select

from hub.store import tables
from hub.store.base import Operation

_TABLE = tables.key_fingerprints


def save(tenant: str, fingerprint: bytes) -> Operation:
    """For good: a second one for the same tenant fails."""
    return lambda connection: connection.execute(insert(_TABLE), {"tenant": tenant, "fingerprint": fingerprint})


def load(tenant: str) -> Callable[[Connection], bytes | None]:
    """None: nothing was made with a key yet."""
    query = select(_TABLE.c.fingerprint).where(_TABLE.c.tenant == tenant)
    return lambda connection: connection.execute(query).scalar()
