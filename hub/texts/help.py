"""What --help shows: the commands and their options."""

from collections.abc import Mapping
from typing import Final

from hub.texts.text import Text

HELP: Final[Mapping[str, Text]] = {
    "help.after": Text(
        "Slutkoder: 0 kommandot lyckades. 1 kommandot misslyckades. 2 fel användning eller konfiguration. 3 ingen hubb "
        "är igång här. 4 en annan hubb använder samma filer. 5 hubben kan inte lyssna på adressen. 6 filerna kan inte "
        "användas.\n\n"
        "Språk: skriv --language sv eller --language en var som helst på raden, eller sätt SKOLNAV_LANG.",
        "Exit codes: 0 it worked. 1 it failed. 2 wrong usage or configuration. 3 no hub runs here. "
        "4 another hub runs on the same files. 5 the address can't be listened on. 6 the files can't be used.\n\n"
        "Language: --language sv or en anywhere on the line, or SKOLNAV_LANG.",
    ),
    "help.alerts": Text(
        "Visa vad som skulle ha hänt och inte har hänt.", "Show what should have happened and did not."
    ),
    "help.alerts-acknowledge": Text(
        "Säg vem som tar hand om ett larm; det skickas inga fler påminnelser.",
        "Say who sees to an alert; it is not sent again.",
    ),
    "help.app": Text("Skolnav: skolans integrationshubb.", "Skolnav: the integration hub for schools."),
    "help.apply": Text(
        "Visa ändringarna, fråga, och låt hubben läsa filen på nytt.",
        "Show the changes, ask, and let the hub read its file again.",
    ),
    "help.audit": Text("Vem som gjorde vad med hubben.", "Which client did what to the hub."),
    "help.backup": Text("Kopiera hubbens filer till en mapp.", "Copy the hub's files to a folder, as a pair."),
    "help.backup-check": Text(
        "Öva en återställning: öppna och läs kopian.", "Rehearse a restore: open and read the copy."
    ),
    "help.backup-make": Text("Kopiera hubbens filer till en mapp.", "Copy the hub's files to a folder."),
    "help.catalogue": Text("Lista, visa eller exportera händelsetyperna.", "Event types: list, show one, export."),
    "help.catalogue-export": Text(
        "Skriv JSON Schema, AsyncAPI 3 och en tabell till en mapp.",
        "Write JSON Schemas, AsyncAPI 3 and a table to a folder.",
    ),
    "help.catalogue-show": Text(
        "Visa en typ: nyckel, kategorier, schema och exempel.", "One type: key, categories, schema and examples."
    ),
    "help.check": Text(
        "Kontrollera konfigurationsfilen och hur säkert händelser sparas här.",
        "Check the configuration file, and how durably events are stored here.",
    ),
    "help.connectors": Text(
        "Visa kopplingarna och det som väntar på bekräftelse.",
        "Connectors, and what waits until a person confirms it.",
    ),
    "help.connectors-confirm": Text(
        "Bekräfta något som väntar. Det utförs genast.", "Confirm something that waits; it is done at once."
    ),
    "help.connectors-reconcile": Text(
        "Jämför nu med systemet på andra sidan. Annars görs det varje natt.",
        "Compare with the far side now, as every night.",
    ),
    "help.connectors-restart": Text(
        "Starta om en koppling som har stoppats, när felet är avhjälpt.",
        "Restart a connector that gave up, after the fault is mended.",
    ),
    "help.connectors-trace": Text(
        "Förklara varför en koppling inte hanterade en händelse, och vad avtalet tar bort.",
        "Why a connector did not handle an event, and what its contract takes away.",
    ),
    "help.connectors-try": Text(
        "Visa vad en koppling skulle göra med en händelse, en timer eller ett anrop, utan att göra det.",
        "Show what a connector would do with an event, a timer or a request, without doing it.",
    ),
    "help.counters": Text(
        "Visa händelser, leveranser, fel, eftersläpning och portioner över tid.",
        "Counted over time: events, deliveries, failures, lag, portions.",
    ),
    "help.dead-letters": Text("Visa ej levererade händelser.", "What could not be delivered."),
    "help.dead-letters-discard": Text(
        "Avskriv händelser, som då aldrig skickas. Skälet sparas.",
        "Discard: the event is never sent. The reason is kept.",
    ),
    "help.dead-letters-history": Text(
        "Visa vad som har skickats igen eller avskrivits, och av vem.",
        "What was sent again or discarded, and by which client.",
    ),
    "help.dead-letters-resend": Text("Skicka igen. Utlämnandet prövas på nytt.", "Try again, decided anew."),
    "help.demo": Text("Spela upp en skoldag i en påhittad kommun.", "An invented municipality plays a school day."),
    "help.disclosures": Text("Läs och kontrollera loggen över utlämnanden.", "The log of disclosures."),
    "help.disclosures-list": Text("Visa loggen över utlämnanden, rad för rad.", "The log of disclosures, row by row."),
    "help.disclosures-verify": Text(
        "Kontrollera att ingen rad i loggen har ändrats, tagits bort eller lagts till.",
        "Verify that no row of the log was changed, removed or added.",
    ),
    "help.event": Text(
        "Visa vad som blev av en händelse, för varje mottagare.", "What became of an event, by recipient."
    ),
    "help.events": Text(
        "Sök mottagna händelser på id, typ, källa, tid, mottagare och utfall.",
        "What was accepted: search by id, type, source, time, recipient and outcome.",
    ),
    "help.init": Text("Skriv en första konfiguration genom frågor.", "Write a first configuration by asking."),
    "help.plan": Text("Visa vad konfigurationsfilen skulle ändra.", "Show what the configuration file would change."),
    "help.plugins": Text("Visa installerade kopplingar.", "Installed connectors."),
    "help.plugins-new": Text("Skapa ett paket för en ny koppling.", "Write a package to begin a connector."),
    "help.plugins-show": Text(
        "Visa en koppling: inställningar, händelser, avtal.", "One connector: settings, events, contract."
    ),
    "help.privacy": Text("För dataskyddsombudet: en skyddad person.", "For the privacy officer: a protected person."),
    "help.privacy-holders": Text(
        "Visa vilka mottagare som kan ha uppgifter om en person.", "Which recipients may hold data about a person."
    ),
    "help.privacy-lift": Text(
        "Häv ett skydd som ingen källa kommer att häva.", "Lift a protection that no source will lift."
    ),
    "help.restore": Text(
        "Lägg tillbaka en kopia. Hubben ska vara stoppad.", "Put a copy back; the hub must be stopped."
    ),
    "help.run": Text("Kör hubben tills den stoppas.", "Run the hub until it is stopped."),
    "help.subscriptions": Text(
        "Visa prenumerationerna och hur leveransen går.", "Subscriptions, and how the delivery to each stands."
    ),
    "help.subscriptions-pause": Text(
        "Leverera ingenting tills vidare. Platsen i kön behålls.", "Deliver nothing for now; the cursor stays."
    ),
    "help.subscriptions-remove": Text(
        "Ta bort prenumerationen med allt som väntar och allt ej levererat.",
        "Remove, with cursor, parked keys and dead letters.",
    ),
    "help.subscriptions-replay": Text(
        "Skicka händelser från en viss tid igen. Utlämnandet prövas på nytt.",
        "Send the events of a stretch of time again, decided anew.",
    ),
    "help.subscriptions-resume": Text("Fortsätt från platsen i kön.", "Go on from the cursor."),
    "help.subscriptions-show": Text("Visa en prenumeration.", "One subscription."),
    "help.subscriptions-test": Text(
        "Skicka en testhändelse som inte gäller någon person.", "Send a test event about no person."
    ),
    "help.token": Text("Nya token och hemligheter.", "New tokens and secrets."),
    "help.token-new": Text(
        "Gör en ny token eller hemlighet, till skärmen eller en fil.",
        "Make a new token or secret, for the screen or a file.",
    ),
    "help.verify-webhook": Text(
        "Kontrollera signaturen på en leverans till en webhook.", "Verify the signature of a delivery to a webhook."
    ),
    "help.why": Text(
        "Förklara varför en mottagare fick en händelse eller inte.", "Explain why a recipient got an event, or did not."
    ),
}

