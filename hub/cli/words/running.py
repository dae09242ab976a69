"""What the commands say that run a hub, check its surroundings, and copy its files."""

from collections.abc import Mapping
from typing import Final

from hub.texts.base import Text

CHECK: Final[Mapping[str, Text]] = {
    "check.count": Text(
        "Klienter: {clients}, kontakter: {connectors}, prenumerationer: {subscriptions}.",
        "Clients: {clients}, connectors: {connectors}, subscriptions: {subscriptions}.",
    ),
    "check.errors": Text("Fel: {count}.", "Errors: {count}."),
    "check.good": Text("{file} håller ihop.", "{file} holds together."),
    "check.selftest-failed": Text("{name}: provet misslyckades: {says}", "{name}: the test failed: {says}"),
    "check.selftest-none": Text("{name}: har inget prov.", "{name}: has no test."),
    "check.selftest-passed": Text("{name}: provet gick bra.", "{name}: the test passed."),
    "check.warning": Text("varning", "warning"),
    "durable.embedded": Text(
        "Inbyggd motor: det som besvarats med 202 är skrivet till disk (fsync före svaret).",
        "Embedded engine: what was answered with 202 is on disk (fsync before the answer).",
    ),
    "durable.folder": Text(
        "{folder} ({kind}): fsync tar {milliseconds} ms, {free} ledigt.",
        "{folder} ({kind}): an fsync takes {milliseconds} ms, {free} free.",
    ),
    "durable.full": Text(
        "bara {free} ledigt där data ska ligga. Frigör utrymme innan hubben startas.",
        "only {free} free where the data is to be. Free some space before the hub starts.",
    ),
    "durable.memory": Text(
        "datamappen ligger i minnet ({kind}): fsync når ingen disk, och allt är borta efter en omstart av maskinen.",
        "the data folder is in memory ({kind}): fsync reaches no disk, and all is gone when the machine restarts.",
    ),
    "durable.network": Text(
        "datamappen ligger på ett nätverksfilsystem ({kind}). Loggen behöver en lokal disk.",
        "the data folder is on a network file system ({kind}). The log needs a local disk.",
    ),
    "durable.refused": Text(
        "{folder} går inte att skriva säkert i: {error}. Välj en annan mapp (data) eller rätta rättigheterna.",
        "{folder} can't be written durably: {error}. Choose another folder (data), or mend the permissions.",
    ),
    "durable.slow": Text(
        "fsync tar {milliseconds} ms: varje mottagen händelse väntar så länge.",
        "an fsync takes {milliseconds} ms: each accepted event waits that long.",
    ),
}

KEEP: Final[Mapping[str, Text]] = {
    "backup.done": Text(
        "Kopierat till {folder}: store.db och log.db, som ett par ({size}).",
        "Copied to {folder}: store.db and log.db, as a pair ({size}).",
    ),
    "backup.exists": Text("{path} finns redan. Välj en annan mapp.", "{path} is there already. Choose another folder."),
    "backup.failed": Text("Ingen kopia gjordes: {says}", "No copy was made: {says}"),
    "backup.key": Text(
        "Nyckeln ({key}) är inte med: förvara en kopia för sig. Utan den går paret inte att använda.",
        "The key ({key}) is not in it: keep a copy apart. Without it the pair can't be used.",
    ),
    "backup.missing": Text("{path} finns inte.", "{path} is not there."),
    "backup.running": Text(
        "En hubb kör på filerna i {data}. Stoppa den först.", "A hub runs on the files in {data}. Stop it first."
    ),
    "restore.done": Text(
        "Återlagt i {data}. Det som levererats efter kopian levereras en gång till.",
        "Put back into {data}. What was delivered after the copy is delivered again.",
    ),
    "restore.exists": Text(
        "{path} finns redan. Flytta undan den först.", "{path} is there already. Move it away first."
    ),
    "restore.key": Text(
        "Lägg tillbaka nyckeln också ({key}), om inte konfigurationsfilen har en.",
        "Put the key back too ({key}), unless the configuration file has one.",
    ),
    "restore.wrong-key": Text(
        "Inget återlagt: kopian gjordes med en annan nyckel än hubbens (key i konfigurationen, annars {key}). Lägg dit "
        "nyckeln som hör till kopian, eller flytta undan den som ligger där, och försök igen.",
        "Nothing was put back: the copy was made with another key than the hub's (key in the configuration, else "
        "{key}). Put the key there that belongs to the copy, or move away the one that is, and try again.",
    ),
}

RUN: Final[Mapping[str, Text]] = {
    "demo.folder": Text(
        "{folder} är inte tom. Välj en egen mapp för demon.",
        "{folder} is not empty. Choose a folder of the demo's own.",
    ),
    "run.at-once": Text("slutar genast. Det som besvarats är kvar.", "ends at once. What was answered is kept."),
    "run.late": Text(
        "slutade inte i ordning på {seconds} s och avslutas. Det som besvarats är kvar.",
        "did not end in order within {seconds} s and is ended. What was answered is kept.",
    ),
    "run.stopped": Text("slutade i ordning", "ended in order"),
    "run.stopping": Text("slutar (Ctrl-C en gång till: genast)", "ending (Ctrl-C once more: at once)"),
    "run.up": Text(
        "Skolnav: {address}, data i {data}, {engine}, kontakter: {connectors}, prenumerationer: {subscriptions}"
        "{warnings}",
        "Skolnav: {address}, data in {data}, {engine}, connectors: {connectors}, subscriptions: {subscriptions}"
        "{warnings}",
    ),
    "run.up-engine": Text("inbyggd motor (fsync före svaret)", "embedded engine (fsync before the answer)"),
    "run.up-warnings": Text(", varningar: {count} (skolnav check)", ", warnings: {count} (skolnav check)"),
}
