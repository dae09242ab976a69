"""`skolnav backup` and `skolnav restore`: the hub's two files, as a pair."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hub.bus.file import LogLocked, lock
from hub.cli import output
from hub.cli.disk import size
from hub.cli.exits import Code, Failure, of_files
from hub.cli.language import say
from hub.cli.local_hub import LocalHub, Refused
from hub.engines import BackupFailed
from hub.engines.embedded_files import LOG, STORE, back_up, restore
from hub.engines.root_key import FILE as KEY
from hub.engines.root_key import fits, made_with


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
    output.line(say("backup.done", folder=folder, size=size(written)))
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
        raise Failure(Code.FAILED, say("backup.failed", says=error)) from None
    except OSError as error:
        raise of_files(error, data) from None
