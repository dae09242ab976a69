"""What is wrong with a configuration file, or worth a second look, and what to write instead."""

from collections.abc import Mapping
from typing import Final

from hub.texts.text import Text

CONFIG: Final[Mapping[str, Text]] = {
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
        'this version runs the embedded engine only. Write "engine: embedded", or remove the line.',
    ),
    "config.connector-broken": Text(
        "kontakten {name} kan inte användas: {says}. Rätta eller avinstallera paketet, och starta om hubben.",
        "the connector {name} can't be used: {says}. Mend or uninstall the package, and restart the hub.",
    ),
    "config.connector-contract-wider": Text(
        "får bara vara smalare än avtalet i kontaktens klass. Utanför det: {extra}. Ta bort dem.",
        "may only be narrower than the contract of the connector's class. Outside it: {extra}. Remove them.",
    ),
    "config.connector-failed": Text(
        "kontakten kunde inte pröva sin konfiguration ({error}). Det är ett fel i paketet som har den: tala med dess "
        "leverantör.",
        "the connector could not check its configuration ({error}). That is a fault of the package that offers it: "
        "ask its vendor.",
    ),
    "config.connector-left-out": Text(
        "ingen kontakt som kan användas heter {name}. Installerade: {known}.{hint} Paket som inte kan användas: "
        "{packages}",
        "no connector that can be used is called {name}. Installed: {known}.{hint} Packages that can't be used: "
        "{packages}",
    ),
    "config.connector-restart": Text(
        "hubben har inte läst in någon kontakt som heter {name}. Inlästa: {known}.{hint} Installerat eller uppgraderat "
        "sedan den startade: {packages}. Starta om hubben.",
        "the hub has loaded no connector that is called {name}. Loaded: {known}.{hint} Installed or upgraded since it "
        "started: {packages}. Restart the hub.",
    ),
    "config.connector-unknown": Text(
        "ingen installerad kontakt heter {name}. Installerade: {known}.{hint}",
        "no installed connector is called {name}. Installed: {known}.{hint}",
    ),
    "config.contract-wider": Text(
        "får bara vara smalare än klientens avtal. Utanför det: {extra}. Ta bort dem här, eller lägg dem till hos "
        "klienten.",
        "may only be narrower than the client's contract. Outside it: {extra}. Remove them here, or add them to the "
        "client.",
    ),
    "config.datetime": Text(
        'ska vara en tid med tidszon, till exempel "2027-06-30T23:59:00+02:00".',
        'must be a time with offset, for example "2027-06-30T23:59:00+02:00".',
    ),
    "config.demo-only": Text(
        "får bara användas tillsammans med demo: true.", "is only allowed together with demo: true."
    ),
    "config.duplicate": Text(
        '"{name}" finns redan på rad {line}. Namnge dem olika.',
        '"{name}" is on line {line} too. Give them different names.',
    ),
    "config.duplicate-key": Text(
        "nyckeln finns redan på rad {line}; bara en av dem skulle gälla. Slå ihop dem.",
        "the key is on line {line} too; only one of them would count. Merge them.",
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
        "handshake: false is allowed in the configuration file only; a client may not set it.",
    ),
    "config.items-max": Text("får ha högst {limit} delar.", "may have {limit} items at most."),
    "config.items-min": Text("ska ha minst {limit} del.", "must have at least {limit} item."),
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
    "config.list": Text("ska vara en lista.", "must be a list."),
    "config.literal-secret": Text(
        'hemligheter får inte stå i filen. Skriv en hänvisning: "${{env:NAMN}}" eller "${{file:sökväg}}".',
        'secrets may not be written in the file. Write a reference: "${{env:NAME}}" or "${{file:path}}".',
    ),
    "config.mapping": Text("ska vara nycklar med värden.", "must be keys with values."),
    "config.maximum": Text("får vara högst {limit}.", "may be {limit} at most."),
    "config.minimum": Text("ska vara minst {limit}.", "must be at least {limit}."),
    "config.missing": Text("saknas och måste anges.", "is missing and is needed."),
    "config.missing-client": Text(
        "saknas: skriv vilken klient prenumerationen hör till.",
        "is missing: write which client the subscription belongs to.",
    ),
    "config.mixed-alphabets": Text(
        "blandar alfabet vars bokstäver kan se likadana ut. Skriv bokstäver ur ett alfabet.",
        "mixes alphabets whose letters can look the same. Write letters of one alphabet.",
    ),
    "config.name": Text(
        "ska vara små bokstäver a-z, siffror och - _ . och börja med bokstav eller siffra (högst 64 tecken).",
        "must be lower-case letters a-z, digits and - _ . and begin with a letter or digit (64 characters at most).",
    ),
    "config.name-in-file": Text(
        "är ett namn i hubbens konfigurationsfil, eller ser ut som ett. Välj ett annat.",
        "is a name of the hub's configuration file, or looks like one. Choose another.",
    ),
    "config.network": Text(
        'ska vara ett nät, till exempel "127.0.0.0/8" eller "10.20.0.0/16".',
        'must be a network, for example "127.0.0.0/8" or "10.20.0.0/16".',
    ),
    "config.no-contract": Text(
        "kontakten har inget eget avtal som kan göras snävare. Ta bort contract.",
        "the connector has no contract of its own that could be narrowed. Remove contract.",
    ),
    "config.not-plain": Text(
        "ska ha bara synliga tecken, och minst ett.", "must have visible characters only, and at least one."
    ),
    "config.number": Text("ska vara ett tal.", "must be a number."),
    "config.other": Text("är fel: {says}.", "is wrong: {says}."),
    "config.pattern": Text("har inte rätt form.", "does not have the right form."),
    "config.reference": Text(
        'en hänvisning står för sig själv: "${{env:NAMN}}" eller "${{file:sökväg}}", utan text runt om.',
        'a reference must be the whole value: "${{env:NAME}}" or "${{file:path}}", without text around it.',
    ),
    "config.same-token": Text(
        "är samma hemlighet som för klienten {other} på rad {line}: då vet hubben inte vem som anropar. Ge varje "
        "klient en egen.",
        "is the same secret as that of the client {other} on line {line}: the hub could not tell which client calls. "
        "Give each client its own.",
    ),
    "config.secret-form": Text(
        "hemligheten går inte att använda: skriv whsec_ och base64 av 24 till 64 slumpmässiga byte.",
        "the secret can't be used: write whsec_ and base64 of 24 to 64 random bytes.",
    ),
    "config.string": Text("ska vara text. Sätt den inom citattecken.", "must be text. Put it in quotes."),
    "config.time": Text(
        'är inget klockslag. Skriv HH:MM mellan 00:00 och 23:59, till exempel "09:30".',
        'is not a time of day. Write HH:MM between 00:00 and 23:59, for example "09:30".',
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
        "passar ingen händelsetyp.{hint} Se listan: skolnav catalogue.",
        "matches no event type.{hint} For a list: skolnav catalogue.",
    ),
    "config.unknown-key": Text(
        "är ingen nyckel här.{hint} Nycklarna är: {known}.", "is not a key here.{hint} The keys are: {known}."
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
        "is not a URL. Write https://host/path.",
    ),
    "config.url-address": Text(
        "webbadressen leder dit webhookar inte får gå: till ett privat nät eller, med http, till någon annan än den "
        "som outbound.allow nämner. Använd https till en publik adress, eller nämn nätet i outbound.allow.",
        "webhooks may not go to this URL: it leads to a private network or, with http, to one that outbound.allow "
        "does not name. Use https to a public address, or name the network in outbound.allow.",
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
        "the part after # is never sent. Remove it from the URL.",
    ),
    "config.url-host": Text("webbadressens värdnamn går inte att använda.", "the URL's host name is not valid."),
    "config.url-length": Text("webbadressen är längre än 2048 tecken.", "the URL is longer than 2048 characters."),
    "config.url-plain": Text(
        "http går att läsa på vägen. Använd https, eller nämn nätet i outbound.allow.",
        "http is readable on the way. Use https, or name the network in outbound.allow.",
    ),
    "config.url-scheme": Text("en webhooks adress börjar med https://.", "a webhook's URL begins with https://."),
    "config.uuid": Text("är inget SS 12000-id (UUID).", "is not an SS 12000 id (UUID)."),
    "config.yaml": Text("är inte YAML: {says}.", "is not YAML: {says}."),
}

