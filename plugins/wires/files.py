"""Whole files at a far side: never half a file, and never over a file that exists.

Write `<name>.part`, read back, rename, read back. A `.part` that a crash left behind is overwritten.
"""

import secrets
from enum import StrEnum
from typing import Protocol

from plugins.wires import words
from plugins.wires.failures import FarSide


class Put(StrEnum):
    """What became of something that was put under a name."""

    WRITTEN = "written"
    THERE = "there"  # the same content has that name already: nothing was done
    TAKEN = "taken"  # other content has that name: nothing was done


class FileWire(Protocol):
    """A place for whole files. Blocking: call it in `ctx.blocking`."""

    def put(self, name: str, content: bytes) -> Put:
        """Make a file, and return once it was read back. Raises TemporaryError, ConfigurationError."""

    def probe(self) -> None:
        """A round trip with a file of its own that is removed again. Raises as `put` does."""


class Files(Protocol):
    """What a far side must be able to do. Each method raises OSError."""

    def read(self, name: str, limit: int) -> bytes:
        """At most `limit` bytes. Raises FileNotFoundError."""

    def write(self, name: str, content: bytes) -> None: ...

    def rename(self, old: str, new: str) -> None:
        """In one step, replacing a file that has the new name."""

    def remove(self, name: str) -> None: ...


def put(files: Files, name: str, content: bytes, far_side: FarSide) -> Put:
    # One byte more than expected, so that a longer file is seen to differ and a huge one is not read.
    limit = len(content) + 1
    try:
        return Put.THERE if files.read(name, limit) == content else Put.TAKEN
    except FileNotFoundError:
        pass
    part = f"{name}.part"
    files.write(part, content)
    if files.read(part, limit) != content:
        files.remove(part)
        raise far_side.temporary(words.UNVERIFIED, file=name)
    files.rename(part, name)
    if files.read(name, limit) != content:
        raise far_side.temporary(words.UNVERIFIED, file=name)
    return Put.WRITTEN


def probe(files: Files, far_side: FarSide) -> None:
    name = f"SKOLNAV_TEST_{secrets.token_hex(8)}.tmp"
    put(files, name, b"Skolnav: test file, may be removed\r\n", far_side)
    files.remove(name)
