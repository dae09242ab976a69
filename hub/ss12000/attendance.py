"""A pupil has one attendance at a lesson: a new report corrects it, whichever source the earlier one came from."""

from collections.abc import Mapping
from typing import Any, Final

from hub.bus.base import Log, Stored
from hub.ss12000.facts import facts
from hub.ss12000.resources import ATTENDANCES, Resource
from hub.ss12000.shapes import Shaper

PEOPLE: Final = ("student", "person", "registeredBy", "reporter")
"""The fields of a reported object that name a person."""


async def known(log: Log, data: Mapping[str, Any]) -> Stored | None:
    """The newest event about this pupil's attendance at this lesson, or None. Raises LogUnavailable.

    Read from the log and not from the index: a hub whose clients only report needs no index of attendances.
    """
    asked = facts(ATTENDANCES.kind, data, 0)
    found = [
        each
        for each in await log.states_about(asked.student, {ATTENDANCES.kind})
        if each.type in ATTENDANCES.types
        and (other := facts(ATTENDANCES.kind, each.parsed.get("data") or {}, 0)).lesson == asked.lesson
        and other.student == asked.student
    ]
    return max(found, key=lambda each: each.at, default=None)


def is_same(resource: Resource, before: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    """Whether both have the same content: the standard's object without its id, and the marks on its references."""
    return _content(resource, before) == _content(resource, data)


def _content(resource: Resource, data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    marks = {
        name: ref["securityMarking"]
        for name in PEOPLE
        if isinstance(ref := data.get(name), dict) and ref.get("securityMarking") is not None
    }
    return {**(resource.shape(data, Shaper(named=False)) or {}), "id": None}, marks
