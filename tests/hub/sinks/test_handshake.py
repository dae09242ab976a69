"""Consent before the first delivery (CloudEvents HTTP web hooks, section 4)."""

import pytest

from hub.outbound.addresses import UrlRefused
from hub.sinks.handshake import HandshakeResult, handshake
from tests.hub.sinks.conftest import LOOPBACK
from tests.peers.webhook import WebhookReceiver, hang, raw, status

ORIGIN = "hub.example.se"


async def test_the_recipient_is_asked_with_origin_and_rate(receiver: WebhookReceiver) -> None:
    receiver.answer = status(200, f"WebHook-Allowed-Origin: {ORIGIN}", "WebHook-Allowed-Rate: 120")
    result = await handshake(receiver.url, ORIGIN, allow=LOOPBACK, rate_per_minute=600)
    assert result == HandshakeResult(granted=True, rate_per_minute=120)
    [request] = receiver.received
    assert (request.method, request.path, request.body) == ("OPTIONS", "/hook", b"")
    assert request.headers["webhook-request-origin"] == ORIGIN
    assert request.headers["webhook-request-rate"] == "600"
    await receiver.wait_until_closed()


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (status(204, "WebHook-Allowed-Origin: *"), HandshakeResult(granted=True)),
        (status(200, "webhook-allowed-origin: HUB.example.se"), HandshakeResult(granted=True)),
        (status(200, "WebHook-Allowed-Origin: *", "WebHook-Allowed-Rate: *"), HandshakeResult(granted=True)),
        (status(200, "WebHook-Allowed-Origin: *", "WebHook-Allowed-Rate: 0"), HandshakeResult(granted=True)),
        (
            status(200, "WebHook-Allowed-Origin: *", "WebHook-Allowed-Rate: " + "9" * 5000),
            HandshakeResult(granted=True),
        ),
        (status(200), HandshakeResult(granted=False, reason="not-granted")),
        (status(200, "WebHook-Allowed-Origin: other.example.se"), HandshakeResult(granted=False, reason="not-granted")),
        (status(405, "Allow: POST"), HandshakeResult(granted=False, reason="not-granted")),
        (status(403, "WebHook-Allowed-Origin: *"), HandshakeResult(granted=False, reason="not-granted")),
        (status(302, "WebHook-Allowed-Origin: *", "Location: /"), HandshakeResult(granted=False, reason="not-granted")),
        (status(503, "WebHook-Allowed-Origin: *"), HandshakeResult(granted=False, reason="http-503", again=True)),
        (hang, HandshakeResult(granted=False, reason="timeout", again=True)),
        (raw(b"\0\0\0"), HandshakeResult(granted=False, reason="protocol", again=True)),
    ],
)
async def test_consent_is_the_origin_named_and_nothing_else(
    receiver: WebhookReceiver, answer: object, result: HandshakeResult
) -> None:
    receiver.answer = answer  # type: ignore[assignment]
    assert await handshake(receiver.url, ORIGIN, allow=LOOPBACK, timeout_s=0.5) == result
    await receiver.wait_until_closed()


async def test_a_recipient_that_is_not_there_may_be_asked_again(receiver: WebhookReceiver) -> None:
    await receiver.vanish()
    result = await handshake(receiver.url, ORIGIN, allow=LOOPBACK)
    assert result == HandshakeResult(granted=False, reason="connect", again=True)


async def test_a_refused_url_or_origin_is_never_called(receiver: WebhookReceiver) -> None:
    with pytest.raises(UrlRefused):
        await handshake(receiver.url, ORIGIN)
    with pytest.raises(ValueError):
        await handshake(receiver.url, "hub\r\nX-Smuggled: 1", allow=LOOPBACK)
    assert receiver.connections == 0
