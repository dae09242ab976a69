"""Header fields that keep a browser from misusing what it opens or was made to open."""

from collections.abc import Iterable
from typing import Final

Fields = list[tuple[bytes, bytes]]

ANY_ORIGIN: Final = {"Access-Control-Allow-Origin": "*"}
"""Lets the pages of any site read an answer. For public documents only: they are the same for every caller."""

NO_SNIFFING: Final = (b"x-content-type-options", b"nosniff")

_SAFE: Final = (
    NO_SNIFFING,
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    # Answers may hold data about persons; those that never do name their own rule.
    (b"cache-control", b"no-store"),
)


def guarded(fields: Iterable[tuple[bytes, bytes]]) -> Fields:
    """An answer's fields with those that protect a browser's user. A field that the answer names itself is kept."""
    listed = list(fields)
    named = {name.lower() for name, _ in listed}
    return listed + [field for field in _SAFE if field[0] not in named]
