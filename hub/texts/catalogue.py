"""Event types and installed packages, as `skolnav catalogue` and `skolnav plugins` show them."""

from collections.abc import Mapping
from typing import Final

from hub.texts.text import Text

CATALOGUE: Final[Mapping[str, Text]] = {
    "catalogue.exported": Text("Skrivet till {folder}: {count} filer.", "Written to {folder}: {count} files."),
    "catalogue.unknown": Text(
        "Ingen händelsetyp heter så.{hint} Se listan: skolnav catalogue.",
        "No event type is called that.{hint} For a list: skolnav catalogue.",
    ),
}

PLUGINS: Final[Mapping[str, Text]] = {
    "plugins.none": Text("Inga kontakter är installerade.", "No connectors are installed."),
    "plugins.problem": Text("kunde inte användas: {says}", "can't be used: {says}"),
    "plugins.unknown": Text(
        "Ingen installerad kontakt heter så. Installerade: {known}.",
        "No installed connector is called that. Installed: {known}.",
    ),
    "plugins.written": Text(
        "Skrivet i {folder}. Börja med README.md där; proven körs med: pip install -e '.[dev]' && pytest",
        "Written to {folder}. Begin with README.md there; the tests run with: pip install -e '.[dev]' && pytest",
    ),
}
