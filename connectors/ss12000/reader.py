"""A tolerant reader: it accepts a record or refuses it with a reason, and leaves out and reports an unreadable part.

Unknown keys and unknown values of enumerations stay as they are. The reader corrects in silence a value that is only
written differently (`8.0` for 8, a plain id for a reference, a civic number without its object). It guesses nothing: it
leaves an unreadable marking out, and without a marking a person counts as unknown. Reasons name fields, never values.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from connectors.ss12000.kinds import Kind
from schemas.school_time import SCHOOL_ZONE

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\Z")
_ROUNDS: Final = 40
_NAIVE: Final = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?\Z", re.ASCII)
_UNSET: Final = object()

Place = tuple[str | int, ...]


@dataclass(slots=True)
class Reading:
    """One record. `record` None: refused, for `reasons`; else `reasons` names the parts that were left out."""

    id: str | None  # in lower case; None if the record has no usable id
    record: dict[str, Any] | None
    reasons: list[str] = field(default_factory=list)


def id_of(raw: Any) -> str | None:
    """The record's id in lower case; None if it is no UUID."""
    id = raw.get("id") if isinstance(raw, Mapping) else None
    return id.lower() if isinstance(id, str) and _UUID.match(id) else None


def digest(raw: Any) -> str:
    """A digest of the content: `meta`, embedded records and the order of a list's objects do not count."""
    content = {name: value for name, value in raw.items() if name not in ("meta", "_embedded")}
    plain = orjson.dumps(_ordered(content), option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(plain, digest_size=12).hexdigest()


def without_meta(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != "meta"}


def alike(one: Any, other: Any) -> bool:
    """Whether two values have the same content; a missing field equals an empty one, lists of objects have no order."""
    return one is other or _ordered(one) == _ordered(other)


def read(kind: Kind, raw: Any, times: str = "refuse") -> Reading:
    """Read one record; `times` is the meaning of a time without offset (`dialect.times_without_offset`)."""
    if not isinstance(raw, dict):
        return Reading(None, None, ["it is no object"])
    id = id_of(raw)
    if id is None:
        return Reading(None, None, ["id: must be a UUID"])
    record: dict[str, Any] = {name: value for name, value in raw.items() if name != "_embedded"}
    copied = False
    reasons: list[str] = []
    for _ in range(_ROUNDS):
        try:
            kind.model.model_validate(record)
        except ValidationError as error:
            if not copied:  # the record itself belongs to the page
                record, copied = orjson.loads(orjson.dumps(record)), True
            refused = False
            # From the end, so that removing an item moves no place that is still to come.
            places = {_place(record, detail): detail for detail in error.errors(include_url=False)}
            for place, detail in sorted(places.items(), key=lambda each: [*map(_rank, each[0])], reverse=True):
                mended = _mended(_at(record, place), place, detail, times)
                if mended is not _UNSET:
                    _set(record, place, mended)
                    continue
                refused |= _leave_out(record, place, detail)
                reasons.append(f"{_shown((*place, *_RULES.get(detail['type'], ())))}: {_reason(detail)}")
            if refused:
                return Reading(id, None, reasons)
        else:
            return Reading(id, record, reasons)
    return Reading(id, None, [*reasons, "too much of it can't be read"])


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _ordered(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        items = [_ordered(item) for item in value]
        if any(isinstance(item, dict) for item in items):
            items.sort(key=lambda item: orjson.dumps(item, option=orjson.OPT_SORT_KEYS))
        return items
    return value


def _rank(part: str | int) -> tuple[int, str]:
    return (part, "") if isinstance(part, int) else (-1, part)


def _place(record: Any, detail: ErrorDetails) -> Place:
    """Where in the record an error is. pydantic adds names of types to a place; names that lead nowhere are dropped."""
    here: Any = record
    place: list[str | int] = []
    for part in detail["loc"]:
        inside = isinstance(part, str) if isinstance(here, dict) else isinstance(here, list) and isinstance(part, int)
        if not inside:
            break
        if isinstance(here, dict) and part not in here:
            if detail["type"] == "missing":
                place.append(part)
            break
        place.append(part)
        here = here[part]
    return tuple(place)


def _at(record: Any, place: Place) -> Any:
    here: Any = record
    for part in place:
        if isinstance(here, dict):
            if part not in here:
                return _UNSET
        elif not isinstance(here, list) or not isinstance(part, int) or part >= len(here):
            return _UNSET
        here = here[part]
    return here


def _set(record: Any, place: Place, value: Any) -> None:
    here = _at(record, place[:-1])
    if here is not _UNSET and place:
        here[place[-1]] = value


def _leave_out(record: dict[str, Any], place: Place, detail: ErrorDetails) -> bool:
    """Remove the smallest part that makes the rest readable. True if that is the whole record."""
    if detail["type"] == "missing":
        place = place[:-1]
    if not place:
        return True
    here = _at(record, place[:-1])
    if isinstance(here, dict):
        here.pop(place[-1], None)
    elif isinstance(here, list) and isinstance(place[-1], int) and place[-1] < len(here):
        del here[place[-1]]
    return False


def _mended(value: Any, place: Place, detail: ErrorDetails, times: str) -> Any:
    """The value as the standard writes it; _UNSET if that is not certain."""
    kind, name = detail["type"], place[-1] if place else ""
    if kind in ("int_type", "int_from_float"):
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,15}", value.strip()):
            return int(value)
    elif kind == "string_type" and isinstance(value, int) and not isinstance(value, bool):
        # A civic number that was sent as a number has lost its leading zeros.
        return str(value).zfill(12 if value >= 10**10 else 10) if place[-2:] == ("civicNo", "value") else str(value)
    elif kind == "bool_type" and isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    elif kind == "model_type" and name == "civicNo" and isinstance(value, str | int) and not isinstance(value, bool):
        return {"value": value}
    elif kind == "model_type" and isinstance(value, str) and _UUID.match(value):
        return {"id": value}
    elif kind == "list_type" and isinstance(value, dict):
        return [value]
    elif kind == "date" and isinstance(value, str) and re.match(r"\d{4}-\d{2}-\d{2}[T ]", value, re.ASCII):
        return value[:10]
    elif kind == "date_time" and isinstance(value, str) and times != "refuse" and _NAIVE.match(value):
        return _with_offset(value, times)
    return _UNSET


def _with_offset(value: str, times: str) -> Any:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return _UNSET
    zone = UTC if times == "utc" else SCHOOL_ZONE  # of an hour that comes twice, the first
    return moment.replace(tzinfo=zone).isoformat()


def _shown(place: Place) -> str:
    text = ""
    for part in place:
        # An unknown key may be anything, but errors only come from known fields.
        text += "[]" if isinstance(part, int) else f".{part}" if text else part
    return text or "the record"


_REASONS: Final[Mapping[str, str]] = {
    "missing": "missing",
    "int_type": "must be a whole number",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "model_type": "must be an object",
    "list_type": "must be a list",
    "date": "must be a date YYYY-MM-DD",
    "date_time": "must be a time with offset",
    "uuid": "must be a UUID",
    "greater_than_equal": "is too small",
    "less_than_equal": "is too large",
    "string_pattern_mismatch": "has another form",
    "literal_error": "is a value that the hub does not know",
    "ends_before_it_starts": "is before startTime",
}

# A rule between fields is an error of the record as a whole: this is the field to name.
_RULES: Final[Mapping[str, Place]] = {"ends_before_it_starts": ("endTime",)}


def _reason(detail: ErrorDetails) -> str:
    return _REASONS.get(detail["type"], "is not readable")


def objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """The objects in a list."""
    for item in value if isinstance(value, list) else ():
        if isinstance(item, Mapping):
            yield item


def ref(record: Mapping[str, Any], name: str) -> str | None:
    """The lower-case id in a reference; None if there is none."""
    value = record.get(name)
    return id_of(value) if isinstance(value, Mapping) else None
