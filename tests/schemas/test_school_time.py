"""A local time is one moment, also on the two days when the clocks change."""

from datetime import UTC, date, datetime, time

import pytest

from schemas.school_time import SCHOOL_ZONE, as_school_time, school_moment


@pytest.mark.parametrize(
    ("day", "at", "utc"),
    [
        (date(2026, 11, 24), time(8, 30), "2026-11-24T07:30"),
        (date(2026, 7, 1), time(8, 30), "2026-07-01T06:30"),
        # 2026-10-25 the hour from 02:00 comes twice: the first counts.
        (date(2026, 10, 25), time(1, 59), "2026-10-24T23:59"),
        (date(2026, 10, 25), time(2, 30), "2026-10-25T00:30"),
        (date(2026, 10, 25), time(2, 30, fold=1), "2026-10-25T00:30"),
        (date(2026, 10, 25), time(3, 0), "2026-10-25T02:00"),
        # 2027-03-28 the hour from 02:00 is missing: 03:00 is the next valid minute.
        (date(2027, 3, 28), time(1, 59), "2027-03-28T00:59"),
        (date(2027, 3, 28), time(2, 0), "2027-03-28T01:00"),
        (date(2027, 3, 28), time(2, 30, 15), "2027-03-28T01:00"),
        (date(2027, 3, 28), time(2, 59, 59), "2027-03-28T01:00"),
        (date(2027, 3, 28), time(3, 0), "2027-03-28T01:00"),
    ],
)
def test_a_local_time_is_the_first_of_a_repeated_one_and_the_next_valid_minute_for_a_missing_one(day, at, utc):
    moment = school_moment(day, at)
    assert moment.tzinfo is SCHOOL_ZONE
    assert moment.astimezone(UTC) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


def test_a_moment_without_an_offset_is_school_time():
    assert as_school_time(datetime(2026, 7, 1, 8, 30)).isoformat() == "2026-07-01T08:30:00+02:00"


def test_a_moment_with_an_offset_is_shown_on_the_schools_clock():
    assert as_school_time(datetime(2026, 7, 1, 6, 30, tzinfo=UTC)).isoformat() == "2026-07-01T08:30:00+02:00"
