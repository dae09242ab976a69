"""All subscriptions of the hub: those of the file, those made over the API, and the connectors' own.

Every change and its audit row are durable before delivery, which listens here, acts on the change.
"""

import asyncio
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Self

from hub.clock import Clock
from hub.config.model import HubConfig
from hub.keys import Keys
from hub.registry.build import (
    CONNECTOR,
    LEFT_FILE,
    LEFT_OUT,
    Entry,
    Origin,
    Standing,
    completed,
    must_ask,
    of_connector,
    of_left_connector,
    of_spec,
    patched,
)
from hub.registry.plan import Left
from hub.store import acknowledged, attempts, audit, cursors, dead_letters, lanes, parked
from hub.store import subscriptions as rows
from hub.store.base import Operation, Store
from hub.subscriptions.errors import Expired, FileOwned, NoContract, NotNarrower, SpecRefused, UnknownSubscription
from hub.subscriptions.model import Status, Subscription
from hub.subscriptions.spec import SpecProblem, SubscriptionSpec, WebhookSpec, problems, wider
from plugins.errors import ConfigurationError
from plugins.names import looks_of
from schemas import Catalogue, DataContract

PAUSED_IN_FILE: Final = "paused-in-file"
PAUSED: Final = "paused"
EXPIRED: Final = "expired"
HANDSHAKE: Final = "handshake"
CLIENT_LEFT: Final = "client-left"
_ACTIVE: Final[Standing] = (Status.ACTIVE, "")
_BY_CONFIG: Final = frozenset({LEFT_FILE, LEFT_OUT, PAUSED_IN_FILE, CLIENT_LEFT, "no-contract"})
"""Reasons that come from the configuration. A subscription resumes by itself when the configuration removes one."""

_RESUMED_BY: Final = {PAUSED_IN_FILE: "subscription.paused-in-file", LEFT_OUT: "subscription.left-out"}
"""What an operator reads who would resume a subscription that is paused for one of these reasons."""


