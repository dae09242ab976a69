"""`skolnav demo`: a hub, a school, a kitchen and two receivers on this machine, and a school day in about a minute."""

import asyncio
import contextlib
import logging
import os
import secrets
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any, Final

import httpx
import uvloop

from hub.clock import SCHOOL_ZONE, SystemClock
from hub.config import HubConfig, load
from hub.demo import day, ending
from hub.demo.kitchen import KitchenServer
from hub.demo.publisher import Publisher
from hub.demo.receivers import Arrival, FeedReader, WebhookReceiver
from hub.demo.school import DAY, School
from hub.demo.screen import Screen
from hub.demo.watch import Watch
from hub.engines.embedded import Hub
from hub.engines.server import Servers
from plugins.manager import Plugins

SPEED: Final = 170.0  # school seconds a second: from 07:30 to 10:20 in a minute
PORT: Final = 8080
EXIT: Final = "SKOLNAV_DEMO_EXIT"
CLIENTS: Final = ("school", "acme", "statistics", "officer")


def main(speed: float | None = None, stay: bool = True, folder: Path | None = None) -> int:
    """Play the day; then stay up until Ctrl-C, unless `stay` is false or SKOLNAV_DEMO_EXIT=1. Returns the exit code.

    `speed`: school seconds per second. `folder`: an empty or missing one to keep; None: a temporary one, removed at the
    end. Raises FileExistsError if something is in the folder.
    """
    stay = stay and os.environ.get(EXIT) != "1"
    screen = Screen()
    with _folder(folder) as place, _logging(place / "hub.log"):
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_demo(screen, place, speed or SPEED, stay))


class DemoClock(SystemClock):
    """School time runs fast while the day is played, and like everybody's afterwards, so that there is time to try."""

    def __init__(self, start: datetime, speed: float) -> None:
        super().__init__(start, speed)

    def walk(self) -> None:
        now = self.school()
        self._start, self._origin, self._speed = now, time.time(), 1.0


