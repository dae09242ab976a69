"""Civic numbers: twelve digits name one person; ten name whom the Swedish convention takes them for."""

from datetime import timedelta

import pytest

from tests.hub.ss12000.conftest import is_current
from tests.hub.ss12000.school import SOURCE, load, person, pupil
from tests.school import append

NUMBERS = {
    11: {"civicNo": {"value": "201201011001"}},
    12: {"civicNo": {"value": "18120101-1001"}},
    13: {"civicNo": {"value": "201201611002"}},  # a coordination number: day + 60
    14: {"civicNo": {"value": "20120101TF01"}},  # a temporary one, with letters
    15: {"civicNo": {"value": "400505+1003"}, "birthDate": "1840-05-05"},
    16: {"civicNo": {"value": "250505+1004"}},  # 101 years old: the sign alone tells
    17: {"civicNo": {"value": "5005051005"}},  # no sign: the latest that makes nobody unborn
}
FOUND = [
    ("201201011001", {11}),
    ("20120101-1001", {11}),
    ("181201011001", {12}),
    ("18120101-1001", {12}),
    ("18120101+1001", {12}),
    ("191201011001", set()),
    ("120101-1001", {11}),
    ("1201011001", {11}),
    ("120101+1001", set()),  # 1912
    ("120161-1002", {13}),
    ("191201611002", set()),
    ("120101-tf01", {14}),
    ("20120101TF01", {14}),
    ("19120101TF01", set()),
    ("400505+1003", {15}),
    ("400505-1003", set()),
    ("184005051003", {15}),
    ("192505051004", {16}),
    ("250505+1004", {16}),
    ("250505-1004", set()),
    ("2505051004", set()),
    ("195005051005", {17}),
    ("500505-1005", {17}),
]  # fmt: skip


@pytest.fixture
async def all_(hub, caller):
    await load(hub, *(person(pupil(n), "Prov", f"P{n}", enrolments=[], **data) for n, data in NUMBERS.items()))
    return caller("all")


@pytest.mark.parametrize(("number", "who"), FOUND)
async def test_a_number_finds_its_own_person_and_nobody_of_another_century(all_, number, who):
    wanted = {pupil(n) for n in who}
    assert {each["id"] for each in await all_.every("/persons", {"civicNo": number})} == wanted
    answer = await all_.lookup("/persons", {"civicNos": [number, "no number"]})
    assert {each["id"] for each in answer.json()} == wanted


@pytest.mark.parametrize("sortkey", ["CivicNoAsc", "CivicNoDesc"])
async def test_numbers_sort_with_their_century(all_, sortkey):
    found = await all_.every("/persons", {"sortkey": sortkey}, 3)
    numbers = [each["civicNo"]["value"] for each in found if "civicNo" in each]
    assert len(numbers) == len(NUMBERS) + 1
    assert numbers == sorted(numbers, reverse=sortkey == "CivicNoDesc")


async def test_what_is_shown_finds_the_person_again(all_):
    for each in await all_.every("/persons"):
        if "civicNo" in each:
            (found,) = await all_.every("/persons", {"civicNo": each["civicNo"]["value"]})
            assert found["id"] == each["id"]


async def test_a_short_number_is_of_the_century_in_which_it_was_told(all_, hub, clock):
    """Told in 2026 with a `-`, `27` is 1927 for good: in 2027 it names nobody who is born that year."""
    await append(hub, person(pupil(20), "Prov", "Gammal", version=1, enrolments=[], civicNo={"value": "270505-1006"}))
    assert await shown(all_, 20) == "192705051006"
    clock.pass_machine(timedelta(days=60).total_seconds())
    young = person(pupil(21), "Prov", "Ung", version=1, enrolments=[], civicNo={"value": "270105-1007"})
    await append(hub, young, is_current(hub, SOURCE))
    assert (await shown(all_, 20), await shown(all_, 21)) == ("192705051006", "202701051007")
    for number, who in (("192705051006", [pupil(20)]), ("270105-1007", [pupil(21)]), ("270505-1006", [])):
        assert [each["id"] for each in await all_.every("/persons", {"civicNo": number})] == who


async def shown(all_, n):
    return (await all_.by_id("/persons", pupil(n))).json()["civicNo"]["value"]
