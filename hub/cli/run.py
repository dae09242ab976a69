"""`skolnav run`: a hub from its configuration to the signal that ends it.

| signal | what |
| --- | --- |
| SIGTERM, SIGINT | the hub ends in order; a second SIGINT ends it at once |
| SIGHUP | it reads its configuration again, as `skolnav apply` does; a file with errors changes nothing |

A terminal that closes sends SIGHUP, so the hub survives its terminal: the file is read again, and nothing else happens.
"""

import asyncio
import gc
import logging
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from hub.api import limits
from hub.api.server import Servers
from hub.assembly.hub import Hub
from hub.cli.exits import Code, Failure, of_config, of_start
from hub.cli.language import language, say, system
from hub.cli.service_manager import ServiceManager
from hub.config import ConfigErrors, Finding, HubConfig, load
from hub.store.base import StoreUnavailable
from hub.tasks import Tasks
from hub.texts import Language, text
from plugins.errors import ConfigurationError
from plugins.manager import Plugins

STOP_S: Final = 9.5  # less than the ten seconds after which supervisors kill a process

log = logging.getLogger("skolnav")


def run(path: Path) -> None:
    """Raises Failure."""
    import uvloop

    from hub.cli import log_lines, output

    config, plugins = read(path, at_start=True)
    log_lines.configure(config.log_level, config.log.format)
    _descriptors()
    _log_findings(config)

    def ready(hub: Hub, servers: Servers) -> None:
        if config.log.format == "json":  # a program reads the lines
            log.info("%s", _up(hub, servers, "en"))
        else:
            output.note(_up(hub, servers, language()))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(config, plugins, ready=ready))


def _log_findings(config: HubConfig) -> None:
    for warning in config.warnings:
        log.warning("%s", _one_line(warning))
    for name, left_out in config.left_out.items():
        for finding in left_out.findings:
            log.error("%s", _text("run.left-out", name=name, says=_one_line(finding)))


def _text(key: str, **values: object) -> str:
    """A text for the log, whose lines are in English, whatever the user's language is."""
    return text(key, "en", **values)


def _one_line(finding: Finding) -> str:
    return finding.render("en").replace("\n ", "")


def _descriptors() -> None:
    """Take as many file descriptors as the system gives. Raises Failure where too few are left for the hub's files."""
    found = limits.raise_soft_limit()
    if found < limits.LEAST_DESCRIPTORS:
        raise Failure(Code.FILES, say("failure.descriptors", found=found, least=limits.LEAST_DESCRIPTORS))
    if found < limits.ENOUGH_DESCRIPTORS:
        most = found - limits.RESERVED
        log.warning("%s", _text("run.descriptors", found=found, most=most, enough=limits.ENOUGH_DESCRIPTORS))


async def serve(config: HubConfig, plugins: Plugins, *, ready: Callable[[Hub, Servers], None]) -> None:
    """Run until SIGINT or SIGTERM. `ready` is called once, when the hub listens. Raises Failure."""
    manager = ServiceManager(os.environ)
    ended = _signal_to_end(manager)
    again = _signal_to_read_again()
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
    tasks = Tasks()
    try:
        await _listen(servers, config)
        _spare_the_collector()
        ready(hub, servers)
        manager.ready()
        tasks.start(manager.watch(), "watchdog")
        tasks.start(_read_again(servers, again, manager), "read the configuration again")
        await ended
    finally:
        await tasks.stop()
        await servers.stop()
        await hub.stop()
    log.info("%s", _text("run.stopped"))


async def _read_again(servers: Servers, again: asyncio.Event, manager: ServiceManager) -> None:
    """Apply the configuration file at each SIGHUP. If it can't be used, log why; the hub goes on as before."""
    while True:
        await again.wait()
        again.clear()
        manager.reloading()
        try:
            reloaded = await servers.reload()
        except ConfigErrors as errors:
            for error in errors.errors:
                log.error("%s", _text("run.not-reloaded", says=_one_line(error)))
        except (ConfigurationError, StoreUnavailable) as error:
            log.error("%s", _text("run.not-reloaded", says=str(error)))
        except Exception as error:
            log.error("%s", _text("run.not-reloaded", says=type(error).__name__), exc_info=error)
        else:
            for warning in reloaded.read.warnings:
                log.warning("%s", _one_line(warning))
            for change in reloaded.changes:
                restart = any(effect.key == "restart" for effect in change.effects)
                log.info("%s %s %s%s", change.what, change.name, change.kind, ", at the next start" if restart else "")
        manager.ready()


def read(path: Path, *, at_start: bool = False) -> tuple[HubConfig, Plugins]:
    """The configuration with the plugins that it was checked against; `at_start` as for `load`. Raises Failure."""
    plugins = Plugins.load(then_examine=True)
    try:
        return load(path, plugins, environ=os.environ, at_start=at_start), plugins
    except ConfigErrors as error:
        raise of_config(error) from None


async def _listen(servers: Servers, config: HubConfig) -> None:
    try:
        await servers.start()
    except OSError as error:
        address = f"{config.host}:{config.port}"
        cause = system(error)
        raise Failure(Code.ADDRESS, say("failure.address", address=address, error=cause)) from None


def _up(hub: Hub, servers: Servers, language: Language) -> str:
    host, port = servers.address
    found = hub.config
    warnings = text("run.up-warnings", language, count=len(found.warnings)) if found.warnings else ""
    return text(
        "run.up",
        language,
        version=version("skolnav"),
        address=f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}",
        data=found.data,
        engine=text("run.up-engine", language),
        connectors=len(found.connectors) + len(found.left_out),
        subscriptions=len(hub.services.subscriptions.all()),
        warnings=warnings,
    )


def _signal_to_end(manager: ServiceManager) -> "asyncio.Future[None]":
    """A future that is done at the first SIGINT or SIGTERM.

    From then on the hub has STOP_S to end in order. A second SIGINT ends it at once, which loses nothing: all answered
    events are durable, and the next start continues from there.
    """
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def signalled(number: signal.Signals) -> None:
        if ended.done():
            if number is signal.SIGINT:
                log.warning("%s", _text("run.at-once"))
                _end_at_once(128 + signal.SIGINT)
            return
        log.info("%s", _text("run.stopping"))
        manager.stopping()
        # In a thread, so that it fires even while something blocks the loop.
        late = threading.Timer(STOP_S, _late)
        late.daemon = True
        late.start()
        ended.set_result(None)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, signalled, number)
    return ended


def _signal_to_read_again() -> asyncio.Event:
    """An event that is set at each SIGHUP, also while the hub starts. Several signals in a row count once."""
    again = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, again.set)
    return again


def _late() -> None:
    log.error("%s", _text("run.late", seconds=STOP_S))
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
