# ruff: noqa: S608 - only question marks are put into statements
"""The state index: the place of each entity's last event, the events that it rests on, and names that find entities.

A query answers from the tables and from `fresh`, the index entries that are not in the tables yet, newest first. See
docs/log-indexes.md.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import apsw

from hub.bus.fresh import Fresh, capped
from hub.bus.names import Names, Packed
from hub.bus.sql import insert, marks, padded

SCHEMA: Final = """
CREATE TABLE state (entity PRIMARY KEY, place INTEGER NOT NULL) WITHOUT ROWID;
-- The events that an entity's last event rests on. If the last event reports a change: the earlier changes, back to the
-- last event that holds the whole entity.
CREATE TABLE earlier (entity, place INTEGER NOT NULL, PRIMARY KEY (entity, place)) WITHOUT ROWID;
-- Entities by subject, and by the persons that they are about (`person/<uuid>`). May name too many entities, never too
-- few: a reader checks the event itself.
CREATE TABLE related (name, entity, PRIMARY KEY (name, entity)) WITHOUT ROWID;
-- Events below the trim point that a trim kept since they were state. A sweep deletes those that no longer are.
CREATE TABLE spared (place INTEGER PRIMARY KEY, entity NOT NULL);
"""

_AT_ONCE: Final = 64  # entities in one statement
_MANY: Final = 256  # the same, for look-ups that mostly find nothing


def place_of(db: apsw.Connection, fresh: Sequence[Fresh], entity: Packed) -> int | None:
    """The place of an entity's last event, or None."""
    for newer in fresh:
        if (found := newer.state.get(entity)) is not None:
            return found
    return db.execute("SELECT place FROM state WHERE entity = ?", (entity,)).get  # type: ignore[no-any-return]


def places_of(db: apsw.Connection, fresh: Sequence[Fresh], entities: Iterable[Packed]) -> dict[Packed, int]:
    """The places of many entities' last events, without the entities that have none."""
    found: dict[Packed, int] = {}
    missing: list[Packed] = []
    newest, *older = fresh
    for entity in entities:
        at = newest.state.get(entity)
        if at is None and older:
            at = next((at for each in older if (at := each.state.get(entity)) is not None), None)
        if at is None:
            missing.append(entity)
        else:
            found[entity] = at
    for start in range(0, len(missing), _MANY):
        some = padded(missing[start : start + _MANY])
        found.update(db.execute(f"SELECT entity, place FROM state WHERE entity IN ({marks(len(some))})", some))
    return found


def under(db: apsw.Connection, fresh: Sequence[Fresh], name: Packed, text: str) -> list[int]:
    """The places of the last events of all entities `<text>/...` (a person's, one for each source), newest first.

    `name` is the packed form of `text`, the subject of these entities' events.
    """
    prefix = f"{text}/"
    # `0` follows `/` in ASCII, so it ends the range of all names that begin with the prefix.
    places = dict(db.execute("SELECT entity, place FROM state WHERE entity >= ? AND entity < ?", (prefix, f"{text}0")))
    for each in reversed(fresh):
        for entity in each.related.get(name, ()):
            if isinstance(entity, str) and entity.startswith(prefix):
                places[entity] = each.state[entity]
    return sorted(places.values(), reverse=True)


def chain_of(db: apsw.Connection, fresh: Sequence[Fresh], entity: Packed) -> list[int]:
    """The places of the events that an entity's last event rests on, newest first, without its own."""
    last: int | None = None
    places: list[int] = []
    for newer in fresh:
        chain = newer.chain(entity)
        if chain is None:
            continue
        at = newer.state[entity]
        if last is None:
            last = at
        else:
            places.append(at)
        places += reversed(chain.places)
        if not chain.open:
            return places
    # The tables may hold some of the fresh events already.
    oldest = places[-1] if places else last
    kept = [at for (at,) in db.execute("SELECT place FROM state WHERE entity = ?", (entity,))]
    kept += [at for (at,) in db.execute("SELECT place FROM earlier WHERE entity = ? ORDER BY place DESC", (entity,))]
    if oldest is None:
        return kept[1:]
    return places + [at for at in kept if at < oldest]


