"""The catalogue as documents: JSON Schemas, `GET /v1/catalogue` and the table for the documentation.

Pure functions from models to plain JSON values. All content of the documents comes from the models, their docstrings
and their `EventSpec`s.
"""

import inspect
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from schemas.catalogue import Catalogue, Entry
from schemas.payload import Ref

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_STRING: Final = {"type": "string", "minLength": 1, "maxLength": 1024}

ENVELOPE: Final[dict[str, Any]] = {
    "type": "object",
    "description": "A CloudEvent in the JSON event format. The hub adds `sequence` on delivery. It stores extension "
    "attributes (text, integers of 32 bits, booleans) and delivers none of them.",
    "required": ["specversion", "id", "source", "type", "data"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {**_STRING, "description": "Unique within the source. A repeat with the same content is suppressed."},
        "source": {**_STRING, "format": "uri-reference", "description": "The system that sends the event."},
        "type": {**_STRING, "description": "The name in the catalogue."},
        "subject": {**_STRING, "description": "The entity. Default: derived from the data."},
        "partitionkey": {**_STRING, "description": "The ordering key. Default: derived from the data."},
        "time": {"type": "string", "format": "date-time", "description": "When the event happened, with offset."},
        "datacontenttype": {**_STRING, "description": "A media type for JSON. Default: application/json."},
        "dataschema": {**_STRING, "format": "uri"},
        "sequence": {
            "type": "string",
            "pattern": "^[0-9]{16}$",
            "description": "Set by the hub. Of two events with the same key, the larger sequence is newer.",
        },
        "skolnavlane": {
            **_STRING,
            "description": "Set by the hub on a replay or resend. Events are in order within one lane.",
        },
        "data": {"type": "object", "additionalProperties": True},
    },
    # Not the types of extension attributes: typed clients would hold `data` to them too.
    "additionalProperties": True,
}


class Plain(GenerateJsonSchema):
    """Gives fields no title, since it would only repeat their names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def json_schema(entry: Entry) -> dict[str, Any]:
    """JSON Schema (2020-12) of a type's data. `x-category` of a field applies to everything inside it."""
    schema = entry.model.model_json_schema(schema_generator=Plain)
    return {"$schema": _DIALECT, "$id": f"urn:skolnav:schema:{entry.type}", **schema}


def summary(entry: Entry) -> dict[str, Any]:
    """A type's item in the list of `GET /v1/catalogue`."""
    spec = entry.spec
    return {
        "type": entry.type,
        "family": spec.family,
        "description": description(entry.model),
        "key": pattern(spec.key),
        "entity": None if spec.entity is None else pattern(spec.entity),
    }


def catalogue_list(catalogue: Catalogue) -> dict[str, Any]:
    """The document of `GET /v1/catalogue`."""
    return {"types": [summary(entry) for entry in catalogue]}


def catalogue_entry(catalogue: Catalogue, entry: Entry) -> dict[str, Any]:
    """The document of `GET /v1/catalogue/{type}`.

    `about`, `mentions` and `categories` use paths into `data`. A field of the schema that `categories` does not list is
    delivered to no recipient.
    """
    return {
        **summary(entry),
        "subject": pattern(entry.spec.subject),
        "about": list(entry.spec.about),
        "mentions": list(entry.spec.mentions),
        "schema": json_schema(entry),
        "categories": {path: sorted(categories) for path, categories in entry.flat_fields()},
        "examples": [catalogue.example(entry, index) for index in range(len(entry.spec.examples))],
    }


def markdown(catalogue: Catalogue) -> str:
    """The table of all types for the documentation."""
    lines = ["| type | what | key | state of | categories |", "| --- | --- | --- | --- | --- |"]
    for entry in catalogue:
        row = summary(entry)
        what = row["description"].partition("\n")[0]
        categories = ", ".join(sorted(entry.categories - {"none"})) or "none"
        lines.append(f"| `{entry.type}` | {what} | `{row['key']}` | `{row['entity'] or '-'}` | {categories} |")
    return "\n".join(lines) + "\n"


def pattern(ref: Ref) -> str:
    """The pattern of an entity's name: `person/{student.id}`, with `{source}` for the event's source."""
    return "/".join((ref.kind, *(f"{{{path or 'source'}}}" for path in ref.path.split("/"))))


def description(model: type[BaseModel]) -> str:
    """A model's docstring with one line per paragraph; an empty line separates paragraphs."""
    text = inspect.cleandoc(model.__doc__ or "")
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))
