"""Makes a `Subscription` from a specification and its client, or from a connector's class and configuration."""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import SecretStr

from hub.config.model import ClientConfig, ConnectorEntry, HubConfig
from hub.privacy.base import Recipient
from hub.subscriptions.model import Status, Subscription
from hub.subscriptions.spec import SubscriptionSpec, WebhookSpec
from schemas import Catalogue

Origin = Literal["file", "api", "connector"]
Standing = tuple[Status, str]
"""The status of a subscription and the reason for it (a short code; empty for active)."""

LEFT_FILE: Final = "left-file"
LEFT_OUT: Final = "left-out"
CONNECTOR: Final = "connector:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A subscription and what it was made from.

    `spec` is None for a connector's own subscription. `owned`: the configuration file declares the subscription now.
    """

    subscription: Subscription
    spec: SubscriptionSpec | None
    client: str
    created: datetime
    owned: bool


def recipient_of(client: ClientConfig) -> Recipient | None:
    """The recipient under a client's own contract alone; None if the client has no contract."""
    if client.contract is None:
        return None
    return Recipient(f"client/{client.id}", (client.contract,), protected=client.protected, exact=client.exact)


def of_spec(
    spec: SubscriptionSpec,
    config: HubConfig,
    catalogue: Catalogue,
    *,
    id: str,
    client: str,
    created: datetime,
    origin: Origin,
    standing: Standing,
) -> Entry:
    """A client's subscription, whose recipient is under the client's contract and the subscription's own together.

    If the client has left the configuration, its contract is missing, and the caller pauses the subscription.
    """
    configured = config.client(client)
    of_client = configured.contract if configured is not None else None
    subscription = Subscription(
        id=id,
        name=spec.name,
        recipient=Recipient(
            f"client/{client}",
            tuple(contract for contract in (of_client, spec.contract) if contract is not None),
            spec.payload,
            protected=configured is not None and configured.protected,
            exact=() if configured is None else configured.exact,
        ),
        types=frozenset(catalogue.matching(spec.types)),
        sink=spec.sink.model_dump(),
        filter=[dict(each) for each in spec.filter],
        start_from=spec.start_from,
        origin=origin,
        status=standing[0],
        reason=standing[1],
        expires_at=spec.expires_at,
        sources=spec.sources,
    )
    return Entry(subscription=subscription, spec=spec, client=client, created=created, owned=origin == "file")


def of_connector(name: str, connector: ConnectorEntry, created: datetime, standing: Standing) -> Entry:
    """A connector instance's subscription to what its class consumes, under the contracts of its class and the file."""
    cls = connector.cls
    contracts = tuple(contract for contract in (cls.contract, connector.contract) if contract is not None)
    subscription = Subscription(
        id=CONNECTOR + name,
        name=name,
        recipient=Recipient(
            f"connector/{name}",
            contracts,
            aggregates=cls.aggregates,
            protected=connector.protected,
            exact=connector.exact,
        ),
        types=frozenset(model.spec.type for model in cls.consumes),
        sink={"kind": "connector", "instance": name},
        start_from=cls.start_from,
        origin="connector",
        status=standing[0],
        reason=standing[1],
    )
    return Entry(subscription=subscription, spec=None, client="", created=created, owned=True)


def of_left_connector(id: str, created: datetime, reason: str) -> Entry:
    """The subscription of a connector instance that left the file, or that the hub has started without (LEFT_OUT).

    It matches no event: its contract is unknown. Its cursor stays, so that it continues from there later.
    """
    name = id.removeprefix(CONNECTOR)
    subscription = Subscription(
        id=id,
        name=name,
        recipient=Recipient(f"connector/{name}", ()),
        types=frozenset(),
        sink={"kind": "connector", "instance": name},
        origin="connector",
        status=Status.PAUSED,
        reason=reason,
    )
    return Entry(subscription=subscription, spec=None, client="", created=created, owned=reason == LEFT_OUT)


def must_ask(old: SubscriptionSpec, new: SubscriptionSpec) -> bool:
    """Whether a webhook leads to another address than the one that consented."""
    if not isinstance(new.sink, WebhookSpec) or not new.sink.handshake:
        return False
    return not isinstance(old.sink, WebhookSpec) or old.sink.url != new.sink.url


def patched(spec: SubscriptionSpec, changes: Mapping[str, Any]) -> SubscriptionSpec:
    """JSON merge patch (RFC 7396) on the specification, secrets included. Raises pydantic.ValidationError."""
    current = spec.model_dump(mode="python", by_alias=True, exclude_unset=True)
    sink = changes.get("sink")
    if isinstance(sink, Mapping) and sink.get("kind", current["sink"]["kind"]) != current["sink"]["kind"]:
        current["sink"] = {}  # another kind of sink keeps no key of the old one
    return SubscriptionSpec.model_validate(_merged(current, changes))


def _merged(current: Any, changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(current) if isinstance(current, Mapping) else {}
    for name, value in changes.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value) if isinstance(value, Mapping) else value
    return merged


def completed(spec: SubscriptionSpec, client: str) -> SubscriptionSpec:
    """The specification with what the API fills in: its client, and a secret for a webhook that has none."""
    spec = spec.model_copy(update={"client": client})
    if not isinstance(spec.sink, WebhookSpec) or spec.sink.secret is not None:
        return spec
    secret = SecretStr("whsec_" + base64.b64encode(secrets.token_bytes(32)).decode())
    return spec.model_copy(update={"sink": spec.sink.model_copy(update={"secret": secret})})
