"""The handshake that asks a recipient for consent before the first delivery: CloudEvents' HTTP web hooks, section 4.

The hub sends an `OPTIONS` request with `WebHook-Request-Origin`. The recipient consents by naming that origin, or `*`,
in `WebHook-Allowed-Origin`; a status code alone is no consent. The hub does not offer permission by callback (4.1.3).
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


@dataclass(frozen=True, slots=True, kw_only=True)
class HandshakeResult:
    """Whether the recipient consents; if not, `reason` is a short code.

    `not-granted`: the recipient answered without consent, and a person must act. A code of `http1.Failure`: the hub did
    not reach the recipient. `again`: ask again later. `rate_per_minute` is the rate that the recipient allows; None: it
    named no limit.
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

    Raises UrlRefused, and ValueError if the origin is not a DNS name. Failures of the far side are results.
    """
    if not _ORIGIN.match(origin):
        raise ValueError("the origin must be a DNS name, such as hub.example.se")
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
        return HandshakeResult(granted=False, reason=failure.code, again=True)
    finally:
        await client.close()
    if response.status == 429 or response.status >= 500:
        return HandshakeResult(granted=False, reason=f"http-{response.status}", again=True)
    allowed = response.header(b"webhook-allowed-origin")
    if not 200 <= response.status < 300 or allowed is None or allowed.lower() not in ("*", origin.lower()):
        return HandshakeResult(granted=False, reason="not-granted")
    rate = response.header(b"webhook-allowed-rate")
    limited = rate is not None and rate.isascii() and rate.isdigit() and len(rate) <= 9 and int(rate) > 0
    return HandshakeResult(granted=True, rate_per_minute=int(rate) if limited and rate else None)
