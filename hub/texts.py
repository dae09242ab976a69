"""Texts for people, Swedish and English, by key: one catalogue.

Each section is a dict sorted by key. `{name}` marks what is filled in; it is the same in both languages.
"""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

Language = Literal["sv", "en"]


class Text(NamedTuple):
    sv: str
    en: str


_CONFIG: Final[Mapping[str, Text]] = {
    "config.above": Text("ska vara större än {limit}.", "must be above {limit}."),
    "config.address": Text(
        'ska vara värd och port, till exempel "127.0.0.1:8080".', 'must be host and port, for example "127.0.0.1:8080".'
    ),
    "config.anchor": Text(
        "pekar runt på sig själv. Skriv ut det i stället.", "refers to itself. Write it out instead."
    ),
    "config.below": Text("ska vara mindre än {limit}.", "must be below {limit}."),
    "config.bool": Text("ska vara true eller false.", "must be true or false."),
    "config.characters-max": Text("får ha högst {limit} tecken.", "may have {limit} characters at most."),
    "config.characters-min": Text("ska ha minst {limit} tecken.", "must have at least {limit} characters."),
    "config.choice": Text("går inte här. Skriv {expected}.", "is not possible here. Write {expected}."),
    "config.client-no-contract": Text(
        "klienten {client} har inget avtal (contract) och kan inte få några händelser. Ge den ett: purpose, "
        "legal_basis och categories.",
        "client {client} has no contract and can't get any events. Give it one: purpose, legal_basis and categories.",
    ),
    "config.client-other": Text("är en annan klient än den som anropar.", "is another client than the caller."),
    "config.client-unknown": Text(
        "ingen klient heter {client}. Klienterna är: {known}.{hint}",
        "no client is called {client}. The clients are: {known}.{hint}",
    ),
    "config.clock-webhook": Text(
        "går inte ihop med school_clock: då får webhookar bara gå till den egna maskinen (127.0.0.1).",
        "does not go with school_clock: webhooks may then go to this machine only (127.0.0.1).",
    ),
    "config.cluster": Text(
        'den här versionen kör bara den inbyggda motorn. Skriv "engine: embedded" eller ta bort raden.',
        'this version runs the embedded engine only. Write "engine: embedded", or take the line out.',
    ),
    "config.connector-failed": Text(
        "kontakten kunde inte pröva sin konfiguration ({error}). Det är ett fel i paketet som har den: tala med dess "
        "leverantör.",
        "the connector could not check its configuration ({error}). That is a fault of the package that offers it: "
        "ask its vendor.",
    ),
    "config.connector-unknown": Text(
        "ingen installerad kontakt heter {name}. Installerade: {known}.{hint}",
        "no installed connector is called {name}. Installed: {known}.{hint}",
    ),
    "config.contract-wider": Text(
        "får bara vara smalare än klientens avtal. Utanför det: {extra}. Ta bort dem här, eller lägg dem till hos "
        "klienten.",
        "may only be narrower than the client's contract. Outside it: {extra}. Take them out here, or add them to "
        "the client.",
    ),
    "config.datetime": Text(
        'ska vara en tid med tidszon, till exempel "2027-06-30T23:59:00+02:00".',
        'must be a time with offset, for example "2027-06-30T23:59:00+02:00".',
    ),
    "config.demo-only": Text("får bara finnas tillsammans med demo: true.", "may stand only together with demo: true."),
    "config.duplicate": Text(
        '"{name}" finns redan på rad {line}. Namnge dem olika.',
        '"{name}" stands on line {line} too. Give them different names.',
    ),
    "config.duplicate-key": Text(
        "nyckeln finns redan på rad {line}; bara en av dem skulle gälla. Slå ihop dem.",
        "the key stands on line {line} too; only one of them would count. Merge them.",
    ),
    "config.duration": Text(
        'ska vara en tidslängd: ett heltal och s, m, h eller d, till exempel "60s", "26h", "7d".',
        'must be a duration: a whole number and s, m, h or d, for example "60s", "26h", "7d".',
    ),
    "config.file-empty": Text("filen {path} är tom.", "the file {path} is empty."),
    "config.file-missing": Text(
        "filen {path} kan inte läsas ({error}). Sökvägen räknas från konfigurationsfilens mapp.",
        "the file {path} can't be read ({error}). The path counts from the configuration file's folder.",
    ),
    "config.file-only": Text(
        "handshake: false får bara stå i konfigurationsfilen, inte sättas av en klient.",
        "handshake: false may stand in the configuration file only, not be set by a client.",
    ),
    "config.kafka": Text(
        "den här versionen levererar inte till Kafka ännu. Välj webhook, feed eller stream.",
        "this version does not deliver to Kafka yet. Choose webhook, feed or stream.",
    ),
    "config.key": Text(
        'ska vara en nyckel på 32 byte, som "${{file:...}}". Gör en: head -c 32 /dev/urandom > fil. Utelämnad görs en '
        "under data vid första starten.",
        'must be a key of 32 bytes, as "${{file:...}}". Make one: head -c 32 /dev/urandom > file. Left out, one is '
        "made under data at the first start.",
    ),
    "config.items-max": Text("får ha högst {limit} delar.", "may have {limit} items at most."),
    "config.items-min": Text("ska ha minst {limit} del.", "must have at least {limit} item."),
    "config.list": Text("ska vara en lista.", "must be a list."),
    "config.literal-secret": Text(
        'hemligheter står inte i filen. Skriv en hänvisning: "${{env:NAMN}}" eller "${{file:sökväg}}".',
        'secrets do not stand in the file. Write a reference: "${{env:NAME}}" or "${{file:path}}".',
    ),
    "config.mapping": Text("ska vara nycklar med värden.", "must be keys with values."),
    "config.maximum": Text("får vara högst {limit}.", "may be {limit} at most."),
    "config.minimum": Text("ska vara minst {limit}.", "must be at least {limit}."),
    "config.missing": Text("saknas och måste finnas.", "is missing and has to be there."),
    "config.missing-client": Text(
        "saknas: skriv vilken klient prenumerationen hör till.",
        "is missing: say which client the subscription belongs to.",
    ),
    "config.name": Text(
        "ska vara små bokstäver a-z, siffror och - _ . och börja med bokstav eller siffra (högst 64 tecken).",
        "must be lower-case letters a-z, digits and - _ . and begin with a letter or digit (64 characters at most).",
    ),
    "config.network": Text(
        'ska vara ett nät, till exempel "127.0.0.0/8" eller "10.20.0.0/16".',
        'must be a network, for example "127.0.0.0/8" or "10.20.0.0/16".',
    ),
    "config.no-contract": Text(
        "kontakten tar emot händelser men har inget avtal att göra snävare.",
        "the connector has no contract of its own that could be narrowed.",
    ),
    "config.number": Text("ska vara ett tal.", "must be a number."),
    "config.other": Text("är fel: {says}.", "is wrong: {says}."),
    "config.pattern": Text("har inte rätt form.", "does not have the right form."),
    "config.reference": Text(
        'en hänvisning står för sig själv: "${{env:NAMN}}" eller "${{file:sökväg}}", utan text runt om.',
        'a reference stands alone: "${{env:NAME}}" or "${{file:path}}", without text around it.',
    ),
    "config.same-token": Text(
        "är samma hemlighet som för klienten {other} på rad {line}: då vet hubben inte vem som anropar. Ge varje "
        "klient en egen.",
        "is the same secret as that of the client {other} on line {line}: the hub could not tell who calls. Give each "
        "client its own.",
    ),
    "config.secret-form": Text(
        "hemligheten går inte att använda: skriv whsec_ och base64 av 24 till 64 slumpmässiga byte.",
        "the secret can't be used: write whsec_ and base64 of 24 to 64 random bytes.",
    ),
    "config.string": Text("ska vara text. Sätt den inom citattecken.", "must be text. Put it in quotes."),
    "config.time": Text(
        'är inget klockslag. Skriv HH:MM mellan 00:00 och 23:59, till exempel "09:30".',
        'is no time of day. Write HH:MM between 00:00 and 23:59, for example "09:30".',
    ),
    "config.too-deep": Text(
        "är inskjutet i för många nivåer. Ingen konfiguration behöver så många: se efter vad filen är.",
        "is nested too deep. No configuration needs that many levels: see what the file is.",
    ),
    "config.too-large": Text(
        "är större än {limit} MiB. Ingen konfiguration är så stor: se efter vad filen är.",
        "is larger than {limit} MiB. No configuration is that large: see what the file is.",
    ),
    "config.too-many": Text(
        "filen blir mer än {limit} värden när dess hänvisningar (& och *) skrivs ut. Hänvisa färre gånger.",
        "the file becomes more than {limit} values when its references (& and *) are written out. Refer less often.",
    ),
    "config.types-nothing": Text(
        "passar ingen händelsetyp.{hint} Typerna visas av: skolnav catalogue.",
        "matches no event type.{hint} The types are shown by: skolnav catalogue.",
    ),
    "config.unknown-key": Text(
        "är ingen nyckel här.{hint} Nycklarna är: {known}.", "is no key here.{hint} The keys are: {known}."
    ),
    "config.unreadable": Text(
        "kan inte läsas ({error}). Peka ut en fil med: skolnav run --config FIL.",
        "can't be read ({error}). Name a file with: skolnav run --config FILE.",
    ),
    "config.unset": Text(
        "miljövariabeln {name} är inte satt, eller tom.", "the environment variable {name} is not set, or empty."
    ),
    "config.url": Text(
        "är ingen webbadress. Skriv https://värd/sökväg.",
        "is no URL. Write https://host/path.",
    ),
    "config.url-address": Text(
        "webbadressen leder dit webhookar inte får gå: till ett privat nät eller, med http, till någon annan än den "
        "som outbound.allow nämner. Använd https till en publik adress, eller nämn nätet i outbound.allow.",
        "the URL leads where webhooks may not go: to a private network or, with http, to one that outbound.allow does "
        "not name. Use https to a public address, or name the network in outbound.allow.",
    ),
    "config.url-characters": Text(
        "webbadressen innehåller mellanslag, styrtecken eller omvänt snedstreck. Procentkoda dem.",
        "the URL holds a space, a control character or a backslash. Percent-encode it.",
    ),
    "config.url-credentials": Text(
        "webbadressen får inte innehålla användarnamn eller lösenord: signaturen visar att det är hubben.",
        "the URL may hold no user name or password: the signature shows that it is the hub.",
    ),
    "config.url-fragment": Text(
        "det som följer efter # skickas aldrig. Ta bort det ur webbadressen.",
        "what follows # is never sent. Leave it out of the URL.",
    ),
    "config.url-host": Text("webbadressens värdnamn går inte att använda.", "the URL's host is no valid name."),
    "config.url-length": Text("webbadressen är längre än 2048 tecken.", "the URL is longer than 2048 characters."),
    "config.url-plain": Text(
        "http går att läsa på vägen. Använd https, eller nämn nätet i outbound.allow.",
        "http is readable on the way. Use https, or name the network in outbound.allow.",
    ),
    "config.url-scheme": Text("en webhooks adress börjar med https://.", "a webhook's URL begins with https://."),
    "config.uuid": Text("är inget SS 12000-id (UUID).", "is no SS 12000 id (UUID)."),
    "config.yaml": Text("är inte YAML: {says}.", "is not YAML: {says}."),
}

