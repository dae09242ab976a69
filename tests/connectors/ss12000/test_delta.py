"""From when on changes are asked for, what was deleted, and when removals are believed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.ss12000.delta import (
    Watermark,
    deleted,
    has_offset,
    stands_for,
    too_many,
    went_back,
)
from connectors.ss12000.holding import Held
from connectors.ss12000.kinds import ACTIVITIES, LESSONS, PERSONS

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
ID = "0994941a-9596-529f-bc8d-8fa1938d5813"


@pytest.mark.parametrize(
    ("offsets", "overlap", "asked"),
    [
        (True, None, "2026-11-24T08:50:00Z"),
        (False, None, "2026-11-24T06:00:00"),
        (True, timedelta(hours=1), "2026-11-24T08:00:00Z"),
        (False, timedelta(0), "2026-11-24T09:00:00"),
    ],
)
def test_a_watermark_is_written_as_the_supplier_writes_times(
    offsets: bool, overlap: timedelta | None, asked: str
) -> None:
    assert Watermark(NOW, offsets).after(overlap) == asked


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)), st.booleans())
def test_a_watermark_survives_a_restart(at: datetime, offsets: bool) -> None:
    mark = Watermark(at.replace(microsecond=0), offsets)
    assert Watermark.kept(mark.to_keep()) == mark
    assert Watermark.kept(None) is None


def test_a_supplier_whose_times_are_local_misses_nothing_over_the_change_of_clocks() -> None:
    """2026-10-25 03:00 becomes 02:00: local stamps without offset are asked for 3 h back, more than any shift."""
    for hour in range(6):
        read_at = datetime(2026, 10, 24, 22, 30, tzinfo=UTC) + timedelta(hours=hour)
        asked = datetime.fromisoformat(Watermark(read_at, offsets=False).after())
        for later in range(1, 240):
            changed = read_at + timedelta(minutes=later)
            local = changed.replace(tzinfo=None) + timedelta(
                hours=2 if changed < datetime(2026, 10, 25, 1, tzinfo=UTC) else 1
            )
            assert local > asked
            assert changed.replace(tzinfo=None) > asked  # and where they are UTC


@pytest.mark.parametrize(
    ("modified", "there"),
    [
        ("2026-11-24T05:42:20.485138", False),
        ("2026-11-24T05:42:20Z", True),
        ("2026-11-24T05:42:20+01:00", True),
        ("2026-11-24T05:42:20-01:00", True),
        ("2026-11-24", None),
        (7, None),
    ],
)
def test_whether_times_have_offsets(modified: object, there: bool | None) -> None:
    assert has_offset({"meta": {"modified": modified}}) is there
    assert has_offset({"meta": None}) is None
    assert has_offset([]) is None


def test_deletions_are_read_in_both_shapes() -> None:
    """The standard gives an object of lists, with `activitites` so spelt; the demo provider gives a list."""
    standard = {"persons": [ID], "activitites": [ID.upper()], "activities": [ID], "grades": [ID], "rooms": None}
    assert list(deleted(standard)) == [(PERSONS, ID), (ACTIVITIES, ID), (ACTIVITIES, ID), (None, ID)]
    seen = [
        {"entityType": "Person", "id": ID, "deletedAt": "2026-11-24T06:10:00"},
        {"entityType": "CalendarEvent", "id": ID},
        {"entityType": "Grade", "id": ID},
        {"entityType": "Person", "id": "7"},
        {"id": ID},
        "canary",
    ]
    assert list(deleted(seen)) == [(PERSONS, ID), (LESSONS, ID), (None, ID), (PERSONS, None), (None, ID), (None, None)]


@pytest.mark.parametrize(
    ("vanished", "known", "held"),
    [
        (20, 20, False),
        (21, 21, True),
        (21, 105, False),
        (22, 105, True),
        (0, 0, False),
        (1, 1, False),
        (1000, 10_000, False),
    ],
)
def test_over_a_fifth_and_over_twenty_is_too_many(vanished: int, known: int, held: bool) -> None:
    assert too_many(vanished, known) is held


def test_removals_are_believed_by_a_person_or_by_an_equal_pull_an_hour_later() -> None:
    what = stands_for(["b", "a"])
    assert what == stands_for(["a", "b"]) != stands_for(["a"])
    held = Held.kept(Held(NOW, what, 30, 100).to_keep())
    assert held == Held(NOW, what, 30, 100)
    assert not held.believed(NOW + timedelta(minutes=59, seconds=59))
    assert held.believed(NOW + timedelta(hours=1))
    assert replace(held, confirmed=True).believed(NOW)
    assert not replace(held, total=True).believed(NOW + timedelta(days=9))
    assert replace(held, total=True, confirmed=True).believed(NOW)
    assert Held.kept(None) is None


def test_a_clock_that_was_set_back_is_noticed() -> None:
    assert went_back(Watermark(NOW), NOW - timedelta(hours=1))
    assert not went_back(Watermark(NOW), NOW - timedelta(seconds=30))
    assert not went_back(Watermark(NOW), NOW + timedelta(days=1))
    assert not went_back(Watermark(NOW), None)
