"""The catalogue: all event types that the hub knows, with the categories of their fields; it validates events.

It is the one source of validation, JSON Schemas, AsyncAPI, examples and documentation tables (`schemas.export`).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from pydantic import ValidationError

from schemas.category import Category
from schemas.event import SPEC_VERSION, Event, InvalidEvent, Problem, is_string
from schemas.fields import Field, all_categories, fields_of_type, flatten, has_extras, names_in, require_path
from schemas.payload import CUSTOM_RULES, EventSpec, Payload, pluck

__all__ = ["CORE_ATTRIBUTES", "Catalogue", "Described", "Entry", "Field", "UnknownType"]

CORE_ATTRIBUTES: Final = frozenset(
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


_TYPE: Final = re.compile(r"[a-z0-9]+(\.[a-z0-9_-]+)+\.v[1-9][0-9]*\Z")
_MAX_PROBLEMS: Final = 50  # of one event
_UNDERIVABLE: Final = (
    "cannot be derived: an id that it is made of is missing, too long, or has / or a control character"
)

# Rules whose texts never quote the value: pydantic's own rules for JSON types and bounds, and the rules of `schemas`.
# For any other rule, for example of a vendor's validator, a problem gives the code alone.
_TELLING_NOTHING: Final = frozenset(
    {
        "missing",
        "string_type",
        "string_too_short",
        "string_too_long",
        "string_pattern_mismatch",
        "int_type",
        "float_type",
        "finite_number",
        "bool_type",
        "list_type",
        "dict_type",
        "too_short",
        "too_long",
        "literal_error",
        "greater_than",
        "greater_than_equal",
        "less_than",
        "less_than_equal",
        "none_required",
        *CUSTOM_RULES,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A type in the catalogue: its model, its spec and its fields."""

    model: type[Payload]
    spec: EventSpec
    fields: Mapping[str, Field]
    validate: Callable[[Any], Any]
    own_validate: Callable[[Any], Any]  # the model's own functions too, where `validate` leaves them out
    keyed_by_subject: bool  # key and subject are the same
    subject_is_entity: bool

    @property
    def type(self) -> str:
        return self.spec.type

    @property
    def categories(self) -> frozenset[Category]:
        """The categories of all fields."""
        return frozenset(all_categories(self.fields))

    def flat_fields(self) -> Iterator[tuple[str, frozenset[Category]]]:
        """The path and the categories of each field that holds a value, in the order of the model."""
        yield from flatten(self.fields, "", frozenset())


# Not frozen: a frozen one takes three times as long to make, and each event has one.
@dataclass(slots=True, repr=False, kw_only=True)
class Described:
    """What the hub stores with an event, so that it can match and guard the event without parsing it again.

    Treat it as immutable, like the event in it.
    """

    event: Event
    entry: Entry
    subject: str
    key: str
    entity: str | None
    about: tuple[str, ...]  # lower-case person ids
    organisations: tuple[str, ...]  # lower-case ids, from the event itself
    extras: bool  # the event holds something that the catalogue does not list

    def __repr__(self) -> str:
        # This may appear in a line of the program's log. Subject, key and entity may identify a person.
        return f"<Described {self.event!r}>"


class UnknownType(KeyError):
    """The catalogue has no such type."""


