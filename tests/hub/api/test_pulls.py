"""How many feeds and streams may be open: of one client, and of all.

Promise 3: no client shuts others out.
"""

import asyncio
import contextlib

import pytest

from hub.api import pulls
from tests.hub.api.conftest import bearer
from tests.hub.api.school import append, current, person
from tests.hub.api.test_feed import feed
from tests.hub.api.test_ingest import problem
from tests.until import until


@pytest.fixture
def four_in_all(monkeypatch):
    monkeypatch.setattr(pulls, "PART", 4 / 2048)


@pytest.fixture
async def school(hub, clock):
    await append(hub, person(1), current(clock))
    return hub


@contextlib.asynccontextmanager
async def waiting(http, *readers):
    """A long poll of each, which is under way."""
    opened = http._transport.app.pulls.open
    before = opened.total()
    polls = [asyncio.create_task(reader.get(wait=50)) for reader in readers]
    await until(lambda: opened.total() == before + len(polls))
    yield
    for poll in polls:
        poll.cancel()
    await asyncio.gather(*polls, return_exceptions=True)


async def test_a_client_with_several_subscriptions_is_one_client(school, http, monkeypatch, caplog):
    monkeypatch.setattr(pulls, "MAX_EACH", 3)
    readers = [await feed(http, name=f"f{n}") for n in range(4)]
    async with waiting(http, *readers[:3]):
        answer = await readers[3].get()
        problem(answer, 429, "too-many-requests")
        assert int(answer.headers["retry-after"]) > 0
        path = f"/v1/subscriptions/{readers[3].id}/stream"
        problem(await http.get(path, headers=bearer("acme")), 429, "too-many-requests")
        assert await (await feed(http, "other")).ids() == []
        metrics = (await http.get("/metrics", headers=bearer("op"))).text
    assert "skolnav_http_pulls 3.0" in metrics
    assert "skolnav_http_pulls_refused_total 2.0" in metrics
    lines = [each.getMessage() for each in caplog.records if "as many are open as may be" in each.getMessage()]
    assert len(lines) == 1, "one line, and not one for each request"
    assert await readers[3].ids() == []


async def test_all_together_are_bounded_and_each_client_has_a_few(school, four_in_all, http):
    acmes = [await feed(http, name=f"f{n}") for n in range(5)]
    others = [await feed(http, "other", name=f"f{n}") for n in range(5)]
    async with waiting(http, *acmes[:4]):
        problem(await acmes[4].get(), 429, "too-many-requests")
        async with waiting(http, *others[:4]):
            problem(await others[4].get(), 429, "too-many-requests")
    assert await acmes[4].ids() == []
