"""When a kitchen's last order stands, marked as incomplete.

A school system that loses its pupils must not empty a kitchen. An incomplete directory may have lost a few. A complete
one may have lost all pupils of a sitting, or more than half, although the sitting's groups and units go on: then a
person may confirm that it is right.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from connectors.catering.config import Kitchen, Sitting
from connectors.catering.counting import Count
from connectors.catering.snapshot import Row, Snapshot

_SHARE: Final = 0.8  # of the last order's pupils, of an incomplete directory
_SHARE_OF_COMPLETE: Final = 0.5  # a school may lose a third when its oldest pupils leave
_FEW: Final = 10  # pupils: a small group may well lose most of its members


@dataclass(frozen=True, slots=True)
class Last:
    """The last order of a sitting that a count can be compared with."""

    row: Row
    due: datetime


def basis(kitchen: Kitchen, sitting: Sitting) -> str:
    """Stands for the settings that say whom a sitting feeds. Where a person has changed them, no order is lost."""
    parts = (sorted(kitchen.units), sorted(sitting.groups), kitchen.enrolments)
    return hashlib.blake2b(repr(parts).encode(), digest_size=6).hexdigest()


def last_order(told: Sequence[Snapshot], kitchen: Kitchen, sitting: Sitting, day: date) -> Last | None:
    """The newest order of a sitting, of `day` or before, that had pupils and no closed unit, and was made by the same
    settings. `told`: by day.
    """
    for snapshot in reversed(told):
        row = snapshot.row(sitting.id)
        if snapshot.day <= day and row is not None and row.enrolled and not row.closed:
            return Last(row, snapshot.due) if row.basis in ("", basis(kitchen, sitting)) else None
    return None


def lacks_pupils(last: Last, counted: Count, *, complete: bool) -> bool:
    """Whether far fewer pupils are known than the last order was for. `complete`: by a complete directory."""
    was, now = last.row.enrolled, counted.enrolled
    if complete:
        return not now or (now < _SHARE_OF_COMPLETE * was and was - now >= _FEW)
    return now < _SHARE * was


def as_count(last: Last) -> Count:
    row = last.row
    return Count(enrolled=row.enrolled, absent=row.absent, portions=row.portions, staff=row.staff, unknown_diets=0)
