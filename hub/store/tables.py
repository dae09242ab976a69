"""The store's tables. The tenant is the first column of every table and of every primary key.

Times are microseconds since 1970 UTC: exact, and the same on SQLite and PostgreSQL. The migrations beside this module
make the schema; a test compares it with these tables.
"""

from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, String, Table, text
from sqlalchemy.types import TypeEngine

metadata = MetaData(
    naming_convention={"pk": "pk_%(table_name)s", "ix": "ix_%(table_name)s_%(column_0_N_name)s"},
)


WIDE_PLACES: Final = 4096
"""From this span on, a row of the log of disclosures counts as wide. The number is a part of an index."""

WIDE: Final = text(f"last_place - first_place >= {WIDE_PLACES}")


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
    Index(None, "tenant", "place"),
)

waiting = _table(
    "waiting",
    _key("subscription", String()),
    _key("lane", String()),
    _key("key", LargeBinary()),
    _key("n", BigInteger()),
    _value("place", BigInteger()),
    Index(None, "tenant", "place"),
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
    Index(None, "tenant", "place"),
)

# Dead letters that a person has ended: they were sent again or discarded.
ended_letters = _table(
    "ended_letters",
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
    _value("ended_us", BigInteger()),
    _value("how", String()),
    _value("by", String()),
    _value("note", String()),
    _value("new_lane", String()),
    Index(None, "tenant", "subscription", "id"),
    Index(None, "tenant", "place"),
    Index(None, "tenant", "ended_us"),
)

# Attempts that failed. A delivery that succeeds at once has no row.
attempts = _table(
    "attempts",
    _key("n", BigInteger()),
    _value("subscription", String()),
    _value("lane", String()),
    _value("place", BigInteger()),
    _value("event_id", String()),
    _value("source", String()),
    _value("type", String()),
    _value("number", Integer()),
    _value("at_us", BigInteger()),
    _value("took_us", BigInteger()),
    _value("result", String()),
    _value("reason", String()),
    _value("status", Integer(), nullable=True),
    Index(None, "tenant", "subscription", "n"),
    Index(None, "tenant", "place"),
)

# How far the clients of a feed or stream have said that they have read.
acknowledged = _table(
    "acknowledged",
    _key("subscription", String()),
    _value("position", LargeBinary()),
    _value("at_us", BigInteger()),
)

# What was counted in one span of time: `about` is a recipient, a connector or a source, `counted` a JSON object.
counters = _table(
    "counters",
    _key("width_s", Integer()),
    _key("about", String()),
    _key("start_s", BigInteger()),
    _value("counted", String()),
    Index(None, "tenant", "width_s", "start_s"),
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

# The far sides of connectors that stand each for itself: when each last got its own, and since when it is behind.
far_sides = _table(
    "far_sides",
    _key("connector", String()),
    _key("name", String()),
    _value("reached_us", BigInteger(), nullable=True),
    _value("behind_us", BigInteger(), nullable=True),
    _value("code", String()),
)

# What operators were told of and is not over, or was over lately. `code`, `place` and `what` say what it is.
alerts = _table(
    "alerts",
    _key("code", String()),
    _key("place", String()),
    _key("what", String()),
    _value("id", String()),
    _value("severity", String()),
    _value("error", String()),
    _value("since_us", BigInteger()),
    _value("raised_us", BigInteger()),
    _value("changed_us", BigInteger()),
    _value("cleared_us", BigInteger(), nullable=True),
    _value("told_us", BigInteger(), nullable=True),
    _value("reminders", Integer()),
    _value("acknowledged_us", BigInteger(), nullable=True),
    _value("acknowledged_by", String()),
)

# Single facts of the hub itself that outlive a restart: the version that ran last, the last backup.
notes = _table(
    "notes",
    _key("name", String()),
    _value("at_us", BigInteger()),
    _value("value", String()),
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
    # The rows that span many places. The others are found near the place that is asked for (`disclosures.for_place`).
    Index("ix_disclosures_wide", "tenant", "recipient", "first_place", sqlite_where=WIDE, postgresql_where=WIDE),
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

# Protections that outlive the log's state of their persons. `guardians`: ids with spaces between.
kept_marks = _table(
    "kept_marks",
    _key("person", String()),
    _key("source", String()),
    _value("place", BigInteger()),
    _value("guardians", String()),
    _value("lifted", Boolean()),
)

# The fingerprint of the key that belongs to the tenant's data (`hub.keys.Keys.fingerprint`).
key_fingerprints = _table("key_fingerprints", _value("fingerprint", LargeBinary()))

# Counters. A number is never used again, even after its row was deleted.
numbers = _table(
    "numbers",
    _key("name", String()),
    _value("last", BigInteger()),
)
