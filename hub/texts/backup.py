"""Copies of the hub's files: made and put back."""

from collections.abc import Mapping
from typing import Final

from hub.texts.text import Text

BACKUP: Final[Mapping[str, Text]] = {
    "backup.done": Text(
        "Kopierat till {folder}: store.db och log.db, som ett par ({size}).",
        "Copied to {folder}: store.db and log.db, as a pair ({size}).",
    ),
    "backup.exists": Text("{path} finns redan. Välj en annan mapp.", "{path} is there already. Choose another folder."),
    "backup.failed": Text("Ingen kopia gjordes: {says}", "No copy was made: {says}"),
    "backup.key": Text(
        "Nyckeln ({key}) ingår inte: förvara en kopia för sig. Utan den går paret inte att använda.",
        "The key ({key}) is not included: keep a copy of it elsewhere. Without it the pair can't be used.",
    ),
    "backup.missing": Text("{path} finns inte.", "{path} is not there."),
    "backup.running": Text(
        "En hubb kör på filerna i {data}. Stoppa den först.", "A hub runs on the files in {data}. Stop it first."
    ),
}

RESTORE: Final[Mapping[str, Text]] = {
    "restore.done": Text(
        "Återlagt i {data}. Händelser som levererats efter att kopian gjordes levereras en gång till.",
        "Put back into {data}. Events that were delivered after the copy was made are delivered again.",
    ),
    "restore.exists": Text(
        "{path} finns redan. Flytta undan den först.", "{path} is there already. Move it away first."
    ),
    "restore.key": Text(
        "Lägg tillbaka nyckeln också ({key}), om inte konfigurationsfilen har en.",
        "Put the key back too ({key}), unless the configuration file has one.",
    ),
    "restore.wrong-key": Text(
        "Inget återlagt: kopian gjordes med en annan nyckel än hubbens (key i konfigurationen, annars {key}). Lägg "
        "dit nyckeln som hör till kopian, eller flytta undan den som ligger där, och försök igen.",
        "Nothing was put back: the copy was made with another key than the hub's (key in the configuration, else "
        "{key}). Put the copy's own key there, or move away the key that is there now, and try again.",
    ),
}
