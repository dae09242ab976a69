"""What all code in a process shares, and what instances of a class share: to see whether a connector changes it."""

import functools
import gc
import locale
import logging
import os
import signal
import socket
import ssl
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Self

from plugins.connector import Connector

_CONTAINERS: Final = (list, dict, set, deque)
_CACHED: Final = type(functools.cache(len))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A reading of what is shared, by name."""

    values: dict[str, Any]

    @classmethod
    def now(cls, connector: type[Connector[Any]]) -> Self:
        return cls({**_of_process(), **{name: len(each) for name, each in _containers(connector)}})

    def changes(self, connector: type[Connector[Any]]) -> list[str]:
        """What differs now, by name; values are left out."""
        found = type(self).now(connector).values
        return [
            f"{name} ({_size(self.values.get(name))} -> {_size(value)})"
            for name, value in found.items()
            if value != self.values.get(name, value)
        ]


def _size(value: Any) -> str:
    return str(value) if isinstance(value, int | float) else "other"


def _of_process() -> dict[str, Any]:
    return {
        "os.getcwd": os.getcwd(),
        "os.environ": dict(os.environ, PYTEST_CURRENT_TEST=""),
        "locale": locale.setlocale(locale.LC_ALL),
        "socket.getdefaulttimeout": socket.getdefaulttimeout(),
        "sys.path": list(sys.path),
        "time.tzname": time.tzname,
        "signal.SIGTERM": signal.getsignal(signal.SIGTERM),
        "signal.SIGINT": signal.getsignal(signal.SIGINT),
        "logging.disable": logging.root.manager.disable,
        "logging.root.level": logging.root.level,
        "logging.root.handlers": len(logging.root.handlers),
        "ssl._create_default_https_context": vars(ssl).get("_create_default_https_context"),
        "gc.isenabled": gc.isenabled(),
        "sys.excepthook": sys.excepthook,
        "threading.stack_size": threading.stack_size(),
        "sys.getrecursionlimit": sys.getrecursionlimit(),
        "sys.getswitchinterval": sys.getswitchinterval(),
    }


def package_of(cls: type[Any]) -> str:
    """The vendor's package: the one that a class's module is in, or the module itself."""
    return cls.__module__.rpartition(".")[0] or cls.__module__


def caches(connector: type[Connector[Any]]) -> dict[str, int]:
    """Entries of each `functools.cache` without a bound in the connector's classes and the modules of its package."""
    found = {}
    for name, value in _shared(connector):
        inner = getattr(value, "__func__", value)  # of a static method or a class method
        if isinstance(inner, _CACHED) and inner.cache_parameters()["maxsize"] is None:
            found[name] = inner.cache_info().currsize
    return found


def _containers(connector: type[Connector[Any]]) -> Iterator[tuple[str, Any]]:
    """The lists, dicts and sets among what is shared."""
    return ((name, value) for name, value in _shared(connector) if isinstance(value, _CONTAINERS))


def _shared(connector: type[Connector[Any]]) -> Iterator[tuple[str, Any]]:
    """What the connector's classes, and the modules of its package, hold, by name."""
    for cls in connector.__mro__:
        if cls.__module__.partition(".")[0] in ("plugins", "builtins", "typing", "abc"):
            continue
        for name, value in vars(cls).items():
            if not name.startswith("__"):
                yield f"{cls.__qualname__}.{name}", value
    package = package_of(connector)
    for module_name, module in list(sys.modules.items()):
        if module is None or not (module_name == connector.__module__ or module_name.startswith(f"{package}.")):
            continue
        for name, value in list(vars(module).items()):
            if not name.startswith("__"):
                yield f"{module_name.rpartition('.')[2]}.{name}", value
