"""Whole files at a far side: never half a file, and never over a file that exists.

Make `<name>.<random>.part`, read it back, rename it, read it back. The part's name can't be guessed, and making it
fails where anything has that name, so that a link which somebody put there leads nowhere. A far side may take a file as
soon as it has its name. A far side whose files can't be read (a drop box) is asked for sizes instead.
"""

import secrets
from contextlib import suppress
from enum import StrEnum
from typing import Final, Protocol

from plugins.wires import words
from plugins.wires.failures import FarSide

FILE_MODE: Final = 0o640
"""Rights of a file that the hub writes for another system: the hub, and a group that the reader belongs to."""


class Put(StrEnum):
    """What became of something that was put under a name."""

    WRITTEN = "written"  # and perhaps taken by the far side already
    THERE = "there"  # the same content has that name already: nothing was done
    TAKEN = "taken"  # other content has that name: nothing was done


class NoPlainFile(OSError):
    """A link, a folder or a device has the name."""


class NoRename(OSError):
    """The far side refuses every kind of renaming."""


class FileWire(Protocol):
    """A place for whole files. Blocking: call it in `ctx.blocking`."""

    def put(self, name: str, content: bytes) -> Put:
        """Make a file, and return once it was read back. Raises TemporaryError, ConfigurationError."""

    def probe(self) -> None:
        """A round trip with a file of its own that is removed again. Raises as `put` does."""


class Files(Protocol):
    """What a far side must be able to do. Each method raises OSError."""

    def read(self, name: str, limit: int) -> bytes:
        """At most `limit` bytes. Raises FileNotFoundError, NoPlainFile, PermissionError (files can't be read here)."""

    def size(self, name: str) -> int | None:
        """The size of what has the name; None if nothing has it, or if the far side does not say."""

    def create(self, name: str, content: bytes) -> None:
        """Make a file with `FILE_MODE`. Raises FileExistsError or another OSError if anything has the name."""

    def rename(self, old: str, new: str) -> None:
        """In one step. Raises FileExistsError (something has the new name), NoRename."""

    def remove(self, name: str) -> None: ...

    def parts(self, name: str) -> list[str]:
        """The parts of this name that interrupted writes left (`is_part`); empty if the far side does not say."""


def is_part(entry: str, name: str) -> bool:
    """Whether a folder's entry is a part that `put` may have left."""
    random = entry.removeprefix(f"{name}.").removesuffix(".part")
    return entry == f"{name}.{random}.part" and len(random) == 16 and set(random) <= set("0123456789abcdef")


def put(files: Files, name: str, content: bytes, far_side: FarSide, *, read_back: bool = True) -> Put:
    """Make a file. `read_back` False: read nothing, since the far side does not let its files be read."""
    if (found := _found(files, name, content, read_back=read_back)) is not None:
        return found
    for left in files.parts(name):
        with suppress(OSError):
            files.remove(left)
    part = f"{name}.{secrets.token_hex(8)}.part"
    try:
        files.create(part, content)
        if read_back and not _came_whole(files, part, content):
            raise far_side.temporary(words.UNVERIFIED, file=name)
        files.rename(part, name)
    except BaseException as error:
        with suppress(OSError):
            files.remove(part)
        if isinstance(error, FileExistsError):  # since it was looked for
            return _found(files, name, content, read_back=read_back) or Put.TAKEN
        raise
    # The renaming was acknowledged: a name that is gone again was taken by the far side.
    if _found(files, name, content, read_back=read_back) is Put.TAKEN:
        raise far_side.temporary(words.UNVERIFIED, file=name)
    return Put.WRITTEN


def probe(files: Files, far_side: FarSide, *, read_back: bool = True) -> None:
    name = f"SKOLNAV_TEST_{secrets.token_hex(8)}.tmp"
    put(files, name, b"Skolnav: test file, may be removed\r\n", far_side, read_back=read_back)
    try:
        if read_back:
            files.read(name, 1)
    except FileNotFoundError:
        return
    except PermissionError:
        raise far_side.configuration(words.NOT_READABLE) from None
    finally:
        with suppress(FileNotFoundError, PermissionError):
            files.remove(name)


def _found(files: Files, name: str, content: bytes, *, read_back: bool) -> Put | None:
    """What has the name; None for nothing."""
    if read_back:
        try:
            # One byte more than expected, so that a longer file is seen to differ and a huge one is not read.
            return Put.THERE if files.read(name, len(content) + 1) == content else Put.TAKEN
        except FileNotFoundError:
            return None
        except NoPlainFile:
            return Put.TAKEN
        except PermissionError:
            pass
    size = files.size(name)
    return None if size is None else Put.THERE if size == len(content) else Put.TAKEN


def _came_whole(files: Files, part: str, content: bytes) -> bool:
    try:
        return files.read(part, len(content) + 1) == content
    except FileNotFoundError:  # another program takes files before they are complete
        return False
    except PermissionError:
        return files.size(part) in (None, len(content))
