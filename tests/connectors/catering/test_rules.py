"""The rules that a caterer chooses, and those that hold for all: days, cut-offs in every zone and hour, shares of a
sitting, two enrolments, groups that have ended.
"""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.catering.config import CateringConfig, Kitchen
from connectors.catering.cutoffs import cutoff_at, days_of_cutoff, days_of_report, fixed_at
from connectors.catering.days import serves
from schemas.school_time import SCHOOL_ZONE, school_moment
from tests.connectors.catering.desk import OTHER_UNIT, UNIT, Desk, kitchen, pupil, school
from tests.school import ELSEWHERE, uid

GROUP_1, GROUP_2 = uid("group", 1), uid("group", 2)


def a_kitchen(**changes: Any) -> Kitchen:
    return Kitchen.model_validate(kitchen(**changes))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "in"
    path.mkdir()
    return path


def desk_with(folder: Path, **changes: Any) -> Desk:
    return Desk({"kind": "folder", "path": str(folder)}, kitchen(**changes))


class TestDays:
    @pytest.mark.parametrize(
        "day", ["2026-12-24", "2026-12-25", "2026-12-31", "2027-01-01", "2027-01-06", "2027-03-26", "2027-06-25"]
    )
    def test_a_kitchen_is_closed_on_public_holidays_and_their_eves(self, day: str) -> None:
        assert not serves(a_kitchen(), date.fromisoformat(day))
        assert serves(a_kitchen(closed_days={"holidays": None}), date.fromisoformat(day))

    def test_a_kitchen_that_serves_on_sundays_serves_on_holidays(self) -> None:
        """By law every Sunday is a public holiday: such a kitchen serves people who are there on all days."""
        subject = a_kitchen(weekdays=[1, 2, 3, 4, 5, 6, 7])
        assert serves(subject, date(2026, 12, 25))
        assert not serves(a_kitchen(weekdays=[5, 6, 7], closed_days={}), date(2026, 12, 25))

    def test_the_municipality_may_say_more_and_less(self) -> None:
        closed = {"eves": False, "also": ["2026-11-25"], "open": ["2027-01-06"]}
        subject = a_kitchen(closed_days=closed)
        days = ["2026-11-24", "2026-11-25", "2026-12-24", "2026-12-25", "2027-01-06"]
        assert [serves(subject, date.fromisoformat(day)) for day in days] == [True, False, True, False, True]

    async def test_no_file_comes_on_a_holiday(self, folder: Path) -> None:
        desk = desk_with(folder)
        desk.clock.now = school("2027-01-06T07:00")
        await desk.report("2027-01-06T08:00")
        assert list(folder.iterdir()) == []

    def test_a_kitchen_that_never_serves_ends_every_search(self) -> None:
        subject = a_kitchen(
            weekdays=[7],
            closed_days={"also": [str(date(2026, 1, 4) + timedelta(weeks=n)) for n in range(200)]},
            cutoffs=[{"applies_to": "normal", "offset_days": 3, "days": "school", "time": "08:00"}],
        )
        assert days_of_report(subject, school("2026-11-24T08:00")) == []
        cutoff_at(subject, "normal", date(2026, 11, 24))


class TestSchoolDays:
    CUTOFF = ({"applies_to": "normal", "offset_days": 1, "days": "school", "time": "14:00"},)

    @pytest.mark.parametrize(
        ("day", "cutoff"),
        [
            ("2026-11-24", "2026-11-23"),  # Tuesday: Monday
            ("2026-11-23", "2026-11-20"),  # Monday: Friday
            ("2027-01-07", "2027-01-05"),  # after Epiphany
            ("2027-03-30", "2027-03-25"),  # after Easter: Maundy Thursday
        ],
    )
    def test_the_school_day_before_is_a_day_on_which_the_kitchen_serves(self, day: str, cutoff: str) -> None:
        subject = a_kitchen(cutoffs=self.CUTOFF)
        meal = date.fromisoformat(day)
        due = school(f"{cutoff}T14:00")
        assert cutoff_at(subject, "normal", meal) == due.astimezone(UTC)
        assert days_of_cutoff(subject, due) == [meal]
        assert meal in days_of_report(subject, due)

    async def test_the_order_of_a_monday_is_fixed_on_the_friday(self, folder: Path) -> None:
        desk = desk_with(folder, cutoffs=self.CUTOFF)
        desk.clock.now = school("2026-11-20T08:00")
        await desk.report("2026-11-20T08:00")
        await desk.cut_off("2026-11-20T14:00")
        assert [(d["date"], d["status"]) for d in desk.published][-1] == ("2026-11-23", "fixed")
        await desk.away(1, "2026-11-23T08:00", "2026-11-23T16:00")
        assert [(d["date"], d["status"]) for d in desk.published][-1] == ("2026-11-23", "late_change")


