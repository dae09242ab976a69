"""What `skolnav check` finds, and how durably the data folder stores accepted events."""

from collections.abc import Mapping
from typing import Final

from hub.texts.text import Text

CHECK: Final[Mapping[str, Text]] = {
    "check.count": Text(
        "Klienter: {clients}, kopplingar: {connectors}, prenumerationer: {subscriptions}.",
        "Clients: {clients}, connectors: {connectors}, subscriptions: {subscriptions}.",
    ),
    "check.empty-directory": Text(
        "Id:n i inställningarna är inte jämförda: hubbens register är tomt. Kör testet igen när skolsystemet har lästs "
        "in.",
        "The ids in the settings are not compared: the hub's directory is empty. Test again once the school system has "
        "been read.",
    ),
    "check.errors": Text("Fel: {count}.", "Errors: {count}."),
    "check.good": Text("{file} är giltig.", "{file} is valid."),
    "check.ids-known": Text(
        "Alla {count} id:n i inställningarna finns i hubbens register.",
        "All {count} ids in the settings are in the hub's directory.",
    ),
    "check.ids-not-compared": Text(
        "Id:n i inställningarna är inte jämförda med registret: {says}",
        "The ids in the settings are not compared with the directory: {says}",
    ),
    "check.is-it-up": Text(
        "Kontrollera adressen, och att systemet på andra sidan är igång",
        "Check the address, and that the far side is up",
    ),
    "check.no-answer": Text("inget svar kom inom {seconds} s", "no answer within {seconds} s"),
    "check.records": Text(
        "Loggen över utlämnanden och revisionsloggen sparas i {days} dygn (disclosure_retention). Gallringen kräver "
        "kommunens beslut.",
        "The log of disclosures and the audit are kept for {days} days (disclosure_retention). Their disposal needs "
        "the municipality's decision.",
    ),
    "check.selftest-failed": Text("{name}: testet misslyckades: {says}", "{name}: the test failed: {says}"),
    "check.selftest-none": Text("{name}: kopplingen har inget test.", "{name}: has no test."),
    "check.selftest-passed": Text("{name}: testet lyckades.", "{name}: the test passed."),
    "check.warning": Text("varning", "warning"),
}

DIRECTORY: Final[Mapping[str, Text]] = {
    "directory.unknown-group": Text(
        "ingen grupp i hubbens register har id {id}. Rätta id:t, eller kontrollera att skolsystemet har gruppen.",
        "no group in the hub's directory has the id {id}. Correct the id, or see that the school system has the group.",
    ),
    "directory.unknown-organisation": Text(
        "ingen organisation i hubbens register har id {id}. Rätta id:t, eller kontrollera att skolsystemet "
        "har organisationen.",
        "no organisation in the hub's directory has the id {id}. Correct the id, or see that the school system has the "
        "organisation.",
    ),
    "directory.unknown-room": Text(
        "ingen sal i hubbens register har id {id}. Rätta id:t, eller kontrollera att skolsystemet har salen.",
        "no room in the hub's directory has the id {id}. Correct the id, or see that the school system has the room.",
    ),
}

DURABLE: Final[Mapping[str, Text]] = {
    "durable.embedded": Text(
        "Inbyggd motor: händelser som besvarats med 202 är skrivna till disk (fsync före svaret).",
        "Embedded engine: events that were answered with 202 are on disk (fsync before the answer).",
    ),
    "durable.folder": Text(
        "{folder} ({kind}): fsync tar {milliseconds} ms, {free} ledigt.",
        "{folder} ({kind}): an fsync takes {milliseconds} ms, {free} free.",
    ),
    "durable.full": Text(
        "datamappen har bara {free} ledigt utrymme. Frigör utrymme innan hubben startas.",
        "only {free} free in the data folder. Free some space before the hub starts.",
    ),
    "durable.memory": Text(
        "datamappen ligger i minnet ({kind}): fsync når ingen disk, och allt är borta efter en omstart av maskinen.",
        "the data folder is in memory ({kind}): fsync reaches no disk, and everything is lost when the machine "
        "restarts.",
    ),
    "durable.network": Text(
        "datamappen ligger på ett nätverksfilsystem ({kind}). Loggen behöver en lokal disk.",
        "the data folder is on a network file system ({kind}). The log needs a local disk.",
    ),
    "durable.refused": Text(
        "Hubben kan inte spara säkert i {folder}: {error}. Välj en annan mapp (data) eller rätta rättigheterna.",
        "{folder} can't be written durably: {error}. Choose another folder (data), or mend the permissions.",
    ),
    "durable.slow": Text(
        "fsync tar {milliseconds} ms: varje mottagen händelse väntar så länge.",
        "an fsync takes {milliseconds} ms: each accepted event waits that long.",
    ),
}
