"""What the commands say that look into a running hub or change what it does."""

from collections.abc import Mapping
from typing import Final

from hub.texts.base import Text

CATALOGUE: Final[Mapping[str, Text]] = {
    "catalogue.exported": Text("Skrivet till {folder}: {count} filer.", "Written to {folder}: {count} files."),
    "catalogue.unknown": Text(
        "Ingen händelsetyp heter så.{hint} Typerna visas av: skolnav catalogue.",
        "No event type is called that.{hint} The types are shown by: skolnav catalogue.",
    ),
    "plugins.none": Text("Inga kontakter är installerade.", "No connectors are installed."),
    "plugins.problem": Text("kunde inte användas: {says}", "can't be used: {says}"),
    "plugins.unknown": Text(
        "Ingen installerad kontakt heter så. Installerade: {known}.",
        "No installed connector is called that. Installed: {known}.",
    ),
    "plugins.written": Text(
        "Skrivet i {folder}. Börja med README.md där; proven körs med: pip install -e '.[dev]' && pytest",
        "Written to {folder}. Begin with README.md there; the tests run with: pip install -e '.[dev]' && pytest",
    ),
}

CHANGE: Final[Mapping[str, Text]] = {
    "answer.yes": Text("ja", "yes"),
    "answer.yes-no": Text("ja/nej", "yes/no"),
    "apply.asked": Text("Genomföra?", "Do it?"),
    "apply.done": Text("Genomfört.", "Done."),
    "apply.left": Text("Ingenting gjordes.", "Nothing was done."),
    "apply.needs-yes": Text(
        "Här finns ingen att fråga. Skriv --yes om ändringen ska göras.",
        "There is nobody to ask here. Write --yes if the change is to be done.",
    ),
    "plan.nothing": Text("Ingenting ändras.", "Nothing changes."),
    "plan.of-nothing": Text(
        "Ingen hubb kör här: planen räknar från ingenting.", "No hub runs here: the plan counts from nothing."
    ),
}

CONNECTORS: Final[Mapping[str, Text]] = {
    "connectors.begun": Text("{name}: jämförelsen har börjat.", "{name}: the comparison has begun."),
    "connectors.confirmed": Text(
        "{name} {word}: bekräftat, och görs nu: {says}.", "{name} {word}: confirmed, and done now: {says}."
    ),
    "connectors.failing": Text("hämtningen misslyckas: {code}", "polling fails: {code}"),
    "connectors.none": Text("Inga kontakter.", "No connectors."),
    "connectors.nothing-waits": Text(
        "Inget väntar under {word} hos {name}: det kan vara gjort, eller något annat nu.{hint}",
        "Nothing waits under {word} at {name}: it may be done, or something else by now.{hint}",
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

EVENTS: Final[Mapping[str, Text]] = {
    "dead-letters.none": Text("Inget är olevererbart.", "There are no dead letters."),
    "dead-letters.resent": Text("{id}: försöks igen ({lane}).", "{id}: tried again ({lane})."),
    "dead-letters.unknown": Text("Det finns ingen sådan post: {id}.", "There is no such letter: {id}."),
    "dead-letters.which": Text(
        "Skriv postens id, eller --all --subscription NAMN.", "Write the letter's id, or --all --subscription NAME."
    ),
    "events.none": Text("Inga händelser.", "No events."),
    "why.asks-not": Text(
        "Prenumerationen {name} ber inte om den här typen.", "Subscription {name} does not ask for this type."
    ),
    "why.state": Text("Prenumerationen {name}: {status}{reason}.", "Subscription {name}: {status}{reason}."),
    "why.unknown": Text(
        "Ingen händelse med det id:t finns kvar, eller ingen mottagare heter så.",
        "No event of that id is kept, or no recipient is called that.",
    ),
}

SUBSCRIPTIONS: Final[Mapping[str, Text]] = {
    "subscriptions.none": Text("Inga prenumerationer.", "No subscriptions."),
    "subscriptions.removed": Text("{name} är borttagen.", "{name} is removed."),
    "subscriptions.replaying": Text("{name}: skickas igen ({lane}).", "{name}: is sent again ({lane})."),
    "subscriptions.several": Text(
        "Flera heter {name}. Skriv ett id: {ids}.", "Several are called {name}. Write an id: {ids}."
    ),
    "subscriptions.sure": Text(
        "Ta bort {name}, med läge, väntande nycklar och olevererbart?",
        "Remove {name}, with cursor, parked keys and dead letters?",
    ),
    "subscriptions.test.delivered": Text("{name}: mottagaren tog emot provet.", "{name}: the recipient took the test."),
    "subscriptions.test.failed": Text(
        "{name}: provet togs inte emot ({reason}).", "{name}: the test was not taken ({reason})."
    ),
    "subscriptions.unknown": Text(
        "Ingen prenumeration heter {name}.{hint} De visas av: skolnav subscriptions.",
        "No subscription is called {name}.{hint} They are shown by: skolnav subscriptions.",
    ),
}
