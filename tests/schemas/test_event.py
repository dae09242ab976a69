"""The envelope: what is read, what is refused, and that a refusal quotes nothing."""

import base64
import json
import math
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import Event, InvalidEvent
from schemas.event import parse_timestamp

ENVELOPE = {"specversion": "1.0", "id": "evt-1", "source": "urn:test:school", "type": "com.acme.x.y.v1"}


def refused(**attributes: object) -> list[tuple[str, str]]:
    with pytest.raises(InvalidEvent) as caught:
        Event.from_dict({**ENVELOPE, **attributes})
    return [(problem.where, problem.rule) for problem in caught.value.problems]


def body(**attributes: object) -> bytes:
    return json.dumps({**ENVELOPE, **attributes}).encode()


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type"])
def test_a_required_attribute_that_is_missing_is_named(name: str) -> None:
    event = {key: value for key, value in ENVELOPE.items() if key != name}
    with pytest.raises(InvalidEvent) as caught:
        Event.from_dict(event)
    assert [(p.where, p.rule) for p in caught.value.problems] == [(name, "required")]


@pytest.mark.parametrize("name", ["id", "source", "type", "subject", "partitionkey", "datacontenttype", "dataschema"])
@pytest.mark.parametrize("value", ["", 7, True, ["a"], {"a": 1}])
def test_a_named_attribute_is_a_string_with_something_in_it(name: str, value: object) -> None:
    assert refused(**{name: value}) == [(name, "string")]


def test_a_null_attribute_counts_as_left_out() -> None:
    event = Event.from_dict({**ENVELOPE, "subject": None, "acme": None})
    assert event.attributes == ENVELOPE
    assert refused(id=None) == [("id", "required")]


@pytest.mark.parametrize("bad", ["a\nb", "a\x00", "a\x7f", "a\x85", "a﷐", "a\U0001ffff", "a" * 1025])
def test_attributes_hold_no_control_characters_noncharacters_or_novels(bad: str) -> None:
    assert refused(id=bad) == [("id", "length")]
    assert refused(acme=bad) == [("(extension)", "length")]


def test_attributes_may_hold_any_other_text() -> None:
    event = Event.from_dict({**ENVELOPE, "id": "Årskurs 7\u00a0😀", "acme": "", "flag": False, "number": -(2**31)})
    assert event.id == "Årskurs 7\u00a0😀"


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, 1.5, [], {}])
def test_an_extension_is_a_string_a_boolean_or_a_32_bit_integer(value: object) -> None:
    assert refused(acme=value) == [("(extension)", "extension")]


@pytest.mark.parametrize("name", ["Acme", "ac-me", "ac_me", "åäö", "", "x" * 65])
def test_an_extension_has_a_legal_name_and_a_refusal_does_not_repeat_it(name: str) -> None:
    assert refused(**{name: "x"}) == [("(extension)", "extension-name")]


def test_an_event_has_a_bounded_number_of_attributes() -> None:
    assert refused(**{f"acme{n}": n for n in range(61)}) == [("$", "attributes")]


@pytest.mark.parametrize("value", ["urn:x y", "<x>", "x\\y", "{x}"])
def test_a_source_is_a_uri_reference(value: str) -> None:
    assert refused(source=value) == [("source", "uri")]


def test_a_data_schema_is_an_absolute_uri() -> None:
    assert refused(dataschema="/relative") == [("dataschema", "uri")]


@pytest.mark.parametrize("value", ["0.3", 1.0, "1.1", "", "1.0 "])
def test_only_version_1_0_is_taken(value: object) -> None:
    assert refused(specversion=value) == [("specversion", "specversion")]


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "application/json; charset=UTF-8",
        'application/json;charset="utf-8"',
        "application/vnd.acme+json",
        "text/json",
        "application/json; profile=x; charset=utf8",
    ],
)
def test_every_json_media_type_in_utf8_is_taken(media_type: str) -> None:
    assert Event.from_dict({**ENVELOPE, "datacontenttype": media_type}).attributes["datacontenttype"] == media_type


@pytest.mark.parametrize(
    "media_type",
    [
        "text/plain",
        "application/jsonx",
        "json",
        "application/json; charset=latin-1",
        "application/json; a=b; charset=x",
    ],
)
def test_data_that_is_not_json_in_utf8_is_refused(media_type: str) -> None:
    assert refused(datacontenttype=media_type) == [("datacontenttype", "json-data")]


def test_the_hubs_own_attributes_from_a_publisher_are_dropped() -> None:
    event = Event.from_dict({**ENVELOPE, "sequence": "9" * 16, "skolnavlane": "x"})
    assert event.sequence is None
    assert event.lane is None


def test_base64_data_is_read_as_json() -> None:
    event = Event.from_dict({**ENVELOPE, "data_base64": base64.b64encode(b'{"a": 1}').decode()})
    assert event.data == {"a": 1}
    assert "data_base64" not in event.to_dict()