OPTION: Final[Mapping[str, Text]] = {
    "option.about": Text(
        "subscription/NAMN, connector/NAMN, source/KÄLLA eller hub. Förval: allt, summerat.",
        "subscription/NAME, connector/NAME, source/SOURCE or hub. Left out: everything, summed up.",
    ),
    "option.after": Text(
        "En markör som mottagaren har sparat från sin feed.", "A cursor that the recipient kept from its feed."
    ),
    "option.after-row": Text("Bara rader efter det här numret.", "Only rows after this number."),
    "option.alert": Text("Larmets id, eller dess början.", "The alert's id, or its beginning."),
    "option.all": Text(
        "Alla för prenumerationen som anges med --subscription.",
        "All dead letters of the subscription that --subscription names.",
    ),
    "option.all-subscriptions": Text(
        "Visa även prenumerationer som inte omfattar händelsen.", "Also those that do not ask for the event."
    ),
    "option.answer": Text(
        "Ett svar i förväg, PLATS=VÄRDE. Får upprepas.", "An answer in advance, PLACE=VALUE; may be repeated."
    ),
    "option.any-time": Text("Godta en leverans som är sparad sedan tidigare.", "Accept a delivery that was kept."),
    "option.backup-folder": Text(
        "Mappen med kopian. Förval: den senaste enligt schemat.",
        "The folder of the copy; left out: the newest of the schedule.",
    ),
    "option.because": Text(
        "Varför, med egna ord. Ange inga personuppgifter.", "Why, in your own words. Write no personal data."
    ),
    "option.config": Text("Konfigurationsfilen.", "The configuration file."),
    "option.connector": Text("Kopplingens namn i konfigurationsfilen.", "The connector's name in the configuration."),
    "option.connector-use": Text(
        "En koppling, NAMN=SORT (skolnav plugins). Får upprepas.",
        "A connector, NAME=USE (skolnav plugins); may be repeated.",
    ),
    "option.data": Text(
        "Hubbens datamapp. Förval: mappen i konfigurationsfilen.",
        "The hub's data folder. Left out: the one that the configuration file names.",
    ),
    "option.delivered-body": Text(
        "En fil med innehållet, byte för byte som det kom. Utelämnat eller -: standard in.",
        "A file with the body, byte by byte as it came. Left out or -: standard input.",
    ),
    "option.delivered-header": Text(
        'Ett huvudfält: "webhook-id: ...". Kan upprepas.', 'A header: "webhook-id: ...". Can be repeated.'
    ),
    "option.delivered-headers": Text(
        'En fil med huvudfälten, ett per rad: "webhook-id: ...".',
        'A file with the headers, a line each: "webhook-id: ...".',
    ),
    "option.dry-run": Text("Skicka inget. Visa bara antalet.", "Send nothing; only show the count."),
    "option.event": Text("Händelsens id.", "The event's id."),
    "option.event-file": Text("En fil med en händelse i JSON.", "A file with one event as JSON."),
    "option.folder": Text("Mappen. Den skapas om den inte finns.", "A folder. It is made if it does not exist."),
    "option.follow": Text("Fortsätt med nya händelser när de kommer.", "Continue with new events as they come."),
    "option.hours": Text("Timme för timme i stället för var femte minut.", "By the hour instead of five minutes."),
    "option.in": Text("Mappen där paketet ska ligga.", "The folder for the package."),
    "option.json": Text("JSON, för program.", "JSON, for programs."),
    "option.keep": Text("Behåll demonstrationens filer i den här mappen.", "Keep the demo's files in this folder."),
    "option.kind": Text(
        "Vad paketet gör: sink tar emot händelser, source lämnar händelser, both gör båda, rest gör båda med JSON "
        "över HTTP.",
        "What the package does: sink gets events, source gives events, both does both, rest does both by HTTP.",
    ),
    "option.kind-of-secret": Text(
        "En klients token, en webhooks hemlighet (HMAC) eller en Ed25519-nyckel.",
        "A client's token, a webhook's secret (HMAC) or an Ed25519 key.",
    ),
    "option.letter": Text("Postens id.", "The letter's id."),
    "option.limit": Text("Visa högst så här många av de senaste händelserna.", "At most this many, the latest."),
    "option.name": Text("Namnet.", "The name."),
    "option.outcome": Text("Bara med det här utfallet: {outcomes}.", "Only with this outcome: {outcomes}."),
    "option.person": Text("Personens id i SS 12000.", "The person's SS 12000 id."),
    "option.reason": Text('Bara med den här orsaken: "http-422".', 'Only with this reason: "http-422".'),
    "option.recipient": Text("Klientens eller kopplingens namn.", "The client's or the connector's name."),
    "option.record": Text(
        "Spara fallet, med påhittade identiteter, i den här filen.",
        "Keep the case, with invented identities, in this file.",
    ),
    "option.request-file": Text(
        "En fil med ett anrop i JSON.",
        "A file with one request as JSON.",
    ),
    "option.rotate": Text(
        "Lägg filens innehåll i FIL.previous först.", "Put the file's content into FILE.previous first."
    ),
    "option.rows": Text("Högst så här många rader.", "At most this many rows."),
    "option.secret-env": Text(
        "Miljövariabeln med webhookens hemlighet.", "The environment variable with the webhook's secret."
    ),
    "option.seen-to-by": Text(
        "Den som tar hand om det. Utelämnat: den inloggade användaren.",
        "Who sees to it. Left out: the user's own name.",
    ),
    "option.selftest": Text(
        "Låt varje koppling testa sitt system på riktigt.",
        "Let each connector try a real call to its system.",
    ),
    "option.since": Text(
        'En tid med tidszon, eller hur länge sedan: "90s", "30m", "6h", "2d".',
        'A time with offset, or how long ago: "90s", "30m", "6h", "2d".',
    ),
    "option.source": Text("Händelsens källa, om flera har samma id.", "The event's source, if several have this id."),
    "option.source-glob": Text('Händelsens källa, eller en mall: "urn:*".', 'The event\'s source, or a glob: "urn:*".'),
    "option.speed": Text("Skolsekunder per sekund.", "School seconds per second."),
    "option.state-file": Text(
        "En fil med det som kopplingen redan har sparat: ett JSON-objekt.",
        "A file with what the connector has stored before: a JSON object.",
    ),
    "option.stay": Text("Låt hubben vara igång efteråt.", "Keep the hub up afterwards."),
    "option.subscription": Text("Prenumerationens namn eller id.", "The subscription's name or id."),
    "option.timer": Text(
        "Namnet på en timer i kopplingen.",
        "The name of one of the connector's timers.",
    ),
    "option.timer-key": Text(
        "Nyckeln, för en timer som kopplingen själv ställer.",
        "The key, of a timer that the connector sets itself.",
    ),
    "option.token-file": Text(
        "Skriv till den här filen, bara läsbar för ägaren.", "Write to this file, readable by its owner only."
    ),
    "option.token-of-officer": Text(
        "Filen med dataskyddsombudets token.", "The file with the privacy officer's token."
    ),
    "option.token-of-reader": Text(
        "Filen med granskarens eller dataskyddsombudets token.",
        "The file with the auditor's or privacy officer's token.",
    ),
    "option.try-at": Text(
        "Skoltid för anropet: HH:MM i dag, eller ett datum med klockslag. Annars nu.",
        "School time of the call: HH:MM today, or a date with a time. Otherwise now.",
    ),
    "option.type": Text("Händelsetypen.", "The event type."),
    "option.type-glob": Text(
        'Händelsetypen, eller en mall: "se.skolnav.absence.*".', 'The event type, or a glob: "se.skolnav.absence.*".'
    ),
    "option.until": Text("Som --since. Förval: nu.", "As --since; left out: now."),
    "option.version": Text("Visa versionen.", "Show the version."),
    "option.word": Text("Ordet som visas för det som väntar.", "The word of the thing that waits."),
    "option.yes": Text("Utför utan att fråga.", "Do not ask."),
}
