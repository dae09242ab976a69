"""How connectors stand, what waits for a person, and what was done about it."""

from collections.abc import Mapping
from typing import Final

from hub.texts.text import Text

CONNECTOR: Final[Mapping[str, Text]] = {
    "connector.are-behind": Text(" Dessa släpar efter: {sides}.", " These are behind: {sides}."),
    "connector.behind": Text("dessa släpar efter: {sides} ({code})", "behind: {sides} ({code})"),
    "connector.directory": Text(
        " Registret var komplett senast {at}.", " It last reported its directory as complete at {at}."
    ),
    "connector.failing": Text("hämtningen misslyckas: {code}", "polling fails: {code}"),
    "connector.failures": Text(
        " Antal försök i rad som inte har gjort allt: {count} ({code}).",
        " Attempts in a row that did not do everything: {count} ({code}).",
    ),
    "connector.left-out": Text(
        "{name}: hubben har startat utan kopplingen. Kopplingens tillstånd och händelser finns kvar. {says}",
        "{name}: the hub has started without it; its state and events are kept. {says}",
    ),
    "connector.means": Text(" {code} betyder: {says}.", " {code} means: {says}."),
    "connector.not-polled": Text(
        "{name}: kopplingen har inte hämtat allt sedan den startade {at}.",
        "{name}: has not read everything since it started, {at}.",
    ),
    "connector.polled": Text(
        "{name}: kopplingen hämtade allt senast {at}, för {age} sedan.", "{name}: last read everything {at}, {age} ago."
    ),
    "connector.problem": Text(
        " Senaste problemet: {code}, {at} ({count} av det slaget sedan hubben startade).",
        " Last problem: {code}, {at} ({count} of that kind since the hub started).",
    ),
    "connector.process": Text(
        " Kopplingen kör i en egen process ({pid}) med {memory} MiB minne.",
        " It runs in a process of its own ({pid}) with {memory} MiB of memory.",
    ),
    "connector.quiet": Text("{name}: kopplingen hämtar ingenting.", "{name}: polls nothing."),
    "connector.timer-failing": Text(
        "körningen {name} misslyckas sedan {at}: {code}", "the run {name} has failed since {at}: {code}"
    ),
    "connector.timer-given-up": Text(
        "körningen {name} misslyckades för gott {at}: {code}", "the run {name} was given up at {at}: {code}"
    ),
    "connector.timer-late": Text(
        "körningen {name} skulle ha gjorts {at} och är inte klar", "the run {name} was due at {at} and has not ended"
    ),
    "connector.unknown-ids": Text(
        " Dessa inställningar har id:n som inte finns i registret: {places}.",
        " Settings with ids that the directory does not know: {places}.",
    ),
    "connector.unread": Text("en del kan inte hämtas: {code}", "some of it can't be read: {code}"),
}

CONNECTORS: Final[Mapping[str, Text]] = {
    "connectors.answers": Text(
        "Svar: {status}",
        "Answer: {status}",
    ),
    "connectors.answers-made": Text(
        "Inget system har svarat. Kommandot svarade 404 på GET och 200 med {{}} på allt annat.",
        "No far side has answered: the command answered 404 to each GET, and 200 with {{}} to all else.",
    ),
    "connectors.begun": Text("{name}: jämförelsen har börjat.", "{name}: the comparison has begun."),
    "connectors.breaks-rule": Text("{where} bryter mot regeln {rule}", "{where} breaks the rule {rule}"),
    "connectors.confirmed": Text(
        "{name} {word} är bekräftat och utförs nu: {says}.", "{name} {word}: confirmed, and done now: {says}."
    ),
    "connectors.consumes-not": Text("{name} tar inte emot {type}.", "{name} does not consume {type}."),
    "connectors.covers-not": Text(
        "I {type} omfattar avtalet inte: {fields}.", "The contract does not cover, in {type}: {fields}."
    ),
    "connectors.fails": Text(
        "{name} misslyckas: {why}",
        "{name} fails: {why}",
    ),
    "connectors.far-sides": Text("När var och en senast fick sitt:", "When each last got its own:"),
    "connectors.given-up": Text(
        "Kopplingen fick händelsen men kunde inte hantera den: {reason}.",
        "The connector got the event and gave it up: {reason}.",
    ),
    "connectors.no-event": Text("{file} är inte en händelse: {says}", "{file} is no event: {says}"),
    "connectors.no-moment": Text(
        "{at} är ingen tidpunkt. Skriv HH:MM, eller ett datum med klockslag: 2026-11-24T08:30.",
        "{at} is no moment. Write HH:MM, or a date with a time: 2026-11-24T08:30.",
    ),
    "connectors.no-object": Text(
        "{file} är inte ett JSON-objekt.",
        "{file} is no JSON object.",
    ),
    "connectors.no-request": Text(
        "{file} är inte ett anrop: skriv {fields}.",
        "{file} is no request: write {fields}.",
    ),
    "connectors.no-timer": Text(
        "{name} har ingen timer {timer}. Dess timrar: {known}",
        "{name} has no timer {timer}. Its timers: {known}",
    ),
    "connectors.none": Text("Det finns inga kopplingar.", "No connectors."),
    "connectors.not-handled": Text("{name} hanterar inte händelsen: {why}", "{name} does not handle the event: {why}"),
    "connectors.not-json": Text("innehållet är inte JSON", "its content is no JSON"),
    "connectors.nothing-waits": Text(
        "Ingenting i {name} väntar på ordet {word}. Det kan redan vara gjort, eller ha ändrats.{hint}",
        "Nothing waits under {word} at {name}: it may be done, or have changed.{hint}",
    ),
    "connectors.one-of": Text(
        "Ange en av {ways}.",
        "Give one of {ways}.",
    ),
    "connectors.recorded": Text(
        "Fallet, med påhittade identiteter, är sparat i {file}.",
        "The case, with invented identities, is kept in {file}.",
    ),
    "connectors.restarting": Text(
        "{name}: kopplingen startar om. Följ den med: skolnav connectors.",
        "{name}: starts anew. To see how it goes: skolnav connectors.",
    ),
    "connectors.taken-away": Text("Avtalet tar bort: {fields}.", "The contract takes away: {fields}."),
    "connectors.under-way": Text("{name}: en jämförelse pågår redan.", "{name}: a comparison is under way already."),
    "connectors.unknown": Text(
        "Det finns ingen koppling som heter {name}.{hint} Alla kopplingar visas med: skolnav connectors.",
        "No connector is called {name}.{hint} For a list: skolnav connectors.",
    ),
    "connectors.waiting": Text(
        "Detta väntar på att en person bekräftar det (skolnav connectors confirm NAMN ORD):",
        "Waits until a person confirms it (skolnav connectors confirm NAME WORD):",
    ),
    "connectors.waits": Text(" Dessa väntar: {words}.", " These wait: {words}."),
    "connectors.withheld": Text(
        "kopplingens avtal släpper inte igenom någon del av händelsen", "its contract lets nothing of it through"
    ),
    "connectors.would": Text(
        "Det här skulle {name} göra. Inget av det är gjort:", "This is what {name} would do; nothing of it is done:"
    ),
    "connectors.would-nothing": Text(
        "{name} skulle inte göra något i systemet på andra sidan.", "{name} would do nothing at the far side."
    ),
}
