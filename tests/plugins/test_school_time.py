"""School time over the changes of clocks."""

from datetime import UTC, date, datetime, time

import pytest

from plugins.school_time import SCHOOL_ZONE, instant


@pytest.mark.parametrize(
    ("day", "at", "utc"),
    [
        (date(2026, 11, 24), time(8, 30), "2026-11-24T07:30"),
        (date(2026, 10, 23), time(8, 30), "2026-10-23T06:30"),
        (date(2026, 10, 25), time(2, 30), "2026-10-25T00:30"),  # comes twice: the first
        (date(2026, 10, 25), time(3), "2026-10-25T02:00"),
        (date(2026, 10, 26), time(8, 30), "2026-10-26T07:30"),
        (date(2027, 3, 28), time(2, 30), "2027-03-28T01:00"),  # does not come: the next minute that does
    ],
)
def test_a_time_of_day_is_one_instant(day: date, at: time, utc: str) -> None:
    assert instant(day, at) == datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert instant(day, at).astimezone(SCHOOL_ZONE).date() == day
