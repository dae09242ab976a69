"""What became of a lesson, over the change of clocks too (2026-10-25 and 2027-03-28)."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.ss12000.lessons import Window, compare, lesson, of_activity, to_keep, vanished
from schemas.event import parse_timestamp
from tests.connectors.ss12000.records import activity, id_
from tests.connectors.ss12000.records import lesson as record

START = "2026-11-24T08:00:00+01:00"
DUTY, OTHER = id_("duty", 0), id_("duty", 1)
WHOSE = {DUTY: id_("person", 0), OTHER: id_("person", 9)}


def what(before: dict[str, Any] | None, now: dict[str, Any]) -> tuple[str, Any] | None:
    told = compare(before, now)
    return None if told is None else (told[0].spec.type.split(".")[4], told[1].get("changed"))


def test_new_lessons_are_scheduled_or_come_cancelled() -> None:
    assert what(None, record(1, START)) == ("scheduled", None)
    assert what(None, record(1, START, cancelled=True)) == ("cancelled", None)


@pytest.mark.parametrize(
    "same",
    [
        {"meta": {"created": START, "modified": "2027-01-01T00:00:00Z"}},
        {"startTime": "2026-11-24T07:00:00Z"},
        {"cancelled": False},
        {"rooms": []},
        {"comment": None},
        {"unknownKey": 7},
    ],
)
def test_what_is_written_differently_is_no_change(same: dict[str, Any]) -> None:
    assert what(record(1, START), record(1, START) | same) is None


def test_the_order_of_rooms_is_no_change() -> None:
    rooms = [{"id": id_("room", 1)}, {"id": id_("room", 2)}]
    assert what(record(1, START, rooms=rooms), record(1, START, rooms=rooms[::-1])) is None


def test_a_change_tells_what_was() -> None:
    later = "2026-11-24T09:00:00+01:00"
    assert what(record(1, START, START), record(1, later, later)) == ("changed", {"startTime": START, "endTime": START})
    assert what(record(1, START), record(1, START, comment="Ta med")) == ("changed", {"comment": None})


def test_cancelling_and_taking_it_back() -> None:
    on, off = record(1, START), record(1, START, cancelled=True)
    assert what(on, off) == ("cancelled", {"cancelled": None})
    assert what(off, on) == ("changed", {"cancelled": True})
    moved = "2026-11-25T08:00:00+01:00"
    assert what(off, record(1, moved, START, cancelled=True)) == ("cancelled", {"startTime": START})


def test_a_lesson_that_is_gone_is_cancelled_once() -> None:
    told = vanished(record(1, START))
    assert told is not None
    assert told[1]["cancelled"] is True
    assert vanished(record(1, START, cancelled=True)) is None


def test_what_is_kept_is_what_is_compared() -> None:
    made = lesson(record(1, START, unknownKey=7), of_activity(activity(0)), WHOSE)
    kept = to_keep(made)
    assert "unknownKey" not in kept
    assert "meta" not in kept
    assert compare(kept, made) is None


def test_a_lesson_gets_its_activitys_teachers_on_that_day() -> None:
    course = activity(
        0,
        teachers=[
            {"duty": {"id": DUTY}, "endDate": "2026-11-24"},
            {"duty": {"id": OTHER}, "startDate": "2026-11-25"},
            {"person": {"id": id_("person", 5)}},
        ],
    )
    made = lesson(record(1, START), of_activity(course), WHOSE)
    assert made["teachers"] == [
        {"duty": {"id": DUTY}, "person": {"id": id_("person", 0)}},
        {"person": {"id": id_("person", 5)}},
    ]


def test_a_substitute_stands_alone() -> None:
    exceptions = [{"duty": {"id": DUTY}, "participates": False}, {"duty": {"id": OTHER}, "participates": True}]
    for teachers in ([{"duty": {"id": DUTY}}], [{"person": {"id": WHOSE[DUTY]}}]):
        made = lesson(
            record(1, START, teacherExceptions=exceptions), of_activity(activity(0, teachers=teachers)), WHOSE
        )
        assert made["teachers"] == [{"duty": {"id": OTHER}, "person": {"id": WHOSE[OTHER]}}]


def test_a_teacher_who_is_away_for_a_part_still_holds_it() -> None:
    away = [{"duty": {"id": DUTY}, "participates": False, "startTime": START}]
    made = lesson(record(1, START, teacherExceptions=away), of_activity(activity(0)), WHOSE)
    assert [each["duty"]["id"] for each in made["teachers"]] == [DUTY]


def test_without_its_activity_nothing_is_said_of_groups_and_teachers() -> None:
    assert {"teachers", "groups", "organisation"}.isdisjoint(lesson(record(1, START), None, {}))


@pytest.mark.parametrize(
    ("day", "start", "end", "hours"),
    [
        (date(2026, 10, 25), "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00", 25),
        (date(2027, 3, 28), "2027-03-28T00:00:00+01:00", "2027-03-29T00:00:00+02:00", 23),
        (date(2026, 11, 24), "2026-11-24T00:00:00+01:00", "2026-11-25T00:00:00+01:00", 24),
    ],
)
def test_a_day_of_the_window_is_the_schools_day(day: date, start: str, end: str, hours: int) -> None:
    window = Window(day, day)
    assert window.filters() == {"startTime.onOrAfter": start, "startTime.onOrBefore": end}
    assert parse_timestamp(end) - parse_timestamp(start) == timedelta(hours=hours)
    assert window.has(record(1, start))
    assert not window.has(record(1, end))


def test_an_hour_that_comes_twice_is_two_lessons_an_hour_apart() -> None:
    first, second = record(1, "2026-10-25T02:30:00+02:00"), record(1, "2026-10-25T02:30:00+01:00")
    told = what(first, second)
    assert told is not None
    assert told[1]["startTime"] == "2026-10-25T02:30:00+02:00"


@given(st.dates(date(2026, 1, 1), date(2028, 1, 1)), st.integers(0, 400), st.integers(0, 400), st.integers(1, 14))
def test_slices_cover_the_window_without_a_gap(today: date, back: int, ahead: int, days: int) -> None:
    window = Window.around(today, timedelta(days=back), timedelta(days=ahead))
    here, edges = window.first, [window.start]
    while here <= window.last:
        part = window.part(here, days)
        assert part.start == edges[-1]
        edges.append(part.end)
        here = part.last + timedelta(days=1)
    assert edges[-1] == window.end


@given(st.datetimes(datetime(2026, 10, 1), datetime(2026, 11, 30)), st.sampled_from(["+01:00", "+02:00", "Z"]))
def test_a_lesson_lies_before_in_or_after_the_window(start: datetime, offset: str) -> None:
    window = Window(date(2026, 10, 24), date(2026, 10, 27))
    made = record(1, f"{start.replace(microsecond=0).isoformat()}{offset}")
    after = parse_timestamp(made["startTime"]) >= window.end
    assert [window.is_past(made), window.has(made), after].count(True) == 1
