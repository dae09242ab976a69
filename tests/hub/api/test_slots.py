"""Answers with data are in memory as a whole while they are made: few of a client and of all at a time."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from hub.http import unread
from hub.http.unread import Unread
from hub.ss12000.answers import Gated
from plugins.testing import ManualClock
from tests.hub.api.test_cut_answers import path_of, slow_reader, world  # noqa: F401
from tests.hub.api.test_unread import TOKENS, World, readers
from tests.until import until


class Counting:
    """Replaces a coroutine function: `most` is how many calls were under way at a time."""

    def __init__(self, real: Callable[..., Any]) -> None:
        self._real, self._now, self.most, self.calls = real, 0, 0, 0

    async def __call__(self, *given: Any, **named: Any) -> Any:
        self._now += 1
        self.calls += 1
        self.most = max(self.most, self._now)
        try:
            await asyncio.sleep(0.02)
            return await self._real(*given, **named)
        finally:
            self._now -= 1


@pytest.mark.parametrize("kind", ["feed", "state", "list"])
async def test_a_client_that_asks_for_many_answers_gets_few_made_at_a_time(
    world: World,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    """Promise 3: 60 pages of 8 MiB at a time would take half a gigabyte, from each client that asks for them."""
    path = await path_of(world, kind)
    if kind == "list":
        counting = Counting(Gated._prepare)

        async def prepare(gated: Gated, sight: Any) -> Any:
            return await counting(gated, sight)

        monkeypatch.setattr(Gated, "_prepare", prepare)
    else:
        where: Any = world.hub.services.pages if kind == "feed" else world.hub.services.log
        name = "page" if kind == "feed" else "states_of"
        counting = Counting(getattr(where, name))
        monkeypatch.setattr(where, name, counting)
    answers = await asyncio.gather(*(world.status("acme", path) for _ in range(12)))
    assert answers == [200] * 12
    assert (counting.most, counting.calls) == (unread.MADE_EACH, 12)


async def test_a_client_that_does_not_read_keeps_no_other_client_waiting(world: World) -> None:  # noqa: F811
    """Its next answers, made already, wait behind unread ones: these hold slots of its own only."""
    path = await path_of(world, "feed")
    others = await world.path("other", "feed")
    with readers(world, 2) as made:
        for reader in made:
            connection = await slow_reader(world, reader, path, TOKENS["acme"])
            await reader.ask("acme", path)
            waiting = connection.flow._is_writable_event._waiters  # type: ignore[attr-defined]
            await until(lambda: waiting, "the second answer waits")  # noqa: B023
        assert await world.status("other", others) == 200
        assert world.unread._made._value == unread.MADE_ALL


async def test_all_clients_together_have_a_bound_too() -> None:
    bound = Unread(ManualClock("2026-11-24T08:00"))
    now = most = 0

    async def make(owner: str) -> None:
        nonlocal now, most
        async with bound.slot(owner):
            now += 1
            most = max(most, now)
            for _ in range(3):
                await asyncio.sleep(0)
            now -= 1

    await asyncio.gather(*(make(f"client/{n % 10}") for n in range(100)))
    assert most == unread.MADE_ALL
    assert not bound._made_each, "nothing is remembered of clients that ask no more"


async def test_an_answer_that_is_given_up_leaves_its_slot() -> None:
    bound = Unread(ManualClock("2026-11-24T08:00"))

    async def make() -> None:
        async with bound.slot("client/acme"):
            await asyncio.Event().wait()

    tasks = [asyncio.create_task(make()) for _ in range(5)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert bound._made._value == unread.MADE_ALL
    assert not bound._made_each
