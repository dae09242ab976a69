"""All systems of the demo: the hub as demo.yaml configures it, its sources and its recipients."""

import asyncio
import contextlib
import secrets
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

import httpx

from hub.api.server import Servers
from hub.assembly.hub import Hub
from hub.clock import SystemClock
from hub.config import HubConfig, load
from hub.demo.kitchen import KitchenServer
from hub.demo.provider import SchoolSystem
from hub.demo.publisher import Publisher
from hub.demo.receivers import FeedReader, WebhookReceiver
from hub.demo.school import School
from hub.files import OWN_MODE, replace_file
from plugins.manager import Plugins

HOST: Final = "127.0.0.1"
PORT: Final = 8080
CONFIG: Final = "skolnav.yaml"
CLIENTS: Final = ("office", "guardians", "acme", "statistics", "officer")


class DemoClock(SystemClock):
    """School time runs fast while the day is played, and at normal speed afterwards, so that there is time to try."""

    def walk(self) -> None:
        self._start, self._origin, self._speed = self.school(), time.time(), 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """The running systems. `officer` is a client of the hub's API with the role operator."""

    folder: Path
    config: HubConfig
    hub: Hub
    clock: DemoClock
    sis: SchoolSystem
    kitchen: KitchenServer
    webhook: WebhookReceiver
    feed: FeedReader
    office: Publisher
    guardians: Publisher
    officer: httpx.AsyncClient

    @property
    def url(self) -> str:
        return f"http://{self.config.host}:{self.config.port}"


@contextlib.asynccontextmanager
async def town(folder: Path, port: int, speed: float, school: School) -> AsyncIterator[Town]:
    """Start the systems that the hub calls first, then the hub. They stop in the opposite order.

    Raises what `Hub.start` and `Servers.start` raise.
    """
    async with contextlib.AsyncExitStack() as stack:
        sis = SchoolSystem(school.records())
        stack.callback(sis.stop)
        kitchen = KitchenServer(folder / "kitchen")
        stack.callback(kitchen.stop)
        received = folder / "received"
        received.mkdir()
        webhook = WebhookReceiver("acme", received / "acme.jsonl")
        stack.callback(webhook.stop)
        config, plugins = _configure(folder, port=port, speed=speed, sis=sis, kitchen=kitchen, webhook=webhook)
        assert config.school_clock is not None
        clock = DemoClock(config.school_clock.start, config.school_clock.speed)
        hub = await Hub.start(config, plugins=plugins, clock=clock)
        stack.push_async_callback(hub.stop)
        servers = Servers(hub.services, hub.reloader)
        await servers.start()
        stack.push_async_callback(servers.stop)
        url = f"http://{config.host}:{config.port}"
        tokens = {client.id: client.token.get_secret_value() for client in config.clients}
        office, guardians = (Publisher(url, tokens[client]) for client in ("office", "guardians"))
        stack.push_async_callback(office.close)
        stack.push_async_callback(guardians.close)
        officer = httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {tokens['officer']}"}, timeout=30, trust_env=False
        )
        stack.push_async_callback(officer.aclose)
        feed = FeedReader(
            "statistics",
            f"{url}/v1/subscriptions/statistics-feed/events",
            tokens["statistics"],
            received / "statistics.jsonl",
        )
        reading = asyncio.create_task(feed.run())
        stack.push_async_callback(_cancelled, reading)
        yield Town(
            folder=folder,
            config=config,
            hub=hub,
            clock=clock,
            sis=sis,
            kitchen=kitchen,
            webhook=webhook,
            feed=feed,
            office=office,
            guardians=guardians,
            officer=officer,
        )


def free_port() -> int:
    """8080, or another free port if 8080 is in use. Raises OSError if no port is free."""
    for wanted in (PORT, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, wanted))
            probe.listen()
            port: int = probe.getsockname()[1]
            return port
    raise OSError(f"no port is free on {HOST}")


def _configure(
    folder: Path, *, port: int, speed: float, sis: SchoolSystem, kitchen: KitchenServer, webhook: WebhookReceiver
) -> tuple[HubConfig, Plugins]:
    """Copy demo.yaml unchanged, and write what differs from run to run into files that it refers to."""
    path = folder / CONFIG
    replace_file(path, resources.files("hub.demo").joinpath("demo.yaml").read_bytes())
    beside = {
        "here/listen": f"{HOST}:{port}",
        "here/speed": f"{speed:g}",
        "here/sis-url": sis.url,
        "here/sis-login": sis.login_url,
        "here/sftp-port": f"{kitchen.port}",
        "here/sftp-host-key": kitchen.host_key,
        "here/webhook-url": webhook.url,
        "secrets/sis": sis.secret,
        "secrets/kitchen": kitchen.password,
        "secrets/acme-webhook": webhook.secret,
        **{f"secrets/{client}": secrets.token_urlsafe(24) for client in CLIENTS},
    }
    for name, content in beside.items():
        file = folder / name
        file.parent.mkdir(mode=0o700, exist_ok=True)
        replace_file(file, content.encode(), mode=OWN_MODE)
    plugins = Plugins.load(then_examine=True)
    return load(path, plugins), plugins


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
