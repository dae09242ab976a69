"""A running hub on real files whose conditions a test reads, with a clock that the test moves."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from hub.alerts.condition import Condition
from hub.assembly.hub import Hub
from hub.config import load
from plugins.connector import Connector
from plugins.manager import Plugins
from plugins.testing import ManualClock
from tests.peers.mail import MailServer, mail_peer
from tests.until import until

ENVIRON = {
    "TOKEN": "token-of-the-school-0123456789-4f1c9a02b7d85e66",
    "ACME": "token-of-acme-0123456789-4f1c9a02b7d85e6699",
    "MAIL": "hemligt-lösen-1",
    "SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
}
CONTRACT = {"purpose": "attendance", "legal_basis": "public task", "categories": ["attendance", "identity", "none"]}


class Watched:
    """A hub with its clock."""

    def __init__(self, hub: Hub, clock: ManualClock) -> None:
        self.hub, self.clock = hub, clock

    async def conditions(self) -> dict[tuple[str, str], Condition]:
        """All but those of this machine's disk, by code and what they are about."""
        found = await self.hub.services.conditions.now()
        return {(each.code, each.what): each for each in found if not each.code.startswith("disk-")}

    async def comes(self, code: str, what: str = "", *, meanwhile: Callable[[], object] | None = None) -> Condition:
        async def there() -> Condition | None:
            return (await self.conditions()).get((code, what))

        found: Condition = await until(there, f"{code} {what}", meanwhile=meanwhile)
        return found

    async def goes(self, code: str, what: str = "", *, meanwhile: Callable[[], object] | None = None) -> None:
        async def gone() -> bool:
            return (code, what) not in await self.conditions()

        await until(gone, f"{code} {what} is over", meanwhile=meanwhile)


@asynccontextmanager
async def watched(
    folder: Path, *classes: type[Connector[Any]], clock: ManualClock | None = None, **config: Any
) -> AsyncIterator[Watched]:
    """A hub from a configuration file; without classes, with the installed connectors."""
    clock = clock or ManualClock("2026-11-24T07:00")
    plugins = Plugins.of(*classes) if classes else Plugins.load()
    path = folder / "skolnav.yaml"
    path.write_text(yaml.safe_dump({"municipality": "Exempelkommun", **config}))
    hub = await Hub.start(load(path, plugins, environ=ENVIRON, at_start=True), clock=clock, plugins=plugins)
    try:
        yield Watched(hub, clock)
    finally:
        await hub.stop()


def subscriber(sink: dict[str, Any], *types: str, **more: Any) -> dict[str, Any]:
    """A client with one subscription."""
    return {
        "clients": [{"id": "acme", "token": "${env:ACME}", "roles": ["subscriber"], "contract": CONTRACT}],
        "subscriptions": [{"name": "acme-absence", "client": "acme", "types": list(types), "sink": sink}],
        **more,
    }


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[MailServer]:
    async with mail_peer(tmp_path) as server:
        yield server


def mailed(server: MailServer, config: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A configuration whose alerts are mailed to two addresses: `drift` first, then `jour`."""
    settings = {
        "host": "127.0.0.1", "port": server.port, "username": "skolnav", "password": "${env:MAIL}",
        "ca_file": str(server.authority.file()), "sender": "skolnav@exempelkommun.se", "timeout_s": 20,
        "to": ["drift@exempelkommun.se", "jour@exempelkommun.se"],
    }  # fmt: skip
    return {**config, "alerts": {"mail": settings, "language": "sv", **more}}
