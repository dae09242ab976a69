"""A rehearsal: a connector works as always, and what it would do at the far side is shown instead of done.

The wires ask `current()`. What a connector does without them (a socket, a file, a program of its own) is refused by an
audit hook of Python, and named. Only one rehearsal runs in a process at a time.
"""

import errno
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

_WRITES: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_AWAY: Final = frozenset(
    {
        *("socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "subprocess.Popen", "os.system"),
    }
)
_FILES: Final = frozenset(
    {
        *("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink", "os.chmod"),
    }
)


class NotDone(PermissionError):
    """A rehearsal did not let this happen."""


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that the connector would have done: what, where, and with which content."""

    what: str
    content: bytes = field(default=b"", repr=False)


class Rehearsal:
    """Inside its `with` block nothing is done at a far side. `folder` is a place where files may be written."""

    def __init__(self) -> None:
        self.deeds: list[Deed] = []
        self._folder = tempfile.TemporaryDirectory(prefix="skolnav-rehearsal-")
        self.folder = Path(self._folder.name)
        # The rehearsal's own folder, and that of the hub which runs it.
        self._allowed = (os.path.join(tempfile.gettempdir(), "skolnav-"), "/dev/")

    def __enter__(self) -> Self:
        global _current
        if _current is not None:
            raise RuntimeError("a rehearsal is under way")
        _listen()
        _current = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        global _current
        _current = None
        self._folder.cleanup()

    def note(self, what: str, content: bytes = b"") -> None:
        self.deeds.append(Deed(what, content))

    def audited(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Raises NotDone for what would have an effect outside."""
        if event == "open":
            path, mode, flags = arguments
            writes = any(letter in mode for letter in "wxa+") if isinstance(mode, str) else bool((flags or 0) & _WRITES)
            if not writes or not isinstance(path, str | bytes | os.PathLike) or self._may_write(path):
                return
        elif event in _FILES and self._may_write(_whole(event, arguments)):
            return
        what = (
            f"{event} {' '.join(_shown(each) for each in arguments if isinstance(each, str | bytes | tuple))}".strip()
        )
        self.note(what)
        raise NotDone(errno.EPERM, f"not done in a rehearsal: {event}")

    def _may_write(self, path: Any) -> bool:
        if not isinstance(path, str | bytes | os.PathLike):
            return False
        name = os.path.abspath(os.fsdecode(path))
        return name.startswith(self._allowed) or "__pycache__" in name


_current: Rehearsal | None = None
_listening: list[Callable[..., None]] = []


def current() -> Rehearsal | None:
    """The rehearsal that is under way; None while things are done as always."""
    return _current


def _listen() -> None:
    """An audit hook stays for the life of the process; without a rehearsal it does nothing."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if _current is not None and (event == "open" or event in _AWAY or event in _FILES):
            _current.audited(event, arguments)

    if not _listening:
        _listening.append(hook)
        sys.addaudithook(hook)


def _whole(event: str, arguments: tuple[Any, ...]) -> Any:
    """The path that a call changes; one that is relative to a folder's descriptor, with that folder."""
    path = arguments[0]
    of = arguments[-2] if event in ("os.rename", "os.link") and len(arguments) > 2 else arguments[-1]
    if event != "os.truncate" and isinstance(of, int) and of >= 0 and isinstance(path, str | bytes):
        try:
            return os.path.join(os.readlink(f"/proc/self/fd/{of}"), os.fsdecode(path))
        except OSError:
            return path
    return path


def _shown(value: Any) -> str:
    return os.fsdecode(value) if isinstance(value, str | bytes) else ":".join(map(str, value[:2]))
