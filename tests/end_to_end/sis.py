"""What the recorded school system says, the envelopes around it, and what must come of it, without the hub's help."""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.school import absence, diet, envelope

SHARED = Path(__file__).resolve().parents[3] / "shared" / "reference" / "ss12000"
SIS_FOLDER = SHARED / "demo-sis"

SIS, ABSENCES, DIETS = "urn:skolnav:demo-sis", "urn:skolnav:anmalan", "urn:skolnav:kost"
DAY = "2026-10-26"  # the first school day after daylight saving time
SITTINGS = {"7": ("11:10", "11:40", "7A"), "8": ("11:50", "12:20", "8A")}
DIET_CODES = {"GLUTEN": "GLUTENFRI", "LAKTOS": "LAKTOSFRI"}
STAFF = 5
PERSON_FILES = ("persons.page1", "persons.page2", "persons.page3")
ALL = ("identity", "name", "contact", "protected_address", "group", "attendance", "health", "diet", "case_content",
       "free_text", "staff", "aggregate", "none")  # fmt: skip
FEED_TYPES = ("se.skolnav.directory.*", "se.skolnav.schedule.*", "se.skolnav.absence.*", "se.skolnav.meals.*")
HOOK_TYPES = ("se.skolnav.absence.*", "se.skolnav.schedule.*", "se.skolnav.meals.*")

Record = dict[str, Any]


# -- the raw records ------------------------------------------------------------------------------------------------


def records(*names: str) -> list[Record]:
    return [each for name in names for each in json.loads((SIS_FOLDER / f"{name}.json").read_text())["data"]]


class School:
    """What the records say, without the hub's help."""

    def __init__(self) -> None:
        self.persons = {each["id"]: each for each in records(*PERSON_FILES)}
        self.groups = {each["displayName"]: each for each in records("groups.page1")}
        self.hidden = {id for id, each in self.persons.items() if each["securityMarking"] != "Ingen"}
        (delta,), (deleted,) = records("delta.persons.page1"), records("delta.deletedEntities.page1")
        self.protected_later, self.deleted_later = delta["id"], deleted["id"]

    def members(self, name: str) -> list[str]:
        return [each["person"]["id"] for each in self.groups[name]["groupMemberships"]]

    def guardians(self, pupil: str) -> set[str]:
        return {each["person"]["id"] for each in self.persons[pupil].get("responsibles", ())}

    def withheld(self, hidden: set[str]) -> set[str]:
        """These pupils, and the guardians who are here because of them alone."""
        others = {guardian for id in self.persons.keys() - hidden for guardian in self.guardians(id)}
        return hidden | {guardian for pupil in hidden for guardian in self.guardians(pupil)} - others

    def left(self) -> set[str]:
        """Who is deleted or becomes protected in the course of the day, and the guardians who go with them."""
        gone = self.withheld({*self.hidden, self.protected_later}) - self.withheld(self.hidden)
        return gone | {self.deleted_later}

    def near(self, hidden: set[str]) -> set[str]:
        """Guardians and siblings of these pupils: where they live tells where the pupil lives."""
        guardians = {guardian for pupil in hidden for guardian in self.guardians(pupil)}
        return guardians | {id for id in self.persons if self.guardians(id) & guardians} - hidden

    def canaries(self, hidden: set[str]) -> set[str]:
        """What may be in no recipient's bytes, as far as nobody else has the same."""
        values: set[str] = set()
        for id in hidden:
            person = self.persons[id]
            values |= {id, person["civicNo"]["value"], person["givenName"] + '"'}
            values |= {each["value"] for each in person["emails"]}
        theirs = hidden | {guardian for id in hidden for guardian in self.guardians(id)}
        for id in theirs - hidden:
            values |= {each["streetAddress"] for each in self.persons[id].get("addresses", ())}
            values |= {each["value"] for part in ("phoneNumbers", "emails") for each in self.persons[id].get(part, ())}
        others = json.dumps([each for id, each in self.persons.items() if id not in theirs], ensure_ascii=False)
        return {value for value in values if value not in others}


# -- what is posted -------------------------------------------------------------------------------------------------


def event(id: str, what: str, data: Record, source: str = SIS) -> Record:
    now = datetime.now(UTC).isoformat()
    return envelope(what, data, id=id, source=source, time=now, datacontenttype="application/json")


def current(source: str, number: int) -> Record:
    return event(f"current-{number}", "directory.current", {"asOf": datetime.now(UTC).isoformat()}, source)


