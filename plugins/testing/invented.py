"""An event with invented identities: a case that may be kept, shown and checked in."""

import copy
import re
import uuid
from collections.abc import Mapping
from typing import Any, Final

from schemas import Catalogue, Category, Event
from schemas.catalogue import Field

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_FREE: Final = frozenset(
    {
        *(Category.NAME, Category.CONTACT, Category.PROTECTED_ADDRESS, Category.FREE_TEXT, Category.HEALTH),
        *(Category.IDENTITY, Category.CASE_CONTENT, Category.DIET),
    }
)


def invented(event: Event, catalogue: Catalogue) -> Event:
    """The event with other ids throughout, and other words wherever its type has room for words about people.

    The same id becomes the same invented id. Times and choices from a list stay, since a mapping depends on them. What
    the type does not list is dropped. Raises InvalidEvent where the event does not fit its type, or no longer does.
    """
    fields = catalogue.entry(event.type).fields
    salt = uuid.uuid4()  # forgotten, so that no invented id leads back to a person
    data = _object(copy.deepcopy(event.data), fields, frozenset(), salt)
    attributes = {
        name: value
        for name, value in event.attributes.items()
        if name in ("specversion", "type", "time", "datacontenttype", "sequence")
    }
    made = Event({**attributes, "id": f"evt-{uuid.uuid4().hex[:16]}", "source": "urn:test:invented"}, data)
    catalogue.describe(made)
    return made


def _object(data: Any, fields: Mapping[str, Field], inherited: frozenset[Category], salt: uuid.UUID) -> Any:
    if not isinstance(data, dict):
        return data
    return {
        name: _value(value, fields[name], fields[name].categories | inherited, salt)
        for name, value in data.items()
        if name in fields
    }


def _value(value: Any, field: Field, categories: frozenset[Category], salt: uuid.UUID) -> Any:
    if isinstance(value, list):
        return [_value(each, field, categories, salt) for each in value]
    if field.inside is not None:
        return _object(value, field.inside, categories, salt)
    if isinstance(value, dict):
        return {}  # free-form
    if isinstance(value, str) and _UUID.match(value):
        return str(uuid.uuid5(salt, value.lower()))
    if isinstance(value, str) and categories & _FREE:
        return "invented"
    return value
