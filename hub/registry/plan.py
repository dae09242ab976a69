"""What a new configuration would change, for `skolnav plan` and `skolnav apply` to show before the change."""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Literal

from hub.config.model import ClientConfig, ConnectorEntry, HubConfig
from hub.registry.build import must_ask
from hub.subscriptions.spec import SubscriptionSpec
from hub.texts import text
from hub.texts.times import shown
from schemas import Catalogue, DataContract

Kind = Literal["added", "returned", "changed", "paused", "removed"]

_STARTS: Final = {"now": "starts-now", "oldest": "resent-all", "state": "resent-state"}
AT_START: Final = (
    "host", "port", "trusted_proxies", "key", "dedupe_window", "log_level", "log", "demo", "school_clock",
    "directory", "tracing",
)  # fmt: skip
"""Attributes of HubConfig that are read only at the hub's start. (Another `municipality` or `data` is another hub.)"""


@dataclass(frozen=True, slots=True)
class Effect:
    """One consequence of a change: the text `plan.effect.<key>` of hub.texts, filled in with `values`."""

    key: str
    values: Mapping[str, object] = field(default_factory=dict)

    def says(self, language: str) -> str:
        return text(f"plan.effect.{self.key}", language, **self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that the new configuration changes: `what` (`subscription`, `client`, `connector`, `hub`) and `name`.

    `fields` are the keys that differ, without their values, some of which are secret. Empty for a thing that is added
    or removed. A thing that has `returned` was in the file before, and the hub has kept its cursor and state.
    """

    kind: Kind
    what: Literal["subscription", "client", "connector", "hub"]
    name: str
    fields: tuple[str, ...] = ()
    effects: tuple[Effect, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """JSON values, with each effect in both languages."""
        return {
            "kind": self.kind,
            "what": self.what,
            "name": self.name,
            "fields": list(self.fields),
            "effects": [{"key": each.key, "sv": each.says("sv"), "en": each.says("en")} for each in self.effects],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What has left the configuration and continues from its cursor if it returns.

    `subscriptions`: those of the file, by name, as they were last. `connectors`: instances that consume events.
    `clients`: those that have made subscriptions over the API.
    """

    subscriptions: Mapping[str, SubscriptionSpec] = field(default_factory=dict)
    connectors: frozenset[str] = frozenset()
    clients: frozenset[str] = frozenset()


def plan(old: HubConfig | None, new: HubConfig, catalogue: Catalogue, left: Left | None = None) -> list[Change]:
    """The changes from `old` (None: no hub runs) to `new`: the hub's first, subscriptions' last."""
    left = left or Left()
    before = old if old is not None else HubConfig(new.municipality, new.tenant, new.data)
    return [
        *(_hub(old, new) if old is not None else ()),
        *_clients({c.id: c for c in before.clients}, {c.id: c for c in new.clients}, left.clients),
        *_connectors(before, new, left.connectors),
        *_subscriptions(before, new, catalogue, left.subscriptions),
    ]


def _hub(old: HubConfig, new: HubConfig) -> Iterator[Change]:
    if old.tenant != new.tenant:
        yield Change(
            kind="changed", what="hub", name="municipality", fields=("municipality",), effects=(Effect("new-tenant"),)
        )
    if old.data != new.data:
        yield Change(kind="changed", what="hub", name="data", fields=("data",), effects=(Effect("data-moved"),))
    if old.retention != new.retention:
        shorter = new.retention < old.retention
        effects = (Effect("trimmed", {"days": _days(new.retention)}),) if shorter else ()
        yield Change(kind="changed", what="hub", name="retention", fields=("retention",), effects=effects)
    if old.disclosure_retention != new.disclosure_retention:
        name, shorter = "disclosure_retention", new.disclosure_retention < old.disclosure_retention
        effects = (Effect("disclosures-trimmed", {"days": _days(new.disclosure_retention)}),) if shorter else ()
        yield Change(kind="changed", what="hub", name=name, fields=(name,), effects=effects)
    if set(old.outbound) != set(new.outbound):
        # A new range counts at once. A removed one counts for running webhooks only after a restart.
        taken_away = set(old.outbound) - set(new.outbound)
        yield Change(
            kind="changed",
            what="hub",
            name="outbound",
            fields=("allow",),
            effects=(Effect("restart"),) if taken_away else (),
        )
    if old.sums != new.sums:
        yield Change(kind="changed", what="hub", name="sums", fields=("sums",), effects=(Effect("sums"),))
    if old.alerts != new.alerts:
        yield Change(kind="changed", what="hub", name="alerts", fields=("alerts",))
    if old.backups != new.backups:
        yield Change(kind="changed", what="hub", name="backups", fields=("backups",))
    for name in AT_START:
        if getattr(old, name) != getattr(new, name):
            yield Change(kind="changed", what="hub", name=name, fields=(name,), effects=(Effect("restart"),))


def _clients(
    old: Mapping[str, ClientConfig], new: Mapping[str, ClientConfig], left: Container[str]
) -> Iterator[Change]:
    for id, client in new.items():
        if id not in old and id in left:
            effects = [Effect("its-subscriptions-return")] if client.contract is not None else []
            effects += _exact((), client.exact)
            yield Change(kind="returned", what="client", name=id, effects=tuple(effects))
        elif id not in old:
            yield Change(kind="added", what="client", name=id, effects=tuple(_exact((), client.exact)))
        elif fields := _differing(old[id], client):
            effects = []
            if "token" in fields:
                effects.append(_credentials(old[id], client))
            if {"roles", "publishes", "sources", "corrects"} & set(fields):
                effects.append(Effect("permissions"))
            if {"contract", "protected", "exact"} & set(fields):
                effects.append(Effect("decided-anew"))
            effects += _exact(old[id].exact, client.exact)
            yield Change(kind="changed", what="client", name=id, fields=fields, effects=tuple(effects))
    for id in old.keys() - new.keys():
        yield Change(kind="removed", what="client", name=id, fields=(), effects=(Effect("rejected"),))


def _credentials(old: ClientConfig, new: ClientConfig) -> Effect:
    if new.previous_token == old.token and new.previous_token_until is not None:
        return Effect("credentials-until", {"until": shown(new.previous_token_until)})
    return Effect("credentials")


def _exact(old: Sequence[str], new: Sequence[str]) -> Iterator[Effect]:
    if added := [each for each in new if each not in old]:
        yield Effect("exact", {"types": ", ".join(added)})


def _opened(old: ConnectorEntry | None, new: ConnectorEntry) -> Iterator[Effect]:
    """What the municipality opens to a connector of which it did not have it before."""
    if new.aggregates and not (old is not None and old.aggregates):
        yield Effect("aggregates")
    yield from _exact(() if old is None else old.exact, new.exact)


def _connectors(before: HubConfig, after: HubConfig, left: Container[str]) -> Iterator[Change]:
    old, new = before.connectors, after.connectors
    for name, entry in new.items():
        if name in before.left_out:  # it continues from its cursor
            yield Change(kind="changed", what="connector", name=name, effects=(Effect("connector-restarted"),))
            continue
        if name not in old and name in left and entry.cls.consumes:
            yield Change(
                kind="returned", what="connector", name=name, effects=(Effect("continues"), *_opened(None, entry))
            )
            continue
        if name not in old:
            starts = [Effect(_STARTS[entry.cls.start_from])] if entry.cls.consumes else []
            effects = (*starts, *_opened(None, entry))
            yield Change(kind="added", what="connector", name=name, fields=(), effects=effects)
            continue
        fields = tuple(
            each
            for each in ("use", "contract", "corrects", "protected", "exact", "aggregates", "isolation", "limits")
            if getattr(old[name], each) != getattr(entry, each)
        )
        fields += _differing(old[name].config, entry.config)
        if fields:
            narrowed = {"contract", "protected", "exact"} & set(fields)
            decided = [Effect("decided-anew")] if narrowed else []
            effects = (Effect("connector-restarted"), *decided, *_opened(old[name], entry))
            if set(fields) == {"corrects"}:
                effects = (Effect("permissions"),)
            yield Change(kind="changed", what="connector", name=name, fields=fields, effects=effects)
    for name in (old.keys() | before.left_out.keys()) - new.keys() - after.left_out.keys():
        yield Change(kind="paused", what="connector", name=name, fields=(), effects=(Effect("kept"),))


def _subscriptions(
    old: HubConfig, new: HubConfig, catalogue: Catalogue, left: Mapping[str, SubscriptionSpec]
) -> Iterator[Change]:
    before = {spec.name: spec for spec in old.subscriptions}
    after = {spec.name: spec for spec in new.subscriptions}
    for name, spec in after.items():
        if name not in before and name in left:
            fields = _differing(left[name], spec)
            effects = [Effect("continues"), *_effects(left[name], spec, set(fields) - {"paused"}, catalogue)]
            if spec.paused:
                effects.append(Effect("paused"))
            yield Change(kind="returned", what="subscription", name=name, fields=fields, effects=tuple(effects))
            continue
        if name not in before:
            effects = [Effect(_STARTS[spec.start_from])]
            if spec.paused:
                effects.append(Effect("paused"))
            yield Change(kind="added", what="subscription", name=name, fields=(), effects=tuple(effects))
            continue
        fields = _differing(before[name], spec)
        effects = list(_effects(before[name], spec, set(fields), catalogue))
        if "contract" not in fields and _contract(old, before[name]) != _contract(new, spec):
            # The subscription itself did not change, but its client's contract did.
            effects.append(Effect("decided-anew"))
        if fields or effects:
            yield Change(kind="changed", what="subscription", name=name, fields=fields, effects=tuple(effects))
    for name in before.keys() - after.keys():
        yield Change(kind="paused", what="subscription", name=name, fields=(), effects=(Effect("kept"),))


def _effects(old: SubscriptionSpec, new: SubscriptionSpec, fields: set[str], catalogue: Catalogue) -> Iterator[Effect]:
    had, has = set(catalogue.matching(old.types)), set(catalogue.matching(new.types))
    if added := sorted(has - had):
        yield Effect("new-types", {"types": ", ".join(added)})
    if dropped := sorted(had - has):
        yield Effect("dropped-types", {"types": ", ".join(dropped)})
    if {"filter", "sources"} & fields:
        yield Effect("dropped-by-filter")
    if {"contract", "client"} & fields:
        yield Effect("decided-anew")
    if "payload" in fields:
        yield Effect("payload", {"level": new.payload.value})
    if "sink" in fields:
        yield Effect("handshake" if must_ask(old, new) else "reconnected")
    if "from" in fields:
        yield Effect("from-kept")
    if "expires_at" in fields and new.expires_at is not None:
        yield Effect("expiry", {"time": new.expires_at.isoformat()})
    if "paused" in fields:
        yield Effect("paused" if new.paused else "resumed")


def _contract(config: HubConfig, spec: SubscriptionSpec) -> tuple[DataContract | None, bool, tuple[str, ...]]:
    client = config.client(spec.client or "")
    return (None, False, ()) if client is None else (client.contract, client.protected, client.exact)


def _differing(old: Any, new: Any) -> tuple[str, ...]:
    """The keys in which two pydantic models differ, as they are written in the file."""
    if type(old) is not type(new):
        return ("use",)
    return tuple(
        info.alias or name for name, info in type(new).model_fields.items() if getattr(old, name) != getattr(new, name)
    )


def _days(length: timedelta) -> str:
    return f"{length / timedelta(days=1):g}"
