"""Which of the hub's languages a caller prefers, by `Accept-Language` (RFC 9110, 12.5.4, and RFC 4647, 3.3.1)."""

import re
from typing import Final

from hub.texts import Language

MAX_RANGES: Final = 50
"""Language ranges that are read from one header; browsers send fewer than ten."""

_RANGE: Final = re.compile(
    r"\s*(\*|[a-z]{1,8}(?:-[a-z0-9]{1,8})*)\s*(?:;\s*q\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*)?", re.IGNORECASE
)
_FALLBACK: Final[Language] = "en"
_OTHER: Final[Language] = "sv"


def preferred(accept_language: str) -> Language:
    """The language with the highest weight, of equal weights the one that is named first, and English if none is named.

    `sv-SE` names Swedish. `*` gives its weight to each language that is not named itself, and prefers none of them.
    Ranges that can't be read are ignored.
    """
    weights: dict[str, tuple[float, int]] = {}  # the weight, and how early in the header
    for place, item in enumerate(accept_language.split(",", MAX_RANGES)[:MAX_RANGES]):
        match = _RANGE.fullmatch(item)
        if match is None:
            continue
        name = match[1].lower().partition("-")[0]
        weight = 1.0 if match[2] is None else float(match[2])
        if name not in weights or weight > weights[name][0]:
            weights[name] = weight, -place
    anything = weights.get("*", (0.0, 0))[0]
    # Behind every place in the header, so that a language that is named comes before one that only `*` covers.
    covered = (anything, -MAX_RANGES)
    other, fallback = weights.get(_OTHER, covered), weights.get(_FALLBACK, covered)
    return _OTHER if other > fallback and other[0] > 0 else _FALLBACK
