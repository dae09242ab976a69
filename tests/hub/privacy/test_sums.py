"""Promise 5: of the people who are counted, a recipient that need not act learns of none with certainty."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.bus.base import Place, Stored
from hub.clock import SystemClock
from hub.directory.directory import Directory
from hub.keys import Keys
from hub.privacy.base import PayloadLevel, Recipient, Rule
from hub.privacy.gate import PrivacyGate
from hub.privacy.sums import SMALLEST_CELL, SumRule, Sums, keyed_draw
from schemas import Aggregate, Catalogue, Category, EventSpec, Payload, Ref, core_catalogue
from schemas.meals import MealsCount
from tests.hub.privacy.conftest import Hub
from tests.hub.privacy.house import contract, recipient
from tests.school import event

TYPE = MealsCount.spec.type
DECLARED = MealsCount.spec.aggregate
assert DECLARED is not None
WORDS = frozenset({"NORMAL", "GLUTENFRI", "LAKTOSFRI"})
DIETS = (*sorted(WORDS), "ÖVRIG")
NOBODY: Mapping[str, int] = dict.fromkeys(DIETS, 0)


def order(portions: Mapping[str, int], absent: int, **changed: Any) -> dict[str, Any]:
    return {
        "kitchen": "K-017",
        "schoolUnits": [{"id": "0d4d1c52-8a2e-4a35-9d1b-7f7c1f0f4a10"}],
        "date": "2026-11-24",
        "sitting": "1",
        "servingTime": "11:10",
        "revision": 1,
        "status": "preliminary",
        "due": "2026-11-24T08:30:00+01:00",
        "asOf": "2026-11-24T08:30:00+01:00",
        "counts": [{"diet": name, "portions": number} for name, number in portions.items()],
        "staffPortions": 0,
        "enrolled": sum(portions.values()) + absent,
        "absent": absent,
        "complete": True,
        "scheduled": True,
    } | changed


def stored(data: dict[str, Any], catalogue: Catalogue | None = None, type_: str = TYPE) -> Stored:
    described = (catalogue or core_catalogue()).describe(event(type_, data))
    body = orjson.dumps({**described.event.attributes, "data": data})
    return Stored(
        Place(1), type_, "s", "1", described.subject, described.key, described.entity, described.about,
        described.organisations, described.extras, 0, body,
    )  # fmt: skip


def gate(catalogue: Catalogue | None = None, rules: Mapping[str, SumRule] | None = None) -> PrivacyGate:
    clock = SystemClock()
    made = PrivacyGate(
        catalogue=catalogue or core_catalogue(), directory=Directory(clock), keys=Keys(b"k" * 32), clock=clock,
        tenant="t",
    )  # fmt: skip
    made.configure({TYPE: SumRule(words=WORDS)} if rules is None else rules)
    return made


def delivered(data: dict[str, Any], to: Recipient, by: PrivacyGate | None = None) -> dict[str, Any]:
    by = by or gate()
    decision = by.decide(stored(data), to)
    assert decision.allowed
    found: dict[str, Any] = orjson.loads(by.permit(decision))["data"]
    return found


SUMS = recipient(contract(Category.AGGREGATE))
DIET = recipient(contract(Category.AGGREGATE, Category.DIET))

# -- what leaves ------------------------------------------------------------------------------------------------------


def test_the_one_who_must_act_gets_the_stored_bytes() -> None:
    data = order({"NORMAL": 3, "GLUTENFRI": 1}, 1, status="late_change", scheduled=False)
    assert delivered(data, replace(SUMS, exact=("se.skolnav.meals.*",))) == data


@given(
    st.fixed_dictionaries({name: st.integers(0, 40) for name in DIETS}),
    st.integers(0, 40),
    st.sampled_from([3, 5, 12]),
    st.sampled_from([SUMS, DIET]),
)
def test_no_number_is_below_the_cell_and_the_sums_add_up(
    portions: Mapping[str, int], absent: int, cell: int, to: Recipient
) -> None:
    got = delivered(order(portions, absent), to, gate(rules={TYPE: SumRule(cell, WORDS)}))
    numbers = [row["portions"] for row in got["counts"]]
    numbers += [got[name] for name in ("absent", "enrolled", "staffPortions") if name in got]
    assert all(number >= cell and number % cell == 0 for number in numbers)
    assert got.get("enrolled", 0) == sum(row["portions"] for row in got["counts"]) + got.get("absent", 0)
    assert not {"revision", "status", "asOf", "complete", "scheduled"} & got.keys()


def test_diets_stand_apart_only_for_a_contract_with_diets() -> None:
    data = order({"NORMAL": 300, "GLUTENFRI": 200, "LAKTOSFRI": 0}, 100)
    assert [row["diet"] for row in delivered(data, SUMS)["counts"]] == ["ALLA"]
    assert {"NORMAL", "GLUTENFRI"} <= {row["diet"] for row in delivered(data, DIET)["counts"]} <= {*DIETS}


def test_a_name_that_no_configuration_lists_leaves_in_no_row() -> None:
    data = order({"NORMAL": 300, "Kim Ek, nötter": 200}, 0)
    assert [row["diet"] for row in delivered(data, DIET)["counts"]] == ["NORMAL", "ÖVRIG"]
    assert [row["diet"] for row in delivered(data, DIET, gate(rules={}))["counts"]] == ["ALLA"]


def test_small_rows_are_merged_and_not_dropped() -> None:
    """By draws of zero, so that the numbers are the rule's alone."""
    sums = Sums(TYPE, DECLARED, SumRule(words=WORDS), lambda what, scale: 0, apart=True)

    def rows(portions: Mapping[str, int]) -> dict[str, int]:
        data = order(portions, 0)
        return {row["diet"]: row["portions"] for row in sums.blur(stored(data), data)["counts"]}

    assert rows({"NORMAL": 100, "GLUTENFRI": 3, "LAKTOSFRI": 2, "ÖVRIG": 0}) == {"NORMAL": 100, "ÖVRIG": 5}
    assert rows({"NORMAL": 100, "GLUTENFRI": 10, "LAKTOSFRI": 1, "ÖVRIG": 0}) == {"NORMAL": 100, "GLUTENFRI": 10}
    assert rows({"NORMAL": 100, "GLUTENFRI": 3, "LAKTOSFRI": 0, "ÖVRIG": 0}) == {"NORMAL": 105}
    assert rows({"NORMAL": 3, "GLUTENFRI": 3, "LAKTOSFRI": 0, "ÖVRIG": 0}) == {"ALLA": 5}
    assert rows({"NORMAL": 1, "GLUTENFRI": 1, "LAKTOSFRI": 0, "ÖVRIG": 0}) == {}


