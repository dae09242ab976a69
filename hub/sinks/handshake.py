"""Asking a recipient whether it wants deliveries, before the first one: CloudEvents' HTTP web hooks, section 4.

An `OPTIONS` request with `WebHook-Request-Origin`; the recipient consents by naming that origin, or `*`, in
`WebHook-Allowed-Origin`. Its status code is no consent. Permission by callback (section 4.1.3) is not offered.
https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md
"""

import asyncio
import re
import ssl
from dataclasses import dataclass
from typing import Final

from hub.outbound.addresses import Networks, Resolve, check_url, system_resolve
from hub.outbound.http1 import Client, Failure
from hub.sinks.webhook import TIMEOUT_S, request_head

_ORIGIN: Final = re.compile(r"[A-Za-z0-9.-]{1,253}\Z")


@dataclass(frozen=True, slots=True)
class HandshakeResult:
    """Whether the recipient consents. `reason` is a short code where it does not.

    `not-granted` (it answered, without consent: a person must see to it) or one of `http1.Failure`'s codes (`again`
    is true: it was not reached, ask again later). `rate_per_minute` is what it allows; None: no limit said.
    """

    granted: bool
    reason: str = ""
    rate_per_minute: int | None = None
    again: bool = False


async def handshake(
    url: str,
    origin: str,
    *,
    allow: Networks = (),
    public: bool = True,
    ssl_context: ssl.SSLContext | None = None,
    rate_per_minute: int | None = None,
    timeout_s: float = TIMEOUT_S,
    resolve: Resolve = system_resolve,
) -> HandshakeResult:
    """Ask once. `origin` is a DNS name for the sending system; `rate_per_minute` asks for that rate.

    Raises UrlRefused, and ValueError if the origin is no name; the far side's failures are results.
    """
    if not _ORIGIN.match(origin):
        raise ValueError("the origin is a DNS name, such as hub.example.se")
    target = check_url(url, allow)
    head = request_head("OPTIONS", target, origin)
    if rate_per_minute is not None:
        head += b"WebHook-Request-Rate: %d\r\n" % rate_per_minute
    client = Client(target, allow=allow, public=public, ssl_context=ssl_context, resolve=resolve)
    deadline = asyncio.get_running_loop().time() + timeout_s
    try:
        connection = await client.connect(deadline)
        response = await connection.request(head + b"Connection: close\r\n\r\n", deadline)
    except Failure as failure:
        return HandshakeResult(False, failure.code, again=True)
    finally:
        await client.close()
    if response.status == 429 or response.status >= 500:
        return HandshakeResult(False, f"http-{response.status}", again=True)
    allowed = response.header(b"webhook-allowed-origin")
    if not 200 <= response.status < 300 or allowed is None or allowed.lower() not in ("*", origin.lower()):
        return HandshakeResult(False, "not-granted")
    rate = response.header(b"webhook-allowed-rate")
    limited = rate is not None and rate.isascii() and rate.isdigit() and len(rate) <= 9 and int(rate) > 0
    return HandshakeResult(True, rate_per_minute=int(rate) if limited and rate else None)
