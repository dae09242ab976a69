"""The lists of the API. Each has the hub's kind of entity, the standard's object, filters, sort keys and expansions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from hub.ss12000 import filters, joins, shapes
from hub.ss12000.facts import collated
from hub.ss12000.filters import Filter, dates
from hub.ss12000.index import Row
from hub.ss12000.joins import Join
from hub.ss12000.shapes import Shape
from schemas import Category

_GROUP: Final = frozenset({Category.GROUP})
_STAFF: Final = frozenset({Category.STAFF})
_NAME: Final = frozenset({Category.NAME})
_IDENTITY: Final = frozenset({Category.IDENTITY})
_ATTENDANCE: Final = frozenset({Category.ATTENDANCE})
NOTHING: Final[frozenset[Category]] = frozenset()


@dataclass(frozen=True, slots=True)
class Sort:
    """A sort key. If the contract hides one of the categories in `needs`, a request with the key is refused."""

    by: Callable[[Row], Any]
    descending: bool = False
    needs: frozenset[Category] = NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One of the standard's lists. `resource` is its name in `EndPointsEnum`, `deleted` in /deletedEntities."""

    path: str
    kind: str
    resource: str
    deleted: str
    shape: Shape
    types: tuple[str, ...]  # the event types of its entities
    filters: Mapping[str, Filter]
    meta: frozenset[Category] = NOTHING  # the categories of its `meta`
    needs: frozenset[Category] = NOTHING  # the least that a contract needs: with less the gate leaves no such object
    joins: Mapping[str, Join] = field(default_factory=dict)
    lookups: Mapping[str, Filter] = field(default_factory=dict)
    lookup_joins: Mapping[str, Join] = field(default_factory=dict)
    sorts: Mapping[str, Sort] = field(default_factory=dict)
    expand: frozenset[str] = frozenset()
    person_ids: bool = False  # its ids are ids of persons


def _is(name: str) -> filters.Test:
    return lambda facts, value: getattr(facts, name) == value


def _in(name: str) -> filters.Test:
    return lambda facts, value: getattr(facts, name) in value


def _by_name(row: Row) -> Any:
    return collated(row.facts.name)


def _given_first(row: Row) -> Any:
    return collated(row.facts.given), collated(row.facts.family)


def _family_first(row: Row) -> Any:
    return collated(row.facts.family), collated(row.facts.given)


def _times(name: str, attribute: str, *, exclusive: bool, **more: Any) -> dict[str, Filter]:
    def before(facts: Any, value: int) -> bool:
        return bool(getattr(facts, attribute) <= value)

    def after(facts: Any, value: int) -> bool:
        own = getattr(facts, attribute)
        return bool(own > value if exclusive else own >= value)

    return {
        f"{name}.onOrBefore": Filter(filters.instant, before, **more),
        f"{name}.onOrAfter": Filter(filters.instant, after, **more),
    }


_MODIFIED: Final = Sort(lambda row: row.modified_us, descending=True)
_NAMED: Final = {"ModifiedDesc": _MODIFIED, "DisplayNameAsc": Sort(_by_name)}


def _dated(needs: frozenset[Category] = NOTHING) -> dict[str, Sort]:
    return {
        "StartDateAsc": Sort(lambda row: row.facts.start, needs=needs),
        "StartDateDesc": Sort(lambda row: row.facts.start, descending=True, needs=needs),
    }


def _timed(needs: frozenset[Category] = NOTHING, meta: frozenset[Category] = NOTHING) -> dict[str, Sort]:
    return {
        "ModifiedDesc": Sort(lambda row: row.modified_us, descending=True, needs=meta),
        "StartTimeAsc": Sort(lambda row: row.facts.start_us, needs=needs),
        "StartTimeDesc": Sort(lambda row: row.facts.start_us, descending=True, needs=needs),
    }


def _name_contains(facts: Any, values: tuple[str, ...]) -> bool:
    parts = (facts.given, facts.middle, facts.family)
    return all(any(value.casefold() in part for part in parts) for value in values)


