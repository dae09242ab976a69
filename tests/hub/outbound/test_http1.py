"""What the HTTP client does with its connections (`tests/hub/sinks/test_webhook.py` tests the exchanges)."""

import asyncio

import pytest

from hub.outbound import http1
from hub.outbound.addresses import LOOPBACK, check_url
from hub.sinks.webhook import request_head
from tests.peers.webhook import WebhookReceiver
from tests.until import until


async def test_a_connection_without_a_request_is_closed_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else each webhook that ever had a burst would hold its connections, and the hub's descriptors, for good."""
    monkeypatch.setattr(http1, "MAX_IDLE_S", 0.3)
    async with WebhookReceiver() as receiver:
        target = check_url(receiver.url, LOOPBACK)
        message = request_head("POST", target, None) + b"Content-Length: 0\r\n\r\n"
        client = http1.Client(target, allow=LOOPBACK)

        async def exchange() -> None:
            deadline = client.loop.time() + 30
            connection = client.kept() or await client.connect(deadline)
            assert (await connection.request(message, deadline)).status == 204

        await asyncio.gather(*(exchange() for _ in range(5)))
        await until(lambda: receiver.open == 0)
        await exchange()  # also those of the next burst
        await until(lambda: receiver.open == 0)
        assert len(receiver.received) == 6
        await client.close()


async def test_spare_connections_are_closed_while_another_is_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http1, "MAX_IDLE_S", 0.3)
    async with WebhookReceiver() as receiver:
        target = check_url(receiver.url, LOOPBACK)
        message = request_head("POST", target, None) + b"Content-Length: 0\r\n\r\n"
        client = http1.Client(target, allow=LOOPBACK)
        deadline = client.loop.time() + 60
        opened = [await client.connect(deadline) for _ in range(3)]
        for each in opened:
            each.release()

        async def spare_are_closed() -> bool:
            used = client.kept() or await client.connect(deadline)
            await used.request(message, deadline)
            return receiver.open == 1

        await until(spare_are_closed)
        await client.close()
