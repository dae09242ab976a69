"""Lengths of time as people write them in the configuration: `60s`, `5m`, `26h`, `7d`."""

import re
from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from plugins.rules import rule

_DURATION: Final = re.compile(r"([0-9]{1,9})(s|m|h|d)\Z", re.ASCII)
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LONGEST: Final = timedelta(days=36_500)  # a date less a longer one may lie before the year 1


def duration(value: Any) -> timedelta:
    """A duration as it is written; a timedelta stays as it is. Above zero, at most 100 years.

    Raises PydanticCustomError (the hub has its text in both languages). A bare number is refused: a reader can't see
    whether it means seconds or minutes.
    """
    match = _DURATION.match(value) if isinstance(value, str) else None
    length = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else value
    if length == timedelta(0):
        raise rule(
            "duration_zero", 'must be more than zero, for example "60s"', 'ska vara längre än noll, till exempel "60s"'
        )
    if not isinstance(length, timedelta) or not timedelta(0) < length <= _LONGEST:
        raise PydanticCustomError("config.duration", 'not a duration: "60s", "26h", "7d"')
    return length


Duration = Annotated[timedelta, BeforeValidator(duration)]
