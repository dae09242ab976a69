"""An answer whose ground ends while a slow client reads it is cut: what is still in the hub does not leave."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from hub.api.protocol import Connection
from hub.config import ClientConfig, Role
from hub.http import unread
from tests import school
from tests.hub.api.school import append, closed_day
from tests.hub.api.test_unread import SMALL, TOKENS, Reader, World, bearer, opened, readers
from tests.until import until

DAYS = 120
TEXT = "x" * 4000


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """One school with many closed days, each with a long comment; and many schools."""
    async with opened(tmp_path) as made:
        days = [str(date(2026, 11, 25) + timedelta(days=n)) for n in range(DAYS)]
        schools = [school.organisation(school.uid("school", n), displayName=TEXT) for n in range(DAYS)]
        await append(
            made.hub.services,
            *(closed_day(n, organisation={"id": school.UNIT}, date=day, comment=TEXT) for n, day in enumerate(days)),
            *(
                school.event(school.ORGANISATION, data, id=f"school-{n}", source="urn:sis")
                for n, data in enumerate(schools)
            ),
        )
        yield made


async def apply(world: World, *clients: ClientConfig) -> None:
    """What `skolnav apply` puts in force."""
    services = world.hub.services
    services.config = replace(services.config, clients=clients)
    await services.subscriptions.reload(services.config)


async def change(world: World, **changes: object) -> None:
    clients = world.hub.services.config.clients
    await apply(world, *(each.model_copy(update=changes) if each.id == "acme" else each for each in clients))


async def rotate(world: World) -> None:
    await change(world, token=SecretStr("another-token-0123456789"))


async def take_the_role(world: World) -> None:
    await change(world, roles=frozenset({Role.PUBLISHER}))


async def take_the_contract(world: World) -> None:
    await change(world, contract=None)


async def remove(world: World) -> None:
    await apply(world, *(each for each in world.hub.services.config.clients if each.id != "acme"))


async def expire(world: World) -> None:
    """The access token's hour passes."""
    world.clock.pass_machine(3601)


End = Callable[[World], Awaitable[None]]
ENDS = pytest.mark.parametrize("end", [rotate, take_the_role, take_the_contract, remove, expire])


async def path_of(world: World, kind: str) -> str:
    match kind:
        case "state":
            return f"/v1/state/organisation/{school.UNIT}"
        case "list":
            return "/ss12000/v2.0/organisations?limit=1000"
    return await world.path("acme", kind)


async def token_for(world: World, end: End) -> str:
    """An access token where that is what ends."""
    if end is not expire:
        return TOKENS["acme"]
    form = {"grant_type": "client_credentials", "client_id": "acme", "client_secret": TOKENS["acme"]}
    token: str = (await world.http.post("/oauth/token", data=form)).json()["access_token"]
    return token


async def slow_reader(world: World, reader: Reader, path: str, token: str) -> Connection:
    """It has read the first bytes of the answer, of which most is still in the hub."""
    await reader.ask("acme", "/healthz")
    await reader.read(15)
    (connection,) = [
        each for each in world.servers.doors[0].connections if isinstance(each, Connection) and not each.unread()
        and each.transport.get_extra_info("peername") == reader.address
    ]  # fmt: skip
    connection.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)
    await reader.ask("acme", path, token)
    await until(lambda: connection.unread() > SMALL)
    return connection


async def rest_of(reader: Reader) -> bytes:
    """All that still comes; the client notices that the answer was cut short."""
    got = bytearray()
    with contextlib.suppress(ConnectionResetError):
        while piece := await reader.read(4096):
            got += piece
        pytest.fail("the answer looks like a whole one")
    return bytes(got)


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelno >= 40]


@ENDS
@pytest.mark.parametrize("kind", ["feed", "stream", "state", "list"])
async def test_it_is_cut_when_the_rights_end(
    world: World, caplog: pytest.LogCaptureFixture, kind: str, end: End
) -> None:
    """Promise 4."""
    path, token = await path_of(world, kind), await token_for(world, end)
    with readers(world) as (reader,):
        connection = await slow_reader(world, reader, path, token)
        waiting = connection.unread()
        await end(world)
        await until(lambda: not world.unread.total, meanwhile=lambda: world.clock.pass_machine(unread.SWEEP_S))
        assert connection.transport.is_closing()
        assert world.unread.cut.total == 0, "not since its client reads too slowly"
        assert len(await rest_of(reader)) < waiting, "what had left before, at most"
    assert errors(caplog) == []


@pytest.mark.parametrize("kind", ["feed", "stream", "state", "list"])
async def test_it_goes_on_while_the_rights_last(world: World, kind: str) -> None:
    """Another client's change, and an apply that changes nothing, cut no answer."""
    path = await path_of(world, kind)
    with readers(world) as (reader,):
        connection = await slow_reader(world, reader, path, TOKENS["acme"])
        left = connection.unread() + connection.in_system()
        await apply(world, *(each for each in world.hub.services.config.clients if each.id != "other"))
        world.unread.cut_ended()
        assert not connection.transport.is_closing()
        async with asyncio.timeout(30):  # the system tells the sender only when much of its window is free again
            while connection.unread() + connection.in_system() == left:
                await reader.read(64 << 10)
        assert not connection.transport.is_closing()


@pytest.mark.parametrize("kind", ["feed", "stream"])
async def test_after_the_answer_to_delete_nothing_of_the_subscription_leaves(
    world: World, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    path = await path_of(world, kind)
    with readers(world) as (reader,):
        connection = await slow_reader(world, reader, path, TOKENS["acme"])
        waiting = connection.unread()
        answer = await world.http.delete("/".join(path.split("/")[:4]), headers=bearer("acme"))
        assert answer.status_code == 204
        assert connection.transport.is_closing()
        assert not world.unread.total
        assert len(await rest_of(reader)) < waiting
    assert errors(caplog) == []


@pytest.mark.parametrize("asked", ["feed", "state", "list", "/v1/subscriptions"])
async def test_an_answer_whose_head_waits_behind_an_unread_one_is_cut_without_an_error(
    world: World, caplog: pytest.LogCaptureFixture, asked: str
) -> None:
    """The head of the second answer waits until the first is read; the rights end between its head and its body."""
    path = await path_of(world, "feed")
    second = asked if asked.startswith("/") else await path_of(world, asked)
    with readers(world) as (reader,):
        connection = await slow_reader(world, reader, path, TOKENS["acme"])
        await reader.ask("acme", second)
        waiting = connection.flow._is_writable_event._waiters  # type: ignore[attr-defined]
        await until(lambda: waiting, "the second answer's head waits")
        await rotate(world)
        got = await rest_of(reader)
        assert got.count(b"HTTP/1.1 ") == 1, "not even the head of the second answer"
    assert errors(caplog) == []
