"""The catalogue: what it registers, how it describes an event, and what it refuses to learn."""

from dataclasses import replace
from typing import Annotated, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from schemas import (
    Catalogue,
    Category,
    DataContract,
    Event,
    EventSpec,
    InvalidEvent,
    Part,
    Payload,
    PersonRef,
    Ref,
    UnknownType,
)
from schemas.payload import HUB_ONLY, Code, pluck

STUDENT = "3b0b6f0e-0b52-4f0c-8f52-5d9a3a1f2c01"
UNIT = "0d4d1c52-8a2e-4a35-9d1b-7f7c1f0f4a10"
REPORTED = "se.skolnav.absence.reported.v1"


def event(catalogue: Catalogue, type_: str = REPORTED, /, index: int = 0, **attributes: Any) -> Event:
    whole = catalogue.example(catalogue.entry(type_), index)
    del whole["subject"], whole["partitionkey"]
    return Event.from_dict({**whole, **attributes})


def refused(catalogue: Catalogue, event: Event, where: str = "") -> list[tuple[str, str]]:
    with pytest.raises(InvalidEvent) as caught:
        catalogue.describe(event, where)
    return [(problem.where, problem.rule) for problem in caught.value.problems]


def spec(**more: Any) -> EventSpec:
    thing = Ref("thing", "id")
    return EventSpec(**{"type": "com.acme.thing.seen.v1", "subject": thing, "key": thing, **more})


def test_every_example_of_every_type_is_an_event_that_the_hub_takes(catalogue: Catalogue) -> None:
    for entry in catalogue:
        assert entry.spec.examples, entry.type
        for index in range(len(entry.spec.examples)):
            whole = catalogue.example(entry, index)
            described = catalogue.describe(Event.from_dict(whole))
            assert described.event.to_dict() == whole


def test_a_catalogue_knows_its_types_by_name(catalogue: Catalogue) -> None:
    assert REPORTED in catalogue
    assert "se.skolnav.absence.invented.v1" not in catalogue
    assert 7 not in catalogue


def test_an_example_is_the_callers_own(catalogue: Catalogue) -> None:
    entry = catalogue.entry(REPORTED)
    catalogue.example(entry)["data"]["student"]["id"] = "changed"
    assert catalogue.example(entry)["data"]["student"]["id"] == STUDENT


def test_subject_and_key_are_derived_where_they_are_left_out(catalogue: Catalogue) -> None:
    described = catalogue.describe(event(catalogue))
    assert described.subject == described.key == f"person/{STUDENT}"
    assert described.event.subject == described.event.key == f"person/{STUDENT}"
    assert described.entity == "absence/6f1f6a2e-6d0b-4b0e-9a54-0a3f0f5a7c11"
    assert described.about == (STUDENT,)
    assert described.organisations == (UNIT,)


def test_ids_are_compared_and_kept_in_lower_case(catalogue: Catalogue) -> None:
    """The same event with and without its subject is the same event, however the id is spelt."""
    plain = event(catalogue)
    data = {**plain.data, "student": {"id": STUDENT.upper()}, "organisation": {"id": UNIT.upper()}}
    shouted = event(catalogue, data=data, subject=f"person/{STUDENT.upper()}", partitionkey=f"Person/{STUDENT}")
    described = catalogue.describe(shouted)
    assert described.event.attributes == catalogue.describe(plain).event.attributes
    assert described.about == (STUDENT,)
    assert described.organisations == (UNIT,)


@pytest.mark.parametrize("name", ["subject", "partitionkey"])
def test_an_attribute_that_contradicts_the_data_is_refused(catalogue: Catalogue, name: str) -> None:
    assert refused(catalogue, event(catalogue, **{name: f"person/{UNIT}"})) == [(name, "derived")]


def test_an_unknown_type_is_refused_without_repeating_it(catalogue: Catalogue) -> None:
    with pytest.raises(InvalidEvent) as caught:
        catalogue.describe(event(catalogue, type="se.skolnav.canary.v1"), "[7].")
    assert [(p.where, p.rule) for p in caught.value.problems] == [("[7].type", "unknown-type")]
    assert "canary" not in str(caught.value)
    with pytest.raises(UnknownType):
        catalogue.entry("se.skolnav.canary.v1")


@pytest.mark.parametrize("data", [None, [], "text", 7])
def test_data_is_an_object(catalogue: Catalogue, data: Any) -> None:
    assert refused(catalogue, Event(event(catalogue).attributes, data), "[2].") == [("[2].data", "model_type")]


