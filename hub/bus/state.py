"""The last event of each entity: where it stands, by entity, by subject and by the persons it is about."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import apsw

from hub.bus.names import Names, Packed, pack_id
from hub.bus.sql import insert

SCHEMA: Final = """
CREATE TABLE state (entity PRIMARY KEY, place INTEGER NOT NULL, subject NOT NULL) WITHOUT ROWID;
CREATE INDEX state_subject ON state (subject);
-- Only persons that the subject does not name: the others are found by it.
CREATE TABLE state_about (entity, person, PRIMARY KEY (entity, person)) WITHOUT ROWID;
CREATE INDEX state_about_person ON state_about (person);
-- Events below the trim point that were spared, being state then; they go once they are state no more.
CREATE TABLE spared (place INTEGER PRIMARY KEY, entity NOT NULL);
"""


@dataclass(slots=True)
class Moved:
    """An entity's new state."""

    entity: Packed
    place: int
    subject: Packed
    about: Sequence[Packed]  # besides the one that the subject names


def move(db: apsw.Connection, moved: Iterable[Moved]) -> None:
    """Note newer events as their entities' state. In the writer's transaction."""
    latest = {each.entity: each for each in moved}
    insert(
        db,
        "INSERT INTO state (entity, place, subject) VALUES",
        [(each.entity, each.place, each.subject) for each in latest.values()],
        "ON CONFLICT (entity) DO UPDATE SET place = excluded.place, subject = excluded.subject",
    )
    related = [(each.entity, person) for each in latest.values() for person in each.about]
    if related:
        db.executemany(
            "DELETE FROM state_about WHERE entity = ?", [(entity,) for entity in {row[0] for row in related}]
        )
        insert(db, "INSERT OR IGNORE INTO state_about VALUES", related)


def places_of(db: apsw.Connection, entities: Sequence[Packed]) -> list[int | None]:
    """Where each entity's state stands; None for an entity without."""
    return [db.execute("SELECT place FROM state WHERE entity = ?", (entity,)).get for entity in entities]


def page(db: apsw.Connection, names: Names, kinds: Iterable[str], after: str, limit: int) -> list[int]:
    """Places of the state of entities of these kinds, by kind, then entity; from past `after` on."""
    places: list[int] = []
    after_kind = after.partition("/")[0]
    for kind in sorted(kinds):
        if after and kind < after_kind:
            continue
        past = names.packed(after) if after and kind == after_kind else ""
        # What is not `kind/<uuid>` is kept as text, which SQLite orders before bytes.
        for low, high in _ranges(names, kind, past):
            places += [
                place
                for (place,) in db.execute(
                    "SELECT place FROM state WHERE entity > ? AND entity < ? ORDER BY entity LIMIT ?",
                    (low, high, limit - len(places)),
                )
            ]
            if len(places) >= limit:
                return places
    return places


def of_subject(db: apsw.Connection, names: Names, subject: str) -> list[int]:
    return [
        place
        for (place,) in db.execute("SELECT place FROM state WHERE subject = ? ORDER BY place", (names.packed(subject),))
    ]


def of_person(db: apsw.Connection, names: Names, person: str) -> list[int]:
    """Candidates: the caller looks whether each event is about the person."""
    query = """
        SELECT place FROM state WHERE subject = ?1
        UNION SELECT place FROM state JOIN state_about USING (entity) WHERE person = ?2 ORDER BY place"""
    return [place for (place,) in db.execute(query, (names.packed(f"person/{person}"), pack_id(person)))]


def _ranges(names: Names, kind: str, past: Packed) -> Iterable[tuple[Packed, Packed]]:
    if isinstance(past, str):
        yield past or f"{kind}/", f"{kind}0"  # "0" follows "/"
    number = names.known(kind)
    if number is not None:
        prefix = number.to_bytes(2, "big")
        yield past if isinstance(past, bytes) else prefix, (number + 1).to_bytes(2, "big")
