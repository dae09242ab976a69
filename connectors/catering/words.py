"""What this connector's errors call its far sides, and its own failures in Swedish and English."""

from typing import Final

from plugins.texts import Text
from plugins.wires import Failure, FarSide

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
        "en lagd beställning läses annorlunda, eller inte alls",
        "an order that was put reads differently, or not at all",
    ),
)
BEHIND: Final = Failure(
    "behind",
    Text(
        "{many} kök har inte fått sin beställning: {kitchens}", "{many} kitchens have not got their order: {kitchens}"
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
        "Se vad mer som skriver till kökets system, och att inga två kök har samma unit_code",
        "See what else writes to the kitchen's system, and that no two kitchens have one unit_code",
    ),
)
