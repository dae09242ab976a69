"""What one package can change for the whole process, and so for the hub and all connectors in it."""

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

Seen = Mapping[str, Any]


def _umask() -> int:
    now = os.umask(0o077)  # the system returns the mask only to a call that sets one
    os.umask(now)
    return now


def _is_closed(stream: Any) -> bool:
    """A stream that a package has put in the place of Python's may have no `closed`. None takes what is printed."""
    return bool(getattr(stream, "closed", False))


_LOOKS: Final[Mapping[str, Callable[[], Any]]] = {
    "os.chdir": os.getcwd,
    "os.umask": _umask,
    "sys.stdout": lambda: _is_closed(sys.stdout),
    "sys.stderr": lambda: _is_closed(sys.stderr),
    "signal.signal": lambda: [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)],
    "logging.disable": lambda: logging.root.manager.disable,
    "socket.setdefaulttimeout": socket.getdefaulttimeout,
    "sys.setrecursionlimit": sys.getrecursionlimit,
}
"""How to see each change, by the name of what makes it, which the refusal says.

Only changes that would keep the hub or another connector from its work.
"""


def seen() -> Seen:
    return {**{name: look() for name, look in _LOOKS.items()}, "os.environ": dict(os.environ)}


def changed(before: Seen) -> list[str]:
    """What differs now: `os.chdir`, `threading.Thread (poller)`. A new environment variable is no change."""
    now = seen()
    found = [name for name in _LOOKS if now[name] != before[name]]
    if any(now["os.environ"].get(name) != value for name, value in before["os.environ"].items()):
        found.append("os.environ")
    main = threading.main_thread()
    return found + [f"threading.Thread ({each.name})" for each in threading.enumerate() if each is not main]
