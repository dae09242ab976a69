"""A whole hub behind its own server, for tests that write to its socket themselves."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from hub.api.server import Servers
from hub.assembly.hub import Hub
from hub.config import ClientConfig, ConnectorEntry, HubConfig, Role
from hub.subscriptions.spec import SubscriptionSpec
from plugins import Answer, Connector, ConnectorConfig, Received
from plugins.manager import Plugins
from plugins.testing import ManualClock
from schemas import DataContract

OPERATOR = "token-of-the-operator-0123456789"
FEEDER = "token-of-the-feeder-0123456789"
READER = "token-of-the-reader-0123456789"


class NoConfig(ConnectorConfig):
    pass


class Echo(Connector[NoConfig]):
    """Answers with the method and the body that it got."""

    name = "echo"
    config_model = NoConfig

    async def receive(self, request: Received) -> Answer:
        return Answer(200, request.method.encode() + b" " + await request.body(), {"Content-Type": "text/plain"})


@dataclass
class Said:
    """An answer. Header names and values are in lower case."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class Served:
    hub: Hub
    servers: Servers
    clock: ManualClock

    @property
    def port(self) -> int:
        return self.servers.address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def open(self, host: str = "127.0.0.1") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port, local_addr=(host, 0))

    async def says(self, *sent: bytes, host: str = "127.0.0.1") -> Said:
        """The only answer on a new connection, which is closed behind it. The hub must close it if `sent` does."""
        reader, writer = await self.open(host)
        try:
            for each in sent:
                writer.write(each)
                await writer.drain()
            return await answer(reader)
        finally:
            writer.transport.abort()

    async def asks(self, method: str, path: str, token: str = OPERATOR, *more: str, body: bytes = b"") -> Said:
        return await self.says(request(method, path, token, *more, body=body))

    async def metric(self, name: str) -> float:
        found = (await self.asks("GET", "/metrics")).body.decode()
        (line,) = (each for each in found.splitlines() if each.startswith(name + " "))
        return float(line.split()[-1])


def request(method: str, path: str, token: str = OPERATOR, *more: str, body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: hub", f"Authorization: Bearer {token}", *more]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


async def answer(reader: asyncio.StreamReader, *, of_head: bool = False) -> Said:
    """The next answer of a connection."""
    async with asyncio.timeout(60):
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        headers: Mapping[str, str] = dict(line.lower().split(": ", 1) for line in lines)
        length = 0 if of_head else int(headers.get("content-length", 0))
        return Said(int(first.split()[1]), dict(headers), await reader.readexactly(length))


async def ends(reader: asyncio.StreamReader) -> bytes:
    """What still comes until the hub closes the connection."""
    async with asyncio.timeout(60):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


def pulled(kind: str) -> SubscriptionSpec:
    """The subscription `feed` or `stream` of `reader`, to closed days."""
    return SubscriptionSpec.model_validate(
        {"name": kind, "client": "reader", "types": ["se.skolnav.schedule.*"], "sink": {"kind": kind}}
    )


@asynccontextmanager
async def serving(folder: Path, *, port: int = 0, **config: Any) -> AsyncIterator[Served]:
    """`port`: 0 for a free one; a hub that is started again on the same folder gets the port that it had."""
    everything = DataContract(
        purpose="test", legal_basis="test", categories=frozenset({"attendance", "identity", "none"})
    )
    clients = (
        ClientConfig(id="op", token=SecretStr(OPERATOR), roles=frozenset({Role.OPERATOR})),
        ClientConfig(id="feeder", token=SecretStr(FEEDER), roles=frozenset({Role.PUBLISHER})),
        ClientConfig(id="reader", token=SecretStr(READER), roles=frozenset({Role.SUBSCRIBER}), contract=everything),
    )
    settings = HubConfig(
        municipality="Provköping", tenant="provkoping", data=folder, host="127.0.0.1", port=port, clients=clients,
        connectors={"echo": ConnectorEntry("echo", Echo, NoConfig())}, subscriptions=(pulled("feed"), pulled("stream")),
        **config,
    )  # fmt: skip
    clock = ManualClock("2026-11-24T08:00")
    hub = await Hub.start(settings, plugins=Plugins.of(Echo), clock=clock)
    servers = Servers(hub.services)
    try:
        await servers.start()
        yield Served(hub, servers, clock)
    finally:
        await servers.stop()
        await hub.stop()
