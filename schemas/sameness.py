"""Whether two events mean the same, however each was sent.

A publisher that repeats an event may send it in another mode, by another library or through a proxy. Then integers
arrive as text (CloudEvents, "Type System"), `datacontenttype` is there or left out, and a time has another offset.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from schemas.event import HUB_ATTRIBUTES, JSON
from schemas.timestamps import parse_timestamp, plain_timestamp

_MICROSECOND_DIGITS: Final = 6


def same_meaning(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Compare two valid events in the JSON event format."""
    return _attributes(one) == _attributes(other) and _same_data(one.get("data"), other.get("data"))


def _attributes(event: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in event.items():
        if name == "data" or name in HUB_ATTRIBUTES or value is None:
            continue
        if name == "time":
            found[name] = _instant(value)
        elif name == "datacontenttype":
            if (media_type := _media_type(value)) != JSON:
                found[name] = media_type
        elif isinstance(value, bool):
            found[name] = "true" if value else "false"
        else:
            found[name] = str(value)
    return found


def _instant(text: str) -> tuple[datetime, str]:
    """The moment, and the digits of its fraction that a `datetime` does not hold."""
    plain = plain_timestamp(text)
    fraction = plain[20:].rstrip("Z").partition("+")[0].partition("-")[0] if plain[19] == "." else ""
    return parse_timestamp(plain).astimezone(UTC), fraction[_MICROSECOND_DIGITS:].rstrip("0")


def _media_type(text: str) -> str:
    """The media type in one spelling, without `charset`, which can only be UTF-8."""
    name, *parameters = (part.strip() for part in text.split(";"))
    kept = [each for each in parameters if not each.lower().startswith("charset")]
    return ";".join((name.lower(), *kept))


def _same_data(one: Any, other: Any) -> bool:
    """JSON has one kind of number, so 1 and 1.0 are the same; true and 1 are not."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same_data(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same_data, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)
