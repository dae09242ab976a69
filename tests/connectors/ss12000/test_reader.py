"""Each record is taken or refused with a reason: odd ones, conforming ones from the official file, any at all."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.ss12000.connector import Ss12000
from connectors.ss12000.kinds import ABSENCES, ALL, DIRECTORY, GROUPS, LESSONS, PERSONS, PRESENCES, Kind
from connectors.ss12000.lessons import compare, lesson
from connectors.ss12000.mapping import digest_kept, end_of, news_of, to_keep
from connectors.ss12000.reader import digest, read
from plugins.manager import Plugins
from schemas import Catalogue
from tests.connectors.ss12000.records import absence, group, id_, person
from tests.connectors.ss12000.records import lesson as lesson_record
from tests.school import event

REFERENCE = Path(__file__).resolve().parents[4] / "shared" / "reference" / "ss12000"
OFFICIAL = REFERENCE / "openapi_ss12000_version2_1_0.yaml"


def shared(test: Any) -> Any:
    """A test that needs the reference material."""
    missing = pytest.mark.skipif(not OFFICIAL.is_file(), reason="the reference material is not beside the repository")
    return pytest.mark.shared(missing(test))


@pytest.mark.parametrize(
    ("kind", "raw", "expected"),
    [
        (PERSONS, {"civicNo": "121123-4484"}, {"civicNo": {"value": "121123-4484"}}),
        (PERSONS, {"civicNo": {"value": 201211234484}}, {"civicNo": {"value": "201211234484"}}),
        (PERSONS, {"civicNo": 501010000}, {"civicNo": {"value": "0501010000"}}),
        (PERSONS, {"civicNo": {"value": "20130101TF01"}}, {"civicNo": {"value": "20130101TF01"}}),
        (PERSONS, {"birthDate": "2012-11-23T00:00:00"}, {"birthDate": "2012-11-23"}),
        (PERSONS, {"personStatus": "Okänt värde"}, {"personStatus": "Okänt värde"}),
        (
            PERSONS,
            {"enrolments": {"enroledAt": {"id": id_("o", 1)}}},
            {"enrolments": [{"enroledAt": {"id": id_("o", 1)}}]},
        ),
        (GROUPS, {"organisation": id_("o", 1)}, {"organisation": {"id": id_("o", 1)}}),
        (GROUPS, {"unknownKey": {"a": 1}}, {"unknownKey": {"a": 1}}),
        (
            LESSONS,
            {"teachingLengthStudent": 80.0, "cancelled": "true"},
            {"teachingLengthStudent": 80, "cancelled": True},
        ),
        (LESSONS, {"teachingLengthStudent": "80"}, {"teachingLengthStudent": 80}),
    ],
)
def test_what_is_only_written_differently_is_put_right(
    kind: Kind, raw: dict[str, Any], expected: dict[str, Any]
) -> None:
    base = lesson_record(1, "2026-11-24T08:00:00+01:00") if kind is LESSONS else {"id": id_("x", 1)}
    reading = read(kind, {**base, **raw})
    assert reading.reasons == []
    assert reading.record == {**base, **expected}


@pytest.mark.parametrize(
    ("kind", "raw", "left", "reason"),
    [
        (PERSONS, {"securityMarking": 7.5}, {}, "securityMarking: must be text"),
        (
            PERSONS,
            {"emails": [{"type": "Privat"}, {"value": "a@example.se"}]},
            {"emails": [{"value": "a@example.se"}]},
            "emails[].value: missing",
        ),
        (
            PERSONS,
            {"responsibles": [{"person": {"id": "7"}}]},
            {"responsibles": []},
            "responsibles[].person.id: must be a UUID",
        ),
        (GROUPS, {"groupMemberships": "all"}, {}, "groupMemberships: must be a list"),
        (GROUPS, {"startDate": "2026-02-30"}, {}, "startDate: must be a date YYYY-MM-DD"),
    ],
)
def test_what_can_not_be_read_is_left_out_and_told(
    kind: Kind, raw: dict[str, Any], left: dict[str, Any], reason: str
) -> None:
    reading = read(kind, {"id": id_("x", 1), **raw})
    assert reading.record == {"id": id_("x", 1), **left}
    assert reason in reading.reasons


@pytest.mark.parametrize(
    ("kind", "raw", "reason"),
    [
        (PERSONS, None, "it is no object"),
        (PERSONS, {"id": []}, "id: must be a UUID"),
        (
            LESSONS,
            {**lesson_record(1, "2026-11-24T08:00:00"), "endTime": "2026-11-24T09:00:00Z"},
            "startTime: must be a time with offset",
        ),
        (LESSONS, {**lesson_record(1, "2026-11-24T08:00:00Z"), "activity": None}, "activity: must be an object"),
        (
            ABSENCES,
            {**absence(1, 1, "2026-11-24T08:00:00Z", "2026-11-24T09:00:00Z"), "type": "Sjuk"},
            "type: is a value that the hub does not know",
        ),
        (ABSENCES, {"id": id_("absence", 1)}, "student: missing"),
        (ABSENCES, absence(1, 1, "2026-11-24T09:00:00Z", "2026-11-24T08:00:00Z"), "endTime: is before startTime"),
    ],
)
def test_what_says_nothing_without_it_is_refused(kind: Kind, raw: Any, reason: str) -> None:
    reading = read(kind, raw)
    assert reading.record is None
    assert reason in reading.reasons


@pytest.mark.parametrize(
    ("times", "start"),
    [("local", "2026-10-25T02:30:00+02:00"), ("utc", "2026-10-25T02:30:00+00:00")],
)
def test_times_without_offset_are_what_the_municipality_says(times: str, start: str) -> None:
    reading = read(LESSONS, lesson_record(1, "2026-10-25T02:30:00"), times)
    assert reading.record is not None
    assert reading.record["startTime"] == start


def test_reading_leaves_the_page_as_it_came() -> None:
    raw = person(1, birthDate="no date", emails=[{"type": "Privat"}])
    before = json.dumps(raw)
    read(PERSONS, raw)
    assert json.dumps(raw) == before


def test_order_meta_and_what_is_embedded_make_no_difference() -> None:
    one = group(0, [1, 2, 3])
    other = {**group(0, [3, 1, 2]), "meta": {"modified": "x"}, "_embedded": {"a": 1}, "schoolType": None}
    assert digest(one) == digest(other) != digest(group(0, [1, 2]))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.data())
@settings(max_examples=300)
def test_any_record_at_all_is_taken_or_refused_with_a_reason(data: st.DataObject) -> None:
    """Never an error, never a value in a reason; what is taken makes a valid event."""
    kind = data.draw(st.sampled_from(ALL))
    names = list(kind.model.model_fields)
    raw = data.draw(st.dictionaries(st.sampled_from(names), JSON, max_size=6))
    raw["id"] = data.draw(st.just(id_("x", 1)) | JSON)
    check(kind, raw)


def check(kind: Kind, raw: Any) -> bool:
    """Read, map and publish as a pull does. True if the record was taken."""
    reading = read(kind, raw)
    assert reading.record is not None or reading.reasons
    for reason in reading.reasons:
        assert re.fullmatch(r"[A-Za-z_.\[\] ]+(: [a-zA-Z -]+)?", reason), reason
    if reading.record is None:
        return False
    record = reading.record
    if kind is LESSONS:
        news = compare(None, lesson(record, None, {}))
        kept: Any = {"d": digest(raw), "l": record}
    else:
        news, kept = news_of(kind, record, None), to_keep(kind, record, digest(raw), "2026-11-24")
    assert digest_kept(json.loads(json.dumps(kept))) == digest(raw)
    assert news is not None or (kind is PRESENCES and record["eventType"] not in ("In", "Ut"))
    for each in (news, end_of(kind, record["id"], kept)):
        if each is not None:
            valid(*each)
    return True


@cache
def catalogue() -> Catalogue:
    return Plugins.of(Ss12000).catalogue()


def valid(model: Any, data: Any) -> None:
    catalogue().describe(event(model.spec.type, data, time="2026-11-24T08:00:00Z", datacontenttype="application/json"))


# -- the official file ------------------------------------------------------------------------------------------------


@cache
def official() -> dict[str, Any]:
    """The schemas of SS 12000 v2.1.0. Dates in examples stay text (notes, section 5.6)."""

    class Loader(yaml.SafeLoader):
        pass

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    return yaml.load(OFFICIAL.read_text("utf-8"), Loader)["components"]["schemas"]  # type: ignore[no-any-return]


def conforming(schema: dict[str, Any], depth: int = 0) -> st.SearchStrategy[Any]:
    """Values that conform to a schema of the file; optional properties come and go."""
    schema = resolved(schema)
    made = _made(schema, depth)
    return st.none() | made if schema.get("nullable") else made


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema without references of its own, its `allOf` in one."""
    while "$ref" in schema:
        schema = official()[schema["$ref"].rpartition("/")[2]]
    for part in map(resolved, schema.get("allOf", ())):
        schema = {
            **part,
            **{name: value for name, value in schema.items() if name != "allOf"},
            "properties": {**part.get("properties", {}), **schema.get("properties", {})},
            "required": [*part.get("required", []), *schema.get("required", [])],
        }
    return schema


