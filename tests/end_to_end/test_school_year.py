"""A school year of four kitchens, judged against a computation that shares no code with the connector.

The eventful days are played here; `python -m tests.end_to_end.school_year --full` plays every day of 40 kitchens.
"""

import asyncio
from datetime import date

import pytest

from tests.end_to_end.school_year.calendar import holidays
from tests.end_to_end.school_year.play import EVENTFUL, SMALL, Found, play


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Found:
    return asyncio.run(play(SMALL, tmp_path_factory.mktemp("year"), only=EVENTFUL))


def test_every_order_of_the_year_is_right_or_marked_incomplete(year: Found) -> None:
    """Promises 1, 5, 6 and 9: over holidays, both changes of the clock, a new school year, three outages of the school
    system and the hub, one of each target (`--full`: three), and a clock that is an hour behind. No revision has two
    contents, no order comes on a holiday, no byte names a pupil, and no order is incomplete without a reason. An order
    that was made while the school system was away says so.
    """
    assert year.faults == []
    assert year.checks > 400


def test_the_judge_knows_the_holidays() -> None:
    """Boxing Day, Good Friday, Midsummer's Eve, All Saints' Day of Skatteverket's calendar."""
    known = holidays(2026) | holidays(2027)
    listed = (date(2026, 12, 26), date(2027, 3, 26), date(2027, 6, 25), date(2026, 10, 31), date(2027, 5, 6))
    assert known.issuperset(listed)
