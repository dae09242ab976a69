"""Makes the rooms' import names lead to Skolnav's own folders, also in a project that has a folder of such a name.

The rooms (`plugins`, `schemas`, `hub`, `connectors`) have common words for names. Without this, a vendor's folder
`plugins/` would hide Skolnav's from Python in the vendor's own tests. With this, both folders share the name: Skolnav's
modules come first, and the vendor's remain importable beside them.
"""

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Final

ROOMS: Final = ("schemas", "plugins", "connectors", "hub")  # none imports a later one at its import


class _Shared(list[str]):
    """A package's `__path__`: Skolnav's folder, then the folders of that name on `sys.path` as it is now."""

    def __init__(self, own: Path) -> None:
        super().__init__([str(own)])
        self._own = own

    def __iter__(self) -> Iterator[str]:
        yield str(self._own)
        for entry in sys.path:
            folder = Path(entry or ".", self._own.name)
            if folder.is_dir() and not folder.samefile(self._own):
                yield str(folder)


def claim(name: str, parent: Path) -> ModuleType:
    """Load the room `parent/name` under its name, if another folder is or would be loaded under it.

    Raises ImportError if the other folder has already loaded a module that has the name of one of Skolnav's.
    """
    own = parent / name
    loaded = sys.modules.get(name)
    if loaded is not None and _is_in(loaded, own):
        return loaded
    taken = [each for each in sys.modules if each.startswith(f"{name}.") and _has(own, each.split(".")[1])]
    if taken:
        raise ImportError(
            f"{', '.join(sorted(taken))} of {_folder(loaded)} has the name of a module of Skolnav's. "
            "Import skolnav before it, or rename it"
        )
    spec = importlib.util.spec_from_file_location(name, own / "__init__.py", submodule_search_locations=_Shared(own))
    if spec is None or spec.loader is None:
        raise ImportError(f"Skolnav's folder {name} is not beside its folder skolnav. Install skolnav anew")
    module = importlib.util.module_from_spec(spec)
    module.__path__ = _Shared(own)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        if loaded is not None:
            sys.modules[name] = loaded
        raise
    for attribute, value in vars(loaded).items() if loaded is not None else ():
        vars(module).setdefault(attribute, value)  # what the vendor's own folder offers under this name
    return module


def _is_in(module: ModuleType, folder: Path) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and Path(file).parent == folder


def _has(folder: Path, module: str) -> bool:
    return (folder / module).is_dir() or (folder / f"{module}.py").is_file()


def _folder(module: ModuleType | None) -> str:
    return str(next(iter(getattr(module, "__path__", [])), "another folder"))
