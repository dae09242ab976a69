"""Query parameters of the standard, read strictly: a mistyped parameter must not widen an answer silently."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from hub.clock import to_us
from hub.ss12000.errors import Refused, bad_request
from schemas import Category
from schemas.event import parse_timestamp

_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\Z")
_LOST_PLUS: Final = re.compile(r" (?=\d\d:\d\d\Z)")  # a "+" that the client did not encode arrives as a space
META: Final = {
    "meta.created.before": ("created_us", False),
    "meta.created.after": ("created_us", True),
    "meta.modified.before": ("modified_us", False),
    "meta.modified.after": ("modified_us", True),
}
MAX_LIMIT: Final = 2000
DEFAULT_LIMIT: Final = 1000

Parse = Callable[[str], Any]
"""Reads a parameter's value. Raises ValueError, whose text names what the value must be."""
Test = Callable[[Any, Any], bool]
"""(facts, value) -> whether the facts match."""


def uuid(text: str) -> str:
    found = text.lower()
    if not _UUID.match(found):
        raise ValueError("a UUID")
    return found


def day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError("a date YYYY-MM-DD") from None


def instant(text: str) -> int:
    try:
        return to_us(parse_timestamp(_LOST_PLUS.sub("+", text)))
    except (ValueError, OverflowError):
        raise ValueError("an RFC 3339 time with offset, its + written %2B") from None


def text(value: str) -> str:
    if not value:
        raise ValueError("text that is not empty")
    return value


@dataclass(frozen=True, slots=True)
class OneOf:
    """Reads one of the values of an enumeration."""

    values: frozenset[str]

    def __call__(self, value: str) -> str:
        if value not in self.values:
            raise ValueError("one of the standard's values")
        return value


def boolean(value: str) -> bool:
    if value not in ("true", "false"):
        raise ValueError("true or false")
    return value == "true"


def positive(value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 10 and int(value) > 0):
        raise ValueError("a whole number from 1")
    return int(value)


_FORMATS: Final[Mapping[Parse, str]] = {uuid: "uuid", day: "date", instant: "date-time"}


def schema_of(parse: Parse) -> dict[str, Any]:
    """JSON Schema of the values that a parameter may have."""
    if isinstance(parse, OneOf):
        return {"type": "string", "enum": sorted(parse.values)}
    return {"type": "string", "format": _FORMATS[parse]} if parse in _FORMATS else {"type": "string", "minLength": 1}


@dataclass(frozen=True, slots=True)
class Filter:
    """One parameter.

    `needs` are the categories of the field that the parameter looks at: for a client without them it would be an
    oracle. `test` None: one of the resource's `joins` does the matching. `person`: the value is a person's id as the
    client knows it. `required`: a list needs this parameter.
    """

    parse: Parse
    test: Test | None
    many: bool = False
    needs: frozenset[Category] = frozenset()
    person: bool = False
    required: bool = False


def dates(needs: frozenset[Category] = frozenset()) -> dict[str, Filter]:
    """The four date filters. An entity without the date always matches."""

    def test(name: str, before: bool) -> Test:
        def matches(facts: Any, value: str) -> bool:
            own = getattr(facts, name)
            return not own or (own <= value if before else own >= value)

        return matches

    return {
        f"{name}Date.{what}": Filter(day, test(name, what == "onOrBefore"), needs=needs)
        for name in ("start", "end")
        for what in ("onOrBefore", "onOrAfter")
    }


@dataclass(slots=True)
class Query:
    """A list's parameters. `values` by name, as the client wrote them."""

    values: dict[str, Any] = field(default_factory=dict)
    meta: dict[str, int] = field(default_factory=dict)
    expand: tuple[str, ...] = ()
    names: bool = False
    sortkey: str | None = None
    limit: int = DEFAULT_LIMIT

    def fits(self, created_us: int, modified_us: int) -> bool:
        """Whether an entity's `meta` lies within the bounds: `before` is inclusive, `after` exclusive."""
        for name, bound in self.meta.items():
            which, after = META[name]
            own = created_us if which == "created_us" else modified_us
            if (own <= bound) if after else (own > bound):
                return False
        return True


def one(name: str, values: Sequence[str], parse: Parse) -> Any:
    """The value of a parameter that may come only once. Raises Refused (400)."""
    if len(values) != 1:
        raise bad_request("parameter-repeated", f"`{name}` may come only once.")
    return _parsed(name, values[0], parse)


def _parsed(name: str, value: str, parse: Parse) -> Any:
    try:
        return parse(value)
    except ValueError as error:
        raise bad_request("parameter-invalid", f"`{name}` must be {error}.") from None


def page_limit(given: Mapping[str, Sequence[str]]) -> int:
    if "limit" not in given:
        return DEFAULT_LIMIT
    limit: int = one("limit", given["limit"], positive)
    return min(limit, MAX_LIMIT)


def presentation(query: Query, given: Mapping[str, Sequence[str]], expand: frozenset[str]) -> None:
    """Read `expand` and `expandReferenceNames` into the query. Raises Refused (400)."""
    if "expand" in given:
        wanted = [part for each in given["expand"] for part in each.split(",")]
        query.expand = tuple(dict.fromkeys(_parsed("expand", each, OneOf(expand)) for each in wanted))
    if "expandReferenceNames" in given:
        query.names = one("expandReferenceNames", given["expandReferenceNames"], boolean)


def read(
    given: Mapping[str, Sequence[str]],
    filters: Mapping[str, Filter],
    *,
    expand: frozenset[str],
    sortkeys: frozenset[str],
    meta: bool = True,
) -> Query:
    """The parameters of a first page. Raises Refused (400), also for an unknown one: it may be a misspelt filter."""
    query = Query(limit=page_limit(given))
    presentation(query, given, expand)
    for name, values in given.items():
        if name in ("limit", "expand", "expandReferenceNames"):
            continue
        if name == "sortkey":
            query.sortkey = one(name, values, OneOf(sortkeys))
        elif meta and name in META:
            query.meta[name] = one(name, values, instant)
        elif name in filters:
            known = filters[name]
            query.values[name] = (
                tuple(_parsed(name, each, known.parse) for each in values)
                if known.many
                else one(name, values, known.parse)
            )
        else:
            raise bad_request("parameter-unknown", "This list has no such parameter. See SS 12000 v2.1.0.")
    for name, known in filters.items():
        if known.required and name not in query.values:
            raise bad_request("parameter-missing", f"`{name}` is required, except with `pageToken`.")
    return query


def beyond(name: str) -> Refused:
    """403: the parameter looks at data that the contract hides. The answer depends on the contract alone."""
    return Refused(
        403,
        "beyond-contract",
        f"`{name}` looks at data that the client's contract does not cover. Leave it out, or ask the municipality.",
    )
