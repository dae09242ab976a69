"""`skolnav run`: a hub from its configuration to the signal that ends it."""

import asyncio
import gc
import logging
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from hub.api import limits
from hub.api.server import Servers
from hub.assembly.hub import Hub
from hub.cli.exits import Code, Failure, of_config, of_start
from hub.cli.language import language, say
from hub.config import ConfigErrors, HubConfig, load
from plugins.manager import Plugins

STOP_S: Final = 9.5  # less than the ten seconds after which supervisors kill a process

log = logging.getLogger("skolnav")


def run(path: Path) -> None:
    """Raises Failure."""
    import uvloop

    from hub.cli import log_lines, output

    config, plugins = read(path, at_start=True)
    log_lines.configure(config.log_level)
    _descriptors()
    for warning in config.warnings:
        log.warning("%s", warning.render(language()).replace("\n ", ""))
    for name, left_out in config.left_out.items():
        for finding in left_out.findings:
            says = finding.render(language()).replace("\n ", "")
            log.error("%s", say("run.left-out", name=name, says=says))

    def ready(hub: Hub, servers: Servers) -> None:
        output.note(_up(hub, servers))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(config, plugins, ready=ready))


def _descriptors() -> None:
    """Take as many file descriptors as the system gives. Raises Failure where too few are left for the hub's files."""
    found = limits.raise_soft_limit()
    if found < limits.LEAST_DESCRIPTORS:
        raise Failure(Code.FILES, say("failure.descriptors", found=found, least=limits.LEAST_DESCRIPTORS))
    if found < limits.ENOUGH_DESCRIPTORS:
        most = found - limits.RESERVED
        log.warning("%s", say("run.descriptors", found=found, most=most, enough=limits.ENOUGH_DESCRIPTORS))


async def serve(config: HubConfig, plugins: Plugins, *, ready: Callable[[Hub, Servers], None]) -> None:
    """Run until SIGINT or SIGTERM. `ready` is called once, when the hub listens. Raises Failure."""
    ended = _signal_to_end()
    asyncio.get_running_loop().set_exception_handler(_unhandled)
    starting = asyncio.ensure_future(Hub.start(config, plugins=plugins))
    either: list[asyncio.Future[Any]] = [starting, ended]
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        with suppress(asyncio.CancelledError):
            await starting
        return
    try:
        hub = starting.result()
    except Exception as error:
        if (failure := of_start(error, config.data)) is not None:
            raise failure from None
        raise
    servers = Servers(hub.services, hub.reloader if config.path is not None else None)
    try:
        await _listen(servers, config)
        _spare_the_collector()
        ready(hub, servers)
        await ended
    finally:
        await servers.stop()
        await hub.stop()
    log.info("%s", say("run.stopped"))


def read(path: Path, *, at_start: bool = False) -> tuple[HubConfig, Plugins]:
    """The configuration with the plugins that it was checked against; `at_start` as for `load`. Raises Failure."""
    plugins = Plugins.load()
    try:
        return load(path, plugins, environ=os.environ, at_start=at_start), plugins
    except ConfigErrors as error:
        raise of_config(error) from None


async def _listen(servers: Servers, config: HubConfig) -> None:
    try:
        await servers.start()
    except OSError as error:
        address = f"{config.host}:{config.port}"
        cause = error.strerror or str(error)
        raise Failure(Code.ADDRESS, say("failure.address", address=address, error=cause)) from None


def _up(hub: Hub, servers: Servers) -> str:
    host, port = servers.address
    found = hub.config
    warnings = say("run.up-warnings", count=len(found.warnings)) if found.warnings else ""
    return say(
        "run.up",
        address=f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}",
        data=found.data,
        engine=say("run.up-engine"),
        connectors=len(found.connectors) + len(found.left_out),
        subscriptions=len(hub.services.subscriptions.all()),
        warnings=warnings,
    )


def _signal_to_end() -> "asyncio.Future[None]":
    """A future that is done at the first SIGINT or SIGTERM.

    From then on the hub has STOP_S to end in order. A second SIGINT ends it at once, which loses nothing: all answered
    events are durable, and the next start continues from there.
    """
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def signalled(number: signal.Signals) -> None:
        if ended.done():
            if number is signal.SIGINT:
                log.warning("%s", say("run.at-once"))
                _end_at_once(128 + signal.SIGINT)
            return
        log.info("%s", say("run.stopping"))
        # In a thread, so that it fires even while something blocks the loop.
        late = threading.Timer(STOP_S, _late)
        late.daemon = True
        late.start()
        ended.set_result(None)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, signalled, number)
    return ended


def _late() -> None:
    log.error("%s", say("run.late", seconds=STOP_S))
    _end_at_once(Code.FAILED)


def _end_at_once(code: int) -> None:
    logging.shutdown()
    os._exit(code)


def _unhandled(loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    """Log the failure of a task that no code waits for. asyncio would log the exception's text, which may hold data."""
    error = context.get("exception")
    log.error("a task failed that no code waited for", exc_info=error if isinstance(error, BaseException) else None)


def _spare_the_collector() -> None:
    """Let the collector skip everything loaded by now: scanning it again and again cost half of the ingest rate.

    Reference counts free events. Cycles are rare, so the collector runs less often than by default.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
