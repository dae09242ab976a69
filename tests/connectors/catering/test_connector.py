"""What a kitchen is told, and when, through a school day."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from connectors.catering.connector import Catering
from plugins import TemporaryError, Unfinished
from plugins.validation import validate_class
from schemas.absence import AbsenceChanged, LeaveGranted
from tests import school as invented
from tests.connectors.catering.desk import ELSEWHERE, OTHER_UNIT, PARENT, UNIT, Desk, kitchen, pupil, rows_of, school
from tests.school import uid

GROUP_1, GROUP_2 = uid("group", 1), uid("group", 2)
DAY = "KOST_12345678_20261124"
AHEAD = [
    {"applies_to": "normal", "time": "08:30"},
    {"applies_to": "special", "offset_days": 1, "time": "09:00"},
    {"applies_to": "bulk", "offset_days": 1, "time": "12:00"},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "in"
    path.mkdir()
    return path


@pytest.fixture
def desk(folder: Path) -> Desk:
    return Desk({"kind": "folder", "path": str(folder)})


def desk_with(folder: Path, *kitchens: object, **changes: object) -> Desk:
    return Desk({"kind": "folder", "path": str(folder)}, *kitchens, **changes)  # type: ignore[arg-type]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_class_is_one_that_the_hub_runs() -> None:
    assert validate_class(Catering) == []


async def fixed(desk: Desk) -> None:
    """Play the morning until the order of 12 portions is fixed, revision 2."""
    await desk.report("2026-11-24T08:00")
    await desk.cut_off("2026-11-24T08:30")
    assert desk.told() == [(1, "preliminary", 12, 1), (2, "fixed", 12, 1)]
    desk.published.clear()


class TestDay:
    async def test_it_goes_from_preliminary_over_fixed_to_late_changes(self, desk: Desk, folder: Path) -> None:
        await desk.away(1)
        await desk.report("2026-11-24T08:00")
        await desk.away(0)
        assert len(desk.told()) == 1  # before the cut-off a change waits for the next report
        await desk.cut_off("2026-11-24T08:30")
        desk.clock.now = school("2026-11-24T08:45")
        await desk.away(2)
        await desk.report("2026-11-24T09:30")
        desk.clock.now = school("2026-11-24T09:40")
        await desk.withdrawn(0)
        assert desk.told() == [
            (1, "preliminary", 11, 1),
            (2, "fixed", 10, 0),
            (3, "late_change", 9, 0),
            (4, "late_change", 9, 0),
            (5, "late_change", 10, 1),
        ]
        assert names(folder) == [
            f"{DAY}_0800_v1.csv",
            f"{DAY}_0830_v2.csv",
            f"{DAY}_0830_v3.csv",  # named after the report that it comes late to
            f"{DAY}_0930_v4.csv",
            f"{DAY}_0930_v5.csv",
        ]
        for name, data in zip(names(folder), desk.published, strict=True):
            rows = rows_of(folder, name)
            pupils = {row["diet"]: int(row["portions"]) for row in rows if row["diet"] != "PERSONAL"}
            assert pupils == {row["diet"]: row["portions"] for row in data["counts"]}
            assert {row["status"] for row in rows} == {data["status"]}
            assert {row["revision"] for row in rows} == {str(data["revision"])}
            assert next(row["portions"] for row in rows if row["diet"] == "PERSONAL") == "2"

    async def test_an_order_says_whether_it_comes_at_a_report_time_whatever_has_changed(self, desk: Desk) -> None:
        """Promise 5: who does not cook gets what is scheduled alone, and that has to come on quiet days and others."""
        await desk.report("2026-11-24T08:00")
        await desk.away(0)
        await desk.cut_off("2026-11-24T08:30")
        desk.clock.now = school("2026-11-24T08:45")
        await desk.away(2)
        await desk.report("2026-11-24T09:30")
        assert [(data["status"], data["scheduled"]) for data in desk.published] == [
            ("preliminary", True),
            ("fixed", False),  # at a cut-off, since there is news
            ("late_change", False),
            ("late_change", True),
        ]

    async def test_a_report_that_a_late_change_overtakes_is_still_a_report(self, desk: Desk, folder: Path) -> None:
        """Promise 5: no report is missing, and none has a later time, because somebody is away."""
        await desk.cut_off("2026-11-24T08:30")
        desk.published.clear()
        there = folder.rename(folder.with_name("away"))
        with suppress(TemporaryError):
            await desk.report("2026-11-24T09:30")
        desk.clock.now = school("2026-11-24T09:40")
        await desk.away(2)
        assert desk.published == []
        there.rename(folder)
        desk.clock.move(hours=1)
        await desk.connector.poll()
        (data,) = desk.published
        assert (data["scheduled"], data["status"]) == (True, "late_change")
        assert desk.times[-1] == school("2026-11-24T09:30")

    async def test_each_change_after_the_cutoff_is_an_event_and_a_file_of_its_own(self, desk: Desk) -> None:
        await fixed(desk)
        for number in (1, 2, 3):
            await desk.away(number)
        assert desk.told() == [(3, "late_change", 11, 1), (4, "late_change", 10, 1), (5, "late_change", 9, 1)]

    @pytest.mark.parametrize(
        "times",
        [
            ("2026-11-24T08:00", "2026-11-24T11:10"),
            ("2026-11-24T11:40", "2026-11-24T16:00"),
            ("2026-11-25T08:00", "2026-11-25T16:00"),
            ("2026-11-23T08:00", "2026-11-23T16:00"),
        ],
    )
    async def test_an_absence_that_does_not_touch_a_sitting_changes_nothing(
        self, desk: Desk, times: tuple[str, str]
    ) -> None:
        await fixed(desk)
        asked = list(desk.directory.asked)
        await desk.away(1, *times)
        assert desk.told() == []
        assert desk.directory.asked == asked  # nor is anything asked, which would be a disclosure

    async def test_leave_counts_like_absence_and_over_several_days(self, desk: Desk) -> None:
        await desk.away(1, "2026-11-20T00:00", "2026-11-28T00:00", model=LeaveGranted)
        await desk.report("2026-11-24T08:00")
        assert desk.told() == [(1, "preliminary", 11, 1)]

    async def test_an_absence_that_is_shortened_gives_the_portion_back(self, desk: Desk) -> None:
        await desk.away(1)
        await desk.report("2026-11-24T08:00")
        await desk.cut_off("2026-11-24T08:30")
        desk.published.clear()
        await desk.changed(1, "2026-11-24T08:00", "2026-11-24T10:00")
        assert desk.told() == [(3, "late_change", 12, 1)]

    async def test_two_absences_of_one_pupil_are_one_portion_until_both_are_withdrawn(self, desk: Desk) -> None:
        await fixed(desk)
        await desk.away(1, id=uid("another"))
        await desk.away(1)
        await desk.withdrawn(1)
        assert desk.told() == [(3, "late_change", 11, 1)]

    async def test_a_sitting_that_is_over_is_not_rewritten(self, desk: Desk) -> None:
        await fixed(desk)
        desk.clock.now = school("2026-11-24T11:40")
        await desk.away(1)
        await desk.report("2026-11-24T09:30")  # missed, and run after the hub came back
        assert desk.told() == []

    async def test_the_weekend_is_silent(self, desk: Desk, folder: Path) -> None:
        await desk.report("2026-11-28T08:00")
        assert names(folder) == []

    async def test_a_day_with_25_hours_is_served_where_the_kitchen_serves(self, folder: Path) -> None:
        desk = desk_with(folder, kitchen(weekdays=[1, 2, 3, 4, 5, 6, 7]))
        desk.clock.now = school("2026-10-25T07:00")
        await desk.away(1, "2026-10-25T11:39", "2026-10-25T12:00")
        await desk.report("2026-10-25T08:00")
        await desk.cut_off("2026-10-25T08:30")
        await desk.away(2, "2026-10-25T00:00", "2026-10-25T11:11")
        assert desk.told() == [(1, "preliminary", 11, 1), (2, "fixed", 11, 1), (3, "late_change", 10, 1)]
        assert names(folder)[0] == "KOST_12345678_20261025_0800_v1.csv"

    async def test_lessons_are_not_even_asked_for(self) -> None:
        """A cancelled lesson does not change who eats."""
        assert not [model for model in Catering.consumes if ".lesson." in model.spec.type]


class TestSittings:
    async def test_each_sitting_has_its_groups_and_all_share_a_revision_and_a_file(self, folder: Path) -> None:
        sittings = [
            {"id": "A", "from": "10:50", "to": "11:20", "groups": [GROUP_1]},
            {"id": "B", "from": "11:20", "to": "11:50", "groups": [GROUP_2], "staff_portions": 5},
        ]
        desk = desk_with(folder, kitchen(sittings=sittings))
        desk.directory.here = [pupil(n, groups=[GROUP_1 if n < 4 else GROUP_2]) for n in range(10)]
        await desk.cut_off("2026-11-24T08:30")
        await desk.away(9)
        assert [(d["sitting"], d["revision"], d["status"], d["counts"][0]["portions"]) for d in desk.published] == [
            ("A", 1, "fixed", 4),
            ("B", 1, "fixed", 6),
            ("B", 2, "late_change", 5),
        ]
        rows = [row for row in rows_of(folder, f"{DAY}_0830_v2.csv") if row["diet"] in ("NORMAL", "PERSONAL")]
        assert [(row["sitting"], row["portions"], row["status"]) for row in rows] == [
            ("A", "4", "fixed"),
            ("A", "2", "fixed"),
            ("B", "5", "late_change"),
            ("B", "5", "late_change"),
        ]

    async def test_pupils_in_no_sitting_are_told_to_the_operator(self, folder: Path) -> None:
        desk = desk_with(folder, kitchen(sittings=[{"id": "A", "from": "10:50", "to": "11:20", "groups": [GROUP_1]}]))
        await desk.report("2026-11-24T08:00")
        lost, without = desk.problems
        assert lost[0] == "pupils-gone"
        assert without == ("pupil-without-sitting", "kitchen K-017: some pupils are in no sitting's groups")


class TestDiets:
    async def test_an_unknown_diet_counts_as_other_and_is_a_problem_without_the_diet(self, desk: Desk) -> None:
        desk.directory.here += [pupil(30, "NÖT"), pupil(31, "NÖT", "G")]
        await desk.report("2026-11-24T08:00")
        assert desk.published[0]["counts"][-1] == {"diet": "ÖVRIG", "portions": 2}
        assert desk.problems == [("unknown-diet", "kitchen K-017: 2 diets are not in its diet_codes")]

    async def test_a_special_diet_is_fixed_the_day_before_and_its_change_is_late_that_evening(
        self, folder: Path
    ) -> None:
        desk = desk_with(folder, kitchen(cutoffs=AHEAD))
        desk.clock.now = school("2026-11-23T08:00")
        await desk.report("2026-11-23T08:00")
        await desk.cut_off("2026-11-23T09:00")
        await desk.away(1)
        assert [d["date"] for d in desk.published] == ["2026-11-23", "2026-11-24"]  # an ordinary portion can wait
        await desk.away(0)
        assert (desk.published[-1]["date"], desk.told()[-1]) == ("2026-11-24", (2, "late_change", 10, 0))
        await desk.report("2026-11-24T08:00")
        await desk.cut_off("2026-11-24T08:30")
        of_the_day = [told for told, d in zip(desk.told(), desk.published, strict=True) if d["date"] == "2026-11-24"]
        assert of_the_day[2:] == [(3, "preliminary", 10, 0), (4, "fixed", 10, 0)]

    async def test_days_ahead_are_told_again_only_with_news(self, folder: Path) -> None:
        desk = desk_with(folder, kitchen(cutoffs=AHEAD), report_times=["08:00", "15:00"])
        desk.clock.now = school("2026-11-23T07:00")
        await desk.report("2026-11-23T08:00")
        await desk.report("2026-11-23T15:00")
        ahead = [name for name in names(folder) if name.startswith(DAY)]
        assert ahead == [f"{DAY}_0800_v1.csv"]


class TestClosed:
    async def test_a_closed_school_gets_nothing_and_neither_do_its_staff(self, desk: Desk, folder: Path) -> None:
        await desk.closed(PARENT)
        await desk.report("2026-11-24T08:00")
        assert desk.told() == [(1, "preliminary", 0, 0)]
        assert (desk.published[0]["enrolled"], desk.published[0]["absent"]) == (12, 12)
        assert {row["portions"] for row in rows_of(folder, f"{DAY}_0800_v1.csv")} == {"0"}

    async def test_one_closed_unit_leaves_the_others_and_its_opening_gives_back(self, desk: Desk) -> None:
        await desk.closed(OTHER_UNIT)
        await desk.report("2026-11-24T08:00")
        await desk.closed(OTHER_UNIT, closed=False)
        await desk.cut_off("2026-11-24T08:30")
        assert desk.told() == [(1, "preliminary", 10, 1), (2, "fixed", 12, 1)]

    async def test_a_school_that_closes_after_the_cutoff_is_a_late_change(self, desk: Desk) -> None:
        await fixed(desk)
        await desk.closed(PARENT)
        assert desk.told() == [(3, "late_change", 0, 0)]

    async def test_a_closed_unit_goes_by_the_rule_for_bulk(self, folder: Path) -> None:
        desk = desk_with(folder, kitchen(cutoffs=AHEAD))
        desk.clock.now = school("2026-11-23T08:00")
        await desk.report("2026-11-23T08:00")
        await desk.cut_off("2026-11-23T09:00")
        await desk.closed(UNIT)
        assert len(desk.published) == 2  # special diets are fixed, yet whole units may close until 12:00
        await desk.cut_off("2026-11-23T12:00")
        await desk.closed(UNIT, closed=False)
        assert desk.told()[2:] == [(2, "preliminary", 2, 0), (3, "late_change", 12, 1)]

    async def test_another_school_that_closes_concerns_nobody_here(self, desk: Desk) -> None:
        await fixed(desk)
        await desk.closed(ELSEWHERE)
        assert desk.told() == []


class TestComplete:
    async def test_the_result_says_when_events_or_people_may_be_missing(self, desk: Desk, folder: Path) -> None:
        await desk.report("2026-11-24T08:00", complete=False)
        desk.directory.fresh = False
        await desk.cut_off("2026-11-24T08:30")
        assert [data["complete"] for data in desk.published] == [False, False]
        assert {row["complete"] for row in rows_of(folder, f"{DAY}_0830_v2.csv")} == {"no"}

    @pytest.mark.parametrize("organisation", [None, UNIT])
    async def test_an_absence_of_somebody_unknown_is_left_out_and_said(
        self, desk: Desk, organisation: str | None
    ) -> None:
        await desk.away(99, organisation=organisation)
        await desk.report("2026-11-24T08:00")
        assert (desk.told(), desk.published[0]["complete"]) == ([(1, "preliminary", 12, 1)], False)

    async def test_the_absence_of_a_pupil_who_has_left_makes_nothing_incomplete(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A leave may go on after the enrolment has ended: the directory knows the pupil on the leave's first day."""
        left = pupil(50)
        usual = desk.directory.persons

        async def persons(*, on: date, **asked: Any) -> Sequence[Mapping[str, Any]]:
            gone = [] if asked.get("organisations") or on >= date(2026, 11, 24) else [left]
            return [*await usual(on=on, **asked), *gone]

        monkeypatch.setattr(desk.directory, "persons", persons)
        await desk.away(50, "2026-11-23T08:00", "2026-11-25T16:00")
        await desk.report("2026-11-24T08:00")
        assert (desk.told(), desk.published[0]["complete"]) == ([(1, "preliminary", 12, 1)], True)

    async def test_the_leave_of_a_pupil_who_left_before_it_began_makes_nothing_incomplete(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A leave is granted weeks ahead: the directory knows the pupil on the day on which it was granted."""
        left = pupil(50)
        usual = desk.directory.persons

        async def persons(*, on: date, **asked: Any) -> Sequence[Mapping[str, Any]]:
            gone = [] if asked.get("organisations") or on >= date(2026, 11, 20) else [left]
            return [*await usual(on=on, **asked), *gone]

        monkeypatch.setattr(desk.directory, "persons", persons)
        desk.clock.now = school("2026-11-10T09:00")
        await desk.away(50, "2026-11-24T00:00", "2026-11-25T00:00", model=LeaveGranted)
        desk.clock.now = school("2026-11-20T09:00")
        await desk.away(50, "2026-11-24T00:00", "2026-11-26T00:00", model=AbsenceChanged)
        await desk.report("2026-11-24T08:00")
        assert (desk.told(), desk.published[0]["complete"]) == ([(1, "preliminary", 12, 1)], True)

    @pytest.mark.parametrize("last", [date(2026, 11, 23), date(2026, 11, 20)], ids=["yesterday", "before the weekend"])
    async def test_the_absence_of_a_pupil_whose_enrolment_ended_as_of_an_earlier_day_makes_nothing_incomplete(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch, last: date
    ) -> None:
        """The school system said so after the absence had been reported, on its first day."""
        left = pupil(50)
        usual = desk.directory.persons

        async def persons(*, on: date, **asked: Any) -> Sequence[Mapping[str, Any]]:
            gone = [] if asked.get("organisations") or on > last else [left]
            return [*await usual(on=on, **asked), *gone]

        monkeypatch.setattr(desk.directory, "persons", persons)
        desk.clock.now = school("2026-11-24T06:00")
        await desk.away(50, "2026-11-24T08:00", "2026-11-24T16:00")
        await desk.report("2026-11-24T08:00")
        assert (desk.told(), desk.published[0]["complete"]) == ([(1, "preliminary", 12, 1)], True)

    @pytest.mark.parametrize("organisation", [None, ELSEWHERE])
    async def test_an_absence_of_another_schools_pupil_makes_nothing_incomplete(
        self, desk: Desk, organisation: str | None
    ) -> None:
        await desk.away(20, organisation=organisation)
        await desk.report("2026-11-24T08:00")
        assert desk.published[0]["complete"] is True

    async def test_a_late_absence_at_another_school_asks_for_nobody(self, desk: Desk) -> None:
        await fixed(desk)
        asked = list(desk.directory.asked)
        await desk.away(20, organisation=ELSEWHERE)
        assert (desk.told(), desk.directory.asked) == ([], asked)

    async def test_a_late_absence_counts_at_once_at_the_pupils_other_kitchen(self, desk: Desk) -> None:
        """The absence names the school that reported it; the pupil eats here too."""
        desk.directory.here[1]["enrolments"].append(invented.enrolment(ELSEWHERE, cancelled=False))
        await fixed(desk)
        await desk.away(1, organisation=ELSEWHERE)
        assert desk.told() == [(3, "late_change", 11, 1)]

    async def test_a_late_absence_counts_at_once_where_the_pupil_has_moved_to(self, desk: Desk) -> None:
        """The absence names the school that the pupil was at when it was reported."""
        desk.directory.here[1]["enrolments"] = [invented.enrolment(UNIT, startDate="2026-11-24", cancelled=False)]
        await fixed(desk)
        await desk.away(1, organisation=ELSEWHERE)
        assert desk.told() == [(3, "late_change", 11, 1)]

    async def test_after_a_restart_a_late_absence_at_any_school_is_counted(self, desk: Desk) -> None:
        desk.directory.here[1]["enrolments"].append(invented.enrolment(ELSEWHERE, cancelled=False))
        await fixed(desk)
        desk.connector = Catering(desk.connector.config, desk)
        await desk.away(1, organisation=ELSEWHERE)
        assert desk.told() == [(3, "late_change", 11, 1)]

    async def test_late_changes_that_come_together_are_one_revision(self, desk: Desk) -> None:
        """One count reads all pupils of a kitchen: a school that reports thirty absences at once causes one."""
        await fixed(desk)
        asked = len(desk.directory.asked)
        for number in (1, 2, 3):
            await desk.connector.handle(desk.absence(number))
        await desk.connector.poll()
        assert desk.told() == [(3, "late_change", 9, 1)]
        assert len(desk.directory.asked) == asked + 1
        assert not [name for name in desk.state if name.startswith("late/")]

    async def test_a_late_change_outlives_a_poll_that_could_not_count_it(self, desk: Desk) -> None:
        await fixed(desk)
        usual = desk.directory.organisations

        async def away() -> Sequence[Mapping[str, Any]]:
            raise TemporaryError("the directory could not be read")

        desk.directory.organisations = away  # type: ignore[method-assign]
        with pytest.raises(TemporaryError):
            await desk.away(1)
        desk.directory.organisations = usual  # type: ignore[method-assign]
        await desk.connector.poll()
        assert desk.told() == [(3, "late_change", 11, 1)]


class TestCrashes:
    """Promise 6: the same event twice has the same effect once at the far side."""

    async def test_a_late_change_that_was_written_and_not_noted_is_found_and_not_written_again(
        self, desk: Desk, folder: Path
    ) -> None:
        await fixed(desk)
        with desk.crash_once():
            await desk.away(1)
        before = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}
        assert f"{DAY}_0830_v3.csv" in before
        assert desk.told() == []
        await desk.connector.poll()
        assert {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()} == before
        assert desk.told() == [(3, "late_change", 11, 1)]

    async def test_the_same_event_again_does_nothing(self, desk: Desk, folder: Path) -> None:
        await fixed(desk)
        event = desk.absence(1)
        await desk.handle(event)
        before = names(folder)
        await desk.handle(event)
        assert (names(folder), len(desk.told())) == (before, 1)

    async def test_what_was_kept_is_told_whatever_has_changed_meanwhile(self, desk: Desk, folder: Path) -> None:
        """A system that takes its files at once leaves nothing to compare with: a repeat must be the same file."""
        await fixed(desk)
        with desk.crash_once():
            await desk.away(1)
        name = folder / f"{DAY}_0830_v3.csv"
        first = name.read_bytes()
        name.unlink()  # the kitchen took it
        desk.directory.here.pop()  # meanwhile a pupil has left
        await desk.connector.poll()
        assert name.read_bytes() == first
        assert desk.told() == [(3, "late_change", 11, 1)]
        await desk.report("2026-11-24T09:30")
        assert desk.told()[1:] == [(4, "late_change", 10, 1)]

    async def test_a_report_that_is_repeated_does_nothing(self, desk: Desk, folder: Path) -> None:
        await desk.report("2026-11-24T08:00")
        await desk.away(1)
        before = names(folder)
        await desk.report("2026-11-24T08:00")
        assert (names(folder), len(desk.told())) == (before, 1)

    async def test_a_kitchen_that_can_not_be_reached_gets_each_change_when_it_can(
        self, desk: Desk, folder: Path
    ) -> None:
        await fixed(desk)
        away = folder.rename(folder.parent / "unmounted")
        for number in (1, 2):
            await desk.away(number)
        assert desk.told() == []
        assert [code for code, _ in desk.problems] == ["folder"], "the operator sees it once"
        assert "kitchen K-017" in desk.problems[0][1]
        assert await desk.connector.poll() == Unfinished("folder", ("K-017",))
        away.rename(folder)
        desk.clock.move(seconds=300)
        assert await desk.connector.poll() is None
        assert desk.told() == [(4, "late_change", 10, 1)], "the last one replaces those that waited"

    async def test_when_one_kitchen_fails_the_others_get_theirs_and_it_follows_alone(self, folder: Path) -> None:
        desk = desk_with(folder, kitchen(id="K-018", unit_code="87654321"), kitchen())
        for revision in range(1, 300):  # so that this one finds no name
            (folder / f"KOST_87654321_20261124_0800_v{revision}.csv").mkdir()
        with pytest.raises(TemporaryError, match="K-018"):
            await desk.report("2026-11-24T08:00")
        assert [d["kitchen"] for d in desk.published] == ["K-017"]
        for each in folder.glob("KOST_87654321*"):
            each.rmdir()
        await desk.report("2026-11-24T08:00")
        assert [d["kitchen"] for d in desk.published] == ["K-017", "K-018"]

    async def test_a_replay_of_what_came_before_does_not_revive_an_absence(self, desk: Desk) -> None:
        await fixed(desk)
        reported = desk.absence(1)
        await desk.handle(reported)
        await desk.withdrawn(1)
        before = desk.told()
        await desk.handle(reported)
        assert desk.told() == before

    async def test_strangers_under_every_name_are_an_error_that_says_so(self, desk: Desk, folder: Path) -> None:
        for revision in range(1, 300):
            (folder / f"{DAY}_0800_v{revision}.csv").write_bytes(b"not the hub's")
        with pytest.raises(TemporaryError, match="K-017"):
            await desk.report("2026-11-24T08:00")
        assert desk.published == []


class TestState:
    async def test_it_holds_pseudonyms_and_sums_and_nothing_that_is_past(self, desk: Desk) -> None:
        await fixed(desk)
        await desk.away(1)
        await desk.away(2, "2026-11-24T08:00", "2026-11-27T16:00")
        await desk.closed(OTHER_UNIT, "2026-11-26")
        assert sorted(name.split("/")[0] for name in desk.state) == ["absence", "absence", "closed", "day"]
        assert desk.state[f"absence/{uid('absence', 1)}"].keys() == {
            "student",
            "start",
            "end",
            "reported",
            "organisation",
            "sequence",
        }
        assert "pseudonym" not in str([value for name, value in desk.state.items() if name.startswith("day/")])
        await desk.report("2026-11-25T08:00")
        assert sorted(name.split("/")[0] for name in desk.state) == ["absence", "closed", "day"]
        await desk.report("2026-11-30T08:00")
        assert [name.split("/")[0] for name in desk.state] == ["day"]

    async def test_what_is_over_when_it_comes_is_not_kept(self, desk: Desk) -> None:
        await desk.away(1, "2026-11-20T08:00", "2026-11-23T16:00")
        await desk.closed(UNIT, "2026-11-23")
        assert desk.state == {}


class TestFarSide:
    async def test_a_selftest_leaves_nothing(self, desk: Desk, folder: Path) -> None:
        await desk.connector.selftest()
        assert names(folder) == []

    async def test_a_selftest_of_a_missing_folder_fails(self, desk: Desk, folder: Path) -> None:
        folder.rmdir()
        with pytest.raises(TemporaryError):
            await desk.connector.selftest()

    async def test_reconcile_puts_back_the_last_revision_and_only_that(self, desk: Desk, folder: Path) -> None:
        await fixed(desk)
        bodies = {path.name: path.read_bytes() for path in folder.iterdir()}
        for path in folder.iterdir():
            path.unlink()
        await desk.connector.reconcile()
        last = f"{DAY}_0830_v2.csv"
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == {last: bodies[last]}
        assert desk.told() == []

    async def test_reconcile_answers_an_altered_file_with_the_next_revision_and_a_problem(
        self, desk: Desk, folder: Path
    ) -> None:
        await fixed(desk)
        (folder / f"{DAY}_0830_v2.csv").write_bytes(b"altered")
        await desk.connector.reconcile()
        await desk.connector.reconcile()
        assert (folder / f"{DAY}_0830_v2.csv").read_bytes() == b"altered"
        assert desk.told() == [(3, "fixed", 12, 1)]
        assert [code for code, _ in desk.problems] == ["file-altered"]


class TestLastOrderStands:
    async def test_a_school_system_that_lost_its_pupils_empties_no_kitchen(self, desk: Desk, folder: Path) -> None:
        await desk.report("2026-11-24T08:00")
        desk.directory.here, desk.directory.fresh = [], False
        await desk.cut_off("2026-11-24T08:30")
        assert desk.told() == [(1, "preliminary", 12, 1), (2, "fixed", 12, 1)]
        assert {row["complete"] for row in rows_of(folder, f"{DAY}_0830_v2.csv")} == {"no"}
        assert [code for code, _ in desk.problems] == ["last-order-stands"]

    @pytest.mark.parametrize("left", [0, 2, 9])
    async def test_the_next_day_it_still_stands(self, desk: Desk, left: int) -> None:
        await desk.report("2026-11-24T08:00")
        desk.published.clear()
        desk.directory.here, desk.directory.fresh = desk.directory.here[:left], False
        await desk.report("2026-11-25T08:00")
        assert desk.told() == [(1, "preliminary", 12, 1)]
        assert desk.published[0]["complete"] is False

    async def test_over_a_weekend_it_still_stands(self, desk: Desk) -> None:
        await desk.report("2026-11-27T08:00")
        for day in ("28", "29"):
            await desk.report(f"2026-11-{day}T08:00")
        desk.published.clear()
        desk.directory.here, desk.directory.fresh = [], False
        await desk.report("2026-11-30T08:00")
        assert desk.told() == [(1, "preliminary", 12, 1)]

    async def test_a_complete_directory_is_believed_while_it_has_pupils(self, desk: Desk) -> None:
        await desk.report("2026-11-24T08:00")
        desk.published.clear()
        desk.directory.here = desk.directory.here[:7]
        await desk.report("2026-11-25T08:00")
        assert (desk.told(), desk.published[0]["complete"]) == ([(1, "preliminary", 7, 1)], True)

    @pytest.mark.parametrize("left", [0, 1, 2])
    async def test_a_complete_directory_that_lost_most_pupils_is_believed_once_a_person_confirms(
        self, desk: Desk, left: int
    ) -> None:
        everyone = desk.directory.here
        await desk.report("2026-11-24T08:00")
        desk.directory.here = everyone[:left]
        for day in ("25", "26"):
            desk.published.clear()
            await desk.report(f"2026-11-{day}T08:00")
            assert (desk.told(), desk.published[0]["complete"]) == ([(1, "preliminary", 12, 1)], False)
        assert {code for code, _ in desk.problems} == {"pupils-gone"}
        (waits,) = await desk.connector.waiting()
        assert waits.word in desk.problems[0][1]
        assert "K-017" in waits.says
        await desk.connector.confirm(waits.word)
        assert await desk.connector.waiting() == []
        for day in ("27", "30"):
            desk.published.clear()
            await desk.report(f"2026-11-{day}T08:00")
            assert (desk.told(), desk.published[0]["complete"]) == ([(1, "preliminary", left, min(left, 1))], True)
        for day, pupils in (("12-01", everyone), ("12-02", [])):  # a second loss waits for a person again
            desk.published.clear()
            desk.directory.here = pupils
            await desk.report(f"2026-{day}T08:00")
            assert desk.told() == [(1, "preliminary", 12, 1)]
        assert len(await desk.connector.waiting()) == 1

    async def test_a_sitting_that_never_had_a_pupil_is_not_complete_until_a_person_confirms(self, folder: Path) -> None:
        """A new kitchen may name last year's groups, whose members have all left."""
        group = uid("group", 1)
        desk = desk_with(folder, kitchen(sittings=[{"id": "1", "from": "11:10", "to": "11:40", "groups": [group]}]))
        desk.directory.here = [pupil(n) for n in range(4)]
        await desk.report("2026-11-24T08:00")
        assert (desk.told(), desk.published[0]["complete"]) == ([(1, "preliminary", 0, 0)], False)
        (waits,) = await desk.connector.waiting()
        await desk.connector.confirm(waits.word)
        desk.published.clear()
        await desk.report("2026-11-25T08:00")
        assert (desk.told(), desk.published[0]["complete"]) == ([(1, "preliminary", 0, 0)], True)

    async def test_other_settings_explain_a_loss(self, folder: Path) -> None:
        """A person has moved most pupils to another sitting: nothing is lost."""
        groups = [uid("group", n) for n in (1, 2)]
        sitting = {"id": "1", "from": "11:10", "to": "11:40"}
        desk = desk_with(folder, kitchen(sittings=[{**sitting, "groups": groups}]))
        desk.directory.here = [pupil(n, groups=[groups[n > 1]]) for n in range(14)]
        await desk.report("2026-11-24T08:00")
        state = dict(desk.state)
        desk = desk_with(folder, kitchen(sittings=[{**sitting, "groups": groups[:1]}]))
        desk.state.update(state)
        desk.directory.here = [pupil(n, groups=[groups[n > 1]]) for n in range(14)]
        await desk.report("2026-11-25T08:00")
        assert (desk.told()[-1][2], desk.published[-1]["complete"]) == (2, True)

    async def test_groups_without_a_member_left_empty_no_sitting(self, folder: Path) -> None:
        group = uid("group", 1)
        desk = desk_with(folder, kitchen(sittings=[{"id": "1", "from": "11:10", "to": "11:40", "groups": [group]}]))
        desk.directory.here = [pupil(n, groups=[group]) for n in range(4)]
        await desk.report("2026-11-24T08:00")
        desk.published.clear()
        desk.directory.here = [pupil(n) for n in range(4)]
        await desk.report("2026-11-25T08:00")
        assert (desk.told(), desk.published[0]["complete"]) == ([(1, "preliminary", 4, 0)], False)

    async def test_a_group_that_has_ended_explains_that_no_pupil_is_left(self, folder: Path) -> None:
        group = uid("group", 1)
        desk = desk_with(folder, kitchen(sittings=[{"id": "1", "from": "11:10", "to": "11:40", "groups": [group]}]))
        desk.directory.here = [pupil(n, groups=[group]) for n in range(4)]
        await desk.report("2026-11-24T08:00")
        desk.published.clear()
        desk.directory.known_groups = [{"id": group, "endDate": "2026-11-24"}]
        await desk.report("2026-11-25T08:00")
        assert (desk.told(), desk.published[0]["complete"]) == ([(1, "preliminary", 0, 0)], False)

    async def test_one_pupil_too_few_freezes_nothing(self, desk: Desk) -> None:
        await desk.report("2026-11-24T08:00")
        desk.published.clear()
        desk.directory.here, desk.directory.fresh = desk.directory.here[:-1], False
        await desk.report("2026-11-25T08:00")
        assert desk.told() == [(1, "preliminary", 11, 1)]

    async def test_a_closed_school_is_no_loss(self, desk: Desk) -> None:
        await desk.report("2026-11-24T08:00")
        desk.published.clear()
        await desk.closed(PARENT, "2026-11-25")
        desk.directory.here, desk.directory.fresh = [], False
        await desk.report("2026-11-25T08:00")
        assert desk.told()[-1][2] == 0

    async def test_a_late_absence_does_not_empty_a_fixed_order(self, desk: Desk) -> None:
        await fixed(desk)
        desk.directory.here, desk.directory.fresh = [], False
        await desk.away(1)
        assert desk.told() == []