def test_problems_say_where_in_the_batch_and_in_the_data(catalogue: Catalogue) -> None:
    group = event(catalogue, "se.skolnav.directory.group.upserted.v1")
    group.data["groupMemberships"] = [{"person": {"id": STUDENT}}, {"person": {"id": 7}, "startDate": "soon"}]
    assert refused(catalogue, group, "[4].") == [
        ("[4].data.groupMemberships[1].person.id", "string_type"),
        ("[4].data.groupMemberships[1].startDate", "date"),
    ]


def test_the_number_of_problems_told_is_bounded(catalogue: Catalogue) -> None:
    group = event(catalogue, "se.skolnav.directory.group.upserted.v1")
    group.data["groupMemberships"] = [7] * 5000
    assert len(refused(catalogue, group)) == 50


@pytest.mark.parametrize(
    "extra",
    [
        {"reason": "flu"},
        {"student": {"id": STUDENT, "nickname": "x"}},
        {"student": {"id": STUDENT, "securityMarking": "Ingen"}},
        {"organisation": {"id": UNIT, "x": 1}},
    ],
)
def test_what_the_catalogue_does_not_list_is_taken_and_marked(catalogue: Catalogue, extra: dict[str, Any]) -> None:
    plain = event(catalogue)
    described = catalogue.describe(event(catalogue, data={**plain.data, **extra}))
    assert described.extras
    assert described.event.data == {**plain.data, **extra}
    assert not catalogue.describe(plain).extras


def test_unknown_fields_are_seen_inside_lists_and_previous_values(catalogue: Catalogue) -> None:
    changed = event(catalogue, "se.skolnav.schedule.lesson.changed.v1")
    assert not catalogue.describe(changed).extras
    changed.data["changed"]["pupils"] = ["x"]
    assert catalogue.describe(changed).extras
    lesson = event(catalogue, "se.skolnav.schedule.lesson.scheduled.v1")
    lesson.data["rooms"] = [{**lesson.data["rooms"][0], "code": "x"}]
    assert catalogue.describe(lesson).extras


def test_an_extension_attribute_is_taken_and_marked(catalogue: Catalogue) -> None:
    assert catalogue.describe(event(catalogue, acme="x")).extras
    assert not catalogue.describe(event(catalogue, traceparent="00-0af7651916cd43dd8448eb211c80319c-01-01")).extras


def test_a_described_event_names_nobody_in_a_log_line(catalogue: Catalogue) -> None:
    """Promise 8."""
    assert STUDENT not in repr(catalogue.describe(event(catalogue)))


def test_globs_find_types_in_catalogue_order(catalogue: Catalogue) -> None:
    assert catalogue.matching(["se.skolnav.absence.*"]) == [
        "se.skolnav.absence.reported.v1",
        "se.skolnav.absence.changed.v1",
        "se.skolnav.absence.withdrawn.v1",
        "se.skolnav.absence.leave_granted.v1",
    ]
    assert catalogue.matching(["*.day.closed.v?", "nothing.*"]) == ["se.skolnav.schedule.day.closed.v1"]
    assert catalogue.matching([]) == []


def test_a_name_of_several_parts_is_never_anothers(catalogue: Catalogue) -> None:
    class Seen(Payload):
        id: Annotated[str, Category.NONE]
        part: Annotated[str, Category.NONE]
        spec = spec(entity=Ref("thing", "id/part"))

    mine = Catalogue([Seen])

    def seen(id_: str, part: str) -> Event:
        attributes = {"specversion": "1.0", "id": "1", "source": "urn:s/1", "type": Seen.spec.type}
        return Event(attributes, {"id": id_, "part": part})

    assert mine.describe(seen("a", "b")).entity == "thing/a/b"
    assert refused(mine, seen("a", "b/c")) == [("data", "derived")]
    assert refused(mine, seen("a\n", "b")) == [("subject", "derived"), ("partitionkey", "derived")]
    assert refused(mine, seen("a" * 1024, "b")) == [("subject", "derived"), ("partitionkey", "derived")]


def test_an_empty_part_of_a_name_is_the_events_source() -> None:
    data = {"id": STUDENT.upper()}
    assert Ref("person", "id/").of("urn:sis/1", data) == f"person/{STUDENT}/urn:sis/1"
    assert Ref("source", "").of("urn:sis/1", data) == "source/urn:sis/1"
    assert Ref("person", "student.id").of("urn:sis", data) is None


