"""A rehearsal: a connector works as always, and what it would do at the far side is shown instead of done.

The wires ask `current()`. What a connector does without them (a socket, a file, a database, a program of its own) is
refused by an audit hook of Python, and named. Only one rehearsal runs in a process at a time.

Python does not report everything, and what it does not report is done: see `docs/vendors/tutorial.md`.
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
from urllib.parse import parse_qs, unquote, urlsplit

_WRITES: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_AWAY: Final = frozenset(
    {
        *("socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo"),
        *("subprocess.Popen", "os.system", "os.posix_spawn", "os.spawn", "os.exec", "os.fork", "os.forkpty"),
        *("pty.spawn", "os.kill", "os.killpg", "signal.pthread_kill"),
    }
)
# What changes a file, and where in the event's arguments: the index of each path, and of its folder's descriptor if the
# call can have one.
_FILES: Final[dict[str, tuple[tuple[int, int | None], ...]]] = {
    "os.remove": ((0, 1),),
    "os.rmdir": ((0, 1),),
    "os.mkdir": ((0, 2),),
    "os.rename": ((0, 2), (1, 3)),
    "os.link": ((0, 2), (1, 3)),
    "os.symlink": ((1, 2),),
    "os.chmod": ((0, 2),),
    "os.chown": ((0, 3),),
    "os.utime": ((0, 3),),
    "os.truncate": ((0, None),),
    "os.setxattr": ((0, None),),
    "os.removexattr": ((0, None),),
}
_OF_THE_NAME: Final = frozenset({"os.remove", "os.rmdir", "os.rename", "os.link", "os.symlink"})  # follows no last link
_HEARD: Final = frozenset({"open", "sqlite3.connect"}) | _AWAY | _FILES.keys()
_DEVICES: Final = ("/dev/null", "/dev/tty", "/dev/pts/")


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
        temporary = (os.path.realpath(tempfile.gettempdir()), "/dev/shm")  # noqa: S108 - a folder in memory, on Linux
        self._allowed = (*(os.path.join(folder, "skolnav-") for folder in temporary), *_DEVICES)

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
        elif event == "sqlite3.connect":
            if (database := _database(arguments[0])) is None or self._may_write(database):
                return
        elif event in _FILES:
            changed = [_whole(arguments, *where) for where in _FILES[event]]
            if all(self._may_write(path, of_the_name=event in _OF_THE_NAME) for path in changed):
                return
        what = (
            f"{event} {' '.join(_shown(each) for each in arguments if isinstance(each, str | bytes | tuple))}".strip()
        )
        self.note(what)
        raise NotDone(errno.EPERM, f"not done in a rehearsal: {event}")

    def _may_write(self, path: Any, *, of_the_name: bool = False) -> bool:
        """`of_the_name`: the call changes the name in its folder, and not what a link of that name leads to."""
        if not isinstance(path, str | bytes | os.PathLike):
            return False
        name = os.path.abspath(os.fsdecode(path))
        if of_the_name:
            name = os.path.join(os.path.realpath(os.path.dirname(name)), os.path.basename(name))
        else:
            name = os.path.realpath(name)
        return name.startswith(self._allowed) or "__pycache__" in name


_current: Rehearsal | None = None
_listening: list[Callable[..., None]] = []


def current() -> Rehearsal | None:
    """The rehearsal that is under way; None while things are done as always."""
    return _current


def _listen() -> None:
    """An audit hook stays for the life of the process; without a rehearsal it does nothing."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if _current is not None and event in _HEARD:
            _current.audited(event, arguments)

    if not _listening:
        _listening.append(hook)
        sys.addaudithook(hook)


def _whole(arguments: tuple[Any, ...], at: int, folder: int | None) -> Any:
    """The path that a call changes, with its folder if it is relative to a folder's descriptor."""
    path = arguments[at]
    if isinstance(path, int):
        return _of_descriptor(path)
    of = arguments[folder] if folder is not None and folder < len(arguments) else -1
    if isinstance(of, int) and of >= 0 and isinstance(path, str | bytes):
        within = _of_descriptor(of)
        return None if within is None else os.path.join(within, os.fsdecode(path))
    return path


def _of_descriptor(descriptor: int) -> str | None:
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        return None


def _database(given: Any) -> Any:
    """The file that a connection to SQLite may write; None if it can write none."""
    name = os.fsdecode(given) if isinstance(given, str | bytes | os.PathLike) else given
    if not isinstance(name, str) or name in ("", ":memory:"):
        return None
    if not name.startswith("file:"):
        return name
    address = urlsplit(name)
    asked = parse_qs(address.query)
    if asked.get("mode") in (["ro"], ["memory"]) or unquote(address.path) in ("", ":memory:"):
        return None
    return unquote(address.path)


def _shown(value: Any) -> str:
    return os.fsdecode(value) if isinstance(value, str | bytes) else ":".join(map(str, value[:2]))
