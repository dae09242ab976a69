"""The hub's pages for people, `/` and `/docs`, and what each event type means, in the words of the catalogue."""

from collections.abc import Mapping
from typing import Final

from hub.texts.text import Text

DOCS: Final[Mapping[str, Text]] = {
    "docs.categories": Text("Kategorier", "Categories"),
    "docs.categories-how": Text(
        "En mottagare får bara de fält vars kategorier finns i dess avtal. Ett fält utan kategori säger inget om "
        "personer, och alla mottagare får det.",
        "A recipient gets only the fields whose categories are in its contract. A field without a category says "
        "nothing about persons, and every recipient gets it.",
    ),
    "docs.entity": Text("Händelsen är det senaste kända om", "The event is the last state of"),
    "docs.example": Text("Exempel", "Example"),
    "docs.example-how": Text(
        "En hel händelse, som hubben tar emot. Spara den i filen som exemplen läser och skicka den:",
        "A whole event, as the hub accepts it. Store it as `event.json` and send it:",
    ),
    "docs.field": Text("Fält", "Field"),
    "docs.fields": Text("Fält i data", "Fields of data"),
    "docs.fields-of": Text("Fält, värden och kategorier", "Fields, values and categories"),
    "docs.go-on": Text("Anslut ett system: typer, fält och exempel", "Connect a system: types, fields and examples"),
    "docs.hub-only": Text("bara för hubben; ingen mottagare får fältet", "for the hub alone; no recipient gets it"),
    "docs.intro": Text(
        "Hubben tar emot händelser som CloudEvents 1.0 med JSON och lämnar dem vidare genom webhooks, feeder och "
        "strömmar. Kommunen som driver hubben delar ut klient-id, token och avtal. Hela gränssnittet finns i "
        "`/openapi.json`, även SS 12000, och händelserna i `/asyncapi.json`.",
        "The hub accepts events as CloudEvents 1.0 with JSON, and delivers them by webhook, feed and stream. The "
        "municipality that runs the hub gives you a client id, a token and a contract. The whole interface, SS 12000 "
        "too, is in `/openapi.json`, and the events are in `/asyncapi.json`.",
    ),
    "docs.key": Text(
        "Händelser med samma nyckel levereras i den ordning som de kom. Nyckeln är",
        "Events with the same key are delivered in order. The key is",
    ),
    "docs.meaning": Text("Betyder", "Meaning"),
    "docs.menu": Text("Meny", "Menu"),
    "docs.needed": Text("Krävs", "Required"),
    "docs.no": Text("nej", "no"),
    "docs.other-language": Text("In English", "På svenska"),
    "docs.publish": Text("Skicka en händelse", "Publish an event"),
    "docs.publish-how": Text(
        "Klientens token finns i miljövariabeln `TOKEN`, och händelsen läses ur en fil. Svaret 202 betyder att "
        "händelsen är skriven till disk. Utan svar: skicka samma händelse igen, det är ofarligt.",
        "The client's token is in the environment variable `TOKEN`, and the event in the file `event.json`. The answer "
        "202 means that the event is on disk. Without an answer, send the same event again: that is harmless.",
    ),
    "docs.read": Text("Läs en feed", "Read a feed"),
    "docs.read-how": Text(
        "Prenumerationens id finns i miljövariabeln `FEED`. Spara adressen efter `next:` och fortsätt från den nästa "
        "gång. Räkna med att en händelse kan komma mer än en gång.",
        "The subscription's id is in the environment variable `FEED`. Store the address after `next:`, and continue "
        "from there the next time. Expect that an event may come more than once.",
    ),
    "docs.schema": Text("JSON Schema och alla exempel", "JSON Schema and all examples"),
    "docs.skip": Text("Till innehållet", "To the content"),
    "docs.title": Text("Anslut ett system", "Connect a system"),
    "docs.type": Text("Händelsetyp", "Event type"),
    "docs.types": Text("Händelsetyper", "Event types"),
    "docs.value": Text("Värde", "Value"),
    "docs.what": Text(
        "Det här är en hubb för skolans system. Den tar emot händelser, till exempel en frånvaroanmälan, och lämnar "
        "dem vidare till de system som har rätt till dem.",
        "This is a hub for the systems of schools. It accepts events, for example that a pupil is away, and delivers "
        "them to the systems that have a right to them.",
    ),
    "docs.whose": Text("Hubben drivs av {name}.", "The hub is run by {name}."),
    "docs.yes": Text("ja", "yes"),
}

