"""Checks that Skolnav's import names, which are common words, lead to Skolnav's own packages here.

The check imports none of them: a package that shadows one may do anything at import.
"""

import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Final

from hub.cli.exits import Code, Failure
from hub.cli.language import say

NAMES: Final = ("hub", "plugins", "connectors", "schemas", "skolnav")
DISTRIBUTION: Final = "skolnav"


def check() -> None:
    """Raises Failure where another distribution or a folder on Python's path shadows one of the names."""
    own = Path(__file__).parents[2]
    for name in NAMES:
        where = _found(name)
        if where is None or not where.samefile(own / name):
            if owner := _owners().get(name):
                raise Failure(Code.USAGE, say("failure.shadowed", name=name, where=where, owner=owner))
            raise Failure(Code.USAGE, say("failure.shadowed-folder", name=name, where=where))


def check_distributions() -> None:
    """Like `check`, for other distributions: an installer may have mixed their files and Skolnav's in one folder.

    Raises Failure.
    """
    for name, owner in _owners().items():
        where = Path(__file__).parents[2] / name
        raise Failure(Code.USAGE, say("failure.shadowed", name=name, where=where, owner=owner))


def _found(name: str) -> Path | None:
    """What an import of this name would load: a package's folder, or a module's file."""
    for finder in sys.meta_path:
        # Not importlib.util.find_spec, which for a loaded module only returns where it was loaded from.
        spec = finder.find_spec(name, None) if hasattr(finder, "find_spec") else None
        if spec is not None:
            # A folder without `__init__.py` shadows too if Skolnav is installed as editable.
            places = [spec.origin] if spec.submodule_search_locations is None else spec.submodule_search_locations
            return next((Path(place) for place in places if place and Path(place).exists()), None)
    return None


def _owners() -> dict[str, str]:
    """The other distributions that have a top-level package of one of the names, by name: usually none."""
    found: dict[str, str] = {}
    for each in distributions():
        try:
            if each.name != DISTRIBUTION:
                found |= dict.fromkeys(_brought(each), f"{each.name} {each.version}")
        except Exception:  # noqa: S112 - its metadata can't be read, and must not keep the hub from its work
            continue
    return found


def _brought(distribution: Distribution) -> set[str]:
    if (listed := distribution.read_text("top_level.txt")) is not None:
        found = set(listed.split())
    elif (record := distribution.read_text("RECORD")) is not None:  # read as text: as paths it takes ten times as long
        found = {line.partition(",")[0].partition("/")[0].removesuffix(".py") for line in record.splitlines()}
    else:
        found = {file.parts[0].removesuffix(".py") for file in distribution.files or ()}
    return found.intersection(NAMES)
