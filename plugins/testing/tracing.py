"""Which lines of a connector's package call functions of Python whose answer depends on the machine or the process."""

import sys
import threading
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final

from plugins.connector import Connector
from plugins.testing.surroundings import package_of

# Functions in C, by name and the class or module that they belong to.
CLOCKS: Final = frozenset(
    {
        ("now", "datetime"),
        ("utcnow", "datetime"),
        ("today", "datetime"),
        ("today", "date"),
        ("time", "time"),
        ("time_ns", "time"),
        ("localtime", "time"),
        ("gmtime", "time"),
        ("ctime", "time"),
        ("strftime", "time"),
    }
)
DIFFERENT_IN_EACH_PROCESS: Final = frozenset({("hash", "builtins"), ("getpid", "posix"), ("getpid", "nt")})
_OF_OBJECTS: Final = ("__hash__", "__eq__")  # these may call hash(): what they answer stays in memory


@contextmanager
def lines_that_call(connector: type[Connector[Any]], functions: Set[tuple[str, str]]) -> Iterator[set[str]]:
    """The lines of the connector's package that call one of the functions, in threads that begin in the block."""
    found: set[str] = set()
    names = {name for name, _ in functions}
    packages = {package_of(cls) for cls in connector.__mro__} - {"plugins", "builtins", "typing"}
    thread_name = f"skolnav-{connector.name}"

    def noting(frame: FrameType, event: str, called: Any) -> None:
        if event != "c_call" or called.__name__ not in names or frame.f_code.co_name in _OF_OBJECTS:
            return
        owner = getattr(called, "__self__", None)
        if (called.__name__, getattr(owner, "__name__", "")) not in functions:
            return
        module = frame.f_globals.get("__name__", "")
        if any(module == package or module.startswith(f"{package}.") for package in packages):
            found.add(f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno} {called.__name__}()")

    def begin(frame: FrameType, event: str, called: Any) -> None:
        # Only in the instance's own threads: the far side may run in this process too.
        sys.setprofile(noting if threading.current_thread().name.startswith(thread_name) else None)

    threading.setprofile(begin)
    try:
        yield found
    finally:
        threading.setprofile(None)