class Registry:
    """Made with `open`. A change replaces the `Subscription` object, which is never changed in place."""

    def __init__(self, config: HubConfig, *, store: Store, catalogue: Catalogue, clock: Clock, keys: Keys) -> None:
        self._config = config
        self._store = store
        self._catalogue = catalogue
        self._clock = clock
        self._sealer = keys.sealer(f"{config.tenant}/subscriptions")
        self._entries: dict[str, Entry] = {}
        self._listeners: list[Callable[[Subscription], None]] = []
        self._changing = asyncio.Lock()
        self.first_cursor: Callable[[Subscription], Operation] | None = None
        """Set by the assembly: makes a new subscription's first cursor, in the commit that stores the subscription."""

    @classmethod
    async def open(cls, config: HubConfig, *, store: Store, catalogue: Catalogue, clock: Clock, keys: Keys) -> Self:
        """Read the stored subscriptions and make them agree with the configuration.

        Raises StoreUnavailable, and ConfigurationError if the store was sealed with another key than the hub's.
        """
        registry = cls(config, store=store, catalogue=catalogue, clock=clock, keys=keys)
        await registry.reload(config)
        return registry

    # -- what there is -----------------------------------------------------------------------------------------------

    def all(self) -> list[Subscription]:
        return [entry.subscription for entry in self._entries.values()]

    def get(self, id: str) -> Subscription:
        """Raises UnknownSubscription (a KeyError)."""
        return self._entry(id).subscription

    def spec(self, id: str) -> SubscriptionSpec | None:
        """The specification; None for a connector's own. Raises UnknownSubscription."""
        return self._entry(id).spec

    def client(self, id: str) -> str:
        """The id of the subscription's client; empty for a connector's own. Raises UnknownSubscription."""
        return self._entry(id).client

    def created(self, id: str) -> datetime:
        """Raises UnknownSubscription."""
        return self._entry(id).created

    def left(self) -> Left:
        """What has left the configuration and continues from its cursor if it returns."""
        gone = [entry for entry in self._entries.values() if entry.subscription.reason == LEFT_FILE]
        return Left(
            subscriptions={entry.subscription.id: entry.spec for entry in gone if entry.spec is not None},
            connectors=frozenset(entry.subscription.name for entry in gone if entry.spec is None),
            clients=frozenset(
                entry.client for entry in self._entries.values() if entry.subscription.reason == CLIENT_LEFT
            ),
        )

    def listen(self, callback: Callable[[Subscription], None]) -> None:
        """Call `callback` after each durable change, with the subscription as it is now.

        A removed subscription is passed once more, with status ended and reason `removed`; `get` no longer knows it.
        """
        self._listeners.append(callback)

    def next_expiry(self) -> datetime | None:
        """The next time at which `expire` must end a subscription; None if there is none."""
        return min(
            (
                entry.subscription.expires_at
                for entry in self._entries.values()
                if entry.subscription.expires_at is not None and entry.subscription.status is not Status.ENDED
            ),
            default=None,
        )

    # -- what clients and people do -----------------------------------------------------------------------------------

    async def add(self, spec: SubscriptionSpec, client: str) -> Subscription:
        """Make a subscription for the calling client. A webhook without a secret gets one (`spec(id)` has it).

        Raises NoContract, NotNarrower, SpecRefused, StoreUnavailable.
        """
        async with self._changing:
            self._check(spec, client)
            self._check_name(spec.name)
            spec = completed(spec, client)
            id, now = str(uuid.uuid4()), self._clock.utc()
            entry = self._made(
                spec, id=id, client=client, created=now, origin="api", standing=self._initial(spec, "api")
            )
            operations = [*self._saved(entry), self._audited(client, "added", id)]
            if self.first_cursor is not None:
                operations.append(self.first_cursor(entry.subscription))
            await self._store.commit(*operations)
            return self._took_effect(entry)

    async def update(self, id: str, changes: Mapping[str, Any], actor: str) -> Subscription:
        """Change a subscription that the API made: `changes` are keys of the specification (JSON merge patch).

        A sink of the same kind keeps the secrets that `changes` leaves out; a webhook without a secret gets one, as in
        `add`. Raises UnknownSubscription, FileOwned,
        pydantic.ValidationError, NotNarrower, NoContract, SpecRefused, StoreUnavailable.
        """
        async with self._changing:
            old = self._changeable(id)
            assert old.spec is not None
            spec = patched(old.spec, changes)
            self._check(spec, old.client)
            if spec.name != old.spec.name:
                self._check_name(spec.name)
            spec = completed(spec, old.client)
            standing: Standing = (old.subscription.status, old.subscription.reason)
            if spec.paused != old.spec.paused or must_ask(old.spec, spec) or standing[1] == EXPIRED:
                standing = self._initial(spec, "api")
            entry = self._made(spec, id=id, client=old.client, created=old.created, origin="api", standing=standing)
            await self._store.commit(*self._saved(entry), self._audited(actor, "changed", id))
            return self._took_effect(entry)

    async def remove(self, id: str, actor: str) -> None:
        """Delete a subscription, its cursor, parked keys and dead letters.

        Raises UnknownSubscription, FileOwned (unless it has left the file), StoreUnavailable.
        """
        async with self._changing:
            entry = self._changeable(id)
            tenant = self._config.tenant
            await self._store.commit(
                rows.remove(tenant, id),
                cursors.forget(tenant, id),
                parked.forget(tenant, id),
                dead_letters.forget(tenant, id),
                lanes.forget(tenant, id),
                attempts.forget(tenant, id),
                acknowledged.forget(tenant, id),
                self._audited(actor, "removed", id),
            )
            del self._entries[id]
            self._notify(replace(entry.subscription, status=Status.ENDED, reason="removed"))

    async def set_status(self, id: str, status: Status, reason: str, actor: str) -> Subscription | None:
        """Pause, resume or end a subscription, also one of the file. None if it was removed in the meantime.

        `reason` is a short code, "" for active. A resumed webhook is asked for its consent again and is pending until
        it has `consented`. Raises FileOwned if the file has `paused: true`, Expired, StoreUnavailable.
        """
        async with self._changing:
            entry = self._entries.get(id)
            if entry is None:
                return None
            now, spec = entry.subscription, entry.spec
            if status is Status.ACTIVE and now.status is Status.PENDING:
                return self._took_effect(replace(entry, subscription=replace(now)))  # asked again now, not later
            if status is Status.ACTIVE and now.status in (Status.PAUSED, Status.ENDED):
                if now.reason in _BY_CONFIG:
                    raise FileOwned(now.name, _RESUMED_BY.get(now.reason, "subscription.file-owned"))
                if self._is_past(now.expires_at):
                    raise Expired
                if spec is not None:
                    spec = spec.model_copy(update={"paused": False})
                    status, reason = self._initial(spec, now.origin)
            if (status, reason) == (now.status, now.reason):
                return now
            changed = replace(entry, spec=spec, subscription=replace(now, status=status, reason=reason))
            await self._store.commit(*self._saved(changed), self._audited(actor, status.value, id))
            return self._took_effect(changed)

    async def consented(self, asked: Subscription) -> None:
        """Make a subscription active, since its webhook has consented.

        Does nothing if the subscription has changed since the webhook was asked: it may lead to another webhook now,
        or be paused. Raises StoreUnavailable.
        """
        async with self._changing:
            entry = self._entries.get(asked.id)
            if entry is None or entry.subscription is not asked:
                return
            changed = replace(entry, subscription=replace(asked, status=Status.ACTIVE, reason=""))
            await self._store.commit(*self._saved(changed), self._audited("hub", Status.ACTIVE.value, asked.id))
            self._took_effect(changed)

    async def expire(self) -> None:
        """End the subscriptions that have passed their expiry date. Raises StoreUnavailable."""
        for subscription in self.all():
            if subscription.status is not Status.ENDED and self._is_past(subscription.expires_at):
                await self.set_status(subscription.id, Status.ENDED, EXPIRED, "hub")

    async def reload(self, config: HubConfig) -> None:
        """Make all subscriptions agree with a configuration: at the start, and at `skolnav apply`.

        Cursor and state stay by name, and subscriptions that left the file are paused. Raises what `open` raises, and
        ConfigurationError if the municipality's name changed, since everything is stored under that name.
        """
        async with self._changing:
            tenant = self._config.tenant
            if config.tenant != tenant:
                raise ConfigurationError(
                    "the municipality's name can't change while the hub runs",
                    fix="Stop the hub; under the new name it begins with an empty log and store",
                )
            stored = {row.id: row for row in await self._store.read(rows.load(tenant))}
            statuses = {row.id: row for row in await self._store.read(rows.statuses(tenant))}
            self._config = config
            entries = self._agreed(stored, statuses)
            operations: list[Operation] = []
            for id, entry in entries.items():
                operations += self._differences(entry, stored.get(id), statuses.get(id))
            if operations:
                await self._store.commit(*operations)
            before, self._entries = self._entries, entries
            for id, entry in entries.items():
                known = before.get(id)
                if known is not None and known.subscription == entry.subscription:
                    # The same object, so that its followers need not start anew.
                    self._entries[id] = replace(entry, subscription=known.subscription)
                else:
                    self._notify(entry.subscription)

    # -- agreeing with the configuration -------------------------------------------------------------------------------

    def _agreed(
        self, stored: Mapping[str, rows.StoredSubscription], statuses: Mapping[str, rows.StoredStatus]
    ) -> dict[str, Entry]:
        now = self._clock.utc()
        entries: dict[str, Entry] = {}
        for spec in self._config.subscriptions:
            row = stored.get(spec.name)
            old = self._unsealed(row) if row is not None else None
            standing = self._next(spec, old, statuses.get(spec.name), "file")
            created = row.created if row is not None else now
            entries[spec.name] = self._made(
                spec, id=spec.name, client=spec.client or "", created=created, origin="file", standing=standing
            )
        for name, connector in self._config.connectors.items():
            if connector.cls.consumes:
                id = CONNECTOR + name
                created = stored[id].created if id in stored else now
                status = statuses.get(id)
                kept = status is not None and status.reason not in _BY_CONFIG
                standing = (Status(status.status), status.reason) if status is not None and kept else _ACTIVE
                entries[id] = of_connector(name, connector, created, standing)
        for id, row in stored.items():
            if id in entries:
                continue
            if row.origin == "connector":
                left_out = id.removeprefix(CONNECTOR) in self._config.left_out
                entries[id] = of_left_connector(id, row.created, LEFT_OUT if left_out else LEFT_FILE)
                continue
            spec = self._unsealed(row)
            if row.origin == "file":
                left = self._made(
                    spec,
                    id=id,
                    client=row.client,
                    created=row.created,
                    origin="file",
                    standing=(Status.PAUSED, LEFT_FILE),
                )
                entries[id] = replace(left, owned=False)
            else:
                standing = self._next(spec, spec, statuses.get(id), "api")
                entries[id] = self._made(
                    spec, id=id, client=row.client, created=row.created, origin="api", standing=standing
                )
        return entries

    def _next(
        self, spec: SubscriptionSpec, old: SubscriptionSpec | None, row: rows.StoredStatus | None, origin: Origin
    ) -> Standing:
        """The status of a subscription under this configuration, given its status before."""
        client = self._config.client(spec.client or "")
        if client is None:
            return Status.PAUSED, CLIENT_LEFT
        if client.contract is None:
            return Status.PAUSED, "no-contract"
        if row is None or row.reason in _BY_CONFIG or (old is not None and must_ask(old, spec)):
            return self._initial(spec, origin)
        if spec.paused or row.reason in (EXPIRED, HANDSHAKE) or self._is_past(spec.expires_at):
            return self._initial(spec, origin)
        return Status(row.status), row.reason

    def _initial(self, spec: SubscriptionSpec, origin: Origin) -> Standing:
        if self._is_past(spec.expires_at):
            return Status.ENDED, EXPIRED
        if spec.paused:
            return Status.PAUSED, PAUSED_IN_FILE if origin == "file" else PAUSED
        if isinstance(spec.sink, WebhookSpec) and spec.sink.handshake:
            return Status.PENDING, HANDSHAKE
        return _ACTIVE

    def _differences(
        self, entry: Entry, row: rows.StoredSubscription | None, status: rows.StoredStatus | None
    ) -> Iterable[Operation]:
        """The operations that bring the store to this entry; none if the store holds it already."""
        subscription = entry.subscription
        if row is None:
            yield from self._saved(entry)
            yield self._audited("file", "added", subscription.id)
            if self.first_cursor is not None:
                yield self.first_cursor(subscription)
            return
        if row.client != entry.client or (entry.spec is not None and self._unsealed(row) != entry.spec):
            yield from self._saved(entry)
            yield self._audited("file", "changed", subscription.id)
        if status is None or (status.status, status.reason) != (subscription.status.value, subscription.reason):
            yield self._status_row(subscription)
            yield self._audited("file", subscription.status.value, subscription.id)

    # -- checking and storing ------------------------------------------------------------------------------------------

    def _made(
        self, spec: SubscriptionSpec, *, id: str, client: str, created: datetime, origin: Origin, standing: Standing
    ) -> Entry:
        return of_spec(
            spec,
            self._config,
            self._catalogue,
            id=id,
            client=client,
            created=created,
            origin=origin,
            standing=standing,
        )

    def _check(self, spec: SubscriptionSpec, client: str) -> None:
        contract = self._contract(client)
        if spec.contract is not None and (
            extra := [each for _, beyond in wider(spec.contract, contract) for each in beyond]
        ):
            raise NotNarrower(extra)
        found = list(problems(spec, contract, self._catalogue, self._config.outbound, in_file=False))
        if spec.client not in (None, client):
            found.append(SpecProblem(("client",), "config.client-other"))
        if found:
            raise SpecRefused(found)

    def _check_name(self, name: str) -> None:
        """Raises SpecRefused if a person could take the name for one of the configuration file's."""
        file_names = {each.name for each in self._config.subscriptions}
        connectors = (*self._config.connectors, *self._config.left_out)
        file_names |= {prefix + each for each in connectors for prefix in ("", CONNECTOR)}
        if looks_of(name) in file_names:
            raise SpecRefused([SpecProblem(("name",), "config.name-in-file")])

    def _contract(self, client: str) -> DataContract:
        configured = self._config.client(client)
        if configured is None or configured.contract is None:
            raise NoContract(client)
        return configured.contract

    def _entry(self, id: str) -> Entry:
        try:
            return self._entries[id]
        except KeyError:
            raise UnknownSubscription from None

    def _changeable(self, id: str) -> Entry:
        entry = self._entry(id)
        if entry.owned:
            raise FileOwned(entry.subscription.name)
        return entry

    def _saved(self, entry: Entry) -> list[Operation]:
        id = entry.subscription.id
        content = entry.spec.to_store() if entry.spec is not None else b""
        sealed = self._sealer.seal(content, id.encode()) if content else b""
        row = rows.StoredSubscription(
            id=id, client=entry.client, origin=entry.subscription.origin, spec=sealed, created=entry.created
        )
        return [rows.save(self._config.tenant, row), self._status_row(entry.subscription)]

    def _status_row(self, subscription: Subscription) -> Operation:
        row = rows.StoredStatus(subscription.id, subscription.status.value, subscription.reason, self._clock.utc())
        return rows.set_status(self._config.tenant, row)

    def _audited(self, actor: str, what: str, id: str) -> Operation:
        return audit.add(self._config.tenant, self._clock.utc(), actor=actor, action=f"subscription.{what}", target=id)

    def _unsealed(self, row: rows.StoredSubscription) -> SubscriptionSpec:
        try:
            content = self._sealer.open(row.spec, row.id.encode())
        except ValueError:
            raise ConfigurationError(
                "the hub's key does not open the store's subscriptions",
                why="they were sealed with another key",
                fix="Put back the key that this store was used with (`key:` in the configuration, else data/key)",
                ref=row.id,
                code="wrong-key",
            ) from None
        return SubscriptionSpec.model_validate_json(content)

    def _took_effect(self, entry: Entry) -> Subscription:
        self._entries[entry.subscription.id] = entry
        self._notify(entry.subscription)
        return entry.subscription

    def _notify(self, subscription: Subscription) -> None:
        for callback in self._listeners:
            callback(subscription)

    def _is_past(self, moment: datetime | None) -> bool:
        return moment is not None and moment <= self._clock.utc()
