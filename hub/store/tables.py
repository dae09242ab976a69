"""The store's tables. The tenant is the first column of every table and of every primary key.

Times are microseconds since 1970 UTC: exact, and the same on SQLite and PostgreSQL. The migrations beside this module
make the schema; a test compares it with these tables.
"""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, String, Table
from sqlalchemy.types import TypeEngine

metadata = MetaData(
    naming_convention={"pk": "pk_%(table_name)s", "ix": "ix_%(table_name)s_%(column_0_N_name)s"},
)


def _key(name: str, type_: TypeEngine[Any]) -> Column[Any]:
    return Column(name, type_, primary_key=True, autoincrement=False)


def _value(name: str, type_: TypeEngine[Any], *, nullable: bool = False) -> Column[Any]:
    return Column(name, type_, nullable=nullable)


def _table(name: str, *columns: Column[Any] | Index) -> Table:
    # Without a rowid SQLite stores the rows in the primary key's tree, so it need not write a second tree.
    return Table(name, metadata, _key("tenant", String()), *columns, sqlite_with_rowid=False)


cursors = _table(
    "cursors",
    _key("subscription", String()),
    _key("lane", String()),
    _value("position", LargeBinary()),
    _value("open", LargeBinary()),
    _value("accepted_us", BigInteger()),
)

parked = _table(
    "parked",
    _key("subscription", String()),
    _key("lane", String()),
    _key("key", LargeBinary()),
    _value("place", BigInteger()),
    _value("cause", String()),
    _value("attempts", Integer()),
    _value("due_us", BigInteger()),
    _value("since_us", BigInteger()),
    _value("reason", String()),
)

waiting = _table(
    "waiting",
    _key("subscription", String()),
    _key("lane", String()),
    _key("key", LargeBinary()),
    _key("n", BigInteger()),
    _value("place", BigInteger()),
)

dead_letters = _table(
    "dead_letters",
    _key("id", String()),
    _value("subscription", String()),
    _value("lane", String()),
    _value("place", BigInteger()),
    _value("event_id", String()),
    _value("source", String()),
    _value("type", String()),
    _value("reason", String()),
    _value("attempts", Integer()),
    _value("first_us", BigInteger()),
    _value("dead_us", BigInteger()),
    Index(None, "tenant", "subscription", "id"),
)

outbox = _table(
    "outbox",
    _key("n", BigInteger()),
    _value("connector", String()),
    _value("body", LargeBinary()),
)

connector_state = _table(
    "connector_state",
    _key("connector", String()),
    _key("name", String()),
    _value("value", LargeBinary()),
)

timers = _table(
    "timers",
    _key("connector", String()),
    _key("name", String()),
    _value("due_us", BigInteger()),
)

moments = _table(
    "moments",
    _key("connector", String()),
    _key("name", String()),
    _key("key", String()),
    _value("due_us", BigInteger()),
)

withheld = _table(
    "withheld",
    _key("person", String()),
    _key("entity", String()),
    _key("recipient", String()),
)

disclosures = _table(
    "disclosures",
    _key("n", BigInteger()),
    _value("at_us", BigInteger()),
    _value("recipient", String()),
    _value("subscription", String()),
    _value("contracts", String()),
    _value("decided", String()),
    _value("first_place", BigInteger()),
    _value("last_place", BigInteger()),
    _value("previous", LargeBinary()),
    _value("hash", LargeBinary()),
    Index(None, "tenant", "recipient", "first_place", "last_place"),
)

disclosure_heads = _table(
    "disclosure_heads",
    _value("n", BigInteger()),
    _value("hash", LargeBinary()),
)

# The last row that was removed because its retention had passed. Without it the first row is number 1.
disclosure_anchors = _table(
    "disclosure_anchors",
    _value("n", BigInteger()),
    _value("hash", LargeBinary()),
)

lanes = _table(
    "lanes",
    _key("subscription", String()),
    _key("lane", String()),
    _value("kind", String()),
    _value("start", LargeBinary()),
    _value("until", LargeBinary()),
    _value("places", LargeBinary()),
    _value("by", String()),
    _value("at_us", BigInteger()),
    _value("done", Boolean()),
)

subscriptions = _table(
    "subscriptions",
    _key("id", String()),
    _value("client", String()),
    _value("origin", String()),
    _value("spec", LargeBinary()),
    _value("created_us", BigInteger()),
)

subscription_status = _table(
    "subscription_status",
    _key("id", String()),
    _value("status", String()),
    _value("reason", String()),
    _value("since_us", BigInteger()),
)

audit = _table(
    "audit",
    _key("n", BigInteger()),
    _value("at_us", BigInteger()),
    _value("actor", String()),
    _value("action", String()),
    _value("target", String()),
)

# The fingerprint of the key that belongs to the tenant's data (`hub.keys.Keys.fingerprint`).
key_fingerprints = _table("key_fingerprints", _value("fingerprint", LargeBinary()))

# Counters. A number is never used again, even after its row was deleted.
numbers = _table(
    "numbers",
    _key("name", String()),
    _value("last", BigInteger()),
)
