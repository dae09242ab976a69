"""The level of a connector as `pytest --skolnav-report --skolnav-level` has measured it, in a file of its package.

The file says of which code the level was measured: a package whose code has changed since then has no known level.
"""

import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from plugins.connector import Connector

FILE: Final = "skolnav-level.json"


def folder_of(cls: type[Connector[Any]]) -> Path | None:
    """The folder of the package that a class is in; None for a module that is in no package."""
    for name in (cls.__module__, cls.__module__.rpartition(".")[0]):
        module = sys.modules.get(name)
        if module is not None and hasattr(module, "__path__") and module.__file__:
            return Path(module.__file__).parent
    return None


def measured(cls: type[Connector[Any]]) -> str:
    """The level that was measured of this code: `gold`. Empty if none was, or of other code."""
    folder = folder_of(cls)
    if folder is None:
        return ""
    try:
        found = json.loads((folder / FILE).read_text("utf-8"))[cls.name]
        return str(found["level"]) if found["code"] == digest(folder) else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def write(folder: Path, levels: Mapping[str, str]) -> Path:
    """Write the levels, by connector, as measured of the code that is in a package's folder now."""
    file, code = folder / FILE, digest(folder)
    content = {name: {"level": level, "code": code} for name, level in sorted(levels.items())}
    file.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
    return file


def digest(folder: Path) -> str:
    """Differs where any Python file of the package does."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        found.update(f"{path.relative_to(folder).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()