def _identifier(facts: Any, value: str) -> bool:
    return any(own == value for own, _ in facts.identifiers)


def _context(facts: Any, value: str) -> bool:
    return any(context == value for _, context in facts.identifiers)


_ANY: Final[Filter] = Filter(filters.uuid, None)

ORGANISATIONS: Final = Resource(
    path="organisations", kind="organisation", resource="Organisation", deleted="organisations",
    shape=shapes.ORGANISATION,
    types=("se.skolnav.directory.organisation.upserted.v1",),
    filters={
        "parent": Filter(filters.uuid, _in("parent"), many=True),
        "schoolUnitCode": Filter(filters.text, _in("unit_code"), many=True),
        "organisationCode": Filter(filters.text, _in("code"), many=True),
        "municipalityCode": Filter(filters.text, _is("municipality")),
        "type": Filter(filters.OneOf(shapes.ORGANISATION_TYPES), _in("type"), many=True),
        "schoolTypes": Filter(
            filters.OneOf(shapes.SCHOOL_TYPES),
            lambda facts, values: not set(values).isdisjoint(facts.school_types), many=True,
        ),
        **dates(),
    },
    lookups={
        "schoolUnitCodes": Filter(filters.text, _in("unit_code"), many=True),
        "organisationCodes": Filter(filters.text, _in("code"), many=True),
    },
    sorts=_NAMED,
)  # fmt: skip

PERSONS: Final = Resource(
    path="persons", kind="person", resource="Person", deleted="persons", shape=shapes.PERSON,
    types=("se.skolnav.directory.person.upserted.v1",),
    filters={
        "nameContains": Filter(filters.text, _name_contains, many=True, needs=_NAME),
        "civicNo": Filter(filters.text, None, needs=_IDENTITY),
        "eduPersonPrincipalName": Filter(
            filters.text, lambda facts, value: value in facts.principals, needs=_IDENTITY
        ),
        "identifier.value": Filter(filters.text, _identifier, needs=_IDENTITY),
        "identifier.context": Filter(filters.text, _context, needs=_IDENTITY),
        "relationship.entity.type": Filter(filters.OneOf(joins.RELATIONS), None),
        "relationship.organisation": Filter(filters.uuid, None),
        **{
            f"relationship.{name}": Filter(filters.day, None)
            for name in ("startDate.onOrBefore", "startDate.onOrAfter", "endDate.onOrBefore", "endDate.onOrAfter")
        },
    },
    meta=_IDENTITY,
    joins={"civicNo": joins.persons_by_civic_no},
    lookups={"civicNos": Filter(filters.text, None, many=True, needs=_IDENTITY)},
    lookup_joins={"civicNos": joins.persons_by_civic_no},
    sorts={
        "DisplayNameAsc": Sort(_given_first, needs=_NAME),
        "GivenNameAsc": Sort(_given_first, needs=_NAME),
        "GivenNameDesc": Sort(_given_first, descending=True, needs=_NAME),
        "FamilyNameAsc": Sort(_family_first, needs=_NAME),
        "FamilyNameDesc": Sort(_family_first, descending=True, needs=_NAME),
        "CivicNoAsc": Sort(lambda row: row.facts.civic, needs=_IDENTITY),
        "CivicNoDesc": Sort(lambda row: row.facts.civic, descending=True, needs=_IDENTITY),
        "ModifiedDesc": Sort(lambda row: row.modified_us, descending=True, needs=_IDENTITY),
    },
    expand=frozenset({"duties", "responsibleFor", "placements", "ownedPlacements", "groupMemberships"}),
    person_ids=True,
)  # fmt: skip

