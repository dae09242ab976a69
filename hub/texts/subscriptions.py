"""Subscriptions: what an operator did to one, why one is paused or ended, and why one, or its filter, is refused."""

from collections.abc import Mapping
from typing import Final

from hub.texts.text import Text

FILTER: Final[Mapping[str, Text]] = {
    "filter.attribute-name": Text(
        "är inte namnet på ett attribut. Filter gäller händelsens attribut (type, source, subject ...), aldrig dess "
        "data.",
        "does not name an attribute. Filters look at the event's attributes (type, source, subject ...), never at its "
        "data.",
    ),
    "filter.attributes": Text(
        'ska vara attribut med värden, till exempel {{type: "..."}}.',
        'must be attributes with values, for example {{type: "..."}}.',
    ),
    "filter.dialect": Text(
        "är inte ett filter. Skriv ett av: {dialects}.", "is not a filter. Write one of: {dialects}."
    ),
    "filter.list": Text("ska vara en lista med minst ett filter.", "must be a list of at least one filter."),
    "filter.one-dialect": Text("ska vara exakt ett av: {dialects}.", "must be exactly one of: {dialects}."),
    "filter.too-deep": Text("har fler än {limit} nivåer.", "is deeper than {limit} levels."),
    "filter.too-large": Text("har fler än {limit} delar.", "has more than {limit} parts."),
    "filter.value": Text("ska vara text som inte är tom.", "must be text that is not empty."),
}

