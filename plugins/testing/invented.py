"""An event with invented identities: a case that may be kept, shown and checked in."""

import copy
import hashlib
import math
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from schemas import Catalogue, Category, Event, InvalidEvent
from schemas.catalogue import Field

_UUID: Final = re.compile(r"([a-z_-]+/)?([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\Z")  # or `absence/<id>`
_FREE: Final = frozenset(
    {
        *(Category.NAME, Category.CONTACT, Category.PROTECTED_ADDRESS, Category.FREE_TEXT, Category.HEALTH),
        *(Category.IDENTITY, Category.CASE_CONTENT, Category.DIET),
    }
)
_PERSONAL: Final = _FREE | {Category.GROUP, Category.ATTENDANCE, Category.STAFF}
_CHOICES: Final = frozenset({"literal_error", "enum", "kind"})  # rules that a word from a list has broken
_YEAR_WEEKS: Final = 52


def invented(event: Event, catalogue: Catalogue) -> Event:
    """The event with other ids throughout, and other words wherever its type has room for words about people.

    Equal ids and equal words stay equal. Numbers about people are others too, and what tells who a person is or what a
    case or a diet is about has its dates moved by whole weeks, all alike. A mapping depends on the rest, so it stays:
    choices from a list, yes and no, when someone is present or away, roles and school years. What the type does not
    list is dropped. Raises InvalidEvent where the event does not fit its type, or where a rule of the type (a vendor's
    validator) accepts nothing invented: the real value is never kept instead.
    """
    catalogue.describe(event)
    fields = catalogue.entry(event.type).fields
    salt = uuid.uuid4()  # forgotten, so that nothing invented leads back to a person
    leaves: list[_Leaf] = []
    data = _object(copy.deepcopy(event.data), fields, "data", _Inventor(salt, leaves))
    attributes = {
        name: value
        for name, value in event.attributes.items()
        if name in ("specversion", "type", "time", "datacontenttype", "sequence")
    }
    made = Event({**attributes, "id": f"evt-{uuid.uuid4().hex[:16]}", "source": "urn:test:invented"}, data)
    while True:
        try:
            catalogue.describe(made)
        except InvalidEvent as error:
            rules = {problem.where: problem.rule for problem in error.problems}
            # Each leaf has few candidates, so this ends.
            if not [leaf for leaf in leaves if leaf.place in rules and leaf.next(rules[leaf.place])]:
                raise
        else:
            return made


@dataclass
class _Leaf:
    """A value that was replaced, and what else may stand there if the type's rules refuse it."""

    place: str  # as in the problems of InvalidEvent
    within: Any  # the object or list
    key: Any
    was: Any
    others: Iterator[Any]

    def next(self, rule: str) -> bool:
        """Put the next candidate there; False if there is none."""
        if rule in _CHOICES and self.within[self.key] != self.was:
            self.within[self.key] = self.was
            return True
        for other in self.others:
            if other != self.was:
                self.within[self.key] = other
                return True
        return False


class _Inventor:
    def __init__(self, salt: uuid.UUID, leaves: list[_Leaf]) -> None:
        self._salt = salt
        self._leaves = leaves
        self._moved = timedelta(weeks=1 + self._number("weeks") % (_YEAR_WEEKS - 1))

    def put(self, place: str, within: Any, key: Any, field: Field) -> None:
        was = within[key]
        others = self._candidates(was, field)
        within[key] = next((other for other in others if other != was), was)
        if within[key] != was:
            self._leaves.append(_Leaf(place, within, key, was, others))

    def _candidates(self, value: Any, field: Field) -> Iterator[Any]:
        """What may stand in the place of a value, the best first; nothing if the value stays."""
        free = field.categories & _FREE
        if isinstance(value, str) and (found := _UUID.match(value)):
            yield (found[1] or "") + str(uuid.uuid5(self._salt, found[2].lower()))
        elif isinstance(value, bool) or not (free or (field.name == "displayName" and field.categories & _PERSONAL)):
            return
        elif isinstance(value, int):
            yield from (int(each) for each in self._numbers(value))
        elif isinstance(value, float):
            yield from self._numbers(value)
        elif isinstance(value, str):
            if (moved := self._moved_time(value)) is not None:
                yield moved
            else:
                yield f"invented-{self._number(value) % 16**8:08x}"
                yield from (self._alike(value, n) for n in range(3))

    def _numbers(self, value: float) -> Iterator[float]:
        """Numbers of the same size, then small ones: a type may have bounds."""
        size = 10 ** max(1, math.floor(math.log10(abs(value))) + 1) if value and math.isfinite(value) else 10
        yield float(math.copysign(self._number(repr(value)) % int(size), value or 1))
        yield from (1.0, 2.0, 0.0)

    def _moved_time(self, value: str) -> str | None:
        """A date or time some weeks earlier, written as it was; None if the value is neither."""
        day = re.match(r"\d{4}-\d{2}-\d{2}(?=[Tt ]|\Z)", value, re.ASCII)
        try:
            datetime.fromisoformat(value)
            return None if day is None else (date.fromisoformat(day[0]) - self._moved).isoformat() + value[day.end() :]
        except (ValueError, OverflowError):
            return None

    def _alike(self, value: str, n: int) -> str:
        """Other letters for letters and other digits for digits, for a type that asks for a form."""
        made = ""
        for at, letter in enumerate(value):
            number = self._number(f"{value}/{n}/{at}")
            if letter.isdigit():
                made += str(number % 10)
            elif letter.isalpha():
                other = chr(ord("a") + number % 26)
                made += other.upper() if letter.isupper() else other
            else:
                made += letter
        return made

    def _number(self, of: str) -> int:
        return int.from_bytes(hashlib.blake2b(of.encode(), key=self._salt.bytes, digest_size=8).digest())


def _object(data: Any, fields: Mapping[str, Field], place: str, inventor: _Inventor) -> Any:
    if not isinstance(data, dict):
        return data
    kept = {name: value for name, value in data.items() if name in fields}
    for name in kept:
        _replace(kept, name, f"{place}.{name}", fields[name], inventor)
    return kept


def _replace(within: Any, key: Any, place: str, field: Field, inventor: _Inventor) -> None:
    value = within[key]
    if isinstance(value, list):
        for at in range(len(value)):
            _replace(value, at, f"{place}[{at}]", field, inventor)
    elif field.inside is not None:
        within[key] = _object(value, field.inside, place, inventor)
    elif isinstance(value, dict):
        within[key] = {}  # free-form
    else:
        inventor.put(place, within, key, field)
