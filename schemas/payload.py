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

A field's category stands in its annotation: `Annotated[str, Category.ATTENDANCE]`. A nested `Part`, or a list of
them, needs no category where its own fields have theirs; where it has one, that holds for all that is in it and
the fields inside may only add to it (all are needed). `HUB_ONLY` in place of a category: the hub reads the field and
no contract reaches it; for whoever delivers, the field is unknown.

A model may have `changed`: the previous values of what changed, by field name. It is typed by a model with the same
fields and categories, all optional, so that it is reduced with the same plan as the fields themselves; previous
values of people are named in `about` and `mentions` too (`was`). None: the source doesn't know what changed.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Annotated, Any, ClassVar, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetCoreSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from schemas.category import Category
from schemas.event import parse_timestamp

HUB_ONLY: Final = "hub-only"
"""Stands where a category would: for the hub's own eyes (`securityMarking`), never delivered."""

CUSTOM_RULES: Final = frozenset({"date_time", "date", "uuid", "kind", "decided_by_a_human", "ends_before_it_starts"})
"""Codes of the rules below and in the families, whose texts are safe to show."""

_UUID_SHAPE: Final = "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_UUID: Final = re.compile(rf"{_UUID_SHAPE}\Z")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)
_CLOCK: Final = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
_CODE: Final = "^[0-9A-Za-zÅÄÖåäö_.:-]{1,64}$"  # spelt out: \w is not the same everywhere
_OFFSET_MISSING: Final = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?\Z", re.ASCII)


def _timestamp(value: str) -> str:
    try:
        parse_timestamp(value)
    except ValueError:
        raise PydanticCustomError("date_time", "must be an RFC 3339 time with offset") from None
    return value


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
    """A pattern that pydantic checks by itself: an event has several ids, and a call of ours for each is felt."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        pattern = core_schema.str_schema(pattern=f"^{_UUID_SHAPE}$", strict=True)
        checked = core_schema.custom_error_schema(pattern, "uuid", custom_error_message="must be a UUID")
        return core_schema.chain_schema([handler(source), checked])


# Plain strings on purpose: data stays JSON from the door to the recipient, and is validated without being converted.
Timestamp = Annotated[str, AfterValidator(_timestamp), WithJsonSchema({"type": "string", "format": "date-time"})]
# School systems leave the offset out of `meta` (NOTES of the demo SIS): nothing is ordered or decided by these.
LooseTimestamp = Annotated[str, AfterValidator(_loose_timestamp), WithJsonSchema({"type": "string"})]
Date = Annotated[str, AfterValidator(_date), WithJsonSchema({"type": "string", "format": "date"})]
ClockTime = Annotated[str, Field(pattern=_CLOCK, description="HH:MM, local time")]
Uuid = Annotated[str, _IsUuid(), WithJsonSchema({"type": "string", "format": "uuid"})]
# An id that people choose (a kitchen, a sitting): safe in an entity's name, an address and a file name.
Code = Annotated[str, Field(pattern=_CODE)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
Minutes = Annotated[int, Field(ge=0, le=10_000_000)]


@dataclass(frozen=True, slots=True)
class Ref:
    """Where an entity's name comes from: `Ref("person", "student.id")` -> `person/<data.student.id>`.

    `path` may join several with `/` (`Ref("meal", "kitchen/date/sitting")`); an empty part stands for the event's own
    source (`directory.current` has no other entity; a person is one entity per source, since each has its marking).
    """

    kind: str
    path: str

    def of(self, source: str, data: Any) -> str | None:
        """The name, UUIDs in lower case; None if the data lacks a part of it, or one of several has a `/` in it."""
        paths = self.path.split("/")
        name = self.kind
        for path in paths:
            if not path:
                name = f"{name}/{source}"
                continue
            found = pluck(data, path)
            if not found or (len(paths) > 1 and "/" in found[0]):
                return None  # with a slash in a part, two entities could share a name
            name = f"{name}/{found[0].lower() if _UUID.match(found[0]) else found[0]}"
        return name


@dataclass(frozen=True, slots=True)
class EventSpec:
    """What the hub must know of a type to order, keep, route and guard its events.

    Paths are dotted names into `data`; `[]` after a name goes through a list (`teachers[].person.id`).
    """

    type: str  # se.skolnav.<family>.<what>.v<N>, or a vendor's prefix
    subject: Ref
    key: Ref
    entity: Ref | None = None  # whose last event is state; None: the type is no state
    ends: bool = False  # the entity is gone after this (`deleted`): state keeps it until trimmed
    about: tuple[str, ...] = ()  # ids of the persons that the event concerns
    # Ids of persons who are named in it: removed where protected or unknown, from lists too. A field called `duty` or
    # `duties` holds ids of duties, or references to them, and is treated so without being listed here.
    mentions: tuple[str, ...] = ()
    organisations: tuple[str, ...] = ()  # ids of organisations that it belongs to
    groups: tuple[str, ...] = ()  # ids of groups, activities, rooms or duties whose organisation it belongs to
    window: bool = False  # state is kept only while `retention` reaches (schedule, attendance)
    examples: tuple[Mapping[str, Any], ...] = field(default=(), compare=False)  # `data` of valid events

    @property
    def family(self) -> str:
        """`absence` of `se.skolnav.absence.reported.v1`; for a vendor's type all but the last two parts."""
        parts = self.type.split(".")
        return parts[2] if parts[:2] == ["se", "skolnav"] else ".".join(parts[:-2])

    @property
    def version(self) -> int:
        return int(self.type.rsplit(".v", 1)[1])


def _show_categories(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """`x-category` in the JSON Schema; what a field has holds for all that is in it."""
    for name, info in model.model_fields.items():
        shown = schema["properties"][info.alias or name]
        categories = sorted(item for item in info.metadata if isinstance(item, Category))
        if HUB_ONLY in info.metadata:
            shown["x-category"] = [HUB_ONLY]
        elif categories:
            shown["x-category"] = [str(category) for category in categories]


class Part(BaseModel):
    """Base of an object inside an event's data. Unknown fields are taken and stored, and delivered to nobody."""

    model_config = ConfigDict(extra="allow", strict=True, hide_input_in_errors=True, json_schema_extra=_show_categories)


class Payload(Part):
    """Base of every event type's data."""

    spec: ClassVar[EventSpec]


class PersonRef(Part):
    """A person by SS 12000 id. The name is in the directory alone; one that a source sends along is category name."""

    id: Annotated[Uuid, Category.IDENTITY]
    displayName: Annotated[str | None, Category.NAME] = None
    securityMarking: Annotated[str | None, HUB_ONLY] = None  # skyddsmarkering, on every SS 12000 reference


class Reference(Part):
    """An organisation, group, activity, room or calendar event by SS 12000 id."""

    id: Annotated[Uuid, Category.NONE]
    displayName: Annotated[str | None, Category.NONE] = None


class Meta(Part):
    """SS 12000 meta: when the source's record was made and last changed. Offsets may be missing."""

    created: Annotated[LooseTimestamp | None, Category.NONE] = None
    modified: Annotated[LooseTimestamp | None, Category.NONE] = None


def was(*paths: str) -> tuple[str, ...]:
    """The paths, and where the same stands in `changed`."""
    return (*paths, *(f"changed.{path}" for path in paths))


def pluck(data: Any, path: str) -> list[str]:
    """Every string that `path` leads to in plain JSON values; empty where a part is missing."""
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
def _steps(path: str) -> tuple[tuple[str, ...], bool]:
    """A path's parts, and whether one of them goes through a list. Paths stand in specs, so the cache is bounded."""
    return tuple(path.split(".")), "[]" in path
