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

A field's category stands in its annotation: `Annotated[str, Category.ATTENDANCE]`. A nested model, or a list of
them, needs no category where its own fields have theirs; where it has one, that holds for all that is in it and
the fields inside may only add to it (both are needed).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, ClassVar, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, WithJsonSchema

from schemas.category import Category
from schemas.event import parse_timestamp

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\Z")


def _timestamp(value: str) -> str:
    parse_timestamp(value)
    return value


def _date(value: str) -> str:
    if len(value) != 10:
        raise ValueError("not a date YYYY-MM-DD")
    try:
        date.fromisoformat(value)
    except ValueError:
        raise ValueError("not a date YYYY-MM-DD") from None
    return value


def _uuid(value: str) -> str:
    if not _UUID.match(value):
        raise ValueError("not a UUID")
    return value


# Plain strings on purpose: data stays JSON from the door to the recipient, and is validated without being converted.
Timestamp = Annotated[str, AfterValidator(_timestamp), WithJsonSchema({"type": "string", "format": "date-time"})]
Date = Annotated[str, AfterValidator(_date), WithJsonSchema({"type": "string", "format": "date"})]
Uuid = Annotated[str, AfterValidator(_uuid), WithJsonSchema({"type": "string", "format": "uuid"})]


@dataclass(frozen=True, slots=True)
class Ref:
    """Where an entity's name comes from: `Ref("person", "student.id")` -> `person/<data.student.id>`.

    `path` "" stands for the event's own source (`directory.current` has no other entity).
    """

    kind: str
    path: str

    def of(self, source: str, data: Any) -> str | None:
        """The name, lower-cased where it is a UUID; None if the data lacks it."""
        if not self.path:
            return f"{self.kind}/{source}"
        found = next(pluck(data, self.path), None)
        return None if found is None else f"{self.kind}/{found.lower()}"


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
    mentions: tuple[str, ...] = ()  # ids of persons who are named in it: removed where protected or unknown
    organisations: tuple[str, ...] = ()  # ids of organisations that it belongs to
    groups: tuple[str, ...] = ()  # ids of groups, activities or rooms that own it, where no organisation is given
    window: bool = False  # state is kept only while `retention` reaches (schedule, attendance)
    examples: tuple[Mapping[str, Any], ...] = field(default=(), compare=False)  # `data` of valid events

    @property
    def family(self) -> str:
        """`absence` of `se.skolnav.absence.reported.v1`; for a vendor's type all but the last two parts."""
        return self.type.rsplit(".", 1)[0].removeprefix("se.skolnav.").split(".")[0]

    @property
    def version(self) -> int:
        return int(self.type.rsplit(".v", 1)[1])


class Payload(BaseModel):
    """Base of every event type's data. Unknown fields are taken and stored, and delivered to nobody."""

    model_config = ConfigDict(extra="allow", strict=True, hide_input_in_errors=True)

    spec: ClassVar[EventSpec]


class PersonRef(BaseModel):
    """A person by SS 12000 id. The name is in the directory alone."""

    model_config = ConfigDict(extra="allow", strict=True, hide_input_in_errors=True)

    id: Annotated[Uuid, Category.IDENTITY]
    displayName: Annotated[str | None, Category.NAME] = None


class Reference(BaseModel):
    """An organisation, group, activity, room or duty by SS 12000 id."""

    model_config = ConfigDict(extra="allow", strict=True, hide_input_in_errors=True)

    id: Annotated[Uuid, Category.NONE]
    displayName: Annotated[str | None, Category.NONE] = None


def pluck(data: Any, path: str) -> Iterator[str]:
    """Every string that `path` leads to in plain JSON values; nothing where a part is missing."""
    name, _, rest = path.partition(".")
    many = name.endswith("[]")
    value = data.get(name.removesuffix("[]")) if isinstance(data, dict) else None
    for item in value if many and isinstance(value, list) else (value,):
        if rest:
            yield from pluck(item, rest)
        elif isinstance(item, str):
            yield item
