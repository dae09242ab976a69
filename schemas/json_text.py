"""JSON texts as every reader understands them alike: RFC 8259 in UTF-8, within the limits of RFC 7493 (I-JSON).

Readers differ on what lies outside I-JSON: of two members of one name some keep the first and some the last, and a
number that a double does not hold exactly comes out changed.
"""

import json
import math
import re
from typing import Any, Final

from pydantic_core import from_json

MAX_INTEGER: Final = 2**53 - 1  # RFC 7493, 2.2: the largest integer up to which every reader keeps each integer exact

# U+FDD0 to U+FDEF and the last two of each plane, for a character class.
NONCHARACTERS: Final = "\ufdd0-\ufdef" + "".join(
    f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(17)
)
_NONCHARACTER: Final = re.compile(f"[{NONCHARACTERS}]")
# What every noncharacter has in UTF-8 (U+xFFFE and U+xFFFF end so, U+FDD0 to U+FDEF begin so), or as an escape.
_PARTS: Final = re.compile(rb"\xbf[\xbe\xbf]|\xef\xb7|\\u[fFdD]")


class NotReadable(ValueError):
    """Not a JSON text that every reader understands alike. `rule` is a stable code; `says` quotes nothing."""

    def __init__(self, rule: str, says: str) -> None:
        self.rule, self.says = rule, says
        super().__init__(says)


def read_json(text: bytes) -> Any:
    """The value of a JSON text. Raises NotReadable."""
    try:
        value = from_json(text, allow_inf_nan=False)
    except ValueError:
        raise NotReadable("json", "is not valid JSON in UTF-8, or is nested deeper than 200 levels") from None
    strings = _count_strings(value)
    if strings is None:
        raise NotReadable("number", "holds a number that is not finite, or an integer beyond ±(2^53-1)")
    # A repeated name leaves fewer strings in the value than in the text. Escaped quotes need the slow reading.
    if text.count(b'"') != 2 * strings:
        _refuse_repeated_names(text)
    # Single bytes are found fast, and few texts hold any of these.
    rare = b"\\" in text or (not text.isascii() and (b"\xbf" in text or b"\xb7" in text))
    if rare and _PARTS.search(text) and _has_noncharacter(value):
        raise NotReadable("noncharacter", "holds a character that Unicode excludes from interchange")
    return value


def _count_strings(value: Any) -> int | None:
    """How many strings the value holds, names of members included; None if it holds a number that readers change."""
    strings = 0
    containers: list[Any] = [[value]]
    while containers:
        container = containers.pop()
        if container.__class__ is dict:
            strings += 2 * len(container)
            items = container.values()
        else:
            strings += len(container)
            items = container
        for item in items:
            kind = item.__class__
            if kind is str:  # nearly all are
                continue
            strings -= 1
            if kind is dict or kind is list:
                containers.append(item)
            elif kind is int:
                if not -MAX_INTEGER <= item <= MAX_INTEGER:
                    return None
            elif kind is float and not math.isfinite(item):
                return None
    return strings


def _refuse_repeated_names(text: bytes) -> None:
    def members(pairs: list[tuple[str, Any]]) -> None:
        if len({name for name, _ in pairs}) != len(pairs):
            raise NotReadable("duplicate-name", "holds an object with two members of the same name")

    json.loads(text, object_pairs_hook=members)


def _has_noncharacter(value: Any) -> bool:
    waiting: list[Any] = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            if _NONCHARACTER.search(item) is not None:
                return True
        elif isinstance(item, dict):
            waiting += item
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
    return False
