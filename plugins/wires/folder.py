"""The wire to a folder on this machine, which another system reads."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from plugins.rehearsal import current
from plugins.wires import words
from plugins.wires.failures import FarSide
from plugins.wires.files import FILE_MODE, Files, NoPlainFile, Put, is_part, probe, put
from plugins.wires.settings import FolderSettings


class Folder:
    """A `FileWire`. A folder that is missing is temporary: a share that was not mounted comes back by itself."""

    def __init__(self, settings: FolderSettings, far_side: FarSide) -> None:
        self._to = settings
        self._far_side = far_side

    def put(self, name: str, content: bytes) -> Put:
        if (rehearsal := current()) is not None:
            rehearsal.note(f"put {self._to.path / name}", content)
            return Put.WRITTEN
        with self._errors():
            return put(self._files(), name, content, self._far_side, read_back=self._to.read_back)

    def probe(self) -> None:
        if current() is not None:
            return
        with self._errors():
            probe(self._files(), self._far_side, read_back=self._to.read_back)

    def _files(self) -> Files:
        return _LocalFiles(self._to.path)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._far_side.temporary(words.FOLDER, **system_error(error)) from None


def system_error(error: OSError) -> dict[str, Any]:
    """`why` in the operating system's terms, without the file's name."""
    if not error.errno:
        return {"why": words.REFUSED_OPERATION}
    name = errno.errorcode.get(error.errno, "error")
    return {"why": words.SYSTEM_ERROR, "name": name, "explained": os.strerror(error.errno)}


class _LocalFiles:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.stat()  # else a missing folder would look like a missing file

    def read(self, name: str, limit: int) -> bytes:
        try:
            # Not blocking: a pipe that has the name has no writer.
            handle = os.open(self._folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO):  # a link, a socket
                raise NoPlainFile from None
            raise
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise NoPlainFile
        with open(handle, "rb") as file:
            return file.read(limit)

    def size(self, name: str) -> int | None:
        try:
            found = (self._folder / name).lstat()
        except FileNotFoundError:
            return None
        return found.st_size if stat.S_ISREG(found.st_mode) else -1  # no file is as long as a link

    def create(self, name: str, content: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(self._folder / name, flags, FILE_MODE), "wb") as file:
            with suppress(PermissionError):  # a share may have rights of its own
                os.fchmod(file.fileno(), FILE_MODE)  # whatever the umask
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def rename(self, old: str, new: str) -> None:
        try:
            os.link(self._folder / old, self._folder / new, follow_symlinks=False)
            os.unlink(self._folder / old)
        except FileExistsError:
            raise
        except OSError:  # some shares have no links
            if self.size(new) is not None:
                raise FileExistsError from None
            os.rename(self._folder / old, self._folder / new)
        with suppress(PermissionError):  # a drop box can't be opened
            folder = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def remove(self, name: str) -> None:
        (self._folder / name).unlink()

    def parts(self, name: str) -> list[str]:
        try:
            return [entry for entry in os.listdir(self._folder) if is_part(entry, name)]
        except PermissionError:
            return []