async def _demo(screen: Screen, folder: Path, speed: float, stay: bool) -> int:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    playing = asyncio.create_task(_play(screen, folder, speed, stay))
    stopping = asyncio.create_task(ended.wait())
    await asyncio.wait({playing, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if ended.is_set():
        screen.text("")
        screen.text("Stopping.")
    playing.cancel()
    stopping.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await playing
    return 0


async def _play(screen: Screen, folder: Path, speed: float, stay: bool) -> None:
    school = School()
    port = _port(screen)
    async with _town(screen, folder, port, speed) as (watch, publisher, webhook, feed, clock):
        events = school.directory(clock.utc())
        took = time.monotonic()
        accepted = await publisher.post_all([*events, *school.lessons()])
        took = time.monotonic() - took
        screen.line(
            f"{clock.school():%H:%M}",
            "directory, lessons",
            "Norrskolan",
            [(f"{accepted} events accepted in {took * 1000:.0f} ms, on disk before the answer", "good")],
            f"{len(school.pupils)} pupils, {sum(pupil.protected for pupil in school.pupils)} of them protected",
        )
        for step in day.steps(school):
            await _until(clock, datetime.combine(DAY, step.at, SCHOOL_ZONE))
            webhook.busy += step.busy
            await watch.play(step, publisher)
        await _until(clock, datetime.combine(DAY, day.END, SCHOOL_ZONE))
        await watch.nothing_owed()
        clock.walk()
        ending.summary(screen, watch, webhook, feed, school)
        if stay:
            ending.next_steps(screen, f"http://127.0.0.1:{port}", folder, feed, school, _withheld(school))
            screen.text("")
            screen.text(
                f"The hub stays up; it is {clock.school():%H:%M} at school, and time runs as usual. Ctrl-C stops it."
            )
            await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def _town(
    screen: Screen, folder: Path, port: int, speed: float
) -> AsyncIterator[tuple[Watch, Publisher, WebhookReceiver, FeedReader, DemoClock]]:
    """Start everybody; the receivers first, since the hub asks them before it delivers. Stop them the other way."""
    loop = asyncio.get_running_loop()
    watches: list[Watch] = []
    tell: Callable[[Callable[[Watch], None]], Any] = lambda about: loop.call_soon_threadsafe(  # noqa: E731
        lambda: [about(watch) for watch in watches]
    )
    async with contextlib.AsyncExitStack() as stack:
        kitchen = KitchenServer(folder / "kitchen", lambda name, content: tell(lambda w: w.filed(name, content)))
        kitchen.start()
        stack.callback(kitchen.stop)
        webhook = WebhookReceiver("acme", lambda arrival: tell(lambda w: w.arrived(arrival)))
        webhook.start()
        stack.callback(webhook.stop)
        config, plugins = _configure(folder, port, speed, kitchen, webhook)
        assert config.school_clock is not None
        clock = DemoClock(config.school_clock.start, config.school_clock.speed)
        hub = await Hub.start(config, plugins=plugins, clock=clock)
        stack.push_async_callback(hub.stop)
        servers = Servers(hub.services)
        await servers.start()
        stack.push_async_callback(servers.stop)
        url = f"http://127.0.0.1:{port}"
        tokens = {client: (folder / "secrets" / client).read_text() for client in CLIENTS}
        officer = httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {tokens['officer']}"}, timeout=30, trust_env=False
        )
        stack.push_async_callback(officer.aclose)
        publisher = Publisher(url, tokens["school"])
        stack.push_async_callback(publisher.close)
        watch = Watch(hub, screen, officer)
        watches.append(watch)
        feed = FeedReader(
            "statistics", f"{url}/v1/subscriptions/statistics-feed/events", tokens["statistics"], watch.arrived
        )
        reading = asyncio.create_task(feed.run())
        stack.push_async_callback(partial(_cancelled, reading))
        _introduce(screen, config, url, kitchen, webhook)
        yield watch, publisher, webhook, feed, clock


def _introduce(screen: Screen, config: HubConfig, url: str, kitchen: KitchenServer, webhook: WebhookReceiver) -> None:
    screen.title(f"{config.municipality}: {DAY:%A %d %B %Y} at Norrskolan, all of it invented")
    screen.fact("hub", f"{url}, in {config.data}")
    screen.fact(
        "kitchen", f"SFTP server at 127.0.0.1:{kitchen.port}, told at 08:00 and 09:00; from 09:00 changes are late"
    )
    screen.fact("acme webhook", f"{webhook.url}: an attendance app; may know which pupil, no names")
    screen.fact("statistics feed", "the municipality's follow-up; may know that, not who")
    screen.text("")


def _configure(
    folder: Path, port: int, speed: float, kitchen: KitchenServer, webhook: WebhookReceiver
) -> tuple[HubConfig, Plugins]:
    """demo.yaml as it is, and beside it what differs from run to run, in files that it refers to."""
    path = folder / "skolnav.yaml"
    path.write_bytes(resources.files("hub.demo").joinpath("demo.yaml").read_bytes())
    here = {
        "here/listen": f"127.0.0.1:{port}",
        "here/speed": f"{speed:g}",
        "here/sftp-port": f"{kitchen.port}",
        "here/sftp-host-key": kitchen.host_key,
        "here/webhook-url": webhook.url,
        "secrets/kitchen": kitchen.password,
        "secrets/acme-webhook": webhook.secret,
        **{f"secrets/{client}": secrets.token_urlsafe(24) for client in CLIENTS},
    }
    for name, content in here.items():
        file = folder / name
        file.parent.mkdir(mode=0o700, exist_ok=True)
        file.write_text(content)
    plugins = Plugins.load()
    return load(path, plugins), plugins


def _withheld(school: School) -> str:
    protected = {pupil.id for pupil in school.pupils if pupil.protected}
    return next(
        str(step.event["id"])
        for step in day.steps(school)
        if step.event["data"].get("student", {}).get("id") in protected
    )


def _port(screen: Screen) -> int:
    """8080, or a free one where that is taken."""
    for wanted in (PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", wanted))
                port: int = probe.getsockname()[1]
                if port != PORT:
                    screen.text(f"Port {PORT} is taken; the hub listens on {port} instead.", "kept")
                return port
    raise OSError("no port is free on 127.0.0.1")


async def _until(clock: SystemClock, due: datetime) -> None:
    await clock.sleep(max(0.0, clock.machine_seconds_until(due)))


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@contextlib.contextmanager
def _folder(wanted: Path | None) -> Iterator[Path]:
    if wanted is not None:
        wanted.mkdir(parents=True, exist_ok=True)
        if any(wanted.iterdir()):
            raise FileExistsError(f"{wanted} is not empty; the demo wants a folder of its own")
        yield wanted.absolute()
        return
    folder = Path(tempfile.mkdtemp(prefix="skolnav-demo-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def _logging(path: Path) -> Iterator[None]:
    """The hub's log goes to a file: the screen is for the day."""
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
        handler.close()
