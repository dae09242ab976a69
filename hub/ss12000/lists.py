"""The entities that a query matches, page by page: candidates by their facts, then those the client sees as matching.

A page reveals nothing of what is withheld. Every page but the last is full, and a page has a token only if the client
may see something after it.
"""

import asyncio
import bisect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from hub.privacy.before import outside
from hub.ss12000.errors import Refused, bad_request
from hub.ss12000.facts import facts as facts_of
from hub.ss12000.filters import Filter, Query, beyond, uuid
from hub.ss12000.index import Row, Table
from hub.ss12000.joins import RELATIONSHIP, Match, persons_by_relationship
from hub.ss12000.paging import Orders, Place
from hub.ss12000.resources import PERSONS, Resource
from hub.ss12000.sight import Seen, Sight
from schemas import Category

CHUNK: Final = 500  # entities read from the log at a time
SCAN: Final = 5000  # entities looked at in one turn
MAX_LOOKUP: Final = 5000
_BY_PERSON: Final = frozenset({"person", "presence"})  # kinds whose keys begin with a person's id
_RELATION_NEEDS: Final[Mapping[str, frozenset[Category]]] = {
    "duty": frozenset({Category.STAFF}),
    "responsibleFor.enrolment": frozenset({Category.IDENTITY, Category.CONTACT, Category.GROUP}),
}


@dataclass(slots=True)
class Page:
    items: Sequence[Seen]
    following: Place | None


def permit(resource: Resource, query: Query, sight: Sight) -> None:
    """Raises Refused (403) for a parameter that looks at data that the contract hides."""
    for name in query.values:
        needs = resource.filters[name].needs
        if name.startswith(RELATIONSHIP):
            type_ = query.values.get("relationship.entity.type", "")
            needs = _RELATION_NEEDS.get(type_, frozenset({Category.GROUP}))
        if not sight.may(needs):
            raise beyond(name)
    if query.meta and not sight.may(resource.meta):
        raise beyond(next(iter(query.meta)))
    if query.sortkey is not None and not sight.may(resource.sorts[query.sortkey].needs):
        raise beyond("sortkey")


def forbidden(resource: Resource, sight: Sight) -> bool:
    """Whether the contract leaves nothing of this list, for any person."""
    return sight.forbids(resource.types) or not sight.may(resource.needs)


async def matches(resource: Resource, query: Query, sight: Sight) -> list[Match]:
    """The tests that an entity must pass."""
    found: list[Match] = []
    for name, value in query.values.items():
        if name.startswith(RELATIONSHIP):
            continue
        join = resource.joins.get(name)
        found.append(await join(sight, value) if join is not None else _plain(resource.filters[name], value, sight))
    if resource is PERSONS and any(name.startswith(RELATIONSHIP) for name in query.values):
        found.append(await persons_by_relationship(sight, query.values))
    return found


def _plain(known: Filter, value: Any, sight: Sight) -> Match:
    test = known.test
    assert test is not None
    if known.person:
        value = frozenset(name for each in (value if known.many else (value,)) for name in sight.person(each))
    return lambda row, facts: test(facts, value)


async def page(resource: Resource, place: Place, sight: Sight, orders: Orders) -> Page:
    """One page. Raises Refused (403, 410)."""
    query = place.query
    permit(resource, query, sight)
    if forbidden(resource, sight):
        return Page((), None)
    table = await sight.index.table(resource.kind)
    tests = await matches(resource, query, sight)
    if (within := _within_scope(resource, sight)) is not None:
        tests.insert(0, within)
    order, begin, name = await _order(resource, place, table, tests=tests, sight=sight, orders=orders)
    found: list[Seen] = []
    ends: list[int] = []  # the index of each found entity in the order
    at = begin
    while len(found) <= query.limit and at < len(order):
        rows: list[tuple[int, Row]] = []
        wanted = min(CHUNK, query.limit + 1 - len(found))
        scanned = 0
        while at < len(order) and len(rows) < wanted:
            row = table.rows.get(order[at])
            if row is not None and _candidate(row, table, query, tests=tests, sight=sight):
                rows.append((at, row))
            at += 1
            scanned += 1
            if scanned % SCAN == 0:
                await asyncio.sleep(0)
        where = {row.key: position for position, row in rows}
        for seen in await sight.see(table, [row for _, row in rows]):
            if _meets(resource, seen, query, tests):
                found.append(seen)
                ends.append(where[seen.row.key])
    more = len(found) > query.limit
    del found[query.limit :]
    if not more:
        if name:
            orders.done(sight.recipient.name, name)
        return Page(found, None)
    last = ends[query.limit - 1]
    if not name and query.sortkey is not None:
        name = orders.keep(sight.recipient.name, order)
    following = replace(place, order=name, offset=last + 1) if name else replace(place, after=found[-1].row.key)
    return Page(found, following)


async def _order(
    resource: Resource, place: Place, table: Table, *, tests: Sequence[Match], sight: Sight, orders: Orders
) -> tuple[Sequence[str], int, str]:
    """Keys in the order of the list, the index at which the page begins, and the name of a stored order."""
    sortkey = place.query.sortkey
    if sortkey is None:
        keys = table.keys()
        if table.kind in _BY_PERSON and not sight.may((Category.IDENTITY,)):
            own = _own_order(table.kind, sight)
            keys = sorted(keys, key=own)
            return keys, bisect.bisect_right(keys, own(place.after), key=own) if place.after else 0, ""
        return keys, bisect.bisect_right(keys, place.after) if place.after else 0, ""
    if place.order:
        return orders.get(sight.recipient.name, place.order), place.offset, place.order
    sort = resource.sorts[sortkey]
    rows = []
    for number, row in enumerate(list(table.rows.values())):
        if _candidate(row, table, place.query, tests=tests, sight=sight):
            rows.append(row)
        if number % SCAN == SCAN - 1:
            await asyncio.sleep(0)
    rows = await sight.as_modified(table, rows, place.query.limit)
    own = _own_order(table.kind, sight)
    rows.sort(key=lambda row: own(row.key))
    rows.sort(key=sort.by, reverse=sort.descending)
    kept = [row.key for row in rows]
    return kept, 0, ""


