"""How a type of sums over people declares them, so that the hub can blur them for those who need not act on them.

    aggregate = Aggregate(
        rows="counts",
        number="portions",
        name="diet",
        apart=Category.DIET,
        numbers=("staffPortions", "absent"),
        sums={"enrolled": ("counts", "absent")},
        place=("kitchen", "sitting"),
        report=("date", "due", "revision"),
        late=("status", "late_change"),
        exact_only=("revision", "status"),
    )

`hub.privacy.sums` applies the rule. All names are fields of the data's top level.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from schemas.category import Category

REST: Final = "ÖVRIG"
WHOLE: Final = "ALLA"


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """The numbers of a type that count people, and what else in the event depends on single persons."""

    place: tuple[str, ...]  # what is counted, whenever: a kitchen and a sitting
    report: tuple[str, ...]  # together with `place`: what makes this report another one than the report before it
    rows: str = ""  # a list of objects, each of which counts different people; empty: there is none
    number: str = ""  # in each row: how many
    name: str = ""  # in each row: of what; each name stands in one row
    # The category that a recipient needs to get the rows apart, beside that of the rows; None: no other.
    apart: Category | None = None
    rest: str = REST  # the name of the row of names that are too small, or in no configured list
    whole: str = WHOLE  # the name of the row of all people, where they are not told apart
    numbers: tuple[str, ...] = ()  # numbers of people outside the rows
    # Numbers that are the sum of others: the hub computes them from what it delivers, so that they add up.
    sums: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # A field that is true in a report that comes at its time, with or without news. Other reports say by coming that
    # something has changed. Where an event lacks the field, `late` decides.
    scheduled: str = ""
    late: tuple[str, str] | None = None  # a field, and its value in a report that comes because something has changed
    exact_only: tuple[str, ...] = ()  # fields that depend on single persons too (a revision rises with each change)

    def is_late(self, data: Any) -> bool:
        """Whether the report came because something has changed, rather than at its time."""
        if not isinstance(data, dict):
            return False
        on_time = data.get(self.scheduled) if self.scheduled else None
        if on_time is not None:
            return on_time is not True
        return self.late is not None and data.get(self.late[0]) == self.late[1]

    def counted(self, data: Mapping[str, Any]) -> dict[str, int]:
        """The number of each name in the rows, in the order of the rows."""
        found: dict[str, int] = {}
        rows = data.get(self.rows) if self.rows else None
        for row in rows if isinstance(rows, list) else ():
            name, number = (row.get(self.name), row.get(self.number)) if isinstance(row, dict) else (None, None)
            if isinstance(name, str) and isinstance(number, int):
                found[name] = found.get(name, 0) + number
        return found
