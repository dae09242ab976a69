"""Keeps the libraries that the hub uses from importing plugins of their own among the installed packages.

pydantic and alembic import each installed package that calls itself their plugin, in the hub's process and without a
time limit, and pydantic would show it every value that is validated. They also fail for all packages if the metadata of
one can't be read. The hub uses no such plugin; connectors are found by `plugins.packages`.
"""

import importlib.metadata
import os
from importlib.metadata import EntryPoints
from typing import Any


def ignore() -> None:
    """From now on no library in this process finds a plugin. pydantic finds none in child processes either."""
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
    importlib.metadata.entry_points = _none  # type: ignore[assignment]


def _none(**group: Any) -> EntryPoints:
    return EntryPoints(())
