"""Times as RFC 3339 spells them, with offset: reading them, and the spelling that every reader understands."""

import re
from datetime import MAXYEAR, UTC, datetime, timedelta
from typing import Final

_TIMESTAMP: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)\Z", re.ASCII
)
_PLAIN: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)\Z", re.ASCII
)
_SECOND: Final = slice(17, 19)
_MAX_FRACTION: Final = len(".123456789")
_LEAP_DAYS: Final = ((6, 30), (12, 31))  # RFC 3339, 5.7: leap seconds end one of these days of UTC


def parse_timestamp(text: str) -> datetime:
    """Read an RFC 3339 time with offset. Raises ValueError; its text does not hold the value.

    A leap second is refused: neither Python nor most other readers have a value for it.
    """
    if not _TIMESTAMP.match(text):
        raise ValueError("not an RFC 3339 time with offset")
    return _moment(text.upper())


def plain_timestamp(text: str) -> str:
    """The same time as most readers understand it: `T` and `Z`, at most nine digits of a second, no leap second.

    A leap second becomes the last microsecond before it, so the day stays the same. Raises ValueError.
    """
    if _PLAIN.match(text):
        _moment(text)
        return text
    shape = _TIMESTAMP.match(text)
    if shape is None:
        raise ValueError("not an RFC 3339 time with offset")
    fraction, offset = shape[1] or "", shape[2].upper()
    whole = text[: _SECOND.stop].upper()
    if whole[_SECOND] == "60":
        whole, fraction = f"{whole[: _SECOND.start]}59", ".999999"
        second = _moment(whole + offset).astimezone(UTC)
        if second.year == MAXYEAR:
            raise ValueError("no such time")  # the second after it is outside the calendar
        after = second + timedelta(seconds=1)
        last = after - timedelta(days=1)
        if (last.month, last.day) not in _LEAP_DAYS or (after.hour, after.minute, after.second) != (0, 0, 0):
            raise ValueError("no such time")
    plain = whole + fraction[:_MAX_FRACTION] + offset
    _moment(plain)
    return plain


def _moment(text: str) -> datetime:
    try:
        # Python keeps six digits of the fraction of a second; the hub orders events by no smaller unit.
        found = datetime.fromisoformat(text)
        if not 1 < found.year < 9999:
            found.astimezone(UTC)  # fails for a time whose UTC lies outside the calendar
    except (ValueError, OverflowError):
        raise ValueError("no such time") from None
    return found
