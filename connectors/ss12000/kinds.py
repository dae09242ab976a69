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


@dataclass(frozen=True, slots=True)
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


ORGANISATIONS: Final = Kind(
    "organisations", "organisation", "Organisation", OrganisationUpserted, OrganisationUpserted, OrganisationDeleted
)
PERSONS: Final = Kind("persons", "person", "Person", PersonUpserted, PersonUpserted, PersonDeleted)
GROUPS: Final = Kind("groups", "group", "Group", GroupUpserted, GroupUpserted, GroupDeleted)
DUTIES: Final = Kind("duties", "duty", "Duty", DutyUpserted, DutyUpserted, DutyDeleted)
ACTIVITIES: Final = Kind("activities", "activity", "Activity", ActivityUpserted, ActivityUpserted, ActivityDeleted)
ROOMS: Final = Kind("rooms", "room", "Room", RoomUpserted, RoomUpserted, RoomDeleted)
LESSONS: Final = Kind("calendarEvents", "lesson", "CalendarEvent", Lesson)
ABSENCES: Final = Kind("absences", "absence", "Absence", Absence)
ATTENDANCES: Final = Kind("attendances", "attendance", "Attendance", AttendanceRecorded)
PRESENCES: Final = Kind("attendanceEvents", "presence", "AttendanceEvent", AttendanceEvent)

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
