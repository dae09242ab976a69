import asyncio
import ipaddress
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
import uvloop

from tests.peers.tls import Authority
from tests.peers.webhook import WebhookReceiver

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # the published one


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    async with WebhookReceiver() as running:
        yield running


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Both loops: their transports differ just where a sink cares (writing, closing, TLS)."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
