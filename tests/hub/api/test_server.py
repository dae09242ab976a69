"""A whole hub's own server: what load balancers ask, and what is no HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from hub.api.server import Servers
from hub.assembly.hub import Hub
from hub.config import ClientConfig, HubConfig, Role
from plugins.manager import Plugins

TOKEN = "token-of-the-operator-0123456789"


class Door:
    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)

    async def says(self, sent: bytes) -> tuple[int, dict[str, str], bytes]:
        """All that comes back until the hub closes: status, headers, and what follows them."""
        reader, writer = await asyncio.open_connection(*self._address)
        try:
            writer.write(sent)
            async with asyncio.timeout(20):
                head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        finally:
            writer.close()
        first, *lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        return int(first.split()[1]), headers, body

    async def asks(self, method: str, path: str) -> tuple[int, dict[str, str], bytes]:
        head = f"{method} {path} HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n\r\n"
        return await self.says(head.encode())


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    operator = ClientConfig(id="op", token=SecretStr(TOKEN), roles=frozenset({Role.OPERATOR}))
    config = HubConfig(
        municipality="Provköping", tenant="provkoping", data=tmp_path, host="127.0.0.1", port=0, clients=(operator,)
    )
    hub = await Hub.start(config, plugins=Plugins.of())
    servers = Servers(hub.services)
    try:
        await servers.start()
        yield Door(*servers.address)
    finally:
        await servers.stop()
        await hub.stop()


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_head_is_answered_as_get_without_a_body(door: Door, path: str) -> None:
    status, headers, body = await door.asks("HEAD", path)
    got = await door.asks("GET", path)
    assert (status, headers["content-type"], body) == (200, got[1]["content-type"], b"")
    assert int(headers["content-length"]) > 0
    assert len(got[2]) == int(got[1]["content-length"])


@pytest.mark.parametrize(
    "sent",
    [
        b"canary\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\nHost: hub\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\ncanary\x00: 1\r\n\r\n",
        b"POST /v1/events HTTP/1.1\r\nHost: hub\r\nContent-Length: canary\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=["words", "version", "header", "length", "tls"],
)
async def test_what_is_no_http_is_told_as_every_other_error(door: Door, sent: bytes) -> None:
    status, headers, body = await door.says(sent)
    assert (status, headers["content-type"]) == (400, "application/problem+json")
    told = json.loads(body)
    assert (told["type"], told["status"]) == ("urn:skolnav:problem:invalid-request", 400)
    assert b"canary" not in body
    assert (await door.asks("GET", "/healthz"))[0] == 200
