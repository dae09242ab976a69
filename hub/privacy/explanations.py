"""Decisions in plain words, Swedish and English, for `skolnav why` (DESIGN section 11). No person, no data."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from hub.privacy.base import Recipient, Rule

RULES: Final[dict[Rule, dict[str, str]]] = {
    Rule.ALLOWED: {
        "sv": "avtalet tillåter det, och ingen som händelsen gäller har skyddade uppgifter.",
        "en": "the contract allows it, and no person that the event is about is protected.",
    },
    Rule.CONTRACT: {
        "sv": "avtalet har ingen kategori som den här händelsetypen innehåller.",
        "en": "the contract has no category that this type of event contains.",
    },
    Rule.SCOPE: {
        "sv": "händelsen hör till en organisation eller skolform utanför avtalets omfattning.",
        "en": "the event belongs to an organisation or school type outside the contract's scope.",
    },
    Rule.SCOPE_UNKNOWN: {
        "sv": "det är inte känt vilken organisation eller skolform händelsen hör till; den skickas när det blir känt.",
        "en": "it is not known which organisation or school type the event belongs to; it is sent once that is known.",
    },
    Rule.PROTECTED: {
        "sv": "personen som händelsen gäller har inte markeringen Ingen.",
        "en": "the person that the event is about does not have the marking Ingen (none).",
    },
    Rule.UNKNOWN: {
        "sv": "personen som händelsen gäller är inte känd, eller saknar uppgift om skyddsmarkering.",
        "en": "the person that the event is about is not known, or has no protection marking at all.",
    },
    Rule.STALE: {
        "sv": "uppgiften om skyddsmarkering är för gammal: källan har inte sagt att den är aktuell.",
        "en": "the protection marking is too old: its source has not said that it is current.",
    },
    Rule.NOTHING_LEFT: {
        "sv": "inget av det som händelsen berättar, eller av det som ändrades, omfattas av avtalet.",
        "en": "nothing of what the event tells, or of what changed, is covered by the contract.",
    },
    Rule.FILTER: {
        "sv": "prenumerationens eget filter valde bort händelsen.",
        "en": "the subscription's own filter left the event out.",
    },
    Rule.SUPERSEDED: {
        "sv": "personen hör numera till en annan källa, så den här källans uppgift gäller inte längre.",
        "en": "the person belongs to another source now, so this source's record no longer holds.",
    },
    Rule.UNDECIDED: {
        "sv": "beslutet kunde inte fattas på grund av ett fel i hubben; händelsen finns kvar och prövas igen.",
        "en": "the decision failed because of a fault in the hub; the event is kept, and decided on again.",
    },
}

_SUMS: Final = {
    "sv": "mottagaren gör bara summor: den får alla, skyddade eller inte, under pseudonym och utan namn.",
    "en": "the recipient only makes sums: it gets every person, protected or not, by pseudonym and without a name.",
}

_CATEGORIES: Final[dict[str, dict[str, str]]] = {
    "identity": {"sv": "identitet", "en": "identity"},
    "name": {"sv": "namn", "en": "name"},
    "contact": {"sv": "kontaktuppgifter", "en": "contact"},
    "protected_address": {"sv": "adress", "en": "address"},
    "group": {"sv": "grupptillhörighet", "en": "group membership"},
    "attendance": {"sv": "närvaro", "en": "attendance"},
    "health": {"sv": "hälsa", "en": "health"},
    "diet": {"sv": "specialkost", "en": "diet"},
    "case_content": {"sv": "ärendets innehåll", "en": "case content"},
    "free_text": {"sv": "fritext", "en": "free text"},
    "staff": {"sv": "personal", "en": "staff"},
    "aggregate": {"sv": "summor", "en": "sums"},
    "none": {"sv": "inget om personer", "en": "nothing about persons"},
}

_WORDS: Final = {
    "sv": {
        "allowed": "Tillåten.",
        "denied": "Inte levererad.",
        "rule": "Regel {rule} (version {version}): {why}",
        "contract": "Mottagarens avtal: {categories}, ”{purpose}”.",
        "read": "Beslutat {at}, läst ur loggen (inte omräknat).",
        "again": "Inget beslut finns i loggen: omräknat {at}, så här skulle det beslutas nu.",
    },
    "en": {
        "allowed": "Allowed.",
        "denied": "Not delivered.",
        "rule": "Rule {rule} (version {version}): {why}",
        "contract": 'The recipient\'s contract: {categories}, "{purpose}".',
        "read": "Decided {at}, read from the log (not recomputed).",
        "again": "No decision is in the log: recomputed {at}, this is how it would be decided now.",
    },
}


def explanation(
    rule: Rule,
    allowed: bool,
    language: str,
    at: datetime,
    recipient: Recipient,
    version: int,
    recomputed: bool,
    title: Callable[[str], str] = str,
) -> str:
    """The text for one decision. `language` is `sv` or `en`; `at` is shown in the zone that it has."""
    words = _WORDS[language]
    why = _SUMS if rule is Rule.ALLOWED and recipient.aggregates else RULES[rule]
    lines = [
        f"{words['allowed' if allowed else 'denied']} "
        + words["rule"].format(rule=rule.value, version=version, why=why[language])
    ]
    for contract in recipient.contracts:
        names = sorted(
            _CATEGORIES[category][language] if category in _CATEGORIES else title(category)
            for category in contract.categories
        )
        lines.append(words["contract"].format(categories=", ".join(names) or "-", purpose=contract.purpose))
    lines.append(words["again" if recomputed else "read"].format(at=f"{at:%Y-%m-%d %H:%M:%S}"))
    return "\n".join(lines)
