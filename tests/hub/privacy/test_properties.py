"""Whatever the contract, the marks and the event: only allowed categories leave, and nobody who is not open."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.bus.base import Place, Stored
from hub.clock import to_us
from hub.privacy.base import Recipient
from hub.privacy.gate import SUMMED
from schemas import Category, core_catalogue
from schemas.catalogue import Entry, Field
from schemas.payload import pluck
from tests.clock import MORNING
from tests.hub.privacy.house import House, contract
from tests.school import DUTY, PERSON, SIS, person, uid

CATALOGUE = core_catalogue()
ENTRIES = list(CATALOGUE)
PEOPLE = [uid(f"person {n}") for n in range(6)]
DUTIES = {uid(f"duty of {each}"): each for each in PEOPLE}
TAGS = {each: f"of-person-{n}" for n, each in enumerate(PEOPLE)}
MARKS = ["Ingen", "Sekretessmarkering", "Skyddad folkbokföring", None, "unknown"]


class Filler:
    """Data of a type with a canary in every field: `¤<categories>¤<path>`, in a reference `¤...¤<the person>`."""

    def __init__(self, entry: Entry, picks: Iterator[int]) -> None:
        self._entry = entry
        self._picks = picks

    def data(self) -> dict[str, Any]:
        return self._fill(self._entry.fields, "", "")

    def _fill(self, fields: Mapping[str, Field], prefix: str, name: str) -> dict[str, Any]:
        is_person = "id" in fields and Category.IDENTITY in fields["id"].categories and name != "changed"
        someone = PEOPLE[next(self._picks) % len(PEOPLE)]
        filled: dict[str, Any] = {"securityMarking": None, "unlisted": "¤unlisted"}
        for field in fields.values():
            path = f"{prefix}{field.name}{'[]' if field.many else ''}"
            if field.inside is not None:
                inside = [self._fill(field.inside, f"{path}.", field.name) for _ in range(2 if field.many else 1)]
                filled[field.name] = inside if field.many else inside[0]
            elif field.name == "id" and name == "duty":
                filled["id"] = uid(f"duty of {someone}")
            elif field.name == "id" and (is_person or path in self._entry.spec.about):
                filled["id"] = someone
            elif field.name == "id":
                filled["id"] = uid(path)
            else:
                categories = "+".join(sorted(field.categories))
                canary = f"¤{categories}¤{TAGS[someone] if is_person and prefix else path}"
                filled[field.name] = [canary] if field.many else canary
        return filled


def stored(entry: Entry, data: dict[str, Any]) -> Stored:
    subject, key = entry.spec.subject.of(SIS, data), entry.spec.key.of(SIS, data)
    assert subject is not None
    assert key is not None
    event = {
        "specversion": "1.0", "id": "e1", "source": SIS, "type": entry.type, "subject": subject, "partitionkey": key,
        "unlisted": "¤unlisted", "sequence": "0", "data": data,
    }  # fmt: skip
    about = tuple({found for path in entry.spec.about for found in pluck(data, path)})
    return Stored(
        Place(1), entry.type, SIS, "e1", subject, key, subject, about, (), True, to_us(MORNING), orjson.dumps(event)
    )


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, str):
        yield value


@st.composite
def cases(draw: st.DrawFn) -> tuple[House, Stored, Recipient, dict[str, str | None]]:
    entry = draw(st.sampled_from(ENTRIES))
    picks = iter(draw(st.lists(st.integers(0, 5), min_size=200, max_size=200)))
    marks = {each: draw(st.sampled_from(MARKS)) for each in PEOPLE}
    contracts = tuple(
        contract(*draw(st.sets(st.sampled_from(list(Category)), min_size=4))) for _ in range(draw(st.integers(1, 2)))
    )
    to = Recipient("client/any", contracts, aggregates=draw(st.booleans()), protected=draw(st.booleans()))
    house = House(CATALOGUE)
    for each, mark in marks.items():
        if mark != "unknown":
            house.say(PERSON, person(each, mark))
    for duty, each in DUTIES.items():
        house.say(DUTY, {"id": duty, "person": {"id": each}})
    return house, stored(entry, Filler(entry, picks).data()), to, marks


@settings(max_examples=400)
@given(cases())
def test_only_allowed_categories_leave(case: tuple[House, Stored, Recipient, dict[str, str | None]]) -> None:
    """Promise 4, for every field of every type."""
    house, event, to, _ = case
    allowed = frozenset.intersection(*(each.categories for each in to.contracts))
    if to.aggregates:
        allowed &= SUMMED
    body = house.bytes_for(event, to)
    if body is None:
        return
    left = orjson.loads(body)
    for text in strings(left):
        if text.startswith("¤"):
            needed = {Category(each) for each in text.split("¤")[1].split("+")}
            assert needed <= allowed | {Category.NONE}, (event.type, text)
    if Category.IDENTITY not in allowed:
        assert not any(each.encode() in body for each in PEOPLE)


@settings(max_examples=400)
@given(cases())
def test_nobody_who_is_not_open_leaves(case: tuple[House, Stored, Recipient, dict[str, str | None]]) -> None:
    """Promise 4: neither their id nor anything in a reference to them, nor a duty of theirs, for any recipient."""
    house, event, to, marks = case
    body = house.bytes_for(event, to)
    if body is None:
        return
    hidden = {each for each, mark in marks.items() if mark != "Ingen"}
    if to.protected:
        hidden -= set(event.about)
    if to.aggregates:
        pseudonyms = house.gate.pseudonyms(to)
        assert not any(each.encode() in body for each in PEOPLE)
        assert all(pseudonyms.person(pseudonyms.of(each)) == each for each in PEOPLE)
        return
    assert not any(each.encode() in body or TAGS[each].encode() in body for each in hidden)
    if event.type.split(".")[3] != "duty" and not to.protected:
        assert not any(uid(f"duty of {each}").encode() in body for each in hidden)


@settings(max_examples=200)
@given(cases())
def test_deciding_changes_nothing_in_what_is_stored(
    case: tuple[House, Stored, Recipient, dict[str, str | None]],
) -> None:
    """Promise 3: recipients share what is parsed."""
    house, event, to, _ = case
    house.bytes_for(event, to)
    assert event.parsed == orjson.loads(event.body)
