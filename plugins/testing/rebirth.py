"""What the modules of a connector's package hold in another process: a test's restart goes on in the process it is in.

A key that is drawn when a module is imported is the same for all instances of one process, and another one after a real
restart. So the package is imported once more, in a process of its own, and a restart takes the plain values from there.
"""

import importlib
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import ModuleType
from typing import Any, Final
from uuid import UUID

from plugins.connector import Connector
from plugins.testing.surroundings import package_of

_LIMIT_S: Final = 60
_PLAIN: Final = (str, bytes, int, float, UUID)
_CHILD: Final = (
    "import pickle, sys; ask = pickle.load(sys.stdin.buffer); sys.path[:] = ask[0]; "
    "from plugins.testing.rebirth import write_values; write_values(*ask[1:])"
)
Values = dict[tuple[str, str, str], Any]
"""Plain values by module, class (empty for the module's own) and name."""


@contextmanager
def in_another_process(connector: type[Connector[Any]]) -> Iterator[None]:
    """In the block the package's modules and classes have the plain values that they have in another process."""
    here, package = values_of(package_of(connector)), package_of(connector)
    there = _imported_again(connector.__module__, package)
    changed = {at: value for at, value in there.items() if at in here and here[at] != value}
    try:
        _set(changed)
        yield
    finally:
        _set({at: here[at] for at in changed})


def values_of(package: str) -> Values:
    found: Values = {}
    for name, module in list(sys.modules.items()):
        if name == package or name.startswith(f"{package}."):
            for cls, owner in _owners(module):
                for attribute, value in list(vars(owner).items()):
                    if type(value) in _PLAIN and not attribute.startswith("__"):
                        found[name, cls, attribute] = value
    return found


def _owners(module: ModuleType) -> Iterator[tuple[str, Any]]:
    yield "", module
    for name, cls in list(vars(module).items()):
        if isinstance(cls, type) and cls.__module__ == module.__name__:
            yield name, cls


def _set(values: Values) -> None:
    for (module, cls, name), value in values.items():
        owner = getattr(sys.modules[module], cls) if cls else sys.modules[module]
        setattr(owner, name, value)


@cache
def _imported_again(module: str, package: str) -> Values:
    """Empty where the module can't be imported by its name: what a test makes has no other process."""
    try:
        done = subprocess.run(  # noqa: S603 - this interpreter
            [sys.executable, "-c", _CHILD],
            input=pickle.dumps((sys.path, module, package)),
            capture_output=True,
            timeout=_LIMIT_S,
            check=True,
        )
    except (subprocess.SubprocessError, OSError):
        return {}
    return pickle.loads(done.stdout)  # type: ignore[no-any-return]  # noqa: S301 - the tested package's own process


def write_values(module: str, package: str) -> None:
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the package prints is no answer
    importlib.import_module(module)
    answers.write(pickle.dumps(values_of(package)))
    answers.flush()
    os._exit(0)