class TestHours:
    """A moment is one moment in every zone, also in the hour that comes twice."""

    @pytest.mark.parametrize("day", ["2026-10-25", "2027-03-28", "2026-11-24"])
    @pytest.mark.parametrize("at", ["01:30", "02:00", "02:45", "03:00"])
    def test_a_cut_off_is_met_whatever_the_zone_of_its_timer(self, day: str, at: str) -> None:
        meal = date.fromisoformat(day)
        subject = a_kitchen(weekdays=[1, 2, 3, 4, 5, 6, 7], cutoffs=[{"applies_to": "normal", "time": at}])
        due = school_moment(meal, datetime.strptime(at, "%H:%M").time())
        for same in (due, due.astimezone(UTC), due.astimezone(SCHOOL_ZONE)):
            assert days_of_cutoff(subject, same) == [meal]
            assert fixed_at(subject, meal, same)

    async def test_a_cut_off_in_the_hour_that_comes_twice_fixes_the_order(self, folder: Path) -> None:
        desk = desk_with(folder, weekdays=[7], cutoffs=[{"applies_to": "normal", "time": "02:45"}])
        desk.clock.now = school("2026-10-25T02:00")
        await desk.cut_off("2026-10-25T02:45")
        assert [d["status"] for d in desk.published] == ["fixed"]

    async def test_a_cut_off_before_the_first_report_brings_the_first_file(self, folder: Path) -> None:
        desk = desk_with(folder, cutoffs=[{"applies_to": "normal", "time": "07:00"}])
        desk.clock.now = school("2026-11-24T06:00")
        await desk.cut_off("2026-11-24T07:00")
        await desk.report("2026-11-24T08:00")
        assert [(d["revision"], d["status"]) for d in desk.published] == [(1, "fixed"), (2, "fixed")]


class TestShares:
    @pytest.mark.parametrize(
        ("share", "times", "eats"),
        [
            (0, ["11:39-11:40"], False),
            (0.5, ["11:10-11:24"], True),
            (0.5, ["11:10-11:25"], False),
            (0.5, ["11:10-11:20", "11:30-11:40"], False),
            (0.5, ["11:10-11:20", "11:12-11:20", "11:15-11:22"], True),
            (1, ["08:00-11:39"], True),
            (1, ["08:00-11:20", "11:20-16:00"], False),
        ],
    )
    async def test_an_absence_counts_from_the_share_that_the_caterer_chose(
        self, folder: Path, share: float, times: list[str], eats: bool
    ) -> None:
        desk = desk_with(folder, absence_share=share)
        for number, span in enumerate(times):
            start, end = (f"2026-11-24T{each}" for each in span.split("-"))
            await desk.away(1, start, end, id=uid("absence", 100 + number))
        await desk.report("2026-11-24T08:00")
        assert desk.told() == [(1, "preliminary", 12 if eats else 11, 1)]


class TestEnrolments:
    @pytest.mark.parametrize(("rule", "portions"), [("each", 13), ("latest", 12)])
    async def test_a_pupil_with_two_enrolments_eats_by_the_caterers_rule(
        self, folder: Path, rule: str, portions: int
    ) -> None:
        desk = desk_with(folder, enrolments=rule)
        moved = pupil(30)
        (old,) = moved["enrolments"]
        elsewhere = pupil(31, unit=uid("elsewhere too"))["enrolments"][0]
        moved["enrolments"] = [{**old, "startDate": "2025-08-18"}, {**elsewhere, "startDate": "2026-11-02"}]
        desk.directory.here.append(moved)
        await desk.report("2026-11-24T08:00")
        assert desk.told() == [(1, "preliminary", portions, 1)]

    async def test_two_enrolments_at_one_kitchen_are_one_portion(self, folder: Path) -> None:
        desk = desk_with(folder, enrolments="latest")
        twice = pupil(30)
        twice["enrolments"] += pupil(30, unit=OTHER_UNIT)["enrolments"]
        desk.directory.here = [twice]
        await desk.report("2026-11-24T08:00")
        assert desk.told() == [(1, "preliminary", 1, 0)]


