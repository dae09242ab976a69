"""The CloudEvents 1.0 envelope: an event's identity, its time, and what it concerns.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md and the JSON event format beside it.
A problem names a place and a rule. It never quotes a value, since values may be personal data.
"""

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import unquote

from pydantic_core import to_json

from schemas.json_text import NONCHARACTERS, NotReadable, read_json
from schemas.payload import Payload
from schemas.timestamps import parse_timestamp, plain_timestamp
from schemas.uris import is_uri, is_uri_reference
from schemas.views import view

__all__ = ["BATCH", "HUB_ATTRIBUTES", "JSON", "STRUCTURED", "Event", "InvalidEvent", "Problem", "parse_timestamp"]

PayloadT = TypeVar("PayloadT", bound=Payload)
_Model = type[PayloadT]  # inside Event, `type` is the event's type

SPEC_VERSION: Final = "1.0"
JSON: Final = "application/json"
STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"

# Extension attributes that the hub writes on delivery. It drops a publisher's values of them.
HUB_ATTRIBUTES: Final = frozenset({"sequence", "skolnavlane"})

_REQUIRED: Final = ("specversion", "id", "source", "type")
_NAMED: Final = frozenset({"id", "source", "type", "subject", "datacontenttype", "dataschema", "partitionkey"})
_MAX_ATTRIBUTE: Final = 1024  # characters
_MAX_NAME: Final = 64  # characters; the specification asks producers to stay within 20
_MAX_ATTRIBUTES: Final = 64
_INTEGER: Final = range(-(2**31), 2**31)  # the specification's Integer

