"""Filters that follow references to other entities, such as the lessons of a pupil.

They use only references that the client may see.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final

from hub.ss12000.civic import civic_no
from hub.ss12000.index import Row
from hub.ss12000.sight import Sight

Match = Callable[[Row, Any], bool]
"""(row, its facts from the log's data or from what the client sees) -> whether the entity matches the filter."""

Join = Callable[[Sight, Any], Awaitable[Match]]

RELATIONSHIP: Final = "relationship."
RELATIONS: Final = frozenset(
    {
        "enrolment", "duty", "placement.child", "placement.owner", "responsibleFor.enrolment",
        "responsibleFor.placement", "groupMembership",
    }
)  # fmt: skip


def _some(value: Any) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (value,)


def _open_names(sight: Sight, person: str) -> frozenset[str]:
    """The ids of the person whom the client calls so; none if nothing about the person may be seen."""
    names = sight.person(person)
    return names if any(not sight.closed((name,)) for name in names) else frozenset()


async def _groups_with(sight: Sight, persons: Iterable[str]) -> set[str]:
    """Groups in which the client sees one of these persons (by its own ids for them) as a member at any time."""
    names: set[str] = set()
    groups: set[str] = set()
    for person in persons:
        for each in sight.person(person):
            names.add(each)
            if not sight.closed((each,)):
                groups.update(sight.services.directory.groups_of(each))
    found = set()
    for id, seen in (await sight.see_ids("group", sorted(groups))).items():
        members = {member["person"]["id"].lower() for member in seen.data.get("groupMemberships") or ()}
        if members & names:
            sight.look(seen)
            found.add(id)
    return found


async def _activities_of_groups(sight: Sight, groups: AbstractSet[str]) -> set[str]:
    known = sight.services.directory.activities
    candidates = sorted(id for id, each in known.items() if not groups.isdisjoint(each.groups)) if groups else []
    found = await sight.see_ids("activity", candidates)
    for seen in found.values():
        sight.look(seen)
    return set(found)


def _open_duties(sight: Sight, duties: Iterable[str]) -> frozenset[str]:
    """Those of these duties whose persons the client may see: what names the others must not even be read."""
    person_of = sight.services.directory.duty_person
    return frozenset(duty for duty in duties if (who := person_of(duty)) is not None and not sight.closed((who,)))


async def _activities_of_teachers(sight: Sight, duties: Collection[str]) -> set[str]:
    table = await sight.index.table("activity")
    people = {person for duty in duties if (person := sight.services.directory.duty_person(duty)) is not None}
    candidates = [
        row
        for row in table.rows.values()
        if not row.ended and (not people.isdisjoint(row.facts.teachers) or not set(duties).isdisjoint(row.facts.duties))
    ]
    names = people | {sight.called(person) for person in people}
    found = set()
    for seen in await sight.see(table, sorted(candidates, key=lambda row: row.key)):
        for teacher in seen.data.get("teachers") or ():
            duty, person = teacher.get("duty"), teacher.get("person")
            if (duty and duty["id"].lower() in duties) or (not duty and person and person["id"].lower() in names):
                sight.look(seen)
                found.add(seen.row.id)
                break
    return found


async def activities_by_member(sight: Sight, value: Any) -> Match:
    groups = await _groups_with(sight, _some(value))
    return lambda row, facts: not groups.isdisjoint(facts.groups)


async def activities_by_teacher(sight: Sight, value: Any) -> Match:
    found = await _activities_of_teachers(sight, _open_duties(sight, _some(value)))
    return lambda row, facts: row.id in found


async def activities_by_organisation(sight: Sight, value: Any) -> Match:
    directory = sight.services.directory
    parts = directory.with_parts(frozenset({value}))
    return lambda row, facts: (facts.organisation or directory.owner_of(row.id)[0]) in parts


async def duties_by_organisation(sight: Sight, value: Any) -> Match:
    parts = sight.services.directory.with_parts(frozenset({value}))
    return lambda row, facts: facts.organisation in parts


async def lessons_by_student(sight: Sight, value: Any) -> Match:
    students = _some(value)
    activities = await _activities_of_groups(sight, await _groups_with(sight, students))
    names = {name for each in students for name in _open_names(sight, each)}
    return lambda row, facts: facts.activity in activities or not names.isdisjoint(facts.students)


async def lessons_by_teacher(sight: Sight, value: Any) -> Match:
    duties = _open_duties(sight, _some(value))
    activities = await _activities_of_teachers(sight, duties)
    return lambda row, facts: facts.activity in activities or not duties.isdisjoint(facts.duties)


async def lessons_by_group(sight: Sight, value: Any) -> Match:
    activities = await _activities_of_groups(sight, {value})
    return lambda row, facts: facts.activity in activities


async def lessons_by_organisation(sight: Sight, value: Any) -> Match:
    directory = sight.services.directory
    parts = directory.with_parts(frozenset({value}))
    return lambda row, facts: (row.facts.organisation or directory.owner_of(facts.activity)[0]) in parts


async def attendances_by_organisation(sight: Sight, value: Any) -> Match:
    directory = sight.services.directory
    lessons = (await sight.index.table("lesson")).rows
    parts = directory.with_parts(frozenset({value}))

    def matches(row: Row, facts: Any) -> bool:
        organisation = row.facts.organisation
        if not organisation and (lesson := lessons.get(facts.lesson)) is not None:
            organisation = lesson.facts.organisation or directory.owner_of(lesson.facts.activity)[0]
        return organisation in parts

    return matches


async def attendances_by_activity(sight: Sight, value: Any) -> Match:
    lessons = (await sight.index.table("lesson")).rows
    activities = frozenset(_some(value))

    def matches(row: Row, facts: Any) -> bool:
        lesson = lessons.get(facts.lesson)
        return lesson is not None and lesson.facts.activity in activities

    return matches


async def persons_by_civic_no(sight: Sight, value: Any) -> Match:
    now_us = sight.services.clock.utc_us()
    numbers = frozenset(civic_no(each, "", now_us) for each in _some(value))
    return lambda row, facts: facts.civic in numbers


async def persons_by_relationship(sight: Sight, values: Mapping[str, Any]) -> Match:
    """All `relationship.*` parameters together: a single relation must match all of them."""
    type_ = values.get("relationship.entity.type")
    fits = _relation_test(values)
    ids: set[str] = set()
    if type_ in (None, "duty"):
        ids |= await _with_duty(sight, fits)
    if type_ in (None, "groupMembership"):
        ids |= await _with_group(sight, fits)
    if type_ in (None, "responsibleFor.enrolment"):
        ids |= await _responsible(sight, fits)
    enrolled = type_ in (None, "enrolment")
    return lambda row, facts: (
        row.id in ids or (enrolled and any(fits(each.organisation, each.start, each.end) for each in facts.enrolments))
    )


Fits = Callable[[str, str, str], bool]


def _relation_test(values: Mapping[str, Any]) -> Fits:
    get = values.get
    organisation = get("relationship.organisation")
    start_before, start_after = get("relationship.startDate.onOrBefore"), get("relationship.startDate.onOrAfter")
    end_before, end_after = get("relationship.endDate.onOrBefore"), get("relationship.endDate.onOrAfter")

    def fits(at: str, start: str, end: str) -> bool:
        return (
            (organisation is None or at == organisation)
            and (start_before is None or not start or start <= start_before)
            and (start_after is None or not start or start >= start_after)
            and (end_before is None or not end or end <= end_before)
            and (end_after is None or not end or end >= end_after)
        )

    return fits


async def _with_duty(sight: Sight, fits: Fits) -> set[str]:
    table = await sight.index.table("duty")
    rows = [
        row
        for row in table.rows.values()
        if not row.ended and row.facts.person and fits(row.facts.organisation, row.facts.start, row.facts.end)
    ]
    found = set()
    for seen in await sight.see(table, rows):
        sight.look(seen)
        found.add(seen.row.facts.person)
    return found


async def _with_group(sight: Sight, fits: Fits) -> set[str]:
    table = await sight.index.table("group")
    organisation_only = [row for row in table.rows.values() if not row.ended and fits(row.facts.organisation, "", "")]
    found: set[str] = set()
    for seen in await sight.see(table, organisation_only):
        for member in seen.data.get("groupMemberships") or ():
            if fits(seen.row.facts.organisation, member.get("startDate") or "", member.get("endDate") or ""):
                sight.look(seen)
                found |= sight.person(member["person"]["id"].lower())
    return found


async def _responsible(sight: Sight, fits: Fits) -> set[str]:
    table = await sight.index.table("person")
    rows = [
        row
        for row in table.rows.values()
        if not row.ended
        and sight.index.holds(table, row)
        and any(fits(each.organisation, each.start, each.end) for each in row.facts.enrolments)
    ]
    found: set[str] = set()
    for seen in await sight.see(table, rows):
        for tie in seen.data.get("responsibles") or ():
            if isinstance(tie.get("person"), dict):
                sight.look(seen)
                found |= sight.person(tie["person"]["id"].lower())
    return found
