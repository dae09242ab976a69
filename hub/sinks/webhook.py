"""Deliveries to an outside recipient over HTTP: each POST has one event, a signed CloudEvent in structured mode.

The signature's headers follow Standard Webhooks: `webhook-id`, on which the recipient deduplicates, `webhook-timestamp`
and `webhook-signature`. Content type and origin follow CloudEvents' HTTP web hooks specification. An attempt first gets
an idle or a new connection; then the gate's permit, the signature and the write happen in one turn.

What an answer means (https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md section 2.2):

| answer | result | recipient down | reason |
| --- | --- | --- | --- |
| 2xx | delivered | | `http-<status>` |
| 410 | gone: the recipient wants no more deliveries | | `http-410` |
| 429, 5xx | retry, after `Retry-After` (at most an hour; beyond a day: as if absent) | yes | `http-<status>` |
| 408, 425 | retry | no: the answer is about this request | `http-<status>` |
| 401 to 407, 415, 421, 426 | retry | yes: its set-up is wrong, for every event | `http-<status>` |
| other 4xx (400, 409, 413, 422, ...) | dead: it will never accept this event | no | `http-<status>` |
| 3xx | retry; the hub follows no redirect: a person must change the URL | yes | `redirect` |
| none | retry | yes | a code of `http1.Failure` |

The hub uses only the status and `Retry-After` of an answer.
"""

import asyncio
import ssl
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from urllib.parse import quote

from hub.clock import NEVER_US, Clock, to_us
from hub.delivery.base import Attempt, Outcome, Result
from hub.outbound.addresses import Networks, Resolve, Target, check_url, system_resolve
from hub.outbound.http1 import Client, Connection, Failure, Response, Stale
from hub.outbound.signature import Signer
from hub.sinks.limits import Limits
from hub.sinks.tracing import trace_headers
from plugins.retry_after import read_retry_after

USER_AGENT: Final = "Skolnav"
CONTENT_TYPE: Final = "application/cloudevents+json; charset=utf-8"
TIMEOUT_S: Final = 20.0

_SET_UP: Final = frozenset({401, 402, 403, 404, 405, 406, 407, 415, 421, 426})
_THIS_REQUEST: Final = frozenset({408, 425})


class WebhookSink:
    """One subscription's webhook, with its own connections."""

    def __init__(
        self,
        url: str,
        secrets: Sequence[str],
        *,
        clock: Clock,
        limits: Limits | None = None,
        concurrency: int = 8,
        allow: Networks = (),
        public: bool = True,
        ssl_context: ssl.SSLContext | None = None,
        rate_per_s: float | None = None,
        timeout_s: float = TIMEOUT_S,
        origin: str | None = None,
        previous_until: datetime | None = None,
        resolve: Resolve = system_resolve,
    ) -> None:
        """Call it on the running loop. It opens no connection yet.

        `limits`: shared with the subscription's other sinks, in place of `concurrency` and `rate_per_s`.
        `secrets`: the newest first; more than one while a secret is replaced. `previous_until`: from then on only the
        newest signs; None: all do. `allow`: `outbound.allow`. `public`:
        whether public addresses may be reached too (not while the hub has its own school clock: docs/architecture.md,
        Time). `origin`: the name from the handshake, which the specification demands on every delivery. `timeout_s`
        limits an attempt, without the waits for a slot and for the rate. Raises UrlRefused, and ValueError for a
        malformed secret.
        """
        target = check_url(url, allow)
        self._limits = limits or Limits(clock, concurrency, rate_per_s)
        self.concurrency = self._limits.concurrency
        self._clock = clock
        self._timeout_s = timeout_s
        self._client = Client(target, allow=allow, public=public, ssl_context=ssl_context, resolve=resolve)
        self._signer = Signer(secrets)
        self._newest = Signer(secrets[:1])
        self._both_sign_until_us = NEVER_US if previous_until is None else to_us(previous_until)
        self._head = request_head("POST", target, origin) + f"Content-Type: {CONTENT_TYPE}\r\n".encode()

    async def deliver(self, attempt: Attempt) -> Outcome:
        """POST one event. Each failure of the far side is an Outcome. Raises PermitRefused; then nothing was sent."""
        async with self._limits.slots:
            await self._limits.begin()
            try:
                response = await self._exchange(attempt)
            except Failure as failure:
                return Outcome(Result.RETRY, failure.code, recipient_down=True)
            finally:
                self._limits.end()
        return outcome_of(response, self._clock)

    async def close(self) -> None:
        """Close all connections. Attempts under way end with the reason `closed`."""
        await self._client.close()

    async def _exchange(self, attempt: Attempt) -> Response:
        client = self._client
        deadline = client.loop.time() + self._timeout_s
        kept = client.kept()
        if kept is not None:
            try:
                return await self._send(kept, attempt, deadline)
            except Stale:
                pass
        return await self._send(await client.connect(deadline), attempt, deadline)

    async def _send(self, connection: Connection, attempt: Attempt, deadline: float) -> Response:
        # No await between the permit and the write: both must happen in one turn of the loop.
        try:
            message = self._message(attempt, attempt.permit())
        except BaseException:
            connection.release()
            raise
        try:
            return await connection.request(message, deadline)
        except asyncio.CancelledError:
            connection.abort()
            raise

    def _message(self, attempt: Attempt, body: bytes) -> bytes:
        delivery_id = attempt.delivery_id
        if not (delivery_id.isascii() and delivery_id.isprintable()):
            delivery_id = quote(delivery_id)  # a header allows only visible ASCII
        message_id = delivery_id.encode()
        now_us = self._clock.utc_us()
        timestamp = b"%d" % (now_us // 1_000_000)
        signer = self._signer if now_us < self._both_sign_until_us else self._newest
        signature = signer.sign(message_id, timestamp, body)
        return (
            b"%bwebhook-id: %b\r\nwebhook-timestamp: %b\r\nwebhook-signature: %b\r\n%bContent-Length: %d\r\n\r\n%b"
        ) % (self._head, message_id, timestamp, signature, trace_headers(body, attempt.traceparent), len(body), body)


def request_head(method: str, target: Target, origin: str | None) -> bytes:
    """The part of a request's head that all requests share, without the empty line at the end."""
    lines = [f"{method} {target.path} HTTP/1.1", f"Host: {target.authority}", f"User-Agent: {USER_AGENT}"]
    if origin is not None:
        lines.append(f"WebHook-Request-Origin: {origin}")
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")


def outcome_of(response: Response, clock: Clock) -> Outcome:
    """The outcome of an answer, by the table above."""
    status = response.status
    if 200 <= status < 300:
        return Outcome(Result.DELIVERED, f"http-{status}", status=status)
    if 300 <= status < 400:
        return Outcome(Result.RETRY, "redirect", recipient_down=True, status=status)
    reason = f"http-{status}"
    if status == 410:
        return Outcome(Result.GONE, reason, status=status)
    if status == 429 or 500 <= status < 600:
        wait_s = read_retry_after(response.header(b"retry-after"), clock.utc())
        return Outcome(Result.RETRY, reason, retry_after_s=wait_s, recipient_down=True, status=status)
    if status in _THIS_REQUEST:
        return Outcome(Result.RETRY, reason, status=status)
    if status in _SET_UP:
        return Outcome(Result.RETRY, reason, recipient_down=True, status=status)
    if 400 <= status < 500:
        return Outcome(Result.DEAD, reason, status=status)
    return Outcome(Result.RETRY, "protocol", recipient_down=True, status=status)  # 600 and above are not HTTP statuses
