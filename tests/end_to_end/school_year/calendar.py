"""Which days of the school year kitchens serve: Swedish holidays, breaks, and the moments of one day. No library."""

from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

ZONE: Final = ZoneInfo("Europe/Stockholm")

FIRST: Final = date(2026, 8, 17)
LAST: Final = date(2027, 6, 11)  # the last school day
NEW_YEAR: Final = date(2027, 8, 16)  # the next school year's first day
END: Final = date(2027, 8, 20)

# The school has a break on these days, both ends included.
BREAKS: Final = (
    (date(2026, 10, 26), date(2026, 10, 30)),
    (date(2026, 12, 21), date(2027, 1, 8)),
    (date(2027, 2, 22), date(2027, 2, 26)),
    (date(2027, 3, 30), date(2027, 4, 2)),
    (LAST + timedelta(days=1), NEW_YEAR - timedelta(days=1)),
)
STUDY_DAYS: Final = (date(2026, 9, 28), date(2027, 1, 29), date(2027, 5, 7))  # known from the start: in the settings


def at(day: date, clock: str) -> datetime:
    """A school time, with its offset; the first one of an hour that comes twice."""
    return datetime.combine(day, time.fromisoformat(clock), ZONE)


def days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def on_break() -> frozenset[date]:
    return frozenset(day for first, last in BREAKS for day in days(first, last)) | frozenset(STUDY_DAYS)


def holidays(year: int) -> frozenset[date]:
    """Sweden's public holidays without the Sundays, and the three eves."""
    easter = _easter(year)
    midsummer = next(day for day in days(date(year, 6, 20), date(year, 6, 26)) if day.isoweekday() == 6)
    all_saints = next(day for day in days(date(year, 10, 31), date(year, 11, 6)) if day.isoweekday() == 6)
    fixed = ((1, 1), (1, 6), (5, 1), (6, 6), (12, 24), (12, 25), (12, 26), (12, 31))
    moving = {easter + timedelta(days=n) for n in (-2, 0, 1, 39, 49)}
    return frozenset(
        {date(year, *each) for each in fixed} | moving | {midsummer - timedelta(days=1), midsummer, all_saints}
    )


def _easter(year: int) -> date:
    """Butcher's rule."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)
