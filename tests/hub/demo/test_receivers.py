"""The demo's webhook receiver, as a vendor would be told to write it."""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from standardwebhooks import Webhook

from hub.demo.receivers import Arrival, WebhookReceiver

BODY = '{"id": "e1", "data": {}}'


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[WebhookReceiver]:
    server = WebhookReceiver("acme", tmp_path / "acme.jsonl")
    yield server
    server.stop()


def deliver(
    receiver: WebhookReceiver, id: str = "msg_1", *, secret: str = "", at: datetime | None = None, body: str = BODY
) -> int:
    """Signed by the reference library."""
    at = at or datetime.now(UTC)
    headers = {
        "webhook-id": id,
        "webhook-timestamp": f"{int(at.timestamp())}",
        "webhook-signature": Webhook(secret or receiver.secret).sign(id, at, BODY),
    }
    return httpx.post(receiver.url, content=body, headers=headers, trust_env=False).status_code


def test_a_right_signature_is_taken_and_told(receiver: WebhookReceiver) -> None:
    told: list[Arrival] = []
    receiver.on_arrival = told.append
    assert deliver(receiver) == 204
    assert [(each.event["id"], each.status, each.attempt) for each in told] == [("e1", 204, 1)]
    assert receiver.kept.read_text() == f"{BODY}\n"


def test_another_secret_another_body_or_an_old_time_is_refused(receiver: WebhookReceiver) -> None:
    other = "whsec_" + base64.b64encode(b"x" * 32).decode()
    assert deliver(receiver, secret=other) == 401
    assert deliver(receiver, body=BODY + " ") == 401
    assert deliver(receiver, at=datetime.now(UTC) - timedelta(minutes=10)) == 401
    assert (receiver.refused, receiver.ids, receiver.kept.exists()) == (3, [], False)


def test_a_repeat_is_taken_and_does_nothing(receiver: WebhookReceiver) -> None:
    told: list[Arrival] = []
    receiver.on_arrival = told.append
    assert [deliver(receiver), deliver(receiver)] == [204, 204]
    assert (len(told), receiver.repeated, receiver.ids) == (1, 1, ["msg_1"])


def test_while_busy_it_asks_for_another_attempt(receiver: WebhookReceiver) -> None:
    told: list[Arrival] = []
    receiver.on_arrival = told.append
    receiver.busy = 1
    assert [deliver(receiver), deliver(receiver)] == [503, 204]
    assert [(each.accepted, each.attempt) for each in told] == [(False, 1), (True, 2)]
    assert receiver.repeated == 0


def test_it_consents_to_the_origin_that_asks(receiver: WebhookReceiver) -> None:
    answer = httpx.options(receiver.url, headers={"WebHook-Request-Origin": "hub.example"}, trust_env=False)
    assert (answer.status_code, answer.headers["WebHook-Allowed-Origin"]) == (200, "hub.example")
