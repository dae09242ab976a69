"""Acme's app for guardians: absences that they report there, and the lessons of the day. See README.md."""

from collections.abc import Iterable
from typing import Any

from skolnav.events import AbsenceChanged, AbsenceReported, Lesson, LessonCancelled, LessonChanged, LessonScheduled
from skolnav.rest import ByToken, Listing, Publication, Record, RestConnector, RestSourceConfig, Send
from skolnav.sdk import Category, Connector, Contract, Event, Text, hookimpl

REPORTS = Listing("reports", items="items", pages=ByToken("next", "cursor"))


class AcmeApp(RestConnector[RestSourceConfig]):
    """Absences that guardians report in Acme's app, and lessons for the app to show."""

    name = "acme-app"
    config_model = RestSourceConfig
    far_side = Text("Acmes app", "Acme's app")
    ping = "health"
    consumes = (LessonScheduled, LessonChanged, LessonCancelled)
    produces = (AbsenceReported, AbsenceChanged)
    contract = Contract("lessons that guardians see", "public task, Education Act 2:9", {Category.NONE})
    start_from = "state"
    lists = (REPORTS,)

    def send(self, event: Event) -> Send | None:
        """One document for each lesson: a cancelled lesson is shown as cancelled."""
        lesson = event.as_(Lesson)
        cancelled = event.type == LessonCancelled.spec.type or bool(lesson.cancelled)
        shown = {"starts": lesson.startTime, "ends": lesson.endTime, "cancelled": cancelled}
        return Send("PUT", f"lessons/{lesson.id}", shown)

    def publish(self, listing: Listing, record: Record, new: bool) -> Publication | None:
        """A guardian's report. The app knows pupils by their SS 12000 ids."""
        absence = {
            "id": record["id"],
            "student": {"id": record["pupil"]},
            "startTime": record["from"],
            "endTime": record["to"],
            "type": "Anmäld frånvaro",
        }
        return AbsenceReported if new else AbsenceChanged, absence


@hookimpl
def skolnav_connectors() -> Iterable[type[Connector[Any]]]:
    return (AcmeApp,)
