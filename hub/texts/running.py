"""What `skolnav run` and `skolnav demo` say while they start and stop."""

from collections.abc import Mapping
from typing import Final

from hub.texts.text import Text

DEMO: Final[Mapping[str, Text]] = {
    "demo.folder": Text(
        "{folder} är inte tom. Välj en tom mapp för demonstrationen.",
        "{folder} is not empty. Choose an empty folder for the demo.",
    ),
}

RUN: Final[Mapping[str, Text]] = {
    "run.at-once": Text(
        "Hubben avbryts genast. Alla besvarade händelser är sparade.",
        "ends at once. All acknowledged events are stored.",
    ),
    "run.descriptors": Text(
        "Hubben får bara {found} fildeskriptorer (ulimit -n) och tar högst {most} anslutningar samtidigt. Höj gränsen "
        "till {enough} (LimitNOFILE i tjänsten).",
        "only {found} file descriptors (ulimit -n): the hub accepts at most {most} connections at a time. Raise the "
        "limit to {enough} (LimitNOFILE in the service).",
    ),
    "run.late": Text(
        "Hubben hann inte avslutas normalt inom {seconds} s och avbryts. Alla besvarade händelser är sparade.",
        "did not end in order within {seconds} s and ends now. All acknowledged events are stored.",
    ),
    "run.left-out": Text(
        "Hubben startar utan {name}, vars tillstånd och händelser finns kvar: {says}",
        "the hub starts without {name}, whose state and events are kept: {says}",
    ),
    "run.not-reloaded": Text(
        "Konfigurationen ändras inte: {says}", "the configuration in force stays as it is: {says}"
    ),
    "run.stopped": Text("Hubben avslutades normalt.", "ended in order"),
    "run.stopping": Text(
        "Hubben avslutas (Ctrl-C en gång till avbryter genast).", "ending (Ctrl-C once more: at once)"
    ),
    "run.up": Text(
        "Skolnav {version}: {address}, data i {data}, {engine}, kopplingar: {connectors}, prenumerationer: "
        "{subscriptions}{warnings}",
        "Skolnav {version}: {address}, data in {data}, {engine}, connectors: {connectors}, subscriptions: "
        "{subscriptions}{warnings}",
    ),
    "run.up-engine": Text("inbyggd motor (fsync före svaret)", "embedded engine (fsync before the answer)"),
    "run.up-warnings": Text(", varningar: {count} (skolnav check)", ", warnings: {count} (skolnav check)"),
}