@pytest.mark.parametrize("level", PayloadLevel)
@pytest.mark.parametrize(
    "late", [{"scheduled": False}, {"scheduled": None, "status": "late_change"}, {"status": "late_change"}]
)
def test_a_late_revision_does_not_leave_at_any_level(late: dict[str, Any], level: PayloadLevel) -> None:
    data = order({"NORMAL": 100}, 3, **late)
    decision = gate().decide(stored(data), replace(DIET, level=level))
    expected = Rule.ALLOWED if late == {"status": "late_change"} else Rule.LATE  # a report at its time has news too
    assert decision.rule is expected
    assert not decision.withheld


def test_the_report_before_a_late_revision_still_stands() -> None:
    """Otherwise state would lack the sitting once somebody is away."""
    report, late = (stored(order({"NORMAL": 100}, 3, scheduled=each)) for each in (True, False))
    late.earlier = (stored(order({"NORMAL": 99}, 4, scheduled=False)), report)
    alone = gate().decide(report, DIET, state=True)
    decision = gate().decide(late, DIET, state=True)
    assert decision.allowed
    assert decision.content == alone.content
    assert gate().decide(late, replace(DIET, exact=(TYPE,)), state=True).stored is late


# -- what it tells ----------------------------------------------------------------------------------------------------

