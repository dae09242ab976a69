"""The CloudEvents 1.0 envelope: what an event is called, when it happened, what it concerns.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md and the JSON event format beside it.
Problems are told by place and rule; a value is never quoted, since it may be personal data.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import unquote

from pydantic_core import from_json, to_json

SPEC_VERSION: Final = "1.0"
JSON: Final = "application/json"
STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"

# Extension attributes that the hub itself writes on delivery; a publisher's own value is dropped.
HUB_ATTRIBUTES: Final = frozenset({"sequence", "skolnavlane"})

_REQUIRED: Final = ("specversion", "id", "source", "type")
_STRINGS: Final = ("id", "source", "type", "subject", "datacontenttype", "dataschema", "partitionkey")
_NAME: Final = re.compile(r"[a-z0-9]+\Z")
_CONTENT_TYPE_JSON: Final = re.compile(r"application/([\w.-]+\+)?json\s*(;|\Z)", re.ASCII)
_MAX_ATTRIBUTE: Final = 1024  # characters; the specification asks for at most 64 KiB an event in all
_TIMESTAMP: Final = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with an event: `where` (a JSON path), `rule` (a stable code), `says` (English)."""

    where: str
    rule: str
    says: str


class InvalidEvent(ValueError):
    """An event that the catalogue does not take. `problems` names each reason, without any value."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("; ".join(f"{p.where}: {p.says}" for p in self.problems))


def parse_timestamp(text: str) -> datetime:
    """RFC 3339 with offset -> aware datetime. Raises ValueError, whose text does not hold the value."""
    if not _TIMESTAMP.match(text):
        raise ValueError("not an RFC 3339 time with offset")
    try:
        # Python reads at most six digits of a second's fraction; the rest is below what the hub orders by.
        whole, dot, rest = text.upper().partition(".")
        if dot:
            digits = re.match(r"\d+", rest)
            assert digits is not None
            whole = f"{whole}.{digits[0][:6]:0<6}{rest[digits.end() :]}"
        return datetime.fromisoformat(whole.replace("Z", "+00:00"))
    except ValueError:
        raise ValueError("no such time") from None


class Event:
    """One CloudEvent with JSON data. Treat as immutable: it is shared between recipients.

    `attributes` holds all context attributes, extensions among them, by their CloudEvents names;
    `data` the payload as plain JSON values.
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
        """When it happened, RFC 3339 with offset."""
        return self.attributes.get("time")

    @property
    def key(self) -> str | None:
        """The ordering key (`partitionkey`): events with the same key reach a recipient in order."""
        return self.attributes.get("partitionkey")

    @property
    def sequence(self) -> str | None:
        """16 digits, set by the hub. Of two events with one key the larger is the newer."""
        return self.attributes.get("sequence")

    @property
    def lane(self) -> str | None:
        """Which replay or resend this is a part of; None for what comes for the first time."""
        return self.attributes.get("skolnavlane")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Event) and self.attributes == other.attributes and self.data == other.data

    __hash__ = None  # type: ignore[assignment]  # it holds a dict

    def __repr__(self) -> str:
        # Only what may stand in a log line: no subject, no data.
        return f"<Event {self.attributes.get('type')} {self.attributes.get('id')}>"

    def to_dict(self) -> dict[str, Any]:
        """The JSON event format: attributes and `data` in one object."""
        return {**self.attributes, "data": self.data} if self.data is not None else dict(self.attributes)

    def to_json(self) -> bytes:
        return to_json(self.to_dict())

    @classmethod
    def from_dict(cls, value: Any, where: str = "") -> "Event":
        """Read one event in the JSON event format. Raises InvalidEvent; `where` prefixes its places."""
        if not isinstance(value, dict):
            raise InvalidEvent([Problem(where or "$", "object", "an event is a JSON object")])
        attributes = dict(value)
        data = attributes.pop("data", None)
        problems: list[Problem] = []
        if "data_base64" in attributes:
            encoded = attributes.pop("data_base64")
            try:
                data = from_json(base64.b64decode(encoded, validate=True))
            except (ValueError, TypeError, binascii.Error):
                problems.append(Problem(f"{where}data_base64", "base64", "is not base64 of a JSON document"))
        for name in HUB_ATTRIBUTES:
            attributes.pop(name, None)
        problems += _attribute_problems(attributes, where)
        if problems:
            raise InvalidEvent(problems)
        return cls(attributes, data)

    @classmethod
    def from_structured(cls, body: bytes) -> "Event":
        """Read a structured-mode body (`application/cloudevents+json`). Raises InvalidEvent."""
        return cls.from_dict(_parse(body))

    @classmethod
    def from_batch(cls, body: bytes) -> "list[Event]":
        """Read a batch (`application/cloudevents-batch+json`). Raises InvalidEvent that names every bad event."""
        values = _parse(body)
        if not isinstance(values, list):
            raise InvalidEvent([Problem("$", "array", "a batch is a JSON array of events")])
        events: list[Event] = []
        problems: list[Problem] = []
        for index, value in enumerate(values):
            try:
                events.append(cls.from_dict(value, f"[{index}]."))
            except InvalidEvent as error:
                problems += error.problems
        if problems:
            raise InvalidEvent(problems)
        return events

    @classmethod
    def from_binary(cls, headers: Iterable[tuple[str, str]], body: bytes) -> "Event":
        """Read binary mode: `ce-*` headers are the attributes, the body is the data. Raises InvalidEvent.

        Header values are percent-decoded (HTTP protocol binding, section 3.1.3.2).
        """
        attributes: dict[str, Any] = {}
        for name, value in headers:
            lower = name.lower()
            if lower.startswith("ce-"):
                attributes[lower[3:]] = unquote(value.strip().strip('"'))
            elif lower == "content-type":
                attributes["datacontenttype"] = value
        if body:
            attributes["data"] = _parse(body)
        return cls.from_dict(attributes)


