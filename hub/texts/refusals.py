"""Why the hub refused what an operator asked for. The command line shows these after the problem's title."""

from collections.abc import Mapping
from typing import Final

from hub.texts.text import Text

REFUSAL: Final[Mapping[str, Text]] = {
    "refusal.after": Text(
        "`after` är inte `next` från ett tidigare svar.", "`after` is not the `next` of an earlier answer."
    ),
    "refusal.another-hub": Text(
        "{names} kan inte ändras medan hubben är igång. Stoppa hubben och starta den igen. Den använder då andra "
        "datafiler.",
        "{names} can't change while the hub runs. Stop the hub and start it again; it then uses other data files.",
    ),
    "refusal.backup-damaged": Text("{name} är skadad", "{name} is damaged"),
    "refusal.backup-exists": Text(
        "Mappen innehåller redan en säkerhetskopia. Välj en annan mapp.",
        "There is a backup in that folder already. Choose another.",
    ),
    "refusal.backup-folder": Text("Mappen går inte att skriva i: {error}.", "The folder can't be written: {error}."),
    "refusal.config": Text(
        "Konfigurationsfilen går inte att använda. Ingenting har ändrats. Rätta felen som står i `errors`.",
        "The configuration file can't be used. Nothing was changed. Mend what `errors` names.",
    ),
    "refusal.connector-failed": Text(
        "Kopplingen kunde inte göra detta. Hubbens logg visar var felet uppstod.",
        "The connector could not do this. The hub's log says where.",
    ),
    "refusal.content": Text(
        "Rätta felen som står i `errors`. /openapi.json beskriver vad som tas emot här.",
        "Mend what `errors` names; /openapi.json describes what is accepted here.",
    ),
    "refusal.cursor-too-old": Text(
        "Händelserna efter markören är gallrade. Utelämna `after` för att börja om vid den äldsta sparade händelsen.",
        "Events after the cursor are no longer kept. Leave `after` out to start again at the oldest event kept.",
    ),
    "refusal.cursor-unknown": Text(
        "Markören hör inte till den här prenumerationen. Utelämna `after` för att börja om vid den äldsta "
        "sparade händelsen.",
        "The cursor does not belong to this subscription. Leave `after` out to start again at the oldest event kept.",
    ),
    "refusal.fault": Text("Ett fel uppstod i hubben. Hubbens logg visar var.", "The hub failed. Its log says where."),
    "refusal.log-away": Text(
        "Loggen kan inte läsas eller skrivas just nu. Försök igen.",
        "The log cannot be read or written now. Try again.",
    ),
    "refusal.no-alert": Text("Inget larm med det id:t är aktivt.", "No alert with this id is raised."),
    "refusal.no-event": Text(
        "Ingen händelse med det id:t finns kvar. Den kan ha gallrats.",
        "No event of this id is kept; it may have been trimmed.",
    ),
    "refusal.no-file": Text(
        "Hubben startades inte från en fil, så det finns ingen fil att läsa på nytt.",
        "This hub was not started from a file, so there is none to read again.",
    ),
    "refusal.no-such-connector": Text(
        "Ingen koppling med det namnet är igång här. GET /v1/operator/connectors visar alla.",
        "No connector of this name runs here. GET /v1/operator/connectors lists them.",
    ),
    "refusal.no-such-recipient": Text(
        "Det finns ingen sådan klient med avtal, och ingen sådan koppling.",
        "No such client with a data contract, and no such connector.",
    ),
    "refusal.not-consented": Text(
        "Webhooken har inte godkänt ännu och får ingenting innan dess. Återuppta prenumerationen för att fråga igen.",
        "The webhook has not consented yet, and gets nothing before. Resume the subscription to ask it again.",
    ),
    "refusal.not-protected": Text(
        "Ingen källa skyddar personen. Den som bara är vårdnadshavare till skyddade barn skyddas genom barnens "
        "uppgifter.",
        "No source protects the person. A guardian of protected children alone is protected through the children.",
    ),
    "refusal.not-running": Text(
        "Kopplingen är inte igång ({says}). Rätta det först.", "The connector does not run ({says}). Mend that first."
    ),
    "refusal.nothing-waits": Text(
        "Ingenting väntar på det ordet. Det kan redan vara gjort, eller ha ändrats: se GET /v1/operator/connectors.",
        "Nothing waits under this word. It may be done already, or have changed: see GET /v1/operator/connectors.",
    ),
    "refusal.pulled": Text(
        "En feed eller stream testas genom att mottagaren läser den. Hubben skickar inget härifrån.",
        "A feed or stream is tested by reading it; nothing is sent from here.",
    ),
    "refusal.recipient-unknown": Text(
        "Ingen prenumeration har en mottagare som heter {name}. Mottagarna visas med: skolnav subscriptions.",
        "No subscription has a recipient with the name {name}. For a list: skolnav subscriptions.",
    ),
    "refusal.removed": Text("Prenumerationen togs bort under tiden.", "The subscription was removed in the meantime."),
    "refusal.role": Text(
        "Klienten har ingen av rollerna som det här kräver ({roles}). Lägg till en i klientens roles i "
        "konfigurationen, eller använd en annan klient.",
        "The client has none of the roles that this needs ({roles}). Add one to its roles in the configuration, or use "
        "another client.",
    ),
    "refusal.span-empty": Text(
        "Tidsperioden måste sluta efter att den börjar, och börja före nu. Skriv en annan början eller ett annat slut.",
        "The span must end after it begins, and begin before now. Write another start or end.",
    ),
    "refusal.spans": Text(
        "Fler än {most} perioder. Fråga om en mottagare eller koppling (about), om timmar (hours) eller om en kortare "
        "tid.",
        "More than {most} spans. Ask for one `about`, for `hours`, or a shorter time.",
    ),
    "refusal.still-protected": Text(
        "En källa som har personen anger skydd: {sources}. Ändra uppgiften där. Ingenting har ändrats här.",
        "A source that has the person says that the person is protected: {sources}. Change it there. Nothing was "
        "changed here.",
    ),
    "refusal.store-away": Text(
        "Hubbens databas kan inte läsas eller skrivas just nu. Försök igen.",
        "The store cannot be read or written now. Try again.",
    ),
    "refusal.test-of-connector": Text(
        "En koppling tar inte emot testhändelser. Testa dess system med: skolnav check --selftest.",
        "A connector takes no test events. Test its system with: skolnav check --selftest.",
    ),
    "refusal.too-many-replays": Text(
        "{most} omsändningar av prenumerationen väntar eller pågår. Vänta tills någon av dem är klar.",
        "{most} replays of this subscription wait or run. Wait until some have ended.",
    ),
    "refusal.tracing-queue": Text(
        "Miljövariablerna OTEL_BSP_* kan inte användas tillsammans: OTEL_BSP_MAX_QUEUE_SIZE (2048) ska vara minst "
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE (512), och alla större än 0.",
        "The variables OTEL_BSP_* do not fit together: OTEL_BSP_MAX_QUEUE_SIZE (2048) must be at least "
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE (512), and all must be above 0.",
    ),
    "refusal.unknown": Text(
        "Det finns ingen sådan prenumeration eller ej levererad händelse. Listorna visar dem som finns.",
        "There is no such subscription or dead letter. The lists show those that exist.",
    ),
    "refusal.unsettled": Text("Registret läses in. Försök igen.", "The directory is being loaded. Try again."),
}
