"""What is raised and needs a person, and the person who sees to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.alerts.raising import NoSuchAlert as NoSuchAlert
from hub.alerts.wording import says, todo
from hub.assembly.services import Services
from hub.texts import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertStanding:
    """One alert that is raised."""

    id: str
    severity: str  # critical, warning, info
    code: str
    place: str  # as in the configuration: connectors.kitchen
    what: str  # which of several at that place
    since: datetime  # when what should have happened did not
    raised: datetime
    error: str  # the code of the last failure
    attempts: int
    count: int
    next_try: datetime | None
    acknowledged: datetime | None
    acknowledged_by: str  # the name that a person gave
    says: str  # what is wrong, in the operator's language
    todo: str  # what to do


def alerts(services: Services, language: Language = "en") -> Sequence[AlertStanding]:
    """What needs a person first, then what a person has acknowledged."""
    return [
        AlertStanding(
            id=each.row.id,
            severity=each.row.severity,
            code=each.row.code,
            place=each.row.place,
            what=each.row.what,
            since=each.row.since.replace(microsecond=0),
            raised=each.row.raised.replace(microsecond=0),
            error=each.row.error,
            attempts=each.condition.attempts,
            count=each.condition.count,
            next_try=each.condition.next_try,
            acknowledged=each.row.acknowledged,
            acknowledged_by=each.row.acknowledged_by,
            says=says(each.condition, language, services.alerts.words(each.row.place)),
            todo=todo(each.condition, language),
        )
        for each in services.alerts.all()
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    id: str
    name: str


async def acknowledge(services: Services, *, actor: str, id: str, name: str) -> Acknowledged:
    """A person sees to an alert. Audited. Raises NoSuchAlert, StoreUnavailable."""
    row = await services.alerts.acknowledge(id, name=name, actor=actor)
    return Acknowledged(id=row.id, name=row.acknowledged_by)
