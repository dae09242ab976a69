"""The fingerprint of the key that a tenant's data belongs to, so that a start with another key fails."""

from collections.abc import Callable

from sqlalchemy import Connection, insert, select

from hub.store import tables
from hub.store.base import Operation

_TABLE = tables.key_fingerprints


def save(tenant: str, fingerprint: bytes) -> Operation:
    """Store a tenant's fingerprint. It never changes: a second one fails."""
    return lambda connection: connection.execute(insert(_TABLE), {"tenant": tenant, "fingerprint": fingerprint})


def load(tenant: str) -> Callable[[Connection], bytes | None]:
    """A tenant's fingerprint; None if no data needed a key yet."""
    query = select(_TABLE.c.fingerprint).where(_TABLE.c.tenant == tenant)
    return lambda connection: connection.execute(query).scalar()
