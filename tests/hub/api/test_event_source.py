"""A client that consumers use: the npm package `eventsource` follows a hub's stream over restarts, pauses and ends.

What each answer means to it is the table of docs/consumers.md, "Which answers end a client".
"""

import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.hub.api.doors import READER, Served, serving
from tests.hub.api.school import CLOSED, append, closed_day
from tests.peers.node import EventSource, event_source
from tests.until import until

JSON = "Content-Type: application/json"


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path) as served:
        yield served


def follows(served: Served, id: str = "stream") -> AbstractAsyncContextManager[EventSource]:
    return event_source(f"{served.url}/v1/subscriptions/{id}/stream", READER, CLOSED)


async def made(served: Served) -> str:
    """A stream of the client's own, from now on."""
    spec = {"name": "own", "types": [CLOSED], "sink": {"kind": "stream"}}
    said = await served.asks("POST", "/v1/subscriptions", READER, JSON, body=json.dumps(spec).encode())
    assert said.status == 201, said.body
    return str(json.loads(said.body)["id"])


async def happens(served: Served, *numbers: int) -> None:
    await append(served.hub.services, *(closed_day(n) for n in numbers))


async def test_it_receives_events_with_their_type_and_cursor(served: Served) -> None:
    async with follows(served) as source:
        await until(lambda: source.each("open"))
        await happens(served, 1)
        await happens(served, 2, 3)
        await source.got("closed-1", "closed-2", "closed-3")
    assert source.each("type") == [CLOSED] * 3
    assert len(set(source.each("cursor"))) == 3


async def test_it_goes_on_after_the_last_event_when_the_hub_was_restarted(tmp_path: Path) -> None:
    """Promise 2."""
    async with AsyncExitStack() as stack:
        async with serving(tmp_path) as before:
            source = await stack.enter_async_context(follows(before))
            await until(lambda: source.each("open"))
            await happens(before, 1, 2)
            await source.got("closed-1", "closed-2")
        after = await stack.enter_async_context(serving(tmp_path, port=before.port))
        await happens(after, 3)
        await source.got("closed-1", "closed-2", "closed-3")
        assert source.each("asked")[-1] == source.each("cursor")[1]
        assert source.over is None


async def test_a_pause_leaves_it_open_and_it_goes_on(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.api.feed.HEARTBEAT_S", 0.02)
    id = await made(served)
    async with follows(served, id) as source:
        await until(lambda: source.each("open"))
        await happens(served, 1)
        await source.got("closed-1")
        assert (await served.asks("POST", f"/v1/subscriptions/{id}/pause", READER)).status == 200
        await happens(served, 2)
        beats = len(source.each("beat"))
        await until(lambda: len(source.each("beat")) > beats + 3)
        assert source.each("id") == ["closed-1"]
        assert (await served.asks("POST", f"/v1/subscriptions/{id}/resume", READER)).status == 200
        await source.got("closed-1", "closed-2")
        assert (source.each("open"), source.each("error")) == ([True], [])


async def test_a_deleted_subscription_ends_it(served: Served) -> None:
    id = await made(served)
    async with follows(served, id) as source:
        await until(lambda: source.each("open"))
        assert (await served.asks("DELETE", f"/v1/subscriptions/{id}", READER)).status == 204
        await until(lambda: source.over)
        assert source.each("error") == [None, 404]


async def test_a_rotated_token_ends_it(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 4."""
    monkeypatch.setattr("hub.api.feed.HEARTBEAT_S", 0.02)
    async with follows(served) as source:
        await until(lambda: source.each("open"))
        services = served.hub.services
        another = SecretStr("another-token-0123456789")
        services.config = config = replace(
            services.config,
            clients=tuple(
                each.model_copy(update={"token": another}) if each.id == "reader" else each
                for each in services.config.clients
            ),
        )
        await services.subscriptions.reload(config)
        await happens(served, 1)
        await until(lambda: source.over)
        assert (source.each("id"), source.each("error")) == ([], [None, 401])
