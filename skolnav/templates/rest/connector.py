"""What the outside system's records mean as events, and events as its documents. The rest is done by RestConnector."""

from skolnav.events import AbsenceChanged, AbsenceReported, Lesson, LessonCancelled, LessonChanged, LessonScheduled
from skolnav.rest import ByToken, Listing, Publication, Record, RestConnector, RestSourceConfig, Send
from skolnav.sdk import Category, Contract, Event, Text

REPORTS = Listing("reports", items="items", pages=ByToken("next", "cursor"))


class Example(RestConnector[RestSourceConfig]):
    """Reports of absence come from the outside system, and lessons go to it."""

    name = "example"
    config_model = RestSourceConfig
    far_side = Text("det andra systemet", "the outside system")
    ping = "health"  # a path that needs the login and changes nothing
    consumes = (LessonScheduled, LessonChanged, LessonCancelled)
    produces = (AbsenceReported, AbsenceChanged)
    # Ask for no more than the outside system needs, and say why: the privacy officer reads this.
    contract = Contract("what the outside system is for", "the legal basis", {Category.NONE})
    start_from = "state"
    lists = (REPORTS,)

    def send(self, event: Event) -> Send | None:
        """One document for each lesson."""
        lesson = event.as_(Lesson)
        cancelled = event.type == LessonCancelled.spec.type or bool(lesson.cancelled)
        document = {"starts": lesson.startTime, "ends": lesson.endTime, "cancelled": cancelled}
        return Send("PUT", f"lessons/{lesson.id}", document)

    def publish(self, listing: Listing, record: Record, new: bool) -> Publication | None:
        """A record of the list of reports. A record that lacks a field is left out, and the operator sees that."""
        absence = {
            "id": record["id"],
            "student": {"id": record["pupil"]},
            "startTime": record["from"],
            "endTime": record["to"],
            "type": "Anmäld frånvaro",
        }
        return AbsenceReported if new else AbsenceChanged, absence
