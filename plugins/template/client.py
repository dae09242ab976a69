"""The wire only: files in a folder. Failures of the folder become one of the hub's kinds of errors here."""

import os
from pathlib import Path

from plugins import ConfigurationError, TemporaryError


class Client:
    """Blocking; call it through `ctx.blocking`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str) -> bytes | None:
        """The content of a file; None if there is no such file. Raises TemporaryError."""
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _away(error) from None

    def write(self, name: str, content: bytes) -> None:
        """Write a file so that no reader ever sees half of it. Raises TemporaryError."""
        part = self._folder / f".{name}.part"
        try:
            part.write_bytes(content)
            os.replace(part, self._folder / name)
        except OSError as error:
            raise _away(error) from None

    def probe(self) -> None:
        """Write a file, read it back and remove it. Raises ConfigurationError, TemporaryError."""
        if not self._folder.is_dir():
            raise ConfigurationError(
                "the folder does not exist", fix="Make it, or correct `folder`", code="folder-missing"
            )
        self.write(".probe", b"probe")
        if self.read(".probe") != b"probe":
            raise TemporaryError("the folder does not give back what was written", code="folder-odd")
        (self._folder / ".probe").unlink(missing_ok=True)


def _away(error: OSError) -> TemporaryError:
    # The error's own text names the file, so only its kind is shown.
    return TemporaryError("the folder cannot be used now", why=os.strerror(error.errno or 0), code="folder-away")
