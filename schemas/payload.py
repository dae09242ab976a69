"""How an event type is declared: a pydantic model of its data, with a category on every field and an `EventSpec`.

    class AbsenceReported(Absence):
        '''A guardian or the school says that a pupil will be, or is, away (anmäld frånvaro).'''

        spec = EventSpec(
            type="se.skolnav.absence.reported.v1",
            subject=Ref("person", "student.id"),
            key=Ref("person", "student.id"),
            entity=Ref("absence", "id"),
            about=("student.id",),
            mentions=("registeredBy.id",),
            organisations=("organisation.id",),
        )

A field's annotation holds its category: `Annotated[str, Category.ATTENDANCE]`. A nested `Part`, or a list of parts,
needs no category if all fields of the part have one. A category of the nested field itself applies to all fields in
it. The fields inside can only add categories, and a recipient needs all of them. A field with `HUB_ONLY` instead of a
category is for the hub: the hub reads it, and no contract reaches it, since delivery treats it as an unknown field.

A model may have a field `changed`, with the previous values of the fields that changed. Its type is a model with the
same fields and categories, all optional, so the gate reduces it with the same plan as the fields themselves. `about`
and `mentions` also list the paths of persons in `changed` (see `was`). None means that the source does not know which
fields changed.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache, lru_cache
from typing import Annotated, Any, ClassVar, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetCoreSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from schemas.aggregate import Aggregate
from schemas.category import Category
from schemas.timestamps import parse_timestamp

HUB_ONLY: Final = "hub-only"
"""Takes the place of a category: the hub reads the field (`securityMarking`) and never delivers it."""

CUSTOM_RULES: Final = frozenset({"date_time", "date", "uuid", "kind", "decided_by_a_human", "ends_before_it_starts"})
"""Codes of the rules below and in the families. Their texts never quote a value, so they are safe to show."""

_UUID_SHAPE: Final = "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_UUID: Final = re.compile(rf"{_UUID_SHAPE}\Z")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)
_CLOCK: Final = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
_CODE: Final = "^[0-9A-Za-zÅÄÖåäö_.:-]{1,64}$"  # spelt out, since regular expression engines differ on \w
_OFFSET_MISSING: Final = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?\Z", re.ASCII)


def _timestamp(value: str) -> str:
    if not _is_timestamp(value):
        raise PydanticCustomError("date_time", "must be an RFC 3339 time with offset")
    return value


@lru_cache(4096)  # the lessons and the absences of a day share most of their times
def _is_timestamp(value: str) -> bool:
    try:
        parse_timestamp(value)
    except ValueError:
        return False
    return True


def _loose_timestamp(value: str) -> str:
    return _timestamp(f"{value}Z")[:-1] if _OFFSET_MISSING.match(value) else _timestamp(value)


def _date(value: str) -> str:
    try:
        if not _DATE.match(value):
            raise ValueError
        date.fromisoformat(value)
    except ValueError:
        raise PydanticCustomError("date", "must be a date YYYY-MM-DD") from None
    return value


class _IsUuid:
    """A pattern that pydantic checks without a call of Python: an event has several ids, and such calls are slow."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        pattern = core_schema.str_schema(pattern=f"^{_UUID_SHAPE}$", strict=True)
        checked = core_schema.custom_error_schema(pattern, "uuid", custom_error_message="must be a UUID")
        return core_schema.chain_schema([handler(source), checked])


