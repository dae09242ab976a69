"""What is wrong with a configuration file, or worth a second look, and what to write instead."""

from collections.abc import Mapping
from typing import Final

from hub.texts.text import Text

CONFIG: Final[Mapping[str, Text]] = {
    "config.above": Text("ska vara större än {limit}.", "must be above {limit}."),
    "config.address": Text(
        'ska vara värd och port, till exempel "127.0.0.1:8080".', 'must be host and port, for example "127.0.0.1:8080".'
    ),
    "config.aggregates": Text(
        "{name} räknar alla elever, skyddade eller inte: grupp, närvaro och specialkost, under pseudonym. Bara "
        "summorna får lämna kopplingen ({types}). Kommunen ska godkänna det: skriv aggregates: true.",
        "{name} counts every pupil, protected or not: group, attendance and diet, by pseudonym. Only the sums may "
        "leave the connector ({types}). The municipality must agree to that: write aggregates: true.",
    ),
    "config.aggregates-needless": Text(
        "{name} gör inte bara summor och får därför inte räkna skyddade personer. Ta bort aggregates.",
        "{name} does not only make sums, so it may not count protected persons. Remove aggregates.",
    ),
    "config.anchor": Text(
        "hänvisar till sig själv. Skriv ut värdet i stället.", "refers to itself. Write it out instead."
    ),
    "config.below": Text("ska vara mindre än {limit}.", "must be below {limit}."),
    "config.bool": Text("ska vara true eller false.", "must be true or false."),
    "config.characters-max": Text("får ha högst {limit} tecken.", "may have {limit} characters at most."),
    "config.characters-min": Text("ska ha minst {limit} tecken.", "must have at least {limit} characters."),
    "config.choice": Text("är inte ett giltigt värde. Skriv {expected}.", "is not possible here. Write {expected}."),
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
    "config.clock-collector": Text(
        "kan inte kombineras med school_clock: då får spår bara gå till den egna maskinen (127.0.0.1).",
        "does not go with school_clock: traces may then go to this machine only (127.0.0.1).",
    ),
    "config.clock-webhook": Text(
        "kan inte kombineras med school_clock: då får webhookar bara gå till den egna maskinen (127.0.0.1).",
        "does not go with school_clock: webhooks may then go to this machine only (127.0.0.1).",
    ),
    "config.cluster": Text(
        'den här versionen kör bara den inbyggda motorn. Skriv "engine: embedded" eller ta bort raden.',
        'this version runs the embedded engine only. Write "engine: embedded", or remove the line.',
    ),
    "config.collector": Text(
        'ska vara insamlarens adress utan inloggning, till exempel "http://127.0.0.1:4318".',
        'must be the collector\'s address without credentials, for example "http://127.0.0.1:4318".',
    ),
    "config.connector-broken": Text(
        "kopplingen {name} kan inte användas: {says}. Rätta eller avinstallera paketet, och starta om hubben.",
        "the connector {name} can't be used: {says}. Mend or uninstall the package, and restart the hub.",
    ),
    "config.connector-contract-wider": Text(
        "får bara vara smalare än avtalet i kopplingens klass. Utanför det: {extra}. Ta bort dem.",
        "may only be narrower than the contract of the connector's class. Outside it: {extra}. Remove them.",
    ),
    "config.connector-failed": Text(
        "kopplingen kunde inte pröva sin konfiguration ({error}). Det är ett fel i paketet som har den: kontakta "
        "leverantören.",
        "the connector could not check its configuration ({error}). That is a fault of the package that offers it: "
        "ask its vendor.",
    ),
    "config.connector-left-out": Text(
        "ingen koppling som kan användas heter {name}. Installerade: {known}.{hint} Paket som inte kan användas: "
        "{packages}",
        "no connector that can be used is called {name}. Installed: {known}.{hint} Packages that can't be used: "
        "{packages}",
    ),
    "config.connector-restart": Text(
        "hubben har inte läst in någon koppling som heter {name}. Inlästa: {known}.{hint} Installerat eller "
        "uppgraderat sedan den startade: {packages}. Starta om hubben.",
        "the hub has loaded no connector that is called {name}. Loaded: {known}.{hint} Installed or upgraded since it "
        "started: {packages}. Restart the hub.",
    ),
    "config.connector-unknown": Text(
        "ingen installerad koppling heter {name}. Installerade: {known}.{hint}",
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
    "config.items-max": Text("får ha högst {limit} värden.", "may have {limit} items at most."),
    "config.items-min": Text("ska ha minst {limit} värde.", "must have at least {limit} item."),
    "config.kafka": Text(
        "den här versionen levererar inte till Kafka ännu. Välj webhook, feed eller stream.",
        "this version does not deliver to Kafka yet. Choose webhook, feed or stream.",
    ),
    "config.key": Text(
        'ska vara en nyckel på 32 byte, som "${{file:...}}". Skapa en: head -c 32 /dev/urandom > fil. Utelämnas den '
        "skapar hubben en under data vid första starten.",
        'must be a key of 32 bytes, as "${{file:...}}". Make one: head -c 32 /dev/urandom > file. Left out, one is '
        "made under data at the first start.",
    ),
    "config.list": Text("ska vara en lista.", "must be a list."),
    "config.literal-secret": Text(
        'hemligheter får inte stå i filen. Skriv en hänvisning: "${{env:NAMN}}" eller "${{file:sökväg}}".',
        'secrets may not be written in the file. Write a reference: "${{env:NAME}}" or "${{file:path}}".',
    ),
    "config.mapping": Text("ska vara inställningar med värden.", "must be keys with values."),
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
        "kopplingen har inget eget avtal som kan begränsas. Ta bort contract.",
        "the connector has no contract of its own that could be narrowed. Remove contract.",
    ),
    "config.no-sums": Text(
        "stämmer inte med någon händelsetyp som har summor över personer. De är: {hint}.",
        "matches no event type that has sums over people. Those are: {hint}.",
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
    "config.same-far-side": Text(
        "{name} finns också under {other} på rad {line}: det skulle få beställningar från båda. Ta bort det ena, eller "
        "ge dem olika id.",
        "{name} is also at {other} on line {line}: it would get orders from both. Remove one, or give them different "
        "ids.",
    ),
    "config.same-token": Text(
        "är samma hemlighet som för klienten {other} på rad {line}: då vet hubben inte vilken klient som anropar. Ge "
        "varje klient en egen.",
        "is the same secret as that of the client {other} on line {line}: the hub could not tell which client calls. "
        "Give each client its own.",
    ),
    "config.secret-form": Text(
        "hemligheten går inte att använda: skriv whsec_ och base64 av 24 till 64 slumpmässiga byte, eller whsk_ och en "
        "Ed25519-nyckel (skolnav token new --kind ed25519).",
        "the secret can't be used: write whsec_ and base64 of 24 to 64 random bytes, or whsk_ and an Ed25519 key "
        "(skolnav token new --kind ed25519).",
    ),
    "config.source-unknown": Text(
        "publiceras inte av någon koppling eller klient: allt om personer skulle vänta på den källan. De som finns är: "
        "{known}.{hint}",
        "is what no connector and no client publishes as: everything about persons would wait for it. These exist: "
        "{known}.{hint}",
    ),
    "config.string": Text("ska vara text. Sätt den inom citattecken.", "must be text. Put it in quotes."),
    "config.time": Text(
        'är inte ett klockslag. Skriv HH:MM mellan 00:00 och 23:59, till exempel "09:30".',
        'is not a time of day. Write HH:MM between 00:00 and 23:59, for example "09:30".',
    ),
    "config.tls": Text(
        "certifikaten går inte att använda: certificate och key hör ihop, i PEM och utan lösenfras, och ca är PEM.",
        "the certificates can't be used: certificate and key belong together, in PEM and without a passphrase, and ca "
        "is PEM.",
    ),
    "config.too-deep": Text(
        "har för många nivåer. Ingen konfiguration behöver så många: kontrollera att det är rätt fil.",
        "is nested too deep. No configuration needs that many levels: see what the file is.",
    ),
    "config.too-large": Text(
        "är större än {limit} MiB. Ingen konfiguration är så stor: kontrollera att det är rätt fil.",
        "is larger than {limit} MiB. No configuration is that large: see what the file is.",
    ),
    "config.too-many": Text(
        "filen blir fler än {limit} värden när dess hänvisningar (& och *) skrivs ut. Hänvisa färre gånger.",
        "the file becomes more than {limit} values when its references (& and *) are written out. Refer less often.",
    ),
    "config.tracing-extra": Text(
        "spår kräver tillägget tracing, som inte är installerat. Installera det i samma miljö som hubben: pip install "
        "'skolnav[tracing]'. Eller ta bort tracing ur filen.",
        "tracing needs the extra `tracing`, which is not installed. Install it in the hub's environment: pip install "
        "'skolnav[tracing]'. Or remove tracing from the file.",
    ),
    "config.types-nothing": Text(
        "stämmer inte med någon händelsetyp.{hint} Alla typer visas med: skolnav catalogue.",
        "matches no event type.{hint} For a list: skolnav catalogue.",
    ),
    "config.unknown-key": Text(
        "är ingen inställning här.{hint} Inställningarna är: {known}.",
        "is not a key here.{hint} The keys are: {known}.",
    ),
    "config.unreadable": Text(
        "kan inte läsas ({error}). Ange en fil med: skolnav run --config FIL.",
        "can't be read ({error}). Name a file with: skolnav run --config FILE.",
    ),
    "config.unset": Text(
        "miljövariabeln {name} saknas eller är tom.", "the environment variable {name} is not set, or empty."
    ),
    "config.until-missing": Text(
        "behöver ett slut: skriv previous_token_until med tid och offset, till exempel 2026-12-24T12:00:00+01:00.",
        "needs an end: write previous_token_until with time and offset, for example 2026-12-24T12:00:00+01:00.",
    ),
    "config.until-of-nothing": Text(
        "ett slut utan något som slutar: skriv det som gällde före, eller ta bort slutet.",
        "an end of nothing: write what was valid before, or remove the end.",
    ),
    "config.url": Text(
        "är inte en webbadress. Skriv https://värd/sökväg.",
        "is not a URL. Write https://host/path.",
    ),
    "config.url-address": Text(
        "webbadressen leder till en plats dit webhookar inte får gå: till ett privat nät eller, med http, till ett "
        "nät som inte finns i outbound.allow. Använd https till en publik adress, eller skriv nätet i outbound.allow.",
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
        "trafik med http kan läsas på vägen. Använd https, eller skriv nätet i outbound.allow.",
        "http is readable on the way. Use https, or name the network in outbound.allow.",
    ),
    "config.url-scheme": Text("en webhooks adress börjar med https://.", "a webhook's URL begins with https://."),
    "config.uuid": Text("är inte ett SS 12000-id (UUID).", "is not an SS 12000 id (UUID)."),
    "config.uuid-organisation-number": Text(
        "Detta är ett organisationsnummer. Här behövs organisationens id i SS 12000 (en UUID). Id:t finns i "
        "skolsystemet och i hubbens API: GET /ss12000/v2.0/organisations, fältet id bredvid organisationNumber.",
        "This is an organisation number. The organisation's SS 12000 id (a UUID) is needed here. The school's system "
        "has it, and the hub's API: GET /ss12000/v2.0/organisations, the field id beside organisationNumber.",
    ),
    "config.uuid-school-unit": Text(
        "Detta är en skolenhetskod (8 siffror). Här behövs skolenhetens id i SS 12000 (en UUID). Id:t finns i "
        "skolsystemet och i hubbens API: GET /ss12000/v2.0/organisations?schoolUnitCode=KOD, fältet id.",
        "This is a school-unit code (8 digits). The school unit's SS 12000 id (a UUID) is needed here. The school's "
        "system has it, and the hub's API: GET /ss12000/v2.0/organisations?schoolUnitCode=CODE, the field id.",
    ),
    "config.yaml": Text(
        "Raden kan inte läsas som YAML. Kontrollera indrag, citattecken, kolon och klamrar här och på raden ovanför.",
        "This line can't be read as YAML. Check the indentation, quotes, colons and brackets here and on the line "
        "above.",
    ),
    "config.yaml-backslash": Text(
        'Ett värde inom citattecken (") är inte avslutat, eller innehåller ett omvänt snedstreck som inte går att '
        "läsa. Skriv enkla citattecken (') före och efter värdet.",
        "A value in double quotes (\") is not closed, or holds a backslash that can't be read. Write single quotes "
        "(') before and after the value.",
    ),
    "config.yaml-bracket": Text(
        "En klammer som börjar på den här raden, [ eller {{, är inte avslutad med ] eller }}, eller så fattas ett "
        "komma mellan två värden.",
        "A bracket that opens on this line, [ or {{, is not closed by ] or }}, or a comma is missing between two "
        "values.",
    ),
    "config.yaml-character": Text(
        "Raden innehåller ett styrtecken, som inte får stå i filen. Ta bort tecknet, och spara filen som UTF-8.",
        "This line holds a control character, which the file may not have. Remove it, and save the file as UTF-8.",
    ),
    "config.yaml-colon": Text(
        'Värdet innehåller ett kolon följt av mellanslag. Sätt värdet inom citattecken: nyckel: "ett: två".',
        'The value holds a colon with a space after it. Put the value in quotes: key: "one: two".',
    ),
    "config.yaml-curly": Text(
        'Värdet står inom typografiska citattecken, som ordbehandlare skriver. Skriv raka: "så här".',
        'The value is in typographic quotes, as word processors write them. Write straight ones: "like this".',
    ),
    "config.yaml-dash": Text(
        "Ett streck i en lista ska följas av mellanslag: skriv - värde, inte -värde.",
        "A list's dash needs a space after it: write - value, not -value.",
    ),
    "config.yaml-encoding": Text(
        "Filen är inte sparad som UTF-8: den här raden innehåller tecken i en annan kodning. Öppna filen i en "
        'textredigerare, välj "Spara som" och kodningen UTF-8.',
        "The file is not saved as UTF-8: this line holds characters in another encoding. Open the file in a text "
        'editor, choose "Save as" and the encoding UTF-8.',
    ),
    "config.yaml-indent": Text(
        "Indraget stämmer inte med raderna ovanför. Skriv lika många mellanslag framför nycklar och streck som hör "
        "till samma nivå.",
        "The indentation does not match the lines above. Write the same number of spaces before keys and dashes that "
        "belong to one level.",
    ),
    "config.yaml-key": Text(
        "Här ska det stå en nyckel, ett kolon och ett mellanslag före värdet: nyckel: värde.",
        "A key, a colon and a space must come before the value here: key: value.",
    ),
    "config.yaml-quote": Text(
        "Ett citattecken saknar sitt par. Skriv citattecken både före och efter värdet. Om värdet självt innehåller "
        "det ena slaget (' eller \"), använd det andra runt om.",
        "A quote lacks its other half. Write one before the value and one after it. If the value itself holds one "
        "kind (' or \"), use the other kind around it.",
    ),
    "config.yaml-sign": Text(
        'Ett värde som börjar med {sign} ska stå inom citattecken: "{sign}...".',
        'A value that begins with {sign} must be in quotes: "{sign}...".',
    ),
    "config.yaml-space": Text(
        "Indraget innehåller ett tecken som ser ut som ett mellanslag, till exempel ett hårt mellanslag från en "
        "webbsida. Ta bort indraget och skriv det med vanliga mellanslag.",
        "The indentation holds a character that looks like a space, such as a no-break space from a web page. Delete "
        "the indentation and write it with ordinary spaces.",
    ),
    "config.yaml-tab": Text(
        "Raden innehåller en tabb. Skriv mellanslag i stället, lika många som på raderna på samma nivå.",
        "This line holds a tab. Write spaces instead, as many as on the lines of the same level.",
    ),
}

HINT: Final[Mapping[str, Text]] = {
    "hint.did-you-mean": Text(" Menade du {name}?", " Did you mean {name}?"),
    "hint.nothing": Text("inga", "none"),
}

WARNING: Final[Mapping[str, Text]] = {
    "warning.aggregates": Text(
        "kopplingen räknar alla elever, skyddade eller inte: grupp, närvaro och specialkost, under pseudonym. Summorna "
        "({types}) får andra mottagare bara utjämnade.",
        "the connector counts every pupil, protected or not: group, attendance and diet, by pseudonym. Other "
        "recipients get the sums ({types}) only blurred.",
    ),
    "warning.backups-inside": Text(
        "ligger i hubbens egen mapp ({data}): går den förlorad försvinner säkerhetskopiorna också. Välj en annan disk "
        "eller maskin.",
        "is inside the hub's own folder ({data}): if that is lost, the backups are lost too. Choose another disk or "
        "machine.",
    ),
    "warning.backups-locked": Text(
        "hubben kan inte göra någon säkerhetskopia här: den här användaren får inte skapa filer i {folder}, eller så "
        "är det ingen mapp. Rätta rättigheterna, montera disken eller skriv en annan mapp.",
        "the hub can make no backup here: this user may make no files in {folder}, or it is no folder. Correct the "
        "rights, mount the disk, or write another folder.",
    ),
    "warning.connector": Text("{says}", "{says}"),
    "warning.descriptors": Text(
        "är mer än systemet tillåter: kopplingen får {given}. Höj gränsen (LimitNOFILE i tjänsten) eller skriv ett "
        "lägre tal.",
        "is more than the system allows: the connector gets {given}. Raise the limit (LimitNOFILE in the service), or "
        "write a lower number.",
    ),
    "warning.directory-publisher": Text(
        "får publicera registret (personer, grupper, skolor), men ingen av dess källor finns i directory.sources. Ta "
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
    "warning.ended": Text(
        "har passerat: {secret} gäller inte längre. Ta bort båda inställningarna.",
        "has passed: {secret} is no longer valid. Remove both settings.",
    ),
    "warning.exact": Text(
        "får exakta summor så fort de ändras ({types}). Av dem kan mottagaren se att en enskild elev är borta, och en "
        "enskild elevs specialkost. Skriv det bara för den som ska laga maten eller handla på annat sätt.",
        "gets exact sums as soon as they change ({types}). They can tell that a single pupil is away, and a single "
        "pupil's diet. Write this only for the recipient that must act, such as the kitchen.",
    ),
    "warning.no-categories": Text(
        "avtalet tillåter inga kategorier: mottagaren får ingenting om personer. Skriv dem som behövs.",
        "the contract allows no category: the recipient gets nothing about people. Write those that it needs.",
    ),
    "warning.no-scope": Text(
        "avtalet har ingen omfattning (scope) och gäller därför hela kommunen. Skriv organisations eller school_types "
        "om avtalet ska gälla mindre.",
        "the contract has no scope: it covers the whole municipality. Write organisations or school_types to narrow "
        "it.",
    ),
    "warning.plugin": Text(
        "ett installerat paket kan inte användas: {says}", "an installed package can't be used: {says}"
    ),
    "warning.protected": Text(
        "får uppgifter om personer med skyddade personuppgifter i dessa personers egna ärenden.",
        "gets data about protected persons in their own business.",
    ),
    "warning.proxies-wide": Text(
        "är så stort att klienter kan finnas där, och klienterna kan då uppge vilken adress som helst. Skriv bara "
        "proxyernas egna adresser, minst /{least}.",
        "is so wide that clients can be in it, and those could claim any address. Write only the proxies' own "
        "addresses, at least /{least}.",
    ),
    "warning.public": Text(
        "{host} kan nås från andra maskiner, och hubben krypterar inte trafiken själv. Sätt en proxy med TLS framför "
        "hubben och skriv proxyns adress i trusted_proxies, eller lyssna på 127.0.0.1.",
        "{host} is reached from other machines, and the hub itself does not encrypt. Put a proxy with TLS in front and "
        "write its address in trusted_proxies, or listen on 127.0.0.1.",
    ),
    "warning.publishes-all": Text(
        "får publicera alla händelsetyper. Skriv publishes för att begränsa.",
        "may publish every event type. Write publishes to limit it.",
    ),
    "warning.school-type": Text(
        "är inte en skolform i SS 12000 v2.1.{hint} Om inget skolsystem använder den gäller avtalet ingen person. "
        "Skolformerna är: {known}.",
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
    "warning.sums-undeclared": Text(
        "dessa händelsetyper säger inte vad deras summor räknar: {types}. Hubben utjämnar varje tal för sig, men "
        "lämnar text och tidpunkter som de är. Fråga leverantören efter EventSpec.aggregate.",
        "these event types do not say what their sums count: {types}. The hub blurs each number by itself, and leaves "
        "texts and times as they are. Ask the supplier for EventSpec.aggregate.",
    ),
    "warning.type-code": Text(
        "paketet {package} kontrollerar händelser med egen kod ({types}). Hubben kör inte den koden: den gäller bara "
        "vad paketets egen koppling publicerar. Be leverantören använda pydantics egna gränser.",
        "the package {package} validates events with code of its own ({types}). The hub does not run that code: it "
        "holds only for what the package's own connector publishes. Ask its vendor to use pydantic's own limits.",
    ),
    "warning.weak-secret": Text(
        "har färre än {least} bitar och kan gissas. Skapa en ny, till exempel med openssl rand -hex 32.",
        "has fewer than {least} bits and can be guessed. Make a new one, for example with openssl rand -hex 32.",
    ),
}
