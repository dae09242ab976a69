"""An independent school system's real records, oddities included: two protected pupils that nobody hears of."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.bus.base import Stored
from schemas import InvalidEvent
from tests.hub.privacy.house import ALL, House, contract, recipient
from tests.school import absence

SIS_FOLDER = Path(__file__).resolve().parents[4] / "shared" / "reference" / "ss12000" / "demo-sis"
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not SIS_FOLDER.is_dir(), reason="the reference material is not beside the repository"),
]
TO = recipient(contract(*ALL))
KINDS = {
    "organisation": ["organisations.page1"],
    "person": ["persons.page1", "persons.page2", "persons.page3"],
    "group": ["groups.page1"],
    "duty": ["duties.page1"],
    "activity": ["activities.page1"],
}


def records(kind: str) -> Iterator[dict[str, Any]]:
    for name in KINDS[kind]:
        yield from json.loads((SIS_FOLDER / f"{name}.json").read_text())["data"]


@pytest.fixture
def told() -> tuple[House, list[Stored]]:
    house = House()
    events = [house.say(f"se.skolnav.directory.{kind}.upserted.v1", each) for kind in KINDS for each in records(kind)]
    return house, events


def protected() -> list[dict[str, Any]]:
    return [each for each in records("person") if each["securityMarking"] != "Ingen"]


def test_every_record_is_taken(told: tuple[House, list[Stored]]) -> None:
    house, events = told
    assert house.problems == []
    assert len(events) == 3 + 136 + 9 + 8 + 7
    assert len(house.directory.persons) == 136


def test_no_byte_of_the_protected_pupils_leaves(told: tuple[House, list[Stored]]) -> None:
    """Promise 4: with every category allowed, in every record and in absences of theirs."""
    house, events = told
    hidden = protected()
    assert len(hidden) == 2
    events += [house.say("se.skolnav.absence.reported.v1", absence(each["id"])) for each in records("person")]
    left = b"".join(filter(None, (house.bytes_for(each, TO) for each in events)))
    canaries = [
        value
        for each in hidden
        for value in (each["id"], each["civicNo"]["value"], each["emails"][0]["value"], each["givenName"] + '"')
        if value.encode() not in _others(each["id"])
    ]
    assert len(canaries) >= 6
    assert not [value for value in canaries if value.encode() in left]


def _others(id: str) -> bytes:
    """What stands in other persons' own records: a first name may be shared."""
    return json.dumps([each for each in records("person") if each["id"] != id], ensure_ascii=False).encode()


def test_their_guardians_leave_without_home_or_not_at_all_and_everybody_else_with(
    told: tuple[House, list[Stored]],
) -> None:
    """Promises 4 and 5: the guardians are marked Ingen, and have the pupils' address. Without another child they would
    not be here.
    """
    house, events = told
    guardians = {tie["person"]["id"] for each in protected() for tie in each["responsibles"]}
    assert len(guardians) == 4
    siblings = {
        each["id"]
        for each in records("person")
        if any(tie["person"]["id"] in guardians for tie in each.get("responsibles", ()))
    } - {each["id"] for each in protected()}
    explained = {
        tie["person"]["id"] for each in records("person") if each["id"] in siblings for tie in each["responsibles"]
    }
    alone = guardians - explained
    for each in events:
        if "person" not in each.type or each.about[0] in {hidden["id"] for hidden in protected()}:
            continue
        if each.about[0] in alone:
            assert house.bytes_for(each, TO) is None
            continue
        sent, seen = each.parsed["data"], house.seen(each, TO)
        home = {"emails", "phoneNumbers", "addresses"}
        if each.about[0] in guardians | siblings:
            assert not home & seen.keys()
        else:
            assert home & seen.keys() == home & {name for name in sent if sent[name]}


def test_they_are_in_no_group_although_their_memberships_carry_no_mark(told: tuple[House, list[Stored]]) -> None:
    """Promise 4: the mark is joined from the person."""
    house, events = told
    hidden = {each["id"] for each in protected()}
    sent = kept = 0
    for each in events:
        if ".group." in each.type:
            sent += len(each.parsed["data"]["groupMemberships"])
            members = {member["person"]["id"] for member in house.seen(each, TO)["groupMemberships"]}
            assert not members & hidden
            kept += len(members)
    assert sent - kept == 12


def test_a_pupil_who_becomes_protected_is_gone_from_then_on(told: tuple[House, list[Stored]]) -> None:
    """Promise 4: the delta of the same school system."""
    house, _ = told
    (changed,) = json.loads((SIS_FOLDER / "delta.persons.page1.json").read_text())["data"]
    away = house.say("se.skolnav.absence.reported.v1", absence(changed["id"]))
    assert house.bytes_for(away, TO)
    house.say("se.skolnav.directory.person.upserted.v1", changed)
    assert house.bytes_for(away, TO) is None


def test_a_record_that_the_catalogue_refuses_says_where_and_quotes_nothing() -> None:
    """Promise 8."""
    house = House()
    record = next(records("person"))
    with pytest.raises(InvalidEvent) as refused:
        house.stored("se.skolnav.directory.person.upserted.v1", {**record, "emails": record["givenName"]})
    assert record["givenName"] not in str(refused.value)
