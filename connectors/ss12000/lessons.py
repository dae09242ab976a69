"""Pure: how a lesson is put together, and how it changed between two readings of a window.

`meta` of calendarEvents may be the lesson's own, future time, so lessons are compared by content alone. A missing
lesson is cancelled only if the whole window was read, its start lies in the window then and now, and a query by id
finds nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from connectors.ss12000.reader import alike, id_of, objects, ref, without_meta
from schemas import Payload
from schemas.event import parse_timestamp
from schemas.schedule import LessonCancelled, LessonChanged, LessonFields, LessonScheduled
from schemas.school_time import SCHOOL_ZONE

_COMPARED: Final = tuple(name for name in LessonFields.model_fields if name not in ("id", "meta"))

News = tuple[type[Payload], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Window:
    """Days of the school's calendar, both inclusive."""

    first: date
    last: date

    @classmethod
    def around(cls, today: date, back: timedelta, ahead: timedelta) -> "Window":
        return cls(today - back, today + ahead)

    @property
    def start(self) -> datetime:
        return datetime.combine(self.first, time(0), SCHOOL_ZONE)

    @property
    def end(self) -> datetime:
        """The midnight after the last day."""
        return datetime.combine(self.last + timedelta(days=1), time(0), SCHOOL_ZONE)

    def filters(self) -> dict[str, str]:
        """Both are inclusive in SS 12000; a lesson at the last midnight is read twice, which does no harm."""
        return {"startTime.onOrAfter": self.start.isoformat(), "startTime.onOrBefore": self.end.isoformat()}

    def has(self, lesson: Mapping[str, Any]) -> bool:
        start = parse_timestamp(lesson["startTime"])
        return self.start <= start < self.end

    def is_past(self, lesson: Mapping[str, Any]) -> bool:
        return parse_timestamp(lesson["startTime"]) < self.start

    def part(self, first: date, days: int) -> "Window":
        """The `days` days of the window from `first` on."""
        return Window(first, min(first + timedelta(days=days - 1), self.last))


def lesson(record: Mapping[str, Any], activity: Mapping[str, Any] | None, persons: Mapping[str, str]) -> dict[str, Any]:
    """A calendarEvent with the fields that its activity adds. `persons`: the person of each duty, by duty id.

    An unknown activity adds nothing: receivers look it up in the directory.
    """
    made = {name: value for name, value in record.items() if value is not None}
    if activity is None:
        return made
    for name in ("activityType", "organisation", "groups"):
        if activity.get(name) is not None:
            made[name] = activity[name]
    if activity.get("teachers") is not None or record.get("teacherExceptions"):
        made["teachers"] = _teachers(record, activity, persons)
    return made


def of_activity(record: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an activity that lessons need."""
    kept: dict[str, Any] = {}
    if isinstance(record.get("activityType"), str):
        kept["activityType"] = record["activityType"]
    if (organisation := ref(record, "organisation")) is not None:
        kept["organisation"] = {"id": organisation}
    if isinstance(record.get("groups"), list):
        kept["groups"] = [{"id": id} for item in objects(record["groups"]) if (id := id_of(item))]
    if isinstance(record.get("teachers"), list):
        kept["teachers"] = [
            {name: value for name in ("duty", "person", "startDate", "endDate") if (value := item.get(name))}
            for item in objects(record["teachers"])
        ]
    return kept


def compare(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> News | None:
    """The event for a lesson that was read; None if it has not changed. `before` None: the lesson is new."""
    cancelled = now.get("cancelled") is True
    if before is None:
        return (LessonCancelled if cancelled else LessonScheduled), dict(now)
    changed = {name: before.get(name) for name in _COMPARED if not alike(_plain(name, before), _plain(name, now))}
    if not changed:
        return None
    was_cancelled = before.get("cancelled") is True
    model = LessonCancelled if cancelled and not was_cancelled else LessonChanged
    if cancelled and was_cancelled:
        model = LessonCancelled  # moved, but still cancelled
    return model, {**now, "changed": changed}


def vanished(before: Mapping[str, Any]) -> News | None:
    """The event for a lesson that is gone; None if it was cancelled already."""
    if before.get("cancelled") is True:
        return None
    return LessonCancelled, {**before, "cancelled": True, "changed": {"cancelled": before.get("cancelled")}}


def to_keep(lesson: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that the next reading is compared with."""
    kept = without_meta(lesson)
    return {name: value for name, value in kept.items() if name in _COMPARED or name == "id"}


def _plain(name: str, lesson: Mapping[str, Any]) -> Any:
    value = lesson.get(name)
    if name == "cancelled":
        return value is True
    if name in ("startTime", "endTime") and isinstance(value, str):
        return parse_timestamp(value)  # the same moment may be written with another offset
    if name in ("rooms", "resources", "studentExceptions", "teacherExceptions") and value == []:
        return None
    return value


def _teachers(
    record: Mapping[str, Any], activity: Mapping[str, Any], persons: Mapping[str, str]
) -> list[dict[str, Any]]:
    """The activity's teachers on the lesson's day, with the lesson's exceptions applied."""
    day = parse_timestamp(record["startTime"]).astimezone(SCHOOL_ZONE).date().isoformat()
    found: dict[str, dict[str, Any]] = {}
    for item in objects(activity.get("teachers")):
        if (item.get("startDate") or "") <= day and (not item.get("endDate") or day <= item["endDate"]):
            teacher = _teacher(ref(item, "duty"), ref(item, "person"), persons)
            if teacher:
                found[ref(item, "duty") or ref(item, "person") or ""] = teacher
    for item in objects(record.get("teacherExceptions")):
        duty = ref(item, "duty")
        if duty is None:
            continue
        if item.get("participates") is True:
            found[duty] = _teacher(duty, None, persons)
        elif not item.get("startTime") and not item.get("endTime"):  # away for a part of it: still the teacher
            person = persons.get(duty)
            # An activity may name its teachers by person alone, without duty.
            found = {
                key: each
                for key, each in found.items()
                if key != duty and not (person is not None and ref(each, "person") == person)
            }
    return list(found.values())


def _teacher(duty: str | None, person: str | None, persons: Mapping[str, str]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if duty is not None:
        made["duty"] = {"id": duty}
    who = person or (persons.get(duty) if duty is not None else None)
    if who is not None:
        made["person"] = {"id": who}
    return made
