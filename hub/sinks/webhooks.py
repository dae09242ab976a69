"""Webhooks as the configuration allows them: the addresses, the hub's name, and the rate that was agreed."""

import asyncio
import ssl
from typing import Any, Final

from pydantic import SecretStr

from hub.clock import Clock
from hub.config import HubConfig
from hub.outbound.addresses import LOOPBACK, UrlRefused
from hub.sinks.handshake import HandshakeResult, handshake
from hub.sinks.limits import Limits
from hub.sinks.webhook import WebhookSink
from hub.subscriptions.model import Subscription
from hub.subscriptions.spec import TlsSpec

MAX_OF_CLIENT: Final = 128  # deliveries under way at a time, over all webhooks of one client


class Webhooks:
    """Makes webhook sinks, and asks recipients for consent.

    While the hub has its own school clock, nothing leaves the machine (docs/architecture.md, Time). The rate that a
    recipient allowed in its handshake (`WebHook-Allowed-Rate`) limits its deliveries until the next start of the hub;
    the subscription's `rate_per_s` always does.
    """

    def __init__(self, config: HubConfig, clock: Clock) -> None:
        self._clock = clock
        self._origin = f"{config.tenant}.skolnav"
        self.configure(config)
        self._agreed: dict[str, float] = {}  # by subscription, deliveries per second
        self._limits: dict[str, Limits] = {}  # by subscription
        self._of_client: dict[str, asyncio.Semaphore] = {}

    def configure(self, config: HubConfig) -> None:
        """Use this configuration's addresses for every sink and handshake from now on."""
        self._allow = LOOPBACK if config.loopback_only else config.outbound
        self._public = not config.loopback_only

    def sink(self, subscription: Subscription) -> WebhookSink:
        """The sink of a subscription. Raises UrlRefused if the configuration no longer allows its address."""
        wanted = subscription.sink
        rates = [rate for rate in (wanted.get("rate_per_s"), self._agreed.get(subscription.id)) if rate is not None]
        return WebhookSink(
            wanted["url"], _secrets(wanted), clock=self._clock, allow=self._allow, public=self._public,
            limits=self._limits_of(subscription, wanted["concurrency"], min(rates, default=None)),
            timeout_s=wanted["timeout_s"], origin=self._origin, ssl_context=_tls(wanted),
            previous_until=wanted.get("previous_secret_until"),
        )  # fmt: skip

    def forget(self, subscription: str) -> None:
        """Forget what was agreed with the webhook of a deleted subscription."""
        self._limits.pop(subscription, None)
        self._agreed.pop(subscription, None)

    def _limits_of(self, subscription: Subscription, concurrency: int, rate_per_s: float | None) -> Limits:
        """The limits that all sinks of a subscription share: its live lane, its replays and its tests."""
        id, client = subscription.id, subscription.recipient.name
        known = self._limits.get(id)
        if known is None or (known.concurrency, known.rate_per_s) != (concurrency, rate_per_s):
            of_client = self._of_client.setdefault(client, asyncio.Semaphore(MAX_OF_CLIENT))
            known = self._limits[id] = Limits(self._clock, concurrency, rate_per_s, of_client)
        return known

    async def ask(self, subscription: Subscription) -> HandshakeResult:
        """Do the CloudEvents handshake once. If the configuration no longer allows the address, there is no consent."""
        url = subscription.sink["url"]
        try:
            answer = await handshake(
                url, self._origin, allow=self._allow, public=self._public, ssl_context=_tls(subscription.sink)
            )
        except UrlRefused as error:
            return HandshakeResult(granted=False, reason=error.code)
        if answer.rate_per_minute is not None:
            self._agreed[subscription.id] = answer.rate_per_minute / 60
        return answer


def _tls(sink: dict[str, Any]) -> ssl.SSLContext | None:
    """The webhook's own certificates; None: the machine's authorities, and no certificate of the hub's."""
    given = sink.get("tls")
    return None if given is None else TlsSpec.model_validate(given).context()


def _secrets(sink: dict[str, Any]) -> list[str]:
    """The secret in use, then the previous one if it is still valid."""
    found = (sink.get(name) for name in ("secret", "previous_secret"))
    return [each.get_secret_value() if isinstance(each, SecretStr) else each for each in found if each]
