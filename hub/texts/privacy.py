"""What `skolnav privacy` reports to the privacy officer."""

from collections.abc import Mapping
from typing import Final

from hub.texts.text import Text

PRIVACY: Final[Mapping[str, Text]] = {
    "privacy.holders-mentions": Text(
        '"kanske": svar där bara en del av personerna är uppräknade. Händelser som bara nämner personen, till exempel '
        "en grupp med medlemmar, räknas inte. Loggen går så långt tillbaka som disclosure_retention.",
        '"perhaps": answers that list only some of their persons. Events that only mention the person, such as a group '
        "with its members, are not counted. The log goes back as far as disclosure_retention.",
    ),
    "privacy.left": Text("Ingenting har ändrats.", "Nothing was changed."),
    "privacy.lifted": Text(
        "Skyddet är hävt. Det kom från: {sources}. Personen lämnas ut om en annan källa anger Ingen.",
        "The protection is lifted. It came from: {sources}. The person's data may leave if another source says Ingen.",
    ),
    "privacy.no-holders": Text(
        "Ingen mottagare har fått händelser om personen, så långt tillbaka som loggen går.",
        "No recipient has got events about the person, as far as the log goes back.",
    ),
    "privacy.sure": Text(
        "Häv skyddet? Uppgifter om personen kan då lämna hubben.",
        "Lift the protection? Data about the person may leave.",
    ),
}
