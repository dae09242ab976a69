"""What was counted in each span of time: five minutes and hours, one row for each thing that was counted about."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import orjson
from sqlalchemy import Connection, delete, select

from hub.store import tables
from hub.store.base import Operation
from hub.store.statements import upsert

FIVE_MINUTES: Final = 300
HOUR: Final = 3600

_TABLE = tables.counters


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What was counted about one thing (`subscription/<id>`) from `start_s` (seconds since 1970 UTC) for `width_s`.

    A counter whose name ends with `_max` is the largest value in the span, any other one a sum.
    """

    width_s: int
    about: str
    start_s: int
    counted: Mapping[str, float]


def save(tenant: str, spans: Sequence[Span]) -> Operation:
    """Store these spans. Each replaces the row of its width, thing and start."""
    rows = [
        {
            "tenant": tenant,
            "width_s": span.width_s,
            "about": span.about,
            "start_s": span.start_s,
            "counted": orjson.dumps({name: round(value, 3) for name, value in span.counted.items()}).decode(),
        }
        for span in spans
    ]

    def operation(connection: Connection) -> None:
        if rows:
            connection.execute(upsert(connection, _TABLE), rows)

    return operation


def load(
    tenant: str, width_s: int, since_s: int, until_s: int, about: str | None = None, limit: int | None = None
) -> Callable[[Connection], list[Span]]:
    """The spans that begin at `since_s` or later and before `until_s`, about one thing or all, by start and thing."""
    query = select(_TABLE).where(
        _TABLE.c.tenant == tenant,
        _TABLE.c.width_s == width_s,
        _TABLE.c.start_s >= since_s,
        _TABLE.c.start_s < until_s,
    )
    if about is not None:
        query = query.where(_TABLE.c.about == about)
    query = query.order_by(_TABLE.c.start_s, _TABLE.c.about).limit(limit)
    return lambda connection: [
        Span(width_s=row.width_s, about=row.about, start_s=row.start_s, counted=orjson.loads(row.counted))
        for row in connection.execute(query)
    ]


def trim(tenant: str, width_s: int, before_s: int) -> Operation:
    """Remove the spans of this width that began before this time."""
    statement = delete(_TABLE).where(
        _TABLE.c.tenant == tenant, _TABLE.c.width_s == width_s, _TABLE.c.start_s < before_s
    )
    return lambda connection: connection.execute(statement)
