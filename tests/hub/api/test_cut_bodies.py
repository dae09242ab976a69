"""A client that leaves in the middle of a body is no fault of the hub: no traceback, no error in its log."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from hub.api.server import Servers
from hub.assembly.hub import Hub
from hub.config import ClientConfig, HubConfig, Role
from plugins.manager import Plugins
from schemas import Category, DataContract
from tests.until import until

TOKEN = "token-of-everything-0123456789abcdef"


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[Servers]:
    contract = DataContract(purpose="t", legal_basis="t", categories=frozenset({Category.NONE}))
    client = ClientConfig(id="all", token=SecretStr(TOKEN), roles=frozenset(Role), contract=contract)
    config = HubConfig(
        municipality="Provköping", tenant="provkoping", data=tmp_path, host="127.0.0.1", port=0, clients=(client,)
    )
    hub = await Hub.start(config, plugins=Plugins.of())
    found = Servers(hub.services)
    try:
        await found.start()
        yield found
    finally:
        await found.stop()
        await hub.stop()


@pytest.mark.parametrize(
    "call",
    [
        "POST /oauth/token", "POST /v1/events", "POST /v1/subscriptions", "PATCH /v1/subscriptions/x",
        "POST /v1/subscriptions/x/replay", "POST /v1/operator/apply", "POST /connectors/none/x",
        "POST /ss12000/v2.0/absences", "POST /ss12000/v2.0/subscriptions", "POST /ss12000/v2.0/persons/lookup",
    ],
)  # fmt: skip
@pytest.mark.parametrize("framing", ["Content-Length: 500\r\n\r\n{", 'Transfer-Encoding: chunked\r\n\r\n5\r\n{"a":'])
async def test_a_cut_body_is_no_error(
    servers: Servers, caplog: pytest.LogCaptureFixture, call: str, framing: str
) -> None:
    caplog.set_level(logging.DEBUG)
    _, writer = await asyncio.open_connection(*servers.address)
    head = f"{call} HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n"
    writer.write((head + framing).encode())
    await writer.drain()
    state = servers._running[0][0].server_state
    await until(lambda: servers.standing.open == 1)
    await until(lambda: state.tasks or state.total_requests)
    writer.close()
    await until(lambda: servers.standing.open == 0 and not state.tasks)
    told = [record for record in caplog.records if record.levelno >= logging.ERROR or record.exc_info]
    assert not told, told[0].getMessage()
    assert "Traceback" not in caplog.text
