"""An event's reduced data with the names and types of its model.

The gate removes what a recipient's contract does not allow, required fields too, so reduced data can't be validated
against its model. A view has the model's class and the fields that are there.
"""

from functools import cache
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, cast, get_args, get_origin

from schemas.category import Category
from schemas.payload import Part

PartT = TypeVar("PartT", bound=Part)


class TakenAway(AttributeError):
    """The field is required in its type, and not in this event: the recipient's contract does not cover it.

    `getattr(view, "student", None)` reads a field that may be missing.
    """


def view(model: type[PartT], data: Any) -> PartT:
    """Reduced data as an instance of `model`. Optional fields that are missing are None.

    Reading a required field that is missing raises TakenAway, which names the field and its categories. Values are not
    validated again: the hub has done that when the event was published.
    """
    cls = _partial(model)
    given = data if isinstance(data, dict) else {}
    values = {
        name: _value(info.annotation, given[key])
        for name, info in model.model_fields.items()
        if (key := info.alias or name) in given
    }
    return cast(PartT, cls.model_construct(_fields_set=set(values), **values))


@cache
def _partial(model: type[Part]) -> type[Part]:
    """The model with an explanation for a missing field. There are as many as models, so the cache is bounded."""

    def missing(self: Part, name: str) -> Any:
        if name in model.model_fields:
            raise TakenAway(_explained(model, name))
        raise AttributeError(f"{model.__name__} has no field {name}")

    members = {"__getattr__": missing, "__module__": model.__module__, "__doc__": model.__doc__}
    return type(model.__name__, (model,), members)


def _explained(model: type[Part], name: str) -> str:
    info = model.model_fields[name]
    inside = [part.model_fields for part in _parts(info.annotation)]
    categories = sorted(
        {
            str(item)
            for each in (info, *(field for fields in inside for field in fields.values()))
            for item in each.metadata
            if isinstance(item, Category)
        }
    )
    needs = f" It needs one of the categories {', '.join(categories)}." if categories else ""
    return f"{model.__name__}.{name} is not in this event: the contract does not cover it.{needs}"


def _parts(annotation: Any) -> list[type[Part]]:
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return [annotation]
    return [part for inner in get_args(annotation) for part in _parts(inner)]


def _value(annotation: Any, value: Any) -> Any:
    """Objects that are a Part become views, also in lists; all other values stay as they are."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _value(get_args(annotation)[0], value)
    if origin in (Union, UnionType):
        fitting = [each for each in get_args(annotation) if each is not type(None)]
        return _value(fitting[0], value) if len(fitting) == 1 and value is not None else value
    if origin is list and isinstance(value, list):
        return [_value(get_args(annotation)[0], each) for each in value]
    if origin is None and isinstance(annotation, type) and issubclass(annotation, Part) and isinstance(value, dict):
        return view(annotation, value)
    return value
