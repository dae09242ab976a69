"""Which days a report and a cut-off are about, and when a cut-off is."""

from datetime import date

import pytest

from connectors.catering.cutoffs import cutoff_at, days_of_cutoff, days_of_report
from tests.connectors.catering.test_mapping import BULK, DAY, NORMAL, SPECIAL, kitchen, utc


class TestDays:
    def test_a_cutoff_the_same_day_asks_for_that_day_alone(self) -> None:
        assert days_of_report(kitchen(), utc("2026-11-24T07:00:00")) == [DAY]

    def test_a_cutoff_the_week_before_asks_for_the_week_without_the_weekend(self) -> None:
        days = days_of_report(kitchen(NORMAL, BULK), utc("2026-11-24T07:00:00"))
        assert [day.day for day in days] == [24, 25, 26, 27, 30, 1]

    def test_the_day_is_school_time_not_utc(self) -> None:
        assert days_of_report(kitchen(), utc("2026-11-23T23:30:00")) == [DAY]

    def test_a_cutoff_finds_its_day(self) -> None:
        subject = kitchen(NORMAL, SPECIAL, BULK)
        assert days_of_cutoff(subject, utc("2026-11-24T07:30:00")) == [DAY]
        assert days_of_cutoff(subject, utc("2026-11-23T08:00:00")) == [DAY]
        assert days_of_cutoff(subject, utc("2026-11-17T11:00:00")) == [DAY]
        assert days_of_cutoff(subject, utc("2026-11-24T07:31:00")) == []

    @pytest.mark.parametrize(
        ("day", "cutoff"),
        [
            (date(2026, 10, 26), "2026-10-25T08:00:00"),  # the day before has 25 hours
            (date(2026, 10, 25), "2026-10-24T07:00:00"),
            (date(2027, 3, 29), "2027-03-28T07:00:00"),  # the day before has 23 hours
            (date(2027, 3, 28), "2027-03-27T08:00:00"),
        ],
    )
    def test_a_cutoff_is_at_its_clock_time_over_a_change_of_daylight_saving_time(self, day: date, cutoff: str) -> None:
        assert cutoff_at(kitchen(NORMAL, SPECIAL), "special", day) == utc(cutoff)
