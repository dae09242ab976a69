"""A school system that suddenly shows nothing, or nothing of one school: no pupil is deleted unless a person agrees."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.connectors.ss12000.conftest import Pulled, kinds
from tests.connectors.ss12000.records import group, id_, organisation, person
from tests.peers.sis import Made, Query, Reply

LATER = {"created": "2026-08-17T08:00:00+02:00", "modified": "2027-01-01T00:00:00+01:00"}  # after any watermark
DELETED = "se.skolnav.directory.person.deleted.v1"


def shows_nothing(*resources: str, by_id: int = 404) -> Callable[[str, Query], Reply | None]:
    """Every list is empty, and every id is refused: an account that has lost its rights."""

    def fault(path: str, query: Query) -> Reply | None:
        _, _, resource, *id = path.split("/")
        if (resources and resource not in resources) or resource == "deletedEntities":
            return None
        return Reply(by_id, raw=b"") if id else Reply(200, {"data": [], "pageToken": None})

    return fault


def at_school(n: int, first: int, last: int) -> list[dict[str, Any]]:
    enrolled = {"enroledAt": {"id": id_("organisation", n)}, "schoolType": "GR", "startDate": "2026-08-17"}
    return [person(each, enrolments=[enrolled]) for each in range(first, last)]


async def hours(hub: Pulled, count: int) -> None:
    for _ in range(count):
        await hub.hub.retry()  # an hour of machine time, and a poll


@pytest.mark.parametrize("by_id", [404, 403])
async def test_an_account_without_rights_ends_nothing_however_long_it_lasts(hub: Pulled, sis: Made, by_id: int) -> None:
    await hub.news()
    currents = await hub.currents()
    sis.faults.append(shows_nothing(by_id=by_id))
    await hub.nightly(25)
    await hours(hub, 4)
    assert kinds(await hub.nightly(26)) == {}, "no pupil, no group, no lesson and no absence ends"
    assert await hub.currents() == currents
    assert len(hub.problems("removals-held")) >= 1
    assert any("persons" in each.word for each in await hub.hub.waiting("ss12000"))
    sis.faults.clear()
    await hub.nightly(27)
    assert await hub.hub.waiting("ss12000") == []
    assert await hub.currents() > currents


@pytest.mark.parametrize("resource", ["persons", "groups", "organisations"])
async def test_the_loss_of_one_whole_list_waits_for_a_person(hub: Pulled, sis: Made, resource: str) -> None:
    await hub.news()
    sis.faults.append(shows_nothing(resource))
    await hub.nightly(25)
    await hours(hub, 3)
    assert await hub.news() == []
    waits = next(each for each in await hub.hub.waiting("ss12000") if each.word.startswith(resource))
    assert waits.says.endswith("only a person can confirm it")
    assert waits.sv.endswith("bara en person kan bekräfta det")
    await hub.hub.confirm("ss12000", waits.word)
    assert kinds(await hub.news())[f"directory.{resource.removesuffix('s')}.deleted"] > 0


async def test_an_account_that_loses_its_rights_in_the_day_is_not_called_current(hub: Pulled, sis: Made) -> None:
    """A list of changes that is empty looks like a school in which nothing happens; all organisations are read."""
    await hub.news()
    currents = await hub.currents()
    sis.faults.append(shows_nothing())
    for _ in range(2):
        hub.hub.clock.pass_machine(60)
        await hub.hub.poll("ss12000")
    assert await hub.news() == []
    assert await hub.currents() == currents
    assert any("1 of 1 organisations" in each for each in hub.problems("removals-held"))
    sis.faults.clear()
    hub.hub.clock.pass_machine(60)
    await hub.hub.poll("ss12000")
    assert await hub.currents() > currents
    assert not any("organisations" in each.word for each in await hub.hub.waiting("ss12000"))


async def test_a_list_that_comes_back_is_seen_within_the_hour(hub: Pulled, sis: Made) -> None:
    await hub.news()
    sis.faults.append(shows_nothing())
    await hub.nightly(25)
    currents = await hub.currents()
    sis.faults.clear()
    await hours(hub, 2)
    assert await hub.hub.waiting("ss12000") == []
    assert await hub.currents() > currents


@pytest.mark.parametrize("announced", [False, True])
async def test_the_loss_of_one_whole_school_waits_for_a_person(hub: Pulled, sis: Made, announced: bool) -> None:
    """Ten pupils of a hundred are neither a fifth nor more than twenty."""
    sis.records["organisations"].append(organisation(1) | {"meta": LATER})
    sis.records["persons"] = [*at_school(0, 0, 90), *at_school(1, 90, 100)]
    await hub.nightly(25)
    await hub.news()
    gone = [each["id"] for each in sis.records["persons"][90:]]
    del sis.records["persons"][90:]
    if announced:
        sis.deleted = {"persons": gone}
    await hub.nightly(26)
    await hours(hub, 3)
    assert DELETED not in {each.type for each in await hub.news()}
    assert any("all of 1 school(s)" in each for each in hub.problems("removals-held"))
    for waits in await hub.hub.waiting("ss12000"):
        await hub.hub.confirm("ss12000", waits.word)
    assert kinds(await hub.news())["directory.person.deleted"] == 10
    assert await hub.hub.waiting("ss12000") == []


async def test_a_school_that_is_removed_while_it_has_pupils_waits_for_a_person(hub: Pulled, sis: Made) -> None:
    sis.records["organisations"].append(organisation(1) | {"meta": LATER})
    sis.records["persons"] = [*at_school(0, 0, 30), *at_school(1, 30, 40)]
    sis.records["groups"] = [
        group(0, range(1, 30)),
        group(1, range(30, 40), organisation={"id": id_("organisation", 1)}),
    ]
    await hub.nightly(25)
    await hub.news()
    sis.records["organisations"].pop()
    await hub.nightly(26)
    await hours(hub, 3)
    assert await hub.news() == []
    (waits,) = await hub.hub.waiting("ss12000")
    await hub.hub.confirm("ss12000", waits.word)
    assert kinds(await hub.news()) == {"directory.organisation.deleted": 1}


async def test_some_pupils_of_a_school_may_leave_without_a_question(hub: Pulled, sis: Made) -> None:
    sis.records["persons"] = at_school(0, 0, 31)
    await hub.nightly(25)
    await hub.news()
    del sis.records["persons"][28:]
    assert kinds(await hub.nightly(26))["directory.person.deleted"] == 3
    assert await hub.hub.waiting("ss12000") == []


def unreadable(record: dict[str, Any]) -> dict[str, Any]:
    return {"personId": record["id"], "attributes": record}


def nameless(record: dict[str, Any]) -> dict[str, Any]:
    return {"id": record["id"], "meta": LATER, "enrolments": 7.5, "emails": [{"value": 7.5}] * 3}


def wrapped(record: dict[str, Any]) -> dict[str, Any]:
    return {"id": record["id"], "meta": LATER, "securityMarking": "Ingen", "attributes": record}


@pytest.mark.parametrize("broken", [unreadable, nameless, wrapped])
async def test_a_list_in_which_no_person_can_be_read_was_not_read(
    hub: Pulled, sis: Made, broken: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    await hub.news()
    currents = await hub.currents()
    right = sis.records["persons"]
    sis.records["persons"] = [broken(each) for each in right]
    news = await hub.nightly(25)
    assert not [each for each in news if each.type.endswith("deleted.v1")]
    await hub.poll()
    await hours(hub, 2)
    assert await hub.currents() == currents
    assert any("persons could not be read" in each for each in hub.problems("unreadable"))
    sis.records["persons"] = [{**each, "meta": LATER} for each in right]
    await hub.nightly(26)
    assert await hub.currents() > currents


@pytest.mark.parametrize("resource", ["groups", "organisations"])
async def test_no_other_list_of_the_directory_that_is_unreadable_is_called_current(
    hub: Pulled, sis: Made, resource: str
) -> None:
    await hub.news()
    currents = await hub.currents()
    sis.records[resource] = [unreadable(each) for each in sis.records[resource]]
    await hub.nightly(25)
    assert await hub.currents() == currents
    assert hub.problems("unreadable")


async def test_one_record_that_cannot_be_read_stops_no_directory(hub: Pulled, sis: Made) -> None:
    await hub.news()
    currents = await hub.currents()
    sis.records["persons"][3] = nameless(sis.records["persons"][3])
    await hub.poll()
    assert await hub.currents() > currents


EMPTY = {
    "no enrolments": ("persons", lambda each: {**each, "enrolments": []}),
    "no such field": ("persons", lambda each: {name: value for name, value in each.items() if name != "enrolments"}),
    "unknown unit": (
        "persons",
        lambda each: {**each, "enrolments": [{**each["enrolments"][0], "enroledAt": {"id": id_("organisation", 99)}}]},
    ),
    "no members": ("groups", lambda each: {**each, "groupMemberships": []}),
}


@pytest.fixture
async def enrolled(hub: Pulled, sis: Made) -> Pulled:
    sis.records["persons"] = at_school(0, 0, 31)
    await hub.nightly(25)
    await hub.news()
    return hub


@pytest.mark.parametrize("name", EMPTY)
@pytest.mark.parametrize("by_changes", [False, True])
async def test_persons_without_a_school_or_groups_without_members_wait_for_a_person(
    enrolled: Pulled, sis: Made, name: str, by_changes: bool
) -> None:
    resource, emptied = EMPTY[name]
    currents, right = await enrolled.currents(), sis.records[resource]
    sis.records[resource] = [emptied({**each, "meta": LATER} if by_changes else each) for each in right]
    news = await enrolled.poll() if by_changes else await enrolled.nightly(26)
    await hours(enrolled, 3)
    assert [*news, *await enrolled.news()] == []
    assert await enrolled.currents() == currents
    assert len(enrolled.problems("removals-held")) == 1
    assert enrolled.problems("changes-missed") == []
    (waits,) = await enrolled.hub.waiting("ss12000")
    await enrolled.hub.confirm("ss12000", waits.word)
    assert kinds(await enrolled.news())[f"directory.{resource.removesuffix('s')}.upserted"] == len(right)
    assert await enrolled.hub.waiting("ss12000") == []
    assert await enrolled.currents() > currents


async def test_enrolments_that_come_back_end_the_waiting(enrolled: Pulled, sis: Made) -> None:
    right = sis.records["persons"]
    sis.records["persons"] = [{**each, "enrolments": []} for each in right]
    await enrolled.nightly(26)
    sis.records["persons"] = right
    await hours(enrolled, 2)
    assert await enrolled.news() == []
    assert await enrolled.hub.waiting("ss12000") == []


async def test_a_person_who_gets_a_mark_while_all_lose_their_school_is_published(enrolled: Pulled, sis: Made) -> None:
    sis.records["persons"] = [{**each, "enrolments": []} for each in sis.records["persons"]]
    sis.records["persons"][3]["securityMarking"] = "Sekretessmarkering"
    (only,) = await enrolled.nightly(26)
    assert only.data["securityMarking"] == "Sekretessmarkering"


async def test_one_pupil_may_lose_the_school_without_a_question(enrolled: Pulled, sis: Made) -> None:
    sis.records["persons"][3]["enrolments"] = []
    assert kinds(await enrolled.nightly(26)) == {"directory.person.upserted": 1}


AT_ONE = {"enroledAt": {"id": id_("organisation", 1)}, "schoolType": "GR", "startDate": "2026-08-17"}


@pytest.fixture
async def two_schools(hub: Pulled, sis: Made) -> Pulled:
    """A school of ninety pupils, and one of ten pupils and three groups."""
    sis.records["organisations"].append(organisation(1) | {"meta": LATER})
    sis.records["persons"] = [*at_school(0, 0, 90), *at_school(1, 90, 100)]
    there = {"organisation": {"id": id_("organisation", 1)}}
    groups = [group(n, range(90 + n, 94 + n), **there) for n in (1, 2, 3)]
    sis.records["groups"] = [group(0, range(1, 90)), *groups]
    await hub.nightly(25)
    await hub.news()
    assert hub.problems("removals-held") == []
    return hub


QUIET = {
    "enrolments": ("persons", range(90, 100), {"enrolments": []}),
    "unknown unit": (
        "persons",
        range(90, 100),
        {"enrolments": [{**AT_ONE, "enroledAt": {"id": id_("organisation", 99)}}]},
    ),
    "members": ("groups", range(1, 4), {"groupMemberships": []}),
}


@pytest.mark.parametrize("name", QUIET)
@pytest.mark.parametrize("by_changes", [False, True])
async def test_one_school_that_is_emptied_waits_for_a_person(
    two_schools: Pulled, sis: Made, name: str, by_changes: bool
) -> None:
    """An account that loses its rights for one school: its records are there, without what they belonged to."""
    resource, which, emptied = QUIET[name]
    records, currents = sis.records[resource], await two_schools.currents()
    for n in which:
        records[n] = {**records[n], **emptied, **({"meta": LATER} if by_changes else {})}
    news = await two_schools.poll() if by_changes else await two_schools.nightly(26)
    await hours(two_schools, 3)
    assert [*news, *await two_schools.news()] == []
    assert await two_schools.currents() == currents
    assert any("among them all of 1 school(s)" in each for each in two_schools.problems("removals-held"))
    (waits,) = await two_schools.hub.waiting("ss12000")
    await two_schools.hub.confirm("ss12000", waits.word)
    assert kinds(await two_schools.news())[f"directory.{resource.removesuffix('s')}.upserted"] == len(which)
    assert await two_schools.hub.waiting("ss12000") == []


async def test_most_pupils_of_a_school_may_lose_it_without_a_question(two_schools: Pulled, sis: Made) -> None:
    for n in range(90, 99):
        sis.records["persons"][n]["enrolments"] = []
    assert kinds(await two_schools.nightly(26)) == {"directory.person.upserted": 9}


@pytest.mark.parametrize("quiet", [False, True], ids=["gone", "emptied"])
@pytest.mark.parametrize(("end", "asks"), [("2026-11-25", False), ("2026-11-26", True)])
async def test_the_pupils_of_a_school_that_has_ended_leave_without_a_question(
    two_schools: Pulled, sis: Made, quiet: bool, end: str, asks: bool
) -> None:
    """An `endDate` is the supplier's own word; a school on its last day goes on."""
    sis.records["organisations"][1]["endDate"] = end
    if quiet:
        for n in range(90, 100):
            sis.records["persons"][n]["enrolments"] = []
    else:
        del sis.records["persons"][90:], sis.records["groups"][1:]
    news = kinds(await two_schools.nightly(26))
    assert bool(await two_schools.hub.waiting("ss12000")) is asks
    left = news["directory.person.upserted"] if quiet else news["directory.person.deleted"]
    assert left == (0 if asks else 10)