TYPE: Final[Mapping[str, Text]] = {
    "type.se.skolnav.absence.changed.v1": Text(
        "En frånvaros tider eller slag har rättats.", "The times or the kind of an absence were corrected."
    ),
    "type.se.skolnav.absence.leave_granted.v1": Text(
        "Ledighet har beviljats (skollagen 7 kap. 18 §).", "Leave was granted (beviljad ledighet, Education Act 7:18)."
    ),
    "type.se.skolnav.absence.reported.v1": Text(
        "En vårdnadshavare eller skolan anmäler att en elev är eller kommer att vara frånvarande.",
        "A guardian or the school says that a pupil is, or will be, away (anmäld frånvaro).",
    ),
    "type.se.skolnav.absence.withdrawn.v1": Text(
        "En frånvaroanmälan har tagits tillbaka: eleven är närvarande. Data är anmälan som den var.",
        "An absence was withdrawn: the pupil is present. The data is the notification as it was.",
    ),
    "type.se.skolnav.attendance.checked_in.v1": Text("Ett barn har kommit.", "A child came."),
    "type.se.skolnav.attendance.checked_out.v1": Text("Ett barn har gått.", "A child left."),
    "type.se.skolnav.attendance.recorded.v1": Text(
        "En elevs närvaro vid en lektion har registrerats, eller rättats (då med `changed`).",
        "A pupil's attendance at a lesson was registered, or corrected (then with `changed`).",
    ),
    "type.se.skolnav.attendance.unauthorised_confirmed.v1": Text(
        "En person på skolan har bekräftat att en elevs frånvaro var ogiltig.",
        "A person at the school has confirmed that a pupil's absence was unauthorised (ogiltig frånvaro).",
    ),
    "type.se.skolnav.case.changed.v1": Text(
        "Ett ärende har ändrats, till exempel dess status, handläggare eller innehåll.",
        "A case was changed, for example its status, its handlers or its content.",
    ),
    "type.se.skolnav.case.closed.v1": Text(
        "Ett ärende har avslutats eller tagits tillbaka. `outcome` är i handläggningssystemets ord.",
        "A case was finished or withdrawn. `outcome` is in the words of the handling system.",
    ),
    "type.se.skolnav.case.decided.v1": Text(
        "En eller flera delar av ett ärende har avgjorts; `decided` har deras id. Andra delar kan vara öppna.",
        "One or more items of a case were decided; `decided` has their ids. Other items may still be open.",
    ),
    "type.se.skolnav.case.message_added.v1": Text(
        "Ett meddelande har lagts till i ett ärende.", "A message was added to a case."
    ),
    "type.se.skolnav.case.opened.v1": Text("Ett ärende har öppnats.", "A case was opened."),
    "type.se.skolnav.directory.activity.deleted.v1": Text("En aktivitet har tagits bort.", "An activity was deleted."),
    "type.se.skolnav.directory.activity.upserted.v1": Text(
        "En aktivitet är ny eller har ändrats.", "An activity is new or has changed."
    ),
    "type.se.skolnav.directory.current.v1": Text(
        "En källa försäkrar att det som den har skickat är fullständigt vid den här tiden. Det håller `Ingen` färskt.",
        "A source declares that what it has published is complete as of this time. It keeps `Ingen` fresh.",
    ),
    "type.se.skolnav.directory.diet.deleted.v1": Text(
        "En persons specialkost har upphört. Händelsen anger personen, för annars kan utlämnandet inte prövas.",
        "A person's special diet has ended. The event names the person, since the gate could not decide without.",
    ),
    "type.se.skolnav.directory.diet.upserted.v1": Text(
        "En persons specialkost är ny eller har ändrats.", "A person's diet is new or has changed."
    ),
    "type.se.skolnav.directory.duty.deleted.v1": Text(
        "En tjänstgöring har tagits bort. `person` krävs inte, för vissa källor har bara id.",
        "A duty was deleted. `person` is optional, since some sources list only ids.",
    ),
    "type.se.skolnav.directory.duty.upserted.v1": Text(
        "En tjänstgöring är ny eller har ändrats.", "A duty is new or has changed."
    ),
    "type.se.skolnav.directory.group.deleted.v1": Text("En grupp har tagits bort.", "A group was deleted."),
    "type.se.skolnav.directory.group.upserted.v1": Text(
        "En grupp är ny eller har ändrats, med alla sina medlemmar.",
        "A group is new or has changed, with all its memberships.",
    ),
    "type.se.skolnav.directory.organisation.deleted.v1": Text(
        "En organisation har tagits bort.", "An organisation was deleted."
    ),
    "type.se.skolnav.directory.organisation.upserted.v1": Text(
        "En organisation är ny eller har ändrats.", "An organisation is new or has changed."
    ),
    "type.se.skolnav.directory.person.deleted.v1": Text(
        "En person har tagits bort ur skolans system.", "A person was deleted from the school system."
    ),
    "type.se.skolnav.directory.person.upserted.v1": Text(
        "En person är ny eller har ändrats. Data är hela personen som källan har den nu.",
        "A person is new or has changed. The data is the whole person as the source has it now.",
    ),
    "type.se.skolnav.directory.room.deleted.v1": Text("En sal har tagits bort.", "A room was deleted."),
    "type.se.skolnav.directory.room.upserted.v1": Text(
        "En sal är ny eller har ändrats.", "A room is new or has changed."
    ),
    "type.se.skolnav.meals.count.v1": Text(
        "Ett köks beställning för en sittning: hela beställningen, som ersätter varje lägre revision.",
        "A kitchen's order for one sitting: a full snapshot that replaces every lower revision, never a difference.",
    ),
    "type.se.skolnav.operator.alert.changed.v1": Text(
        "Felet består, av en annan orsak, med en annan allvarlighet eller med långt mer bakom sig.",
        "It still lasts, for another reason, with another severity, or with far more behind it.",
    ),
    "type.se.skolnav.operator.alert.cleared.v1": Text("Felet är över.", "It is over."),
    "type.se.skolnav.operator.alert.raised.v1": Text(
        "Något som skulle ha hänt har inte hänt, så länge att en person behöver titta på det.",
        "Something that should have happened did not, and it has lasted long enough for a person to look.",
    ),
    "type.se.skolnav.schedule.day.closed.v1": Text(
        "En skola eller skolenhet, med sina delar, är stängd ett datum: studiedag, värme, strömavbrott.",
        "A school or school unit, with its parts, is closed on a date: study day, heat, power cut.",
    ),
    "type.se.skolnav.schedule.lesson.cancelled.v1": Text(
        "En lektion är inställd. Data är lektionen som den var, med `cancelled` sant.",
        "A lesson was cancelled. The data is the lesson as it was, with `cancelled` true.",
    ),
    "type.se.skolnav.schedule.lesson.changed.v1": Text(
        "En lektion har ändrats: flyttats, fått en annan sal eller lärare, eller är inte längre inställd.",
        "A lesson was changed: moved, given another room or teacher, or no longer cancelled.",
    ),
    "type.se.skolnav.schedule.lesson.scheduled.v1": Text(
        "En lektion har lagts till i schemat.", "A lesson was added to the schedule."
    ),
}
