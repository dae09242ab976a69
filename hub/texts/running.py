"""What `skolnav run` and `skolnav demo` say while they start and stop."""

from collections.abc import Mapping
from typing import Final

from hub.texts.base import Text

DEMO: Final[Mapping[str, Text]] = {
    "demo.folder": Text(
        "{folder} är inte tom. Välj en egen mapp för demon.",
        "{folder} is not empty. Choose a folder of the demo's own.",
    ),
}

RUN: Final[Mapping[str, Text]] = {
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
