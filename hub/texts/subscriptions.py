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
    "reason.client-left": Text(
        "klienten finns inte längre i konfigurationsfilen", "its client left the configuration file"
    ),
    "reason.expired": Text("slutdatumet är passerat", "its expiry date has passed"),
    "reason.handshake": Text("väntar på att mottagaren ska godkänna", "waits for the recipient's consent"),
    "reason.left-file": Text("finns inte längre i konfigurationsfilen", "is no longer in the configuration file"),
    "reason.no-contract": Text("klienten har inget avtal längre", "its client has no contract any more"),
    "reason.paused": Text("pausad för hand", "paused by a person"),
    "reason.paused-in-file": Text("pausad i konfigurationsfilen", "paused in the configuration file"),
    "reason.removed": Text("borttagen", "removed"),
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