_NAME: Final = re.compile(rf"[a-z0-9]{{1,{_MAX_NAME}}}\Z")
# The specification's String: no control characters, no noncharacters. (JSON text holds no lone surrogate.)
_FORBIDDEN: Final = f"\x00-\x1f\x7f-\x9f\ud800-\udfff{NONCHARACTERS}"
_STRING: Final = re.compile(f"[^{_FORBIDDEN}]{{1,{_MAX_ATTRIBUTE}}}\\Z")
# Any media type for JSON (specification of the JSON format, 3.1), in UTF-8.
_JSON_TYPE: Final = re.compile(
    r"[\w.+-]+/([\w.+-]+\+)?json\s*(;\s*charset\s*=\s*\"?utf-?8\"?\s*"
    r"|;\s*(?!charset)[\w-]+\s*=\s*([\w!#$%&'*+.^`|~-]+|\"[ !#-\[\]-~]*\")\s*)*\Z",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of an event: `where` (a JSON path), `rule` (a stable code) and `says` (a text in English)."""

    where: str
    rule: str
    says: str


class InvalidEvent(ValueError):
    """The event does not fit the catalogue. `problems` gives each reason, without any value."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("; ".join(f"{p.where}: {p.says}" for p in self.problems))


class Event:
    """One CloudEvent with JSON data. Treat it as immutable: all recipients share it.

    `attributes` holds all context attributes, including extensions, by their CloudEvents names. `data` is the payload
    as plain JSON values.
    """

    __slots__ = ("attributes", "data")

    def __init__(self, attributes: Mapping[str, Any], data: Any) -> None:
        self.attributes = attributes
        self.data = data

    @property
    def id(self) -> str:
        return self.attributes["id"]  # type: ignore[no-any-return]

    @property
    def source(self) -> str:
        return self.attributes["source"]  # type: ignore[no-any-return]

    @property
    def type(self) -> str:
        return self.attributes["type"]  # type: ignore[no-any-return]

    @property
    def subject(self) -> str | None:
        return self.attributes.get("subject")

    @property
    def time(self) -> str | None:
        """When the event happened, RFC 3339 with offset."""
        return self.attributes.get("time")

    @property
    def key(self) -> str | None:
        """The ordering key (`partitionkey`): a recipient gets events with the same key in order."""
        return self.attributes.get("partitionkey")

    @property
    def sequence(self) -> str | None:
        """16 digits, set by the hub. Of two events with the same key, the one with the larger sequence is newer."""
        return self.attributes.get("sequence")

    @property
    def lane(self) -> str | None:
        """The replay or resend that this delivery belongs to; None for a first delivery."""
        return self.attributes.get("skolnavlane")

    def as_(self, model: _Model[PayloadT]) -> PayloadT:
        """The data with the names and types of `model`: the event's type, or a base that several types share.

        Fields that the contract took away are missing: see `schemas.views`. Raises TypeError for another type's model.
        """
        spec = getattr(model, "spec", None)
        if spec is not None and spec.type != self.type:
            raise TypeError(f"a {self.type} is no {model.__name__}")
        return view(model, self.data)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Event) and self.attributes == other.attributes and self.data == other.data

    __hash__ = None  # type: ignore[assignment]  # an event holds a dict

    def __repr__(self) -> str:
        # This may appear in a line of the program's log, so it shows no subject and no data.
        return f"<Event {self.attributes.get('type')} {self.attributes.get('id')}>"

    def to_dict(self) -> dict[str, Any]:
        """The JSON event format: attributes and `data` in one object."""
        return {**self.attributes, "data": self.data} if self.data is not None else dict(self.attributes)

    def to_json(self) -> bytes:
        return to_json(self.to_dict())

    @classmethod
    def from_dict(cls, value: Any, where: str = "") -> "Event":
        """Read one event in the JSON event format. Raises InvalidEvent; `where` (`[3].`) prefixes the places in it.

        An attribute that is null counts as missing (JSON event format, 2.2).
        """
        if not isinstance(value, dict):
            raise InvalidEvent([Problem(where.rstrip(".") or "$", "object", "an event is a JSON object")])
        attributes = dict(value)
        data = attributes.pop("data", None)
        problems: list[Problem] = []
        encoded = attributes.pop("data_base64", None)
        if encoded is not None:
            if "data" in value:
                problems.append(
                    Problem(f"{where}data_base64", "data-twice", "is sent together with data; send only one of them")
                )
            else:
                data = _decoded(encoded, where, problems)
        if not HUB_ATTRIBUTES.isdisjoint(attributes):
            for name in HUB_ATTRIBUTES:
                attributes.pop(name, None)
        if None in attributes.values():
            attributes = {name: found for name, found in attributes.items() if found is not None}
        _check_attributes(attributes, where, problems)
        if problems:
            raise InvalidEvent(problems)
        return cls(attributes, data)

    @classmethod
    def from_structured(cls, body: bytes) -> "Event":
        """Read a structured-mode body (`application/cloudevents+json`). Raises InvalidEvent."""
        return cls.from_dict(_parse(body))

    @classmethod
    def read_batch(cls, body: bytes) -> "Iterator[Event | InvalidEvent]":
        """Each event of a batch, or the faults of its envelope, so that the caller can check all other events too.

        Raises InvalidEvent if the body is not a JSON array.
        """
        values = _parse(body)
        if not isinstance(values, list):
            raise InvalidEvent([Problem("$", "array", "a batch is a JSON array of events")])
        for index, value in enumerate(values):
            try:
                yield cls.from_dict(value, f"[{index}].")
            except InvalidEvent as error:
                yield error

    @classmethod
    def from_binary(cls, headers: Iterable[tuple[str, str]], body: bytes) -> "Event":
        """Read binary mode: `ce-*` headers are the attributes, the body is the data. Raises InvalidEvent.

        `headers` are decoded as ISO 8859-1. This removes quotes from their values and then percent-decodes them once
        (HTTP protocol binding, 3.1.3.2). A client that sends UTF-8 without percent-encoding it is understood too.
        """
        attributes: dict[str, Any] = {}
        problems: list[Problem] = []
        for header, value in headers:
            name = header.lower()
            if name == "content-type":
                name = "datacontenttype"
                if not value.strip():
                    continue
            elif name.startswith("ce-"):
                name = name[3:]
                try:
                    if not value.isascii():
                        value = value.encode("latin-1").decode()
                    value = unquote(_without_quotes(value.strip(" \t")), errors="strict")
                except UnicodeError:
                    problems.append(
                        Problem(_place(name), "header", "holds bytes that are not UTF-8: percent-encode UTF-8")
                    )
                    continue
                if name in ("datacontenttype", "data", "data_base64"):
                    problems.append(
                        Problem(
                            "(header)",
                            "header",
                            "must not be a ce- header: send the data as the body, and its type as Content-Type",
                        )
                    )
                    continue
            else:
                continue
            if name in attributes:
                problems.append(Problem(_place(name), "header", "is given twice"))
            attributes[name] = value
        if body:
            attributes["data"] = _parse(body)
        try:
            event = cls.from_dict(attributes)
        except InvalidEvent as error:
            problems += error.problems
        if problems:
            raise InvalidEvent(problems)
        return event


