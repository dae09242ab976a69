"""When a kitchen's last order stands: the directory is not complete, and far fewer pupils are known than it was for.
Also when a complete directory has no pupil left for a sitting although the sitting's groups and units go on.

A school system that loses its pupils must not empty a kitchen. The order that stands is marked as incomplete. A person
may confirm that a complete directory is right.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final

from connectors.catering.counting import Count
from connectors.catering.snapshot import Row, Snapshot

_SHARE: Final = 0.8  # of the pupils of the last order; with fewer than these the count is not used


def last_order(told: Sequence[Snapshot], sitting: str, day: date) -> Row | None:
    """The newest row of this sitting, of `day` or before, that had pupils and no closed unit. `told`: by day."""
    for snapshot in reversed(told):
        row = snapshot.row(sitting)
        if snapshot.day <= day and row is not None and row.enrolled and not row.closed:
            return row
    return None


def stands(last: Row | None, counted: Count) -> bool:
    """Whether the last order counts in place of what an incomplete directory gives."""
    return last is not None and counted.enrolled < _SHARE * last.enrolled


def as_count(last: Row) -> Count:
    return Count(enrolled=last.enrolled, absent=last.absent, portions=last.portions, staff=last.staff, unknown_diets=0)
