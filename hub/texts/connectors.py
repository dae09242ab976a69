"""How connectors stand, what waits for a person, and what was done about it."""

from collections.abc import Mapping
from typing import Final

from hub.texts.base import Text

CONNECTOR: Final[Mapping[str, Text]] = {
    "connector.directory": Text(
        " Dess uppgift om att allt är med är från {at}.", " Its word that all is here is from {at}."
    ),
    "connector.failing": Text("hämtningen misslyckas: {code}", "polling fails: {code}"),
    "connector.failures": Text(
        " {count} försök i rad utan det: {code}.", " {count} tries in a row without it: {code}."
    ),
    "connector.not-polled": Text(
        "{name}: har inte hämtat allt sedan den startade {at}.", "{name}: has not read all since it began, {at}."
    ),
    "connector.polled": Text(
        "{name}: hämtade allt senast {at}, för {age} sedan.", "{name}: last read all {at}, {age} ago."
    ),
    "connector.problem": Text(
        " Senaste problem: {code}, {at} ({count} av det slaget sedan hubben startade).",
        " Last problem: {code}, {at} ({count} of that kind since the hub began).",
    ),
    "connector.quiet": Text("{name}: hämtar inget.", "{name}: polls nothing."),
    "connector.unread": Text("allt kan inte hämtas: {code}", "not all can be read: {code}"),
}

CONNECTORS: Final[Mapping[str, Text]] = {
    "connectors.begun": Text("{name}: jämförelsen har börjat.", "{name}: the comparison has begun."),
    "connectors.confirmed": Text(
        "{name} {word}: bekräftat, och görs nu: {says}.", "{name} {word}: confirmed, and done now: {says}."
    ),
    "connectors.none": Text("Inga kontakter.", "No connectors."),
    "connectors.nothing-waits": Text(
        "Inget väntar under {word} hos {name}: det kan vara gjort, eller något annat nu.{hint}",
        "Nothing waits under {word} at {name}: it may be done, or something else by now.{hint}",
    ),
    "connectors.restarting": Text(
        "{name}: börjar om. Hur det går visas av: skolnav connectors.",
        "{name}: begins anew. How it goes is shown by: skolnav connectors.",
    ),
    "connectors.under-way": Text("{name}: en jämförelse pågår redan.", "{name}: a comparison is under way already."),
    "connectors.unknown": Text(
        "Ingen kontakt heter {name}.{hint} De visas av: skolnav connectors.",
        "No connector is called {name}.{hint} They are shown by: skolnav connectors.",
    ),
    "connectors.waiting": Text(
        "Väntar på en människa (skolnav connectors confirm NAMN ORD):",
        "Waits for a person (skolnav connectors confirm NAME WORD):",
    ),
    "connectors.waits": Text(" Det som väntar: {words}.", " What waits: {words}."),
}
