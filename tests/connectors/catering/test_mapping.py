"""What a kitchen is told: status by the cut-offs, revision, the file's bytes, the event."""

from datetime import UTC, date, datetime, time
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from connectors.catering.config import CutOff, Kitchen, Sitting
from connectors.catering.counting import Count
from connectors.catering.cutoffs import fixed_at
from connectors.catering.mapping import csv_bytes, event_data, file_name, make_row
from connectors.catering.snapshot import Row, Snapshot
from schemas import core_catalogue
from tests.school import UNIT, event

DAY = date(2026, 11, 24)  # a Tuesday
LUNCH = Sitting(id="1", from_=time(11, 10), to=time(11, 40))
NORMAL = CutOff(applies_to="normal", time=time(8, 30))
SPECIAL = CutOff(applies_to="special", offset_days=1, time=time(9))
BULK = CutOff(applies_to="bulk", offset_days=7, time=time(12))


def kitchen(*cutoffs: CutOff, **changes: Any) -> Kitchen:
    return Kitchen(
        id="K-017",
        units=(UNIT,),
        unit_code="12345678",
        sittings=(LUNCH,),
        cutoffs=cutoffs or (NORMAL,),
        **{"diet_codes": {"G": "GLUTENFRI"}, **changes},
    )


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def counted(normal: int, gluten: int = 0, other: int = 0, staff: int = 0) -> Count:
    portions = {"NORMAL": normal, "GLUTENFRI": gluten, "ÖVRIG": other}
    return Count(enrolled=normal + gluten + other, absent=0, portions=portions, staff=staff, unknown_diets=0)


def row(
    count: Count, last: Row | None = None, fixed: tuple[Any, ...] = (), closed: tuple[str, ...] = (), **more: Any
) -> Row:
    return make_row(LUNCH, count, last, fixed, closed=closed, **{"complete": True, **more})


ALL = ("normal", "special", "bulk")


class TestStatus:
    def test_before_the_cutoff_it_is_preliminary_and_from_then_on_fixed(self) -> None:
        assert fixed_at(kitchen(), DAY, utc("2026-11-24T07:29:59")) == ()
        assert fixed_at(kitchen(), DAY, utc("2026-11-24T07:30:00")) == ALL
        first = row(counted(10))
        assert first.status == "preliminary"
        assert row(counted(9), first, ALL).status == "fixed"

    def test_a_change_of_what_was_fixed_is_late_and_going_back_is_late_too(self) -> None:
        fixed = row(counted(10), None, ALL)
        late = row(counted(9), fixed, ALL)
        assert [fixed.status, late.status, row(counted(10), late, ALL).status] == [
            "fixed",
            "late_change",
            "late_change",
        ]

    def test_without_a_change_the_status_is_repeated(self) -> None:
        fixed = row(counted(10), None, ALL)
        late = row(counted(9), fixed, ALL)
        assert row(counted(10), fixed, ALL).status == "fixed"
        assert row(counted(9), late, ALL).status == "late_change"

    def test_special_diets_can_be_fixed_while_ordinary_portions_are_not(self) -> None:
        subject = kitchen(NORMAL, SPECIAL)
        evening_before = fixed_at(subject, DAY, utc("2026-11-23T18:00:00"))
        assert evening_before == ("special",)
        told = row(counted(10, 2), None, evening_before)
        assert told.status == "preliminary"
        assert row(counted(9, 2), told, evening_before).status == "preliminary"
        assert row(counted(10, 1), told, evening_before).status == "late_change"
        assert row(counted(9, 1), told, evening_before).status == "late_change"

    def test_after_a_late_change_of_one_kind_the_rest_still_becomes_fixed(self) -> None:
        told = row(counted(10, 2), None, ("special",))
        late = row(counted(10, 1), told, ("special",))
        assert row(counted(8, 1), late, ALL).status == "fixed"

    def test_a_closed_unit_is_one_bulk_change_whatever_it_does_to_portions(self) -> None:
        told = row(counted(10, 2), None, ("special",))
        assert row(counted(0), told, ("special",), (UNIT,)).status == "preliminary"
        assert row(counted(0), row(counted(10, 2), None, ("bulk",)), ("bulk",), (UNIT,)).status == "late_change"

    def test_staff_portions_are_ordinary_portions(self) -> None:
        told = row(counted(10, staff=3), None, ("normal",))
        assert row(counted(10, staff=2), told, ("normal",)).status == "late_change"

    def test_a_sum_that_becomes_complete_without_changing_is_no_late_change(self) -> None:
        told = row(counted(10), None, ALL, complete=False)
        assert row(counted(10), told, ALL).status == "fixed"

    @given(st.lists(st.tuples(st.booleans(), st.integers(0, 2), st.integers(0, 2)), max_size=12))
    def test_nothing_that_was_fixed_is_ever_rewritten_silently(self, steps: list[tuple[bool, int, int]]) -> None:
        """Whatever the order of changes and cut-offs: another number after a cut-off carries `late_change`."""
        last: Row | None = None
        fixed: tuple[Any, ...] = ()
        for passes, normal, gluten in steps:
            if passes:
                fixed = {(): ("special",), ("special",): ALL, ALL: ALL}[fixed]
            found = row(counted(normal, gluten), last, fixed)
            if last is not None:
                rewritten = {
                    kind
                    for kind, name in (("normal", "NORMAL"), ("special", "GLUTENFRI"))
                    if found.portions[name] != last.portions[name]
                }
                assert (found.status == "late_change") >= bool(rewritten & set(last.fixed))
            last = found


