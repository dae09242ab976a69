"""What the command line says, in the user's language; beside `hub.texts`, which says what the hub itself does."""

import os
from collections.abc import Mapping, Sequence
from typing import Final

from hub.texts import Language, Text, language_of

_HELP: Final[Mapping[str, Text]] = {
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
        "Pröva konfigurationsfilen, och hur säkert allt sparas här.",
        "Check the configuration file, and how durable it is here.",
    ),
    "help.connectors": Text(
        "Kontakterna, och det som väntar på en människa.", "Connectors, and what waits for a person."
    ),
    "help.connectors-confirm": Text(
        "Bekräfta något som väntar; det görs genast.", "Confirm something that waits; it is done at once."
    ),
    "help.connectors-reconcile": Text(
        "Jämför med systemet på andra sidan nu, som varje natt.", "Compare with the far side now, as every night."
    ),
    "help.dead-letters": Text("Det som inte gick att leverera.", "What could not be delivered."),
    "help.dead-letters-resend": Text("Försök igen, prövat på nytt.", "Try again, decided anew."),
    "help.demo": Text("En påhittad kommun spelar upp en skoldag.", "An invented municipality plays a school day."),
    "help.events": Text("Vad som tagits emot: tid, typ och id.", "What was accepted: time, type and id."),
    "help.plan": Text("Säg vad konfigurationsfilen skulle ändra.", "Say what the configuration file would change."),
    "help.plugins": Text("Installerade kontakter.", "Installed connectors."),
    "help.plugins-new": Text("Skriv ett paket att börja en ny kontakt med.", "Write a package to begin a connector."),
    "help.plugins-show": Text(
        "En kontakt: inställningar, händelser, avtal.", "One connector: settings, events, contract."
    ),
    "help.restore": Text(
        "Lägg tillbaka en kopia; hubben ska vara stoppad.", "Put a copy back; the hub must be stopped."
    ),
    "help.run": Text("Kör hubben tills den får veta att den ska sluta.", "Run the hub until it is told to stop."),
    "help.subscriptions": Text("Prenumerationerna och hur det går för dem.", "Subscriptions and how they stand."),
    "help.subscriptions-pause": Text(
        "Leverera inget tills vidare; läget behålls.", "Deliver nothing for now; the cursor is kept."
    ),
    "help.subscriptions-remove": Text(
        "Ta bort, med läge, väntande nycklar och olevererbart.", "Remove, with cursor, parked keys and dead letters."
    ),
    "help.subscriptions-replay": Text(
        "Skicka en sträcka en gång till, prövad på nytt.", "Send a stretch again, decided anew."
    ),
    "help.subscriptions-resume": Text("Fortsätt från läget.", "Go on from the cursor."),
    "help.subscriptions-show": Text("En prenumeration.", "One subscription."),
    "help.subscriptions-test": Text(
        "Skicka en provhändelse som inte rör någon.", "Send a test event that concerns nobody."
    ),
    "help.why": Text(
        "Förklara varför någon fick eller inte fick en händelse.", "Explain why somebody got an event, or did not."
    ),
}

