"""The log of disclosures: events that were about to leave for a recipient or were denied to it, and under which rule.

Rows are chained by hashes and hold no person in clear.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Row, insert, select

from hub.clock import from_us, to_us
from hub.store import places, tables
from hub.store.base import Grouped, Operation
from hub.store.statements import upsert

_TABLE = tables.disclosures
_HEADS = tables.disclosure_heads
_FIRST: Final = bytes(32)  # the first row has no hash before it and uses this instead


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """One row to append: a page, batch or single event for one recipient, with at least one place.

    `subjects` are pseudonyms that only this log uses. `contracts` are the versions in force, `rule` is a value of
    `hub.privacy.base.Rule`; `at` is aware.
    """

    at: datetime
    recipient: str
    subscription: str
    lane: str
    rule: str
    allowed: bool
    contracts: tuple[str, ...]
    places: tuple[int, ...]
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chained:
    """A stored row with its number."""

    n: int
    disclosure: Disclosure


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The result of a walk over the chain.

    Rows up to number `rows` are intact. `broken_at` is the number of the first row that does not fit or is missing;
    None: there is no break so far. `complete`: the walk reached the end or the break.
    """

    rows: int
    broken_at: int | None
    complete: bool


def append(tenant: str, rows: Sequence[Disclosure]) -> Operation:
    """Append rows in this order. The hash of a row covers the hash before it, read in the same transaction."""
    return Grouped(
        _append,
        tenant,
        [
            {
                "tenant": tenant,
                "at_us": to_us(row.at),
                "recipient": row.recipient,
                "subscription": row.subscription,
                "lane": row.lane,
                "rule": row.rule,
                "allowed": row.allowed,
                "contracts": " ".join(row.contracts),
                "places": places.pack(row.places),
                "first_place": min(row.places),
                "last_place": max(row.places),
                "subjects": " ".join(row.subjects),
            }
            for row in rows
        ],
    )


def _append(connection: Connection, tenant: str, rows: list[dict[str, Any]]) -> None:
    last = connection.execute(select(_HEADS.c.n, _HEADS.c.hash).where(_HEADS.c.tenant == tenant)).one_or_none()
    n, previous = (0, _FIRST) if last is None else (last.n, last.hash)
    values = []
    for row in rows:
        n += 1
        digest = _digest(previous, n, row)
        # A new dict, since after a rollback the same rows are written again, with another hash before them.
        values.append({**row, "n": n, "previous": previous, "hash": digest})
        previous = digest
    connection.execute(insert(_TABLE), values)
    connection.execute(upsert(connection, _HEADS), {"tenant": tenant, "n": n, "hash": previous})


def for_place(tenant: str, recipient: str, place: int) -> Callable[[Connection], list[Chained]]:
    """Every row about this event and recipient, oldest first."""
    query = (
        select(_TABLE)
        .where(
            _TABLE.c.tenant == tenant,
            _TABLE.c.recipient == recipient,
            _TABLE.c.first_place <= place,
            _TABLE.c.last_place >= place,
        )
        .order_by(_TABLE.c.n)
    )

    def read(connection: Connection) -> list[Chained]:
        found = (_chained(row) for row in connection.execute(query))
        return [row for row in found if place in row.disclosure.places]

    return read


def verify(tenant: str, *, after: int = 0, limit: int | None = None) -> Callable[[Connection], Verified]:
    """Walk the chain to its head, or over `limit` rows, from the row that follows number `after`.

    A row that was changed, removed or added breaks the chain. So does a removed end, since the head is stored apart
    from the rows. Rows are read in batches, so memory stays bounded; many short walks hold no long read transaction.
    """
    mine = _TABLE.c.tenant == tenant
    query = select(_TABLE).where(mine, _TABLE.c.n > after).order_by(_TABLE.c.n).limit(limit)
    before_query = select(_TABLE.c.hash).where(mine, _TABLE.c.n == after)
    head_query = select(_HEADS.c.n, _HEADS.c.hash).where(_HEADS.c.tenant == tenant)

    def read(connection: Connection) -> Verified:
        n, previous = after, _FIRST if after == 0 else connection.execute(before_query).scalar_one_or_none()
        if previous is None:
            return Verified(rows=after - 1, broken_at=after, complete=True)
        for row in connection.execute(query, execution_options={"yield_per": 1000}):
            n += 1
            if row.n != n or row.previous != previous or row.hash != _digest(previous, n, row._mapping):
                return Verified(rows=n - 1, broken_at=n, complete=True)
            previous = row.hash
        if limit is not None and n - after == limit:
            return Verified(rows=n, broken_at=None, complete=False)
        head = connection.execute(head_query).one_or_none()
        last, hash_ = (0, _FIRST) if head is None else (head.n, head.hash)
        if n != last:
            fits = min(n, last)
            return Verified(rows=fits, broken_at=fits + 1, complete=True)
        if previous != hash_:
            return Verified(rows=n - 1, broken_at=n, complete=True)
        return Verified(rows=n, broken_at=None, complete=True)

    return read


def _digest(previous: bytes, n: int, row: Any) -> bytes:
    """The hash of a row. It covers a JSON list, so that no two different rows have the same form."""
    canonical = orjson.dumps(
        [
            row["tenant"],
            n,
            row["at_us"],
            row["recipient"],
            row["subscription"],
            row["lane"],
            row["rule"],
            bool(row["allowed"]),
            row["contracts"],
            row["places"].hex(),
            row["first_place"],
            row["last_place"],
            row["subjects"],
        ]
    )
    return hashlib.sha256(previous + canonical).digest()


def _chained(row: Row[Any]) -> Chained:
    return Chained(
        row.n,
        Disclosure(
            at=from_us(row.at_us),
            recipient=row.recipient,
            subscription=row.subscription,
            lane=row.lane,
            rule=row.rule,
            allowed=row.allowed,
            contracts=tuple(row.contracts.split()),
            places=places.unpack(row.places),
            subjects=tuple(row.subjects.split()),
        ),
    )
