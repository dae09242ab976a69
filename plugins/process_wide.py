"""What one package can change for the whole process, and so for the hub and all connectors in it."""

import asyncio
import logging
import os
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

Seen = Mapping[str, Any]


def _umask() -> int:
    now = os.umask(0o077)  # the system returns the mask only to a call that sets one
    os.umask(now)
    return now


def _is_closed(stream: Any) -> bool:
    """A stream that a package has put in the place of Python's may have no `closed`. A stream may also be None."""
    return bool(getattr(stream, "closed", False))


_LIMITS: Final = (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_CPU, resource.RLIMIT_AS)
_LOOKS: Final[Mapping[str, Callable[[], Any]]] = {
    "os.chdir": os.getcwd,
    "os.umask": _umask,
    "sys.stdout": lambda: _is_closed(sys.stdout),
    "sys.stderr": lambda: _is_closed(sys.stderr),
    # Each of them: with the system's own handler of SIGPIPE, a client that hangs up would end the hub.
    "signal.signal": lambda: {each: signal.getsignal(each) for each in signal.valid_signals()},
    "logging.disable": lambda: logging.root.manager.disable,
    "socket.setdefaulttimeout": socket.getdefaulttimeout,
    "sys.setrecursionlimit": sys.getrecursionlimit,
    "sys.excepthook": lambda: sys.excepthook,
    "socket.socket": lambda: (socket.socket, socket.socket.connect, socket.socket.accept, socket.getaddrinfo),
    "time.sleep": lambda: (time.sleep, time.time, time.monotonic),
    "threading.Thread": lambda: threading.Thread,
    "asyncio.set_event_loop_policy": lambda: asyncio.get_event_loop_policy(),
    "resource.setrlimit": lambda: [resource.getrlimit(each) for each in _LIMITS],
}
"""How to see each change, by the name of what makes it, which the refusal says.

Only changes that would keep the hub or another connector from its work.
"""


def seen() -> Seen:
    looked = {name: look() for name, look in _LOOKS.items()}
    return {**looked, "os.environ": dict(os.environ), "sys.path": list(sys.path)}


def changed(before: Seen) -> list[str]:
    """What differs now: `os.chdir`, `threading.Thread (poller)`.

    A new environment variable is no change, and neither is a new entry of `sys.path`.
    """
    now = seen()
    found = [name for name in _LOOKS if now[name] != before[name]]
    if any(now["os.environ"].get(name) != value for name, value in before["os.environ"].items()):
        found.append("os.environ")
    if not set(before["sys.path"]) <= set(now["sys.path"]):
        found.append("sys.path")
    main = threading.main_thread()
    return found + [f"threading.Thread ({each.name})" for each in threading.enumerate() if each is not main]
