"""What this connector's errors call the school system, and its own failures in Swedish and English."""

from collections.abc import Mapping
from typing import Final

from plugins.texts import Text
from plugins.wires import Failure, FarSide
from plugins.wires.words import CODES

SUPPLIER: Final = FarSide(
    connector="ss12000",
    name=Text("skolsystemet", "the supplier"),
    called={
        "url": "base_url",
        "login": "auth",
        **{name: f"auth.{name}" for name in ("certificate", "key", "login_url", "client_id", "client_secret")},
    },
    fixes={
        "too-large": Text(
            "Sätt ett lägre värde på limit, eller höj max_answer_mib", "Set a lower limit, or raise max_answer_mib"
        )
    },
    # A refused login or certificate does not pause it: with nothing read for 26 h the hub withholds all persons.
    keeps_asking=True,
)

_AGAIN: Final = Text(
    "Det som redan är läst gäller, och hubben försöker igen. Om felet består: fråga leverantören",
    "What was read stays valid, and the hub tries again. If it lasts, ask the supplier",
)
_PATH: Final = Text("Kontrollera base_url med hela sökvägen", "Check base_url with its whole path")
_RIGHTS: Final = Text(
    "Kontrollera vad hubbens konto får läsa, och base_url med hela sökvägen",
    "Check what the hub's account may read, and base_url with its whole path",
)
_ANSWERED: Final = Text("svaret var {status}", "it answered {status}")
_NOT_READ: Final = Text("{resource} kunde inte läsas", "{resource} could not be read")


def not_read(resource: str) -> Text:
    """What has failed, where one resource could not be read."""
    return _NOT_READ.filled(resource=resource)


RESOURCE_ANSWERED: Final = Text("{resource} svarade {status}", "{resource} answered {status}")
BUSY: Final = Failure(
    "busy",
    Text("skolsystemet har för mycket att göra", "the supplier is busy"),
    RESOURCE_ANSWERED,
    Text("Hubben försöker igen om en stund", "The hub tries again in a while"),
)
FAILING: Final = Failure("failing", _NOT_READ, _ANSWERED, _AGAIN)
REDIRECT: Final = Failure(
    "redirect",
    _NOT_READ,
    Text("svaret var {status}; hubben följer inga hänvisningar", "it answered {status}; redirects are not followed"),
    Text("Rätta base_url", "Correct base_url"),
)
NO_RECORD: Final = Failure(
    "wrong-shape",
    _NOT_READ,
    Text("svaret var {status} i stället för en post", "it answered {status} in place of a record"),
    _PATH,
)
NO_LIST: Final = NO_RECORD._replace(why=Text("svaret saknar listan `data`", "its answer has no list `data`"))
NO_PAGE_TOKEN: Final = NO_RECORD._replace(why=Text("svarets pageToken är inte en text", "its pageToken is no text"))
ENDLESS: Final = Failure(
    "endless",
    _NOT_READ,
    Text(
        "svarets pageToken leder runt i en cirkel, eller inte till något nytt",
        "its pageToken leads round in a circle, or to nothing new",
    ),
    _AGAIN,
)
GROWS: Final = Failure(
    "growth-held",
    _NOT_READ,
    Text(
        "fler än {most} nya poster kom på en gång, så inga fler publiceras. Fråga leverantören. Om antalet stämmer: "
        "skolnav connectors confirm {instance} {word}",
        "more than {most} new records came at once, so no more are published. Check with the supplier; if it is right: "
        "skolnav connectors confirm {instance} {word}",
    ),
    Text(
        "Sätt ett högre värde på max_new om listan alltid är så lång", "Set a larger max_new if the list is that long"
    ),
)
TOO_LONG: Final = ENDLESS._replace(
    why=Text("listan har fler än {most} poster (max_records)", "it has more than {most} records (max_records)"),
    fix=Text(
        "Kontrollera med leverantören. Sätt ett högre värde på max_records om listan är så lång",
        "Check with the supplier; set a larger max_records if the list is that long",
    ),
)
EXPIRED: Final = Failure(
    "expired",
    Text("{resource} kunde inte läsas till slutet", "{resource} could not be read to its end"),
    Text("svarets pageToken slutade gälla {tries} gånger", "its pageToken ran out {tries} times"),
    Text(
        "Sätt ett högre värde på limit, eller fråga leverantören hur länge en pageToken gäller",
        "Set a larger limit, or ask the supplier how long a pageToken lasts",
    ),
)
REFUSED: Final = Failure(
    "refused", _NOT_READ, Text("skolsystemet svarade {status}", "the supplier answered {status}"), _RIGHTS
)
QUESTION_REFUSED: Final = REFUSED._replace(why=Text("skolsystemet nekade frågan", "the supplier refused the question"))
NOT_THERE: Final = Failure(
    "not-there",
    Text("{resource} finns inte (404)", "{resource} is not there (404)"),
    Text("skolsystemet har ingen sådan lista på adressen", "the supplier has no such list under this address"),
    _PATH,
)
UNREADABLE: Final = Failure(
    "unreadable",
    _NOT_READ,
    Text("ingen av de {count} posterna kan läsas", "none of its {count} records can be read"),
    Text(
        "Se record-not-read i hubbens logg, och fråga leverantören vad som har ändrats. Det som är läst gäller",
        "See record-not-read in the hub's log, and ask the supplier what has changed. What was read stays valid",
    ),
)
EMPTIED: Final = Failure(
    "emptied",
    _NOT_READ,
    Text(
        "listan är tom, trots att hubben känner till {count} poster i den",
        "the list is empty, although the hub knows {count} records in it",
    ),
    _RIGHTS,
)
EMPTY: Final = Failure(
    "empty",
    Text("det finns ingen organisation och ingen person", "there is no organisation and no person"),
    Text("deras listor är tomma", "their lists are empty"),
    _RIGHTS,
)

