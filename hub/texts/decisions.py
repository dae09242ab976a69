"""Decisions of the privacy gate in words, for `skolnav why`: rules by their value, categories by theirs."""

from collections.abc import Mapping
from typing import Final

from hub.texts.text import Text

CATEGORY: Final[Mapping[str, Text]] = {
    "category.aggregate": Text("summor", "sums"),
    "category.attendance": Text("närvaro", "attendance"),
    "category.case_content": Text("ärendets innehåll", "case content"),
    "category.contact": Text("kontaktuppgifter", "contact"),
    "category.diet": Text("specialkost", "diet"),
    "category.free_text": Text("fritext", "free text"),
    "category.group": Text("grupptillhörighet", "group membership"),
    "category.health": Text("hälsa", "health"),
    "category.identity": Text("identitet", "identity"),
    "category.name": Text("namn", "name"),
    "category.none": Text("inget om personer", "nothing about persons"),
    "category.operations": Text("hubbens drift", "how the hub works"),
    "category.protected_address": Text("adress", "address"),
    "category.staff": Text("personal", "staff"),
}

DECISION: Final[Mapping[str, Text]] = {
    "decision.allowed": Text("Händelsen får lämnas ut.", "Allowed."),
    "decision.by-rule": Text(
        "En regel hindrar det. Vilken regel det är visas bara för dataskyddsombudet och granskaren, eftersom den kan "
        "avslöja vem som är skyddad.",
        "A rule forbids it. Which rule is shown to the privacy officer and the auditor alone, since it can tell who "
        "is protected.",
    ),
    "decision.contract": Text(
        "Mottagarens avtal: {categories}, ”{purpose}”.", 'The recipient\'s contract: {categories}, "{purpose}".'
    ),
    "decision.denied": Text("Händelsen lämnas inte ut.", "Not delivered."),
    "decision.read": Text(
        "Beslutet fattades {at} och är läst ur loggen (inte omräknat).",
        "Decided {at}, read from the log (not recomputed).",
    ),
    "decision.recomputed": Text(
        "Det finns inget beslut i loggen. Så här skulle beslutet bli nu ({at}).",
        "No decision is in the log: recomputed {at}, this is how it would be decided now.",
    ),
    "decision.rule": Text("Regel {rule} (version {version}): {why}", "Rule {rule} (version {version}): {why}"),
    "decision.sums": Text(
        "mottagaren räknar bara summor och får därför uppgifter om alla, skyddade eller inte, under pseudonym och "
        "utan namn.",
        "the recipient only makes sums: it gets every person, protected or not, by pseudonym and without a name.",
    ),
    "decision.unlisted": Text(
        "Händelsen kan också ha ingått i ett svar som var för stort för att redovisas i sin helhet.",
        "The event may also have been in an answer that was too large to be listed whole.",
    ),
}

RULE: Final[Mapping[str, Text]] = {
    "rule.avtal.inget-kvar": Text(
        "avtalet omfattar inget av händelsens innehåll, eller inget av det som ändrades.",
        "the contract covers nothing of the event's content, or nothing of what changed.",
    ),
    "rule.avtal.kategorier": Text(
        "avtalet har ingen kategori som den här händelsetypen innehåller.",
        "the contract has no category that this type of event contains.",
    ),
    "rule.avtal.omfattning": Text(
        "händelsen hör till en organisation eller skolform utanför avtalets omfattning.",
        "the event belongs to an organisation or school type outside the contract's scope.",
    ),
    "rule.avtal.omfattning-okand": Text(
        "hubben vet inte vilken organisation eller skolform händelsen hör till. Händelsen skickas när det blir känt.",
        "it is not known which organisation or school type the event belongs to; it is sent once that is known.",
    ),
    "rule.beslut.saknas": Text(
        "beslutet kunde inte fattas på grund av ett fel i hubben; händelsen finns kvar och prövas på nytt.",
        "the decision failed because of a fault in the hub; the event is kept, and decided on again.",
    ),
    "rule.prenumeration.filter": Text(
        "prenumerationens eget filter valde bort händelsen.", "the subscription's own filter left the event out."
    ),
    "rule.skydd.aldrad": Text(
        "uppgiften om skyddsmarkering är för gammal: källan har inte meddelat att den fortfarande är aktuell.",
        "the protection marking is too old: its source has not reported that it is still current.",
    ),
    "rule.skydd.okand": Text(
        "personen som händelsen gäller är okänd, eller så saknas uppgift om personens skyddsmarkering.",
        "the person that the event is about is not known, or has no protection marking at all.",
    ),
    "rule.skydd.person": Text(
        "personen som händelsen gäller har inte markeringen Ingen.",
        "the person that the event is about does not have the marking Ingen (none).",
    ),
    "rule.summa.mellan-rapporter": Text(
        "summan kom för att något hade ändrats. Den här mottagaren får summor bara vid rapporttiderna.",
        "the sum came because something had changed. This recipient gets sums at the report times alone.",
    ),
    "rule.tillaten": Text(
        "avtalet tillåter det, och ingen person som händelsen gäller har skyddade uppgifter.",
        "the contract allows it, and no person that the event is about is protected.",
    ),
    "rule.uppgift.ersatt": Text(
        "personen hör numera till en annan källa. Uppgiften från den här källan gäller inte längre.",
        "the person belongs to another source now, so this source's record no longer holds.",
    ),
}
