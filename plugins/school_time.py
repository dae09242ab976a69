"""School time: the zone of Swedish schools, and what a time of day means when the clocks change."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

SCHOOL_ZONE: Final = ZoneInfo("Europe/Stockholm")


def instant(day: date, at: time) -> datetime:
    """A school time as an instant, in UTC: two datetimes of one zone compare by wall clock, which is wrong in October.

    A time that comes twice is the first one; a time that does not come is the next minute that does.
    """
    wall = datetime.combine(day, at)
    while True:
        moment = wall.replace(tzinfo=SCHOOL_ZONE).astimezone(UTC)
        if moment.astimezone(SCHOOL_ZONE).replace(tzinfo=None) == wall:
            return moment
        wall += timedelta(minutes=1)
