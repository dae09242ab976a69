"""A school system whose lists never end: what it can do to the log is bounded, and a person decides about more."""

import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from connectors.ss12000.connector import Ss12000
from plugins.testing import open_hub
from tests.connectors.ss12000.conftest import Pulled, kinds
from tests.connectors.ss12000.records import school
from tests.peers.sis import Made, Query, Reply

MOST = 100
Make = Callable[[], dict[str, Any]]


def person() -> dict[str, Any]:
    return {"id": str(uuid.uuid4()), "givenName": "Ny", "familyName": "Påhittad", "securityMarking": "Ingen"}


def endless(resource: str, made: Make, *, pages: int = 10**6, size: int = 30) -> Callable[[str, Query], Reply | None]:
    """Each page has a new token and new records; the first page begins with those that the school has."""
    left = iter(range(pages))

    def fault(path: str, query: Query) -> Reply | None:
        if path != f"/v2.0/{resource}":
            return None
        page = next(left, None)
        known = [] if "pageToken" in query else school().get(resource, [])
        token = f"page-{page}" if page is not None else None
        return Reply(200, {"data": [*known, *(made() for _ in range(size))], "pageToken": token})

    return fault


@pytest.fixture
async def hub(config: dict[str, Any], sis: Made) -> AsyncIterator[Pulled]:
    async with open_hub("2026-11-24T07:30") as hub:
        await hub.add(Ss12000, {**config, "max_new": MOST, "max_records": 1000})
        pulled = Pulled(hub)
        await pulled.news()
        yield pulled


async def test_endless_new_persons_are_bounded_over_all_pulls_and_a_person_lets_more_come(
    hub: Pulled, sis: Made
) -> None:
    """Promise 3: one source never fills the log."""
    currents = await hub.currents()
    sis.faults.append(endless("persons", person))
    assert kinds(await hub.nightly(25)) == {"directory.person.upserted": MOST}
    for _ in range(2):
        assert await hub.poll() == []  # a restart of the hub forgets nothing
    assert await hub.currents() == currents, "a list that was not read to its end is not current"
    (waits,) = await hub.hub.waiting("ss12000")
    assert f"skolnav connectors confirm ss12000 {waits.word}" in hub.problems("growth-held")[0]
    assert "Påhittad" not in hub.hub.logs()
    await hub.hub.confirm("ss12000", waits.word)
    assert kinds(await hub.news()) == {"directory.person.upserted": MOST}
    assert await hub.poll() == []


async def test_what_the_hub_knows_already_is_followed_meanwhile(hub: Pulled, sis: Made) -> None:
    """Promise 4: a mark that a person gets must be in force, whatever else the list holds."""
    marked = {**school()["persons"][0], "securityMarking": "Sekretessmarkering"}
    sis.faults.append(endless("persons", person))
    await hub.nightly(25)

    def changed(path: str, query: Query) -> Reply | None:
        first = path == "/v2.0/persons" and "pageToken" not in query
        return Reply(200, {"data": [marked], "pageToken": "on"}) if first else None

    sis.faults.insert(0, changed)
    (only,) = await hub.poll()
    assert (only.data["id"], only.data["securityMarking"]) == (marked["id"], "Sekretessmarkering")


async def test_a_supplier_that_is_mended_needs_no_person(hub: Pulled, sis: Made) -> None:
    sis.faults.append(endless("persons", person))
    await hub.nightly(25)
    sis.faults.clear()
    await hub.nightly(26)
    assert not [each.word for each in await hub.hub.waiting("ss12000") if each.word.endswith(":more")]
    sis.records["persons"].append(person())
    assert kinds(await hub.nightly(27))["directory.person.upserted"] == 1


@pytest.mark.parametrize(
    ("resource", "made"),
    [
        ("groups", lambda: {**school()["groups"][0], "id": str(uuid.uuid4())}),
        ("organisations", lambda: {**school()["organisations"][0], "id": str(uuid.uuid4())}),
        ("absences", lambda: {**school()["absences"][0], "id": str(uuid.uuid4())}),
        ("calendarEvents", lambda: {**school()["calendarEvents"][0], "id": str(uuid.uuid4())}),
    ],
)
async def test_every_list_has_the_bound(hub: Pulled, sis: Made, resource: str, made: Make) -> None:
    sis.faults.append(endless(resource, made))
    news = await hub.nightly(25)
    assert 0 < len(news) <= MOST + 5
    for _ in range(2):
        assert len(await hub.poll()) <= 5
    assert [each.word for each in await hub.hub.waiting("ss12000")] == [f"{resource}:more"]


async def test_a_list_that_ends_is_bounded_as_well(hub: Pulled, sis: Made) -> None:
    sis.faults.append(endless("persons", person, pages=4))
    assert kinds(await hub.nightly(25)) == {"directory.person.upserted": MOST}
    assert len(await hub.hub.waiting("ss12000")) == 1


@pytest.mark.parametrize("resource", ["deletedEntities", "persons"])
async def test_no_list_is_read_for_ever(hub: Pulled, sis: Made, resource: str) -> None:
    """Whatever the hub knows of its records: one page a time, it would hold a poll and its memory for good."""
    count = iter(range(10**6))

    def fault(path: str, query: Query) -> Reply | None:
        if path != f"/v2.0/{resource}":
            return None
        named = resource == "deletedEntities"
        records: list[dict[str, Any]] = [
            {"entityType": "Person", "id": str(uuid.uuid4())} if named else {"no id": next(count)} for _ in range(50)
        ]
        return Reply(200, {"data": records, "pageToken": f"page-{next(count)}"})

    sis.faults.append(fault)
    asked = len(sis.asked)
    await hub.nightly(25)
    assert sis.paths()[asked:].count(f"/v2.0/{resource}") <= 1000 / 50 + 2
    assert hub.problems("endless")
    assert await hub.hub.status("ss12000") == "running"
