"""`HEAD` of what discloses data: nothing is decided on, written down or moved, since nothing is sent.

Promise 4: the log of disclosures says what left the hub.
"""

import pytest

from hub.config.model import Role
from tests.hub.api.conftest import bearer
from tests.hub.api.school import absence, append, current, person
from tests.hub.api.test_feed import feed
from tests.hub.api.test_rights import put_in_force


@pytest.fixture
async def school(hub, clock):
    await append(hub, *(person(n) for n in range(1, 4)), current(clock), absence(1, 1), absence(2, 9))
    return hub


@pytest.fixture
def commits(hub, monkeypatch):
    """What is written from now on."""
    made, commit = [], hub.store.commit

    async def noted(*operations):
        made.append(operations)
        return await commit(*operations)

    def begin():
        monkeypatch.setattr(hub.store, "commit", noted)
        return made

    return begin


@pytest.mark.parametrize("path", ["events", "events?wait=30", "stream"])
async def test_of_a_feed_or_stream_with_events(school, http, commits, path):
    made = await feed(http)
    written = commits()
    answer = await http.head(f"/v1/subscriptions/{made.id}/{path}", headers=bearer("acme"))
    kind = "text/event-stream" if path == "stream" else "application/cloudevents-batch+json"
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, kind, b"")
    assert written == []
    assert await made.ids() == ["absence-1-rep"]


@pytest.mark.parametrize("list_", ["persons", "absences", "deletedEntities"])
async def test_of_a_list_of_ss12000(school, http, commits, list_):
    written = commits()
    answer = await http.head(f"/ss12000/v2.0/{list_}", headers=bearer("acme"))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert written == []


async def test_a_list_that_the_contract_does_not_let_one_ask_for_is_refused_as_for_get(school, http):
    path = "/ss12000/v2.0/persons?nameContains=x"
    got = await http.get(path, headers=bearer("acme"))
    assert got.status_code == 403
    assert (await http.head(path, headers=bearer("acme"))).status_code == 403


async def test_of_a_state_or_an_entity_is_405_since_its_status_is_data(school, http, commits):
    written = commits()
    for path in ("/v1/state/person/x", "/ss12000/v2.0/persons/1b3f6a46-5e8a-4e36-9d0f-2f1d2c0c8a11"):
        answer = await http.head(path, headers=bearer("acme"))
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert written == []


async def test_it_asks_for_the_same_rights(school, http):
    made = await feed(http)
    path = f"/v1/subscriptions/{made.id}/events"
    assert (await http.head(path)).status_code == 401
    assert (await http.head(path, headers=bearer("other"))).status_code == 404
    await http.post(f"/v1/subscriptions/{made.id}/pause", headers=bearer("acme"))
    assert (await http.head(path, headers=bearer("acme"))).status_code == 409
    assert (await http.head(f"/v1/subscriptions/{made.id}/stream", headers=bearer("acme"))).status_code == 200
    await put_in_force(school, roles=frozenset({Role.PUBLISHER}))
    assert (await http.head(path, headers=bearer("acme"))).status_code == 403
