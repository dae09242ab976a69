"""One kitchen's day as it was last sent: sums per sitting, and no person. Kept in the connector's state."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict

from connectors.catering.config import Kind, Kitchen

Status = Literal["preliminary", "fixed", "late_change"]


class Row(BaseModel):
    """One sitting."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    sitting: str
    serving: str  # HH:MM
    status: Status
    portions: dict[str, int]  # by the kitchen's diets, staff not included
    staff: int
    enrolled: int
    absent: int
    complete: bool  # False: some pupil or event may be missing from the sum
    fixed: tuple[Kind, ...]  # the kinds of change whose cut-off had passed when this was sent
    closed: tuple[str, ...]  # ids of closed organisations that the sum rests on
    basis: str = ""  # stands for the settings that say whom the sitting feeds (`standing.basis`)

    def visible(self) -> tuple[Any, ...]:
        """The values that the kitchen sees. A row with the same values has no news."""
        return self.status, self.portions, self.staff, self.complete


class Snapshot(BaseModel):
    """The whole day. `due` is the report or cut-off that the snapshot was made for, or is a late change to."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kitchen: str
    day: date
    due: datetime
    revision: int
    rows: tuple[Row, ...]

    @classmethod
    def after(cls, last: Self | None, kitchen: Kitchen, day: date, *, due: datetime, rows: Sequence[Row]) -> Self:
        """The next revision. All sittings of a kitchen's day share one count of revisions, as they share the file."""
        revision = 1 if last is None else last.revision + 1
        return cls(kitchen=kitchen.id, day=day, due=due, revision=revision, rows=tuple(rows))

    def row(self, sitting: str) -> Row | None:
        return next((row for row in self.rows if row.sitting == sitting), None)

    def is_news(self, last: Self) -> bool:
        """Whether the kitchen would see anything but another revision."""
        return _visible(self) != _visible(last)


def _visible(snapshot: Snapshot) -> list[tuple[str, tuple[Any, ...]]]:
    return [(row.sitting, row.visible()) for row in snapshot.rows]
