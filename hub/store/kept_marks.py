"""Protections that outlive the log's state of their persons, and those that an officer has lifted."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, select

from hub.store import tables
from hub.store.base import Operation
from hub.store.statements import upsert

_TABLE = tables.kept_marks


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptMark:
    """That a source has said that a person is protected, or that an officer has lifted that (`lifted`).

    `at`: the place in the log of the source's newest event about the person by then. `guardians`: the ids of those whom
    the source has named as the person's guardians.
    """

    person: str
    source: str
    at: int
    guardians: tuple[str, ...] = ()
    lifted: bool = False


def load(tenant: str) -> Callable[[Connection], list[KeptMark]]:
    query = select(_TABLE).where(_TABLE.c.tenant == tenant)
    return lambda connection: [
        KeptMark(
            person=row.person, source=row.source, at=row.place, guardians=tuple(row.guardians.split()),
            lifted=row.lifted,
        )
        for row in connection.execute(query)
    ]  # fmt: skip


def put(tenant: str, marks: Iterable[KeptMark]) -> Operation:
    """Store marks, each in place of the earlier one for the same person and source."""
    rows = [
        {
            "tenant": tenant,
            "person": mark.person,
            "source": mark.source,
            "place": mark.at,
            "guardians": " ".join(mark.guardians),
            "lifted": mark.lifted,
        }
        for mark in marks
    ]

    def operation(connection: Connection) -> None:
        if rows:
            connection.execute(upsert(connection, _TABLE), rows)

    return operation


def remove(tenant: str, marks: Iterable[tuple[str, str]]) -> Operation:
    """Forget the marks of these (person, source)."""
    rows = [{"ended_person": person, "ended_source": source} for person, source in marks]
    statement = delete(_TABLE).where(
        _TABLE.c.tenant == tenant,
        _TABLE.c.person == bindparam("ended_person"),
        _TABLE.c.source == bindparam("ended_source"),
    )

    def operation(connection: Connection) -> None:
        if rows:
            connection.execute(statement, rows)

    return operation