HINT: Final[Mapping[str, Text]] = {
    "hint.did-you-mean": Text(" Menade du {name}?", " Did you mean {name}?"),
    "hint.nothing": Text("inga", "none"),
}

WARNING: Final[Mapping[str, Text]] = {
    "warning.connector": Text("{says}", "{says}"),
    "warning.directory-publisher": Text(
        "får publicera katalogen (personer, grupper, skolor), men ingen av dess källor finns i directory.sources. Ta "
        "bort directory ur publishes, eller skriv källan i directory.sources.",
        "may publish the directory (persons, groups, schools), but none of its sources is in directory.sources. Take "
        "directory out of publishes, or write the source in directory.sources.",
    ),
    "warning.disclosures-short": Text(
        "är kortare än retention: för händelser som finns kvar kan hubben då inte visa vem som fick dem. Skriv minst "
        "lika lång tid som retention.",
        "is shorter than retention: for events that are still stored, the hub then cannot show which recipients got "
        "them. Write at least as long a time as retention.",
    ),
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
    "warning.plugin": Text(
        "ett installerat paket kunde inte användas: {says}", "an installed package can't be used: {says}"
    ),
    "warning.protected": Text(
        "får uppgifter om personer med skyddade personuppgifter i deras egna ärenden.",
        "gets data about protected persons in their own business.",
    ),
    "warning.proxies-wide": Text(
        "är så stort att klienter kan finnas där, och de kan då uppge vilken adress som helst. Skriv bara proxyernas "
        "egna adresser, minst /{least}.",
        "is so wide that clients can be in it, and those could claim any address. Write only the proxies' own "
        "addresses, at least /{least}.",
    ),
    "warning.public": Text(
        "{host} nås från andra maskiner, och hubben krypterar inte själv. Ställ en proxy med TLS framför och skriv "
        "dess adress i trusted_proxies, eller lyssna på 127.0.0.1.",
        "{host} is reached from other machines, and the hub itself does not encrypt. Put a proxy with TLS in front and "
        "write its address in trusted_proxies, or listen on 127.0.0.1.",
    ),
    "warning.publishes-all": Text(
        "får publicera alla händelsetyper. Skriv publishes för att begränsa.",
        "may publish every event type. Write publishes to limit it.",
    ),
    "warning.school-type": Text(
        "är ingen skolform i SS 12000 v2.1.{hint} Om inget skolsystem skriver så gäller avtalet ingen. Skolformerna "
        "är: {known}.",
        "is not a school type of SS 12000 v2.1.{hint} If no school system writes it, the contract covers no person. "
        "The school types are: {known}.",
    ),
    "warning.secret-readable": Text(
        "{path} kan läsas av gruppen eller av alla på maskinen. Skriv chmod 600 {path}, och byt hemligheten om någon "
        "kan ha läst den.",
        "{path} can be read by its group or by everyone on this machine. Write chmod 600 {path}, and change the secret "
        "if it may have been read.",
    ),
    "warning.sources-all": Text(
        "får publicera som vilken källa som helst. Skriv sources för att begränsa.",
        "may publish as any source. Write sources to limit it.",
    ),
    "warning.weak-secret": Text(
        "är kortare än {least} bitar och kan gissas. Gör en ny, till exempel med openssl rand -hex 32.",
        "has fewer than {least} bits and can be guessed. Make a new one, for example with openssl rand -hex 32.",
    ),
}