def plain_pluck(data: Any, path: str) -> list[str]:
    """What a path leads to, one step at a time."""
    if not path:
        return [data] if isinstance(data, str) else []
    part, _, rest = path.partition(".")
    value = data.get(part.removesuffix("[]")) if isinstance(data, dict) else None
    into = each_of(value) if part.endswith("[]") else [value]
    return [found for item in into for found in plain_pluck(item, rest)]


def each_of(value: Any) -> list[Any]:
    """The items of a list and of the lists in it; any other value by itself."""
    return [found for item in value for found in each_of(item)] if isinstance(value, list) else [value]


NAMES = st.sampled_from(["a", "b"])
VALUES = st.recursive(
    st.none() | st.just(1) | st.sampled_from(["x", "y"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, min_size=1),
    max_leaves=12,
)
PATHS = st.lists(st.sampled_from(["a", "b", "a[]"]), min_size=1, max_size=3).map(".".join)


@given(VALUES | st.dictionaries(NAMES, VALUES, min_size=1), PATHS)
@example({"a": ["x", "y"]}, "a[]")
@example({"a": [{"b": "x"}, {"b": 1}, {}, "y"]}, "a[].b")
@example({"a": "x"}, "a[]")
@example({"a": {"b": "x"}}, "a.b")
@example({"a": {"b": "x"}}, "a[].b")
@example(["x"], "a")
def test_a_path_leads_to_every_string_that_stands_there(data: Any, path: str) -> None:
    assert pluck(data, path) == plain_pluck(data, path)


def test_a_case_sensitive_id_keeps_its_case(catalogue: Catalogue) -> None:
    described = catalogue.describe(event(catalogue, "se.skolnav.meals.count.v1", partitionkey="kitchen/k-017"))
    assert described.key == described.event.key == "kitchen/K-017"
    assert described.entity == "meal/K-017/2026-11-24/1"


@pytest.mark.parametrize("error", [RuntimeError("canary"), SystemExit(3), RecursionError()], ids=repr)
def test_a_validator_of_a_vendors_type_that_fails_refuses_the_event(error: BaseException) -> None:
    class Odd(Payload):
        id: Annotated[str, Category.NONE]
        spec = spec()

        @field_validator("id")
        @classmethod
        def _id(cls, value: str) -> str:
            raise error

    attributes = {"specversion": "1.0", "id": "1", "source": "urn:s", "type": Odd.spec.type}
    with pytest.raises(InvalidEvent) as caught:
        Catalogue([Odd]).describe(Event(attributes, {"id": "x"}))
    assert [(p.where, p.rule) for p in caught.value.problems] == [("data", "validator")]
    assert "canary" not in str(caught.value)


class Uncategorised(Payload):
    id: str
    spec = spec()


class Lost(Payload):
    id: Annotated[str, Category.NONE]
    spec = spec(mentions=("teacher.id",))


class NoList(Payload):
    id: Annotated[str, Category.NONE]
    people: list[PersonRef] | None = None
    spec = spec(mentions=("people.id",))


class NoId(Payload):
    id: Annotated[str, Category.NONE]
    pupil: PersonRef | None = None
    spec = spec(about=("pupil",))


class Keyless(Payload):
    name: Annotated[str, Category.NONE]
    spec = spec()


class BadExample(Payload):
    id: Annotated[Code, Category.NONE]
    spec = spec(examples=({"id": "a b"},))


class BadName(Payload):
    id: Annotated[str, Category.NONE]
    spec = spec(type="com.acme.thing")


class Inner(Part):
    secret: Annotated[str, Category.HEALTH]


class InDict(Payload):
    id: Annotated[dict[str, Inner], Category.NONE]
    spec = spec()


class InUnion(Payload):
    id: Annotated[Inner | str, Category.NONE]
    spec = spec()


class InTuple(Payload):
    id: Annotated[tuple[Inner, ...], Category.NONE]
    spec = spec()


class InListOfLists(Payload):
    id: Annotated[list[list[Inner]], Category.NONE]
    spec = spec()


class Timeless(Payload):
    id: Annotated[str, Category.NONE]
    spec = replace(spec(), window=True, until="over")


class Endlessly(Payload):
    id: Annotated[str, Category.NONE]
    spec = replace(spec(), until="id")


class Node(Part):
    id: Annotated[str, Category.NONE]
    child: "Node | None" = None


class Endless(Payload):
    id: Annotated[str, Category.NONE]
    node: Node | None = None
    spec = spec()


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (Uncategorised, "Uncategorised.id has no category"),
        (Lost, "teacher.id, which is not a field"),
        (NoList, "people.id, which is not a field"),
        (NoId, "names pupil, which is an object"),
        (Keyless, "names id, which is not a field"),
        (BadExample, "example 1 of com.acme.thing.seen.v1 is not valid"),
        (BadName, "write the event type like"),
        (InDict, "nests a model in another way"),
        (InUnion, "nests a model in another way"),
        (InTuple, "nests a model in another way"),
        (InListOfLists, "nests a model in another way"),
        (Endless, "contains its own model"),
        (Timeless, "`until` names a field"),
        (Endlessly, "of a type with `window`"),
    ],
)
def test_a_type_that_could_not_be_guarded_is_not_registered(model: type[Payload], says: str) -> None:
    catalogue = Catalogue()
    with pytest.raises(ValueError, match=says.replace(".", r"\.")):
        catalogue.register(model)
    assert model.spec.type not in catalogue


