"""Copies of the hub's files: made and put back."""

from collections.abc import Mapping
from typing import Final

from hub.texts.text import Text

BACKUP: Final[Mapping[str, Text]] = {
    "backup.broken-chain": Text(
        "Loggen över utlämnanden i kopian bryts vid rad {number}.",
        "The log of disclosures in the copy is broken at row {number}.",
    ),
    "backup.checked": Text(
        "{folder} går att återställa: {events} händelser, den senaste {newest}, {subscriptions} prenumerationer, "
        "{disclosures} utlämnanden. Testet tog {seconds} s.",
        "{folder} can be restored: {events} events, the newest {newest}, {subscriptions} subscriptions, {disclosures} "
        "disclosures. The rehearsal took {seconds} s.",
    ),
    "backup.done": Text(
        "store.db och log.db är kopierade till {folder} ({size}). De två filerna hör ihop.",
        "Copied to {folder}: store.db and log.db, as a pair ({size}).",
    ),
    "backup.exists": Text("{path} finns redan. Välj en annan mapp.", "{path} is there already. Choose another folder."),
    "backup.failed": Text("Ingen kopia gjordes: {says}", "No copy was made: {says}"),
    "backup.key": Text(
        "Nyckeln ({key}) ingår inte i kopian. Förvara en kopia av nyckeln på ett annat ställe. Utan nyckeln går "
        "kopian inte att använda.",
        "The key ({key}) is not included: keep a copy of it elsewhere. Without it the pair can't be used.",
    ),
    "backup.key-unknown": Text(
        "Ingen nyckel fanns att jämföra med: kontrollera att den finns förvarad.",
        "There was no key to compare with: see that a copy of it is kept.",
    ),
    "backup.missing": Text("{path} finns inte.", "{path} is not there."),
    "backup.no-event": Text("ingen", "none"),
    "backup.no-schedule": Text(
        "Konfigurationen har inga backups. Ange mappen med kopian.",
        "The configuration has no backups. Name the folder of the copy.",
    ),
    "backup.none": Text("{folder} har ingen säkerhetskopia.", "{folder} holds no backup."),
    "backup.other-key": Text(
        "Kopian i {folder} är gjord med en annan nyckel än hubbens.",
        "The copy in {folder} was made with another key than the hub's.",
    ),
    "backup.running": Text(
        "En hubb använder filerna i {data}. Stoppa den först.", "A hub runs on the files in {data}. Stop it first."
    ),
    "backup.unusable": Text("{folder} går inte att återställa: {says}", "{folder} can't be restored: {says}"),
}

RESTORE: Final[Mapping[str, Text]] = {
    "restore.done": Text(
        "Kopian är återlagd i {data}. Händelser som levererades efter att kopian gjordes levereras en gång till.",
        "Put back into {data}. Events that were delivered after the copy was made are delivered again.",
    ),
    "restore.exists": Text(
        "{path} finns redan. Flytta undan filen först.", "{path} is there already. Move it away first."
    ),
    "restore.key": Text(
        "Lägg tillbaka nyckeln också ({key}), om inte konfigurationsfilen har en.",
        "Put the key back too ({key}), unless the configuration file has one.",
    ),
    "restore.wrong-key": Text(
        "Ingenting är återlagt. Kopian gjordes med en annan nyckel än hubbens (key i konfigurationen, annars {key}). "
        "Lägg dit nyckeln som hör till kopian, eller flytta undan nyckeln som ligger där, och försök igen.",
        "Nothing was put back: the copy was made with another key than the hub's (key in the configuration, else "
        "{key}). Put the copy's own key there, or move away the key that is there now, and try again.",
    ),
}
