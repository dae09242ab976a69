"""Which packages are installed in the entry point group, read from their metadata alone: none is imported."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, distributions
from typing import Final

from plugins.hookspecs import ENTRY_POINT_GROUP

OWN: Final = "skolnav"
"""The distribution of the built-in connectors."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One entry point, and the distribution that has it."""

    point: EntryPoint
    distribution: str
    version: str
    files: str = ""  # a digest of the distribution's list of files: another build of the same version has another one

    @property
    def package(self) -> str:
        """What an operator reads: `<distribution> (<entry point>)`."""
        return f"{self.distribution} ({self.point.name})"

    @property
    def built_in(self) -> bool:
        return self.distribution == OWN


@dataclass(frozen=True, slots=True)
class Found:
    offers: tuple[Offer, ...]  # in the order of the entry points' names
    unreadable: tuple[str, ...]  # folders of distributions that have entry points in the group and can't be read


def find() -> Found:
    """Look at each distribution separately: `importlib.metadata.entry_points` raises for all if one can't be read."""
    found: dict[str, list[Offer]] = {}
    unreadable: list[str] = []
    for distribution in distributions():
        try:
            name = distribution.metadata["Name"].lower().replace("_", "-")
            found.setdefault(name, list(_offers(distribution)))  # the first on the path counts, as for imports
        except Exception:
            if _may_offer(distribution):
                unreadable.append(str(getattr(distribution, "_path", "unknown")))
    offers = sorted((each for offered in found.values() for each in offered), key=lambda each: each.point.name)
    return Found(tuple(offers), tuple(unreadable))


def _offers(distribution: Distribution) -> Iterator[Offer]:
    points = [point for point in distribution.entry_points if point.group == ENTRY_POINT_GROUP]
    if points:
        record = distribution.read_text("RECORD") or ""
        files = hashlib.sha256(record.encode()).hexdigest()
        for point in points:
            yield Offer(point, str(distribution.metadata["Name"]), str(distribution.version or ""), files)


def _may_offer(distribution: Distribution) -> bool:
    try:
        return ENTRY_POINT_GROUP in (distribution.read_text("entry_points.txt") or "")
    except Exception:
        return False
