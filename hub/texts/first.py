"""What `skolnav init` asks and `skolnav token` says: words for the first day, and for new secrets."""

from collections.abc import Mapping
from typing import Final

from hub.texts.text import Text

INIT: Final[Mapping[str, Text]] = {
    "init.aggregates": Text(
        "{name}: kommunen godkänner att kopplingen räknar alla elever, skyddade eller inte, under pseudonym (true, "
        "false).",
        "{name}: the municipality agrees that the connector counts every pupil, protected or not, by pseudonym (true, "
        "false).",
    ),
    "init.another": Text("Finns det fler ({place})?", "Are there more ({place})?"),
    "init.connectors": Text(
        "Vilka kopplingar, med mellanslag emellan? ({known}; tomt: inga) ",
        "Which connectors, with spaces between? ({known}; empty: none) ",
    ),
    "init.data": Text("Hubbens mapp för data.", "The hub's folder for data."),
    "init.ended": Text("Frågorna avbröts. Ingenting skrevs.", "The questions were broken off. Nothing was written."),
    "init.exists": Text("{path} finns redan och skrivs inte över.", "{path} is there already, and is not overwritten."),
    "init.header": Text(
        "Skriven av skolnav init. Alla inställningar: docs/municipality.md.",
        "Written by skolnav init. All settings: docs/municipality.md.",
    ),
    "init.listen": Text("Värd och port som hubben lyssnar på.", "Host and port that the hub listens on."),
    "init.municipality": Text("Kommunens namn.", "The municipality's name."),
    "init.needs-answer": Text(
        "Ett svar saknas, och ingen finns att fråga. Lägg till --answer {place}=VÄRDE. {question}",
        "An answer is missing, and there is no terminal to ask at. Add --answer {place}=VALUE. {question}",
    ),
    "init.no-choice": Text(
        "{place}: {given} är inte ett giltigt värde. Välj ett av dessa: {known}.",
        "{place}: {given} is not a valid value. Choose one of these: {known}.",
    ),
    "init.no-connector": Text(
        "Ingen koppling heter {name}. Installerade: {known}. {hint}",
        "No connector is called {name}. Installed: {known}. {hint}",
    ),
    "init.not-a-pair": Text("{given} ska skrivas NAMN=VÄRDE.", "{given} must be written NAME=VALUE."),
    "init.unused": Text(
        "Dessa svar hör inte till någon fråga: {places}. Ingenting skrevs.",
        "These answers belong to no question: {places}. Nothing was written.",
    ),
    "init.written": Text(
        "{path} är skriven, och {count} hemligheter i {folder}.", "{path} is written, and {count} secrets in {folder}."
    ),
}

TOKEN: Final[Mapping[str, Text]] = {
    "token.exists": Text(
        "{path} finns redan. Skriv --rotate för att byta och behålla den gamla bredvid.",
        "{path} is there already. Write --rotate to replace it and keep the old one beside it.",
    ),
    "token.public": Text("Mottagarens publika nyckel: {key}", "The recipient's public key: {key}"),
    "token.rotate-what": Text("--rotate behöver --file.", "--rotate needs --file."),
    "token.rotated": Text(
        "Den förra ligger i {path}. Låt den gälla en tid: previous_token och previous_token_until för en klient, "
        "previous_secret och previous_secret_until för en webhook.",
        "The one before is in {path}. Keep it valid for a time: previous_token and previous_token_until for a client, "
        "previous_secret and previous_secret_until for a webhook.",
    ),
    "token.written": Text("Skriven till {path}.", "Written to {path}."),
}
