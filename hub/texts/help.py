"""What --help shows: the commands and their options."""

from collections.abc import Mapping
from typing import Final

from hub.texts.text import Text

HELP: Final[Mapping[str, Text]] = {
    "help.after": Text(
        "Slutkoder: 0 det gick. 1 det misslyckades. 2 fel användning eller konfiguration. 3 ingen hubb kör här. "
        "4 en annan hubb kör på samma filer. 5 adressen går inte att lyssna på. 6 filerna går inte att använda.\n\n"
        "Språk: --language sv eller en var som helst på raden, eller SKOLNAV_LANG.",
        "Exit codes: 0 it worked. 1 it failed. 2 wrong usage or configuration. 3 no hub runs here. "
        "4 another hub runs on the same files. 5 the address can't be listened on. 6 the files can't be used.\n\n"
        "Language: --language sv or en anywhere on the line, or SKOLNAV_LANG.",
    ),
    "help.app": Text("Skolnav: skolans integrationshubb.", "Skolnav: the integration hub for schools."),
    "help.apply": Text(
        "Visa ändringarna, fråga, och låt hubben läsa filen på nytt.",
        "Show the changes, ask, and let the hub read its file again.",
    ),
    "help.backup": Text(
        "Kopiera hubbens filer till en mapp, som ett par.", "Copy the hub's files to a folder, as a pair."
    ),
    "help.catalogue": Text("Händelsetyperna: lista, visa en typ, exportera.", "Event types: list, show one, export."),
    "help.catalogue-export": Text(
        "Skriv JSON Schema, AsyncAPI 3 och en tabell till en mapp.",
        "Write JSON Schemas, AsyncAPI 3 and a table to a folder.",
    ),
    "help.catalogue-show": Text(
        "En typ: nyckel, kategorier, schema och exempel.", "One type: key, categories, schema and examples."
    ),
    "help.check": Text(
        "Kontrollera konfigurationsfilen och hur säkert händelser sparas här.",
        "Check the configuration file, and how durably events are stored here.",
    ),
    "help.connectors": Text(
        "Kontakterna, och det som väntar på att en människa bekräftar det.",
        "Connectors, and what waits until a person confirms it.",
    ),
    "help.connectors-confirm": Text(
        "Bekräfta något som väntar; det görs genast.", "Confirm something that waits; it is done at once."
    ),
    "help.connectors-reconcile": Text(
        "Jämför med systemet på andra sidan nu, som varje natt.", "Compare with the far side now, as every night."
    ),
    "help.connectors-restart": Text(
        "Starta om en kontakt som har gett upp, när felet är avhjälpt.",
        "Restart a connector that gave up, after the fault is mended.",
    ),
    "help.connectors-trace": Text(
        "Varför en kontakt inte hanterade en händelse, och vad dess avtal tar bort.",
        "Why a connector did not handle an event, and what its contract takes away.",
    ),
    "help.connectors-try": Text(
        "Visa vad en kontakt skulle göra med en händelse, utan att det görs.",
        "Show what a connector would do with an event, without doing it.",
    ),
    "help.dead-letters": Text("Det som inte gick att leverera.", "What could not be delivered."),
    "help.dead-letters-resend": Text("Försök igen, prövat på nytt.", "Try again, decided anew."),
    "help.demo": Text("En påhittad kommun spelar upp en skoldag.", "An invented municipality plays a school day."),
    "help.disclosures": Text("Loggen över utlämnanden.", "The log of disclosures."),
    "help.disclosures-verify": Text(
        "Kontrollera att ingen rad i loggen har ändrats, tagits bort eller lagts till.",
        "Verify that no row of the log was changed, removed or added.",
    ),
    "help.events": Text("Vad som tagits emot: tid, typ och id.", "What was accepted: time, type and id."),
    "help.plan": Text("Visa vad konfigurationsfilen skulle ändra.", "Show what the configuration file would change."),
    "help.plugins": Text("Installerade kontakter.", "Installed connectors."),
    "help.plugins-new": Text("Skriv ett paket att börja en ny kontakt med.", "Write a package to begin a connector."),
    "help.plugins-show": Text(
        "En kontakt: inställningar, händelser, avtal.", "One connector: settings, events, contract."
    ),
    "help.restore": Text(
        "Lägg tillbaka en kopia; hubben ska vara stoppad.", "Put a copy back; the hub must be stopped."
    ),
    "help.run": Text("Kör hubben tills den stoppas.", "Run the hub until it is stopped."),
    "help.subscriptions": Text(
        "Prenumerationerna och hur leveransen går.", "Subscriptions, and how the delivery to each stands."
    ),
    "help.subscriptions-pause": Text(
        "Leverera inget tills vidare; läget behålls.", "Deliver nothing for now; the cursor stays."
    ),
    "help.subscriptions-remove": Text(
        "Ta bort, med läge, väntande nycklar och olevererbart.", "Remove, with cursor, parked keys and dead letters."
    ),
    "help.subscriptions-replay": Text(
        "Skicka händelser från en viss tid igen, prövade på nytt.",
        "Send the events of a stretch of time again, decided anew.",
    ),
    "help.subscriptions-resume": Text("Fortsätt från läget.", "Go on from the cursor."),
    "help.subscriptions-show": Text("En prenumeration.", "One subscription."),
    "help.subscriptions-test": Text(
        "Skicka en provhändelse som inte rör någon person.", "Send a test event about no person."
    ),
    "help.why": Text(
        "Förklara varför en mottagare fick en händelse eller inte.", "Explain why a recipient got an event, or did not."
    ),
}

