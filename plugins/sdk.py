"""The version of what vendors may rely on, and whether an installed package was written for it.

A package declares the version that it is written for in its metadata, beside its connectors:

    [project.entry-points."skolnav.sdk"]
    1 = "acme_kitchen"

The name is the version, the value the package's module. The hub reads it before it imports anything of the package, so
that a name which the SDK no longer has leads to a plain message and not to an ImportError. A package that declares
nothing is written for version 1.
"""

import re
from importlib.metadata import EntryPoint
from typing import Final

from plugins.texts import Text

ENTRY_POINT_GROUP: Final = "skolnav.sdk"
MAJOR: Final = 1
"""Rises with each incompatible change of the public names (`skolnav/surface.txt`)."""
MINOR: Final = 0
"""Rises with each addition; 0 again after a new major version."""

_VERSION: Final = re.compile(r"([1-9][0-9]{0,3})(?:\.(0|[1-9][0-9]{0,3}))?\Z")


def refusal(point: EntryPoint) -> Text | None:
    """Why the package of an entry point can't be used with this SDK, and what to do; None if it can be used.

    A package may declare several major versions; one of them is enough.
    """
    found = declared(point)
    if not found:
        return None if MAJOR == 1 else _other("1")
    if odd := [name for name in found if not _VERSION.match(name)]:
        return Text(
            f"entry point-gruppen {ENTRY_POINT_GROUP} har namnet {odd[0]!r}, som inte är en version. "
            f"Leverantören ska skriva till exempel {MAJOR} eller {MAJOR}.{MINOR}",
            f"its entry point group {ENTRY_POINT_GROUP} has the name {odd[0]!r}, which is no version. "
            f"Its vendor should write {MAJOR} or {MAJOR}.{MINOR}, for example",
        )
    if any(_fits(name) for name in found):
        return None
    return _other(", ".join(found))


def declared(point: EntryPoint) -> list[str]:
    """The versions of the SDK that the package of an entry point is written for, as it states them."""
    return (
        sorted(each.name for each in point.dist.entry_points if each.group == ENTRY_POINT_GROUP) if point.dist else []
    )


def _fits(version: str) -> bool:
    major, minor = _VERSION.fullmatch(version).groups()  # type: ignore[union-attr]  # the caller has matched it
    return int(major) == MAJOR and int(minor or 0) <= MINOR


def _other(versions: str) -> Text:
    return Text(
        f"paketet är skrivet för version {versions} av Skolnavs SDK, och den här hubben har version {MAJOR}.{MINOR}. "
        f"Installera en utgåva av paketet för version {MAJOR}, eller en hubb med version {versions}",
        f"it is written for version {versions} of Skolnav's SDK, and this hub has version {MAJOR}.{MINOR}. "
        f"Install a release of the package for version {MAJOR}, or a hub with version {versions}",
    )
