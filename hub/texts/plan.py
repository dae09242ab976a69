"""What a changed configuration file would do, before it is done."""

from collections.abc import Mapping
from typing import Final

from hub.texts.text import Text

ANSWER: Final[Mapping[str, Text]] = {
    "answer.yes": Text("ja", "yes"),
    "answer.yes-no": Text("ja/nej", "yes/no"),
}

APPLY: Final[Mapping[str, Text]] = {
    "apply.asked": Text("Ska ändringarna genomföras?", "Do it?"),
    "apply.done": Text("Ändringarna är genomförda.", "Done."),
    "apply.left": Text("Ingenting har ändrats.", "Nothing was done."),
    "apply.needs-yes": Text(
        "Det här är ingen terminal, så frågan kan inte ställas. Ange --yes om ändringen ska göras.",
        "This is not a terminal, so the question can't be asked. Write --yes to make the change.",
    ),
}

PLAN: Final[Mapping[str, Text]] = {
    "plan.added": Text("tillkommer", "is added"),
    "plan.changed": Text("ändras", "changes"),
    "plan.effect.aggregates": Text(
        "Kopplingen räknar alla elever, skyddade eller inte: grupp, närvaro och specialkost, under pseudonym. Bara "
        "summorna får lämna den.",
        "The connector counts every pupil, protected or not: group, attendance and diet, by pseudonym. Only the sums "
        "may leave it.",
    ),
    "plan.effect.connector-restarted": Text(
        "Kopplingen startas om. Platsen i kön och kopplingens tillstånd behålls.",
        "The connector is restarted; its cursor and state stay.",
    ),
    "plan.effect.continues": Text(
        "Prenumerationen fortsätter från sin plats i kön. Det som har hänt sedan den togs ur filen levereras också, så "
        "långt tillbaka som lagringstiden räcker, och utlämnandet prövas på nytt.",
        "Continues from its cursor: what has happened since it left the file is delivered too, decided anew, as far "
        "back as retention reaches.",
    ),
    "plan.effect.credentials": Text(
        "Klientens gamla token och den åtkomst som den har fått slutar gälla.",
        "The client's old token and issued access end.",
    ),
    "plan.effect.credentials-until": Text(
        "Klientens gamla token gäller till {until}, och sedan bara den nya.",
        "The client's old token is valid until {until}, and then only the new one.",
    ),
    "plan.effect.data-moved": Text(
        "Hubben börjar om i en ny mapp, utan något av det som finns i den gamla.",
        "The hub begins anew in another folder, without any of the present data.",
    ),
    "plan.effect.decided-anew": Text(
        "Det som ännu inte är levererat prövas på nytt. Det som redan är levererat dras inte tillbaka, och det som "
        "tidigare nekats skickas inte i efterhand.",
        "Events that are not delivered yet are decided anew. Delivered events are not recalled, and events that were "
        "denied before are not sent afterwards.",
    ),
    "plan.effect.disclosures-trimmed": Text(
        "Loggen över utlämnanden och revisionsloggen gallras: det som är äldre än {days} dygn tas bort och kan inte "
        "återskapas. Det kräver kommunens gallringsbeslut.",
        "The log of disclosures and the audit are trimmed: rows older than {days} days are removed for good. That "
        "needs the municipality's decision on disposal.",
    ),
    "plan.effect.dropped-by-filter": Text(
        "Väntande händelser som det nya filtret inte släpper igenom levereras inte.",
        "Waiting events that the new filter does not let through are not delivered.",
    ),
    "plan.effect.dropped-types": Text(
        "Väntande händelser av typer som försvinner levereras inte: {types}.",
        "Waiting events of types that go are not delivered: {types}.",
    ),
    "plan.effect.exact": Text(
        "Får exakta summor så fort de ändras ({types}). De kan visa att en enskild elev är borta, och en enskild elevs "
        "specialkost.",
        "Gets exact sums as soon as they change ({types}). They can tell that a single pupil is away, and a single "
        "pupil's diet.",
    ),
    "plan.effect.expiry": Text("Prenumerationen slutar gälla {time}.", "Ends {time}."),
    "plan.effect.from-kept": Text(
        "Platsen i kön behålls: `from` gäller bara när en prenumeration är ny.",
        "The cursor stays: `from` counts only when a subscription is new.",
    ),
    "plan.effect.handshake": Text(
        "Hubben frågar först den nya adressen om den godkänner. Platsen i kön behålls, och sedan skickas allt som "
        "väntar dit.",
        "The hub asks the new address for its consent first. The cursor stays, and then all waiting events go there.",
    ),
    "plan.effect.its-subscriptions-return": Text(
        "Prenumerationer som klienten själv har skapat fortsätter från sina platser i kön. Det som har hänt sedan "
        "klienten togs ur filen levereras också, så långt tillbaka som lagringstiden räcker, och utlämnandet prövas "
        "på nytt.",
        "Subscriptions that the client has made continue from their cursors: what has happened since the client left "
        "the file is delivered too, decided anew, as far back as retention reaches.",
    ),
    "plan.effect.kept": Text(
        "Platsen i kön behålls. Händelser sparas inom lagringstiden och levereras om prenumerationen kommer tillbaka.",
        "The cursor stays. Events stay within retention and are delivered if the subscription comes back.",
    ),
    "plan.effect.new-tenant": Text(
        "Allt sparas under kommunens namn: med ett nytt namn börjar hubben utan uppgifter.",
        "Everything is stored under the municipality's name: under the new name the hub begins empty.",
    ),
    "plan.effect.new-types": Text(
        "Nya typer levereras från platsen i kön och framåt: {types}.",
        "New types are delivered from the cursor on: {types}.",
    ),
    "plan.effect.paused": Text(
        "Ingenting levereras förrän prenumerationen återupptas. Platsen i kön behålls.",
        "Nothing is delivered until it is resumed; the cursor is kept.",
    ),
    "plan.effect.payload": Text(
        "Leveranserna har nivån {level} från och med nu.", "Deliveries from now on have the level {level}."
    ),
    "plan.effect.permissions": Text(
        "Klientens roller och vad den får publicera ändras direkt.",
        "The client's roles and what it may publish change at once.",
    ),
    "plan.effect.reconnected": Text(
        "Anslutningen görs om. Platsen i kön behålls.", "The connection is made anew; the cursor is kept."
    ),
    "plan.effect.rejected": Text(
        "Anrop från klienten avvisas, och prenumerationer som klienten själv har skapat pausas.",
        "The client's calls are refused, and the subscriptions that it made are paused.",
    ),
    "plan.effect.resent-all": Text(
        "Alla händelser som hubben har kvar skickas, de äldsta först.",
        "All events that the hub still has are sent, oldest first.",
    ),
    "plan.effect.resent-state": Text(
        "Först skickas nuvarande tillstånd för varje pågående ärende, frånvaro och lektion, sedan det nya.",
        "The current state of each open case, absence and lesson is sent, then what is new.",
    ),
    "plan.effect.restart": Text(
        "Ändringen gäller först när hubben startas om.", "Takes effect when the hub is started again."
    ),
    "plan.effect.resumed": Text(
        "Det som väntar levereras. Utlämnandet prövas på nytt.", "Waiting events are delivered, decided anew."
    ),
    "plan.effect.starts-now": Text(
        "Mottagaren får det som händer från och med nu. Ingenting skickas i efterhand.",
        "Gets what happens from now on; nothing older is sent.",
    ),
    "plan.effect.sums": Text(
        "Summor över personer utjämnas på annat sätt från och med nu, för alla som inte får dem exakta.",
        "Sums over people are blurred in another way from now on, for all who do not get them exact.",
    ),
    "plan.effect.trimmed": Text(
        "Händelser äldre än {days} dygn tas bort. En prenumeration med större eftersläpning än så missar dem.",
        "Events older than {days} days are removed; a subscription that is further behind misses them.",
    ),
    "plan.nothing": Text("Ingenting ändras.", "Nothing changes."),
    "plan.of-nothing": Text(
        "Ingen hubb är igång här, så planen visar allt som nytt. Det som en hubb redan har i sin mapp fortsätter från "
        "sin plats i kön.",
        "No hub runs here: the plan shows everything as new. What a hub already has in its folder continues from its "
        "cursor.",
    ),
    "plan.package.changed": Text(
        "paketet {package} är uppgraderat ({was} -> {now}) sedan hubben startade. Starta om hubben för att använda "
        "det; för en koppling i en egen process räcker det att starta om den (skolnav connectors restart NAMN).",
        "the package {package} was upgraded ({was} -> {now}) since the hub started. Restart the hub to use it; for a "
        "connector in a process of its own, restart the connector (skolnav connectors restart NAME).",
    ),
    "plan.package.gone": Text(
        "paketet {package} {was} är avinstallerat. Hubben använder det tills den startas om.",
        "the package {package} {was} was uninstalled. The hub uses it until it is restarted.",
    ),
    "plan.package.new": Text(
        "paketet {package} {now} är installerat sedan hubben startade. Starta om hubben för att kunna använda det.",
        "the package {package} {now} was installed since the hub started. Restart the hub to be able to use it.",
    ),
    "plan.paused": Text("pausas", "is paused"),
    "plan.removed": Text("tas bort", "is removed"),
    "plan.returned": Text("kommer tillbaka", "comes back"),
    "plan.what.client": Text("klient", "client"),
    "plan.what.connector": Text("koppling", "connector"),
    "plan.what.hub": Text("hubben", "hub"),
    "plan.what.subscription": Text("prenumeration", "subscription"),
}
