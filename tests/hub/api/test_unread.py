"""Clients that ask and do not read: cut when nothing moves, never while they read, and bounded until then."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from hub.api.limits import IDLE_S
from hub.api.protocol import LEAST_UNREAD, Connection
from hub.api.server import Servers
from hub.assembly.hub import Hub
from hub.config import ClientConfig, HubConfig, Role
from hub.delivery.pages import MAX_STREAM_BYTES
from hub.http import unread
from plugins.manager import Plugins
from plugins.testing import ManualClock
from schemas import Category, DataContract
from tests.hub.api.described import described_by
from tests.hub.api.school import append, closed_day
from tests.until import until

EVENTS = 2000
WIDE = 8000  # characters of each event's comment
SMALL = 16 << 10  # bytes of a client's receive buffer
TOKENS = {name: f"token-of-{name}-0123456789abcdef" for name in ("acme", "other", "op")}


def client(id: str, role: str) -> ClientConfig:
    contract = DataContract(purpose="t", legal_basis="t", categories=frozenset({Category.NONE, Category.FREE_TEXT}))
    return ClientConfig(id=id, token=SecretStr(TOKENS[id]), roles=frozenset({Role(role)}), contract=contract)


class World:
    def __init__(self, hub: Hub, servers: Servers, clock: ManualClock, http: httpx.AsyncClient) -> None:
        self.hub, self.servers, self.clock, self.http = hub, servers, clock, http
        self.subscriptions: dict[tuple[str, str], str] = {}
        api = servers.app
        assert api is not None
        self.unread = api.unread

    async def path(self, client: str, kind: str) -> str:
        """The path of the client's feed or stream from the oldest event on."""
        if (client, kind) not in self.subscriptions:
            wanted = {
                "name": kind, "types": ["se.skolnav.schedule.*"], "sink": {"kind": kind}, "from": "oldest",
                "payload": "full",
            }  # fmt: skip
            answer = await self.http.post("/v1/subscriptions", json=wanted, headers=bearer(client))
            assert answer.status_code == 201, answer.text
            self.subscriptions[client, kind] = answer.json()["id"]
        what = "stream" if kind == "stream" else f"events?limit={EVENTS}"
        return f"/v1/subscriptions/{self.subscriptions[client, kind]}/{what}"

    async def status(self, client: str, path: str) -> int:
        return (await self.http.get(path, headers=bearer(client))).status_code


def bearer(client: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKENS[client]}"}


@contextlib.asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[World]:
    clock = ManualClock("2026-11-24T08:00")
    config = HubConfig(
        municipality="Provköping", tenant="provkoping", data=folder, host="127.0.0.1", port=0,
        clients=(client("acme", "subscriber"), client("other", "subscriber"), client("op", "operator")),
    )  # fmt: skip
    hub = await Hub.start(config, plugins=Plugins.of(), clock=clock)
    servers = Servers(hub.services)
    try:
        await servers.start()
        host, port = servers.address
        async with httpx.AsyncClient(
            base_url=f"http://{host}:{port}", timeout=60, event_hooks=described_by(servers.app.fastapi.openapi)
        ) as http:
            yield World(hub, servers, clock, http)
    finally:
        await servers.stop()
        await hub.stop()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with opened(tmp_path) as made:
        for start in range(0, EVENTS, 250):
            await append(made.hub.services, *(closed_day(n, comment="x" * WIDE) for n in range(start, start + 250)))
        yield made


class Reader:
    """A client that asks, and reads only what it is told to read."""

    def __init__(self, world: World) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        self._socket.connect(world.servers.address)
        self._socket.setblocking(False)
        self.address = self._socket.getsockname()

    async def ask(self, client: str, path: str, token: str = "") -> None:
        """`token`: instead of the client's own."""
        head = f"GET {path} HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {token or TOKENS[client]}\r\n\r\n"
        await asyncio.get_running_loop().sock_sendall(self._socket, head.encode())

    async def read(self, size: int) -> bytes:
        """Up to `size` bytes; less at the end. Raises ConnectionResetError."""
        got = bytearray()
        while len(got) < size:
            piece = await asyncio.get_running_loop().sock_recv(self._socket, size - len(got))
            if not piece:
                break
            got += piece
        return bytes(got)

    def close(self) -> None:
        self._socket.close()


@contextlib.contextmanager
def readers(world: World, count: int = 1) -> Iterator[list[Reader]]:
    made = [Reader(world) for _ in range(count)]
    try:
        yield made
    finally:
        for each in made:
            each.close()


async def stopped(world: World, connections: int) -> None:
    """Wait until this number of connections has unread bytes, and nothing moves."""
    last: Any = None

    def still() -> bool:
        nonlocal last
        world.clock.pass_machine(unread.SWEEP_S)
        now = sorted((each.unread(), each.in_system()) for each in world.unread._slow)
        same, last = now == last, now
        return same and len(now) == connections

    await until(still)


async def cut(world: World, connections: int) -> None:
    """Let the longest pause pass, in which no client reads."""
    before = world.unread.cut.total
    await until(
        lambda: world.unread.cut.total == before + connections,
        meanwhile=lambda: world.clock.pass_machine(unread.SWEEP_S),
    )
    await until(lambda: world.unread.total == 0)