GROUPS: Final = Resource(
    path="groups", kind="group", resource="Group", deleted="groups", shape=shapes.GROUP,
    types=("se.skolnav.directory.group.upserted.v1",),
    filters={
        "groupType": Filter(filters.OneOf(shapes.GROUP_TYPES), _in("type"), many=True),
        "schoolTypes": Filter(filters.OneOf(shapes.SCHOOL_TYPES), _in("school_type"), many=True),
        "organisation": Filter(filters.uuid, _in("organisation"), many=True),
        **dates(),
    },
    sorts={
        **_NAMED, **_dated(),
        "EndDateAsc": Sort(lambda row: row.facts.end or "9"),
        "EndDateDesc": Sort(lambda row: row.facts.end or "9", descending=True),
    },
    expand=frozenset({"assignmentRoles"}),
)  # fmt: skip

DUTIES: Final = Resource(
    path="duties", kind="duty", resource="Duty", deleted="duties", shape=shapes.DUTY,
    types=("se.skolnav.directory.duty.upserted.v1",),
    filters={
        "organisation": Filter(filters.uuid, None, needs=_STAFF),
        "dutyRole": Filter(filters.OneOf(shapes.DUTY_ROLES), _is("role"), needs=_STAFF),
        "person": Filter(filters.uuid, _in("person"), needs=_STAFF, person=True),
        **dates(_STAFF),
    },
    meta=_STAFF,
    joins={"organisation": joins.duties_by_organisation},
    sorts={**_dated(_STAFF), "ModifiedDesc": Sort(lambda row: row.modified_us, descending=True, needs=_STAFF)},
    expand=frozenset({"person"}),
)  # fmt: skip

ACTIVITIES: Final = Resource(
    path="activities", kind="activity", resource="Activity", deleted="activitites", shape=shapes.ACTIVITY,
    types=("se.skolnav.directory.activity.upserted.v1",),
    filters={
        "member": Filter(filters.uuid, None, needs=_GROUP),
        "teacher": Filter(filters.uuid, None, needs=_STAFF),
        "organisation": _ANY,
        "group": Filter(filters.uuid, lambda facts, value: value in facts.groups),
        **dates(),
    },
    joins={
        "member": joins.activities_by_member,
        "teacher": joins.activities_by_teacher,
        "organisation": joins.activities_by_organisation,
    },
    lookups={
        "teachers": Filter(filters.uuid, None, many=True, needs=_STAFF),
        "members": Filter(filters.uuid, None, many=True, needs=_GROUP),
    },
    lookup_joins={"teachers": joins.activities_by_teacher, "members": joins.activities_by_member},
    sorts=_NAMED,
    expand=frozenset({"groups", "teachers", "syllabus"}),
)  # fmt: skip

CALENDAR_EVENTS: Final = Resource(
    path="calendarEvents", kind="lesson", resource="CalendarEvent", deleted="calendarEvents",
    shape=shapes.CALENDAR_EVENT,
    types=tuple(f"se.skolnav.schedule.lesson.{what}.v1" for what in ("scheduled", "changed", "cancelled")),
    filters={
        **_times("startTime", "start_us", exclusive=False, required=True),
        **_times("endTime", "end_us", exclusive=False),
        "activity": Filter(filters.uuid, _is("activity")),
        "student": Filter(filters.uuid, None, needs=_GROUP | _ATTENDANCE),
        "teacher": Filter(filters.uuid, None, needs=_STAFF),
        "organisation": _ANY,
        "group": _ANY,
    },
    joins={
        "student": joins.lessons_by_student,
        "teacher": joins.lessons_by_teacher,
        "organisation": joins.lessons_by_organisation,
        "group": joins.lessons_by_group,
    },
    lookups={
        "activities": Filter(filters.uuid, _in("activity"), many=True),
        "student": Filter(filters.uuid, None, many=True, needs=_GROUP | _ATTENDANCE),
        "teacher": Filter(filters.uuid, None, many=True, needs=_STAFF),
    },
    lookup_joins={"student": joins.lessons_by_student, "teacher": joins.lessons_by_teacher},
    sorts=_timed(),
    expand=frozenset({"activity", "attendance"}),
)  # fmt: skip

ROOMS: Final = Resource(
    path="rooms", kind="room", resource="Room", deleted="rooms", shape=shapes.ROOM,
    types=("se.skolnav.directory.room.upserted.v1",),
    filters={"organisation": Filter(filters.uuid, _is("owner"))},
    sorts=_NAMED,
)  # fmt: skip

