"""What `connectors try --record` keeps: an event of the same type, in which nothing leads back to a person."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from plugins.testing.invented import invented
from schemas import Category, Event, core_catalogue
from schemas.catalogue import Field

CATALOGUE = core_catalogue()
# Values that a mapping depends on stay in these, and no name, word, number or id does.
STAYS = {Category.NONE, Category.AGGREGATE, Category.OPERATIONS, Category.GROUP, Category.ATTENDANCE, Category.STAFF}
CHOICES = {
    "kind", "status", "outcome", "severity",  # words of a list in the type's model
}  # fmt: skip


def example(type: str, index: int) -> Event:
    return Event.from_dict(CATALOGUE.example(CATALOGUE.entry(type), index))


def leaves(value: Any, fields: dict[str, Field], path: str = "") -> Iterator[tuple[str, Field, Any]]:
    for name, inner in value.items():
        if (field := fields.get(name)) is None:
            continue  # such as a security marking, which no recipient gets and no recording keeps
        for at, each in enumerate(inner if isinstance(inner, list) else [inner]):
            here = f"{path}.{name}[{at}]"
            if field.inside is not None and isinstance(each, dict):
                yield from leaves(each, dict(field.inside), here)
            else:
                yield here, field, each


EXAMPLES = [(entry.type, index) for entry in CATALOGUE for index in range(len(entry.spec.examples))]


@pytest.mark.parametrize(("type", "index"), EXAMPLES)
def test_an_event_of_each_type_stays_one_and_keeps_no_value_about_a_person(type: str, index: int) -> None:
    event = example(type, index)
    made = invented(event, CATALOGUE)
    CATALOGUE.describe(made)
    fields = dict(CATALOGUE.entry(type).fields)
    before, after = list(leaves(event.data, fields)), list(leaves(made.data, fields))
    assert [path for path, _, _ in before] == [path for path, _, _ in after]
    kept = [
        path
        for (path, field, was), (_, _, now) in zip(before, after, strict=True)
        if was == now and not isinstance(was, bool | dict | None) and not field.categories <= STAYS
    ]
    assert [path for path in kept if path.rpartition(".")[2].partition("[")[0] not in CHOICES] == []
    assert event.attributes["id"] not in made.attributes.values()


@pytest.mark.parametrize(("type", "index"), EXAMPLES)
def test_equal_ids_stay_equal_and_others_stay_others(type: str, index: int) -> None:
    event = example(type, index)
    made = invented(event, CATALOGUE)
    fields = dict(CATALOGUE.entry(type).fields)
    pairs = {
        (was, now)
        for (_, _, was), (_, _, now) in zip(leaves(event.data, fields), leaves(made.data, fields), strict=True)
        if isinstance(was, str) and was != now
    }
    assert len({was for was, _ in pairs}) == len({now for _, now in pairs}) == len(pairs)


def test_two_recordings_of_one_event_have_nothing_in_common() -> None:
    event = example("se.skolnav.absence.reported.v1", 0)
    first, second = (invented(event, CATALOGUE).data["student"]["id"] for _ in range(2))
    assert first != second


def test_what_the_type_does_not_list_is_dropped() -> None:
    event = example("se.skolnav.absence.reported.v1", 0)
    with_more = Event(event.attributes, {**event.data, "supplier": "canary"})
    assert "canary" not in json.dumps(invented(with_more, CATALOGUE).to_dict())
