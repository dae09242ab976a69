"""Civic numbers (personnummer, samordningsnummer) as SS 12000 writes them: 12 digits without a separator.

School systems send `YYMMDD-NNNN`, `YYMMDDNNNN`, `YYYYMMDD-NNNN` and temporary numbers with letters (20130101TF01).
The hub compares all of them in twelve characters, as it shows them: ten digits can belong to several people, born a
hundred years apart.
"""

import re
from typing import Final

from hub.clock import from_us
from schemas.school_time import SCHOOL_ZONE

_LONG: Final = re.compile(r"(\d{8})[-+]?([0-9A-Za-z]{4})\Z", re.ASCII)
_SHORT: Final = re.compile(r"(\d{6})([-+]?)([0-9A-Za-z]{4})\Z", re.ASCII)
_CENTURY: Final = 100


def civic_no(value: str, birth_date: str, received_us: int) -> str:
    """The number in twelve characters; a value of no known form unchanged.

    A short number gets the century of `birth_date` (ISO, or ""). Without a birth date it gets the latest century in
    which the person was born when the hub received the number (`received_us`, epoch microseconds). The separator `+`
    makes that a hundred years earlier: the person has turned 100, or does so that year (Folkbokföringslagen 1991:481,
    18 §).
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
        received = from_us(received_us).astimezone(SCHOOL_ZONE).year
        year = received - (received - int(short[1][:2])) % _CENTURY
        century = str(year - (_CENTURY if short[2] == "+" else 0))[:2]
    return century + short[1] + short[3].upper()
