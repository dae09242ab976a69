"""Which days a kitchen serves: its weekdays, less public holidays and what the municipality lists. Pure."""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

import holidays

from connectors.catering.config import Kitchen

# Longer than any holiday; a kitchen that serves on no day at all has no school day before.
_LONGEST: Final = 400


def serves(kitchen: Kitchen, day: date) -> bool:
    closed = kitchen.closed()
    if day in closed.open:
        return True
    if day.isoweekday() not in kitchen.weekdays or day in closed.also:
        return False
    return closed.holidays is None or day not in _holidays(closed.holidays, day.year, closed.eves)


def served_from(kitchen: Kitchen, first: date) -> Iterator[date]:
    """The days that the kitchen serves, from `first` on."""
    return (day for ahead in range(_LONGEST) if serves(kitchen, day := first + timedelta(days=ahead)))


def school_days_before(kitchen: Kitchen, day: date, number: int) -> date:
    """The day that lies this many of the kitchen's days before; 0 is the day itself."""
    for _ in range(number):
        back = (day - timedelta(days=each) for each in range(1, _LONGEST))
        day = next((each for each in back if serves(kitchen, each)), day - timedelta(days=1))
    return day


@lru_cache(maxsize=64)
def _holidays(country: str, year: int, eves: bool) -> frozenset[date]:
    # `de_facto`: days that are no public holidays by law, and are kept as such (Midsummer's Eve, Christmas Eve).
    categories = ("public", "de_facto") if eves else ("public",)
    return frozenset(holidays.country_holidays(country, years=year, categories=categories))
