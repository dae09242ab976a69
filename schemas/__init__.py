"""What travels through the hub: the CloudEvents envelope, the event families and the catalogue of types. No I/O."""

from functools import cache

from schemas import absence, attendance, case, directory, meals, operator, schedule
from schemas.aggregate import Aggregate
from schemas.catalogue import Catalogue, Described, Entry, UnknownType
from schemas.category import Category
from schemas.contract import DataContract, Scope
from schemas.event import Event, InvalidEvent, Problem
from schemas.fields import Field
from schemas.payload import EventSpec, Part, Payload, PersonRef, Ref, Reference

CORE_TYPES: tuple[type[Payload], ...] = (
    *directory.TYPES,
    *schedule.TYPES,
    *absence.TYPES,
    *attendance.TYPES,
    *case.TYPES,
    *meals.TYPES,
    *operator.TYPES,
)


def core_catalogue() -> Catalogue:
    """A new catalogue with the hub's own types; vendors' types are registered on top by hook."""
    return _core().copy()


@cache
def _core() -> Catalogue:
    # Made once in a process, since each registration checks the type's examples.
    return Catalogue(CORE_TYPES)


__all__ = [
    "CORE_TYPES",
    "Aggregate",
    "Catalogue",
    "Category",
    "DataContract",
    "Described",
    "Entry",
    "Event",
    "EventSpec",
    "Field",
    "InvalidEvent",
    "Part",
    "Payload",
    "PersonRef",
    "Problem",
    "Ref",
    "Reference",
    "Scope",
    "UnknownType",
    "core_catalogue",
]