class TestComplete:
    """Promise 8: a sum that may lack pupils says so."""

    SITTINGS = (
        {"id": "A", "from": "10:50", "to": "11:20", "groups": [GROUP_1]},
        {"id": "B", "from": "11:20", "to": "11:50", "groups": [GROUP_2]},
    )

    async def told(self, folder: Path, groups: list[dict[str, Any]]) -> tuple[list[tuple[str, int, bool]], Desk]:
        desk = desk_with(folder, sittings=self.SITTINGS)
        desk.directory.here = [pupil(n, groups=[GROUP_1 if n < 4 else GROUP_2]) for n in range(10)]
        desk.directory.known_groups = groups
        await desk.report("2026-11-24T08:00")
        told = [(d["sitting"], sum(row["portions"] for row in d["counts"]), d["complete"]) for d in desk.published]
        return told, desk

    async def test_all_groups_known(self, folder: Path) -> None:
        told, desk = await self.told(folder, [{"id": GROUP_1}, {"id": GROUP_2.upper(), "endDate": "2026-11-24"}])
        assert told == [("A", 4, True), ("B", 6, True)]
        assert (desk.problems, desk.directory.asked_groups) == ([], 1)

    @pytest.mark.parametrize(
        ("group", "portions"),
        [
            (None, 0),
            ({"id": GROUP_1, "endDate": "2026-06-12"}, 0),
            ({"id": GROUP_1, "startDate": "2025-08-18", "endDate": "2026-11-23"}, 0),
        ],
    )
    async def test_a_group_that_is_unknown_or_has_ended_feeds_nobody_and_the_sum_says_so(
        self, folder: Path, group: dict[str, Any] | None, portions: int
    ) -> None:
        told, desk = await self.told(folder, [{"id": GROUP_2}, *([group] if group else [])])
        assert told == [("A", portions, False), ("B", 6, True)]
        assert ("unknown-group", f"kitchen K-017, sitting A: unknown or ended: {GROUP_1}") in desk.problems
        assert any(code == "pupil-without-sitting" for code, _ in desk.problems)

    async def test_a_group_that_begins_later_feeds_nobody_yet_and_the_sum_says_so(self, folder: Path) -> None:
        told, desk = await self.told(folder, [{"id": GROUP_1, "startDate": "2026-11-25"}, {"id": GROUP_2}])
        assert told == [("A", 0, False), ("B", 6, True)]
        assert "idle-group" in [code for code, _ in desk.problems]

    @pytest.mark.parametrize(("here", "complete"), [(False, False), (True, True)])
    async def test_a_group_of_another_unit_makes_the_sum_incomplete_unless_pupils_of_the_kitchen_are_in_it(
        self, folder: Path, here: bool, complete: bool
    ) -> None:
        desk = desk_with(folder, sittings=self.SITTINGS[:1])
        desk.directory.here = [pupil(1, groups=[GROUP_1] if here else [])]
        desk.directory.known_groups = [{"id": GROUP_1, "organisation": {"id": ELSEWHERE}}]
        await desk.report("2026-11-24T08:00")
        assert [d["complete"] for d in desk.published] == [complete]

    async def test_a_unit_that_does_not_exist_is_named(self, folder: Path) -> None:
        unit = uid("no such unit")
        desk = desk_with(folder, units=[UNIT, unit])
        await desk.report("2026-11-24T08:00")
        assert [d["complete"] for d in desk.published] == [False]
        assert ("unknown-unit", f"kitchen K-017: {unit}") in desk.problems

    async def test_kitchens_without_groups_ask_for_none(self, folder: Path) -> None:
        desk = desk_with(folder)
        await desk.report("2026-11-24T08:00")
        assert desk.directory.asked_groups == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"absence_share": 1.1},
        {"absence_share": -0.1},
        {"enrolments": "first"},
        {"closed_days": {"holidays": "XX"}},
        {"closed_days": {"also": ["25 december"]}},
        {"cutoffs": [{"applies_to": "normal", "days": "working", "time": "08:00"}]},
    ],
)
def test_a_rule_that_does_not_exist_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CateringConfig.model_validate({"kitchens": [kitchen(**changes)], "transport": {"kind": "folder", "path": "x"}})
