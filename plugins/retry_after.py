"""`Retry-After`: the pause that a far side asks for (RFC 9110 section 10.2.3), or nothing if it can't be believed."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

LONGEST_RETRY_AFTER_S: Final = 86_400.0
"""A wish beyond this is a fault of the far side, not a wish: it counts as if it were absent."""

_SECONDS: Final = re.compile(r"[0-9]+\Z")


def read_retry_after(value: str | None, now: datetime) -> float | None:
    """The header's seconds, or those from `now` to its date (0 if it is past). None: absent, or not believable."""
    if value is None:
        return None
    value = value.strip(" \t")
    if _SECONDS.match(value):
        return believable(float(value))
    try:
        moment = parsedate_to_datetime(value)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        wait_s = (moment - now).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return believable(max(wait_s, 0.0))


def believable(seconds: float | None) -> float | None:
    """The seconds, or None if they are negative, no number, or beyond `LONGEST_RETRY_AFTER_S`."""
    return seconds if seconds is not None and 0 <= seconds <= LONGEST_RETRY_AFTER_S else None
