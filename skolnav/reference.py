"""The vendors' reference, from the code: `python -m skolnav.reference > docs/vendors/reference.md`."""

import importlib
import inspect
import sys
from collections import defaultdict
from typing import Any

from plugins.sdk import MAJOR, MINOR
from skolnav.surface import MODULES, current

_HEAD = """# Reference

Every public name of version {}.{} of the SDK. Generated from the code: `python -m skolnav.reference > \
docs/vendors/reference.md`. What a name is for is its first sentence; `help(name)` has the rest.
"""


def markdown() -> str:
    members: dict[str, list[str]] = defaultdict(list)
    signatures: dict[str, str] = {}
    for line in current():
        name, _, what = line.partition(" ")
        owner, _, member = name.rpartition(".")
        if _is_class(owner):
            members[owner].append(f"{member}: {what}")
        else:
            signatures[name] = what
    parts = [_HEAD.format(MAJOR, MINOR)]
    for module in MODULES:
        loaded = importlib.import_module(module)
        parts.append(f"## {module}\n\n{_sentence(loaded)}\n")
        for name in sorted(loaded.__all__, key=str.lower):
            full = f"{module}.{name}"
            value = getattr(loaded, name)
            parts.append(f"### {name}\n")
            if isinstance(value, type) or inspect.isroutine(value):
                parts.append(f"{_sentence(value)}\n")
            inside = members.get(full) or ([signatures[full]] if full in signatures else [])
            if inside:
                parts.append("\n".join(["```text", *inside, "```", ""]))
    return "\n".join(parts)


def _is_class(name: str) -> bool:
    module, _, last = name.rpartition(".")
    return module in MODULES and isinstance(getattr(importlib.import_module(module), last, None), type)


def _sentence(value: Any) -> str:
    """The first paragraph of a docstring of its own, on one line."""
    text = inspect.cleandoc(value.__doc__ or "")
    return " ".join(text.split("\n\n")[0].split())


if __name__ == "__main__":
    sys.stdout.write(markdown())
