"""What all code in a process shares, and what instances of a class share: to see whether a connector changes it."""

import locale
import logging
import os
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Self

from plugins.connector import Connector

_CONTAINERS: Final = (list, dict, set, deque)


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
        "sys.getrecursionlimit": sys.getrecursionlimit(),
        "sys.getswitchinterval": sys.getswitchinterval(),
    }


def package_of(cls: type[Any]) -> str:
    """The vendor's package: the one that a class's module is in, or the module itself."""
    return cls.__module__.rpartition(".")[0] or cls.__module__


def _containers(connector: type[Connector[Any]]) -> Iterator[tuple[str, Any]]:
    """The lists, dicts and sets of the connector's classes, and of the modules in its package."""
    for cls in connector.__mro__:
        if cls.__module__.partition(".")[0] in ("plugins", "builtins", "typing", "abc"):
            continue
        for name, value in vars(cls).items():
            if isinstance(value, _CONTAINERS) and not name.startswith("__"):
                yield f"{cls.__qualname__}.{name}", value
    package = package_of(connector)
    for module_name, module in list(sys.modules.items()):
        if module is None or not (module_name == connector.__module__ or module_name.startswith(f"{package}.")):
            continue
        for name, value in list(vars(module).items()):
            if isinstance(value, _CONTAINERS) and not name.startswith("__"):
                yield f"{module_name.rpartition('.')[2]}.{name}", value
