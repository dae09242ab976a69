"""Subscriptions: what an operator did to one, why one is paused or ended, and why one, or its filter, is refused."""

from collections.abc import Mapping
from typing import Final

from hub.texts.text import Text

FILTER: Final[Mapping[str, Text]] = {
    "filter.attribute-name": Text(
        "namnger inget attribut. Filter gäller händelsens attribut (type, source, subject ...), aldrig dess data.",
        "does not name an attribute. Filters look at the event's attributes (type, source, subject ...), never at its "
        "data.",
    ),
    "filter.attributes": Text(
        'ska vara attribut med värden, till exempel {{type: "..."}}.',
        'must be attributes with values, for example {{type: "..."}}.',
    ),
    "filter.dialect": Text("är inget filter. Skriv ett av: {dialects}.", "is not a filter. Write one of: {dialects}."),
    "filter.list": Text("ska vara en lista med minst ett filter.", "must be a list of at least one filter."),
    "filter.one-dialect": Text("ska vara exakt ett av: {dialects}.", "must be exactly one of: {dialects}."),
    "filter.too-deep": Text("är djupare än {limit} nivåer.", "is deeper than {limit} levels."),
    "filter.too-large": Text("har fler än {limit} delar.", "has more than {limit} parts."),
    "filter.value": Text("ska vara text som inte är tom.", "must be text that is not empty."),
}

REASON: Final[Mapping[str, Text]] = {
    "reason.blocked": Text(
        "kontaktens program blockerar sin tråd, så hubben har gett upp den",
        "the connector's program blocks its thread, so the hub has given it up",
    ),
    "reason.blocks": Text(
        "kontaktens program höll sin tråd upptagen i minst en halv sekund",
        "the connector's program kept its thread busy for half a second or more",
    ),
    "reason.body-slow": Text(
        "den som anropade kontakten skickade för långsamt", "the caller of the connector sent too slowly"
    ),
    "reason.busy": Text(
        "kontakten har så många anrop samtidigt som den tar emot", "the connector has as many calls as it accepts"
    ),
    "reason.client-left": Text(
        "klienten finns inte längre i konfigurationsfilen", "its client left the configuration file"
    ),
    "reason.configuration": Text(
        "inget kan fungera förrän en inställning ändras", "nothing can work until a setting is changed"
    ),
    "reason.directory-unsettled": Text(
        "registret ändrades medan det lästes; hubben försöker igen",
        "the directory changed while it was read; the hub tries again",
    ),
    "reason.error": Text("ett fel i kontaktens program", "a fault in the connector's program"),
    "reason.expired": Text("slutdatumet är passerat", "its expiry date has passed"),
    "reason.failed": Text("misslyckades utan känd orsak", "failed for an unknown reason"),
    "reason.failing": Text("mottagaren har misslyckats för länge", "the recipient has failed for too long"),
    "reason.fault": Text("ett fel i hubben", "a fault in the hub"),
    "reason.handshake": Text("väntar på att mottagaren ska godkänna", "waits for the recipient's consent"),
    "reason.holds-interpreter": Text(
        "kontaktens program höll upp hela hubben", "the connector's program held up the whole hub"
    ),
    "reason.hung": Text(
        "ett anrop i kontaktens program slutar inte, så hubben har gett upp den",
        "a call of the connector's program does not end, so the hub has given it up",
    ),
    "reason.left-behind": Text(
        "kontaktens tråd slutade inte och lämnades kvar", "the connector's thread did not end and was left behind"
    ),
    "reason.left-file": Text("finns inte längre i konfigurationsfilen", "is no longer in the configuration file"),
    "reason.left-out": Text(
        "paketet eller inställningarna kan inte användas, så hubben har startat utan kontakten: skolnav check",
        "its package or its settings can't be used, so the hub has started without it: skolnav check",
    ),
    "reason.no-contract": Text("klienten har inget avtal längre", "its client has no contract any more"),
    "reason.no-such-timer": Text(
        "kontakten har ingen tidtagare med det namnet längre", "the connector has no timer of that name any more"
    ),
    "reason.other": Text("ett problem av annat slag", "a problem of another kind"),
    "reason.paused": Text("pausad för hand", "paused by a person"),
    "reason.paused-in-file": Text("pausad i konfigurationsfilen", "paused in the configuration file"),
    "reason.permanent": Text("går aldrig att utföra", "can never be done"),
    "reason.poll": Text(
        "kontaktens inställning poll är inget tidsavstånd", "the connector's setting poll is no length of time"
    ),
    "reason.privacy": Text(
        "att fortsätta skulle röja det som inte får röjas", "to go on would disclose what must not be disclosed"
    ),
    "reason.publish": Text(
        "kontakten publicerade något som inte är giltigt", "the connector published something that is not valid"
    ),
    "reason.removed": Text("borttagen", "removed"),
    "reason.run-ended": Text("kontaktens löpande arbete tog slut", "the connector's continuous work ended"),
    "reason.stopped": Text("kontakten är stoppad", "the connector is stopped"),
    "reason.temporary": Text("går inte just nu", "can't be done now"),
    "reason.timeout": Text("tog för lång tid och avbröts", "took too long and was cancelled"),
    "reason.timer": Text("kontakten satte en ogiltig tidtagare", "the connector set a timer that is not valid"),
    "reason.times": Text(
        "kontaktens program ger inga klockslag för sitt dagliga arbete",
        "the connector's program gives no times of day for its daily work",
    ),
    "reason.too-many-parked": Text("för många nycklar väntar", "too many keys are parked"),
    "reason.too-many-timers": Text("kontakten har för många tidtagare", "the connector has too many timers"),
    "reason.trimmed": Text("händelsen är äldre än det som sparas", "the event is older than what is kept"),
}

SUBSCRIPTION: Final[Mapping[str, Text]] = {
    "subscription.expired": Text(
        "Prenumerationens slutdatum är passerat. Ändra expires_at först.",
        "The subscription's expiry date has passed. Change expires_at first.",
    ),
    "subscription.file-owned": Text(
        "{name} står i konfigurationsfilen. Ändra den där och kör: skolnav apply.",
        "{name} belongs to the configuration file. Change it there and run: skolnav apply.",
    ),
    "subscription.left-out": Text(
        "Hubben har startat utan {name}. Felet: skolnav check. Rätta det och starta om hubben.",
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
    "subscription.refused": Text(
        "Prenumerationen går inte att använda: {says}", "The subscription can't be used: {says}"
    ),
    "subscription.unknown": Text("Det finns ingen sådan prenumeration.", "There is no such subscription."),
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
    "subscriptions.test.delivered": Text(
        "{name}: mottagaren tog emot provhändelsen.", "{name}: the recipient accepted the test event."
    ),
    "subscriptions.test.failed": Text(
        "{name}: mottagaren tog inte emot provhändelsen ({reason}).",
        "{name}: the recipient did not accept the test event ({reason}).",
    ),
    "subscriptions.unknown": Text(
        "Ingen prenumeration heter {name}.{hint} Se listan: skolnav subscriptions.",
        "No subscription is called {name}.{hint} For a list: skolnav subscriptions.",
    ),
}
