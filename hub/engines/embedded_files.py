"""Backups of the embedded engine's two files: a copy of the store, then one of the log, restored as a pair.

With a store older than its log the hub delivers some events again. With a log older than its store it would lose some.
"""

import os
import secrets
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

import apsw

from hub.engines.base import BackupFailed
from hub.texts import Text, both

STORE: Final = "store.db"
LOG: Final = "log.db"
PAIR: Final = (STORE, LOG)
RESTORED: Final = "restored"  # an empty file beside a pair from a backup; the hub's next start notes it and removes it


def back_up(data: Path, folder: Path) -> int:
    """Copy both files of a hub, running or not, into `folder`, and return the number of bytes.

    Creates the folder if needed. A copy gets its name once it is checked and durable. Each file is read with the
    library that writes it: in one process, a second SQLite library would drop the locks of the first on the same file.
    Raises FileExistsError (the folder has one of the files), BackupFailed, OSError.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in PAIR:
        if (folder / name).exists():
            raise FileExistsError(str(folder / name))
    _written(data / STORE, folder / STORE, _copy_store)
    _written(data / LOG, folder / LOG, _copy_log)
    _sync(folder)
    return sum((folder / name).stat().st_size for name in PAIR)


def restore(folder: Path, data: Path) -> None:
    """Copy a pair from a backup to `data`, and mark it as restored. The caller holds the log's lock
    (`hub.bus.file.lock`).

    Raises FileNotFoundError (one of the pair is missing), FileExistsError (`data` has files already), BackupFailed (a
    copy is damaged), OSError.
    """
    for name in PAIR:
        if not (folder / name).exists():
            raise FileNotFoundError(str(folder / name))
        for beside in (name, f"{name}-wal"):
            if (data / beside).exists():
                raise FileExistsError(str(data / beside))
    # First, so that no pair from a backup is taken for what the hub itself has written last.
    os.close(os.open(data / RESTORED, os.O_WRONLY | os.O_CREAT, 0o600))
    _sync(data)
    for name in PAIR:
        _written(folder / name, data / name, _copy_file)
    _sync(data)


def _written(source: Path, target: Path, copy: Callable[[Path, Path], None]) -> None:
    for left in target.parent.glob(f"{target.name}.*.part"):  # by a copy that was interrupted
        left.unlink()
    part = target.with_name(f"{target.name}.{secrets.token_hex(8)}.part")
    os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
    try:
        copy(source, part)
        _check(part)
        _sync(part)
        part.rename(target)
    except (apsw.Error, sqlite3.Error) as error:
        raise BackupFailed(Text(*[f"{source}: {type(error).__name__}"] * 2)) from None
    finally:
        part.unlink(missing_ok=True)


def _copy_store(source: Path, target: Path) -> None:
    reading = sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)
    writing = sqlite3.connect(target)
    try:
        reading.backup(writing)  # in one step: a snapshot, while the hub goes on writing
    finally:
        writing.close()
        reading.close()


def _copy_log(source: Path, target: Path) -> None:
    reading = apsw.Connection(str(source), flags=apsw.SQLITE_OPEN_READONLY)
    writing = apsw.Connection(str(target))
    try:
        with writing.backup("main", reading, "main") as copying:
            copying.step(-1)
    finally:
        writing.close()
        reading.close()


def _copy_file(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)


def _check(copy: Path) -> None:
    checked = sqlite3.connect(f"{copy.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        if checked.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            raise BackupFailed(both("refusal.backup-damaged", name=f"{copy.name.partition('.db')[0]}.db"))
    finally:
        checked.close()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
