"""`skolnav backup` and `skolnav restore`: the hub's two files, as a pair."""

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from hub.bus.base import LogUnavailable
from hub.bus.file import LogLocked, LogMismatch, lock
from hub.cli import output
from hub.cli.exits import Code, Failure, of_files, of_start
from hub.cli.language import language, say
from hub.cli.local_hub import CONFIG, LocalHub, Refused, root_key, setting
from hub.engines import BackupFailed
from hub.engines.embedded_files import LOG, STORE, back_up, restore
from hub.engines.root_key import FILE as KEY
from hub.engines.root_key import fits, made_with
from hub.store.base import StoreUnavailable
from hub.texts.quantities import decimal, size
from hub.texts.times import shown
from plugins.errors import ConfigurationError


def backup(data: Path, folder: Path) -> None:
    """The running hub makes the copy. Where none runs, this command does, under the hub's lock. Raises Failure."""
    folder = folder.absolute()
    try:
        with LocalHub(data) as hub:
            written = hub.post("/v1/operator/backup", {"folder": str(folder)})["bytes"]
    except Refused as refused:
        raise Failure(Code.FAILED, say("backup.failed", says=refused.problem["detail"])) from None
    except Failure as failure:
        if failure.code is not Code.NO_HUB:
            raise
        if not (data / STORE).exists() or not (data / LOG).exists():
            raise Failure(Code.FILES, say("backup.missing", path=data / STORE)) from None
        with _explained(data, "backup.exists"), _locked(data):
            written = back_up(data, folder)
    output.line(say("backup.done", folder=folder, size=size(written, language())))
    if (data / KEY).exists():
        output.line(say("backup.key", key=data / KEY))


def put_back(folder: Path, data: Path, key: bytes | None) -> None:
    """`key` is the key that the hub would start with; None if there is none yet. Raises Failure."""
    if key is not None and not fits(key, made_with(folder / STORE)):
        raise Failure(Code.FILES, say("restore.wrong-key", key=data / KEY))
    with _explained(data, "restore.exists"):
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _locked(data):
            restore(folder, data)
    output.line(say("restore.done", data=data))
    if key is None:
        output.line(say("restore.key", key=data / KEY))


def check(folder: Path | None, config: Path | None, data: Path | None, *, json: bool) -> None:
    """Rehearse a restore: of this backup, or of the newest that the schedule has made. Raises Failure."""
    from hub.assembly.backups import found
    from hub.operating.rehearsal import rehearse

    if folder is None:
        backups = found(_scheduled(config))
        if not backups:
            raise Failure(Code.FAILED, say("backup.none", folder=_scheduled(config)))
        folder = backups[-1][1]
    made = made_with(folder / STORE)
    key = root_key(config, data)
    if key is not None and not fits(key, made):
        raise Failure(Code.FILES, say("backup.other-key", folder=folder))
    started = time.monotonic()
    try:
        with _explained(folder, "restore.exists"):
            result = asyncio.run(rehearse(folder, next(iter(made), "")))
    except (LogMismatch, LogUnavailable, StoreUnavailable, ConfigurationError) as error:
        failure = of_start(error, folder)
        says = failure.text if failure is not None else str(error)
        raise Failure(Code.FAILED, say("backup.unusable", folder=folder, says=says)) from None
    if json:
        output.as_json({"folder": str(folder), **asdict(result), "newest": result.newest and result.newest.isoformat()})
    else:
        newest = shown(result.newest) if result.newest is not None else say("backup.no-event")
        took_s = decimal(time.monotonic() - started, language())
        output.line(
            say(
                "backup.checked", folder=folder, events=result.events, newest=newest,
                subscriptions=result.subscriptions, disclosures=result.disclosures, seconds=took_s,
            )
        )  # fmt: skip
        if key is None:
            output.line(say("backup.key-unknown"))
    if result.broken_at is not None:
        raise Failure(Code.FAILED, say("backup.broken-chain", number=result.broken_at))


def _scheduled(config: Path | None) -> Path:
    """The folder of `backups` in the configuration. Raises Failure."""
    named = setting(config, ("backups", "folder"))
    if not isinstance(named, str):
        raise Failure(Code.USAGE, say("backup.no-schedule"))
    return (config or CONFIG).absolute().parent / named


@contextmanager
def _locked(data: Path) -> Iterator[None]:
    try:
        handle = lock(data / LOG)
    except LogLocked:
        raise Failure(Code.ANOTHER_HUB, say("backup.running", data=data)) from None
    try:
        yield
    finally:
        os.close(handle)


@contextmanager
def _explained(data: Path, exists: str) -> Iterator[None]:
    try:
        yield
    except FileExistsError as error:
        raise Failure(Code.FAILED, say(exists, path=error.args[-1])) from None
    except FileNotFoundError as error:
        raise Failure(Code.FAILED, say("backup.missing", path=error.args[-1])) from None
    except BackupFailed as error:
        raise Failure(Code.FAILED, say("backup.failed", says=error.says.say(language(), {}))) from None
    except OSError as error:
        raise of_files(error, data) from None
