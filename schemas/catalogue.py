"""The catalogue: every event type the hub knows, what its fields tell, and whether an event is one of them.

The one source for validation, JSON Schemas, AsyncAPI, examples and documentation tables (`schemas.export`).
"""

import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Any, Final, get_args, get_origin

from pydantic import BaseModel, ValidationError

from schemas.category import Category
from schemas.event import SPEC_VERSION, Event, InvalidEvent, Problem
from schemas.payload import HUB_ONLY, EventSpec, Payload, pluck

_CORE_ATTRIBUTES: Final = frozenset(
    {
        "specversion",
        "id",
        "source",
        "type",
        "subject",
        "time",
        "datacontenttype",
        "dataschema",
        "partitionkey",
        "traceparent",
        "tracestate",
    }
)


@dataclass(frozen=True, slots=True)
class Field:
    """One known field of a type's data: what all of its categories are, and what is inside it.

    `many` is true for a list; `inside` is None for a value without known fields of its own, or with no more to
    tell (a string, a list of strings, a free-form object).
    """

    name: str
    categories: frozenset[Category]
    many: bool
    inside: "Mapping[str, Field] | None"
    required: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A type in the catalogue: its model, its spec and its fields."""

    model: type[Payload]
    spec: EventSpec
    fields: Mapping[str, Field]
    validate: Callable[[Any], Any]

    @property
    def type(self) -> str:
        return self.spec.type

    @property
    def categories(self) -> frozenset[Category]:
        """Every category that some field has."""
        return frozenset(_all_categories(self.fields))

    def flat_fields(self) -> Iterator[tuple[str, frozenset[Category]]]:
        """(path, categories) of each field that carries a value, in the order of the model."""
        yield from _flatten(self.fields, "", frozenset())


@dataclass(frozen=True, slots=True)
class Described:
    """What the hub keeps beside an event so that it can be matched and guarded without being parsed again."""

    event: Event
    entry: Entry
    subject: str
    key: str
    entity: str | None
    about: tuple[str, ...]  # lower-case person ids
    organisations: tuple[str, ...]  # lower-case ids, from the event itself
    extras: bool  # it holds something that the catalogue does not list


class UnknownType(KeyError):
    """No such type in the catalogue."""


class Catalogue:
    """The types by name. `register` refuses a model that would leave a field without a category."""

    def __init__(self, models: Iterable[type[Payload]] = ()) -> None:
        self._entries: dict[str, Entry] = {}
        for model in models:
            self.register(model)

    def register(self, model: type[Payload]) -> Entry:
        """Add a type. Raises ValueError: name taken, a field without category, an example that does not hold."""
        spec = model.spec
        if spec.type in self._entries:
            raise ValueError(f"event type {spec.type} is registered twice")
        entry = Entry(
            model, spec, _fields_of(model, f"{model.__name__}."), model.__pydantic_validator__.validate_python
        )
        for path in (*spec.about, *spec.mentions, *spec.organisations, *spec.groups):
            _require_path(entry.fields, path, model.__name__)
        self._entries[spec.type] = entry
        return entry

    def entry(self, type_: str) -> Entry:
        """Raises UnknownType."""
        try:
            return self._entries[type_]
        except KeyError:
            raise UnknownType(type_) from None

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def __contains__(self, type_: object) -> bool:
        return type_ in self._entries

    def matching(self, globs: Iterable[str]) -> list[str]:
        """The registered types that one of `globs` (`*`, `?`) covers, in catalogue order."""
        wanted = list(globs)
        return [name for name in self._entries if any(fnmatchcase(name, glob) for glob in wanted)]

    def describe(self, event: Event) -> Described:
        """Validate an event and work out its subject, key, entity and people. Raises InvalidEvent.

        A subject or partition key that the publisher leaves out is derived; one that contradicts the data is refused.
        """
        entry = self._entries.get(event.attributes["type"])
        if entry is None:
            raise InvalidEvent([Problem("type", "unknown-type", "is not in the catalogue (GET /v1/catalogue)")])
        data = event.data
        try:
            entry.validate(data)
        except ValidationError as error:
            raise InvalidEvent(_problems(error)) from None
        spec = entry.spec
        source = event.attributes["source"]
        problems: list[Problem] = []
        subject = _derived(event, "subject", spec.subject.of(source, data), problems)
        key = subject if spec.key == spec.subject else spec.key.of(source, data)
        key = _derived(event, "partitionkey", key, problems)
        if problems:
            raise InvalidEvent(problems)
        entity = None
        if spec.entity is not None:
            entity = subject if spec.entity == spec.subject else spec.entity.of(source, data)
        attributes = event.attributes
        if "subject" not in attributes or "partitionkey" not in attributes:
            event = Event({**attributes, "subject": subject, "partitionkey": key}, data)
        return Described(
            event,
            entry,
            subject,
            key,
            entity,
            tuple({found.lower() for path in spec.about for found in pluck(data, path)}),
            tuple({found.lower() for path in spec.organisations for found in pluck(data, path)}),
            not (attributes.keys() <= _CORE_ATTRIBUTES) or _has_extras(data, entry.fields),
        )

    def example(self, entry: Entry, index: int = 0) -> dict[str, Any]:
        """A whole event that `POST /v1/events` accepts, made from the type's example data."""
        data = entry.spec.examples[index]
        source = f"urn:example:{entry.spec.family}"
        return {
            "specversion": SPEC_VERSION,
            "id": f"example-{entry.type.removeprefix('se.skolnav.')}-{index + 1}",
            "source": source,
            "type": entry.type,
            "subject": entry.spec.subject.of(source, data),
            "partitionkey": entry.spec.key.of(source, data),
            "time": "2026-11-24T07:42:00+01:00",
            "datacontenttype": "application/json",
            "data": data,
        }


