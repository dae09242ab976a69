"""Validates the data of a vendor's event type without running code of the vendor.

The hub validates every event of a type, in its event loop: also what a publisher posts and what was in the outbox. A
function there can't be interrupted, and a regular expression of Python's holds the interpreter. So the hub keeps to
what pydantic checks itself, in bounded time: types, bounds, patterns, literals. The functions of a type (validators,
factories, hooks of a model) run only where the connector runs that publishes it, in that call's time limit.
"""

import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final

from pydantic_core import SchemaError, SchemaValidator

from schemas import Payload

# What pydantic checks without a call of Python. Of any other kind, the hub accepts what comes.
_PLAIN: Final = frozenset(
    {"none", "bool", "int", "float", "bytes", "date", "time", "datetime", "timedelta", "decimal", "uuid", "url",
     "multi-host-url"}
)  # fmt: skip
_AROUND: Final = frozenset(
    {"list", "set", "frozenset", "tuple", "dict", "nullable", "union", "chain", "lax-or-strict", "json-or-python",
     "custom-error", "definitions", "model-fields", "model-field", "typed-dict", "typed-dict-field"}
)  # fmt: skip
_INSIDE: Final = frozenset(
    {"schema", "items_schema", "keys_schema", "values_schema", "extras_schema", "extras_keys_schema", "choices",
     "steps", "definitions", "fields", "lax_schema", "strict_schema", "json_schema", "python_schema"}
)  # fmt: skip
_CALLED: Final = frozenset(
    {"serialization", "metadata", "computed_fields", "serialization_exclude_if", "custom_error_context", "fail_fast"}
)


def validator_without_code(model: type[Payload]) -> Callable[[Any], Any]:
    """Validates as `model` does, but calls no function that neither pydantic nor the hub has written."""
    return SchemaValidator(_bounded(model.__pydantic_core_schema__)).validate_python


def is_ours(function: Any) -> bool:
    return f"{getattr(function, '__module__', '')}.".startswith(("pydantic.", "pydantic_core.", "schemas."))


def _bounded(schema: Any) -> Any:
    kind = schema["type"]
    if kind.startswith("function-"):
        found = _function(schema)
    elif kind == "model":
        found = _model(schema)
    elif kind == "str":
        found = _text(schema)
    elif kind == "literal":
        found = {"type": "literal", "expected": [_value(each) for each in schema["expected"]]}
    elif kind == "enum":
        found = {"type": "literal", "expected": [_value(each) for each in schema["members"]]}
    elif kind == "default":
        found = _default(schema)
    elif kind == "tagged-union":
        found = {"type": "union", "choices": [_bounded(each) for each in schema["choices"].values()]}
    elif kind in _AROUND:
        found = {name: _inside(name, each) for name, each in schema.items() if name not in _CALLED}
    elif kind in _PLAIN or kind == "definition-ref":
        found = {name: each for name, each in schema.items() if name not in _CALLED}
    else:
        found = {"type": "any"}
    if "ref" in schema:
        found["ref"] = schema["ref"]
    return found


def _inside(name: str, value: Any) -> Any:
    if name not in _INSIDE:
        return value
    if name == "fields":
        return {field: _bounded(each) for field, each in value.items()}
    if isinstance(value, list):  # a choice may be a pair with its label
        return [_bounded(each[0] if isinstance(each, tuple) else each) for each in value]
    return _bounded(value)


def _function(schema: Mapping[str, Any]) -> dict[str, Any]:
    if not is_ours(schema["function"]["function"]):
        return _bounded(schema["schema"]) if "schema" in schema else {"type": "any"}
    found = {name: each for name, each in schema.items() if name not in _CALLED}
    return found | ({"schema": _bounded(schema["schema"])} if "schema" in schema else {})


class _Instance:
    """Takes the place of a vendor's model: for a model, pydantic takes the validator that its class already has.

    The functions of the hub's parts, which a vendor's type may inherit, read fields of it.
    """

    __slots__ = ("__dict__", "__pydantic_extra__", "__pydantic_fields_set__", "__pydantic_private__")


def _model(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Without the hooks of the class, and without a config that lets Python's engine read patterns."""
    if is_ours(schema["cls"]):
        return {name: each for name, each in schema.items() if name not in _CALLED}
    config = {name: each for name, each in schema.get("config", {}).items() if name != "regex_engine"}
    plain = {"type": "model", "cls": _Instance, "schema": _bounded(schema["schema"]), "config": config}
    return plain | ({"root_model": True} if schema.get("root_model") else {})


def _default(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Without a factory; and a default that is no JSON is not copied."""
    default = schema.get("default")
    if type(default) not in (str, int, float, bool, list, tuple, dict):
        default = None
    return {"type": "default", "schema": _bounded(schema["schema"]), "default": default}


def _text(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Rust's engine needs linear time. A pattern that only Python's can read is left out."""
    found = {name: each for name, each in schema.items() if name not in (*_CALLED, "regex_engine")}
    pattern = found.get("pattern")
    if isinstance(pattern, re.Pattern):
        # Its flags are not in its text, and another pattern would refuse what is right.
        pattern = pattern.pattern if pattern.flags == re.compile("").flags else None
    if pattern is not None:
        try:
            SchemaValidator({"type": "str", "pattern": pattern})
        except SchemaError:
            pattern = None
    return {name: each for name, each in found.items() if name != "pattern"} | (
        {} if pattern is None else {"pattern": pattern}
    )


def _value(member: Any) -> Any:
    return member.value if isinstance(member, Enum) else member
