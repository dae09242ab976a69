"""Backups by schedule (`backups` in the configuration): one a day, verified by opening, kept for a time, then removed.

Each backup is a folder of its own, named after its time in UTC, so that names sort by age. One that failed leaves
nothing behind but its report, and the newest good backup is never removed, however old it is.
"""

import asyncio
import contextlib
import errno
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from hub.alerts.condition import Condition
from hub.assembly.services import Services
from hub.config.model import BackupSettings
from hub.engines import PAIR, BackupFailed
from hub.store.base import StoreUnavailable
from hub.tasks import Tasks
from schemas.school_time import SCHOOL_ZONE, school_moment

NAME: Final = "skolnav-%Y%m%dT%H%M%SZ"
LONGEST_S: Final = 3600.0  # machine time between two looks, in which the clock may have been set
AFTER_FAILURE_S: Final = 600.0
_AT_LEAST_S: Final = 1.0


def found(folder: Path) -> Sequence[tuple[datetime, Path]]:
    """The whole backups in a folder, oldest first."""
    backups = []
    for path in folder.iterdir() if folder.is_dir() else ():
        try:
            made = datetime.strptime(path.name, NAME).replace(tzinfo=UTC)
        except ValueError:
            continue
        if all((path / name).is_file() for name in PAIR):
            backups.append((made, path))
    return sorted(backups)


def last_due(settings: BackupSettings, now: datetime) -> datetime:
    """The newest time, not after now (machine time), at which a backup was due."""
    today = now.astimezone(SCHOOL_ZONE).date()
    due = school_moment(today, settings.at)
    return due if due <= now else school_moment(today - timedelta(days=1), settings.at)


class Backups:
    """Makes them from `start` to `stop`, and reports failures to `problem(where, code, detail)`."""

    def __init__(self, services: Services, problem: Callable[[str, str, str], None]) -> None:
        self._services = services
        self._problem = problem
        self._tasks = Tasks()
        self._failing: Condition | None = None

    def start(self) -> None:
        self._tasks.start(self._run(), "backups")

    def conditions(self, now: datetime) -> Sequence[Condition]:
        """The backup that should have been made and was not; empty while the schedule is kept, or there is none."""
        if self._failing is None or self._services.config.backups is None:
            return ()
        return (self._failing,)

    async def stop(self) -> None:
        await self._tasks.stop()

    async def _run(self) -> None:
        clock = self._services.clock
        while True:
            settings = self._services.config.backups
            wait_s = LONGEST_S
            if settings is not None:
                try:
                    await self.make_due(settings)
                    self._failing = None
                    wait_s = self._until_next_s(settings)
                except BackupFailed as error:
                    self._failed(str(error), "backup-damaged")
                    wait_s = AFTER_FAILURE_S
                except OSError as error:
                    self._failed(error.strerror or type(error).__name__, _code(error))
                    wait_s = AFTER_FAILURE_S
                except Exception as error:  # nothing may end the schedule
                    self._failed(type(error).__name__, f"fault-{type(error).__name__}")
                    wait_s = AFTER_FAILURE_S
            await clock.sleep(wait_s)

    def _failed(self, detail: str, code: str) -> None:
        self._problem("backups", "failed", detail)
        now, known = self._services.clock.utc(), self._failing
        since, attempts = (now, 1) if known is None else (known.since, known.attempts + 1)
        self._failing = Condition(
            code="backup-failing", place="hub", since=since, error=code, attempts=attempts,
            next_try=now + timedelta(seconds=AFTER_FAILURE_S),
        )  # fmt: skip

    async def make_due(self, settings: BackupSettings) -> Path | None:
        """Make a backup if none has been made since the last one was due, then remove old ones. None: none was due.

        So a hub that was down at that time makes its backup when it starts.
        """
        clock = self._services.clock
        now = clock.utc()
        backups = found(settings.folder)
        made = None
        if not backups or backups[-1][0] < last_due(settings, now):
            made = settings.folder / now.strftime(NAME)
            try:
                await self._services.engine.back_up(made)
            except BaseException:
                shutil.rmtree(made, ignore_errors=True)  # at once: the hub may be stopping
                raise
            with contextlib.suppress(StoreUnavailable):  # the backup is there all the same
                await self._services.alerts.note_backup()
        for at, path in found(settings.folder)[:-1]:
            if at < now - settings.keep:
                await asyncio.to_thread(shutil.rmtree, path)
        return made

    def _until_next_s(self, settings: BackupSettings) -> float:
        now = self._services.clock.utc()
        tomorrow = school_moment(last_due(settings, now).date() + timedelta(days=1), settings.at)
        return max(_AT_LEAST_S, min(LONGEST_S, (tomorrow - now).total_seconds()))


def _code(error: OSError) -> str:
    """Why the system refused, as a code with words."""
    return "disk-full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "backup-folder"
