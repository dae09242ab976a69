import json
import re
from datetime import date
from typing import Annotated

from plugins import Category
from plugins.testing import School
from schemas import Event, EventSpec, Payload, PersonRef, Ref, core_catalogue
from schemas.absence import AbsenceChanged, AbsenceReported

CATALOGUE = core_catalogue()


class Diary(Payload):
    spec = EventSpec(
        type="test.diary.page.v1",
        subject=Ref("person", "pupil.id"),
        key=Ref("person", "pupil.id"),
        about=("pupil.id",),
        examples=({"pupil": {"id": "3b0b6f0e-0b52-4f0c-8f52-5d9a3a1f2c01"}, "at": "2026-11-24T08:00:00+01:00"},),
    )
    pupil: PersonRef
    at: Annotated[str, Category.ATTENDANCE]
    text: Annotated[str | None, Category.FREE_TEXT, Category.HEALTH] = None
    tags: Annotated[list[str] | None, Category.DIET] = None
    more: Annotated[dict[str, str] | None, Category.CASE_CONTENT] = None
    room: Annotated[str | None, Category.NONE] = None


def test_every_event_of_the_directory_is_taken_by_the_catalogue():
    for event in School().directory("2026-11-24T06:30:00+00:00"):
        CATALOGUE.describe(Event.from_dict(event))


def test_every_type_with_examples_can_be_about_one_of_the_pupils():
    school = School()
    for entry in CATALOGUE:
        described = CATALOGUE.describe(Event.from_dict(school.about(entry.model, school.pupils[1])))
        if entry.spec.about and "person" not in str(entry.spec.about):
            assert described.about == (school.pupils[1],), entry.type


def test_an_event_is_about_the_pupil_at_the_school_and_mentions_the_teacher():
    school = School()
    data = school.about(AbsenceReported, school.protected)["data"]
    assert data["student"]["id"] == school.protected
    assert data["organisation"]["id"] == school.unit
    assert data["registeredBy"]["id"] == school.teacher


def test_there_is_a_canary_in_each_text_about_people_and_in_what_is_not_listed():
    school = School()
    event = school.about(Diary)
    categories = {canary.categories for canary in school.canaries if canary.value in json.dumps(event)}
    assert {
        frozenset({Category.IDENTITY}),
        frozenset({Category.NAME}),
        frozenset({Category.ATTENDANCE}),
        frozenset({Category.FREE_TEXT, Category.HEALTH}),
        frozenset({Category.DIET}),
        frozenset({Category.CASE_CONTENT}),
        frozenset(),
    } <= categories
    assert "room" not in event["data"]


def test_a_time_keeps_its_minute():
    event = School().about(AbsenceReported)
    assert re.fullmatch(r"2026-11-24T08:00:\d\d\.\d{6}\+01:00", event["data"]["startTime"])


def test_a_canary_is_found_by_its_category_and_its_value_is_not_told():
    school = School()
    text = json.dumps(school.about(Diary)).upper().encode()
    found = school.found_in(text)
    assert found == ["attendance", "case_content", "diet", "free_text+health", "identity", "name", "unlisted"]
    assert school.found_in(text, {Category.FREE_TEXT, Category.NAME}) == [
        "attendance",
        "case_content",
        "diet",
        "free_text+health",
        "identity",
        "unlisted",
    ]
    assert school.found_in(b"nothing about anybody") == []


def test_what_changed_has_a_canary_too():
    school = School()
    event = school.about(AbsenceChanged)
    assert school.found_in(json.dumps(event["data"]["changed"]).encode()) == ["attendance"]


def test_lessons_are_taken_by_the_catalogue_and_are_at_the_school_s_hours_in_summer_and_winter():
    for day, offset in ((date(2026, 11, 24), "+01:00"), (date(2026, 5, 12), "+02:00")):
        first, second = School().lessons(day)
        for event in (first, second):
            CATALOGUE.describe(Event.from_dict(event))
        assert first["data"]["startTime"] == f"{day}T09:40:00{offset}"
        assert second["data"]["cancelled"] is True


def test_the_same_lesson_has_the_same_id_and_another_day_s_another():
    school = School()
    today, again, tomorrow = (school.lessons(date(2026, 11, day)) for day in (24, 24, 25))
    assert [each["data"]["id"] for each in today] == [each["data"]["id"] for each in again]
    assert today[0]["data"]["id"] != tomorrow[0]["data"]["id"]


def test_nothing_of_the_protected_teacher_may_be_seen_with_any_category():
    school = School()
    told = json.dumps(school.lessons(date(2026, 11, 24))).encode()
    assert school.found_in(told, set(Category)) == ["unlisted"]
