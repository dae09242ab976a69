"""The last event of each entity: where it stands, and by which names its entities are found."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import apsw

from hub.bus.fresh import Fresh
from hub.bus.names import Names, Packed

SCHEMA: Final = """
CREATE TABLE state (entity PRIMARY KEY, place INTEGER NOT NULL) WITHOUT ROWID;
-- Entities by subject, and by the persons that they are about (`person/<uuid>`). May name too many, never too few:
-- whoever reads looks at the event.
CREATE TABLE related (name, entity, PRIMARY KEY (name, entity)) WITHOUT ROWID;
-- Events below the trim point that were spared, being state then; they go once they are state no more.
CREATE TABLE spared (place INTEGER PRIMARY KEY, entity NOT NULL);
"""


def place_of(db: apsw.Connection, fresh: Sequence[Fresh], entity: Packed) -> int | None:
    """Where an entity's state stands, or None."""
    for newer in fresh:
        if (found := newer.state.get(entity)) is not None:
            return found
    return db.execute("SELECT place FROM state WHERE entity = ?", (entity,)).get  # type: ignore[no-any-return]


def page(
    db: apsw.Connection, fresh: Sequence[Fresh], names: Names, kinds: Iterable[str], after: str, limit: int
) -> list[int]:
    """Places of the state of entities of these kinds, by kind, then entity; from past `after` on."""
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
            kept = type(low)
            found.update((entity, at) for entity, at in newer.items() if type(entity) is kept and low < entity < high)  # type: ignore[operator]
            places += [found[entity] for entity in sorted(found)[:left]]
    return places


def of_name(db: apsw.Connection, fresh: Sequence[Fresh], name: Packed) -> list[int]:
    """Places of the state of entities that have this name as their subject, or are about the person it names."""
    entities = {entity for (entity,) in db.execute("SELECT entity FROM related WHERE name = ?", (name,))}
    for newer in fresh:
        entities.update(newer.related.get(name, ()))
    return sorted(at for entity in entities if (at := place_of(db, fresh, entity)) is not None)


def _ranges(names: Names, kind: str, past: Packed | None) -> Iterable[tuple[Packed, Packed]]:
    """Where the entities of a kind lie: `kind/<uuid>` as bytes, all others as text, which SQLite orders first."""
    if past is None or isinstance(past, str):
        yield past or f"{kind}/", f"{kind}0"  # "0" follows "/"
    number = names.known(kind)
    if number is not None:
        yield past if isinstance(past, bytes) else number.to_bytes(2, "big"), (number + 1).to_bytes(2, "big")
