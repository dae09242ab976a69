"""The specification of a subscription: one model for the configuration file and for `POST /v1/subscriptions`."""

import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    SerializationInfo,
    field_serializer,
)
from pydantic_core import PydanticCustomError

from hub.outbound.addresses import Networks, UrlRefused, check_url
from hub.outbound.signature import is_sound
from hub.outbound.tls import own_context
from hub.privacy.base import PayloadLevel
from hub.subscriptions.filters import InvalidFilter, compile_filter
from hub.subscriptions.model import StartFrom
from plugins.names import is_plain, mixes_alphabets
from schemas import Catalogue, DataContract

NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z", re.ASCII)
"""Names in the configuration file: clients, connectors, subscriptions. They become parts of keys and paths."""

_REVEAL: Final = "reveal secrets"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _revealed(value: SecretStr | None, info: SerializationInfo) -> str | None:
    return value.get_secret_value() if value is not None and info.context == _REVEAL else None


class TlsSpec(_Part):
    """A webhook's own certificates, in PEM and by reference. Only the file can set them."""

    ca: str | None = Field(
        None, description="The authority that signed the recipient's certificate. Left out: any known."
    )
    certificate: str | None = Field(None, description="The certificate, with its chain, that the hub shows.")
    key: SecretStr | None = Field(None, description="Its key, without a passphrase.")

    @field_serializer("key", when_used="json")
    def _secret(self, value: SecretStr | None, info: SerializationInfo) -> str | None:
        return _revealed(value, info)

    def context(self) -> ssl.SSLContext:
        """Raises ValueError."""
        if (self.certificate is None) != (self.key is None):
            raise ValueError("a certificate and its key belong together")
        key = None if self.key is None else self.key.get_secret_value()
        return own_context(ca=self.ca, certificate=self.certificate, key=key)


class WebhookSpec(_Part):
    """The hub posts each event to a URL, signed (Standard Webhooks)."""

    kind: Literal["webhook"]
    url: str = Field(min_length=1, description="Where to post: https, a public address unless outbound.allow names it.")
    secret: SecretStr | None = Field(
        None,
        description="Signs deliveries: whsec_ and base64 of 24 to 64 random bytes (HMAC), or whsk_ and an Ed25519 key. "
        "Left out (API only): made here.",
    )
    previous_secret: SecretStr | None = Field(
        None, description="Signs too, while the recipient changes over to a new secret."
    )
    previous_secret_until: AwareDatetime | None = Field(
        None, description="When the previous secret stops to sign. Left out: it signs until it is removed."
    )
    tls: TlsSpec | None = Field(None, description="Certificates of this webhook alone. Only in the file.")
    handshake: bool = Field(True, description="Ask the recipient first (CloudEvents). False only in the file.")
    concurrency: int = Field(8, ge=1, le=64, description="Deliveries at a time, replays included.")
    rate_per_s: float | None = Field(None, gt=0, le=100_000, description="Deliveries per second, replays included.")
    timeout_s: float = Field(20, ge=1, le=60, description="Longest time for one delivery, seconds.")

    @field_serializer("secret", "previous_secret", when_used="json")
    def _secret(self, value: SecretStr | None, info: SerializationInfo) -> str | None:
        return _revealed(value, info)


class FeedSpec(_Part):
    """The recipient reads the events when it wants to: `GET /v1/subscriptions/{id}/events`."""

    kind: Literal["feed"]


class StreamSpec(_Part):
    """The recipient holds a connection open: `GET /v1/subscriptions/{id}/stream` (SSE)."""

    kind: Literal["stream"]


class KafkaSpec(BaseModel):
    """A topic of the recipient's. A known kind, so that the error can say that this version does not have it."""

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)

    kind: Literal["kafka"]


