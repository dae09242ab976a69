"""How much an instance of a connector holds in memory, without what the hub and the libraries keep for it."""

import asyncio
import gc
import logging
import sys
import threading
from collections.abc import Iterator
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, Final

from plugins.connector import Connector, ConnectorConfig

# What these hold is not the connector's: the hub, the loop, connections, the modules of a package.
_OTHERS: Final = (
    *(type, ModuleType, BuiltinFunctionType, asyncio.AbstractEventLoop, threading.Thread, logging.Logger),
    *(ConnectorConfig, asyncio.StreamReader, asyncio.StreamWriter, asyncio.BaseTransport),
)
_ROOMS: Final = ("hub.", "plugins.", "httpx.", "httpcore.", "anyio.", "ssl.", "paramiko.", "zeep.", "logging.")
_MOST: Final = 300_000  # objects; more than any test makes a connector hold


def held(instance: Connector[Any], *calls: Any) -> int:
    """The bytes of all that an instance's attributes lead to, and the variables of `calls`: coroutines of the instance.

    May be called from another thread while the instance works.
    """
    seen: set[int] = {id(instance), *map(id, calls)}
    size, waiting = 0, [value for name, value in list(vars(instance).items()) if name not in ("ctx", "config")]
    waiting += [each for call in calls for each in gc.get_referents(call)]
    while waiting and len(seen) < _MOST:
        each = waiting.pop()
        if id(each) in seen or _is_others(each):
            continue
        seen.add(id(each))
        size += sys.getsizeof(each, 0)
        waiting += _inside(each)
    return size


def _is_others(value: Any) -> bool:
    module = getattr(type(value), "__module__", "") or ""
    return isinstance(value, _OTHERS) or f"{module}.".startswith(_ROOMS)


def _inside(value: Any) -> Iterator[Any]:
    if isinstance(value, FunctionType):  # its globals are the module's
        yield from (cell.cell_contents for cell in value.__closure__ or () if _is_full(cell))
        yield from value.__defaults__ or ()
    else:
        yield from gc.get_referents(value)


def _is_full(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True