def test_a_name_is_taken_once(catalogue: Catalogue) -> None:
    with pytest.raises(ValueError, match="registered twice"):
        Catalogue([entry.model for entry in catalogue] * 2)


def test_categories_add_up_from_outside_in() -> None:
    class Wrapper(Part):
        inner: Annotated[Inner | None, Category.NONE] = None
        free: Annotated[list[str] | None, Category.FREE_TEXT] = None

    class Seen(Payload):
        id: Annotated[str, Category.NONE]
        wrappers: Annotated[list[Wrapper] | None, Category.STAFF] = None
        hidden: Annotated[Inner | None, HUB_ONLY] = None
        spec = spec()

    entry = Catalogue([Seen]).entry(Seen.spec.type)
    assert dict(entry.flat_fields()) == {
        "id": {Category.NONE},
        "wrappers[].inner.secret": {Category.STAFF, Category.HEALTH},
        "wrappers[].free[]": {Category.STAFF, Category.FREE_TEXT},
    }
    assert entry.categories == {Category.NONE, Category.STAFF, Category.HEALTH, Category.FREE_TEXT}


def test_a_vendors_validator_cannot_leak_through_its_text() -> None:
    """Promise 8: only the code of a rule that is not ours is told."""

    class Seen(Payload):
        id: Annotated[str, Category.NONE]
        code: Annotated[str, Category.NONE] = ""
        counts: Annotated[dict[str, int], Category.AGGREGATE] = Field(default_factory=dict)
        spec = spec()

        @field_validator("id")
        @classmethod
        def _quotes(cls, value: str) -> str:
            raise ValueError(f"{value} is bad")

        @field_validator("code")
        @classmethod
        def _custom(cls, value: str) -> str:
            raise PydanticCustomError("acme_code", "{value} is bad", {"value": value})

    attributes = {"specversion": "1.0", "id": "1", "source": "s", "type": Seen.spec.type}
    with pytest.raises(InvalidEvent) as caught:
        Catalogue([Seen]).describe(
            Event(attributes, {"id": "canary", "code": "canary", "counts": {"canary": "canary"}})
        )
    assert [(p.where, p.rule) for p in caught.value.problems] == [
        ("data.id", "value_error"),
        ("data.code", "acme_code"),
        ("data.counts", "int_type"),
    ]
    assert "canary" not in str(caught.value)


def test_models_are_told_apart_from_their_parts() -> None:
    """A part that is no `Part` works too; its fields are guarded alike."""

    class Plain(BaseModel):
        name: Annotated[str, Category.NAME]

    class Seen(Payload):
        id: Annotated[str, Category.NONE]
        plain: Plain | None = None
        spec = spec()

    assert dict(Catalogue([Seen]).entry(Seen.spec.type).flat_fields())["plain.name"] == {Category.NAME}


def test_a_list_of_annotated_parts_is_a_list_of_parts() -> None:
    class Seen(Payload):
        id: Annotated[str, Category.NONE]
        parts: list[Annotated[Inner, Field(description="one of them")]] | None = None
        spec = spec()

    assert dict(Catalogue([Seen]).entry(Seen.spec.type).flat_fields())["parts[].secret"] == {Category.HEALTH}


