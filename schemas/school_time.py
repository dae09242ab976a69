"""School time: the zone that schools live by, and what a local time means on the two days when the clocks change."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

SCHOOL_ZONE: Final = ZoneInfo("Europe/Stockholm")


def school_moment(day: date, at: time) -> datetime:
    """The moment at which the clocks in school show `at` on `day`; aware, in the school's zone.

    In autumn an hour comes twice: the first one counts. In spring an hour is missing: a time in it means the first
    minute that follows. Two moments of one zone compare by their wall clocks, and one of those repeats: convert both
    to UTC before you compare them.
    """
    local = datetime.combine(day, at.replace(tzinfo=None, fold=0), SCHOOL_ZONE)
    while local.astimezone(UTC).astimezone(SCHOOL_ZONE).replace(tzinfo=None) != local.replace(tzinfo=None):
        local = local.replace(second=0, microsecond=0) + timedelta(minutes=1)  # by the wall clock, whatever the zone
    return local


def as_school_time(moment: datetime) -> datetime:
    """A moment in the school's zone. One without an offset is school time already, the first of a repeated hour."""
    return moment.replace(tzinfo=SCHOOL_ZONE) if moment.tzinfo is None else moment.astimezone(SCHOOL_ZONE)