def snapshot(*rows: Row, revision: int = 3, due: str = "2026-11-24T07:30:00") -> Snapshot:
    return Snapshot(kitchen="K-017", day=DAY, due=utc(due), revision=revision, rows=rows)


class TestFile:
    def test_its_name_has_the_unit_the_day_the_time_of_the_report_and_the_revision(self) -> None:
        assert file_name(kitchen(), snapshot(row(counted(1)))) == "KOST_12345678_20261124_0830_v3.csv"
        ahead = snapshot(row(counted(1)), due="2026-06-01T06:00:00")
        assert file_name(kitchen(), ahead) == "KOST_12345678_20261124_0800_v3.csv"

    def test_its_bytes_are_the_profile(self) -> None:
        found = csv_bytes(kitchen(), snapshot(row(counted(208, 4, 1, staff=9), None, ALL, complete=False)))
        assert found == (
            b"\xef\xbb\xbf"
            b"kitchen;unit;date;sitting;serving;diet;portions;status;complete;revision\r\n"
            b"K-017;12345678;2026-11-24;1;11:10;NORMAL;208;fixed;no;3\r\n"
            b"K-017;12345678;2026-11-24;1;11:10;GLUTENFRI;4;fixed;no;3\r\n"
            b"K-017;12345678;2026-11-24;1;11:10;\xc3\x96VRIG;1;fixed;no;3\r\n"
            b"K-017;12345678;2026-11-24;1;11:10;PERSONAL;9;fixed;no;3\r\n"
        )

    def test_a_snapshot_that_was_kept_and_read_gives_the_same_bytes(self) -> None:
        told = snapshot(row(counted(208, 4, 1, staff=9), None, ALL))
        kept = told.model_dump(mode="json")
        kept["rows"][0]["portions"] = dict(sorted(kept["rows"][0]["portions"].items()))
        assert csv_bytes(kitchen(), Snapshot.model_validate(kept)) == csv_bytes(kitchen(), told)

    def test_only_another_revision_is_no_news(self) -> None:
        told = snapshot(row(counted(5), None, ("special",)))
        assert not snapshot(row(counted(5), told.rows[0], ("special", "bulk")), revision=4).is_news(told)
        assert snapshot(row(counted(5), told.rows[0], ALL), revision=4).is_news(told)
        assert snapshot(row(counted(5), None, ("special",), complete=False)).is_news(told)
        assert snapshot().is_news(told)


def test_the_event_is_one_that_the_catalogue_takes() -> None:
    told = snapshot(row(counted(208, 4, 1, staff=9), None, ALL))
    data = event_data(kitchen(), told, told.rows[0], utc("2026-11-24T08:12:01.250"))
    described = core_catalogue().describe(event("meals.count", data))
    assert described.entity == "meal/K-017/2026-11-24/1"
    assert not described.extras
    assert data["asOf"] == "2026-11-24T09:12:01.250+01:00"
    assert data["due"] == "2026-11-24T08:30:00+01:00"
    assert data["counts"] == [
        {"diet": "NORMAL", "portions": 208},
        {"diet": "GLUTENFRI", "portions": 4},
        {"diet": "ÖVRIG", "portions": 1},
    ]