Reports = list[tuple[Mapping[str, int], int]]
"""Of each report of one sitting: the portions by diet, and how many are away."""

REPORTS = st.lists(
    st.tuples(st.fixed_dictionaries({name: st.integers(0, 12) for name in DIETS}), st.integers(0, 12)),
    min_size=1,
    max_size=4,
)


class Draws:
    """Injected draws: any numbers, the same for the same texts."""

    def __init__(self, numbers: Mapping[tuple[str, ...], int], dice: Any = None) -> None:
        self.numbers = dict(numbers)
        self._dice = dice

    def __call__(self, what: tuple[str, ...], scale: float) -> int:
        if what not in self.numbers:
            assert self._dice is not None, "no other draw than those of the first world"
            self.numbers[what] = self._dice.draw(st.integers(-30, 30))
        return self.numbers[what]


def published(reports: Reports, draws: Draws, apart: bool) -> list[dict[str, Any]]:
    sums = Sums(TYPE, DECLARED, SumRule(words=WORDS), draws, apart=apart)
    told = [order(portions, absent, due=due(n), revision=n + 1) for n, (portions, absent) in enumerate(reports)]
    return [sums.blur(stored(data), data) for data in told]


def due(number: int) -> str:
    return f"2026-11-24T08:{number:02}:00+01:00"


def shift(draws: Draws, cell: str, by: int, report: int | None) -> None:
    """Move one draw: the lasting one of a cell, or that of one report."""
    where = (TYPE, "K-017", "1")
    if report is None:
        draws.numbers["lasts", *where, cell] += by
    else:
        draws.numbers["report", *where, "2026-11-24", due(report), str(report + 1), cell] += by


@given(REPORTS, st.sampled_from(DIETS), st.booleans(), st.data())
def test_a_pupil_more_in_every_report_moves_one_lasting_draw_by_one(
    reports: Reports, diet: str, apart: bool, data: Any
) -> None:
    """For each world with the pupil there is one without, equal in all reports, and nearly as likely."""
    draws = Draws({}, data)
    here = published(reports, draws, apart)
    more: Reports = [({**portions, diet: portions[diet] + 1}, absent) for portions, absent in reports]
    other = Draws(draws.numbers)
    shift(other, f"counts/{diet}", -1, None)
    assert published(more, other, apart) == here


@given(REPORTS, st.sampled_from(DIETS), st.booleans(), st.data())
def test_a_pupil_away_in_one_report_moves_two_draws_of_that_report_by_one(
    reports: Reports, diet: str, apart: bool, data: Any
) -> None:
    """So no difference between two reports tells that a pupil is away, nor does the lack of one tell the opposite."""
    draws = Draws({}, data)
    reports = [({**portions, diet: portions[diet] + 1}, absent) for portions, absent in reports]
    here = published(reports, draws, apart)
    at = data.draw(st.integers(0, len(reports) - 1))
    portions, absent = reports[at]
    away = [*reports[:at], ({**portions, diet: portions[diet] - 1}, absent + 1), *reports[at + 1 :]]
    other = Draws(draws.numbers)
    shift(other, f"counts/{diet}", +1, at)
    shift(other, "absent", -1, at)
    assert published(away, other, apart) == here


def test_a_draw_by_one_further_is_less_likely_by_the_promised_factor_at_most() -> None:
    """The factor of the docs: e^(1/cell)."""
    draw = keyed_draw(b"k" * 32)
    scale = float(SMALLEST_CELL)
    found = Counter(draw(("cell", str(number)), scale) for number in range(40_000))
    factor = math.exp(1 / scale)
    for near, far in zip(range(5), range(1, 6), strict=True):
        for sign in (1, -1):
            assert found[sign * near] / found[sign * far] == pytest.approx(factor, rel=0.15)
    assert min(found) < -15
    assert max(found) > 15


