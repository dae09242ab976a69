"""Marks: which entity was withheld from which recipient, so that the hub can restate it once it is permitted."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, select

from hub.store import tables
from hub.store.base import Operation
from hub.store.statements import chunks, upsert

_TABLE = tables.withheld


@dataclass(frozen=True, slots=True)
class Withheld:
    """A mark: this entity was withheld from this recipient because of this person.

    An entity may also be withheld because a fact is missing that determines its scope. Then `person` holds the name of
    that fact: `duty/<uuid>`, `place/<uuid>` (`hub.privacy.marks`).
    """

    person: str
    entity: str
    recipient: str


def add(tenant: str, marks: Iterable[Withheld]) -> Operation:
    """Store marks. Storing a mark twice changes nothing."""
    rows = [
        {"tenant": tenant, "person": mark.person, "entity": mark.entity, "recipient": mark.recipient} for mark in marks
    ]

    def operation(connection: Connection) -> None:
        if rows:
            connection.execute(upsert(connection, _TABLE), rows)

    return operation


def remove(tenant: str, marks: Iterable[Withheld]) -> Operation:
    rows = [
        {"gone_person": mark.person, "gone_entity": mark.entity, "gone_recipient": mark.recipient} for mark in marks
    ]
    statement = delete(_TABLE).where(
        _TABLE.c.tenant == tenant,
        _TABLE.c.person == bindparam("gone_person"),
        _TABLE.c.entity == bindparam("gone_entity"),
        _TABLE.c.recipient == bindparam("gone_recipient"),
    )

    def operation(connection: Connection) -> None:
        if rows:
            connection.execute(statement, rows)

    return operation


def persons(tenant: str) -> Callable[[Connection], set[str]]:
    """Every person because of whom something is withheld."""
    query = select(_TABLE.c.person).where(_TABLE.c.tenant == tenant).distinct()
    return lambda connection: set(connection.execute(query).scalars())


def of(tenant: str, persons: Iterable[str]) -> Callable[[Connection], list[Withheld]]:
    """All marks that name these persons."""
    wanted = sorted(set(persons))

    def read(connection: Connection) -> list[Withheld]:
        found = []
        for some in chunks(wanted):
            query = select(_TABLE.c.person, _TABLE.c.entity, _TABLE.c.recipient).where(
                _TABLE.c.tenant == tenant, _TABLE.c.person.in_(some)
            )
            found += [Withheld(row.person, row.entity, row.recipient) for row in connection.execute(query)]
        return found

    return read