def away(pupil: str, start: str, end: str, **more: Any) -> Record:
    """An absence, its times school time of `DAY` (or whole timestamps)."""
    whole = {"startTime": start, "endTime": end}
    times = {name: at if "T" in at else f"{DAY}T{at}:00+01:00" for name, at in whole.items()}
    return absence(pupil, **{**times, **more})


def directory() -> dict[str, list[Record]]:
    """Every record as it is, by resource. A cancelled lesson is told as one."""
    kinds = {
        "organisation": records("organisations.page1"),
        "person": records(*PERSON_FILES),
        "group": records("groups.page1"),
        "duty": records("duties.page1"),
        "activity": records("activities.page1"),
    }
    posted = {
        kind: [event(f"{kind}-{n}", f"directory.{kind}.upserted", each) for n, each in enumerate(found)]
        for kind, found in kinds.items()
    }
    lessons = records("calendarEvents.page1")
    posted["lesson"] = [
        event(f"lesson-{n}", f"schedule.lesson.{'cancelled' if each.get('cancelled') else 'scheduled'}", each)
        for n, each in enumerate(lessons)
    ]
    return posted


class Morning:
    """Who is away, and who eats what. `told` is posted in order."""

    def __init__(self, school: School) -> None:
        first, second = sorted(school.hidden)
        apart = {*school.hidden, school.protected_later, school.deleted_later}
        open7, open8 = ([each for each in school.members(name) if each not in apart] for name in ("7A", "8A"))
        self.back = open7[0]  # whose absence is withdrawn after the cut-off
        absences = [
            ("reported", away(self.back, "08:00", "16:00")),
            ("reported", away(first, "08:00", "16:00")),
            ("reported", away(second, "11:30", "13:00")),
            ("reported", away(open7[1], "08:00", "11:10")),  # ends as the sitting begins
            ("reported", away(open7[2], "08:00", "16:00", registeredBy={"id": min(school.guardians(open7[2]))})),
            ("changed", away(open7[2], "08:00", "11:00", changed={"endTime": f"{DAY}T16:00:00+01:00"})),
            ("reported", away(open8[0], "08:00", "16:00")),
            ("withdrawn", away(open8[0], "08:00", "16:00")),
            ("leave_granted", away(open8[1], "2026-10-25T22:00:00+01:00", "2026-10-30T16:00:00+01:00",
                                   type="Beviljad ledighet")),
            ("reported", away(school.protected_later, "08:00", "16:00")),
            ("reported", away(open8[2], "2026-10-27T08:00:00+01:00", "2026-10-27T16:00:00+01:00")),
        ]  # fmt: skip
        self.absences = [
            event(f"absence-{n}", f"absence.{what}", data, ABSENCES) for n, (what, data) in enumerate(absences)
        ]
        diets = {first: "GLUTEN", second: "LAKTOS", open7[3]: "GLUTEN", open7[4]: "HALAL", open8[1]: "LAKTOS",
                 self.back: "GLUTEN", open8[3]: "LAKTOS"}  # fmt: skip
        self.diets = diets
        self.diet_events = [
            event(
                f"diet-{n}", "directory.diet.upserted",
                diet(person, code), DIETS,
            )
            for n, (person, code) in enumerate(diets.items())
        ]  # fmt: skip

    def eats(
        self, school: School, *, withdrawn: Iterable[str] = (), gone: Iterable[str] = ()
    ) -> dict[tuple[str, str], int]:
        """Portions by sitting and diet, from the last word on each absence; `gone` are no pupils any more."""
        last: dict[str, Record] = {}
        for each in self.absences:
            last[each["data"]["student"]["id"]] = each
        counts: Counter[tuple[str, str]] = Counter()
        for sitting, (start, end, group) in SITTINGS.items():
            begin, finish = (datetime.fromisoformat(f"{DAY}T{at}:00+01:00") for at in (start, end))
            for name in ("NORMAL", *DIET_CODES.values(), "ÖVRIG"):
                counts[sitting, name] = 0
            counts[sitting, "PERSONAL"] = STAFF
            for pupil in school.members(group):
                if pupil in gone:
                    continue
                said = last.get(pupil)
                if said is not None and "withdrawn" not in said["type"] and pupil not in withdrawn:
                    data = said["data"]
                    if (
                        datetime.fromisoformat(data["startTime"]) < finish
                        and datetime.fromisoformat(data["endTime"]) > begin
                    ):
                        continue
                code = self.diets.get(pupil)
                counts[sitting, "NORMAL" if code is None else DIET_CODES.get(code, "ÖVRIG")] += 1
        return dict(counts)