def _own_order(kind: str, sight: Sight) -> Callable[[str], str]:
    """The order of keys in an answer.

    Where a key holds a person's id, the order is that of the client's own ids: a list of the real ids from elsewhere
    would unlock all pseudonyms by rank, and two clients could match theirs.
    """
    return (lambda key: sight.called(key[:36])) if kind in _BY_PERSON else str


def _within_scope(resource: Resource, sight: Sight) -> Match | None:
    """A test that leaves out persons who are certainly out of scope, without reading them; None if none is needed."""
    if not resource.person_ids:
        return None
    scope = sight.services.gate.view(sight.recipient, resource.types[0]).scope
    if scope is None:
        return None
    now_us = sight.services.clock.utc_us()
    # An unknown scope needs a decision, which makes a mark.
    return lambda row, facts: not outside(scope, resource.types[0], row.id, now_us, unknown=False)


def _candidate(row: Row, table: Table, query: Query, *, tests: Iterable[Match], sight: Sight) -> bool:
    """Whether an entity may match, by the facts of the log's data."""
    if row.ended or not sight.index.holds(table, row):
        return False
    if query.meta and not row.continues and not query.fits(row.created_us, sight.modified_us(table.kind, row)):
        return False
    return all(test(row, row.facts) for test in tests) and not sight.hides(table.kind, row)


def _meets(resource: Resource, seen: Seen, query: Query, tests: Sequence[Match]) -> bool:
    """Whether an entity matches by the data that the client sees: hidden data must not answer a query."""
    if query.meta and not query.fits(seen.row.created_us, seen.row.modified_us):
        return False
    if not tests:
        return True
    facts = facts_of(resource.kind, seen.data, seen.row.modified_us)
    return all(test(seen.row, facts) for test in tests)


async def lookup(resource: Resource, body: Any, sight: Sight) -> Sequence[Seen]:
    """`POST .../lookup`: all entities that a list in the body names. Raises Refused (400, 403, 503)."""
    if not isinstance(body, dict):
        raise bad_request("body-invalid", "The body must be a JSON object with lists of what to look up.")
    nothing = forbidden(resource, sight)
    table = await sight.index.table(resource.kind)
    rows: dict[str, Row] = {}
    for id in _listed(body, "ids", Filter(uuid, None, many=True)):
        names = sight.person(id) if resource.person_ids else (id,)
        for name in names:
            row = sight.index.find(table, name)
            if row is not None and not row.ended and (not resource.person_ids or sight.called(row.id) == id):
                rows[row.key] = row
    tests: list[Match] = []
    for name in body:
        if name == "ids":
            continue
        known = resource.lookups.get(name)
        if known is None:
            raise bad_request("body-invalid", "The body has a member that this lookup does not have.")
        values = _listed(body, name, known)
        if not sight.may(known.needs):
            raise beyond(name)
        join = resource.lookup_joins.get(name)
        if values and not nothing:
            tests.append(await join(sight, values) if join is not None else _plain(known, values, sight))
    if nothing:
        return ()
    direct = set(rows)
    if tests:
        for number, row in enumerate(list(table.rows.values())):
            if not row.ended and sight.index.holds(table, row) and any(test(row, row.facts) for test in tests):
                rows[row.key] = row
            if number % SCAN == SCAN - 1:
                await asyncio.sleep(0)
    found: list[Seen] = []
    ordered = sorted(rows, key=_own_order(table.kind, sight))
    for start in range(0, len(ordered), CHUNK):
        part = [rows[key] for key in ordered[start : start + CHUNK]]
        for seen in await sight.see(table, part):
            if seen.row.key not in direct:
                facts = facts_of(resource.kind, seen.data, seen.row.modified_us)
                if not any(test(seen.row, facts) for test in tests):
                    continue
            found.append(seen)
        if len(found) > MAX_LOOKUP:
            raise Refused(503, "answer-too-large", f"More than {MAX_LOOKUP} entities match. Ask for fewer at a time.")
    return found


def _listed(body: Mapping[str, Any], name: str, known: Filter) -> tuple[Any, ...]:
    values = body.get(name)
    if values is None:
        return ()
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise bad_request("body-invalid", f"`{name}` must be a list of strings.")
    try:
        return tuple(known.parse(each) for each in values)
    except ValueError as error:
        raise bad_request("body-invalid", f"Each of `{name}` must be {error}.") from None


async def one(resource: Resource, id: str, sight: Sight) -> Seen | None:
    """The entity that the client knows by this id; None if there is none that the client may see."""
    if forbidden(resource, sight):
        return None
    table = await sight.index.table(resource.kind)
    for name in sight.person(id) if resource.person_ids else (id,):
        row = sight.index.find(table, name)
        if row is None or row.ended or (resource.person_ids and sight.called(row.id) != id):
            continue
        found = await sight.see(table, [row])
        return found[0] if found else None
    return None