def _derived(event: Event, name: str, derived: str | None, problems: list[Problem]) -> str:
    given = event.attributes.get(name)
    if derived is None:
        problems.append(Problem(name, "derived", "cannot be derived: the data lacks the id that it is made of"))
        return ""
    if given is not None and given.lower() != derived.lower():
        problems.append(Problem(name, "derived", "contradicts the data; leave it out and the hub derives it"))
    return derived


def _problems(error: ValidationError) -> list[Problem]:
    problems: list[Problem] = []
    for detail in error.errors(include_input=False, include_url=False, include_context=False):
        where = "data" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in detail["loc"])
        problems.append(Problem(where, detail["type"], detail["msg"].removeprefix("Value error, ")))
    return problems


def _has_extras(data: Any, fields: Mapping[str, Field]) -> bool:
    for name, value in data.items():
        known = fields.get(name)
        if known is None:
            return True
        if known.inside is None:
            continue
        if isinstance(value, dict):
            if _has_extras(value, known.inside):
                return True
        elif isinstance(value, list) and any(
            isinstance(item, dict) and _has_extras(item, known.inside) for item in value
        ):
            return True
    return False


def _fields_of(model: type[BaseModel], where: str, inherited: frozenset[Category] = frozenset()) -> dict[str, Field]:
    fields: dict[str, Field] = {}
    for name, info in model.model_fields.items():
        if HUB_ONLY in info.metadata:
            continue  # nobody's plan has it: it counts as unknown and is never delivered
        own = frozenset(item for item in info.metadata if isinstance(item, Category)) | inherited
        own = own - {Category.NONE} or own  # in a list of memberships nothing is about nobody
        many, nested = _shape(info.annotation)
        public = info.alias or name
        inside = _fields_of(nested, f"{where}{name}.", own) if nested is not None else None
        if not own and inside is None:
            raise ValueError(f"{where}{name} has no category: write Annotated[..., Category.X]")
        fields[public] = Field(public, own, many, inside, info.is_required())
    return fields


def _shape(annotation: Any) -> tuple[bool, type[BaseModel] | None]:
    """(is a list, the model inside) of an annotation such as `list[Teacher] | None`."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _shape(get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        shapes = [_shape(part) for part in get_args(annotation) if part is not type(None)]
        return next((shape for shape in shapes if shape[1] is not None), shapes[0] if shapes else (False, None))
    if origin is list:
        return True, _shape(get_args(annotation)[0])[1]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return False, annotation
    return annotation is list, None


def _all_categories(fields: Mapping[str, Field]) -> Iterator[Category]:
    for known in fields.values():
        yield from known.categories
        if known.inside is not None:
            yield from _all_categories(known.inside)


def _flatten(
    fields: Mapping[str, Field], prefix: str, inherited: frozenset[Category]
) -> Iterator[tuple[str, frozenset[Category]]]:
    for known in fields.values():
        path = f"{prefix}{known.name}{'[]' if known.many else ''}"
        if known.inside is None:
            yield path, known.categories | inherited
        else:
            yield from _flatten(known.inside, f"{path}.", known.categories | inherited)


def _require_path(fields: Mapping[str, Field], path: str, model: str) -> None:
    here: Mapping[str, Field] | None = fields
    for part in path.split("."):
        known = (here or {}).get(part.removesuffix("[]"))
        if known is None or known.many != part.endswith("[]"):
            raise ValueError(f"{model}.spec names {path}, which is no field of it")
        here = known.inside
