"""From counts to what the kitchen is told: status, revision, the CSV file, the order, the mail, the event. Pure.

The profile (issue 3): UTF-8 with BOM, `;`, CRLF, a header row, one row per date, sitting and diet. A snapshot tells
the whole of one kitchen's day; a later revision replaces an earlier one.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict

from connectors.catering.config import KINDS, NORMAL, OTHER, STAFF, Kind, Kitchen, Sitting
from connectors.catering.counting import SCHOOL, Count, instant

Status = Literal["preliminary", "fixed", "late_change"]

COLUMNS: Final = ("kitchen", "unit", "date", "sitting", "serving", "diet", "portions", "status", "complete", "revision")


class Row(BaseModel):
    """What was last told of one sitting, as it is kept in the connector's state: sums, and no person."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    sitting: str
    serving: str  # HH:MM
    status: Status
    portions: dict[str, int]  # by the kitchen's diets, staff not included
    staff: int
    enrolled: int
    absent: int
    complete: bool  # False: some pupil or event may be missing from the sum
    fixed: tuple[Kind, ...]  # what had passed its cut-off when this was told
    closed: tuple[str, ...]  # ids of closed organisations that it rests on

    def told(self) -> tuple[Any, ...]:
        """What the kitchen can see of it. A row with the same has no news."""
        return self.status, self.portions, self.staff, self.complete


class Snapshot(BaseModel):
    """One kitchen's day as it was last told. `due` is the report or cut-off that it was made for, or came late to."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kitchen: str
    day: date
    due: datetime
    revision: int
    rows: tuple[Row, ...]

    @classmethod
    def after(
        cls, last: "Snapshot | None", kitchen: Kitchen, day: date, due: datetime, rows: Sequence[Row]
    ) -> "Snapshot":
        """The next revision. All sittings of a kitchen's day share one count of revisions, as they share the file."""
        revision = 1 if last is None else last.revision + 1
        return cls(kitchen=kitchen.id, day=day, due=due, revision=revision, rows=tuple(rows))

    def row(self, sitting: str) -> Row | None:
        return next((row for row in self.rows if row.sitting == sitting), None)

    def is_news(self, last: "Snapshot") -> bool:
        """Whether the kitchen would see anything but another revision."""
        return [(row.sitting, row.told()) for row in self.rows] != [(row.sitting, row.told()) for row in last.rows]


def fixed_at(kitchen: Kitchen, day: date, moment: datetime) -> tuple[Kind, ...]:
    """The kinds of change that are late for that day's meals at `moment`. Exactly at the cut-off they are."""
    return tuple(kind for kind in KINDS if moment >= cutoff_at(kitchen, kind, day))


def cutoff_at(kitchen: Kitchen, kind: Kind, day: date) -> datetime:
    rule = kitchen.cutoff(kind)
    return instant(day - timedelta(days=rule.offset_days), rule.time)


def days_of_report(kitchen: Kitchen, due: datetime) -> list[date]:
    """The days of meals that a report is about: its own, and those that a cut-off of the kitchen looks ahead to."""
    today = due.astimezone(SCHOOL).date()
    days = (today + timedelta(days=ahead) for ahead in range(kitchen.days_ahead() + 1))
    return [day for day in days if kitchen.serves(day)]


def days_of_cutoff(kitchen: Kitchen, due: datetime) -> list[date]:
    """The days of meals for which something becomes fixed at exactly `due`."""
    return [day for day in days_of_report(kitchen, due) if any(cutoff_at(kitchen, kind, day) == due for kind in KINDS)]


def changes(last: Row, count: Count, closed: Collection[str]) -> frozenset[Kind]:
    """Of which kinds the difference to what was last told is. A unit closed or opened again is one `bulk` change."""
    if set(last.closed) != set(closed):
        return frozenset({"bulk"})
    kinds: set[Kind] = set()
    if (last.portions.get(NORMAL, 0), last.staff) != (count.portions.get(NORMAL, 0), count.staff):
        kinds.add("normal")
    if _special(last.portions) != _special(count.portions):
        kinds.add("special")
    return frozenset(kinds)


def is_late(last: Row | None, count: Count, closed: Collection[str]) -> bool:
    """Whether this changes something that the kitchen was already told as fixed."""
    return last is not None and not changes(last, count, closed).isdisjoint(last.fixed)


def make_row(
    sitting: Sitting,
    count: Count,
    last: Row | None,
    fixed: tuple[Kind, ...],
    *,
    closed: Collection[str],
    complete: bool,
) -> Row:
    """The sitting's row in the next revision; `last` is what was told before, None if nothing was."""
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
    )


def _status(last: Row | None, count: Count, fixed: tuple[Kind, ...], closed: Collection[str]) -> Status:
    if is_late(last, count, closed):
        return "late_change"
    if last is not None and last.fixed == fixed and not changes(last, count, closed):
        return last.status
    return "fixed" if {"normal", "special"} <= set(fixed) else "preliminary"


def file_name(kitchen: Kitchen, snapshot: Snapshot) -> str:
    """KOST_<unit>_<yyyymmdd>_<hhmm>_v<revision>.csv: the day of the meals, and the school time of `due`."""
    hhmm = snapshot.due.astimezone(SCHOOL)
    return f"KOST_{kitchen.unit_code}_{snapshot.day:%Y%m%d}_{hhmm:%H%M}_v{snapshot.revision}.csv"


def csv_bytes(kitchen: Kitchen, snapshot: Snapshot) -> bytes:
    """The file. Nothing in it depends on when it is written, so that a repeat after a crash gives the same bytes."""
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

    Left out is what may change without a new revision (when it was made, how many are enrolled): a repeat must be
    the same document.
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
        "due": snapshot.due.astimezone(SCHOOL).isoformat(timespec="seconds"),
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
    """The day in Swedish, for the kitchen's staff: sums only, the whole day, the same text for the same revision."""
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


def event_data(kitchen: Kitchen, snapshot: Snapshot, row: Row, as_of: datetime) -> dict[str, Any]:
    """Data of `se.skolnav.meals.count.v1` for one sitting; events accepted before `as_of` are in it."""
    return {
        "kitchen": kitchen.id,
        "schoolUnits": [{"id": unit} for unit in kitchen.units],
        "date": snapshot.day.isoformat(),
        "sitting": row.sitting,
        "servingTime": row.serving,
        "revision": snapshot.revision,
        "status": row.status,
        "due": snapshot.due.astimezone(SCHOOL).isoformat(timespec="seconds"),
        "asOf": as_of.astimezone(SCHOOL).isoformat(timespec="milliseconds"),
        "counts": _counts(row),
        "staffPortions": row.staff,
        "enrolled": row.enrolled,
        "absent": row.absent,
        "complete": row.complete,
    }


def _counts(row: Row) -> list[dict[str, Any]]:
    return [{"diet": name, "portions": number} for name, number in _ordered(row.portions).items()]


def _special(portions: Mapping[str, int]) -> dict[str, int]:
    return {name: number for name, number in portions.items() if name != NORMAL and number}


def _ordered(portions: Mapping[str, int]) -> dict[str, int]:
    """Normal first, what is left last: independent of the store, which need not keep the order of a JSON object."""
    return dict(sorted(portions.items(), key=lambda item: (item[0] != NORMAL, item[0] == OTHER, item[0])))
