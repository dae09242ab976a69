"""Single facts of the hub itself that outlive a restart: the version that ran last, the last backup."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from hub.clock import from_us, to_us
from hub.store import tables
from hub.store.base import Operation
from hub.store.statements import upsert

VERSION: Final = "version"  # the value is the version; the time is when it started first
BACKUP: Final = "backup"
FIRST_START: Final = "first-start"
RESTORED: Final = "restored"  # the value is the log's head (`Position.pack`, in hex) when a backup was restored
MARKS_READ: Final = "marks-read"  # the value is the position up to which `kept_marks` holds what the log says

_TABLE = tables.notes


@dataclass(frozen=True, slots=True)
class Note:
    at: datetime
    value: str


def put(tenant: str, name: str, at: datetime, value: str = "") -> Operation:
    row = {"tenant": tenant, "name": name, "at_us": to_us(at), "value": value}
    return lambda connection: connection.execute(upsert(connection, _TABLE), row)


def load(tenant: str) -> Callable[[Connection], Mapping[str, Note]]:
    query = select(_TABLE).where(_TABLE.c.tenant == tenant)
    return lambda connection: {row.name: Note(from_us(row.at_us), row.value) for row in connection.execute(query)}