REASON: Final[Mapping[str, Text]] = {
    "reason.address-refused": Text(
        "mottagarens adress leder till ett nät dit hubben inte får skicka",
        "the recipient's address leads to a network that the hub may not send to",
    ),
    "reason.backup-damaged": Text("kopian kunde inte skrivas eller öppnas", "the copy could not be written or opened"),
    "reason.backup-folder": Text(
        "hubben kan inte skriva i mappen för säkerhetskopior", "the hub can't write to the folder of backups"
    ),
    "reason.blocked": Text(
        "kopplingens program blockerar sin tråd, så hubben har stoppat den",
        "the connector's program blocks its thread, so the hub has given it up",
    ),
    "reason.blocks": Text(
        "kopplingens program höll sin tråd upptagen i minst en halv sekund",
        "the connector's program kept its thread busy for half a second or more",
    ),
    "reason.body-slow": Text(
        "systemet som anropade kopplingen skickade för långsamt", "the caller of the connector sent too slowly"
    ),
    "reason.busy": Text(
        "kopplingen har så många anrop samtidigt som den tar emot", "the connector has as many calls as it accepts"
    ),
    "reason.certificate-ended": Text("giltighetstiden har gått ut", "its time is over"),
    "reason.client-left": Text(
        "klienten finns inte längre i konfigurationsfilen", "its client left the configuration file"
    ),
    "reason.closed": Text("mottagaren stängde anslutningen", "the recipient closed the connection"),
    "reason.configuration": Text(
        "kopplingen fungerar inte förrän en inställning ändras", "nothing can work until a setting is changed"
    ),
    "reason.connect": Text(
        "ingen anslutning till mottagaren kunde göras", "no connection to the recipient could be made"
    ),
    "reason.directory-unsettled": Text(
        "registret ändrades medan det lästes; hubben försöker igen",
        "the directory changed while it was read; the hub tries again",
    ),
    "reason.disk-full": Text("disken är full", "the disk is full"),
    "reason.dns": Text("mottagarens värdnamn finns inte i DNS", "the recipient's host name can't be resolved"),
    "reason.error": Text("ett fel i kopplingens program", "a fault in the connector's program"),
    "reason.expired": Text("prenumerationens slutdatum har passerat", "its expiry date has passed"),
    "reason.failed": Text("åtgärden misslyckades av okänd orsak", "failed for an unknown reason"),
    "reason.failing": Text("mottagaren har misslyckats för länge", "the recipient has failed for too long"),
    "reason.fault": Text("ett fel i hubben", "a fault in the hub"),
    "reason.first-load": Text(
        "en källa i directory.sources har aldrig meddelat att registret är komplett",
        "a source in directory.sources has never reported the directory as complete",
    ),
    "reason.garbled": Text(
        "kopplingens process skrev något som hubben inte förstår, så hubben avslutade den",
        "the connector's process wrote what the hub can't read, so the hub ended it",
    ),
    "reason.handshake": Text("hubben väntar på att mottagaren ska godkänna", "waits for the recipient's consent"),
    "reason.holds-interpreter": Text(
        "kopplingens program höll upp hela hubben", "the connector's program held up the whole hub"
    ),
    "reason.http": Text(
        "mottagaren svarade med HTTP-status {status}", "the recipient answered with HTTP status {status}"
    ),
    "reason.hung": Text(
        "ett anrop i kopplingens program tar inte slut, så hubben har stoppat kopplingen",
        "a call of the connector's program does not end, so the hub has given it up",
    ),
    "reason.left-behind": Text(
        "kopplingens tråd avslutades inte och lämnades kvar", "the connector's thread did not end and was left behind"
    ),
    "reason.left-file": Text(
        "prenumerationen finns inte längre i konfigurationsfilen", "is no longer in the configuration file"
    ),
    "reason.left-out": Text(
        "paketet eller inställningarna kan inte användas, så hubben har startat utan kopplingen: skolnav check",
        "its package or its settings can't be used, so the hub has started without it: skolnav check",
    ),
    "reason.memory": Text(
        "kopplingens process tog mer minne än limits.memory_mib, så hubben avslutade den",
        "the connector's process took more memory than limits.memory_mib, so the hub ended it",
    ),
    "reason.no-contract": Text("klienten har inte längre något avtal", "its client has no contract any more"),
    "reason.no-process": Text(
        "datorn har för ont om minne eller processer för kopplingens process; hubben försöker igen",
        "the machine lacks memory or processes for the connector's process; the hub tries again",
    ),
    "reason.no-such-timer": Text(
        "kopplingen har inte längre någon timer med det namnet", "the connector has no timer of that name any more"
    ),
    "reason.not-granted": Text("mottagaren gav inget godkännande", "the recipient did not consent"),
    "reason.other": Text("ett problem av annat slag", "a problem of another kind"),
    "reason.outbox-full": Text(
        "kopplingen publicerar fortare än hubben kan ta emot (limits.outbox_rows)",
        "the connector publishes faster than the hub can take in (limits.outbox_rows)",
    ),
    "reason.paused": Text("en person har pausat prenumerationen", "paused by a person"),
    "reason.paused-in-file": Text(
        "prenumerationen är pausad i konfigurationsfilen", "paused in the configuration file"
    ),
    "reason.permanent": Text("åtgärden går aldrig att utföra", "can never be done"),
    "reason.poll": Text(
        "kopplingens inställning poll är inte ett giltigt tidsintervall",
        "the connector's setting poll is no length of time",
    ),
    "reason.privacy": Text(
        "åtgärden skulle röja uppgifter som inte får röjas", "to go on would disclose what must not be disclosed"
    ),
    "reason.process-ended": Text("kopplingens process avslutades", "the connector's process ended"),
    "reason.protocol": Text("mottagarens svar är inte giltig HTTP", "the recipient's answer is not valid HTTP"),
    "reason.publish": Text(
        "kopplingen publicerade något som inte är giltigt", "the connector published something that is not valid"
    ),
    "reason.redirect": Text(
        "mottagaren hänvisar till en annan adress, och hubben följer inga hänvisningar",
        "the recipient redirects to another address, and the hub follows no redirect",
    ),
    "reason.removed": Text("prenumerationen är borttagen", "removed"),
    "reason.run-ended": Text("kopplingens löpande arbete tog slut", "the connector's continuous work ended"),
    "reason.sink": Text("ett fel i hubben när den skulle skicka", "a fault in the hub while it was sending"),
    "reason.stopped": Text("kopplingen är stoppad", "the connector is stopped"),
    "reason.temporary": Text("åtgärden går inte att utföra just nu", "can't be done now"),
    "reason.threads": Text(
        "kopplingens process hade fler trådar än limits.threads, så hubben avslutade den",
        "the connector's process had more threads than limits.threads, so the hub ended it",
    ),
    "reason.timeout": Text("åtgärden tog för lång tid och avbröts", "took too long and was cancelled"),
    "reason.timer": Text("kopplingen satte en ogiltig timer", "the connector set a timer that is not valid"),
    "reason.times": Text(
        "kopplingens program ger inga klockslag för sitt dagliga arbete",
        "the connector's program gives no times of day for its daily work",
    ),
    "reason.tls": Text(
        "mottagarens certifikat eller TLS går inte att lita på", "the recipient's certificate or TLS can't be trusted"
    ),
    "reason.too-many-parked": Text("för många nycklar väntar", "too many keys are parked"),
    "reason.too-many-timers": Text("kopplingen har för många timrar", "the connector has too many timers"),
    "reason.trimmed": Text("händelsen är äldre än det som sparas", "the event is older than what is kept"),
    "reason.upgraded": Text(
        "det installerade paketet passar inte med det som hubben startade med: starta om hubben",
        "the installed package does not fit what the hub started with: restart the hub",
    ),
}

