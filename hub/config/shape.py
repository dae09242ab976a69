"""What a pydantic model expects at a place: which keys, and where its secrets are.

pydantic says where a value is wrong but not which keys are possible there, and it accepts a literal for a secret.
"""

import types
import typing
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretBytes, SecretStr

from hub.config.findings import Path


def keys_at(annotation: Any, value: Any, path: Path) -> list[str]:
    """The keys that models at `path` have, in the order of the models; empty if there is no model."""
    found: dict[str, None] = {}
    for part, _ in _descend(annotation, value, path):
        if _is_model(part):
            found.update(dict.fromkeys(_names(part)))
    return list(found)


def secrets_in(annotation: Any, value: Any, path: Path = ()) -> Iterator[Path]:
    """Every place in `value` that has a value where the model expects a secret."""
    for part in _alternatives(annotation, value):
        if isinstance(part, type) and issubclass(part, SecretStr | SecretBytes):
            if value is not None:
                yield path
        elif _is_model(part) and isinstance(value, Mapping):
            for name, inner in _names(part).items():
                if name in value:
                    yield from secrets_in(inner, value[name], (*path, name))
        elif isinstance(value, Mapping):
            for name, item in value.items():
                yield from secrets_in(_item(part, name), item, (*path, name))
        elif isinstance(value, list):
            for index, item in enumerate(value):
                yield from secrets_in(_item(part, index), item, (*path, index))


def written(value: Any, loc: Sequence[str | int], *, missing: bool) -> Path:
    """pydantic's `loc` as a path into the written values: without the tags of unions and the names of validators."""
    path: list[str | int] = []
    for position, part in enumerate(loc):
        last = position == len(loc) - 1
        if isinstance(value, Mapping) and (part in value or (last and missing)):
            path.append(part)
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            path.append(part)
            value = value[part]
        # Else the part is the tag of a union, which does not lead into the value.
    return tuple(path)


def _descend(annotation: Any, value: Any, path: Path) -> Iterator[tuple[Any, Any]]:
    for part in _alternatives(annotation, value):
        if not path:
            yield part, value
            continue
        inner = _names(part).get(str(path[0])) if _is_model(part) else _item(part, path[0])
        if inner is None:
            continue
        try:
            below = value[path[0]]
        except (KeyError, IndexError, TypeError):
            below = None
        yield from _descend(inner, below, path[1:])


def _alternatives(annotation: Any, value: Any) -> Iterator[Any]:
    """The members of a union that `value` may be meant as. For another annotation, the annotation itself."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _alternatives(get_args(annotation)[0], value)
    elif origin in (typing.Union, types.UnionType):
        for part in get_args(annotation):
            for inner in _alternatives(part, value):
                if not (_is_model(inner) and _is_other(inner, value)):
                    yield inner
    elif annotation is not None:
        yield annotation


def _is_other(model: type[BaseModel], value: Any) -> bool:
    """Whether a tag in `value` (`kind: webhook`) names another member of the union."""
    if not isinstance(value, Mapping):
        return False
    return any(
        get_origin(info.annotation) is Literal and name in value and value[name] not in get_args(info.annotation)
        for name, info in model.model_fields.items()
    )


def _is_model(part: Any) -> typing.TypeGuard[type[BaseModel]]:
    return isinstance(part, type) and issubclass(part, BaseModel)


def _names(model: type[BaseModel]) -> dict[str, Any]:
    return {info.alias or name: info.annotation for name, info in model.model_fields.items()}


def _item(annotation: Any, part: str | int) -> Any:
    """The annotation of an item of `dict[str, X]`, `list[X]`, `tuple[X, ...]` or `frozenset[X]`: X."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if not isinstance(origin, type) or not arguments:
        return None
    if issubclass(origin, Mapping):
        return arguments[1]
    if origin is tuple and len(arguments) > 1 and arguments[1] is not Ellipsis:
        return arguments[part] if isinstance(part, int) and part < len(arguments) else None
    return arguments[0] if issubclass(origin, Sequence | Set) else None