@pytest.mark.parametrize("encoded", ["not base64!", base64.b64encode(b"not json").decode(), 7, "W05hTl0="])
def test_base64_of_anything_else_is_refused(encoded: object) -> None:
    assert refused(data_base64=encoded) == [("data_base64", "base64")]


def test_data_may_come_only_once() -> None:
    assert refused(data=None, data_base64="e30=") == [("data_base64", "data-twice")]


@pytest.mark.parametrize("value", [None, 3, "text", ["a"]])
def test_an_event_is_an_object(value: object) -> None:
    with pytest.raises(InvalidEvent) as caught:
        Event.from_structured(json.dumps(value).encode())
    assert [(p.where, p.rule) for p in caught.value.problems] == [("$", "object")]


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"\xff\xfe", b'{"a": NaN}', b'{"a": Infinity}', b'"\xc3"', b'["\\ud800"]', b"[" * 300 + b"]" * 300],
)
def test_a_body_that_is_no_json_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidEvent) as caught:
        Event.from_structured(raw)
    assert [(p.where, p.rule) for p in caught.value.problems] == [("$", "json")]


@pytest.mark.parametrize(
    "number", ["1e999", "-1E+400", "1" + "0" * 400, "18446744073709551615", str(2**53), str(-(2**53))]
)
def test_a_number_that_another_reader_would_change_is_refused(number: str) -> None:
    """An integer of 400 digits is legal JSON that the log's reader raises on: it may not get that far."""
    raw = body(data={"x": [0]}).replace(b"[0]", f"[{number}]".encode())
    with pytest.raises(InvalidEvent) as caught:
        Event.from_structured(raw)
    assert [(p.where, p.rule) for p in caught.value.problems] == [("$", "number")]


def test_numbers_that_a_double_holds_and_digits_in_strings_are_taken() -> None:
    data = {"a": 2**53 - 1, "b": -(2**53) + 1, "c": 1.5e300, "d": "1e999", "e": "9" * 40}
    assert Event.from_structured(body(data=data)).data == data


def test_a_batch_names_every_bad_event() -> None:
    batch = [ENVELOPE, 7, {**ENVELOPE, "id": ""}, ENVELOPE, {**ENVELOPE, "time": "now", "type": 3}]
    read = list(Event.read_batch(json.dumps(batch).encode()))
    assert [each for each in read if isinstance(each, Event)] == [Event.from_dict(ENVELOPE)] * 2
    assert [(p.where, p.rule) for each in read if isinstance(each, InvalidEvent) for p in each.problems] == [
        ("[1]", "object"),
        ("[2].id", "string"),
        ("[4].type", "string"),
        ("[4].time", "time"),
    ]


def test_a_batch_can_be_read_event_by_event() -> None:
    found = list(Event.read_batch(json.dumps([ENVELOPE, {}, ENVELOPE]).encode()))
    assert [isinstance(each, InvalidEvent) for each in found] == [False, True, False]


def test_a_batch_is_an_array_and_may_be_empty() -> None:
    assert list(Event.read_batch(b"[]")) == []
    with pytest.raises(InvalidEvent) as caught:
        list(Event.read_batch(body()))
    assert [(p.where, p.rule) for p in caught.value.problems] == [("$", "array")]


HEADERS = [(f"ce-{name}", value) for name, value in ENVELOPE.items()]


def binary(*more: tuple[str, str], data: bytes = b"{}") -> Event:
    return Event.from_binary([*HEADERS, *more], data)


def test_binary_headers_are_percent_decoded_once_and_names_in_any_case() -> None:
    event = binary(("Ce-Subject", "%C3%85sa%2520"), ("CONTENT-TYPE", "application/json"), ("Accept", "*/*"))
    assert event.subject == "Åsa%20"
    assert event.attributes["datacontenttype"] == "application/json"
    assert set(event.attributes) == {*ENVELOPE, "subject", "datacontenttype"}


def test_a_quoted_header_is_unquoted_first() -> None:
    assert binary(("ce-acme", '"a \\"b\\" \\\\ %41"')).attributes["acme"] == 'a "b" \\ A'
    assert binary(("ce-acme", 'a"b')).attributes["acme"] == 'a"b'
    assert binary(("ce-acme", '"')).attributes["acme"] == '"'
    assert binary(("ce-acme", '""')).attributes["acme"] == ""
    assert binary(("ce-acme", 'a"')).attributes["acme"] == 'a"'


def test_headers_of_other_kinds_may_come_in_between() -> None:
    assert Event.from_binary([("Accept", "*/*"), *HEADERS, ("Host", "hub")], b"{}") == binary()


