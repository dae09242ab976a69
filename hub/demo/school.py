"""Norrskolan in Exempelkommun: invented pupils, guardians, teachers and lessons, the same on every run.

No number, name or address is a real person's: family names are made up, and addresses end in `.example` (RFC 2606).
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any, Final

from schemas import Payload
from schemas.directory import DietUpserted, DirectoryCurrent
from schemas.school_time import school_moment

OFFICE: Final = "urn:exempelkommun:office"  # the school's office, for what SS 12000 does not have
KOST: Final = "urn:exempelkommun:kost"  # the source of the diets
SIS: Final = "urn:skolnav:exempelkommun:sis"  # what the hub reads in the school's system
GUARDIANS: Final = "urn:skolnav:exempelkommun:ss12000:guardians"  # what the guardians' app reports
DAY: Final = date(2026, 11, 24)
START: Final = "2026-08-17"

# In demo.yaml too.
UNIT: Final = "9ab4e96b-7f6d-5d1a-b5f4-9f6f5a1d0c01"
LUNCH: Final = ("9ab4e96b-7f6d-5d1a-b5f4-9f6f5a1d0c11", "9ab4e96b-7f6d-5d1a-b5f4-9f6f5a1d0c12")

CLASSES: Final = tuple(f"{year}{letter}" for year in (7, 8, 9) for letter in "ABC")
SIZES: Final = (24, 23, 24, 22, 24, 23, 24, 23, 24)  # pupils in each class
SUBJECTS: Final = ("Matematik", "Svenska", "Engelska", "NO")
PERIODS: Final = ((time(8, 20), 60), (time(9, 40), 60), (time(12, 10), 60), (time(13, 20), 60))  # start, minutes

_GIVEN: Final = ("Alva", "Bo", "Cleo", "Dani", "Elis", "Frej", "Gry", "Hedda", "Idun", "Juni", "Kim", "Love", "Mio",
                 "Noa", "Ode", "Pim", "Ronja", "Sam", "Tuva", "Vide")  # fmt: skip
_FAMILY: Final = ("Exempelsson", "Provberg", "Testlund", "Låtsasström", "Modellqvist", "Mönstergren", "Skissholm",
                  "Utkastdal", "Attrappson")  # fmt: skip

# Pupils by their number in the class list, 0 first.
PROTECTED: Final = {("8A", 6): "Sekretessmarkering", ("9B", 11): "Skyddad folkbokföring"}
DIETS: Final = {"GLUTEN": 23, "LAKTOS": 17, "VEG": 11}  # each diet for every n-th pupil; the first that fits counts


def made_id(what: str) -> str:
    """An SS 12000 id that is the same on every run."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{what}.exempelkommun.example"))


def at(clock: time, day: date = DAY) -> str:
    """A school time as events write it."""
    return school_moment(day, clock).isoformat()


@dataclass(frozen=True, slots=True)
class Pupil:
    id: str
    given: str
    family: str
    school_class: str
    marking: str
    diet: str | None

    @property
    def protected(self) -> bool:
        return self.marking != "Ingen"

    @property
    def lunch(self) -> str:
        """The group that eats together: year 7 first."""
        return LUNCH[0] if self.school_class.startswith("7") else LUNCH[1]


