import ipaddress
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

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
