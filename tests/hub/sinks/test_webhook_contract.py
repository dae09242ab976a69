"""The webhook sink keeps every sink's promises."""

from collections.abc import AsyncIterator, Sequence

import pytest

from hub.clock import SystemClock
from hub.sinks.webhook import WebhookSink
from tests.contracts.sink import SinkContract
from tests.hub.sinks.conftest import LOOPBACK, SECRET
from tests.peers.webhook import WebhookReceiver, hang, status


class Rig:
    def __init__(self, receiver: WebhookReceiver) -> None:
        self._receiver = receiver
        self.bound_s = 0.5
        self.sink = WebhookSink(
            receiver.url, [SECRET], clock=SystemClock(), allow=LOOPBACK, concurrency=3, timeout_s=self.bound_s
        )

    def received(self) -> Sequence[bytes]:
        return [request.body for request in self._receiver.received]

    async def wait_for(self, number: int) -> None:
        await self._receiver.wait_for(number)

    async def hang(self) -> None:
        self._receiver.answer = hang

    async def vanish(self) -> None:
        await self._receiver.vanish()

    async def heal(self) -> None:
        self._receiver.answer = status(204)


class TestWebhookSink(SinkContract):
    @pytest.fixture
    async def rig(self, receiver: WebhookReceiver) -> AsyncIterator[Rig]:
        rig = Rig(receiver)
        yield rig
        await rig.sink.close()
