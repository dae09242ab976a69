"""What happens at Norrskolan on 24 November 2026: the plot, by school time. What becomes of it is the hub's affair."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from typing import Any, Final

from hub.demo.school import DAY, UNIT, Pupil, School, at, envelope
from schemas import Payload
from schemas.absence import AbsenceChanged, AbsenceReported, AbsenceWithdrawn
from schemas.schedule import DayClosed, LessonCancelled

END: Final = time(10, 20)
STUDY_DAY: Final = date(2026, 11, 27)


@dataclass(frozen=True, slots=True)
class Step:
    """At a school time the school posts an event. `story` says why, for who watches.

    `busy`: the webhook's receiver is out of order just then, and answers its next delivery with 503.
    """

    at: time
    event: dict[str, Any]
    story: str
    busy: bool = False


def steps(school: School) -> list[Step]:
    """The day in order. All ids are fixed, as a school system's are."""
    ill, fever, late_riser, dentist = (school.pupil(*who) for who in (("7A", 3), ("8B", 5), ("9C", 1), ("7B", 7)))
    leaves_early, protected, too_late, busy = (
        school.pupil(*who) for who in (("8A", 2), ("9B", 11), ("8C", 4), ("7C", 2))
    )
    first_protected = school.pupil("8A", 6)
    morning = {"endTime": at(time(10))}

    def reported(clock: time, pupil: Pupil, start: time = time(8)) -> dict[str, Any]:
        return _absence(AbsenceReported, clock, school.absence(pupil, start))

    lesson = {**school.lesson("8C", 1), "cancelled": True, "changed": {"cancelled": False}}
    closed = {"organisation": {"id": UNIT}, "date": STUDY_DAY.isoformat(), "comment": "Studiedag"}
    first = reported(time(7, 42), ill)
    return [
        Step(time(7, 42), first, "ill, all day"),
        Step(time(7, 46), reported(time(7, 46), fever), "ill, all day"),
        Step(time(7, 50), reported(time(7, 50), late_riser), "ill, all day"),
        Step(time(7, 53), reported(time(7, 53), dentist), "ill, all day"),
        Step(
            time(8, 10),
            _absence(AbsenceWithdrawn, time(8, 10), school.absence(late_riser)),
            "withdrawn: the pupil came after all",
        ),
        Step(time(8, 16), reported(time(8, 16), first_protected), "ill, all day"),
        Step(time(8, 22), reported(time(8, 22), leaves_early, time(12, 30)), "leaves after lunch"),
        Step(
            time(8, 28),
            _absence(
                AbsenceChanged,
                time(8, 28),
                {**school.absence(dentist), **morning, "changed": {"endTime": at(time(16))}},
            ),
            "was at the dentist's, back at 10",
        ),
        Step(time(8, 34), envelope(LessonCancelled, lesson, f"schedule-{DAY}-0834"), "the teacher is ill"),
        Step(time(8, 40), reported(time(8, 40), protected), "ill, all day"),
        Step(time(8, 46), first, "the school's system sends it again"),
        Step(time(9, 20), reported(time(9, 20), too_late), "went home ill, after the kitchen's cut-off"),
        Step(time(9, 30), envelope(DayClosed, closed, f"schedule-{DAY}-0930"), "study day on Friday (studiedag)"),
        Step(time(9, 40), reported(time(9, 40), busy, time(12, 30)), "while the app's server is restarting", busy=True),
    ]


def _absence(model: type[Payload], clock: time, data: Mapping[str, Any]) -> dict[str, Any]:
    return envelope(model, data, f"absence-{DAY}-{clock:%H%M}")
