"""How durably the file system of the data folder stores events."""

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hub.cli.language import language, say, system
from hub.texts.quantities import size

LITTLE: Final = 64 << 20  # bytes; a disk with less counts as full
SLOW_MS: Final = 50.0
_IN_MEMORY: Final = frozenset({"tmpfs", "ramfs"})
_NETWORK: Final = ("nfs", "cifs", "smb", "9p", "fuse.sshfs", "afs", "ceph", "glusterfs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Durability:
    """`folder` is the data folder, or the existing folder that it would be made in."""

    folder: Path
    kind: str  # the type of the file system; empty where it is unknown
    fsync_ms: float
    free: int | None  # bytes
    error: str = ""  # why a file can't be written durably there; empty if it can

    @property
    def full(self) -> bool:
        """The hub would soon refuse events, or not start."""
        return self.free is not None and self.free < LITTLE

    def warnings(self) -> Iterator[str]:
        """Warnings for the municipality, in the user's language."""
        if self.kind in _IN_MEMORY:
            yield say("durable.memory", kind=self.kind)
        if self.kind.startswith(_NETWORK):
            yield say("durable.network", kind=self.kind)
        if self.full and self.free is not None:
            yield say("durable.full", free=size(self.free, language()))
        if self.fsync_ms > SLOW_MS:
            yield say("durable.slow", milliseconds=f"{self.fsync_ms:.0f}")


def probe(data: Path) -> Durability:
    """Write and fsync a file and its name there, as the hub does at its start, and remove it again."""
    folder = _nearest(data)
    kind, free = _kind(folder), free_bytes(folder)
    path = folder / f".skolnav-check-{secrets.token_hex(8)}"
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(handle, b"\0" * 4096)
            started = time.monotonic()
            os.fsync(handle)
            took_ms = (time.monotonic() - started) * 1000
        finally:
            os.close(handle)
            path.unlink()
        names = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(names)
        finally:
            os.close(names)
    except OSError as error:
        return Durability(folder=folder, kind=kind, fsync_ms=0.0, free=free, error=system(error))
    return Durability(folder=folder, kind=kind, fsync_ms=took_ms, free=free)


def free_bytes(folder: Path) -> int | None:
    """The bytes that an ordinary user may still write there; None if that is unknown."""
    with suppress(OSError):
        found = os.statvfs(_nearest(folder))
        return found.f_bavail * found.f_frsize
    return None


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest folder above it that exists."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _kind(folder: Path) -> str:
    """The type of the folder's file system, from /proc/self/mountinfo by the device number."""
    device = folder.stat().st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    with suppress(OSError):
        for mount in Path("/proc/self/mountinfo").read_text("utf-8").splitlines():
            fields, _, more = mount.partition(" - ")
            if fields.split()[2] == wanted:
                return more.split()[0]
    return ""