ABSENCES: Final = Resource(
    path="absences", kind="absence", resource="Absence", deleted="absences", shape=shapes.ABSENCE,
    types=tuple(f"se.skolnav.absence.{what}.v1" for what in ("reported", "changed", "leave_granted")),
    filters={
        "organisation": Filter(filters.uuid, _is("organisation")),
        "student": Filter(filters.uuid, _in("student"), person=True),
        "registeredBy": Filter(filters.uuid, _in("registered_by"), needs=_STAFF, person=True),
        "type": Filter(filters.OneOf(shapes.ABSENCE_TYPES), _is("type"), needs=_ATTENDANCE),
        # `onOrAfter` is exclusive here: the standard says so in spite of the name.
        **_times("startTime", "start_us", exclusive=True, needs=_ATTENDANCE),
        **_times("endTime", "end_us", exclusive=True, needs=_ATTENDANCE),
    },
    meta=_ATTENDANCE,
    sorts=_timed(needs=_ATTENDANCE, meta=_ATTENDANCE),
)  # fmt: skip

ATTENDANCES: Final = Resource(
    path="attendances", kind="attendance", resource="Attendance", deleted="attendances", shape=shapes.ATTENDANCE,
    types=("se.skolnav.attendance.recorded.v1",),
    filters={
        "student": Filter(filters.uuid, _in("student"), person=True),
        "organisation": _ANY,
        "calendarEvent": Filter(filters.uuid, _is("lesson"), needs=_ATTENDANCE),
    },
    meta=_ATTENDANCE,
    joins={"organisation": joins.attendances_by_organisation},
    lookups={
        "activities": Filter(filters.uuid, None, many=True, needs=_ATTENDANCE),
        "students": Filter(filters.uuid, _in("student"), many=True, person=True),
        # The standard's file has this spelling; the right one is accepted too.
        "calendareEvents": Filter(filters.uuid, _in("lesson"), many=True, needs=_ATTENDANCE),
        "calendarEvents": Filter(filters.uuid, _in("lesson"), many=True, needs=_ATTENDANCE),
    },
    lookup_joins={"activities": joins.attendances_by_activity},
)  # fmt: skip

ATTENDANCE_EVENTS: Final = Resource(
    path="attendanceEvents", kind="presence", resource="AttendanceEvent", deleted="attendanceEvents",
    shape=shapes.ATTENDANCE_EVENT,
    types=("se.skolnav.attendance.checked_in.v1", "se.skolnav.attendance.checked_out.v1"),
    filters={
        "group": Filter(filters.uuid, _in("group"), many=True, needs=_GROUP),
        "person": Filter(filters.uuid, _in("person"), person=True),
    },
    meta=_ATTENDANCE,
    needs=_ATTENDANCE,
    lookups={
        "person": Filter(filters.uuid, _in("person"), many=True, person=True),
        "group": Filter(filters.uuid, _in("group"), many=True, needs=_GROUP),
    },
    expand=frozenset({"person", "group", "registeredBy"}),
)  # fmt: skip

RESOURCES: Final = (
    ORGANISATIONS, PERSONS, GROUPS, DUTIES, ACTIVITIES, CALENDAR_EVENTS, ROOMS, ABSENCES, ATTENDANCES,
    ATTENDANCE_EVENTS,
)  # fmt: skip
BY_KIND: Final = {each.kind: each for each in RESOURCES}

# EndPointsEnum: every list that the standard has, also those that the hub does not offer.
ENDPOINTS: Final = frozenset(
    {
        "Absence", "AttendanceEvent", "Attendance", "Grade", "CalendarEvent", "AttendanceSchedule", "Resource", "Room",
        "Activity", "Duty", "Placement", "StudyPlan", "Programme", "Syllabus", "SchoolUnitOffering", "Group", "Person",
        "Organisation",
    }
)  # fmt: skip