def _made(schema: dict[str, Any], depth: int) -> st.SearchStrategy[Any]:
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kind = schema.get("type", "object")
    if kind == "string":
        return TEXTS.get(schema.get("format", ""), st.text(max_size=12))
    if kind == "integer":
        return st.integers(schema.get("minimum", -(2**31)), schema.get("maximum", 2**31))
    if kind == "number":
        return st.floats(allow_nan=False, allow_infinity=False)
    if kind == "boolean":
        return st.booleans()
    if kind == "array":
        return st.lists(conforming(schema["items"], depth + 1), min_size=schema.get("minItems", 0), max_size=2)
    properties = schema.get("properties", {})
    required = {name for name in schema.get("required", []) if name in properties}
    inner = {
        name: conforming(each, depth + 1)
        for name, each in properties.items()
        if name in required or (depth < 3 and name != "_embedded")
    }
    return st.fixed_dictionaries(
        {name: each for name, each in inner.items() if name in required},
        optional={name: each for name, each in inner.items() if name not in required},
    )


TEXTS: dict[str, st.SearchStrategy[str]] = {
    "uuid": st.uuids().map(str),
    "date": st.dates().map(str),
    "date-time": st.datetimes().map(lambda moment: f"{moment.isoformat()}+01:00"),
    "uri": st.just("https://sis.example/photo"),
    "email": st.just("aina@example.se"),
}


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.resource)
@shared
def test_whatever_conforms_to_the_official_file_is_taken(kind: Kind) -> None:
    taken = 0

    @settings(max_examples=60, suppress_health_check=list(HealthCheck), database=None)
    @given(conforming(official()[kind.entity]))
    def each(raw: dict[str, Any]) -> None:
        nonlocal taken
        taken += check(kind, raw)

    each()
    assert taken >= 20


