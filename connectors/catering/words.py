"""What this connector's errors call its far sides, and its own failures in Swedish and English."""

from collections.abc import Mapping
from typing import Final

from plugins.texts import Text
from plugins.wires import Failure, FarSide
from plugins.wires.words import CODES

_NAME: Final = "catering"
_SETTINGS: Final = "transport."

FOLDER: Final = FarSide(connector=_NAME, settings=_SETTINGS, name=Text("kökets mapp", "the kitchen's folder"))
SFTP: Final = FarSide(connector=_NAME, settings=_SETTINGS, name=Text("SFTP-servern", "the SFTP server"))
MAIL: Final = FarSide(
    connector=_NAME,
    settings=_SETTINGS,
    name=Text("e-postservern", "the mail server"),
    called={"url": "transport.host"},
)
ORDERS: Final = FarSide(
    connector=_NAME,
    settings=_SETTINGS,
    name=Text("beställningssystemet", "the system for orders"),
    called={"login": "transport.token"},
)

NO_SYSTEM_FOR_ORDERS: Final = Failure(
    "odd-answer",
    Text("{url} leder inte till ett beställningssystem", "{url} leads to something that is no system for orders"),
    Text("det svarar om en beställning som inte finns", "it has an answer for an order that does not exist"),
    Text("Kontrollera {url} med leverantören", "Check {url} with the supplier"),
)
NO_ORDER: Final = Failure(
    "odd-answer",
    Text("{it} svarar inte som väntat", "{it} answers oddly"),
    Text("svaret är ingen beställning", "its answer is not an order"),
    Text("Om felet består: kontrollera {url} med leverantören", "If it lasts, check {url} with the supplier"),
)
ORDER_DIFFERS: Final = NO_ORDER._replace(
    code="unverified",
    why=Text(
        "en lagd beställning läses annorlunda",
        "an order that was put reads differently",
    ),
)
NOT_FOR_KITCHEN: Final = Failure(
    "http-{status}",
    Text("{it} tar inte emot beställningar för köket", "{it} takes no orders for the kitchen"),
    Text("det svarade {status}", "it answered {status}"),
    Text("Kontrollera kökets id och {login} med leverantören", "Check the kitchen's id and {login} with the supplier"),
)
BEHIND: Final = Failure(
    "behind",
    Text(
        "{many} kök eller e-postadresser har inte fått sin beställning: {kitchens}",
        "{many} kitchens or mail addresses have not got their order: {kitchens}",
    ),
    Text("{first}", "{first}"),
)
NAMES_TAKEN: Final = Failure(
    "names-taken",
    Text("inget ledigt namn för kök {kitchen} den {day}", "no free name for kitchen {kitchen} on {day}"),
    Text(
        "{many} filer eller beställningar som inte är hubbens har namnen",
        "{many} files or orders that are not the hub's have the names",
    ),
    Text(
        "Ta reda på vilket annat program som skriver till kökets system, och kontrollera att två kök inte har samma "
        "unit_code",
        "See what else writes to the kitchen's system, and that no two kitchens have one unit_code",
    ),
)

PROBLEMS: Final[Mapping[str, Text]] = {
    **CODES,
    "behind": Text("några kök har inte fått sin beställning", "some kitchens have not got their order"),
    "file-altered": Text(
        "någon annan har ändrat en fil eller beställning. Nästa revision ersätter den",
        "a file or order was changed by someone else; the next revision replaces it",
    ),
    "idle-group": Text(
        "en sittnings grupper börjar senare eller hör till en annan enhet, så summan kan sakna elever",
        "a sitting's groups begin later or belong to another unit, so the sum may lack pupils",
    ),
    "last-order-stands": Text(
        "registret är inte komplett och saknar elever, så kökets senaste beställning gäller. Ta reda på varför "
        "skolsystemets register inte är aktuellt",
        "the directory is not complete and lacks pupils, so the kitchen's last order stands; see why the school "
        "system's directory is not current",
    ),
    "names-taken": Text("ett annat program skriver i kökets system", "another program writes to the kitchen's system"),
    "odd-answer": Text("beställningssystemet svarar inte som väntat", "the system for orders answers oddly"),
    "pupil-without-sitting": Text(
        "några elever är inte med i någon sittnings grupper och får ingen mat",
        "some pupils are in no sitting's groups, and get no food",
    ),
    "pupils-gone": Text(
        "en sittning har inga elever kvar, eller mindre än hälften, trots att dess grupper och enheter finns, så den "
        "senaste beställningen gäller tills eleverna är tillbaka eller en person bekräftar",
        "a sitting has no pupil left, or less than half, although its groups and units go on, so the last order "
        "stands until the pupils are back or a person confirms",
    ),
    "unknown-diet": Text(
        "en specialkost finns inte i diet_codes och räknas som ÖVRIG", "a diet is not in diet_codes: it counts as ÖVRIG"
    ),
    "unknown-group": Text(
        "en grupp i inställningarna är okänd eller har upphört, så summan kan sakna elever",
        "a group in the settings is unknown or has ended, so the sum may lack pupils",
    ),
    "unknown-unit": Text(
        "en enhet i inställningarna är okänd, så summan kan sakna elever",
        "a unit in the settings is unknown, so the sum may lack pupils",
    ),
}
"""What an operator reads beside a code of this connector."""
