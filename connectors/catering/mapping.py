"""From counts to what a kitchen receives: a row's status, the CSV file, the order, the mail, the event. Pure.

The file: UTF-8 with BOM, `;`, CRLF, a header row, one row per date, sitting and diet. A snapshot is the whole of one
kitchen's day; a later revision replaces an earlier one.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from connectors.catering.config import NORMAL, OTHER, STAFF, Kind, Kitchen, Sitting
from connectors.catering.counting import Count
from connectors.catering.cutoffs import changes, is_late
from connectors.catering.snapshot import Row, Snapshot, Status
from schemas.school_time import SCHOOL_ZONE

COLUMNS: Final = ("kitchen", "unit", "date", "sitting", "serving", "diet", "portions", "status", "complete", "revision")


def make_row(
    sitting: Sitting,
    count: Count,
    last: Row | None,
    fixed: tuple[Kind, ...],
    *,
    closed: Collection[str],
    complete: bool,
    basis: str = "",
) -> Row:
    """The sitting's row in the next revision; `last` is its row in the one before, None if there is none."""
    return Row(
        sitting=sitting.id,
        serving=f"{sitting.served:%H:%M}",
        status=_status(last, count, fixed, closed),
        portions=dict(count.portions),
        staff=count.staff,
        enrolled=count.enrolled,
        absent=count.absent,
        complete=complete,
        fixed=fixed,
        closed=tuple(sorted(closed)),
        basis=basis,
    )


def _status(last: Row | None, count: Count, fixed: tuple[Kind, ...], closed: Collection[str]) -> Status:
    if is_late(last, count, closed):
        return "late_change"
    if last is not None and last.fixed == fixed and not changes(last, count, closed):
        return last.status
    return "fixed" if {"normal", "special"} <= set(fixed) else "preliminary"


def file_name(kitchen: Kitchen, snapshot: Snapshot) -> str:
    """KOST_<unit>_<yyyymmdd>_<hhmm>_v<revision>.csv: the day of the meals, and the school time of `due`."""
    due = snapshot.due.astimezone(SCHOOL_ZONE)
    return f"KOST_{kitchen.unit_code}_{snapshot.day:%Y%m%d}_{due:%H%M}_v{snapshot.revision}.csv"


def csv_bytes(kitchen: Kitchen, snapshot: Snapshot) -> bytes:
    """The file. Its content does not depend on when it is written: a repeat after a crash gives the same bytes."""
    lines = [";".join(COLUMNS)]
    for row in snapshot.rows:
        portions = {**_ordered(row.portions), STAFF: row.staff}
        lines += [
            ";".join(
                (
                    kitchen.id,
                    kitchen.unit_code,
                    snapshot.day.isoformat(),
                    row.sitting,
                    row.serving,
                    name,
                    str(number),
                    row.status,
                    "yes" if row.complete else "no",
                    str(snapshot.revision),
                )
            )
            for name, number in portions.items()
        ]
    return ("\r\n".join(lines) + "\r\n").encode("utf-8-sig")


def order_key(kitchen: Kitchen, snapshot: Snapshot, row: Row) -> str:
    """(kitchen, date, sitting, revision): the same key again is the same order. ASCII, safe in a path and a header."""
    parts = (kitchen.id, snapshot.day.isoformat(), row.sitting, str(snapshot.revision))
    return "/".join(quote(part, safe="") for part in parts)


def order(kitchen: Kitchen, snapshot: Snapshot, row: Row) -> dict[str, Any]:
    """One sitting's order as a document: names as in `se.skolnav.meals.count.v1`, and the unit's code.

    It leaves out the values that may change without a new revision (when it was made, how many are enrolled), since a
    repeat must be the same document.
    """
    return {
        "kitchen": kitchen.id,
        "unit": kitchen.unit_code,
        "schoolUnits": [{"id": unit} for unit in kitchen.units],
        "date": snapshot.day.isoformat(),
        "sitting": row.sitting,
        "servingTime": row.serving,
        "revision": snapshot.revision,
        "status": row.status,
        "due": snapshot.due.astimezone(SCHOOL_ZONE).isoformat(timespec="seconds"),
        "counts": _counts(row),
        "staffPortions": row.staff,
        "complete": row.complete,
    }


_WEEKDAYS: Final = ("måndag", "tisdag", "onsdag", "torsdag", "fredag", "lördag", "söndag")
_STATUS: Final[Mapping[Status, str]] = {
    "preliminary": "preliminärt",
    "fixed": "fastställt",
    "late_change": "ändrat efter stopptiden",
}


def mail_subject(kitchen: Kitchen, snapshot: Snapshot) -> str:
    return f"Portioner {kitchen.id} {snapshot.day.isoformat()}, revision {snapshot.revision}"


def mail_text(kitchen: Kitchen, snapshot: Snapshot) -> str:
    """The whole day in Swedish, for the kitchen's staff: sums only, and the same text for the same revision."""
    weekday = _WEEKDAYS[snapshot.day.weekday()]
    lines = [f"Kök {kitchen.id}, enhet {kitchen.unit_code}, {weekday} {snapshot.day.isoformat()}"]
    lines += [f"Revision {snapshot.revision}. Den ersätter allt tidigare om samma dag."]
    for row in snapshot.rows:
        portions = {**_ordered(row.portions), STAFF: row.staff}
        width = max(map(len, portions))
        lines += ["", f"Sittning {row.sitting}, serveras {row.serving}: {_STATUS[row.status]}"]
        lines += [f"  {name:<{width}} {number:>6}" for name, number in portions.items()]
        if not row.complete:
            lines.append("  Uppgiften kan vara ofullständig: någon elev eller anmälan kan saknas.")
    return "\n".join([*lines, "", "Skickat av Skolnav."]) + "\n"


def event_data(
    kitchen: Kitchen, snapshot: Snapshot, row: Row, as_of: datetime, *, scheduled: bool = False
) -> dict[str, Any]:
    """Data of `se.skolnav.meals.count.v1` for one sitting; it counts the events accepted before `as_of`.

    `scheduled`: the order comes at a report time, whether it has news or not.
    """
    return {
        "kitchen": kitchen.id,
        "schoolUnits": [{"id": unit} for unit in kitchen.units],
        "date": snapshot.day.isoformat(),
        "sitting": row.sitting,
        "servingTime": row.serving,
        "revision": snapshot.revision,
        "status": row.status,
        "due": snapshot.due.astimezone(SCHOOL_ZONE).isoformat(timespec="seconds"),
        "asOf": as_of.astimezone(SCHOOL_ZONE).isoformat(timespec="milliseconds"),
        "counts": _counts(row),
        "staffPortions": row.staff,
        "enrolled": row.enrolled,
        "absent": row.absent,
        "complete": row.complete,
        "scheduled": scheduled,
    }


def _counts(row: Row) -> list[dict[str, Any]]:
    return [{"diet": name, "portions": number} for name, number in _ordered(row.portions).items()]


def _ordered(portions: Mapping[str, int]) -> dict[str, int]:
    """Normal first, other last. The store need not keep the order of a JSON object, so this does not rely on it."""
    return dict(sorted(portions.items(), key=lambda item: (item[0] != NORMAL, item[0] == OTHER, item[0])))
