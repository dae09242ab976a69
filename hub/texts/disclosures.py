"""What `skolnav disclosures` reports about the log of disclosures."""

from collections.abc import Mapping
from typing import Final

from hub.texts.text import Text

DISCLOSURES: Final[Mapping[str, Text]] = {
    "disclosures.broken": Text(
        "Kedjan bryts vid rad {number}: den raden har ändrats, tagits bort eller lagts till. De {rows} raderna före "
        "den är oförändrade, men den raden och alla senare kan inte längre styrkas. Spara datamappen som den är och "
        "jämför med en säkerhetskopia.",
        "The chain breaks at row {number}: that row was changed, removed or added. The rows before it ({rows}) fit "
        "together; it and all later rows can no longer be relied on. Keep the data folder as it is and compare it "
        "with a backup.",
    ),
    "disclosures.whole": Text(
        "Loggen över utlämnanden är oförändrad: {rows} rader, från den första till den sista.",
        "The log of disclosures holds together: {rows} rows, from the first to the last.",
    ),
    "disclosures.whole-trimmed": Text(
        "Loggen över utlämnanden är oförändrad: raderna efter rad {trimmed} till och med rad {rows}. De tidigare "
        "raderna är gallrade (disclosure_retention).",
        "The log of disclosures holds together: the rows after row {trimmed}, up to row {rows}. The earlier rows were "
        "removed when their retention (disclosure_retention) had passed.",
    ),
}
