"""Civic numbers (personnummer, samordningsnummer) as SS 12000 writes them: 12 digits without a separator.

School systems send `YYMMDD-NNNN`, `YYMMDDNNNN`, `YYYYMMDD-NNNN` and temporary numbers with letters (20130101TF01).
All are compared as they are shown: in twelve. Ten are those of many people, a hundred years apart.
"""

import re
from typing import Final

from hub.clock import SCHOOL_ZONE, from_us

_LONG: Final = re.compile(r"(\d{8})[-+]?([0-9A-Za-z]{4})\Z", re.ASCII)
_SHORT: Final = re.compile(r"(\d{6})([-+]?)([0-9A-Za-z]{4})\Z", re.ASCII)
_CENTURY: Final = 100


def civic_no(value: str, birth_date: str, told_us: int) -> str:
    """The number in twelve characters; as it came if it is of no known shape.

    The century of a short one is that of `birth_date` (ISO, or ""); without one the latest that made nobody unborn when
    it was told (epoch microseconds), a hundred years earlier where the separator is `+`: 100 years old, or in the year
    in which they become it (Folkbokföringslagen 1991:481, 18 §).
    """
    text = value.strip()
    long = _LONG.match(text)
    if long:
        return long[1] + long[2].upper()
    short = _SHORT.match(text)
    if not short:
        return value
    if len(birth_date) >= 4 and birth_date[2:4] == short[1][:2]:
        century = birth_date[:2]
    else:
        told = from_us(told_us).astimezone(SCHOOL_ZONE).year
        year = told - (told - int(short[1][:2])) % _CENTURY
        century = str(year - (_CENTURY if short[2] == "+" else 0))[:2]
    return century + short[1] + short[3].upper()