def fold(db: apsw.Connection, fresh: Fresh, rows: Sequence[tuple[Packed, int]], *, any_earlier: bool) -> bool:
    """Write some entities' last places, and the places that they rest on. Returns whether `earlier` has any rows.

    Writing the same rows twice changes nothing: after a crash in the middle of a fold all its rows are written again,
    together with newer rows.
    """
    chains = fresh.chains
    if any_earlier and (whole := [entity for entity, _ in rows if entity not in chains or not chains[entity].open]):
        for start in range(0, len(whole), _AT_ONCE):
            some = padded(whole[start : start + _AT_ONCE])
            db.execute(f"DELETE FROM earlier WHERE entity IN ({marks(len(some))})", some)
    for entity, place in rows if chains else ():
        chain = chains.get(entity)
        if chain is None:
            continue
        any_earlier = True
        first = (*chain.places, place)[0]
        if chain.open:
            db.execute(
                "INSERT OR IGNORE INTO earlier SELECT entity, place FROM state WHERE entity = ? AND place < ?",
                (entity, first),
            )
        insert(db, "INSERT OR IGNORE INTO earlier VALUES", [(entity, at) for at in chain.places])
        _cap(db, entity)
    insert(db, "INSERT OR REPLACE INTO state VALUES", rows)
    return any_earlier


def _cap(db: apsw.Connection, entity: Packed) -> None:
    kept = tuple(at for (at,) in db.execute("SELECT place FROM earlier WHERE entity = ? ORDER BY place", (entity,)))
    gone = set(kept).difference(capped(kept))
    db.executemany("DELETE FROM earlier WHERE entity = ? AND place = ?", [(entity, at) for at in gone])


def page(
    db: apsw.Connection, fresh: Sequence[Fresh], *, names: Names, kinds: Iterable[str], after: str, limit: int
) -> list[int]:
    """The places of the state of entities of these kinds, ordered by kind, then entity; those after `after`."""
    newer: dict[Packed, int] = {}
    for each in reversed(fresh):
        newer.update(list(each.state.items()))
    places: list[int] = []
    after_kind = after.partition("/")[0]
    for kind in sorted(set(kinds)):
        if after and kind < after_kind:
            continue
        past = names.packed(after) if after and kind == after_kind else None
        for low, high in _ranges(names, kind, past):
            left = limit - len(places)
            if left <= 0:
                return places
            query = "SELECT entity, place FROM state WHERE entity > ? AND entity < ? ORDER BY entity LIMIT ?"
            found: dict[Any, Any] = {}
            found.update(db.execute(query, (low, high, left)))
            alike = type(low)
            found.update((each, at) for each, at in newer.items() if type(each) is alike and low < each < high)  # type: ignore[operator]
            places += [found[entity] for entity in sorted(found)[:left]]
    return places


def of_kind(db: apsw.Connection, fresh: Sequence[Fresh], *, names: Names, kind: str) -> set[Packed]:
    """All entities of a kind that have state."""
    found: set[Packed] = set()
    for low, high in _ranges(names, kind, None):
        found.update(
            each for (each,) in db.execute("SELECT entity FROM state WHERE entity > ? AND entity < ?", (low, high))
        )
        alike = type(low)
        for newer in fresh:
            found.update(each for each in list(newer.state) if type(each) is alike and low < each < high)  # type: ignore[operator]
    return found


def of_name(
    db: apsw.Connection, fresh: Sequence[Fresh], name: Packed, wanted: Callable[[Packed], bool] = lambda entity: True
) -> list[int]:
    """The places of the state of entities whose subject is this name, or that are about the person of this name.

    Only of the entities that are `wanted`.
    """
    entities = {entity for (entity,) in db.execute("SELECT entity FROM related WHERE name = ?", (name,))}
    for newer in fresh:
        entities.update(newer.related.get(name, ()))
    return sorted(at for entity in entities if wanted(entity) and (at := place_of(db, fresh, entity)) is not None)


def _ranges(names: Names, kind: str, past: Packed | None) -> Iterable[tuple[Packed, Packed]]:
    """The key ranges of a kind: first the entities stored as text, then `kind/<uuid>`, stored as bytes."""
    if past is None or isinstance(past, str):
        yield past or f"{kind}/", f"{kind}0"  # "0" follows "/"
    number = names.known(kind)
    if number is not None:
        yield past if isinstance(past, bytes) else number.to_bytes(2, "big"), (number + 1).to_bytes(2, "big")
