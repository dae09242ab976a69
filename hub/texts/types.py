"""What each of the hub's own event types means, in Swedish. The catalogue has the English, for vendors' types too."""

from collections.abc import Mapping
from typing import Final

_PREFIX: Final = "se.skolnav."

_SWEDISH: Final[Mapping[str, str]] = {
    "absence.changed.v1": "Tiderna eller slaget för en frånvaro har rättats.",
    "absence.leave_granted.v1": "En elev har beviljats ledighet (skollagen 7:18).",
    "absence.reported.v1": "En vårdnadshavare eller skolan anmäler att en elev är eller blir frånvarande.",
    "absence.withdrawn.v1": "En frånvaroanmälan är återkallad: eleven är närvarande. Innehållet är anmälan.",
    "attendance.checked_in.v1": "Ett barn har kommit.",
    "attendance.checked_out.v1": "Ett barn har gått hem.",
    "attendance.recorded.v1": "En elevs närvaro vid en lektion är registrerad eller rättad (då med `changed`).",
    "attendance.unauthorised_confirmed.v1": "En person på skolan har bekräftat att en elevs frånvaro är ogiltig.",
    "case.changed.v1": "Ett ärende har ändrats, till exempel status, handläggare eller innehåll.",
    "case.closed.v1": "Ett ärende är avslutat eller återkallat. `outcome` är med det handläggande systemets ord.",
    "case.decided.v1": "Punkter i ett ärende är beslutade; `decided` har deras id:n. Andra kan vara öppna.",
    "case.message_added.v1": "Ett ärende har fått ett meddelande.",
    "case.opened.v1": "Ett ärende har öppnats.",
    "directory.activity.deleted.v1": "En aktivitet har tagits bort.",
    "directory.activity.upserted.v1": "En aktivitet är ny eller ändrad.",
    "directory.current.v1": "En källa intygar att det som den har publicerat är fullständigt vid denna tid. Det håller "
    "`Ingen` aktuell.",
    "directory.diet.deleted.v1": "En persons specialkost har upphört. Händelsen anger personen.",
    "directory.diet.upserted.v1": "En persons specialkost är ny eller ändrad.",
    "directory.duty.deleted.v1": "En tjänstgöring har tagits bort. `person` kan saknas: vissa källor anger bara id:n.",
    "directory.duty.upserted.v1": "En tjänstgöring är ny eller ändrad.",
    "directory.group.deleted.v1": "En grupp har tagits bort.",
    "directory.group.upserted.v1": "En grupp är ny eller ändrad, med alla medlemskap.",
    "directory.organisation.deleted.v1": "En organisation har tagits bort.",
    "directory.organisation.upserted.v1": "En organisation är ny eller ändrad.",
    "directory.person.deleted.v1": "En person har tagits bort ur skolsystemet.",
    "directory.person.upserted.v1": "En person är ny eller ändrad. Innehållet är hela personen som källan har den nu.",
    "directory.room.deleted.v1": "En sal har tagits bort.",
    "directory.room.upserted.v1": "En sal är ny eller ändrad.",
    "meals.count.v1": "Ett köks hela beställning för en sittning. Den ersätter alla lägre revisioner.",
    "operator.alert.changed.v1": "Det som larmet gäller pågår fortfarande, av en annan orsak eller med annat allvar.",
    "operator.alert.cleared.v1": "Det som larmet gällde är över.",
    "operator.alert.raised.v1": "Något som borde ha hänt har inte hänt, så länge att en person bör titta på det.",
    "schedule.day.closed.v1": "En skola eller skolenhet är stängd en dag: studiedag, värme, strömavbrott.",
    "schedule.lesson.cancelled.v1": "En lektion är inställd. Innehållet är lektionen, med `cancelled` true.",
    "schedule.lesson.changed.v1": "En lektion är ändrad: flyttad, ny sal, ny lärare eller inte längre inställd.",
    "schedule.lesson.scheduled.v1": "En lektion har lagts till i schemat.",
}


def meaning_of_type(type_: str, english: str, language: str) -> str:
    """The first sentences about an event type. `english`: the catalogue's description."""
    first = english.partition("\n")[0]
    return _SWEDISH.get(type_.removeprefix(_PREFIX), first) if language == "sv" else first