@pytest.mark.parametrize("kind", ["feed", "stream"])
async def test_the_hub_stops_without_an_error_while_a_client_reads_nothing(
    world: World, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Promise 3: such a client neither holds the stop up for long nor fills the log with a traceback."""
    path = await world.path("acme", kind)
    with readers(world) as (reader,):
        await reader.ask("acme", path)
        await stopped(world, 1)
        await world.servers.stop()
    assert [each.getMessage() for each in caplog.records if each.levelname == "ERROR"] == []


@pytest.mark.parametrize("kind", ["feed", "stream"])
async def test_a_client_that_reads_nothing_is_cut_and_its_memory_is_free(world: World, kind: str) -> None:
    path = await world.path("acme", kind)
    with readers(world) as (reader,):
        await reader.ask("acme", path)
        await stopped(world, 1)
        assert world.unread.total > 0
        await cut(world, 1)
        with pytest.raises(ConnectionResetError):
            await reader.read(EVENTS * WIDE)


async def test_a_client_that_reads_the_head_only_is_cut_too(world: World) -> None:
    path = await world.path("acme", "feed")
    with readers(world) as (reader,):
        await reader.ask("acme", path)
        assert (await reader.read(15)) == b"HTTP/1.1 200 OK"
        await stopped(world, 1)
        await cut(world, 1)


@pytest.mark.parametrize("kind", ["feed", "stream"])
async def test_64_kb_every_other_second_is_slow_and_not_dead(world: World, kind: str) -> None:
    path = await world.path("acme", kind)
    with readers(world) as (reader,):
        await reader.ask("acme", path)
        await stopped(world, 1)
        (connection,) = world.unread._slow
        got = 0
        for _ in range(60):  # for two minutes of the hub's clock
            left = connection.unread() + connection.in_system()
            got += len(await reader.read(64 << 10))
            await until(lambda left=left: connection.unread() + connection.in_system() != left)
            world.clock.pass_machine(2)
            await asyncio.sleep(0)
        assert got == 60 * (64 << 10)
        assert world.unread.cut.total == 0


async def test_many_streams_that_are_not_read_hold_little(world: World) -> None:
    path = await world.path("acme", "stream")
    with readers(world, 8) as made:
        for reader in made:
            await reader.ask("acme", path)
        await stopped(world, 8)
        assert world.unread.total <= 8 * (MAX_STREAM_BYTES + 2 * WIDE + LEAST_UNREAD)
        await cut(world, 8)
    assert await world.status("acme", await world.path("acme", "feed")) == 200


async def test_a_connection_with_a_few_unread_bytes_is_closed_when_it_is_idle(world: World) -> None:
    """So few bytes are not counted as unread answers, so the door must not wait for them to be read."""
    with readers(world) as (reader,):
        await reader.ask("acme", "/healthz")
        door = world.servers.doors[0]
        await until(lambda: bool(door.connections))
        (connection,) = [each for each in door.connections if isinstance(each, Connection)]
        connection.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)
        while not connection.unread():
            before = connection.server_state.total_requests
            await reader.ask("acme", "/healthz")
            await until(lambda: connection.server_state.total_requests > before)  # noqa: B023
        assert 0 < connection.unread() <= LEAST_UNREAD
        assert world.unread.total == 0
        for _ in range(2):
            world.clock.pass_machine(IDLE_S)
            await asyncio.sleep(0)
        await until(lambda: not door.connections)
    assert world.unread.cut.total == 0


async def test_a_client_that_leaves_much_unread_gets_no_more_and_others_do(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unread, "MAX_EACH", 1 << 20)
    path = await world.path("acme", "feed")
    others = await world.path("other", "feed")
    with readers(world) as (reader,):
        await reader.ask("acme", path)
        await stopped(world, 1)
        for asked in (path, "/v1/subscriptions", "/v1/state/organisation/x", "/openapi.json"):
            assert await world.status("acme", asked) == 429, asked
        assert await world.status("other", others) == 200
        assert await world.status("op", "/metrics") == 200
    await until(lambda: world.unread.total == 0)
    assert await world.status("acme", path) == 200


async def test_pages_that_are_made_at_the_same_time_count_when_they_are_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unread, "MAX_EACH", 1 << 20)
    path = await world.path("acme", "feed")
    with readers(world, 6) as made:
        await asyncio.gather(*(reader.ask("acme", path) for reader in made))
        heads = await asyncio.gather(*(reader.read(12) for reader in made))
        assert heads.count(b"HTTP/1.1 200") < 6
        assert set(heads) <= {b"HTTP/1.1 200", b"HTTP/1.1 429"}
        assert world.unread.total < 2 * (8 << 20)


async def test_when_all_is_full_a_client_that_reads_is_served(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unread, "MAX_ALL", 1 << 20)
    path = await world.path("acme", "feed")
    others = await world.path("other", "feed")
    with readers(world) as (reader,):
        await reader.ask("acme", path)
        await stopped(world, 1)
        assert await world.status("acme", path) == 429
        assert await world.status("other", others) == 200


async def test_operators_see_it(world: World, caplog: pytest.LogCaptureFixture) -> None:
    path = await world.path("acme", "feed")
    with readers(world, 2) as made:
        for reader in made:
            await reader.ask("acme", path)
        await stopped(world, 2)
        await cut(world, 2)
    told = [record.message for record in caplog.records if "was cut" in record.message]
    assert len(told) == 1, "one line, however many"
    text = (await world.http.get("/metrics", headers=bearer("op"))).text
    assert "skolnav_http_cut_total 2.0" in text
    assert "skolnav_http_unread_bytes 0.0" in text
