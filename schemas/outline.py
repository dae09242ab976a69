"""A type's fields as a flat list, for tables that people read and for the comparison with the last release.

Pure: made from the type's JSON Schema and the categories of its fields.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from schemas.catalogue import Entry
from schemas.export import json_schema, pattern

HUB_ONLY: Final = "hub-only"
"""In place of a category: the hub reads the field and delivers it to no recipient."""

_SAID_ELSEWHERE: Final = frozenset(
    {"$ref", "additionalProperties", "anyOf", "default", "description", "enum", "format", "items", "properties",
     "required", "title", "type", "x-category"}
)  # fmt: skip


class Row(NamedTuple):
    """A field. A list has `[]` after its name, and its row says what each item is.

    `kind` is a JSON type with its format and bounds (`string uuid`, `integer minimum=0`), or the values of an
    enumeration. `categories` is empty for an object whose fields have categories of their own.
    """

    path: str
    kind: str
    required: bool
    categories: tuple[str, ...]


def outline(entry: Entry) -> list[Row]:
    """The fields of a type's data, in the order of the model, the fields of an object below the object."""
    schema = json_schema(entry)
    categories = {path: tuple(sorted(found)) for path, found in entry.flat_fields()}
    return list(_rows(schema, schema, "", categories))


def lines(entry: Entry) -> list[str]:
    """What recipients and publishers rely on, a line each: the type's ordering key and entity, then its fields."""
    spec = entry.spec
    head = f"{entry.type} key {pattern(spec.key)}, entity {'-' if spec.entity is None else pattern(spec.entity)}"
    return [head, *(_line(entry.type, row) for row in outline(entry))]


def _line(type_: str, row: Row) -> str:
    need = "required" if row.required else "optional"
    return f"{type_} {row.path} {row.kind}, {need}, {' '.join(row.categories) or '-'}"


def _rows(
    whole: Mapping[str, Any], schema: Mapping[str, Any], prefix: str, categories: Mapping[str, tuple[str, ...]]
) -> Iterator[Row]:
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        here = _resolved(whole, field)
        path, kind = prefix + name, ""
        while here.get("type") == "array":
            path += "[]"
            kind += "".join(f" {bound}" for bound in _bounds(here))
            here = _resolved(whole, here.get("items", {}))
        hidden = HUB_ONLY in field.get("x-category", ())
        yield Row(path, _kind(here) + kind, name in required, (HUB_ONLY,) if hidden else categories.get(path, ()))
        yield from _rows(whole, here, f"{path}.", categories)


def _resolved(whole: Mapping[str, Any], field: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema behind a reference, and of `X | null` that of X: `required` tells whether a value may be missing."""
    if "$ref" in field:
        found: Any = whole
        for part in field["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return _resolved(whole, found)
    members = [each for each in field.get("anyOf", ()) if each.get("type") != "null"]
    return _resolved(whole, members[0]) if len(members) == 1 else field


def _kind(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    return " ".join([schema.get("type", "any"), *filter(None, [schema.get("format")]), *_bounds(schema)])


def _bounds(schema: Mapping[str, Any]) -> list[str]:
    return [f"{name}={schema[name]}" for name in sorted(schema.keys() - _SAID_ELSEWHERE)]
