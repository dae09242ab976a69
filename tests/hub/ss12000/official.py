"""The official file (`openapi_ss12000_version2_1_0.yaml`) as a judge of answers.

Loosened only where the file is wrong (the notes beside it list its faults), and where docs/consumers.md says
that something required is left out, each by name below.
"""

import copy
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

FILE = Path(__file__).resolve().parents[4] / "shared" / "reference" / "ss12000" / "openapi_ss12000_version2_1_0.yaml"

# GET /subscriptions and the rest answer as declared; these do not:
SLIPS = {
    # Section 5.3: declared to answer Attendance[]; the operation's own text says calendar events.
    ("post", "/calendarEvents/lookup"): {"type": "array", "items": {"$ref": "#/components/schemas/CalendarEvent"}},
}

# What is left out although it is required: nobody has told the hub.
UNKNOWN = {
    "GroupFragment": {"startDate", "organisation"},
    "Duty": {"startDate", "dutyAt"},
    "Activity": {"startDate", "organisation", "groups"},
    "Room": {"owner"},
    "AttendanceEvent": {"group"},
}
# Or the client's contract hides it.
HIDDEN = {"Person": {"meta"}, "AttendanceEvent": {"group"}}


def _text() -> str:
    """Without the file nobody can say whether an answer is right: the test that asks is skipped."""
    if not FILE.is_file():
        pytest.skip("needs the reference material at ../shared")
    return FILE.read_text("utf-8")


class _Loader(yaml.SafeLoader):
    """Dates in examples stay text: the file means texts, and YAML would make dates of them."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _translated(node: Any) -> Any:
    """OpenAPI 3.0's `nullable` as JSON Schema has it; examples dropped."""
    if isinstance(node, list):
        return [_translated(each) for each in node]
    if not isinstance(node, dict):
        return node
    out = {name: _translated(value) for name, value in node.items() if name not in ("example", "nullable")}
    if node.get("nullable") is True:
        return {"anyOf": [{"type": "null"}, out]}
    return out


def _bare(node: Any) -> Any:
    if isinstance(node, list):
        return [_bare(each) for each in node]
    return {n: _bare(v) for n, v in node.items() if n != "example"} if isinstance(node, dict) else node


def without_examples() -> dict[str, Any]:
    """The file as it is, but for its examples (nulls where none may be)."""
    bare: dict[str, Any] = _bare(yaml.load(_text(), _Loader))
    return bare


@cache
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(_text(), _Loader)
    translated: dict[str, Any] = _translated(loaded)
    return translated


@cache
def _schema_of(method: str, path: str, status: str) -> Any:
    responses = document()["paths"][path][method]["responses"]
    found = responses.get(status) or responses["default"]
    if (method, path) in SLIPS and status == "200":
        return SLIPS[method, path]
    content = found.get("content")
    return None if content is None else content["application/json"]["schema"]


@cache
def _components(hides: bool) -> dict[str, Any]:
    components = copy.deepcopy(document()["components"])
    for loosened in (UNKNOWN, HIDDEN) if hides else (UNKNOWN,):
        for name, left_out in loosened.items():
            schema = components["schemas"][name]
            schema["required"] = [each for each in schema["required"] if each not in left_out]
    return components


def problems(method: str, path: str, status: int, body: Any, *, hides: bool = False) -> Iterator[str]:
    """What is wrong with an answer, as short texts without its values. `hides`: to a client whose contract does."""
    schema = _schema_of(method, path, str(status))
    if schema is None:
        if body not in (None, b"", ""):
            yield "a body where none is declared"
        return
    validator = jsonschema.Draft4Validator(
        {**schema, "components": _components(hides)}, format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER
    )
    for error in validator.iter_errors(body):
        place = ".".join("[]" if isinstance(each, int) else str(each) for each in error.absolute_path)
        yield f"{place}: {error.validator} {error.validator_value if error.validator != 'type' else ''}"[:200]
