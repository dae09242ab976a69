"""Names that will go: they work for at least two minor versions, and using them says what replaces them.

    # at the end of skolnav/sdk.py, when `Listing` has become `Pages`
    __getattr__ = deprecated(__name__, {"Listing": Deprecated(value=Pages, since="1.1", use="skolnav.rest.Pages")})

The name stays in `__all__`, so it stays in `skolnav/surface.txt` until a new major version removes it.
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

KEPT_MINORS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Deprecated:
    """A name that will go. `since`: the version of the SDK that deprecated it. `use`: what replaces it, in full."""

    value: Any
    since: str
    use: str

    def may_go(self, last_minor: int) -> bool:
        """Whether it has been deprecated for long enough when `last_minor` was the last minor of its major version."""
        return last_minor - int(self.since.partition(".")[2]) >= KEPT_MINORS


def deprecated(module: str, names: Mapping[str, Deprecated]) -> Callable[[str], Any]:
    """The `__getattr__` of a module in which these names will go. Each use is a DeprecationWarning at its line."""

    def getattr_of_module(name: str) -> Any:
        found = names.get(name)
        if found is None:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        says = f"{module}.{name} is deprecated since version {found.since} of the SDK: use {found.use}"
        warnings.warn(says, DeprecationWarning, stacklevel=2)
        return found.value

    return getattr_of_module
