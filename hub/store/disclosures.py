"""The log of disclosures: events that were about to leave for a recipient or were denied to it, and under which rule.

One answer is one row, of bounded size. Rows are chained by hashes and hold no person in clear. Old rows are removed
from the front of the chain; an anchor then holds the number and the hash of the last removed row, so that the other
rows still verify.
"""

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Connection, delete, func, insert, select

from hub.clock import from_us, to_us
from hub.store import places, tables
from hub.store.base import Grouped, Operation
from hub.store.statements import upsert

LISTED: Final = 5000
"""The most places, and the most subjects, that one row lists: those of the largest page, so a page is listed whole."""

_TABLE = tables.disclosures
WIDE, WIDE_PLACES = tables.WIDE, tables.WIDE_PLACES
_HEADS = tables.disclosure_heads
_ANCHORS = tables.disclosure_anchors
_FIRST: Final = bytes(32)  # the first row has no hash before it and uses this instead


@dataclass(frozen=True, slots=True)
class Unlisted:
    """What a row does not list one by one: how many places and subjects, and the range of these places.

    `digest` proves what they were: SHA-256 of all places and subjects of the decision, listed or not (`digest_of`).
    """

    places: int
    first_place: int
    last_place: int
    subjects: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """The events of an answer that were decided on under one rule, in one lane.

    `rule` is a value of `hub.privacy.base.Rule`. `subjects` are pseudonyms that only this log uses. Places and subjects
    are sorted. The caller leaves `unlisted` out: `append` shortens what is too long.
    """

    lane: str
    rule: str
    allowed: bool
    places: tuple[int, ...]
    subjects: tuple[str, ...]
    unlisted: Unlisted | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """One row to append: a page, a batch, a single event or another answer to one recipient, with at least one place.

    `contracts` are the versions in force; `at` is aware.
    """

    at: datetime
    recipient: str
    subscription: str
    contracts: tuple[str, ...]
    decided: tuple[Decided, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A decision on one event, and its row. `listed` False: the event may be among those that the row does not list."""

    n: int
    disclosure: Disclosure
    decided: Decided
    listed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The result of a walk over the chain.

    Rows up to number `rows` are intact. `broken_at` is the number of the first row that does not fit or is missing;
    None: there is no break so far. `complete`: the walk reached the end or the break. `trimmed`: the rows up to this
    number were removed because their retention had passed.
    """

    rows: int
    broken_at: int | None
    complete: bool
    trimmed: int = 0


@dataclass(frozen=True, slots=True)
class Expired:
    """Rows whose retention has passed: those up to number `upto`, unless the chain is broken among them."""

    upto: int
    broken_at: int | None


def append(tenant: str, rows: Sequence[Disclosure]) -> Operation:
    """Append rows in this order. The hash of a row covers the hash before it, read in the same transaction."""
    return Grouped(_append, tenant, [_values(tenant, row) for row in rows])


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


def page(tenant: str, after: int = 0, limit: int = 100) -> Callable[[Connection], list[tuple[int, Disclosure]]]:
    """Rows with numbers above `after`, with their numbers, oldest first."""
    query = select(_TABLE).where(_TABLE.c.tenant == tenant, _TABLE.c.n > after).order_by(_TABLE.c.n).limit(limit)
    return lambda connection: [(row.n, _disclosure(row)) for row in connection.execute(query)]


def for_place(tenant: str, recipient: str, place: int) -> Callable[[Connection], list[Found]]:
    """Every decision on this event for this recipient, oldest first; also those that it may be among, unlisted.

    A row that is not wide begins near the place; the wide rows, which are few, have an index of their own. Without the
    two ways, all rows of the recipient that begin before the place would be read.
    """
    mine = (_TABLE.c.tenant == tenant) & (_TABLE.c.recipient == recipient) & (_TABLE.c.last_place >= place)
    near = select(_TABLE).where(mine, _TABLE.c.first_place.between(place - WIDE_PLACES + 1, place))
    wide = select(_TABLE).where(mine, WIDE, _TABLE.c.first_place <= place - WIDE_PLACES)

    def read(connection: Connection) -> list[Found]:
        rows = [*connection.execute(near), *connection.execute(wide)]
        return [found for row in sorted(rows, key=lambda row: row.n) for found in _found(row, place)]

    return read


def _found(row: Any, place: int) -> list[Found]:
    disclosure = _disclosure(row)
    listed = [Found(row.n, disclosure, each, True) for each in disclosure.decided if place in each.places]
    return listed or [
        Found(row.n, disclosure, each, False)
        for each in disclosure.decided
        if each.unlisted is not None and each.unlisted.first_place <= place <= each.unlisted.last_place
    ]


def naming(tenant: str, subject: str, *, after: int, limit: int) -> Callable[[Connection], tuple[list[Found], int]]:
    """What was allowed about this subject in the rows that follow number `after`, and the number of the last row read.

    At most `limit` rows are read; the number is `after` where there are no more. A decision that lists not all of its
    subjects is given too, as not `listed`.
    """
    mine = (_TABLE.c.tenant == tenant) & (_TABLE.c.n > after)
    read_to = select(_TABLE.c.n).where(mine).order_by(_TABLE.c.n).limit(limit).subquery()
    # Only the digest of what is not listed ends in `"]` (`_packed`).
    perhaps = _TABLE.c.decided.contains(subject, autoescape=True) | _TABLE.c.decided.contains('"]')

    def read(connection: Connection) -> tuple[list[Found], int]:
        upto = connection.execute(select(func.max(read_to.c.n))).scalar_one()
        if upto is None:
            return [], after
        query = select(_TABLE).where(mine, _TABLE.c.n <= upto, perhaps).order_by(_TABLE.c.n)
        found = []
        for row in connection.execute(query):
            disclosure = _disclosure(row)
            for each in disclosure.decided:
                rest = each.unlisted
                if each.allowed and (subject in each.subjects or (rest is not None and rest.subjects > 0)):
                    found.append(Found(row.n, disclosure, each, subject in each.subjects))
        return found, upto

    return read


def verify(tenant: str, *, after: int = 0, limit: int | None = None) -> Callable[[Connection], Verified]:
    """Walk the chain to its head, or over `limit` rows, from the row that follows number `after`.

    A row that was changed, removed or added breaks the chain. So does a removed end, since the head is stored apart
    from the rows, and a removed beginning that the anchor does not name. Rows are read in batches, so memory stays
    bounded; many short walks hold no long read transaction.
    """
    mine = _TABLE.c.tenant == tenant
    before_query = select(_TABLE.c.hash).where(mine, _TABLE.c.n == after)
    head_query = select(_HEADS.c.n, _HEADS.c.hash).where(_HEADS.c.tenant == tenant)

    def read(connection: Connection) -> Verified:
        trimmed, anchored = _anchor(connection, tenant)

        def broken(at: int) -> Verified:
            return Verified(rows=at - 1, broken_at=at, complete=True, trimmed=trimmed)

        if after > trimmed:
            n, before = after, connection.execute(before_query).scalar_one_or_none()
            if before is None:
                return broken(after)
            previous = before
        else:  # from the first row, or rows were trimmed since the walk began
            n, previous = trimmed, anchored
            left = connection.execute(select(func.min(_TABLE.c.n)).where(mine, _TABLE.c.n <= trimmed)).scalar_one()
            if left is not None:
                return broken(left)
        query = select(_TABLE).where(mine, _TABLE.c.n > n).order_by(_TABLE.c.n).limit(limit)
        began = n
        for row in connection.execute(query, execution_options={"yield_per": 1000}):
            n += 1
            if row.n != n or row.previous != previous or row.hash != _digest(previous, n, row._mapping):
                return broken(n)
            previous = row.hash
        if limit is not None and n - began == limit:
            return Verified(rows=n, broken_at=None, complete=False, trimmed=trimmed)
        head = connection.execute(head_query).one_or_none()
        last, hash_ = (0, _FIRST) if head is None else (head.n, head.hash)
        if n != last:
            return broken(min(n, last) + 1)
        if previous != hash_:
            return broken(n)
        return Verified(rows=n, broken_at=None, complete=True, trimmed=trimmed)

    return read


def expired(tenant: str, before: datetime, limit: int) -> Callable[[Connection], Expired | None]:
    """The oldest rows, at most `limit`, that were all written before this time; None if there are none.

    They are verified: were rows of a broken chain removed, the anchor would hide the break.
    """
    mine = _TABLE.c.tenant == tenant

    def read(connection: Connection) -> Expired | None:
        trimmed, _ = _anchor(connection, tenant)
        oldest = select(_TABLE.c.n, _TABLE.c.at_us).where(mine).order_by(_TABLE.c.n).limit(limit)
        upto = None
        for row in connection.execute(oldest):
            if row.at_us >= to_us(before):
                break
            upto = row.n
        if upto is None:
            return None
        checked = verify(tenant, limit=max(upto - trimmed, 1))(connection)
        return Expired(upto, checked.broken_at)

    return read


def trim(tenant: str, upto: int) -> Operation:
    """Remove the rows up to this number, which `expired` has found, and move the anchor, both in one transaction."""

    def operation(connection: Connection) -> None:
        mine = _TABLE.c.tenant == tenant
        last = connection.execute(select(_TABLE.c.hash).where(mine, _TABLE.c.n == upto)).scalar_one()
        connection.execute(delete(_TABLE).where(mine, _TABLE.c.n <= upto))
        connection.execute(upsert(connection, _ANCHORS), {"tenant": tenant, "n": upto, "hash": last})

    return operation


def _anchor(connection: Connection, tenant: str) -> tuple[int, bytes]:
    """The number and the hash of the last row that was trimmed."""
    found = connection.execute(
        select(_ANCHORS.c.n, _ANCHORS.c.hash).where(_ANCHORS.c.tenant == tenant)
    ).one_or_none()  # fmt: skip
    return (0, _FIRST) if found is None else (found.n, found.hash)


def digest_of(places_: Sequence[int], subjects: Sequence[str]) -> str:
    """SHA-256, in hexadecimal, of the JSON list of these places and subjects, each sorted."""
    return hashlib.sha256(orjson.dumps([sorted(places_), sorted(subjects)])).hexdigest()


def _values(tenant: str, row: Disclosure) -> dict[str, Any]:
    return {
        "tenant": tenant,
        "at_us": to_us(row.at),
        "recipient": row.recipient,
        "subscription": row.subscription,
        "contracts": " ".join(row.contracts),
        "decided": orjson.dumps([_packed(each) for each in _shortened(row.decided)]).decode(),
        "first_place": min(each.places[0] for each in row.decided),
        "last_place": max(each.places[-1] for each in row.decided),
    }


def _shortened(decided: Sequence[Decided]) -> list[Decided]:
    """The same decisions, with at most LISTED places and subjects in all. What was allowed is listed first."""
    found, places_left, subjects_left = [], LISTED, LISTED
    for each in sorted(decided, key=lambda each: not each.allowed):
        kept, subjects = each.places[:places_left], each.subjects[:subjects_left]
        if len(kept) < len(each.places) or len(subjects) < len(each.subjects):
            rest = each.places[len(kept) :] or each.places[-1:]
            each = replace(
                each,
                places=kept,
                subjects=subjects,
                unlisted=Unlisted(
                    len(each.places) - len(kept),
                    rest[0],
                    rest[-1],
                    len(each.subjects) - len(subjects),
                    digest_of(each.places, each.subjects),
                ),
            )
        places_left -= len(kept)
        subjects_left -= len(subjects)
        found.append(each)
    return found


def _packed(each: Decided) -> list[Any]:
    """The JSON form of a decision; `_unpacked` reads it."""
    rest = each.unlisted
    return [
        each.lane,
        each.rule,
        each.allowed,
        b64encode(places.pack(each.places)).decode(),
        " ".join(each.subjects),
        None if rest is None else [rest.places, rest.first_place, rest.last_place, rest.subjects, rest.digest],
    ]


def _unpacked(packed: Sequence[Any]) -> Decided:
    lane, rule, allowed, listed, subjects, rest = packed
    return Decided(
        lane=lane,
        rule=rule,
        allowed=allowed,
        places=places.unpack(b64decode(listed)),
        subjects=tuple(subjects.split()),
        unlisted=None if rest is None else Unlisted(*rest),
    )


def _digest(previous: bytes, n: int, row: Any) -> bytes:
    """The hash of a row. It covers a JSON list, so that no two different rows have the same form."""
    canonical = orjson.dumps(
        [
            row["tenant"],
            n,
            row["at_us"],
            row["recipient"],
            row["subscription"],
            row["contracts"],
            row["decided"],
            row["first_place"],
            row["last_place"],
        ]
    )
    return hashlib.sha256(previous + canonical).digest()


def _disclosure(row: Any) -> Disclosure:
    return Disclosure(
        at=from_us(row.at_us),
        recipient=row.recipient,
        subscription=row.subscription,
        contracts=tuple(row.contracts.split()),
        decided=tuple(map(_unpacked, orjson.loads(row.decided))),
    )
