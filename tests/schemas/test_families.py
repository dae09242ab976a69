"""The families: real records are taken, nonsense is refused, and each field tells what a data protection officer
would say that it tells.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import Catalogue, Category, Entry, Event, InvalidEvent, Problem
from schemas.case import HUMAN_KINDS, KINDS

DIRECTORY = "se.skolnav.directory"
LESSON = "se.skolnav.schedule.lesson.scheduled.v1"
DELETED = [f"{DIRECTORY}.{kind}.deleted.v1" for kind in ("person", "group", "duty", "activity", "room", "organisation")]
UUID = "3b0b6f0e-0b52-4f0c-8f52-5d9a3a1f2c01"
OTHER = "9e2a5a0c-4a4e-4a43-8d9e-0c7b5a1b2c03"


def take(catalogue: Catalogue, type_: str, data: Any) -> Any:
    event = Event({"specversion": "1.0", "id": "1", "source": "urn:sis", "type": type_}, data)
    return catalogue.describe(event)


def rules(catalogue: Catalogue, type_: str, data: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidEvent) as caught:
        take(catalogue, type_, data)
    return [(problem.where, problem.rule) for problem in caught.value.problems]


def fields(catalogue: Catalogue, type_: str) -> dict[str, frozenset[Category]]:
    return dict(catalogue.entry(type_).flat_fields())


@pytest.mark.shared
@pytest.mark.parametrize(
    ("type_", "pattern", "least"),
    [
        (f"{DIRECTORY}.organisation.upserted.v1", "*organisations*.json", 3),
        (f"{DIRECTORY}.person.upserted.v1", "*person*.json", 136),
        (f"{DIRECTORY}.group.upserted.v1", "*groups*.json", 9),
        (f"{DIRECTORY}.duty.upserted.v1", "*duties*.json", 8),
        (f"{DIRECTORY}.activity.upserted.v1", "*activities*.json", 7),
        (LESSON, "*calendarEvents.page*.json", 30),
    ],
)
def test_every_record_of_a_real_school_system_is_taken_as_it_is(
    catalogue: Catalogue, reference: Path, type_: str, pattern: str, least: int
) -> None:
    taken = 0
    for path in sorted((reference / "ss12000/demo-sis").glob(pattern)):
        content = json.loads(path.read_text())
        records = content["data"] if isinstance(content, dict) and "data" in content else content
        for record in records if isinstance(records, list) else [records]:
            described = take(catalogue, type_, record)
            assert described.event.data == record
            assert described.subject.endswith(record["id"])
            taken += 1
    assert taken >= least


@pytest.mark.shared
def test_what_the_school_system_deleted_is_taken(catalogue: Catalogue, reference: Path) -> None:
    page = json.loads((reference / "ss12000/demo-sis/delta.deletedEntities.page1.json").read_text())
    for gone in page["data"]:
        described = take(catalogue, f"{DIRECTORY}.{gone['entityType'].lower()}.deleted.v1", gone)
        assert described.about == (gone["id"],)
        assert described.entry.spec.ends


@pytest.mark.shared
@pytest.mark.parametrize(
    ("schema", "type_"),
    [
        ("Person", f"{DIRECTORY}.person.upserted.v1"),
        ("Group", f"{DIRECTORY}.group.upserted.v1"),
        ("Duty", f"{DIRECTORY}.duty.upserted.v1"),
        ("Activity", f"{DIRECTORY}.activity.upserted.v1"),
        ("Room", f"{DIRECTORY}.room.upserted.v1"),
        ("Organisation", f"{DIRECTORY}.organisation.upserted.v1"),
        ("CalendarEvent", LESSON),
        ("Absence", "se.skolnav.absence.reported.v1"),
        ("Attendance", "se.skolnav.attendance.recorded.v1"),
        ("AttendanceEvent", "se.skolnav.attendance.checked_in.v1"),
    ],
)
def test_every_field_of_the_standard_is_known(catalogue: Catalogue, reference: Path, schema: str, type_: str) -> None:
    """SS 12000 v2.1, top level. What is left out is left out on purpose."""
    standard = json.loads((reference / "ss12000/fields.json").read_text())[schema]["properties"]
    known = catalogue.entry(type_).model.model_fields
    assert set(standard) - set(known) == {"Attendance": {"absenceReason"}}.get(schema, {"_embedded"} & set(standard))


@pytest.mark.parametrize("kind", ["person", "group", "duty", "activity", "room", "organisation", "diet"])
@pytest.mark.parametrize("id_", [None, 7, "", "K-017", f"{UUID}x", f" {UUID}", UUID.replace("-", "")])
def test_an_entity_without_a_uuid_is_refused(catalogue: Catalogue, kind: str, id_: Any) -> None:
    for what in ("upserted", "deleted"):
        type_ = f"{DIRECTORY}.{kind}.{what}.v1"
        data = {**catalogue.entry(type_).spec.examples[0], "id": id_}
        assert [where for where, _ in rules(catalogue, type_, data)] == ["data.id"]


@st.composite
def nearly_uuids(draw: st.DrawFn) -> str:
    """A UUID with a character put in, taken out or replaced, most of all at its ends."""
    text = str(draw(st.uuids()))
    at, taken = draw(st.sampled_from([0, 36]) | st.integers(0, 36)), draw(st.integers(0, 2))
    put = draw(st.sampled_from(["", "a", "F", "7", "g", "-", "{", " ", "\n", "\r", "\x00", "\u2028", "٣", "a"]))
    return text[:at] + put + text[at + taken :]


@given(st.uuids().map(str) | st.uuids().map(str).map(str.upper) | nearly_uuids() | st.text(max_size=40))
def test_an_id_is_a_uuid_or_the_field_is_named(catalogue: Catalogue, id_: str) -> None:
    hexadecimal = set("0123456789abcdefABCDEF")
    parts = id_.split("-")
    is_uuid = [len(part) for part in parts] == [8, 4, 4, 4, 12] and set("".join(parts)) <= hexadecimal
    data = {**catalogue.entry(LESSON).spec.examples[0], "id": id_}
    if is_uuid:
        assert take(catalogue, LESSON, data).entity == f"lesson/{id_.lower()}"
    else:
        with pytest.raises(InvalidEvent) as caught:
            take(catalogue, LESSON, data)
        assert caught.value.problems == (Problem("data.id", "uuid", "must be a UUID"),)


@pytest.mark.parametrize(
    ("kind", "wrong", "where"),
    [
        ("person", {"givenName": 7}, "data.givenName"),
        ("person", {"emails": "a@b.example"}, "data.emails"),
        ("person", {"emails": [{"value": None}]}, "data.emails[0].value"),
        ("person", {"birthDate": "20130228"}, "data.birthDate"),
        ("person", {"birthDate": "2026-W10-1"}, "data.birthDate"),
        ("person", {"securityMarking": False}, "data.securityMarking"),
        ("person", {"civicNo": "201302300000"}, "data.civicNo"),
        ("person", {"enrolments": [{"enroledAt": UUID}]}, "data.enrolments[0].enroledAt"),
        ("person", {"enrolments": [{"enroledAt": {"id": UUID}, "cancelled": "no"}]}, "data.enrolments[0].cancelled"),
        ("person", {"meta": {"created": "yesterday"}}, "data.meta.created"),
        ("group", {"groupMemberships": {}}, "data.groupMemberships"),
        ("duty", {"dutyPercent": "100"}, "data.dutyPercent"),
        ("duty", {"dutyPercent": True}, "data.dutyPercent"),
        ("activity", {"teachers": [{"duty": []}]}, "data.teachers[0].duty"),
        ("room", {"seats": 30.5}, "data.seats"),
        ("organisation", {"schoolTypes": "GR"}, "data.schoolTypes"),
        ("diet", {"codes": []}, "data.codes"),
        ("diet", {"codes": [""]}, "data.codes[0]"),
        ("diet", {"person": None}, "data.person"),
    ],
)
def test_a_known_field_of_the_wrong_kind_is_refused_with_its_place(
    catalogue: Catalogue, kind: str, wrong: dict[str, Any], where: str
) -> None:
    type_ = f"{DIRECTORY}.{kind}.upserted.v1"
    data = {**catalogue.entry(type_).spec.examples[0], **wrong}
    assert [place for place, _ in rules(catalogue, type_, data)] == [where]


@pytest.mark.parametrize("type_", [f"{DIRECTORY}.person.upserted.v1", LESSON, "se.skolnav.case.opened.v1"])
def test_an_optional_field_may_be_null(catalogue: Catalogue, type_: str) -> None:
    entry = catalogue.entry(type_)
    optional = {name: None for name, info in entry.model.model_fields.items() if not info.is_required()}
    assert not take(catalogue, type_, {**entry.spec.examples[0], **optional}).event.data[
        "meta" if "meta" in optional else "status"
    ]


@pytest.mark.parametrize(
    "civic", ["201302300000", "20130230-0000", "130230-0000", "130230+0000", "20130101TF01", "20130290-0000", ""]
)
def test_a_civic_number_is_taken_in_every_shape(catalogue: Catalogue, civic: str) -> None:
    assert not take(catalogue, f"{DIRECTORY}.person.upserted.v1", {"id": UUID, "civicNo": {"value": civic}}).extras


def test_a_source_says_how_far_it_is_complete(catalogue: Catalogue) -> None:
    described = take(catalogue, f"{DIRECTORY}.current.v1", {"asOf": "2026-11-24T05:45:00+01:00"})
    assert described.subject == described.key == described.entity == "source/urn:sis"
    assert rules(catalogue, f"{DIRECTORY}.current.v1", {"asOf": "2026-11-24T05:45:00"}) == [("data.asOf", "date_time")]


def test_a_persons_state_is_kept_per_source(catalogue: Catalogue) -> None:
    described = take(catalogue, f"{DIRECTORY}.person.upserted.v1", {"id": UUID})
    assert (described.key, described.entity) == (f"person/{UUID}", f"person/{UUID}/urn:sis")


@pytest.mark.parametrize("kind", ["nonsense", "Examination", "acme.", ".acme", "acme.Locker", "", f"acme.{'a' * 60}"])
def test_a_kind_of_case_is_known_or_has_a_prefix(catalogue: Catalogue, kind: str) -> None:
    case = "se.skolnav.case.opened.v1"
    assert [where for where, _ in rules(catalogue, case, {"id": UUID, "kind": kind})] == ["data.kind"]
    for known in (*KINDS, "acme.locker_key", f"acme.{'a' * 59}"):
        assert take(catalogue, case, {"id": UUID, "kind": known}).entity == f"case/{UUID}"


@pytest.mark.parametrize(
    "wrong",
    [
        {"kitchen": "K 1"},
        {"kitchen": "a/b"},
        {"sitting": ""},
        {"revision": 0},
        {"status": "final"},
        {"counts": [{"diet": "NORMAL", "portions": -1}]},
        {"enrolled": 1_000_001},
        {"servingTime": "24:00"},
        {"servingTime": "11:10\n"},
        {"complete": None},
    ],
)
def test_a_meal_count_that_makes_no_sense_is_refused(catalogue: Catalogue, wrong: dict[str, Any]) -> None:
    type_ = "se.skolnav.meals.count.v1"
    data = {**catalogue.entry(type_).spec.examples[0], **wrong}
    assert [where.startswith(f"data.{next(iter(wrong))}") for where, _ in rules(catalogue, type_, data)] == [True]


@pytest.mark.parametrize(
    ("start", "end", "holds"),
    [
        ("2026-11-24T08:00:00+01:00", "2026-11-24T08:00:00+01:00", True),
        ("2026-11-24T08:00:00+01:00", "2026-11-24T07:59:59+01:00", False),
        ("2026-11-24T08:00:00+01:00", "2026-11-23T16:00:00+01:00", False),
        ("2026-10-25T02:30:00+02:00", "2026-10-25T02:10:00+01:00", True),  # over the hour that comes twice
        ("2026-11-24T08:00:00+01:00", "2026-11-24T07:30:00Z", True),
        ("2026-11-24T08:00:00+01:00", "2026-11-24T08:30:00+02:00", False),
        ("2026-11-24T08:00:00.5Z", "2026-11-24T08:00:00Z", False),
        ("2026-11-24T08:00:00Z", "2026-11-24t07:00:00Z", False),
    ],
)
def test_an_absence_ends_after_it_starts(catalogue: Catalogue, start: str, end: str, holds: bool) -> None:
    type_ = "se.skolnav.absence.reported.v1"
    data = {**catalogue.entry(type_).spec.examples[0], "startTime": start, "endTime": end}
    if holds:
        take(catalogue, type_, data)
    else:
        assert rules(catalogue, type_, data) == [("data", "ends_before_it_starts")]


def test_a_coming_and_a_going_are_not_mixed_up(catalogue: Catalogue) -> None:
    came = "se.skolnav.attendance.checked_in.v1"
    data = {**catalogue.entry(came).spec.examples[0], "eventType": "Ut"}
    assert rules(catalogue, came, data) == [("data.eventType", "literal_error")]
    assert take(catalogue, came.replace("in", "out"), data).entity == f"presence/{UUID}"


def test_previous_values_are_held_to_the_same_types(catalogue: Catalogue) -> None:
    changed = "se.skolnav.schedule.lesson.changed.v1"
    data = catalogue.entry(changed).spec.examples[0]
    assert rules(catalogue, changed, {**data, "changed": {"teachers": "A teacher's name"}}) == [
        ("data.changed.teachers", "list_type")
    ]


# What a data protection officer asks of the fields.


def entries() -> list[Entry]:
    from schemas import core_catalogue

    return list(core_catalogue())


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.type)
class TestEveryType:
    def test_whoever_is_named_is_known_to_the_gate(self, entry: Entry) -> None:
        """Each id of a person is among `about` or `mentions`: else the gate would not look at their marking."""
        people = {
            path for path, categories in entry.flat_fields() if path.endswith("id") and Category.IDENTITY in categories
        }
        assert people == {*entry.spec.about, *entry.spec.mentions}

    def test_a_protected_persons_marking_is_for_the_hub_alone(self, entry: Entry) -> None:
        assert not [path for path, _ in entry.flat_fields() if "securityMarking" in path]

    def test_free_text_says_so(self, entry: Entry) -> None:
        for path, categories in entry.flat_fields():
            if path.rpartition(".")[2] in ("comment", "text", "note", "reason", "description", "title", "info"):
                assert Category.FREE_TEXT in categories, path

    def test_names_and_contacts_come_from_the_directory_alone(self, entry: Entry) -> None:
        """A display name on a reference is the one exception, and is category name."""
        if entry.spec.family != "directory":
            named = {path for path, categories in entry.flat_fields() if Category.NAME in categories}
            assert all(path.endswith(".displayName") for path in named)
            assert not entry.categories & {Category.CONTACT, Category.PROTECTED_ADDRESS}

    def test_previous_values_have_the_categories_of_the_values(self, entry: Entry) -> None:
        now = dict(entry.flat_fields())
        for path, categories in now.items():
            if path.startswith("changed."):
                assert categories == now[path.removeprefix("changed.")], path

    def test_a_state_family_names_its_entity(self, entry: Entry) -> None:
        assert entry.spec.entity is not None
        assert entry.spec.ends == entry.type.endswith((".deleted.v1", ".closed.v1")) or entry.spec.family == "schedule"


@pytest.mark.parametrize(
    ("path", "categories"),
    [
        ("id", "identity"),
        ("civicNo.value", "identity"),
        ("birthDate", "identity"),
        ("eduPersonPrincipalNames[]", "identity"),
        ("externalIdentifiers[].value", "identity"),
        ("meta.modified", "identity"),
        ("personStatus", "identity"),
        ("givenName", "name"),
        ("photo", "identity name"),
        ("emails[].value", "contact"),
        ("phoneNumbers[].value", "contact"),
        ("addresses[].streetAddress", "protected_address"),
        ("addresses[].municipalityCode", "protected_address"),
        ("enrolments[].enroledAt.id", "group"),
        ("enrolments[].schoolType", "group"),
        ("enrolments[].specification", "free_text group"),
        ("responsibles[].person.id", "contact identity"),
        ("responsibles[].person.displayName", "contact identity name"),
        ("responsibles[].relationType", "contact identity"),
    ],
)
def test_a_person_is_told_piece_by_piece(catalogue: Catalogue, path: str, categories: str) -> None:
    assert " ".join(sorted(fields(catalogue, f"{DIRECTORY}.person.upserted.v1")[path])) == categories


@pytest.mark.parametrize(
    ("type_", "path", "categories"),
    [
        (f"{DIRECTORY}.group.upserted.v1", "groupMemberships[].person.id", "group identity"),
        (f"{DIRECTORY}.duty.upserted.v1", "signature", "name staff"),
        (f"{DIRECTORY}.duty.upserted.v1", "dutyAt.id", "staff"),
        (f"{DIRECTORY}.activity.upserted.v1", "teachers[].duty.id", "staff"),
        (f"{DIRECTORY}.diet.upserted.v1", "codes[]", "diet"),
        (f"{DIRECTORY}.diet.upserted.v1", "id", "diet"),
        (LESSON, "studentExceptions[].student.id", "attendance identity"),
        (LESSON, "teacherExceptions[].participates", "staff"),
        (LESSON, "rooms[].displayName", "none"),
        ("se.skolnav.absence.reported.v1", "startTime", "attendance"),
        ("se.skolnav.absence.reported.v1", "registeredBy.id", "identity staff"),
        ("se.skolnav.attendance.recorded.v1", "invalidAbsenceMinutes", "attendance"),
        ("se.skolnav.case.opened.v1", "kind", "case_content"),
        ("se.skolnav.case.opened.v1", "content", "case_content free_text health"),
        ("se.skolnav.case.decided.v1", "items[].decision.reason", "case_content free_text"),
        ("se.skolnav.case.message_added.v1", "message.text", "case_content free_text"),
    ],
)
def test_what_a_field_tells(catalogue: Catalogue, type_: str, path: str, categories: str) -> None:
    assert " ".join(sorted(fields(catalogue, type_)[path])) == categories


def test_a_meal_count_tells_of_nobody(catalogue: Catalogue) -> None:
    entry = catalogue.entry("se.skolnav.meals.count.v1")
    assert entry.categories == {Category.AGGREGATE, Category.NONE}
    assert not entry.spec.about
    assert not entry.spec.mentions


@pytest.mark.parametrize(("minutes", "accepted"), [(-1, False), (0, True), (10_000_000, True), (10_000_001, False)])
def test_minutes_have_bounds(catalogue: Catalogue, minutes: int, accepted: bool) -> None:
    type_ = "se.skolnav.attendance.unauthorised_confirmed.v1"
    data = {"id": UUID, "student": {"id": OTHER}, "date": "2026-11-24", "minutes": minutes}
    if accepted:
        assert take(catalogue, type_, data).event.data["minutes"] == minutes
    else:
        assert [where for where, _ in rules(catalogue, type_, data)] == ["data.minutes"]


@pytest.mark.parametrize(("portions", "accepted"), [(-1, False), (0, True), (1_000_000, True), (1_000_001, False)])
def test_counts_have_bounds(catalogue: Catalogue, portions: int, accepted: bool) -> None:
    type_ = "se.skolnav.meals.count.v1"
    data = {**catalogue.entry(type_).spec.examples[0], "staffPortions": portions}
    if accepted:
        assert take(catalogue, type_, data).event.data["staffPortions"] == portions
    else:
        assert [where for where, _ in rules(catalogue, type_, data)] == ["data.staffPortions"]


@pytest.mark.parametrize("kind", sorted(HUMAN_KINDS))
def test_every_decision_in_such_a_case_names_its_human_and_an_open_item_needs_none(
    catalogue: Catalogue, kind: str
) -> None:
    """Promise 10."""
    decision = {"outcome": "granted", "decidedAt": "2026-11-24T13:00:00+01:00"}
    named = {"id": "1", "decision": {**decision, "decidedBy": {"id": UUID}}}
    case = {"id": UUID, "kind": kind, "items": [{"id": "0"}, named]}
    opened = "se.skolnav.case.opened.v1"
    assert take(catalogue, opened, case).entity == f"case/{UUID}"
    case["items"].append({"id": "2", "decision": decision})
    assert [rule for _, rule in rules(catalogue, opened, case)] == ["decided_by_a_human"]