OPTION: Final[Mapping[str, Text]] = {
    "option.all": Text(
        "Alla, för den prenumeration som --subscription namnger.",
        "All dead letters of the subscription that --subscription names.",
    ),
    "option.config": Text("Konfigurationsfilen.", "The configuration file."),
    "option.connector": Text("Kontaktens namn i konfigurationsfilen.", "The connector's name in the configuration."),
    "option.data": Text(
        "Hubbens datamapp. Utelämnad: den som konfigurationsfilen namnger.",
        "The hub's data folder. Left out: the one that the configuration file names.",
    ),
    "option.event": Text("Händelsens id.", "The event's id."),
    "option.event-file": Text("En fil med en händelse i JSON.", "A file with one event as JSON."),
    "option.folder": Text("En mapp. Den skapas om den inte finns.", "A folder. It is made if it does not exist."),
    "option.follow": Text("Fortsätt med nya händelser när de kommer.", "Continue with new events as they come."),
    "option.in": Text("Mappen där paketet läggs.", "The folder for the package."),
    "option.json": Text("JSON, för program.", "JSON, for programs."),
    "option.keep": Text("Behåll demons filer i den här mappen.", "Keep the demo's files in this folder."),
    "option.kind": Text(
        "Vad paketet gör: sink får händelser, source ger händelser, both gör båda, rest gör båda med JSON över HTTP.",
        "What the package does: sink gets events, source gives events, both does both, rest does both by HTTP.",
    ),
    "option.letter": Text("Postens id.", "The letter's id."),
    "option.limit": Text("Högst så här många, de senaste.", "At most this many, the latest."),
    "option.name": Text("Namnet.", "The name."),
    "option.recipient": Text("Klientens eller kontaktens namn.", "The client's or the connector's name."),
    "option.record": Text(
        "Spara fallet, med påhittade identiteter, i den här filen.",
        "Keep the case, with invented identities, in this file.",
    ),
    "option.selftest": Text(
        "Låt varje kontakt göra ett riktigt prov mot sitt system.",
        "Let each connector try a real call to its system.",
    ),
    "option.since": Text(
        'En tid med tidszon, eller så länge sedan: "90s", "30m", "6h", "2d".',
        'A time with offset, or how long ago: "90s", "30m", "6h", "2d".',
    ),
    "option.source": Text("Händelsens källa, om flera har samma id.", "The event's source, if several have this id."),
    "option.speed": Text("Skolsekunder per sekund.", "School seconds per second."),
    "option.stay": Text("Låt hubben vara uppe efteråt.", "Keep the hub up afterwards."),
    "option.subscription": Text("Prenumerationens namn eller id.", "The subscription's name or id."),
    "option.type": Text("Händelsetypen.", "The event type."),
    "option.until": Text("Som --since; utelämnad: nu.", "As --since; left out: now."),
    "option.word": Text("Ordet för det som väntar.", "The word of the thing that waits."),
    "option.yes": Text("Fråga inte.", "Do not ask."),
}