class Catalogue:
    """The types by name. `register` refuses a model that has a field without a category."""

    def __init__(self, models: Iterable[type[Payload]] = ()) -> None:
        self._entries: dict[str, Entry] = {}
        for model in models:
            self.register(model)

    def register(self, model: type[Payload], validate: Callable[[Any], Any] | None = None) -> Entry:
        """Add a type. `validate` replaces the model's own validation, which may run a vendor's functions.

        Raises ValueError if the name is malformed or already registered, a field has no category, a path in the spec
        leads to no field, the subject or key names a person whom the event is not about, `aggregate` leaves out a sum
        over people, or an example is not valid.
        """
        spec = model.spec
        if not _TYPE.match(spec.type):
            raise ValueError(f"{model.__name__}: write the event type like com.acme.kitchen.menu.v1")
        if spec.type in self._entries:
            raise ValueError(f"event type {spec.type} is registered twice")
        entry = Entry(
            model=model,
            spec=spec,
            fields=fields_of_type(model),
            validate=validate or model.__pydantic_validator__.validate_python,
            own_validate=model.__pydantic_validator__.validate_python,
            keyed_by_subject=spec.key == spec.subject,
            subject_is_entity=spec.entity == spec.subject,
        )
        for ref in (spec.subject, spec.key, spec.entity or spec.key):
            for path in filter(None, ref.path.split("/")):
                require_path(entry.fields, path, model.__name__)
        for ref in (spec.subject, spec.key):
            if ref.path not in spec.about and (ref.kind == "person" or ref.path in spec.mentions):
                raise ValueError(
                    f"{model.__name__}.spec: subject or key names a person by {ref.path}, so that path must be in "
                    "`about`: a person who is only mentioned is removed if protected, and subject and key can't be"
                )
        if spec.until and not (spec.window and spec.until in entry.fields):
            raise ValueError(f"{model.__name__}.spec: `until` names a field of the data, of a type with `window`")
        for path in (*spec.about, *spec.mentions, *spec.organisations, *spec.groups):
            require_path(entry.fields, path, model.__name__)
        _check_aggregate(entry)
        self._entries[spec.type] = entry
        for index in range(len(spec.examples)):
            try:
                self.describe(Event.from_dict(self.example(entry, index)))
            except InvalidEvent as error:
                del self._entries[spec.type]
                raise ValueError(f"example {index + 1} of {spec.type} is not valid: {error}") from None
        return entry

    def copy(self) -> "Catalogue":
        """Another catalogue with the same types, to register more on."""
        other = Catalogue()
        other._entries = dict(self._entries)
        return other

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
        """The registered types that match one of `globs` (`*`, `?`), in catalogue order."""
        wanted = list(globs)
        return [name for name in self._entries if any(fnmatchcase(name, glob) for glob in wanted)]

    def describe(self, event: Event, where: str = "", *, own: bool = False) -> Described:
        """Validate an event, and derive its subject, key, entity, persons and organisations.

        The publisher may leave out subject and partition key. A given one that contradicts the data is refused; one in
        another spelling (upper case) is replaced. Raises InvalidEvent; `where` (`[3].`) prefixes the places in it.
        `own`: also run the functions of a vendor's type; only where the vendor's connector itself may run.
        """
        attributes = event.attributes
        entry = self._entries.get(attributes["type"])
        if entry is None:
            raise InvalidEvent([Problem(f"{where}type", "unknown-type", "is not in the catalogue (GET /v1/catalogue)")])
        data = event.data
        try:
            (entry.own_validate if own else entry.validate)(data)
        except ValidationError as error:
            raise InvalidEvent(_problems(error, entry, where)) from None
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a validator of a vendor's type may raise anything, also SystemExit
            says = f"can't be checked: a validator of the type raised {type(error).__name__}"
            raise InvalidEvent([Problem(f"{where}data", "validator", says)]) from None
        spec = entry.spec
        source = attributes["source"]
        problems: list[Problem] = []
        subject = spec.subject.of(source, data)
        key = subject if entry.keyed_by_subject else spec.key.of(source, data)
        subject = _derived(attributes, "subject", subject, where, problems)
        key = _derived(attributes, "partitionkey", key, where, problems)
        entity: str | None = None
        if spec.entity is not None:
            entity = subject if entry.subject_is_entity else spec.entity.of(source, data)
            if entity is None:
                problems.append(Problem(f"{where}data", "derived", _UNDERIVABLE))
        if problems:
            raise InvalidEvent(problems)
        if attributes.get("subject") != subject or attributes.get("partitionkey") != key:
            event = Event({**attributes, "subject": subject, "partitionkey": key}, data)
        return Described(
            event=event,
            entry=entry,
            subject=subject,
            key=key,
            entity=entity,
            about=_ids(data, spec.about),
            organisations=_ids(data, spec.organisations),
            extras=not (attributes.keys() <= CORE_ATTRIBUTES) or has_extras(data, entry.fields),
        )

    def example(self, entry: Entry, index: int = 0) -> dict[str, Any]:
        """A whole event with the type's example data, as `POST /v1/events` accepts it."""
        data = deepcopy(entry.spec.examples[index])
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


def _check_aggregate(entry: Entry) -> None:
    """Whether `aggregate` names fields of the data, and each field of category aggregate."""
    declared = entry.spec.aggregate
    if declared is None:
        return
    where = f"{entry.model.__name__}.spec.aggregate"
    if not declared.place or not declared.report:
        raise ValueError(f"{where}: `place` says what is counted, and `report` what makes each report another one")
    names = {*declared.place, *declared.report, *declared.numbers, *declared.exact_only, *declared.sums}
    names |= {declared.rows, declared.scheduled, declared.late[0] if declared.late else ""} - {""}
    names.update(*declared.sums.values())
    if unknown := sorted(names - entry.fields.keys()):
        raise ValueError(f"{where}: no field of the data is called {', '.join(unknown)}")
    inside: Mapping[str, Field] = {}
    if declared.rows:
        rows = entry.fields[declared.rows]
        inside = rows.inside or {}
        if not rows.many or not {declared.name, declared.number} <= inside.keys():
            raise ValueError(f"{where}: `rows` is a list of objects that have the fields `name` and `number`")
    known = {declared.rows, *declared.numbers, *declared.sums}
    named = {*known, *(f"{declared.rows}[].{each}" for each in (declared.name, declared.number))}
    left = sorted(
        path
        for path, categories in entry.flat_fields()
        if Category.AGGREGATE in categories and path not in named and path not in declared.exact_only
    )
    if left:
        raise ValueError(f"{where}: name the sums {', '.join(left)} too, in `numbers`, `sums` or `exact_only`")


def _ids(data: Any, paths: Iterable[str]) -> tuple[str, ...]:
    found: list[str] = []
    for path in paths:
        found += pluck(data, path)
    if len(found) == 1:
        return (found[0].lower(),)
    return tuple(dict.fromkeys([id_.lower() for id_ in found])) if found else ()


def _derived(attributes: Mapping[str, Any], name: str, derived: str | None, where: str, problems: list[Problem]) -> str:
    if derived is None or not is_string(derived):
        problems.append(Problem(where + name, "derived", _UNDERIVABLE))
        return ""
    given = attributes.get(name)
    if given is not None and given != derived and given.lower() != derived.lower():
        problems.append(Problem(where + name, "derived", "contradicts the data; leave it out and the hub derives it"))
    return derived


def _problems(error: ValidationError, entry: Entry, where: str) -> list[Problem]:
    names = names_in(entry.model)
    problems: list[Problem] = []
    for detail in error.errors(include_input=False, include_url=False, include_context=False)[:_MAX_PROBLEMS]:
        place = f"{where}data"
        for part in detail["loc"]:
            if isinstance(part, int):
                place += f"[{part}]"
            elif part in names:  # any other text is a key in the data, or names a member of a union
                place += f".{part}"
        rule = detail["type"]
        if rule == "model_type":
            says = "must be an object"
        elif rule in _TELLING_NOTHING:
            says = detail["msg"]
        else:
            says = "does not fit the type's schema (GET /v1/catalogue)"
        problems.append(Problem(place, rule, says))
    return problems
