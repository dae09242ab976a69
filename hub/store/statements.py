"""Statements that differ between SQLite and PostgreSQL: upsert and rising numbers."""

from functools import cache
from typing import Any

from sqlalchemy import Connection, Insert, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert

from hub.store import tables
from hub.store.base import Operation

_IN_AT_A_TIME = 500
"""Values in one `IN (...)`: below the limit on bound parameters of both databases."""


def _insert(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


@cache
def _upsert(dialect: str, table: Table) -> Insert:
    insert = _insert(dialect, table)
    keys = [column.name for column in table.primary_key]
    values = {column.name: insert.excluded[column.name] for column in table.columns if not column.primary_key}
    if not values:
        return insert.on_conflict_do_nothing(index_elements=keys)
    return insert.on_conflict_do_update(index_elements=keys, set_=values)


@cache
def _next_numbers(dialect: str) -> ReturningInsert[Any]:
    table = tables.numbers
    insert = _insert(dialect, table)
    return insert.on_conflict_do_update(
        index_elements=["tenant", "name"], set_={"last": table.c.last + insert.excluded["last"]}
    ).returning(table.c.last)


def upsert(connection: Connection, table: Table) -> Insert:
    """An `INSERT` that replaces the row with the same primary key. In a table with only key columns the row stays."""
    return _upsert(connection.dialect.name, table)


def next_numbers(connection: Connection, tenant: str, name: str, count: int) -> int:
    """Reserve `count` numbers in this transaction and return the first. They rise, and none is issued twice."""
    last: int = connection.execute(
        _next_numbers(connection.dialect.name), {"tenant": tenant, "name": name, "last": count}
    ).scalar_one()
    return last - count + 1


def touch(tenant: str) -> Operation:
    """The smallest change: it tests whether the store can be written, since an empty commit writes nothing."""

    def operation(connection: Connection) -> None:
        next_numbers(connection, tenant, "touched", 1)

    return operation


def chunks(values: list[Any]) -> list[list[Any]]:
    """The values in lists that are short enough for one `IN (...)`."""
    return [values[start : start + _IN_AT_A_TIME] for start in range(0, len(values), _IN_AT_A_TIME)]