def test_a_binary_event_is_held_to_the_same_rules_and_every_fault_is_named() -> None:
    without_id = [(name, value) for name, value in HEADERS if name != "ce-id"]
    with pytest.raises(InvalidEvent) as caught:
        Event.from_binary(without_id, b"{}")
    assert [(p.where, p.rule) for p in caught.value.problems] == [("id", "required")]
    with pytest.raises(InvalidEvent) as caught:
        Event.from_binary([*without_id, ("ce-acme", "%ff")], b"{}")
    assert {(p.where, p.rule) for p in caught.value.problems} == {("id", "required"), ("(extension)", "header")}


@pytest.mark.parametrize(
    ("header", "where"),
    [
        (("ce-subject", "%ff"), "subject"),
        (("ce-acme", "%ff"), "(extension)"),
        (("ce-id", "again"), "id"),
        (("ce-data", "x"), "(header)"),
        (("ce-data_base64", "x"), "(header)"),
        (("ce-datacontenttype", "application/json"), "(header)"),
    ],
)
def test_a_header_that_cannot_be_meant_is_refused(header: tuple[str, str], where: str) -> None:
    with pytest.raises(InvalidEvent) as caught:
        binary(header)
    assert [(p.where, p.rule) for p in caught.value.problems] == [(where, "header")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-24T07:42:00+01:00", datetime(2026, 11, 24, 6, 42, tzinfo=UTC)),
        ("2026-11-24t07:42:00z", datetime(2026, 11, 24, 7, 42, tzinfo=UTC)),
        ("2026-11-24T07:42:00.1234567Z", datetime(2026, 11, 24, 7, 42, 0, 123456, tzinfo=UTC)),
        ("2026-11-24T07:42:00.5-00:00", datetime(2026, 11, 24, 7, 42, 0, 500000, tzinfo=UTC)),
        ("9999-12-31T23:59:59+01:00", datetime(9999, 12, 31, 22, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_time_is_read(text: str, expected: datetime) -> None:
    assert parse_timestamp(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-24",
        "2026-11-24T07:42:00",
        "2026-11-24 07:42:00Z",
        "2026-11-24T07:42Z",
        "2026-02-30T07:42:00Z",
        "2026-11-24T25:00:00Z",
        "2026-11-24T07:42:00+24:00",
        "2026-11-24T07:42:00+01:60",
        "2026-11-24T07:42:00Z\n",
        "٢٠٢٦-11-24T07:42:00Z",
        "9999-12-31T23:59:59-01:00",
        "0001-01-01T00:00:00+01:00",
        "0000-01-01T00:00:00Z",
    ],
)
def test_no_other_time_is_taken_and_the_refusal_does_not_repeat_it(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_timestamp(text)
    assert text not in str(caught.value)
    assert caught.value.__cause__ is None
    assert refused(time=text) == [("time", "time")]


def plain_timestamp(text: str) -> datetime:
    """RFC 3339 read part by part (section 5.6), with nothing of the library's own reading in it."""
    shape = r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))"
    found = re.fullmatch(shape, text, re.ASCII)
    if found is None:
        raise ValueError
    *whole, fraction, sign, hours, minutes = found.groups()
    offset = timedelta()
    if sign is not None:
        if int(hours) > 23 or int(minutes) > 59:
            raise ValueError
        offset = timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if sign == "-" else 1)
    year, month, day, hour, minute, second = map(int, whole)
    microsecond = int((fraction or "")[:6].ljust(6, "0"))
    local = datetime(year, month, day, hour, minute, second, microsecond, timezone(offset))
    try:
        local.astimezone(UTC)
    except OverflowError:
        raise ValueError from None
    return local


RFC_3339 = st.builds(
    "{}{}{:%H:%M:%S}{}{}".format,
    st.dates() | st.sampled_from(["0001-01-01", "9999-12-31", "2026-02-29", "0000-01-01", "2026-13-01"]),
    st.sampled_from("Tt"),
    st.times(),
    st.just("") | st.from_regex(r"\.[0-9]{1,15}", fullmatch=True),
    st.sampled_from(["Z", "z", "+00:00", "-00:00"]) | st.from_regex(r"[+-][0-2][0-9]:[0-6][0-9]", fullmatch=True),
)


@st.composite
def spoilt(draw: st.DrawFn) -> str:
    """A time with one character put in, taken out or replaced."""
    text: str = draw(RFC_3339)
    put = draw(st.sampled_from(["", *" \n+-.:,TZtzW", "0", "9", "٢", "\x00", "²"]))
    at, taken = draw(st.integers(0, len(text))), draw(st.integers(0, 2))
    return text[:at] + put + text[at + taken :]


