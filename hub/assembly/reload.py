"""`skolnav apply`: a running hub reads its configuration file again and applies it without a gap in delivery."""

import asyncio
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from hub.alerts.condition import Condition
from hub.assembly.services import Services
from hub.config import ConnectorEntry, HubConfig, load
from hub.hosting.hosts import START_S, HostedConnector
from hub.hosting.timers import Timers
from hub.pauses import until_it_works
from hub.registry.plan import AT_START, Change, plan
from hub.store.base import StoreUnavailable
from hub.subscriptions.model import Status
from hub.tasks import Tasks
from hub.texts import both, text
from plugins.errors import ConfigurationError
from plugins.manager import PackageChange
from plugins.texts import Text

_OTHER_HUB: Final = ("tenant", "data")  # another hub would begin there

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloaded:
    """The changes in the file, and whether they were applied. `config` is the configuration in force now."""

    changes: Sequence[Change]
    applied: bool
    config: HubConfig
    read: HubConfig  # the file's configuration
    packages: Sequence[PackageChange]  # installed, upgraded or removed since the hub loaded its connectors

    def to_json(self) -> dict[str, Any]:
        return {
            "file": str(self.read.path),
            "applied": self.applied,
            "changes": [each.to_json() for each in self.changes],
            "warnings": [each.to_json() for each in self.read.warnings],
            "packages": [_package(each) for each in self.packages],
        }


def _package(change: PackageChange) -> dict[str, str]:
    """JSON values, with the text in both languages."""
    if change.was and change.now:
        key = "plan.package.changed"
    else:
        key = "plan.package.new" if change.now else "plan.package.gone"
    values = {"package": change.package, "was": change.was, "now": change.now}
    return {**values, "sv": text(key, "sv", **values), "en": text(key, "en", **values)}


class Reloader:
    """Applies the configuration file to one hub. A call waits until the call before it has ended."""

    def __init__(self, services: Services, timers: Timers, in_force: Callable[[HubConfig], None]) -> None:
        """`in_force(config)` puts a configuration in force for all parts that read one."""
        self._services = services
        self._hosts = services.hosts
        self._timers = timers
        self._in_force = in_force
        self._turn = asyncio.Lock()
        self._opening = Tasks()
        self._refused: Condition | None = None

    def conditions(self, now: datetime) -> Sequence[Condition]:
        """The file that could not be read again, until one can."""
        return () if self._refused is None else (self._refused,)

    async def apply(self, *, dry_run: bool, environ: Mapping[str, str] = os.environ) -> Reloaded:
        """Read the file again, and apply its changes unless `dry_run`. Names keep their cursors and state.

        Keys that only a start reads (`AT_START`) keep their present values, so the next plan lists their changes again.
        Raises ConfigErrors, ConfigurationError (the file describes another hub), StoreUnavailable; then nothing has
        changed.
        """
        async with self._turn:
            try:
                reloaded = await self._apply(dry_run=dry_run, environ=environ)
            except Exception:
                if not dry_run:
                    self._note_refusal()
                raise
            if reloaded.applied:
                self._refused = None
            return reloaded

    def _note_refusal(self) -> None:
        known, now = self._refused, self._services.clock.utc()
        since, attempts = (now, 1) if known is None else (known.since, known.attempts + 1)
        self._refused = Condition(code="config-refused", place="hub", since=since, attempts=attempts)

    async def _apply(self, *, dry_run: bool, environ: Mapping[str, str]) -> Reloaded:
        old = self._services.config
        if old.path is None:
            raise ConfigurationError(Text(*both("refusal.no-file")))
        packages = await asyncio.to_thread(self._services.plugins.changes)
        new = await asyncio.to_thread(load, old.path, self._services.plugins, environ=environ)
        changes = plan(old, new, self._services.catalogue, self._services.subscriptions.left())
        if dry_run:
            return Reloaded(changes=changes, applied=False, config=old, read=new, packages=packages)
        if changed := [name for name in _OTHER_HUB if getattr(old, name) != getattr(new, name)]:
            raise ConfigurationError(
                Text(*both("refusal.another-hub", names=", ".join(changed).replace("tenant", "municipality")))
            )
        kept = replace(
            new,
            **{name: getattr(old, name) for name in AT_START},
            outbound=tuple(dict.fromkeys((*old.outbound, *new.outbound))),
        )
        await self._become(old, kept)
        log.info("configuration read again: %d changes", len(changes))
        return Reloaded(changes=changes, applied=True, config=kept, read=new, packages=packages)

    async def stop(self) -> None:
        """Stop waiting for connectors that are still starting; `Hosts` ends them."""
        await self._opening.stop()

    async def _become(self, old: HubConfig, new: HubConfig) -> None:
        services = self._services
        added = [name for name in new.connectors if name not in old.connectors]
        gone = [name for name in old.connectors if name not in new.connectors]
        changed = [
            name for name, each in new.connectors.items() if name in old.connectors and each != old.connectors[name]
        ]
        # A new instance starts before its subscription, which sends it events at once.
        for name in added:
            await self._open(name, new.connectors[name])
        self._in_force(new)
        try:
            await services.subscriptions.reload(new)
        except BaseException:
            self._in_force(old)
            for name in added:
                await self._close(name)
            raise
        for name in gone:
            await self._close(name)
        for name in changed:
            await self._timers.remove(name)
            await self._hosts.halt(name)
        for name in changed:
            await self._open(name, new.connectors[name])
            await self._resume(name)
        for name in (*added, *changed):
            await self._time(name)

    async def _open(self, name: str, entry: ConnectorEntry) -> None:
        """Start an instance. A slow start goes on in the background, as at the hub's start."""
        opening = self._opening.start(self._hosts.add(name, HostedConnector.of(entry)))
        await asyncio.wait([opening], timeout=START_S)
        if opening.done():
            opening.result()

    async def _time(self, name: str) -> None:
        """Start an instance's timers. If the store is away, wait for it: the file is in force already."""

        def failed(error: Exception, pause_s: float) -> None:
            log.error("%s: no timers (%s); next try in %.1f s", name, type(error).__name__, pause_s)

        await until_it_works(
            lambda: self._timers.add(name), clock=self._services.clock, failed=failed, retry_on=(StoreUnavailable,)
        )

    async def _close(self, name: str) -> None:
        await self._timers.remove(name)
        with suppress(KeyError):
            await self._hosts.remove(name)

    async def _resume(self, name: str) -> None:
        """Resume a connector that was paused because of its configuration."""
        id = f"connector:{name}"
        with suppress(KeyError):
            if self._services.subscriptions.get(id).reason == "configuration":
                await self._services.subscriptions.set_status(id, Status.ACTIVE, reason="", actor="file")
