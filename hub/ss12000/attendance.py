"""A pupil has one attendance a lesson: what is known of it before another is reported, whoever told it."""

from collections.abc import Mapping
from typing import Any, Final

from hub.bus.base import Log, Stored
from hub.ss12000.facts import facts
from hub.ss12000.resources import ATTENDANCES, Resource
from hub.ss12000.shapes import Shaper

PEOPLE: Final = ("student", "person", "registeredBy", "reporter")
"""Where what is reported here names a person."""


async def known(log: Log, data: Mapping[str, Any]) -> Stored | None:
    """The last that was told of the attendance of this pupil at this lesson. Raises LogUnavailable.

    From the log and not from the index: a hub that is only reported to keeps no index of attendances.
    """
    asked = facts(ATTENDANCES.kind, data, 0)
    found = [
        each
        for each in await log.states_about(asked.student)
        if each.type in ATTENDANCES.types
        and (told := facts(ATTENDANCES.kind, each.parsed.get("data") or {}, 0)).lesson == asked.lesson
        and told.student == asked.student
    ]
    return max(found, key=lambda each: each.at, default=None)


def is_same(resource: Resource, told: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    """Whether both say the same: all that the standard's object has but for its id, and the marks on references."""
    return _content(resource, told) == _content(resource, data)


def _content(resource: Resource, data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    marks = {
        name: ref["securityMarking"]
        for name in PEOPLE
        if isinstance(ref := data.get(name), dict) and ref.get("securityMarking") is not None
    }
    return {**(resource.shape(data, Shaper(False)) or {}), "id": None}, marks