_OPTION: Final[Mapping[str, Text]] = {
    "option.all": Text("Alla, för den prenumeration som --subscription namnger.", "All of what --subscription names."),
    "option.config": Text("Konfigurationsfilen.", "The configuration file."),
    "option.connector": Text("Kontaktens namn i konfigurationsfilen.", "The connector's name in the configuration."),
    "option.data": Text(
        "Hubbens datamapp. Utelämnad: den som konfigurationsfilen namnger.",
        "The hub's data folder. Left out: the one that the configuration file names.",
    ),
    "option.event": Text("Händelsens id.", "The event's id."),
    "option.folder": Text("En mapp; den görs om den inte finns.", "A folder; it is made if there is none."),
    "option.follow": Text("Fortsätt att visa det som kommer.", "Go on showing what comes."),
    "option.in": Text("Mappen som paketet läggs i.", "The folder that the package is put into."),
    "option.json": Text("JSON, för program.", "JSON, for programs."),
    "option.keep": Text("Behåll demons filer i den här mappen.", "Keep the demo's files in this folder."),
    "option.letter": Text("Postens id.", "The letter's id."),
    "option.limit": Text("Högst så många, de senaste.", "So many at most, the latest."),
    "option.name": Text("Namnet.", "The name."),
    "option.recipient": Text("Klientens eller kontaktens namn.", "The client's or the connector's name."),
    "option.selftest": Text(
        "Låt varje kontakt göra ett riktigt prov mot sitt system.",
        "Let each connector make a real round trip to its system.",
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
    "option.word": Text("Det ord som det väntar under.", "The word that it waits under."),
    "option.yes": Text("Fråga inte.", "Do not ask."),
}

_COLUMN: Final[Mapping[str, Text]] = {
    "column.accepted": Text("mottagen", "accepted"),
    "column.attempts": Text("försök", "attempts"),
    "column.categories": Text("kategorier", "categories"),
    "column.connector": Text("kontakt", "connector"),
    "column.consumes": Text("tar emot", "consumes"),
    "column.created": Text("gjord", "made"),
    "column.dead": Text("uppgivna", "dead"),
    "column.dead-at": Text("gavs upp", "given up"),
    "column.doing": Text("gör nu", "at work"),
    "column.effect": Text("verkan", "effect"),
    "column.event": Text("händelse", "event"),
    "column.field": Text("fält", "field"),
    "column.filter": Text("filter", "filter"),
    "column.holding": Text("svarar inte", "not answering"),
    "column.id": Text("id", "id"),
    "column.key": Text("nyckel", "key"),
    "column.lag": Text("efter", "behind"),
    "column.lanes": Text("omsändningar", "lanes"),
    "column.name": Text("namn", "name"),
    "column.open": Text("på väg", "open"),
    "column.origin": Text("ursprung", "origin"),
    "column.package": Text("paket", "package"),
    "column.parked": Text("väntar", "parked"),
    "column.payload": Text("innehåll", "payload"),
    "column.produces": Text("ger ifrån sig", "produces"),
    "column.reason": Text("orsak", "reason"),
    "column.recipient": Text("mottagare", "recipient"),
    "column.setting": Text("inställning", "setting"),
    "column.since": Text("sedan", "since"),
    "column.sink": Text("går till", "sink"),
    "column.source": Text("källa", "source"),
    "column.starts": Text("börjar från", "from"),
    "column.status": Text("läge", "status"),
    "column.subscription": Text("prenumeration", "subscription"),
    "column.timers": Text("tidtagare", "timers"),
    "column.type": Text("typ", "type"),
    "column.what": Text("vad", "what"),
    "column.word": Text("ord", "word"),
}

_SAYS: Final[Mapping[str, Text]] = {
    "answer.yes": Text("ja", "yes"),
    "answer.yes-no": Text("ja/nej", "yes/no"),
    "apply.asked": Text("Genomföra?", "Do it?"),
    "apply.done": Text("Genomfört.", "Done."),
    "apply.left": Text("Ingenting gjordes.", "Nothing was done."),
    "apply.needs-yes": Text(
        "Här finns ingen att fråga. Skriv --yes om ändringen ska göras.",
        "There is nobody to ask here. Write --yes if the change is to be done.",
    ),
    "backup.done": Text(
        "Kopierat till {folder}: store.db och log.db, som ett par ({size}).",
        "Copied to {folder}: store.db and log.db, as a pair ({size}).",
    ),
    "backup.exists": Text("{path} finns redan. Välj en annan mapp.", "{path} is there already. Choose another folder."),
    "backup.failed": Text("Ingen kopia gjordes: {says}", "No copy was made: {says}"),
    "backup.key": Text(
        "Nyckeln ({key}) är inte med: förvara en kopia för sig. Utan den går paret inte att använda.",
        "The key ({key}) is not in it: keep a copy apart. Without it the pair can't be used.",
    ),
    "backup.missing": Text("{path} finns inte.", "{path} is not there."),
    "backup.running": Text(
        "En hubb kör på filerna i {data}. Stoppa den först.", "A hub runs on the files in {data}. Stop it first."
    ),
    "catalogue.exported": Text("Skrivet till {folder}: {count} filer.", "Written to {folder}: {count} files."),
    "catalogue.unknown": Text(
        "Ingen händelsetyp heter så.{hint} Typerna visas av: skolnav catalogue.",
        "No event type is called that.{hint} The types are shown by: skolnav catalogue.",
    ),
    "check.count": Text(
        "Klienter: {clients}, kontakter: {connectors}, prenumerationer: {subscriptions}.",
        "Clients: {clients}, connectors: {connectors}, subscriptions: {subscriptions}.",
    ),
    "check.errors": Text("Fel: {count}.", "Errors: {count}."),
    "check.good": Text("{file} håller ihop.", "{file} holds together."),
    "check.selftest-failed": Text("{name}: provet misslyckades: {says}", "{name}: the test failed: {says}"),
    "check.selftest-none": Text("{name}: har inget prov.", "{name}: has no test."),
    "check.selftest-passed": Text("{name}: provet gick bra.", "{name}: the test passed."),
    "check.warning": Text("varning", "warning"),
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
    "dead-letters.none": Text("Inget är olevererbart.", "There are no dead letters."),
    "dead-letters.resent": Text("{id}: försöks igen ({lane}).", "{id}: tried again ({lane})."),
    "dead-letters.unknown": Text("Det finns ingen sådan post: {id}.", "There is no such letter: {id}."),
    "dead-letters.which": Text(
        "Skriv postens id, eller --all --subscription NAMN.", "Write the letter's id, or --all --subscription NAME."
    ),
    "demo.folder": Text(
        "{folder} är inte tom. Välj en egen mapp för demon.",
        "{folder} is not empty. Choose a folder of the demo's own.",
    ),
    "durable.embedded": Text(
        "Inbyggd motor: det som besvarats med 202 är skrivet till disk (fsync före svaret).",
        "Embedded engine: what was answered with 202 is on disk (fsync before the answer).",
    ),
    "durable.folder": Text(
        "{folder} ({kind}): fsync tar {milliseconds} ms, {free} ledigt.",
        "{folder} ({kind}): an fsync takes {milliseconds} ms, {free} free.",
    ),
    "durable.full": Text(
        "bara {free} ledigt där data ska ligga. Frigör utrymme innan hubben startas.",
        "only {free} free where the data is to be. Free some space before the hub starts.",
    ),
    "durable.memory": Text(
        "datamappen ligger i minnet ({kind}): fsync når ingen disk, och allt är borta efter en omstart av maskinen.",
        "the data folder is in memory ({kind}): fsync reaches no disk, and all is gone when the machine restarts.",
    ),
    "durable.network": Text(
        "datamappen ligger på ett nätverksfilsystem ({kind}). Loggen behöver en lokal disk.",
        "the data folder is on a network file system ({kind}). The log needs a local disk.",
    ),
    "durable.refused": Text(
        "{folder} går inte att skriva säkert i: {error}. Välj en annan mapp (data) eller rätta rättigheterna.",
        "{folder} can't be written durably: {error}. Choose another folder (data), or mend the permissions.",
    ),
    "durable.slow": Text(
        "fsync tar {milliseconds} ms: varje mottagen händelse väntar så länge.",
        "an fsync takes {milliseconds} ms: each accepted event waits that long.",
    ),
    "events.none": Text("Inga händelser.", "No events."),
    "plan.nothing": Text("Ingenting ändras.", "Nothing changes."),
    "plan.of-nothing": Text(
        "Ingen hubb kör här: planen räknar från ingenting.", "No hub runs here: the plan counts from nothing."
    ),
    "plan.what.client": Text("klient", "client"),
    "plan.what.connector": Text("kontakt", "connector"),
    "plan.what.hub": Text("hubben", "hub"),
    "plan.what.subscription": Text("prenumeration", "subscription"),
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
    "restore.done": Text(
        "Återlagt i {data}. Det som levererats efter kopian levereras en gång till.",
        "Put back into {data}. What was delivered after the copy is delivered again.",
    ),
    "restore.exists": Text(
        "{path} finns redan. Flytta undan den först.", "{path} is there already. Move it away first."
    ),
    "restore.key": Text(
        "Lägg tillbaka nyckeln också ({key}), om inte konfigurationsfilen har en.",
        "Put the key back too ({key}), unless the configuration file has one.",
    ),
    "restore.wrong-key": Text(
        "Inget återlagt: kopian gjordes med en annan nyckel än hubbens (key i konfigurationen, annars {key}). Lägg dit "
        "nyckeln som hör till kopian, eller flytta undan den som ligger där, och försök igen.",
        "Nothing was put back: the copy was made with another key than the hub's (key in the configuration, else "
        "{key}). Put the key there that belongs to the copy, or move away the one that is, and try again.",
    ),
    "run.at-once": Text("slutar genast. Det som besvarats är kvar.", "ends at once. What was answered is kept."),
    "run.late": Text(
        "slutade inte i ordning på {seconds} s och avslutas. Det som besvarats är kvar.",
        "did not end in order within {seconds} s and is ended. What was answered is kept.",
    ),
    "run.stopped": Text("slutade i ordning", "ended in order"),
    "run.stopping": Text("slutar (Ctrl-C en gång till: genast)", "ending (Ctrl-C once more: at once)"),
    "run.up": Text(
        "Skolnav: {address}, data i {data}, {engine}, kontakter: {connectors}, prenumerationer: {subscriptions}"
        "{warnings}",
        "Skolnav: {address}, data in {data}, {engine}, connectors: {connectors}, subscriptions: {subscriptions}"
        "{warnings}",
    ),
    "run.up-engine": Text("inbyggd motor (fsync före svaret)", "embedded engine (fsync before the answer)"),
    "run.up-warnings": Text(", varningar: {count} (skolnav check)", ", warnings: {count} (skolnav check)"),
    "status.active": Text("aktiv", "active"),
    "status.ended": Text("avslutad", "ended"),
    "status.failed": Text("misslyckades", "failed"),
    "status.paused": Text("pausad", "paused"),
    "status.pending": Text("väntar på mottagaren", "waits for the recipient"),
    "status.running": Text("kör", "running"),
    "status.starting": Text("startar", "starting"),
    "status.stopped": Text("stoppad", "stopped"),
    "status.stuck": Text("hänger", "stuck"),
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
    "why.asks-not": Text(
        "Prenumerationen {name} ber inte om den här typen.", "Subscription {name} does not ask for this type."
    ),
    "why.state": Text("Prenumerationen {name}: {status}{reason}.", "Subscription {name}: {status}{reason}."),
    "why.unknown": Text(
        "Ingen händelse med det id:t finns kvar, eller ingen mottagare heter så.",
        "No event of that id is kept, or no recipient is called that.",
    ),
}

_FAILURE: Final[Mapping[str, Text]] = {
    "failure.address": Text(
        "{address} går inte att lyssna på: {error}. Kör något annat där? Ändra listen i konfigurationsfilen.",
        "{address} can't be listened on: {error}. Does something else run there? Change listen in the configuration.",
    ),
    "failure.another-config": Text(
        "Hubben som kör här läser {theirs}, inte {ours}. Ange den filen med --config.",
        "The hub that runs here reads {theirs}, not {ours}. Name that file with --config.",
    ),
    "failure.another-hub": Text(
        "En annan hubb kör redan på filerna i {data}. En datamapp hör till en hubb: stoppa den andra, eller ange en "
        "annan mapp (data).",
        "Another hub runs on the files in {data} already. A data folder belongs to one hub: stop the other one, or "
        "name another folder (data).",
    ),
    "failure.config": Text("Konfigurationen går inte att använda: {says}", "The configuration can't be used: {says}"),
    "failure.files": Text("Filerna i {data} går inte att använda: {says}", "The files in {data} can't be used: {says}"),
    "failure.full": Text(
        "Disken är full: hubben behöver plats i {data}. Frigör utrymme och starta igen; det som tagits emot är kvar.",
        "The disk is full: the hub needs space in {data}. Free some and start again; nothing accepted is lost.",
    ),
    "failure.internal": Text(
        "Något gick fel som inte borde kunna gå fel: {what}. Felet är vårt. SKOLNAV_DEBUG=1 visar var det uppstod.",
        "Something failed that should not be able to: {what}. The fault is ours. SKOLNAV_DEBUG=1 shows where.",
    ),
    "failure.key-missing": Text(
        "Hubbens nyckel saknas: {data}/key finns inte, och det som sparats i {data} gjordes med den. Ingen ny gjordes, "
        "för med den skulle varje person få en ny pseudonym. Lägg tillbaka nyckeln. Är den borta för gott: börja om i "
        "en ny datamapp.",
        "The hub's key is missing: {data}/key is not there, and what is kept in {data} was made with it. No new one "
        "was made, since with that every person would get a new pseudonym. Put the key back. If it is lost for good: "
        "start anew in a new data folder.",
    ),
    "failure.language": Text("--language ska vara sv eller en.", "--language must be sv or en."),
    "failure.no-answer": Text(
        "Hubben svarar inte på {socket}. Lever den? Se dess logg.",
        "The hub does not answer on {socket}. Is it alive? See its log.",
    ),
    "failure.no-hub": Text(
        "Ingen hubb kör på {data}. Starta den med skolnav run, eller ange en annan med --config eller --data.",
        "No hub runs on {data}. Start it with skolnav run, or name another with --config or --data.",
    ),
    "failure.plugins": Text(
        "De installerade paketen går inte ihop: {says}", "The installed packages contradict each other: {says}"
    ),
    "failure.shadowed": Text(
        "Ett annat installerat paket ({owner}) skymmer {name}: {where}. Skolnav kan inte köra så. Avinstallera det, "
        "eller ge Skolnav en virtuell miljö för sig själv.",
        "Another installed package ({owner}) shadows {name}: {where}. Skolnav can't run like this. Uninstall it, or "
        "give Skolnav a virtual environment of its own.",
    ),
    "failure.shadowed-folder": Text(
        "{where} skymmer Skolnavs paket {name}, så att Skolnav inte kan köra. Byt namn på det, eller ta bort det ur "
        "PYTHONPATH.",
        "{where} shadows Skolnav's package {name}, so that Skolnav can't run. Rename it, or take it out of PYTHONPATH.",
    ),
    "failure.since": Text('"{given}" är ingen tid. {expected}', '"{given}" is no time. {expected}'),
    "failure.unreadable": Text("{path} kan inte läsas ({error}).", "{path} can't be read ({error})."),
    "failure.unwritable": Text("{path} kan inte skrivas ({error}).", "{path} can't be written ({error})."),
    "failure.wrong-key": Text(
        "Hubbens nyckel öppnar inte det som sparats i {data}: med en annan nyckel får varje person en ny pseudonym och "
        "inga markörer går att läsa. Lägg tillbaka nyckeln som användes (key i konfigurationen, annars {data}/key). "
        "Är den borta för gott: börja om i en ny datamapp.",
        "The hub's key does not open what is kept in {data}: with another key every person gets a new pseudonym and no "
        "cursor can be read. Put back the key that was used (key in the configuration, else {data}/key). If it is lost "
        "for good: start anew in a new data folder.",
    ),
}

SECTIONS: Final = (_HELP, _OPTION, _COLUMN, _SAYS, _FAILURE)
WORDS: Final[Mapping[str, Text]] = {key: found for section in SECTIONS for key, found in section.items()}

_OPTION_NAME: Final = "--language"
_chosen: list[Language] = [language_of(os.environ)]


class UnknownLanguage(ValueError):
    """Something else than sv or en was asked for."""


def language() -> Language:
    """The user's language."""
    return _chosen[0]


def choose(arguments: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """Take `--language` out of the arguments, wherever it stands, and speak it from now on. Raises UnknownLanguage."""
    _chosen[0] = language_of(environ)
    left: list[str] = []
    given = iter(arguments)
    for argument in given:
        name, equals, value = argument.partition("=")
        if argument == "--":
            return [*left, argument, *given]
        if name != _OPTION_NAME:
            left.append(argument)
            continue
        wanted = value if equals else next(given, "")
        if wanted not in ("sv", "en"):
            raise UnknownLanguage(wanted)
        _chosen[0] = "sv" if wanted == "sv" else "en"
    return left


def say(key: str, /, **values: object) -> str:
    """The text in the user's language, filled in. Raises KeyError for a key that is not there."""
    found = WORDS[key]
    return (found.sv if language() == "sv" else found.en).format(**values)
