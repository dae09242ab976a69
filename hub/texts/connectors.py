"""How connectors stand, what waits for a person, and what was done about it."""

from collections.abc import Mapping
from typing import Final

from hub.texts.text import Text

CONNECTOR: Final[Mapping[str, Text]] = {
    "connector.are-behind": Text(" Efter ligger: {sides}.", " These are behind: {sides}."),
    "connector.behind": Text("ligger efter: {sides} ({code})", "behind: {sides} ({code})"),
    "connector.directory": Text(
        " Den meddelade senast {at} att registret är komplett.", " It last reported its directory as complete at {at}."
    ),
    "connector.failing": Text("hämtningen misslyckas: {code}", "polling fails: {code}"),
    "connector.failures": Text(
        " Försök i rad som inte har gjort allt: {count} ({code}).",
        " Attempts in a row that did not do everything: {count} ({code}).",
    ),
    "connector.left-out": Text(
        "{name}: hubben har startat utan den; dess tillstånd och händelser ligger kvar. {says}",
        "{name}: the hub has started without it; its state and events are kept. {says}",
    ),
    "connector.means": Text(" {code} betyder: {says}.", " {code} means: {says}."),
    "connector.not-polled": Text(
        "{name}: har inte hämtat allt sedan den startade {at}.",
        "{name}: has not read everything since it started, {at}.",
    ),
    "connector.polled": Text(
        "{name}: hämtade allt senast {at}, för {age} sedan.", "{name}: last read everything {at}, {age} ago."
    ),
    "connector.problem": Text(
        " Senaste problem: {code}, {at} ({count} av det slaget sedan hubben startade).",
        " Last problem: {code}, {at} ({count} of that kind since the hub started).",
    ),
    "connector.quiet": Text("{name}: hämtar inget.", "{name}: polls nothing."),
    "connector.unknown-ids": Text(
        " Inställningar med id som registret inte känner: {places}.",
        " Settings with ids that the directory does not know: {places}.",
    ),
    "connector.unread": Text("allt kan inte hämtas: {code}", "some of it can't be read: {code}"),
}

CONNECTORS: Final[Mapping[str, Text]] = {
    "connectors.begun": Text("{name}: jämförelsen har börjat.", "{name}: the comparison has begun."),
    "connectors.confirmed": Text(
        "{name} {word}: bekräftat, och görs nu: {says}.", "{name} {word}: confirmed, and done now: {says}."
    ),
    "connectors.consumes-not": Text("{name} tar inte emot {type}.", "{name} does not consume {type}."),
    "connectors.covers-not": Text(
        "Avtalet omfattar inte, i {type}: {fields}.", "The contract does not cover, in {type}: {fields}."
    ),
    "connectors.given-up": Text(
        "Kontakten fick händelsen och gav upp den: {reason}.", "The connector got the event and gave it up: {reason}."
    ),
    "connectors.no-event": Text("{file} är ingen händelse: {says}", "{file} is no event: {says}"),
    "connectors.none": Text("Inga kontakter.", "No connectors."),
    "connectors.not-handled": Text("{name} hanterar inte händelsen: {why}", "{name} does not handle the event: {why}"),
    "connectors.nothing-waits": Text(
        "Inget väntar under {word} hos {name}: det kan vara gjort, eller ha ändrats.{hint}",
        "Nothing waits under {word} at {name}: it may be done, or have changed.{hint}",
    ),
    "connectors.recorded": Text(
        "Fallet, med påhittade identiteter, är sparat i {file}.",
        "The case, with invented identities, is kept in {file}.",
    ),
    "connectors.restarting": Text(
        "{name}: startar om. Se hur det går: skolnav connectors.",
        "{name}: starts anew. To see how it goes: skolnav connectors.",
    ),
    "connectors.taken-away": Text("Avtalet tar bort: {fields}.", "The contract takes away: {fields}."),
    "connectors.under-way": Text("{name}: en jämförelse pågår redan.", "{name}: a comparison is under way already."),
    "connectors.unknown": Text(
        "Ingen kontakt heter {name}.{hint} Se listan: skolnav connectors.",
        "No connector is called {name}.{hint} For a list: skolnav connectors.",
    ),
    "connectors.waiting": Text(
        "Väntar på att en människa bekräftar (skolnav connectors confirm NAMN ORD):",
        "Waits until a person confirms it (skolnav connectors confirm NAME WORD):",
    ),
    "connectors.waits": Text(" Det som väntar: {words}.", " These wait: {words}."),
    "connectors.withheld": Text(
        "dess avtal släpper inte igenom något av den", "its contract lets nothing of it through"
    ),
    "connectors.would": Text(
        "Det här skulle {name} göra; inget av det är gjort:", "This is what {name} would do; nothing of it is done:"
    ),
    "connectors.would-nothing": Text(
        "{name} skulle inte göra något på andra sidan.", "{name} would do nothing at the far side."
    ),
}
