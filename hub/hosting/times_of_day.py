"""Local times of day in school time: when one comes next, and when it came last, also on days with 23 or 25 hours."""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta

from schemas.school_time import SCHOOL_ZONE, school_moment


def next_due(times: Iterable[time], after: datetime) -> datetime | None:
    """The first moment after `after` (aware) at which one of the local times comes; None without times."""
    # In UTC, since Python compares two times of one zone by their wall clocks, which repeat an hour in autumn.
    today = after.astimezone(SCHOOL_ZONE).date()
    found = [school_moment(today + timedelta(days=ahead), at) for at in times for ahead in (0, 1, 2)]
    later = [due for due in found if due.astimezone(UTC) > after.astimezone(UTC)]
    return min(later, key=lambda due: due.astimezone(UTC), default=None)


def last_due(at: time, now: datetime) -> datetime:
    """The last moment up to and including `now` at which a local time came."""
    today = now.astimezone(SCHOOL_ZONE).date()
    found = (school_moment(today - timedelta(days=back), at) for back in (0, 1, 2))
    return next(due for due in found if due.astimezone(UTC) <= now.astimezone(UTC))
