"""The reduction alone: data of a shape that the catalogue does not promise never leaves, and is never called whole."""

from typing import Any

import pytest

from hub.privacy.reduce import Plan, Walk
from schemas import Category, core_catalogue
from tests.school import ABSENCE, GROUP, PERSON, absence, group, pupil, uid

ALL = frozenset(Category)
ANNA = uid("Anna")


def reduced(type_: str, data: Any, allowed: frozenset[Category] = ALL) -> tuple[Any, Walk]:
    walk = Walk(keep=lambda id, ref: True, pseudonym=lambda id: f"p-{id[:4]}")
    return Plan(core_catalogue().entry(type_), allowed).reduce({"data": data}, walk)["data"], walk


@pytest.mark.parametrize(
    ("type_", "data"),
    [(PERSON, pupil(ANNA, givenName="Anna")), (ABSENCE, absence(ANNA)), (GROUP, group(ANNA))],
)
def test_what_the_contract_allows_is_whole(type_: str, data: dict[str, Any]) -> None:
    left, walk = reduced(type_, data)
    mark = data.pop("securityMarking", None)
    assert left == data
    assert walk.removed is (mark is not None)
    assert walk.matters


@pytest.mark.parametrize("data", ["text", 7, None, ["a"]])
def test_data_that_is_no_object_is_removed(data: Any) -> None:
    left, walk = reduced(PERSON, data)
    assert (left, walk.removed, walk.matters) == ({}, True, False)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("responsibles", {"person": {"id": ANNA}}),
        ("responsibles", "text"),
        ("civicNo", ["130101-1000"]),
        ("civicNo", "130101-1000"),
        ("unlisted", "text"),
    ],
)
def test_a_field_of_another_shape_is_removed(field: str, value: Any) -> None:
    left, walk = reduced(PERSON, {"id": ANNA, "givenName": "Anna", field: value})
    assert left == {"id": ANNA, "givenName": "Anna"}
    assert walk.removed


@pytest.mark.parametrize("item", ["text", 7, None, ["a"]])
def test_an_item_that_is_no_object_is_removed_from_its_list(item: Any) -> None:
    left, walk = reduced(GROUP, {**group(ANNA), "groupMemberships": [item, {"person": {"id": ANNA}}]})
    assert left["groupMemberships"] == [{"person": {"id": ANNA}}]
    assert walk.removed


def test_what_is_left_shares_nothing_with_what_is_stored() -> None:
    data = {"id": ANNA, "eduPersonPrincipalNames": ["a", "b"], "enrolments": [{"enroledAt": {"id": uid("unit")}}]}
    left, walk = reduced(PERSON, data)
    assert (left, walk.removed) == (data, False)
    assert left["eduPersonPrincipalNames"] is not data["eduPersonPrincipalNames"]
    left["enrolments"][0]["enroledAt"]["id"] = "changed"
    assert data["enrolments"][0]["enroledAt"]["id"] == uid("unit")  # type: ignore[index]


@pytest.mark.parametrize("empty", [None, "", [], {}])
def test_an_empty_value_tells_nothing(empty: Any) -> None:
    _, walk = reduced(PERSON, {"id": ANNA, "emails": empty if empty in (None, []) else None, "birthDate": empty})
    assert not walk.matters


def test_a_null_is_a_null_where_nobody_could_have_been_removed() -> None:
    left, walk = reduced(PERSON, {"id": ANNA, "middleName": None, "emails": None, "responsibles": None})
    assert left == {"id": ANNA, "middleName": None, "emails": None}, "a null of the tie could be a removed guardian"
    assert walk.removed


def test_without_identity_a_person_has_the_recipients_name_for_them() -> None:
    left, walk = reduced(ABSENCE, absence(ANNA.upper()), ALL - {Category.IDENTITY})
    assert left["student"] == {"id": f"p-{ANNA[:4]}"}
    assert walk.removed
