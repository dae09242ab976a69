"""`skolnav run`: a hub from its configuration to a signal that ends it."""

import asyncio
import gc
import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path

from hub.config import HubConfig, load
from hub.engines.embedded import Hub
from hub.engines.server import Servers
from plugins.manager import Plugins

log = logging.getLogger("skolnav")


async def serve(config: HubConfig, plugins: Plugins, *, ready: Callable[[Hub, Servers], None]) -> None:
    """Run until SIGINT or SIGTERM; `ready` is called once, when it listens. Raises what `Hub.start` raises, OSError."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    hub = await Hub.start(config, plugins=plugins)
    servers = Servers(hub.services)
    try:
        await servers.start()
        _spare_the_collector()
        ready(hub, servers)
        await ended.wait()
    finally:
        await servers.stop()
        await hub.stop()


def _spare_the_collector() -> None:
    """What is loaded by now stays: looking through it again and again cost half of the ingest rate.

    Events are freed by their counts; cycles are rare, so they are looked for less often than Python would.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def read(path: Path) -> tuple[HubConfig, Plugins]:
    """The configuration with the plugins that it was checked against. Raises ConfigErrors, PluginsError."""
    plugins = Plugins.load()
    return load(path, plugins, environ=os.environ), plugins