_CONNECTOR: Final[Mapping[str, Text]] = {
    "connector.directory": Text(
        " Dess uppgift om att allt är med är från {at}.", " Its word that all is here is from {at}."
    ),
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

_FILTER: Final[Mapping[str, Text]] = {
    "filter.attribute-name": Text(
        "namnger inget attribut. Filter gäller händelsens attribut (type, source, subject ...), aldrig dess data.",
        "names no attribute. Filters look at the event's attributes (type, source, subject ...), never at its data.",
    ),
    "filter.attributes": Text(
        'ska vara attribut med värden, till exempel {{type: "..."}}.',
        'must be attributes with values, for example {{type: "..."}}.',
    ),
    "filter.dialect": Text("är inget filter. Skriv ett av: {dialects}.", "is no filter. Write one of: {dialects}."),
    "filter.list": Text("ska vara en lista med minst ett filter.", "must be a list of at least one filter."),
    "filter.one-dialect": Text("ska vara exakt ett av: {dialects}.", "must be exactly one of: {dialects}."),
    "filter.too-deep": Text("är djupare än {limit} nivåer.", "is deeper than {limit} levels."),
    "filter.too-large": Text("har fler än {limit} delar.", "has more than {limit} parts."),
    "filter.value": Text("ska vara text som inte är tom.", "must be text that is not empty."),
}

_HINT: Final[Mapping[str, Text]] = {
    "hint.did-you-mean": Text(" Menade du {name}?", " Did you mean {name}?"),
    "hint.nothing": Text("inga", "none"),
}

_PLAN: Final[Mapping[str, Text]] = {
    "plan.added": Text("tillkommer", "is added"),
    "plan.changed": Text("ändras", "changes"),
    "plan.paused": Text("pausas", "is paused"),
    "plan.removed": Text("tas bort", "is removed"),
    "plan.effect.connector-restarted": Text(
        "Kontakten startas om; läge och tillstånd följer med.", "The connector is restarted; its cursor and state stay."
    ),
    "plan.effect.credentials": Text(
        "Klientens gamla token och utfärdade åtkomst slutar gälla.", "The client's old token and issued access end."
    ),
    "plan.effect.data-moved": Text(
        "Hubben börjar om i en ny mapp: inget av det som finns följer med.",
        "The hub begins anew in another folder: nothing of what there is comes along.",
    ),
    "plan.effect.decided-anew": Text(
        "Det som ännu inte är levererat prövas på nytt. Det som redan är levererat dras inte tillbaka, och det som "
        "tidigare nekats skickas inte i efterhand.",
        "What is not delivered yet is decided anew. What was delivered is not called back, and what was denied before "
        "is not sent afterwards.",
    ),
    "plan.effect.dropped-types": Text(
        "Väntande händelser av typer som försvinner levereras inte: {types}.",
        "Waiting events of types that go are not delivered: {types}.",
    ),
    "plan.effect.dropped-by-filter": Text(
        "Väntande händelser som det nya filtret inte släpper igenom levereras inte.",
        "Waiting events that the new filter does not let through are not delivered.",
    ),
    "plan.effect.expiry": Text("Slutar {time}.", "Ends {time}."),
    "plan.effect.from-kept": Text(
        "Läget behålls: `from` gäller bara när en prenumeration är ny.",
        "The cursor stays: `from` counts only when a subscription is new.",
    ),
    "plan.effect.handshake": Text(
        "Den nya adressen tillfrågas först; läget behålls så länge, och allt väntande går sedan dit.",
        "The new address is asked first; the cursor is kept meanwhile, and then all that waits goes there.",
    ),
    "plan.effect.kept": Text(
        "Läget behålls. Händelser sparas så länge hubben sparar, och levereras om den återvänder.",
        "The cursor is kept. Events stay within retention and are delivered if it comes back.",
    ),
    "plan.effect.new-types": Text(
        "Nya typer levereras från läget och framåt: {types}.", "New types are delivered from the cursor on: {types}."
    ),
    "plan.effect.new-tenant": Text(
        "Kommunens namn är nyckel till allt sparat: hubben börjar om från tomt.",
        "The municipality's name is the key to all that is kept: the hub begins from nothing.",
    ),
    "plan.effect.paused": Text(
        "Inget levereras förrän den återupptas; läget behålls.",
        "Nothing is delivered until it is resumed; the cursor is kept.",
    ),
    "plan.effect.payload": Text(
        "Kommande leveranser får nivån {level}.", "Deliveries from now on have the level {level}."
    ),
    "plan.effect.permissions": Text(
        "Klientens roller och vad den får publicera ändras direkt.",
        "The client's roles and what it may publish change at once.",
    ),
    "plan.effect.reconnected": Text(
        "Anslutningen görs om; läget behålls.", "The connection is made anew; the cursor is kept."
    ),
    "plan.effect.rejected": Text(
        "Anrop från klienten avvisas, och dess egna prenumerationer pausas.",
        "Calls from the client are refused, and subscriptions that it made are paused.",
    ),
    "plan.effect.restart": Text("Gäller först när hubben startas om.", "Holds only when the hub is started again."),
    "plan.effect.resent-all": Text(
        "Allt som hubben har kvar skickas, äldst först.", "All that the hub still has is sent, oldest first."
    ),
    "plan.effect.resent-state": Text(
        "Nuläget för varje pågående ärende, frånvaro och lektion skickas, sedan det nya.",
        "The current state of each open case, absence and lesson is sent, then what is new.",
    ),
    "plan.effect.resumed": Text(
        "Det som väntat levereras, prövat på nytt.", "What has waited is delivered, decided anew."
    ),
    "plan.effect.starts-now": Text(
        "Får det som händer från nu; inget skickas i efterhand.",
        "Gets what happens from now on; nothing older is sent.",
    ),
    "plan.effect.trimmed": Text(
        "Händelser äldre än {days} dygn tas bort; den som är längre efter än så missar dem.",
        "Events older than {days} days are removed; who is further behind misses them.",
    ),
}

_REASON: Final[Mapping[str, Text]] = {
    "reason.client-left": Text(
        "klienten finns inte längre i konfigurationsfilen", "its client left the configuration file"
    ),
    "reason.expired": Text("slutdatumet är passerat", "its expiry date has passed"),
    "reason.handshake": Text("väntar på att mottagaren ska godkänna", "waits for the recipient's consent"),
    "reason.left-file": Text("finns inte längre i konfigurationsfilen", "is no longer in the configuration file"),
    "reason.no-contract": Text("klienten har inget avtal längre", "its client has no contract any more"),
    "reason.paused": Text("pausad av någon", "paused by a person"),
    "reason.paused-in-file": Text("pausad i konfigurationsfilen", "paused in the configuration file"),
    "reason.removed": Text("borttagen", "removed"),
}

_SUBSCRIPTION: Final[Mapping[str, Text]] = {
    "subscription.expired": Text(
        "Prenumerationens slutdatum är passerat. Ändra expires_at först.",
        "The subscription's expiry date has passed. Change expires_at first.",
    ),
    "subscription.file-owned": Text(
        "{name} står i konfigurationsfilen. Ändra den där och kör: skolnav apply.",
        "{name} stands in the configuration file. Change it there and run: skolnav apply.",
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
        "{name} is paused in the configuration file. Take paused out there and run: skolnav apply.",
    ),
    "subscription.refused": Text(
        "Prenumerationen går inte att använda: {says}", "The subscription can't be used: {says}"
    ),
    "subscription.unknown": Text("Det finns ingen sådan prenumeration.", "There is no such subscription."),
}

_WARNING: Final[Mapping[str, Text]] = {
    "warning.no-categories": Text(
        "avtalet tillåter inga kategorier: mottagaren får ingenting om personer. Skriv dem som behövs.",
        "the contract allows no category: the recipient gets nothing about people. Write those that it needs.",
    ),
    "warning.no-scope": Text(
        "avtalet har ingen scope: det gäller hela kommunen. Skriv organisations eller school_types om det ska vara "
        "snävare.",
        "the contract has no scope: it covers the whole municipality. Write organisations or school_types to narrow "
        "it.",
    ),
    "warning.school-type": Text(
        "är ingen skolform i SS 12000 v2.1.{hint} Om inget skolsystem skriver så gäller avtalet ingen. Skolformerna "
        "är: {known}.",
        "is no school type of SS 12000 v2.1.{hint} If no school system writes it, the contract covers nobody. The "
        "school types are: {known}.",
    ),
    "warning.plugin": Text(
        "ett installerat paket kunde inte användas: {says}", "an installed package can't be used: {says}"
    ),
    "warning.protected": Text(
        "får uppgifter om personer med skyddade personuppgifter i deras egna ärenden.",
        "gets data about protected persons in business of their own.",
    ),
    "warning.publishes-all": Text(
        "får publicera alla händelsetyper. Skriv publishes för att begränsa.",
        "may publish every event type. Write publishes to limit it.",
    ),
    "warning.sources-all": Text(
        "får publicera som vilken källa som helst. Skriv sources för att begränsa.",
        "may publish as any source. Write sources to limit it.",
    ),
}

SECTIONS: Final = (_CONFIG, _CONNECTOR, _FILTER, _HINT, _PLAN, _REASON, _SUBSCRIPTION, _WARNING)
TEXTS: Final[Mapping[str, Text]] = {key: found for section in SECTIONS for key, found in section.items()}


def text(key: str, language: str, **values: object) -> str:
    """The text in Swedish (`sv`) or English (anything else), filled in. Raises KeyError for a key that is not there."""
    found = TEXTS[key]
    return (found.sv if language == "sv" else found.en).format(**values)


def reason(code: str, language: str) -> str:
    """Why a subscription is paused or ended, in words; a code without words (`http-503`) as it is."""
    return text(f"reason.{code}", language) if f"reason.{code}" in TEXTS else code


def language_of(environ: Mapping[str, str]) -> Language:
    """The user's language: SKOLNAV_LANG, else LC_ALL or LANG, else Swedish.

    A locale that names no language (`C`, `POSIX`, `C.UTF-8`) is what machines are set to, not what somebody chose.
    """
    for name in ("SKOLNAV_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        language = environ.get(name, "").partition(".")[0].partition("_")[0].lower()
        if language and language not in ("c", "posix"):
            return "sv" if language == "sv" else "en"
    return "sv"