def test_a_repeat_has_the_same_numbers_whoever_gets_it_and_whatever_its_id() -> None:
    data = order({"NORMAL": 208, "GLUTENFRI": 44}, 23)
    by = gate()
    others = recipient(contract(Category.AGGREGATE, Category.DIET), name="client/other")
    assert delivered(data, DIET, by) == delivered(data, others, by) == delivered(data, DIET)


def test_two_reports_with_the_same_numbers_may_differ() -> None:
    """Otherwise a difference would be certain to be a change."""
    got = {orjson.dumps(delivered(order({"NORMAL": 102}, 0, due=due(number)), SUMS)["counts"]) for number in range(20)}
    assert len(got) > 1


def test_the_average_of_a_year_is_not_the_number() -> None:
    """One draw lasts, so that repeats do not average out. By chance it could be 0; for this key it is not."""
    days = [f"2026-{month:02}-{day:02}" for month in range(1, 13) for day in range(1, 26)]
    got = [delivered(order({"NORMAL": 202}, 0, date=day), SUMS)["counts"][0]["portions"] for day in days]
    assert abs(sum(got) / len(got) - 202) > 1


# -- types that do not declare their sums -----------------------------------------------------------------------------


class Tally(Payload):
    """What a vendor counts."""

    room: Annotated[str, Category.NONE]
    away: Annotated[int, Category.AGGREGATE]
    share: Annotated[float | None, Category.AGGREGATE] = None
    full: Annotated[bool | None, Category.AGGREGATE] = None
    spec = EventSpec(type="com.acme.tally.v1", subject=Ref("room", "room"), key=Ref("room", "room"))


def test_each_number_of_an_undeclared_sum_is_blurred_by_itself() -> None:
    catalogue = core_catalogue()
    catalogue.register(Tally)
    by = gate(catalogue)
    got = []
    for away in range(40):
        data = {"room": "r", "away": away, "share": away / 2, "full": True}
        decision = by.decide(stored(data, catalogue, Tally.spec.type), SUMS)
        got.append(orjson.loads(by.permit(decision))["data"])
    assert all(each["away"] % 5 == 0 and each["share"] % 5 == 0 and each["full"] is True for each in got)
    assert [each["away"] for each in got] != [(away + 2) // 5 * 5 for away in range(40)]


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        ({"numbers": ("away",), "report": ()}, "`report` what makes"),
        ({"numbers": ("nothing",)}, "no field of the data is called nothing"),
        ({"numbers": ("away",)}, "name the sums full, share too"),
        ({"rows": "room", "numbers": ("away", "share", "full")}, "`rows` is a list"),
    ],
)
def test_a_declaration_names_every_sum(declared: dict[str, Any], says: str) -> None:
    class Counted(Tally):
        spec = EventSpec(
            type="com.acme.tally.v1", subject=Ref("room", "room"), key=Ref("room", "room"),
            aggregate=Aggregate(**({"place": ("room",), "report": ("room",)} | declared)),
        )  # fmt: skip

    with pytest.raises(ValueError, match=says):
        Catalogue([Counted])


def test_each_type_of_the_hubs_own_with_sums_declares_them() -> None:
    for entry in core_catalogue():
        assert (Category.AGGREGATE in entry.categories) is (entry.spec.aggregate is not None), entry.type


# -- on the log -------------------------------------------------------------------------------------------------------


async def test_state_on_the_log_is_the_report_before_a_late_revision(hub: Hub) -> None:
    """Also after a restart, and with several late revisions."""
    report = await hub.say(TYPE, order({"NORMAL": 100}, 3))
    alone = hub.gate.decide(report, SUMS).content
    for absent in (4, 5):
        await hub.say(TYPE, order({"NORMAL": 104 - absent}, absent, revision=absent, scheduled=False))
    for _ in range(2):
        (last,) = await hub.log.states(["meal"])
        assert hub.gate.decide(last, SUMS, state=True).content == alone
        exact = hub.gate.decide(last, replace(SUMS, exact=(TYPE,)), state=True).content
        assert exact is not None
        assert exact["data"]["absent"] == 5
        await hub.restart()
