"""The wire only: files in a folder. Its failures become the hub's kinds of errors here, in Swedish and English."""

import errno
import os
from pathlib import Path

from skolnav.sdk import ConfigurationError, TemporaryError, Text


class Client:
    """Blocking; call it through `ctx.blocking`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str) -> bytes | None:
        """The content under a name; None if there is none. Raises TemporaryError."""
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _away(error) from None

    def write(self, name: str, content: bytes) -> None:
        """Put a whole file there: a reader never sees half of it. Raises TemporaryError."""
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
                Text("mappen finns inte", "the folder is not there"),
                fix=Text("Skapa den, eller rätta `folder`", "Make it, or correct `folder`"),
                code="folder-missing",
            )
        self.write(".probe", b"probe")
        if self.read(".probe") != b"probe":
            raise TemporaryError(
                Text("mappen ger inte tillbaka det som skrevs", "the folder does not give back the bytes written"),
                code="folder-odd",
            )
        (self._folder / ".probe").unlink(missing_ok=True)


def _away(error: OSError) -> TemporaryError:
    # The error's own text names the file: this gives only its kind.
    name = errno.errorcode.get(error.errno or 0, "")
    return TemporaryError(
        Text("mappen går inte att använda nu", "the folder can't be used now"), why=Text(name, name), code="folder-away"
    )
