"""pydantic's errors as texts for people: what is wrong, and what the model expects there."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from hub.config import shape
from hub.config.findings import Path, Phrase
from hub.texts import TEXTS, Text

# By the type of pydantic's error, or its beginning. The longest key that fits counts.
_KEYS: Final[Mapping[str, str]] = {
    "bool_": "config.bool",
    "bytes_": "config.string",
    "date_": "config.datetime",
    "datetime_": "config.datetime",
    "decimal_": "config.number",
    "dict_": "config.mapping",
    "finite_number": "config.number",
    "float_": "config.number",
    "frozen_set_": "config.list",
    "int_": "config.number",
    "list_": "config.list",
    "mapping_": "config.mapping",
    "missing": "config.missing",
    "model_": "config.mapping",
    "school_time": "config.time",
    "set_": "config.list",
    "string_pattern_mismatch": "config.pattern",
    "string_type": "config.string",
    "time_": "config.time",
    "time_delta_": "config.duration",
    "timezone_": "config.datetime",
    "tuple_": "config.list",
}
_LIMITS: Final[Mapping[str, tuple[str, str]]] = {
    "greater_than": ("config.above", "gt"),
    "greater_than_equal": ("config.minimum", "ge"),
    "less_than": ("config.below", "lt"),
    "less_than_equal": ("config.maximum", "le"),
    "string_too_long": ("config.characters-max", "max_length"),
    "string_too_short": ("config.characters-min", "min_length"),
    "too_long": ("config.items-max", "max_length"),
    "too_short": ("config.items-min", "min_length"),
}
_CHOICES: Final = frozenset({"literal_error", "enum", "union_tag_invalid"})
# A single word without a long number: not a full name, an address, a civic number or a telephone number.
_PLAIN: Final = re.compile(r"(?!.*\d{6})[\w.:/*+-]{1,32}\Z")
_HUSH: Final = re.compile(r"secret|token|passw|pwd|passphrase|key|credential|mail|phone|name|user|person", re.I)

Translated = tuple[Path, str, dict[str, object], bool]
"""Place, key of a text, its values, and whether the value may be shown."""


def translate(error: ValidationError, model: Any, value: Any) -> list[Translated]:
    """Each error of one validation of `value` against `model`."""
    details = error.errors(include_url=False, include_input=False)
    found = [_one(detail, model, value) for detail in details]
    if bare := {place for place, key, *_ in found if key == "config.string" and type(_at(value, place)) is int}:
        ids = _ids_among(bare, model, value)
        found = [(place, ids.get(place, key), values, show and place not in ids) for place, key, values, show in found]
    # A union gives an error for each of its members. One error for each place is enough to act on.
    return list({(place, key): (place, key, values, show) for place, key, values, show in found}.values())


def _one(detail: ErrorDetails, model: Any, value: Any) -> Translated:
    kind, context = detail["type"], detail.get("ctx", {})
    place = shape.written(value, detail["loc"], missing=kind in ("missing", "extra_forbidden"))
    if kind == "extra_forbidden":
        known = shape.keys_at(model, value, place[:-1])
        return place, "config.unknown-key", unknown(str(place[-1]), known), False
    if kind == "union_tag_not_found":
        return (*place, str(context.get("discriminator", "")).strip("'")), "config.missing", {}, False
    if kind in _CHOICES:
        expected = (
            str(context.get("expected_tags") or context.get("expected", "")).replace("'", "").replace(" or ", ", ")
        )
        if kind == "union_tag_invalid":
            place = (*place, str(context.get("discriminator", "")).strip("'"))
        return place, "config.choice", {"expected": expected}, True
    if kind in _LIMITS:
        key, limit = _LIMITS[kind]
        return place, key, {"limit": context.get(limit, "")}, kind in ("greater_than", "less_than") or "equal" in kind
    if kind in TEXTS:
        return place, kind, {}, True
    if kind.startswith("uuid"):
        key = _in_place_of_id(_at(value, place))
        return place, key, {}, key == "config.uuid"
    for beginning in sorted(_KEYS, key=len, reverse=True):
        if kind.startswith(beginning):
            return place, _KEYS[beginning], {}, kind != "missing"
    # A rule of the connector's own. It may bring a Swedish text: PydanticCustomError(type, english, {"sv": swedish}).
    says = detail["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ").rstrip(".")
    return place, "config.other", {"says": Text(str(context.get("sv", says)).rstrip("."), says)}, False


def _in_place_of_id(given: object) -> str:
    """The text about what stands where an SS 12000 id belongs."""
    if re.fullmatch(r"[0-9]{8}", str(given)):
        return "config.uuid-school-unit"
    if re.fullmatch(r"(16)?[0-9]{2}[2-9][0-9]{3}-?[0-9]{4}", str(given)):  # a civic number's third digit is 0 or 1
        return "config.uuid-organisation-number"
    return "config.uuid"


def _ids_among(bare: set[Path], model: Any, value: Any) -> dict[Path, str]:
    """Numbers without quotes where an SS 12000 id belongs, with the text about each: quotes would not help there."""
    try:
        TypeAdapter(model).validate_python(_quoted(value, bare))
    except ValidationError as error:
        kinds = {
            shape.written(value, each["loc"], missing=False): each["type"]
            for each in error.errors(include_url=False, include_input=False)
        }
    except Exception:  # a validator that needs its context, or a vendor's fault: the first text stays
        return {}
    else:
        return {}
    return {place: _in_place_of_id(_at(value, place)) for place in bare if kinds.get(place, "").startswith("uuid")}


def _quoted(value: Any, places: set[Path], here: Path = ()) -> Any:
    """A copy in which what is at `places` is text."""
    if isinstance(value, Mapping):
        return {name: _quoted(each, places, (*here, name)) for name, each in value.items()}
    if isinstance(value, list):
        return [_quoted(each, places, (*here, index)) for index, each in enumerate(value)]
    return str(value) if here in places else value


def _at(value: Any, place: Path) -> Any:
    """The value at a place of the input; None if there is none."""
    try:
        for part in place:
            value = value[part]
    except (KeyError, IndexError, TypeError):
        return None
    return value


def unknown(name: str, known: list[str]) -> dict[str, object]:
    """Values for a text about an unknown name: the known names, and the one that was probably meant."""
    listed: object = ", ".join(known) if known else Phrase("hint.nothing", {})
    return {"known": listed, "hint": hint(name, known)}


def hint(name: str, known: list[str]) -> object:
    """The text "Did you mean" with the known name that is most like `name`; empty if none is like it."""
    spelt = {each.casefold(): each for each in known}
    near = get_close_matches(name.casefold(), list(spelt), 1, cutoff=0.6)
    return Phrase("hint.did-you-mean", {"name": spelt[near[0]]}) if near else ""


def showable(place: Path, value: Any) -> str:
    """The value in quotes; empty if the value or its key suggests that it is secret or personal."""
    if any(isinstance(part, str) and _HUSH.search(part) for part in place[-2:]):
        return ""
    if isinstance(value, bool):
        return f'"{str(value).lower()}"'
    if isinstance(value, str | int | float) and _PLAIN.match(str(value)):
        return f'"{value}"'
    return ""