@given(RFC_3339 | spoilt() | st.text(max_size=40) | st.datetimes(timezones=st.timezones()).map(datetime.isoformat))
def test_a_time_is_read_as_the_standard_says_part_by_part(text: str) -> None:
    try:
        expected = plain_timestamp(text)
    except ValueError:
        with pytest.raises(ValueError) as caught:
            parse_timestamp(text)
        assert str(caught.value) in ("not an RFC 3339 time with offset", "no such time")
    else:
        found = parse_timestamp(text)
        assert (found, found.utcoffset()) == (expected, expected.utcoffset())


def test_what_may_reach_a_log_line_names_nobody() -> None:
    """Promise 8: the representation has no subject and no data."""
    event = Event.from_dict({**ENVELOPE, "subject": "person/canary", "data": {"name": "canary"}})
    assert "canary" not in repr(event)
    assert event.type in repr(event)


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs", "Cn"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs", "Cn"]), max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)
STRINGS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn"]), min_size=1, max_size=60)
EXTENSIONS = st.dictionaries(
    st.from_regex(r"acme[a-z0-9]{0,16}", fullmatch=True), STRINGS | st.booleans() | st.integers(-(2**31), 2**31 - 1)
)


@given(EXTENSIONS, STRINGS, JSON_VALUES)
def test_a_structured_event_survives_the_round_trip(extensions: dict[str, object], id_: str, data: object) -> None:
    event = Event.from_dict({**ENVELOPE, **extensions, "id": id_, "data": data})
    assert Event.from_structured(event.to_json()) == event
    assert list(Event.read_batch(b"[" + event.to_json() + b"]")) == [event]


@given(st.binary(max_size=200))
def test_bytes_that_are_no_json_object_are_refused_with_a_reason(raw: bytes) -> None:
    with pytest.raises(InvalidEvent) as caught:
        Event.from_structured(raw)  # that chance writes a whole event is out of the question
    assert caught.value.problems


# As text, since Python's own JSON writes none that is not finite; with digits in strings that look like one.
NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?", fullmatch=True)
JSON_TEXTS = st.recursive(
    NUMBERS
    | st.integers(2**53 - 2, 2**53 + 1).map(str)
    | st.integers(-(2**53) - 1, -(2**53) + 2).map(str)
    | st.sampled_from(["null", "true", "false", '"1e999"', '"7e412"', f'"{"9" * 30}"', "[]", "{}"]),
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(st.sampled_from(["a", "1e999", "9" * 20]), inner).map(
            lambda items: "{" + ",".join(f'"{name}":{item}' for name, item in items.items()) + "}"
        )
    ),
    max_leaves=12,
)


@given(JSON_TEXTS)
def test_numbers_are_refused_exactly_where_another_reader_would_change_them(text: str) -> None:
    unsafe: list[str] = []

    def whole(literal: str) -> None:
        if abs(int(literal)) >= 2**53:
            unsafe.append(literal)

    def broken(literal: str) -> None:
        if not math.isfinite(float(literal)):
            unsafe.append(literal)

    json.loads(text, parse_int=whole, parse_float=broken)
    raw = body(data={"x": [0]}).replace(b"[0]", text.encode())
    if unsafe:
        with pytest.raises(InvalidEvent) as caught:
            Event.from_structured(raw)
        assert [(p.where, p.rule) for p in caught.value.problems] == [("$", "number")]
    else:
        assert Event.from_structured(raw).data == {"x": json.loads(text)}


def test_numbers_that_are_taken_are_finite() -> None:
    event = Event.from_structured(body(data=[0]).replace(b"[0]", b"[1.7976931348623157e308]"))
    assert all(math.isfinite(number) for number in event.data)


def test_what_an_event_says_of_itself_is_read_by_name() -> None:
    event = Event.from_dict(
        {**ENVELOPE, "time": "2026-11-24T07:42:00+01:00", "subject": "lesson/1", "partitionkey": "k"}
    )
    assert (event.time, event.subject, event.key) == ("2026-11-24T07:42:00+01:00", "lesson/1", "k")
    delivered = Event({**event.attributes, "sequence": "1" * 16, "skolnavlane": "r1"}, event.data)
    assert (delivered.sequence, delivered.lane) == ("1" * 16, "r1")


@pytest.mark.parametrize(("count", "accepted"), [(64, True), (65, False)])
def test_an_event_has_at_most_64_attributes(count: int, accepted: bool) -> None:
    extensions = {f"acme{n}": "x" for n in range(count - len(ENVELOPE))}
    if accepted:
        assert len(Event.from_dict({**ENVELOPE, **extensions}).attributes) == count
    else:
        assert refused(**extensions) == [("$", "attributes")]


def test_data_in_base64_is_read_strictly() -> None:
    good = base64.b64encode(b'{"a":1}').decode()
    assert Event.from_dict({**ENVELOPE, "data_base64": good}).data == {"a": 1}
    assert refused(data_base64=f"{good[:4]}\n{good[4:]}") == [("data_base64", "base64")]