# -- Skolverket's dialect ---------------------------------------------------------------------------------------------


@shared
def test_the_samples_of_skolverkets_dialect_are_read() -> None:
    samples = {
        file.stem: json.loads(file.read_text("utf-8")) for file in (REFERENCE / "dnp" / "samples").glob("*.json")
    }
    by_name = {kind.name: kind for kind in DIRECTORY}
    assert check(by_name["activity"], samples["activity"])
    assert check(by_name["group"], samples["group_json"])
    refused = read(by_name["activity"], samples["activities_invalid"]["activities"][0])
    assert (refused.record, refused.reasons) == (None, ["id: must be a UUID"])
    # Its id is "123456789": with an id that is one, all of it is taken, and without a mark it is nobody's Ingen.
    assert read(PERSONS, samples["person"]).record is None
    mended = read(PERSONS, samples["person"] | {"id": id_("person", 1)})
    assert mended.reasons == []
    assert mended.record is not None
    assert "securityMarking" not in mended.record


@pytest.mark.parametrize("kind", [kind for kind in DIRECTORY if kind.name != "room"], ids=lambda kind: kind.resource)
@shared
def test_whatever_conforms_to_skolverkets_schemas_is_taken(kind: Kind) -> None:
    schema = json.loads((REFERENCE / "dnp" / "schema" / f"{kind.name}.schema.json").read_text("utf-8"))
    names = set(schema["properties"])
    # Its properties are the standard's; what it demands beyond that is allowed there too.
    assert set(schema["required"]) <= names <= set(resolved(official()[kind.entity])["properties"])
    taken = 0

    @settings(max_examples=30, suppress_health_check=list(HealthCheck), database=None)
    @given(conforming({**resolved(official()[kind.entity]), "required": schema["required"]}))
    def each(raw: dict[str, Any]) -> None:
        nonlocal taken
        taken += check(kind, {name: value for name, value in raw.items() if name in names})

    each()
    assert taken >= 10