class School:
    """The records of the school system, the diet list, and the reports of guardians."""

    @cached_property
    def pupils(self) -> tuple[Pupil, ...]:
        return tuple(self._pupils())

    def pupil(self, school_class: str, number: int) -> Pupil:
        return [pupil for pupil in self.pupils if pupil.school_class == school_class][number]

    def records(self) -> dict[str, list[dict[str, Any]]]:
        """The school system's SS 12000 records, by resource."""
        year = {"startDate": START, "endDate": "2027-06-11"}
        owner = {"id": made_id("huvudman"), "displayName": "Exempelkommun", "organisationType": "Huvudman"}
        unit = {
            "id": UNIT,
            "displayName": "Norrskolan",
            "organisationType": "Skolenhet",
            "schoolUnitCode": "12345678",
            "schoolTypes": ["GR"],
            "parentOrganisation": {"id": owner["id"]},
        }
        members = {made_id(f"class/{name}"): (name, "Klass") for name in CLASSES}
        members |= {LUNCH[0]: ("Lunch 10.50", "Övrigt"), LUNCH[1]: ("Lunch 11.30", "Övrigt")}
        return {
            "organisations": [owner, unit],
            "persons": [*self._people()],
            "groups": [
                {
                    "id": group,
                    "displayName": name,
                    "groupType": kind,
                    "organisation": {"id": UNIT},
                    "groupMemberships": [
                        {"person": {"id": pupil.id}, "startDate": START}
                        for pupil in self.pupils
                        if group in (pupil.lunch, made_id(f"class/{pupil.school_class}"))
                    ],
                    **year,
                }
                for group, (name, kind) in members.items()
            ],
            "duties": [
                {
                    "id": made_id(f"duty/{number}"),
                    "person": {"id": made_id(f"teacher/{number}")},
                    "dutyAt": {"id": UNIT},
                    "dutyRole": "Lärare",
                    "startDate": START,
                }
                for number in range(len(CLASSES))
            ],
            "activities": [
                {
                    "id": made_id(f"activity/{name}/{subject}"),
                    "displayName": f"{subject} {name}",
                    "calendarEventsRequired": True,
                    "activityType": "Undervisning",
                    "groups": [{"id": made_id(f"class/{name}")}],
                    "organisation": {"id": UNIT},
                    "teachers": [{"duty": {"id": made_id(f"duty/{number}")}, "startDate": START}],
                    **year,
                }
                for number, name in enumerate(CLASSES)
                for subject in SUBJECTS
            ],
            "rooms": [
                {"id": made_id(f"room/{name}"), "displayName": name, "owner": {"id": UNIT}}
                for name in map(_room, CLASSES)
            ],
            "calendarEvents": [self.lesson(name, period) for name in CLASSES for period in range(len(PERIODS))],
        }

    def diets(self, as_of: datetime) -> list[dict[str, Any]]:
        """The diet list as events, since SS 12000 has none. The last event reports the list as complete at `as_of`."""
        listed = [
            _event(DietUpserted, {"id": made_id(f"diet/{pupil.id}"), "person": {"id": pupil.id}, "codes": [pupil.diet]})
            for pupil in self.pupils
            if pupil.diet is not None
        ]
        return [*listed, _event(DirectoryCurrent, {"asOf": as_of.isoformat()})]

    def lesson(self, school_class: str, period: int) -> dict[str, Any]:
        """A calendarEvent of the day."""
        start, minutes = PERIODS[period]
        begins = school_moment(DAY, start)
        subject = SUBJECTS[(period + CLASSES.index(school_class)) % len(SUBJECTS)]
        return {
            "id": made_id(f"lesson/{school_class}/{DAY}/{period}"),
            "activity": {"id": made_id(f"activity/{school_class}/{subject}")},
            "startTime": begins.isoformat(),
            "endTime": (begins + timedelta(minutes=minutes)).isoformat(),
            "cancelled": False,
            "rooms": [{"id": made_id(f"room/{_room(school_class)}")}],
        }

    def absence(self, pupil: Pupil, start: time = time(8), end: time = time(16)) -> dict[str, Any]:
        """A guardian's notification as an SS 12000 Absence without an id, which the system that accepts it gives."""
        return {
            "student": {"id": pupil.id},
            "startTime": at(start),
            "endTime": at(end),
            "type": "Anmäld frånvaro",
            "organisation": {"id": UNIT},
            "registeredBy": {"id": made_id(f"guardian/{pupil.id}")},
        }

    def _pupils(self) -> Iterator[Pupil]:
        count = 0
        for name, size in zip(CLASSES, SIZES, strict=True):
            for number in range(size):
                count += 1
                diet = next((code for code, every in DIETS.items() if count % every == 0), None)
                yield Pupil(
                    id=made_id(f"pupil/{name}/{number}"),
                    given=_GIVEN[count * 7 % len(_GIVEN)],
                    family=_FAMILY[count % len(_FAMILY)],
                    school_class=name,
                    marking=PROTECTED.get((name, number), "Ingen"),
                    diet=diet,
                )

    def _people(self) -> Iterator[dict[str, Any]]:
        for number in range(len(CLASSES)):
            yield _person(made_id(f"teacher/{number}"), _GIVEN[number * 2], _FAMILY[-1 - number], "Skola personal")
        for number, pupil in enumerate(self.pupils):
            given = _GIVEN[number * 3 % len(_GIVEN)]
            guardian = _person(made_id(f"guardian/{pupil.id}"), given, pupil.family, "Privat")
            # A protected pupil's guardian lives where the pupil lives.
            yield {**guardian, "securityMarking": pupil.marking}
            yield {
                **_person(pupil.id, pupil.given, pupil.family, "Skola elev"),
                "securityMarking": pupil.marking,
                "enrolments": [
                    {
                        "enroledAt": {"id": UNIT},
                        "schoolType": "GR",
                        "schoolYear": int(pupil.school_class[0]),
                        "startDate": START,
                    }
                ],
                "responsibles": [{"person": {"id": guardian["id"]}, "relationType": "Vårdnadshavare"}],
            }


def _person(id: str, given: str, family: str, mail: str) -> dict[str, Any]:
    return {
        "id": id,
        "givenName": given,
        "familyName": family,
        "securityMarking": "Ingen",
        "personStatus": "Aktiv",
        "emails": [{"value": f"{id[:8]}@exempelkommun.example", "type": mail}],
    }


def _room(school_class: str) -> str:
    return f"B{200 + CLASSES.index(school_class) + 1}"


def _event(model: type[Payload], data: Mapping[str, Any]) -> dict[str, Any]:
    return envelope(model, data, f"{model.spec.family}-{data.get('id', KOST)}", KOST)


def envelope(model: type[Payload], data: Mapping[str, Any], id: str, source: str) -> dict[str, Any]:
    """A CloudEvent in JSON, as `POST /v1/events` accepts it."""
    return {
        "specversion": "1.0",
        "id": id,
        "source": source,
        "type": model.spec.type,
        "datacontenttype": "application/json",
        "data": dict(data),
    }
