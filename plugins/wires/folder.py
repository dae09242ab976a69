"""The wire to a folder on this machine, which another system reads."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from plugins.wires import words
from plugins.wires.failures import FarSide
from plugins.wires.files import Put, probe, put
from plugins.wires.settings import FolderSettings


class Folder:
    """A `FileWire`. A folder that is missing is temporary: a share that was not mounted comes back by itself."""

    def __init__(self, settings: FolderSettings, far_side: FarSide) -> None:
        self._files = _LocalFiles(settings.path)
        self._far_side = far_side

    def put(self, name: str, content: bytes) -> Put:
        with self._errors():
            return put(self._files, name, content, self._far_side)

    def probe(self) -> None:
        with self._errors():
            probe(self._files, self._far_side)

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

    def read(self, name: str, limit: int) -> bytes:
        self._folder.stat()  # else a missing folder would look like a missing file
        with (self._folder / name).open("rb") as file:
            return file.read(limit)

    def write(self, name: str, content: bytes) -> None:
        with (self._folder / name).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def rename(self, old: str, new: str) -> None:
        os.replace(self._folder / old, self._folder / new)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def remove(self, name: str) -> None:
        (self._folder / name).unlink()