SUBSCRIPTION: Final[Mapping[str, Text]] = {
    "subscription.expired": Text(
        "Prenumerationens slutdatum har passerat. Ändra expires_at först.",
        "The subscription's expiry date has passed. Change expires_at first.",
    ),
    "subscription.file-owned": Text(
        "{name} finns i konfigurationsfilen. Ändra prenumerationen där och kör: skolnav apply.",
        "{name} belongs to the configuration file. Change it there and run: skolnav apply.",
    ),
    "subscription.left-out": Text(
        "Hubben har startat utan {name}. Felet visas med: skolnav check. Rätta felet och starta om hubben.",
        "The hub has started without {name}. What is wrong: skolnav check. Mend it, and restart the hub.",
    ),
    "subscription.no-contract": Text(
        "Klienten {client} har inget avtal (contract) och kan inte prenumerera. Ge den ett i konfigurationsfilen.",
        "Client {client} has no contract and can't subscribe. Give it one in the configuration file.",
    ),
    "subscription.not-narrower": Text(
        "Avtalet får bara vara smalare än klientens. Utanför det: {extra}.",
        "The contract may only be narrower than the client's. Outside it: {extra}.",
    ),
    "subscription.paused-in-file": Text(
        "{name} är pausad i konfigurationsfilen. Ta bort paused där och kör: skolnav apply.",
        "{name} is paused in the configuration file. Remove paused there and run: skolnav apply.",
    ),
    "subscription.refused": Text("Prenumerationen kan inte användas: {says}", "The subscription can't be used: {says}"),
    "subscription.unknown": Text("Det finns ingen sådan prenumeration.", "There is no such subscription."),
}

SUBSCRIPTIONS: Final[Mapping[str, Text]] = {
    "subscriptions.from-where": Text("Ange antingen --since eller --after.", "Write either --since or --after."),
    "subscriptions.none": Text("Det finns inga prenumerationer.", "No subscriptions."),
    "subscriptions.origin-api": Text("API:et", "the API"),
    "subscriptions.origin-connector": Text("kopplingen", "the connector"),
    "subscriptions.origin-file": Text("konfigurationsfilen", "the configuration file"),
    "subscriptions.removed": Text("{name} är borttagen.", "{name} is removed."),
    "subscriptions.replay.count": Text(
        "{name}: {count} händelser prövas på nytt och skickas om de får.",
        "{name}: {count} events are decided anew, and sent where that is allowed.",
    ),
    "subscriptions.replay.left": Text("Inget skickades.", "Nothing was sent."),
    "subscriptions.replay.nothing": Text(
        "{name}: det finns inga händelser att skicka igen i den tiden. Skriv en annan tid.",
        "{name}: there are no events to send again in that time. Write another time.",
    ),
    "subscriptions.replay.sure": Text(
        "{name}: {count} händelser prövas på nytt och skickas om de får. Fortsätta?",
        "{name}: {count} events are decided anew, and sent where that is allowed. Go on?",
    ),
    "subscriptions.replaying": Text("{name}: händelserna skickas igen ({lane}).", "{name}: is sent again ({lane})."),
    "subscriptions.several": Text(
        "Flera prenumerationer heter {name}. Ange ett id: {ids}.", "Several are called {name}. Write an id: {ids}."
    ),
    "subscriptions.source": Text(
        "Har väntat på källan {source} i {age}. Det som väntar på den: {behind}.",
        "The source {source} has been waited for for {age}. These wait for it: {behind}.",
    ),
    "subscriptions.sure": Text(
        "Vill du ta bort {name} med allt som väntar och allt ej levererat?",
        "Remove {name}, with cursor, parked keys and dead letters?",
    ),
    "subscriptions.test.delivered": Text(
        "{name}: mottagaren tog emot testhändelsen.", "{name}: the recipient accepted the test event."
    ),
    "subscriptions.test.failed": Text(
        "{name}: mottagaren tog inte emot testhändelsen ({reason}).",
        "{name}: the recipient did not accept the test event ({reason}).",
    ),
    "subscriptions.unknown": Text(
        "Det finns ingen prenumeration som heter {name}.{hint} Alla visas med: skolnav subscriptions.",
        "No subscription is called {name}.{hint} For a list: skolnav subscriptions.",
    ),
}
