"""The alerts that are raised, or are over while the mail that says so has not been sent. `hub.alerts.raising` keeps
them.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select

from hub.clock import from_us, to_us
from hub.store import tables
from hub.store.base import Operation
from hub.store.statements import upsert

_TABLE = tables.alerts
_TIMES = ("since", "raised", "changed", "cleared", "told", "acknowledged")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRow:
    """One alert. Times are UTC; `told` is when it was last mailed, `reminders` how many mails have repeated it."""

    code: str
    place: str
    what: str
    id: str
    severity: str
    error: str
    since: datetime
    raised: datetime
    changed: datetime
    cleared: datetime | None = None
    told: datetime | None = None
    reminders: int = 0
    acknowledged: datetime | None = None
    acknowledged_by: str = ""


def put(tenant: str, alert: AlertRow) -> Operation:
    row: dict[str, Any] = {"tenant": tenant, **asdict(alert)}
    for name in _TIMES:
        at = row.pop(name)
        row[f"{name}_us"] = None if at is None else to_us(at)
    return lambda connection: connection.execute(upsert(connection, _TABLE), row)


def load(tenant: str) -> Callable[[Connection], list[AlertRow]]:
    query = select(_TABLE).where(_TABLE.c.tenant == tenant)

    def read(connection: Connection) -> list[AlertRow]:
        found = []
        for row in connection.execute(query).mappings():
            values = {name: value for name, value in row.items() if name != "tenant" and not name.endswith("_us")}
            times = {name: None if (us := row[f"{name}_us"]) is None else from_us(us) for name in _TIMES}
            found.append(AlertRow(**values, **times))  # type: ignore[arg-type]
        return found

    return read


def forget(tenant: str, key: tuple[str, str, str]) -> Operation:
    """`key`: code, place, what."""
    code, place, what = key
    statement = delete(_TABLE).where(
        _TABLE.c.tenant == tenant, _TABLE.c.code == code, _TABLE.c.place == place, _TABLE.c.what == what
    )
    return lambda connection: connection.execute(statement)
