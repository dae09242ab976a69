"""Accepted events, dead letters, and why a recipient got an event or did not."""

from collections.abc import Mapping
from typing import Final

from hub.texts.text import Text

COUNTED: Final[Mapping[str, Text]] = {
    "counted.age_s_max": Text("högsta ålder", "highest age"),
    "counted.dead": Text("blev ej levererade", "given up"),
    "counted.dead_max": Text("flest ej levererade", "most dead letters"),
    "counted.delivered": Text("levererade", "delivered"),
    "counted.delivered_again": Text("levererade igen", "delivered again"),
    "counted.events": Text("händelser", "events"),
    "counted.failed": Text("misslyckade försök", "failed attempts"),
    "counted.lag_s_max": Text("längsta eftersläpning", "longest lag"),
    "counted.latency_s": Text("summa av tiden till leverans", "sum of the time to delivery"),
    "counted.latency_s_max": Text("längsta tid till leverans", "longest time to delivery"),
    "counted.orders": Text("beställningar", "orders"),
    "counted.parked_max": Text("flest som väntar på nytt försök", "most that wait for another try"),
    "counted.poll_age_s_max": Text("längsta tid utan hämtning", "longest time without a poll"),
    "counted.poll_failures_max": Text("flest misslyckade hämtningar i rad", "most failed polls in a row"),
    "counted.portions": Text("portioner", "portions"),
    "counted.problems": Text("problem", "problems"),
    "counted.served": Text("hämtade", "served"),
}

COUNTERS: Final[Mapping[str, Text]] = {
    "counters.none": Text("Inget är räknat under den tiden.", "Nothing was counted in that time."),
}

DEAD_LETTERS: Final[Mapping[str, Text]] = {
    "dead-letters.discarded": Text("Avskrivna: {count}.", "Discarded: {count}."),
    "dead-letters.left": Text("Inget är ändrat.", "Nothing was changed."),
    "dead-letters.no-history": Text(
        "Inget har skickats igen eller avskrivits.", "Nothing was sent again or discarded."
    ),
    "dead-letters.none": Text("Det finns inga ej levererade händelser.", "There are no dead letters."),
    "dead-letters.resent": Text("{id}: händelsen skickas igen ({lane}).", "{id}: tried again ({lane})."),
    "dead-letters.sure": Text(
        "{count} händelser skickas då aldrig. Vill du avskriva dem?",
        "{count} events will then never be sent. Discard them?",
    ),
    "dead-letters.unknown": Text("Det finns ingen sådan post: {id}.", "There is no such letter: {id}."),
    "dead-letters.which": Text(
        "Ange postens id, eller --all --subscription NAMN.", "Write the letter's id, or --all --subscription NAME."
    ),
    "dead-letters.why": Text(
        "Ange med --why varför händelserna aldrig ska skickas.", "Say with --why why the events are never to be sent."
    ),
}

EVENT: Final[Mapping[str, Text]] = {
    "event.nobody": Text(
        "Ingen prenumeration omfattar den här händelsen. Ange --all för att se alla.",
        "No subscription asks for this event. Write --all to see every subscription.",
    ),
    "event.unknown": Text(
        "Det finns ingen händelse med id {id}. Hubben kan ha gallrat den.",
        "No event with the id {id} is kept. The hub may have trimmed it.",
    ),
}

EVENTS: Final[Mapping[str, Text]] = {
    "events.follow-alone": Text(
        "Med --follow kan bara --type och --since anges.",
        "--follow goes with --type and --since, not with other choices.",
    ),
    "events.no-such-outcome": Text(
        "{outcome} är inget utfall.{hint} Se listan: skolnav events --help.",
        "{outcome} is not an outcome.{hint} For a list: skolnav events --help.",
    ),
    "events.none": Text("Det finns inga händelser.", "No events."),
}

OUTCOME: Final[Mapping[str, Text]] = {
    "outcome.acknowledged": Text("kvitterad", "acknowledged"),
    "outcome.before": Text("före prenumerationen", "before the subscription"),
    "outcome.behind": Text("väntar på en tidigare händelse", "waits for an earlier event"),
    "outcome.dead": Text("ej levererad, försöken är slut", "not delivered, given up"),
    "outcome.delivered": Text("levererad", "delivered"),
    "outcome.discarded": Text("ej levererad, avskriven", "not delivered, discarded"),
    "outcome.not-asked": Text("omfattar den inte", "does not ask for it"),
    "outcome.resent": Text("skickas om", "sent again"),
    "outcome.retrying": Text("nytt försök väntar", "waits for another attempt"),
    "outcome.served": Text("hämtad, ej kvitterad", "fetched, not acknowledged"),
    "outcome.under-way": Text("på väg", "under way"),
    "outcome.unrecorded": Text("inget beslut finns kvar", "no decision is kept"),
    "outcome.waiting": Text("väntar", "waits"),
    "outcome.withheld": Text("ej levererad enligt regel", "not delivered by rule"),
}

WHY: Final[Mapping[str, Text]] = {
    "why.asks-not": Text(
        "Prenumerationen {name} omfattar inte den här händelsetypen.", "Subscription {name} does not ask for this type."
    ),
    "why.attempts": Text("{count} misslyckade försök", "{count} failed attempts"),
    "why.outcome": Text("Utfall för {name}: {outcome}{more}.", "Outcome for {name}: {outcome}{more}."),
    "why.state": Text("Prenumerationen {name}: {status}.", "Subscription {name}: {status}."),
    "why.unknown": Text(
        "Ingen händelse med det id:t finns kvar, eller så finns ingen mottagare med det namnet.",
        "No event of that id is kept, or no recipient is called that.",
    ),
}