def _parse(body: bytes) -> Any:
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError:
        raise InvalidEvent([Problem("$", "json", "the body is not valid JSON")]) from None


def _attribute_problems(attributes: Mapping[str, Any], where: str) -> Sequence[Problem]:
    problems: list[Problem] = []
    problems += [Problem(where + name, "required", "is missing") for name in _REQUIRED if name not in attributes]
    if "specversion" in attributes and attributes["specversion"] != SPEC_VERSION:
        problems.append(Problem(f"{where}specversion", "specversion", 'must be "1.0"'))
    for name, value in attributes.items():
        if name in _STRINGS:
            if not isinstance(value, str) or not value:
                problems.append(Problem(where + name, "string", "must be a non-empty string"))
                continue
        elif name == "time":
            if not isinstance(value, str):
                problems.append(Problem(f"{where}time", "string", "must be a string"))
                continue
            try:
                parse_timestamp(value)
            except ValueError:
                problems.append(Problem(f"{where}time", "time", "must be an RFC 3339 time with offset"))
            continue
        elif not isinstance(value, str | bool | int):
            # Only the length and the legality of the name are told: the name itself may be data.
            problems.append(Problem(f"{where}(extension)", "extension", "must be a string, a boolean or an integer"))
            continue
        elif not _NAME.match(name):
            problems.append(
                Problem(f"{where}(extension)", "extension-name", "attribute names are lower-case letters and digits")
            )
        if isinstance(value, str) and (len(value) > _MAX_ATTRIBUTE or any(ord(c) < 32 for c in value)):
            problems.append(
                Problem(
                    where + (name if name in _STRINGS else "(extension)"),
                    "length",
                    f"must be at most {_MAX_ATTRIBUTE} characters without control characters",
                )
            )
    content_type = attributes.get("datacontenttype")
    if isinstance(content_type, str) and content_type and not _CONTENT_TYPE_JSON.match(content_type.lower()):
        problems.append(Problem(f"{where}datacontenttype", "json-data", "data must be JSON"))
    return problems
