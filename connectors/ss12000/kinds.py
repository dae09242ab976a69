"""The resources of SS 12000 that the connector pulls, in the order in which one needs the other, and their events."""

from dataclasses import dataclass
from typing import Final

from schemas import Payload
from schemas.absence import Absence
from schemas.attendance import AttendanceEvent, AttendanceRecorded
from schemas.directory import (
    ActivityDeleted,
    ActivityUpserted,
    DutyDeleted,
    DutyUpserted,
    GroupDeleted,
    GroupUpserted,
    OrganisationDeleted,
    OrganisationUpserted,
    PersonDeleted,
    PersonUpserted,
    RoomDeleted,
    RoomUpserted,
)
from schemas.schedule import Lesson


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One resource. `name` begins the names of its records in the connector's state: `person/<id>`."""

    resource: str  # its name in the address
    name: str
    entity: str  # as /deletedEntities calls it (EndPointsEnum)
    model: type[Payload]  # the reader checks a record against it
    upserted: type[Payload] | None = None  # directory: the record itself is the event
    deleted: type[Payload] | None = None

    def key(self, id: str) -> str:
        return f"{self.name}/{id.lower()}"


def _directory(resource: str, name: str, *, upserted: type[Payload], deleted: type[Payload]) -> Kind:
    return Kind(
        resource=resource, name=name, entity=name.capitalize(), model=upserted, upserted=upserted, deleted=deleted
    )


ORGANISATIONS: Final = _directory(
    "organisations", "organisation", upserted=OrganisationUpserted, deleted=OrganisationDeleted
)
PERSONS: Final = _directory("persons", "person", upserted=PersonUpserted, deleted=PersonDeleted)
GROUPS: Final = _directory("groups", "group", upserted=GroupUpserted, deleted=GroupDeleted)
DUTIES: Final = _directory("duties", "duty", upserted=DutyUpserted, deleted=DutyDeleted)
ACTIVITIES: Final = _directory("activities", "activity", upserted=ActivityUpserted, deleted=ActivityDeleted)
ROOMS: Final = _directory("rooms", "room", upserted=RoomUpserted, deleted=RoomDeleted)
LESSONS: Final = Kind(resource="calendarEvents", name="lesson", entity="CalendarEvent", model=Lesson)
ABSENCES: Final = Kind(resource="absences", name="absence", entity="Absence", model=Absence)
ATTENDANCES: Final = Kind(resource="attendances", name="attendance", entity="Attendance", model=AttendanceRecorded)
PRESENCES: Final = Kind(resource="attendanceEvents", name="presence", entity="AttendanceEvent", model=AttendanceEvent)

# Persons come before every resource that names one: a new marking must be in force before any other event.
DIRECTORY: Final = (ORGANISATIONS, PERSONS, GROUPS, DUTIES, ACTIVITIES, ROOMS)
ALL: Final = (*DIRECTORY, LESSONS, ABSENCES, ATTENDANCES, PRESENCES)

# Names in /deletedEntities: those of the standard's object of lists (it spells one `activitites`), and those of its
# enumeration, which a running provider uses as `entityType` in a plain list.
DELETED: Final = {
    **{kind.resource.lower(): kind for kind in ALL},
    **{kind.entity.lower(): kind for kind in ALL},
    "activitites": ACTIVITIES,
    "calendareevents": LESSONS,
}