# These types are plain strings, since data stays JSON from the door to the recipient. Validation converts nothing.
Timestamp = Annotated[str, AfterValidator(_timestamp), WithJsonSchema({"type": "string", "format": "date-time"})]
# School systems leave the offset out of the times in `meta`. The hub orders and decides nothing by them.
LooseTimestamp = Annotated[str, AfterValidator(_loose_timestamp), WithJsonSchema({"type": "string"})]
Date = Annotated[str, AfterValidator(_date), WithJsonSchema({"type": "string", "format": "date"})]
ClockTime = Annotated[str, Field(pattern=_CLOCK, description="HH:MM, local time")]
Uuid = Annotated[str, _IsUuid(), WithJsonSchema({"type": "string", "format": "uuid"})]
# An id that people choose (a kitchen, a sitting). It is safe in an entity's name, an address and a file name.
Code = Annotated[str, Field(pattern=_CODE)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
Minutes = Annotated[int, Field(ge=0, le=10_000_000)]


@dataclass(frozen=True, slots=True)
class Ref:
    """How to derive an entity's name: `Ref("person", "student.id")` -> `person/<data.student.id>`.

    `path` may join several paths with `/` (`Ref("meal", "kitchen/date/sitting")`). An empty path means the event's
    source: `directory.current` has no other entity, and each source has its own entity of a person, since each gives
    the person a marking of its own.
    """

    kind: str
    path: str

    def of(self, source: str, data: Any) -> str | None:
        """The name, with UUIDs in lower case. None if the data lacks a part, or if one of several parts has a `/`."""
        steps, paths = _parts(self.path)
        if steps is not None:  # nearly every event's names have one part
            for step in steps:
                if not isinstance(data, dict):
                    return None
                data = data.get(step)
            return f"{self.kind}/{_same_case(data)}" if isinstance(data, str) else None
        name = self.kind
        for path in paths:
            if not path:
                name = f"{name}/{source}"
                continue
            found = pluck(data, path)
            if not found or "/" in found[0]:
                return None  # if a part had a slash, two entities could have the same name
            name = f"{name}/{_same_case(found[0])}"
        return name


def _same_case(id_: str) -> str:
    """A UUID in lower case, any other id as it is."""
    return id_ if id_.islower() or not _UUID.match(id_) else id_.lower()


@dataclass(frozen=True, slots=True)
class Shared:
    """How several sources know one subject (a person), each by an entity of its own, although one source owns it.

    `makes(data)`: whether this data describes the subject, so that its source may own the subject.
    `adds(data, owners)`: whether a source that is not the owner may send this data beside the owner's (None: unknown).
    """

    makes: Callable[[Any], bool]
    adds: Callable[[Any, Any], bool]


@dataclass(frozen=True, slots=True)
class EventSpec:
    """What the hub must know of a type to order, store, route and guard its events.

    Paths are dotted names into `data`; `[]` after a name means each item of a list (`teachers[].person.id`).
    """

    type: str  # se.skolnav.<family>.<what>.v<N>; a vendor's type has the vendor's prefix
    subject: Ref
    key: Ref
    entity: Ref | None = None  # the last event of an entity is its state; None: events of this type are no state
    ends: bool = False  # the event ends the entity (`deleted`); it remains the state until the log trims it
    about: tuple[str, ...] = ()  # ids of the persons that the event concerns
    # Ids of persons whom the event only names. The gate removes protected and unknown ones, from lists too. A field
    # called `duty` or `duties` has ids of duties, or references to them, and is treated so without being listed here.
    mentions: tuple[str, ...] = ()
    organisations: tuple[str, ...] = ()  # ids of the organisations that the event belongs to
    # Ids of groups, activities, rooms or duties; the event belongs to their organisations too.
    groups: tuple[str, ...] = ()
    # False: the entity has no owner, since several sources report about it.
    owned: bool = True
    shared: Shared | None = None  # the subject, not the entity, has an owner
    # False, as for every type that `ends`: the event is about an entity that an earlier event made. If there is none,
    # the event is stored, and its source does not become the owner.
    makes: bool = True
    places: tuple[str, ...] = ()  # ids of the persons to whom it gives a duty or a ward; only their owner may
    window: bool = False  # state is trimmed by `retention` too (schedule, attendance)
    # With `window`: the field with the time, or the date, at which the entity is over. The state is kept until
    # `retention` after that, however long ago its event came.
    until: str = ""
    examples: tuple[Mapping[str, Any], ...] = field(default=(), compare=False)  # `data` of valid events
    # The event's numbers are sums over people: which ones, and how the hub blurs them for most recipients.
    aggregate: Aggregate | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if self.ends:
            object.__setattr__(self, "makes", False)  # the class is frozen

    @property
    def family(self) -> str:
        """`absence` for `se.skolnav.absence.reported.v1`; for a vendor's type, all but its last two parts."""
        parts = self.type.split(".")
        return parts[2] if parts[:2] == ["se", "skolnav"] else ".".join(parts[:-2])

    @property
    def version(self) -> int:
        return int(self.type.rsplit(".v", 1)[1])


def _show_categories(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Write `x-category` into the JSON Schema. The categories of a field apply to everything inside it."""
    for name, info in model.model_fields.items():
        shown = schema["properties"][info.alias or name]
        categories = sorted(item for item in info.metadata if isinstance(item, Category))
        if HUB_ONLY in info.metadata:
            shown["x-category"] = [HUB_ONLY]
        elif categories:
            shown["x-category"] = [str(category) for category in categories]


class Part(BaseModel):
    """Base of an object inside an event's data. The hub accepts and stores unknown fields, but delivers none."""

    model_config = ConfigDict(extra="allow", strict=True, hide_input_in_errors=True, json_schema_extra=_show_categories)


class Payload(Part):
    """Base of every event type's data."""

    spec: ClassVar[EventSpec]


class PersonRef(Part):
    """A person by SS 12000 id. The directory has the names; a name that a source sends here too has category `name`."""

    id: Annotated[Uuid, Category.IDENTITY]
    displayName: Annotated[str | None, Category.NAME] = None
    # Skyddsmarkering; SS 12000 has it on every reference to a person.
    securityMarking: Annotated[str | None, HUB_ONLY] = None


class Reference(Part):
    """An organisation, group, activity, room or calendar event by SS 12000 id."""

    id: Annotated[Uuid, Category.NONE]
    displayName: Annotated[str | None, Category.NONE] = None


class Meta(Part):
    """SS 12000 meta: when the source created and last changed its record. Offsets may be missing."""

    created: Annotated[LooseTimestamp | None, Category.NONE] = None
    modified: Annotated[LooseTimestamp | None, Category.NONE] = None


def was(*paths: str) -> tuple[str, ...]:
    """These paths, and the same paths in `changed`."""
    return (*paths, *(f"changed.{path}" for path in paths))


def pluck(data: Any, path: str) -> list[str]:
    """Every string at `path` in plain JSON values; an empty list if a part of the path is missing."""
    names, through_lists = _steps(path)
    if through_lists:
        return _pluck_many(data, names)
    for name in names:
        if not isinstance(data, dict):
            return []
        data = data.get(name)
    return [data] if isinstance(data, str) else []


def _pluck_many(data: Any, parts: tuple[str, ...]) -> list[str]:
    found = [data]
    for part in parts:
        name = part.removesuffix("[]")
        inner: list[Any] = []
        for item in found:
            value = item.get(name) if isinstance(item, dict) else None
            if name != part and isinstance(value, list):
                inner += _flat(value)
            elif value is not None:
                inner.append(value)
        found = inner
    return [item for item in found if isinstance(item, str)]


def _flat(items: list[Any]) -> Iterator[Any]:
    """The items of a list, and of the lists in it."""
    for item in items:
        if isinstance(item, list):
            yield from _flat(item)
        else:
            yield item


@cache
def _parts(path: str) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """The steps of a path that `Ref` takes alone, else None; and the paths that it joins. All come from specs."""
    paths = tuple(path.split("/"))
    alone = len(paths) == 1 and path and "[]" not in path
    return tuple(path.split(".")) if alone else None, paths


@cache
def _steps(path: str) -> tuple[tuple[str, ...], bool]:
    """A path's parts, and whether one of them is a list. All paths come from specs, so the cache is bounded."""
    return tuple(path.split(".")), "[]" in path