def _parse(body: bytes) -> Any:
    try:
        return read_json(body)
    except NotReadable as error:
        raise InvalidEvent([Problem("$", error.rule, error.says)]) from None


def _decoded(encoded: Any, where: str, problems: list[Problem]) -> Any:
    rule, says = "base64", "is not base64 of a JSON document"
    try:
        return read_json(base64.b64decode(encoded, validate=True))
    except NotReadable as error:
        if error.rule != "json":
            rule, says = error.rule, error.says
    except (ValueError, TypeError):
        pass
    problems.append(Problem(f"{where}data_base64", rule, says))
    return None


def _without_quotes(value: str) -> str:
    """The text that a quoted-string (RFC 9110, 5.6.4) encodes. Any other value is returned unchanged."""
    if len(value) < 2 or value[0] != '"' or value[-1] != '"':
        return value
    return re.sub(r"\\(.)", r"\1", value[1:-1])


def _place(name: str) -> str:
    """The attribute's name if the specification defines it. Any other name could itself be personal data."""
    return name if name in _NAMED or name in _REQUIRED or name == "time" else "(extension)"


def _check_attributes(attributes: dict[str, Any], where: str, problems: list[Problem]) -> None:
    """Check the attributes, and write `time` in the spelling that every reader understands."""

    def wrong(name: str, rule: str, says: str) -> None:
        problems.append(Problem(where + _place(name), rule, says))

    for name in _REQUIRED:
        if name not in attributes:
            wrong(name, "required", "is missing")
    if len(attributes) > _MAX_ATTRIBUTES:
        problems.append(Problem(where.rstrip(".") or "$", "attributes", f"has more than {_MAX_ATTRIBUTES} attributes"))
        return
    for name, value in attributes.items():  # only values are replaced
        if name in _NAMED:
            if not isinstance(value, str) or not value:
                wrong(name, "string", "must be a non-empty string")
            elif not is_string(value):
                wrong(name, "length", f"must be at most {_MAX_ATTRIBUTE} characters without control characters")
        elif name == "specversion":
            if value != SPEC_VERSION:
                wrong(name, "specversion", 'must be "1.0"')
        elif name == "time":
            try:
                attributes[name] = plain_timestamp(value)
            except (ValueError, TypeError):
                wrong(name, "time", "must be an RFC 3339 time with offset")
        elif not _NAME.match(name):
            wrong(
                name, "extension-name", f"an attribute's name must be at most {_MAX_NAME} lower-case letters and digits"
            )
        elif isinstance(value, str):
            if value and not is_string(value):
                wrong(name, "length", f"must be at most {_MAX_ATTRIBUTE} characters without control characters")
        elif not isinstance(value, bool | int) or value not in _INTEGER:
            wrong(name, "extension", "must be a string, a boolean or a 32-bit integer")
    if problems:
        return
    if not is_uri_reference(attributes["source"]):
        wrong("source", "uri", "must be a URI-reference (RFC 3986): ASCII, all else percent-encoded")
    if "dataschema" in attributes and not is_uri(attributes["dataschema"]):
        wrong("dataschema", "uri", "must be an absolute URI (RFC 3986): ASCII, all else percent-encoded")
    content_type = attributes.get("datacontenttype")
    if content_type is not None and content_type != JSON and not _JSON_TYPE.match(content_type):
        wrong("datacontenttype", "json-data", "data must be JSON in UTF-8")


def is_string(value: str) -> bool:
    """Whether this is the specification's String and short enough. A printable text needs no check by `_STRING`, which
    is slow.
    """
    return (len(value) <= _MAX_ATTRIBUTE and value.isprintable()) or _STRING.match(value) is not None