def test_the_first_example_is_the_one_that_is_shown_and_examples_are_numbered_from_one(catalogue: Catalogue) -> None:
    entry = catalogue.entry(REPORTED)
    assert len(entry.spec.examples) > 1
    assert catalogue.example(entry) == catalogue.example(entry, 0)
    assert [catalogue.example(entry, index)["id"] for index in (0, 1)] == [
        "example-absence.reported.v1-1",
        "example-absence.reported.v1-2",
    ]


@pytest.mark.parametrize("left_out", ["subject", "partitionkey"])
def test_one_of_subject_and_key_may_be_left_out_alone(catalogue: Catalogue, left_out: str) -> None:
    whole = catalogue.describe(event(catalogue)).event
    part = {name: value for name, value in whole.attributes.items() if name != left_out}
    assert catalogue.describe(Event(part, whole.data)).event == whole


def test_an_event_that_needs_no_change_is_passed_on_itself(catalogue: Catalogue) -> None:
    whole = catalogue.describe(event(catalogue)).event
    assert catalogue.describe(whole).event is whole


@pytest.mark.parametrize("what", [["a", "a"], ["a", "A"], ["a", "b", "a"]])
def test_a_person_who_is_named_twice_is_one(what: list[str]) -> None:
    class Meeting(Payload):
        """People who meet."""

        people: Annotated[list[str], Category.IDENTITY]
        room: Annotated[str, Category.NONE]
        spec = EventSpec("com.acme.meeting.held.v1", Ref("room", "room"), Ref("room", "room"), about=("people[]",))

    mine = Catalogue([Meeting])
    given = Event({"specversion": "1.0", "id": "1", "source": "urn:x", "type": Meeting.spec.type},
                  {"people": what, "room": "1"})  # fmt: skip
    assert mine.describe(given).about == tuple(dict.fromkeys(each.lower() for each in what))


def test_what_a_model_accepts_is_the_model_itself(catalogue: Catalogue) -> None:
    """Vendors validate with the models too."""
    for entry in catalogue:
        for data in entry.spec.examples:
            assert isinstance(entry.model.model_validate(data), entry.model)


def test_state_of_schedule_attendance_and_meals_goes_with_the_retention(catalogue: Catalogue) -> None:
    assert {entry.spec.family for entry in catalogue if entry.spec.window} == {
        "schedule",
        "attendance",
        "meals",
        "operator",
    }
    assert {entry.spec.family for entry in catalogue if not entry.spec.window} == {"directory", "absence", "case"}


def test_what_ends_an_entity_is_a_deletion_or_a_closed_case(catalogue: Catalogue) -> None:
    ends = {entry.type for entry in catalogue if entry.type.endswith((".deleted.v1", ".case.closed.v1"))}
    assert {entry.type for entry in catalogue if entry.spec.ends} == ends


@pytest.mark.parametrize(
    ("type_", "family", "version"),
    [("se.skolnav.absence.reported.v1", "absence", 1), ("com.acme.vent.x.v12", "com.acme.vent", 12),
     ("com.acme.very.vague.v2", "com.acme.very", 2)],
)  # fmt: skip
def test_a_type_tells_its_family_and_its_version(type_: str, family: str, version: int) -> None:
    spec = EventSpec(type_, Ref("thing", "id"), Ref("thing", "id"))
    assert (spec.family, spec.version) == (family, version)


@pytest.mark.parametrize("wrong", [{"purpose": ["canary"]}, {"scope": {"organisations": ["canary"]}}])
def test_a_refused_contract_quotes_no_value(wrong: dict[str, Any]) -> None:
    """Promise 8: what a configuration holds may be a secret or a person."""
    whole = {"purpose": "test", "legal_basis": "test", "categories": ["name"], **wrong}
    with pytest.raises(ValidationError) as caught:
        DataContract.model_validate(whole)
    assert "canary" not in str(caught.value)


def test_a_type_may_be_ordered_by_something_else_than_its_subject() -> None:
    class Seen(Payload):
        id: Annotated[str, Category.NONE]
        room: Annotated[str, Category.NONE]
        spec = spec(key=Ref("room", "room"), entity=Ref("visit", "room/id"))

    given = {"specversion": "1.0", "id": "1", "source": "urn:x", "type": Seen.spec.type}
    described = Catalogue([Seen]).describe(Event(given, {"id": "a", "room": "b"}))
    assert (described.subject, described.key, described.entity) == ("thing/a", "room/b", "visit/b/a")
