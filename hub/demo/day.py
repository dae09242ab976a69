"""What happens at Norrskolan on 24 November 2026, by school time. The hub decides what each recipient gets."""

from dataclasses import dataclass
from datetime import date, time
from typing import Any, Final

from hub.demo.school import DAY, GUARDIANS, OFFICE, UNIT, Pupil, School, at, envelope
from schemas.absence import AbsenceChanged, AbsenceReported, AbsenceWithdrawn
from schemas.schedule import DayClosed

END: Final = time(10, 20)
STUDY_DAY: Final = date(2026, 11, 27)


@dataclass(frozen=True, slots=True)
class Report:
    """A guardian's `POST /ss12000/v2.0/absences`. Two requests with the same `key` are the same report."""

    absence: dict[str, Any]
    key: str

    @property
    def type(self) -> str:
        """The type of the event that the hub makes from the report."""
        return AbsenceReported.spec.type


@dataclass(frozen=True, slots=True)
class Posted:
    """`POST /v1/events`. `of` is the key of the report whose absence id the event's data gets."""

    event: dict[str, Any]
    of: str | None = None


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A change in the school's own system, which sends no notice: the hub finds the change when it polls."""

    lesson: str


@dataclass(frozen=True, slots=True)
class Step:
    """What a person or system does at a school time. `story` explains it to the viewer, in English and Swedish.

    `busy`: the webhook's receiver is out of order at that moment and answers its next delivery with 503.
    """

    at: time
    what: Report | Posted | Cancelled
    story: tuple[str, str]
    busy: bool = False


_ILL: Final = ("ill, all day", "sjuk, hela dagen")


def steps(school: School) -> list[Step]:
    """The day in order."""
    ill, fever, late_riser, dentist = (school.pupil(*who) for who in (("7A", 3), ("8B", 5), ("9C", 1), ("7B", 7)))
    leaves_early, protected, too_late, busy = (
        school.pupil(*who) for who in (("8A", 2), ("9B", 11), ("8C", 4), ("7C", 2))
    )
    first_protected = school.pupil("8A", 6)
    first, up_after_all, tooth = (Report(school.absence(pupil), pupil.id) for pupil in (ill, late_riser, dentist))
    back = {**tooth.absence, "endTime": at(time(10)), "changed": {"endTime": at(time(16))}}
    changed = envelope(AbsenceChanged, back, f"changed-{DAY}", GUARDIANS)
    withdrawn = envelope(AbsenceWithdrawn, up_after_all.absence, f"withdrawn-{DAY}", GUARDIANS)
    closed = {"organisation": {"id": UNIT}, "date": STUDY_DAY.isoformat(), "comment": "Studiedag"}
    return [
        Step(time(7, 42), first, _ILL),
        Step(time(7, 46), _reported(school, fever), _ILL),
        Step(time(7, 50), up_after_all, _ILL),
        Step(time(7, 53), tooth, _ILL),
        Step(
            time(8, 10),
            Posted(withdrawn, up_after_all.key),
            ("withdrawn: the pupil came after all", "återkallad: eleven kom trots allt"),
        ),
        Step(time(8, 16), _reported(school, first_protected), _ILL),
        Step(time(8, 22), _reported(school, leaves_early, time(12, 30)), ("leaves after lunch", "går hem efter lunch")),
        Step(
            time(8, 28),
            Posted(changed, tooth.key),
            ("was at the dentist's, back at 10", "var hos tandläkaren, tillbaka 10"),
        ),
        Step(
            time(8, 34),
            Cancelled(school.lesson("8C", 1)["id"]),
            ("cancelled in the school's system: teacher ill", "inställd i skolans system: läraren är sjuk"),
        ),
        Step(time(8, 40), _reported(school, protected), _ILL),
        Step(time(8, 46), first, ("the guardian's app sends it again", "vårdnadshavarens app skickar den igen")),
        Step(
            time(9, 20),
            _reported(school, too_late),
            ("went home ill, after the kitchen's cut-off", "gick hem sjuk, efter kökets sista tid"),
        ),
        Step(
            time(9, 30),
            Posted(envelope(DayClosed, closed, f"closed-{DAY}", OFFICE)),
            ("study day on Friday (studiedag)", "studiedag på fredag"),
        ),
        Step(
            time(9, 40),
            _reported(school, busy, time(12, 30)),
            ("while the app's server is restarting", "medan appens server startar om"),
            busy=True,
        ),
    ]


def _reported(school: School, pupil: Pupil, start: time = time(8)) -> Report:
    return Report(school.absence(pupil, start), pupil.id)