def _many(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


class SubscriptionSpec(_Part):
    """The specification of one subscription. `problems` checks it against the rest of the hub."""

    name: str = Field(min_length=1, max_length=100, description="Its name; in the file also its id.")
    client: str | None = Field(None, description="The client that it belongs to. Over the API: the caller.")
    types: tuple[str, ...] = Field(min_length=1, description="Event types; * and ? stand for anything.")
    sources: tuple[str, ...] = Field((), description="Only events of these sources; * and ?. Left out: all.")
    filter: Annotated[tuple[dict[str, Any], ...], BeforeValidator(_many)] = Field(
        (), description="CloudEvents filters on attributes of the reduced event; each must hold."
    )
    sink: Annotated[WebhookSpec | FeedSpec | StreamSpec | KafkaSpec, Field(discriminator="kind")] = Field(
        description="Where events go."
    )
    payload: PayloadLevel = Field(PayloadLevel.FULL, description="none: that it happened; id: attributes; full.")
    contract: DataContract | None = Field(None, description="Narrower than the client's. Left out: the client's.")
    start_from: StartFrom = Field("now", alias="from", description="Where a new subscription begins.")
    expires_at: AwareDatetime | None = Field(None, description="When the subscription ends. Left out: never.")
    paused: bool = Field(False, description="Nothing is delivered; the cursor is kept.")

    def to_store(self) -> bytes:
        """JSON with the secrets in clear. Seal it before you store it."""
        return self.model_dump_json(by_alias=True, context=_REVEAL).encode()

    def public(self) -> dict[str, Any]:
        """JSON values as a client may see them: without secrets."""
        shown = self.model_dump(mode="json", by_alias=True)
        for name in ("secret", "previous_secret", "tls"):
            shown["sink"].pop(name, None)
        return shown


@dataclass(frozen=True, slots=True)
class SpecProblem:
    """One error in a specification. `where` is the path to it; `key` and `values` make a text of hub.texts."""

    where: tuple[str | int, ...]
    key: str
    values: Mapping[str, str] = field(default_factory=dict)
    hint: str = ""  # what was probably meant


def problems(
    spec: SubscriptionSpec, client_contract: DataContract, catalogue: Catalogue, outbound: Networks, *, in_file: bool
) -> Iterator[SpecProblem]:
    """The errors in a specification that its model alone can't find."""
    if in_file and not NAME.match(spec.name):
        yield SpecProblem(("name",), "config.name")
    if not in_file:
        yield from _unplain(spec)
    for index, glob in enumerate(spec.types):
        if not catalogue.matching([glob]):
            yield SpecProblem(("types", index), "config.types-nothing", hint=nearest_type(glob, catalogue))
    try:
        compile_filter(spec.filter)
    except InvalidFilter as error:
        yield SpecProblem(("filter", *error.where), error.key, error.values)
    if isinstance(spec.sink, KafkaSpec):
        yield SpecProblem(("sink", "kind"), "config.kafka")
    elif isinstance(spec.sink, WebhookSpec):
        yield from _webhook_problems(spec.sink, outbound, in_file)
    if spec.contract is not None:
        for part, extra in wider(spec.contract, client_contract):
            yield SpecProblem(("contract", *part), "config.contract-wider", {"extra": ", ".join(extra)})


def _unplain(spec: SubscriptionSpec) -> Iterator[SpecProblem]:
    """Words of a client that an operator reads in a terminal."""
    if not is_plain(spec.name):
        yield SpecProblem(("name",), "config.not-plain")
    elif mixes_alphabets(spec.name):
        yield SpecProblem(("name",), "config.mixed-alphabets")
    for word in ("purpose", "legal_basis", "purpose_sv", "legal_basis_sv") if spec.contract is not None else ():
        words: str | None = getattr(spec.contract, word)
        if words is not None and not is_plain(words):
            yield SpecProblem(("contract", word), "config.not-plain")
    for index, glob in enumerate(spec.sources):
        if not is_plain(glob):
            yield SpecProblem(("sources", index), "config.not-plain")


def wider(contract: DataContract, limit: DataContract) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """The parts of `contract` that `limit` does not allow, each as (place, the excess).

    Organisations are left to the gate, which checks every event against both scopes, since an organisation may be a
    part of another.
    """
    if extra := sorted(contract.categories - limit.categories):
        yield ("categories",), list(extra)
    types, allowed = contract.scope.school_types, limit.scope.school_types
    if types is not None and allowed is not None and (beyond := sorted(types - allowed)):
        yield ("scope", "school_types"), beyond


def _webhook_problems(sink: WebhookSpec, outbound: Networks, in_file: bool) -> Iterator[SpecProblem]:
    try:
        check_url(sink.url, outbound)
    except UrlRefused as error:
        yield SpecProblem(("sink", "url"), f"config.{error.code}")
    if in_file and sink.secret is None:
        yield SpecProblem(("sink", "secret"), "config.missing")
    if not in_file and not sink.handshake:
        yield SpecProblem(("sink", "handshake"), "config.file-only")
    for name, secret in (("secret", sink.secret), ("previous_secret", sink.previous_secret)):
        if secret is not None and not is_sound(secret.get_secret_value()):
            yield SpecProblem(("sink", name), "config.secret-form")
    if sink.previous_secret_until is not None and sink.previous_secret is None:
        yield SpecProblem(("sink", "previous_secret_until"), "config.until-of-nothing")
    if sink.tls is not None and not in_file:
        yield SpecProblem(("sink", "tls"), "config.file-only")
    elif sink.tls is not None:
        try:
            sink.tls.context()
        except ValueError:
            yield SpecProblem(("sink", "tls"), "config.tls")


def nearest_type(glob: str, catalogue: Catalogue) -> str:
    """The type or family (`se.skolnav.absence.*`) that is most like what was written; empty if none is like it."""
    known = [entry.type for entry in catalogue]
    families = {type_.rsplit(".", 2)[0] + ".*" for type_ in known}
    return next(iter(get_close_matches(glob, [*known, *sorted(families)], 1)), "")


def name_or_error(value: str) -> str:
    """Validates a name of the configuration file, for pydantic fields."""
    if not NAME.match(value):
        raise PydanticCustomError("config.name", "not a name: lower-case letters, digits and - _ . (64 at most)")
    return value
