"""`skolnav demo`: a hub, a school, a kitchen and two receivers on this machine, and a school day in about a minute."""

import asyncio
import contextlib
import logging
import os
import signal
import tempfile
from collections.abc import Coroutine, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import uvloop

from hub.clock import Clock
from hub.demo import day, ending
from hub.demo.school import DAY, SIS, School
from hub.demo.screen import Screen
from hub.demo.town import PORT, Town, free_port
from hub.demo.town import town as opened_town
from hub.demo.watch import Watch, outside
from hub.texts.text import Language
from hub.texts.visible import visible
from schemas.school_time import school_moment

SPEED: Final = 170.0  # school seconds a second: from 07:30 to 10:20 in a minute
EXIT: Final = "SKOLNAV_DEMO_EXIT"


def main(speed: float | None = None, stay: bool = True, folder: Path | None = None, language: Language = "en") -> int:
    """Play the day; then stay up until Ctrl-C, unless `stay` is false or SKOLNAV_DEMO_EXIT=1. Returns the exit code.

    `speed`: school seconds per second. `folder`: an empty or missing folder, which is kept; None: a temporary folder,
    removed at the end. Raises FileExistsError if something is in the folder.
    """
    stay = stay and os.environ.get(EXIT) != "1"
    screen = Screen(language)
    with (
        _folder(folder) as place,
        _logging(place / "hub.log"),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(_until_stopped(_play(screen, place, speed=speed or SPEED, stay=stay)))
    screen.text("")
    if folder is None:
        screen.text(screen.say("Stopped. Nothing is left behind.", "Avslutad. Inga filer finns kvar."))
    else:
        screen.text(screen.say(f"Stopped. Its files stay in {folder}.", f"Avslutad. Filerna finns kvar i {folder}."))
    return 0


async def _play(screen: Screen, folder: Path, *, speed: float, stay: bool) -> None:
    school, port = School(), free_port()
    if port != PORT:
        screen.text(
            screen.say(
                f"Port {PORT} is in use: the hub listens on {port} instead.",
                f"Port {PORT} är upptagen: hubben lyssnar på {port} i stället.",
            ),
            "kept",
        )
    async with opened_town(folder, port, speed, school) as town:
        watch = Watch(screen, town)
        _introduce(screen, town)
        await _open_school(watch, school)
        for step in day.steps(school):
            await _until(town.clock, school_moment(DAY, step.at))
            town.webhook.busy += step.busy
            await watch.play(step)
        await _until(town.clock, school_moment(DAY, day.END))
        await watch.nothing_owed()
        town.clock.walk()
        ending.summary(screen, watch, school)
        if stay:
            ending.next_steps(screen, watch, school)
            screen.text("")
            screen.text(
                screen.say(
                    f"The hub stays up. At school it is {town.clock.school():%H:%M}, and time runs as usual now. "
                    "Ctrl-C ends it.",
                    f"Hubben är igång. I skolan är klockan {town.clock.school():%H:%M}, och tiden går nu som vanligt. "
                    "Avsluta med Ctrl-C.",
                )
            )
            await asyncio.Event().wait()


def _introduce(screen: Screen, town: Town) -> None:
    say = screen.say
    screen.title(
        say(
            f"{town.config.municipality}, {DAY:%A %d %B %Y}: Norrskolan, all of it invented",
            f"{town.config.municipality}, {DAY:%Y-%m-%d}: Norrskolan, allt är påhittat",
        )
    )
    screen.fact(
        say("hub", "hubb"), say(f"{town.url}, its files in {town.folder}", f"{town.url}, filer i {town.folder}")
    )
    screen.fact(
        say("school", "skola"),
        say(
            f"its own system at {town.sis.url}: the hub logs in and reads it",
            f"har ett eget system på {town.sis.url}: hubben loggar in och läser det",
        ),
    )
    screen.fact(
        say("guardians", "vårdnadshavare"),
        say(
            "an app that reports absence over SS 12000, and withdraws it by POST /v1/events",
            "en app som anmäler frånvaro över SS 12000 och återkallar den med POST /v1/events",
        ),
    )
    screen.fact(
        say("kitchen", "kök"),
        say(
            f"an SFTP server at 127.0.0.1:{town.kitchen.port}: orders at 08:00 and, fixed, at 09:00",
            f"en SFTP-server på 127.0.0.1:{town.kitchen.port}: beställning 08:00 och en slutlig 09:00",
        ),
    )
    screen.fact(
        outside("acme", screen.language),
        say("an attendance app: may know which pupil, no names", "en närvaroapp: får veta vilken elev, inga namn"),
    )
    screen.fact(
        outside("statistics", screen.language),
        say(
            "the municipality's follow-up: may count absences, must not know the pupils",
            "kommunens uppföljning: får räkna frånvaro, får inte veta vilka eleverna är",
        ),
    )
    screen.text("")


async def _open_school(watch: Watch, school: School) -> None:
    """Before the day: the hub reads the school's system, and the office sends the diets."""
    clock, sis = watch.town.clock, watch.town.sis
    diets = school.diets(clock.utc())
    accepted = await watch.town.office.post_all(diets)
    number, took_s = await watch.pulled(SIS)
    read = ", ".join(f"{len(ids)} {resource}" for resource, ids in sis.given.items())
    say = watch.screen.say
    absences = say(
        "; absences are not offered: guardians report them", "; frånvaro ingår inte: vårdnadshavare anmäler den"
    )
    absences = absences if "absences" in sis.missing else ""
    protected = sum(pupil.protected for pupil in school.pupils)
    watch.screen.line(
        f"{clock.school():%H:%M}",
        say("pull, SS 12000", "hämtat, SS 12000"),
        "Norrskolan",
        [
            (
                say(
                    f"{number} events in {took_s * 1000:.0f} ms{absences}",
                    f"{number} händelser på {took_s * 1000:.0f} ms{absences}",
                ),
                "good",
            )
        ],
        read,
    )
    watch.screen.line(
        f"{clock.school():%H:%M}",
        say("diets", "specialkost"),
        "Norrskolan",
        [
            (
                say(
                    f"{accepted} events accepted, on disk before the answer",
                    f"{accepted} händelser mottagna, skrivna till disk före svaret",
                ),
                "good",
            )
        ],
        say(
            f"{len(school.pupils)} pupils, {protected} of them protected",
            f"{len(school.pupils)} elever, {protected} av dem skyddade",
        ),
    )


async def _until(clock: Clock, due: datetime) -> None:
    await clock.sleep(max(0.0, clock.machine_seconds_until(due)))


async def _until_stopped(playing: Coroutine[Any, Any, None]) -> None:
    """Run `playing` until it ends, or until SIGINT, SIGTERM or a closed terminal, which end it in order."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, ended.set)
    work = asyncio.ensure_future(playing)
    stopped = asyncio.ensure_future(ended.wait())
    await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not work.done():
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
    else:
        work.result()


@contextlib.contextmanager
def _folder(wanted: Path | None) -> Iterator[Path]:
    if wanted is None:
        with tempfile.TemporaryDirectory(prefix="skolnav-demo-") as made:
            yield Path(made)
        return
    wanted.mkdir(parents=True, exist_ok=True)
    if any(wanted.iterdir()):
        raise FileExistsError(f"{wanted} is not empty: the demo wants a folder of its own")
    yield wanted.absolute()


class _OneLine(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:
        return visible(super().formatMessage(record))


@contextlib.contextmanager
def _logging(path: Path) -> Iterator[None]:
    """Send the hub's log to a file, since the screen shows the day."""
    handler = logging.FileHandler(path)
    handler.setFormatter(_OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root, before = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # httpx would log each call
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
        handler.close()
