"""A person who comes back while /deletedEntities still names them, at a supplier that refuses queries by id."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.connectors.ss12000.conftest import Pulled, kinds
from tests.connectors.ss12000.records import id_
from tests.peers.sis import Made, Reply

LATER = {"created": "2026-08-17T08:00:00+02:00", "modified": "2027-01-01T00:00:00+01:00"}  # in every list of changes
GONE = "directory.person.deleted"


@pytest.fixture(params=[403, 501])
def refusing(request: pytest.FixtureRequest, sis: Made) -> Made:
    """Answers no query by id."""
    sis.faults.append(lambda path, query: Reply(request.param, raw=b"") if path.count("/") > 2 else None)
    return sis


def leaves(sis: Made, n: int, *, as_list: bool = False) -> dict[str, Any]:
    gone = next(each for each in sis.records["persons"] if each["id"] == id_("person", n))
    sis.records["persons"].remove(gone)
    sis.deleted = [{"entityType": "Person", "id": gone["id"]}] if as_list else {"persons": [gone["id"]]}
    return gone


@pytest.mark.parametrize("as_list", [False, True])
async def test_a_person_who_comes_back_stays(hub: Pulled, refusing: Made, as_list: bool) -> None:
    await hub.news()
    person = leaves(refusing, 5, as_list=as_list)
    assert kinds(await hub.poll())[GONE] == 1
    refusing.records["persons"].append({**person, "meta": LATER})
    assert kinds(await hub.poll()) == {"directory.person.upserted": 1}
    for _ in range(3):
        assert await hub.poll() == [], "the old announcement ends the person no second time"


async def test_a_person_who_is_in_no_list_of_changes_any_more_stays_too(hub: Pulled, refusing: Made) -> None:
    await hub.news()
    person = leaves(refusing, 5)
    await hub.poll()
    now = datetime.now(UTC)
    refusing.records["persons"].append({**person, "meta": {**LATER, "modified": now.isoformat()}})
    await hub.poll()
    refusing.clock = lambda: now + timedelta(hours=1)
    await hub.poll()
    refusing.clock = lambda: now + timedelta(hours=2)
    assert await hub.poll() == []
    assert await hub.nightly(25) == []


async def test_a_person_who_leaves_again_is_gone_by_the_next_whole_list(hub: Pulled, refusing: Made) -> None:
    await hub.news()
    person = leaves(refusing, 5)
    await hub.poll()
    refusing.records["persons"].append({**person, "meta": LATER})
    await hub.poll()
    refusing.records["persons"].pop()
    assert kinds(await hub.nightly(25))[GONE] == 1
    assert await hub.nightly(26) == []


async def test_a_person_whom_a_later_announcement_names_is_gone(hub: Pulled, refusing: Made) -> None:
    await hub.news()
    person = leaves(refusing, 5)
    await hub.poll()
    refusing.records["persons"].append({**person, "meta": LATER})
    await hub.poll()
    refusing.deleted = {}  # the old announcement has passed
    await hub.poll()
    leaves(refusing, 5)
    assert kinds(await hub.poll())[GONE] == 1


@pytest.mark.parametrize("by_id", [403, 404, 410])
@pytest.mark.parametrize("resource", ["persons", "groups", "duties", "absences", "calendarEvents"])
async def test_a_record_that_lists_go_on_to_have_is_not_ended_by_an_announcement(
    hub: Pulled, sis: Made, resource: str, by_id: int
) -> None:
    sis.faults.append(lambda path, query: Reply(by_id, raw=b"") if path.count("/") > 2 else None)
    await hub.news()
    record = sis.records[resource][0]
    if resource != "calendarEvents":
        record["meta"] = LATER
    sis.deleted = {resource: [record["id"]]}
    for _ in range(3):
        assert await hub.poll() == []
    if resource != "calendarEvents":
        record["meta"] = {**LATER, "modified": LATER["created"]}  # it has left the lists of changes
    for _ in range(2):
        assert await hub.poll() == [], "after a restart too"
    assert await hub.nightly(25) == []


@pytest.mark.parametrize("by_id", [403, 404, 410])
async def test_an_announced_absence_that_came_back_is_reported_once(hub: Pulled, sis: Made, by_id: int) -> None:
    sis.faults.append(lambda path, query: Reply(by_id, raw=b"") if path.count("/") > 2 else None)
    await hub.news()
    record = sis.records["absences"].pop()
    sis.deleted = {"absences": [record["id"]]}
    assert kinds(await hub.poll()) == {"absence.withdrawn": 1}
    sis.records["absences"].append({**record, "meta": LATER})
    assert kinds(await hub.poll()) == {"absence.reported": 1}
    for _ in range(3):
        assert await hub.poll() == []
