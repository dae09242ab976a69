"""Two recipients, a webhook's receiver and a feed's reader, written as an outside vendor would write them.

They know only what the hub's documentation says. `Arrival` is one event that one of them got.
"""

import asyncio
import base64
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import httpx

from hub.files import append_line

TOLERANCE_S: Final = 300  # how old a signature may be (Standard Webhooks)
POLL_S: Final = 20


@dataclass(frozen=True, slots=True)
class Arrival:
    """One event as a recipient got it.

    `status` is what the webhook's receiver answered, None for a feed; `at` is in monotonic seconds.
    """

    recipient: str
    event: dict[str, Any]
    status: int | None = None
    attempt: int = 1
    at: float = field(default_factory=time.monotonic)

    @property
    def accepted(self) -> bool:
        return self.status is None or self.status < 300


class WebhookReceiver:
    """Verifies each signature, remembers each `webhook-id`, and answers, from the moment it is made.

    `on_arrival` is called in its threads; `kept` is a file for the bodies that came.
    """

    def __init__(self, name: str, kept: Path) -> None:
        self.name = name
        self.kept = kept
        self.on_arrival: Callable[[Arrival], None] | None = None
        self.key = secrets.token_bytes(32)
        self.bodies: list[bytes] = []  # everything that came
        self.ids: list[str] = []  # of accepted events, in order
        self.attempts: dict[str, int] = {}  # by webhook-id
        self.verified = self.refused = self.repeated = 0
        self.busy = 0  # this many deliveries are answered with 503
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"receiver": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name=name, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/hook"

    @property
    def secret(self) -> str:
        return "whsec_" + base64.b64encode(self.key).decode()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def receive(self, id: str, timestamp: str, signatures: str, body: bytes) -> int:
        """Returns the status to answer with."""
        with self._lock:
            if not self._is_right(id, timestamp, signatures, body):
                self.refused += 1
                return 401
            self.bodies.append(body)
            _keep(self.kept, body)
            self.verified += 1
            self.attempts[id] = self.attempts.get(id, 0) + 1
            status = 204
            if self.busy:
                self.busy -= 1
                status = 503
            elif id in self.ids:
                self.repeated += 1  # a repeat, as "at least once" allows: accepted without effect
                return status
            else:
                self.ids.append(id)
            arrival = Arrival(self.name, json.loads(body), status, self.attempts[id])
        if self.on_arrival is not None:
            self.on_arrival(arrival)
        return status

    def _is_right(self, id: str, timestamp: str, signatures: str, body: bytes) -> bool:
        if not timestamp.isdigit() or abs(time.time() - int(timestamp)) > TOLERANCE_S:
            return False
        signed = f"{id}.{timestamp}.".encode() + body
        wanted = "v1," + base64.b64encode(hmac.digest(self.key, signed, "sha256")).decode()
        return any(hmac.compare_digest(wanted, each) for each in signatures.split())


class _Handler(BaseHTTPRequestHandler):
    receiver: WebhookReceiver
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_OPTIONS(self) -> None:
        """Consent to deliveries (CloudEvents' HTTP web hooks, section 4)."""
        self._answer(200, {"WebHook-Allowed-Origin": self.headers.get("WebHook-Request-Origin", "")})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        id, timestamp, signatures = (
            self.headers.get(name, "") for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
        )
        self._answer(self.receiver.receive(id, timestamp, signatures, body), {})

    def _answer(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the screen shows what came."""


class FeedReader:
    """Follows a feed by its links, with long polls.

    `on_arrival` is called on the event loop; `kept` is a file for the bodies that came.
    """

    def __init__(self, name: str, url: str, token: str, kept: Path) -> None:
        self.name = name
        self.kept = kept
        self.on_arrival: Callable[[Arrival], None] | None = None
        self.bodies: list[bytes] = []
        self.cursors: list[str] = []
        self.received = 0  # events
        self.address = url
        self._url = httpx.URL(url).copy_merge_params({"wait": POLL_S})
        self._token = token

    async def run(self) -> None:
        """Read until cancelled."""
        url = self._url
        async with httpx.AsyncClient(
            headers={"Authorization": f"Bearer {self._token}"}, timeout=POLL_S + 10, trust_env=False
        ) as client:
            while True:
                try:
                    answer = (await client.get(url)).raise_for_status()
                except httpx.HTTPError:
                    await asyncio.sleep(1)  # the reader has its cursor, so it misses nothing
                    continue
                self.bodies.append(answer.content)
                _keep(self.kept, answer.content)
                url = url.join(answer.links["next"]["url"])
                self.cursors.append(url.params["after"])
                for event in answer.json():
                    self.received += 1
                    if self.on_arrival is not None:
                        self.on_arrival(Arrival(self.name, event))


def _keep(file: Path, body: bytes) -> None:
    """Write each body as it came, one on each line, for people who want to look."""
    append_line(file, body)
