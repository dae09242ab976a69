"""Within a version of an event type only optional fields are added: the catalogue is compared with the last release."""

import pytest

from tests.schemas.released import LAST, breaking, current

TYPE = "com.acme.menu.v1"
HEAD = f"{TYPE} key menu/{{id}}, entity menu/{{id}}"
ID = f"{TYPE} id string uuid, required, none"
DISH = f"{TYPE} dish object, optional, -"
NAME = f"{TYPE} dish.name string, required, free_text"
OLD = [HEAD, ID, DISH, NAME]


@pytest.mark.parametrize("kept", LAST, ids=lambda path: path.stem)
def test_the_catalogue_breaks_nothing_that_a_release_promised(kept):
    assert breaking(kept.read_text("utf-8").splitlines(), current()) == [], "make it optional, or a new type (.v2)"


def test_a_release_is_kept():
    assert LAST


def test_the_present_catalogue_has_a_line_for_each_field():
    found = current()
    assert len(found) == len(set(found)) > 600
    assert "se.skolnav.absence.reported.v1 key person/{student.id}, entity absence/{id}" in found
    assert "se.skolnav.absence.reported.v1 student.id string uuid, required, identity" in found
    assert "se.skolnav.absence.reported.v1 student.securityMarking string, optional, hub-only" in found
    assert "se.skolnav.absence.reported.v1 type Anmäld frånvaro | Beviljad ledighet, required, attendance" in found
    assert "se.skolnav.directory.person.upserted.v1 enrolments[].enroledAt.id string uuid, required, group" in found


@pytest.mark.parametrize(
    ("new", "says"),
    [
        ([], "com.acme.menu.v1 is gone"),
        ([HEAD, ID], "dish is gone"),
        ([HEAD, ID, DISH], "dish.name is gone"),
        ([HEAD.replace("key menu/{id}", "key kitchen/{kitchen}"), *OLD[1:]], "key was `menu/{id}"),
        ([HEAD, ID.replace("string uuid", "string"), DISH, NAME], "id was `string uuid, required, none` and is"),
        ([HEAD, ID.replace("required", "optional"), DISH, NAME], "is `string uuid, optional, none`"),
        ([HEAD, ID, DISH.replace("optional", "required"), NAME], "dish was `object, optional, -`"),
        ([HEAD, ID, DISH, NAME.replace("free_text", "none")], "free_text` and is `string, required, none`"),
        ([*OLD, f"{TYPE} day string date, required, none"], "day is new and required"),
        ([*OLD, f"{TYPE} dish.day string date, required, none"], "dish.day is new and required"),
    ],
)
def test_what_could_break_others_is_named(new, says):
    found = breaking(OLD, new)
    assert [each for each in found if says in each], found


@pytest.mark.parametrize(
    "more",
    [
        [f"{TYPE} day string date, optional, none"],
        [f"{TYPE} day object, optional, -", f"{TYPE} day.date string date, required, none"],
        ["com.acme.other.v1 key other/{id}, entity -", "com.acme.other.v1 id string uuid, required, none"],
    ],
)
def test_what_is_added_breaks_nobody(more):
    assert breaking(OLD, [*OLD, *more]) == []