PROBLEMS: Final[Mapping[str, Text]] = {
    **CODES,
    "busy": Text("skolsystemet har för mycket att göra", "the supplier is busy"),
    "changes-missed": Text(
        "ändringar hade en för tidig tidsstämpel och hittades för sent. Be leverantören rätta meta.modified",
        "changes were stamped too early and found late; ask the supplier to mend meta.modified",
    ),
    "clock-differs": Text(
        "skolsystemets klocka går mer än 5 min fel", "the supplier's clock is off by more than 5 min"
    ),
    "clock-went-back": Text(
        "skolsystemets klocka ställdes tillbaka, så allt läses på nytt",
        "the supplier's clock was set back: all is read anew",
    ),
    "emptied": Text("en lista är tom trots att den hade poster", "a list is empty although it had records"),
    "empty": Text("skolsystemet visar varken skolor eller personer", "the supplier shows neither schools nor persons"),
    "endless": Text("en lista tar inte slut", "a list has no end"),
    "expired": Text("en lista kunde inte läsas till slutet i tid", "a list could not be read to its end in time"),
    "failing": Text("skolsystemet misslyckas (5xx)", "the supplier fails (5xx)"),
    "growth-held": Text(
        "ovanligt många nya poster väntar på att en person bekräftar dem",
        "unusually many new records wait until a person confirms them",
    ),
    "no-changes": Text(
        "skolsystemet kan inte visa bara ändringar, så allt läses varje gång",
        "the supplier can't list changes alone, so everything is read each time",
    ),
    "not-confirmed": Text(
        "poster saknas i en lista, och skolsystemet svarar inte på frågor om dem",
        "records are missing in a list, and the question for each gets no answer",
    ),
    "not-listed": Text("en lista saknar poster som finns", "a list lacks records that exist"),
    "not-offered": Text("skolsystemet erbjuder inte den listan", "the supplier does not offer that list"),
    "not-subscribed": Text(
        "skolsystemet meddelar inte ändringar. De kommer med nästa hämtning",
        "the supplier does not notify of changes; they come with the next poll",
    ),
    "not-there": Text("en lista som fanns är borta (404)", "a list that was there is gone (404)"),
    "pull-slow": Text("en hämtning tar mer än 10 min", "a pull takes more than 10 min"),
    "record-not-read": Text(
        "poster, eller delar av dem, gick inte att läsa", "records, or parts of them, can't be read"
    ),
    "redirect": Text("base_url leder vidare till en annan adress", "base_url leads to another address"),
    "refused": Text(
        "hubbens konto får inte läsa listan, eller så nekades frågan",
        "the hub's account may not read the list, or the question was refused",
    ),
    "removals-held": Text(
        # Also the last problem that is shown once a person has confirmed: it says what holds before and after.
        "ovanligt många poster skulle tas bort, vilket sker först när en person har bekräftat det",
        "unusually many records would be removed, which happens only once a person has confirmed it",
    ),
    "unreadable": Text("ingen av en listas poster går att läsa", "none of a list's records can be read"),
    "wrong-shape": Text("svaret har inte standardens form", "the answer is not as the standard says"),
}
"""What an operator reads beside a code of this connector."""
