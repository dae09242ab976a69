"""The categories of a model's fields, read from its annotations once, when the type is registered."""

import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, get_args, get_origin
from weakref import WeakKeyDictionary

from pydantic import BaseModel

from schemas.category import Category
from schemas.payload import HUB_ONLY


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One known field of a type's data, with all its categories and the fields inside it.

    `categories` apply to the fields inside too; they are empty if only the fields inside have categories. `many` is
    true for a list. `inside` is None for a value without known fields of its own (a string, a list of strings, a
    free-form object). NONE is never together with another category, since it would add nothing.
    """

    name: str
    categories: frozenset[Category]
    many: bool
    inside: "Mapping[str, Field] | None"
    required: bool = False


_KNOWN: Final[WeakKeyDictionary[type[BaseModel], Mapping[str, Field]]] = WeakKeyDictionary()


def fields_of_type(model: type[BaseModel]) -> Mapping[str, Field]:
    """The fields of a type's data, read from the class once: a process may make many catalogues.

    Raises ValueError for a field without a category.
    """
    found = _KNOWN.get(model)
    if found is None:
        found = _KNOWN[model] = fields_of(model, f"{model.__name__}.")
    return found


def has_extras(data: Any, fields: Mapping[str, Field]) -> bool:
    """Whether validated data holds anything that is no field of its type."""
    for name, value in data.items():
        known = fields.get(name)
        if known is None:
            return True
        if known.inside is None:
            continue
        if isinstance(value, dict):
            if has_extras(value, known.inside):
                return True
        elif isinstance(value, list) and any(
            isinstance(item, dict) and has_extras(item, known.inside) for item in value
        ):
            return True
    return False


def fields_of(
    model: type[BaseModel], where: str, inherited: frozenset[Category] = frozenset(), around: tuple[Any, ...] = ()
) -> dict[str, Field]:
    """A model's fields with their categories. Raises ValueError, beginning with `where`, for a field without one."""
    if model in around:
        raise ValueError(f"{where} contains its own model: a type's data must have a fixed depth")
    fields: dict[str, Field] = {}
    for name, info in model.model_fields.items():
        if HUB_ONLY in info.metadata:
            continue  # an unknown field is never delivered
        own = frozenset(item for item in info.metadata if isinstance(item, Category)) | inherited
        own = own - {Category.NONE} or own  # a room in a list of memberships is data on the member
        many, nested = _shape(info.annotation, f"{where}{name}")
        public = info.alias or name
        inside = None if nested is None else fields_of(nested, f"{where}{name}.", own, (*around, model))
        if not own and inside is None:
            raise ValueError(f"{where}{name} has no category: write Annotated[..., Category.X]")
        fields[public] = Field(name=public, categories=own, many=many, inside=inside, required=info.is_required())
    return fields


def _shape(annotation: Any, where: str) -> tuple[bool, type[BaseModel] | None]:
    """Whether an annotation such as `list[Teacher] | None` is a list, and the model inside.

    Raises ValueError for a model anywhere else (in a dict, in a tuple, as one of several types), since the hub would
    not apply the categories of its fields there.
    """
    bare = _bare(annotation)
    if isinstance(bare, type) and issubclass(bare, BaseModel):
        return False, bare
    if bare is list or get_origin(bare) is list:
        item = _bare(*get_args(bare)) if get_args(bare) else None
        if isinstance(item, type) and issubclass(item, BaseModel):
            return True, item
        bare = item
        many = True
    else:
        many = False
    if _models_in(bare):
        raise ValueError(f"{where} nests a model in another way than X, X | None or list[X]")
    return many, None


def _bare(annotation: Any) -> Any:
    """The annotation without `Annotated` and `| None`."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (typing.Union, types.UnionType):
        members = [part for part in get_args(annotation) if part is not type(None)]
        return _bare(members[0]) if len(members) == 1 else annotation
    return annotation


def _models_in(annotation: Any) -> set[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {annotation}
    return set().union(*(_models_in(part) for part in get_args(annotation)))


def names_in(model: type[BaseModel]) -> set[str]:
    """The names of all fields of a model and of the models inside it."""
    names: set[str] = set()
    for name, info in model.model_fields.items():
        names |= {name, info.alias or name}
        for nested in _models_in(info.annotation):
            names |= names_in(nested)
    return names


def all_categories(fields: Mapping[str, Field]) -> Iterator[Category]:
    """The categories of all fields, with repeats."""
    for known in fields.values():
        yield from known.categories
        if known.inside is not None:
            yield from all_categories(known.inside)


def flatten(
    fields: Mapping[str, Field], prefix: str, inherited: frozenset[Category]
) -> Iterator[tuple[str, frozenset[Category]]]:
    """The path and the categories of each field that holds a value."""
    for known in fields.values():
        path = f"{prefix}{known.name}{'[]' if known.many else ''}"
        if known.inside is None:
            yield path, known.categories | inherited
        else:
            yield from flatten(known.inside, f"{path}.", known.categories | inherited)


def require_path(fields: Mapping[str, Field], path: str, model: str) -> None:
    """Raises ValueError if there is no field with a value at a spec's path."""
    here: Mapping[str, Field] | None = fields
    for part in path.split("."):
        known = (here or {}).get(part.removesuffix("[]"))
        if known is None or known.many != part.endswith("[]"):
            raise ValueError(f"{model}.spec names {path}, which is not a field of it")
        here = known.inside
    if here is not None:
        raise ValueError(f"{model}.spec names {path}, which is an object and not an id")
