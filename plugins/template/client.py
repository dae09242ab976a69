"""The wire only: files in a folder. What goes wrong there becomes one of the hub's kinds of errors here."""

import os
from pathlib import Path

from plugins import ConfigurationError, TemporaryError


class Client:
    """Blocking; call it through `ctx.blocking`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str) -> bytes | None:
        """What is there under a name; None if nothing is. Raises TemporaryError."""
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _away(error) from None

    def write(self, name: str, content: bytes) -> None:
        """Put a whole file there: nobody ever sees half of one. Raises TemporaryError."""
        part = self._folder / f".{name}.part"
        try:
            part.write_bytes(content)
            os.replace(part, self._folder / name)
        except OSError as error:
            raise _away(error) from None

    def probe(self) -> None:
        """Write, read back and remove a file. Raises ConfigurationError, TemporaryError."""
        if not self._folder.is_dir():
            raise ConfigurationError(
                "the folder is not there", fix="Make it, or correct `folder`", code="folder-missing"
            )
        self.write(".probe", b"probe")
        if self.read(".probe") != b"probe":
            raise TemporaryError("the folder does not give back what was written", code="folder-odd")
        (self._folder / ".probe").unlink(missing_ok=True)


def _away(error: OSError) -> TemporaryError:
    # The error's own text names the file: only its kind is told.
    return TemporaryError("the folder can't be used now", why=os.strerror(error.errno or 0), code="folder-away")
