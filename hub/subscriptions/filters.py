"""CloudEvents filters: `exact`, `prefix`, `suffix` on attributes, joined by `all`, `any`, `not`.

https://github.com/cloudevents/spec/blob/main/subscriptions/spec.md section 3.2.4 (read November 2026). They are applied
to the *reduced* event, and only to its attributes: a filter on anything hidden would let the recipient find out hidden
values, one event at a time.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

Predicate = Callable[[Mapping[str, Any]], bool]
"""A predicate of one event in the JSON event format. It looks only at attributes."""

_MAX_DEPTH: Final = 8
_MAX_TERMS: Final = 256
_ATTRIBUTE: Final = re.compile(r"[a-z0-9]{1,20}\Z")
_NO_ATTRIBUTES: Final = frozenset({"data", "data_base64"})  # members of the JSON format beside the attributes

_COMPARE: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "exact": str.__eq__,
    "prefix": str.startswith,
    "suffix": str.endswith,
}
DIALECTS: Final = ("exact", "prefix", "suffix", "all", "any", "not")


class InvalidFilter(ValueError):
    """Not a valid filter. `where` is the path to the place, from the filter list on; `key` is a key of hub.texts.

    `values` fill the text and hold no value that was written in the filter.
    """

    def __init__(self, where: tuple[str | int, ...], key: str, **values: str) -> None:
        self.where, self.key, self.values = where, key, values
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where)
        super().__init__(f"filter{place}: {key}")


def compile_filter(filters: Sequence[Any]) -> Predicate:
    """The predicate that is true where *each* of `filters` is. For an empty list it is always true.

    An attribute that the event lacks makes `exact`, `prefix` and `suffix` false; booleans and integers are compared by
    their canonical text (CloudEvents type system). Raises InvalidFilter.
    """
    terms = _count(filters)
    if terms > _MAX_TERMS:
        raise InvalidFilter((), "filter.too-large", limit=str(_MAX_TERMS))
    return _every([_compile(each, (index,), 1) for index, each in enumerate(filters)])


def _compile(one: Any, where: tuple[str | int, ...], depth: int) -> Predicate:
    if not isinstance(one, Mapping) or len(one) != 1:
        raise InvalidFilter(where, "filter.one-dialect", dialects=", ".join(DIALECTS))
    if depth > _MAX_DEPTH:
        raise InvalidFilter(where, "filter.too-deep", limit=str(_MAX_DEPTH))
    ((dialect, inner),) = one.items()
    where = (*where, str(dialect))
    if dialect in _COMPARE:
        return _comparison(_COMPARE[dialect], inner, where)
    if dialect in ("all", "any"):
        if not isinstance(inner, Sequence) or isinstance(inner, str) or not inner:
            raise InvalidFilter(where, "filter.list")
        parts = [_compile(each, (*where, index), depth + 1) for index, each in enumerate(inner)]
        return _every(parts) if dialect == "all" else _some(parts)
    if dialect == "not":
        negated = _compile(inner, where, depth + 1)
        return lambda event: not negated(event)
    raise InvalidFilter(where[:-1], "filter.dialect", dialects=", ".join(DIALECTS))


def _comparison(compare: Callable[[str, str], bool], wanted: Any, where: tuple[str | int, ...]) -> Predicate:
    if not isinstance(wanted, Mapping) or not wanted:
        raise InvalidFilter(where, "filter.attributes")
    for name, value in wanted.items():
        if not isinstance(name, str) or not _ATTRIBUTE.match(name) or name in _NO_ATTRIBUTES:
            raise InvalidFilter(where, "filter.attribute-name")
        if not isinstance(value, str) or not value:
            raise InvalidFilter((*where, name), "filter.value")
    pairs = tuple(wanted.items())
    if len(pairs) == 1:
        ((name, value),) = pairs
        return lambda event: (found := _text(event.get(name))) is not None and compare(found, value)
    return lambda event: all((found := _text(event.get(name))) is not None and compare(found, v) for name, v in pairs)


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else None


def _every(parts: Sequence[Predicate]) -> Predicate:
    return parts[0] if len(parts) == 1 else lambda event: all(part(event) for part in parts)


def _some(parts: Sequence[Predicate]) -> Predicate:
    return parts[0] if len(parts) == 1 else lambda event: any(part(event) for part in parts)


def _count(value: Any) -> int:
    """The number of terms in a filter. Without recursion, so that Python's limit is not what refuses a deep filter."""
    terms, pending = 0, [value]
    while pending:
        terms += 1
        pending.extend(_children(pending.pop()))
    return terms


def _children(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield from value
