"""Event types and installed packages, as `skolnav catalogue` and `skolnav plugins` show them."""

from collections.abc import Mapping
from typing import Final

from hub.texts.text import Text

CATALOGUE: Final[Mapping[str, Text]] = {
    "catalogue.exported": Text("{count} filer är skrivna till {folder}.", "Written to {folder}: {count} files."),
    "catalogue.unknown": Text(
        "Det finns ingen händelsetyp med det namnet.{hint} Alla typer visas med: skolnav catalogue.",
        "No event type is called that.{hint} For a list: skolnav catalogue.",
    ),
}

PLUGINS: Final[Mapping[str, Text]] = {
    "plugins.effect-blind": Text(
        "motparten kan få samma sak två gånger efter ett avbrott", "the far side may get the same twice after a crash"
    ),
    "plugins.effect-idempotent": Text(
        "samma sak två gånger har samma verkan som en gång", "the same twice has the same effect as once"
    ),
    "plugins.effect-verifiable": Text(
        "det som lämnats läses tillbaka och jämförs", "what was handed over is read back and compared"
    ),
    "plugins.no-level": Text("inte mätt på den här koden", "not measured of this code"),
    "plugins.none": Text("Inga kopplingar är installerade.", "No connectors are installed."),
    "plugins.problem": Text("kan inte användas: {says}", "can't be used: {says}"),
    "plugins.unknown": Text(
        "Det finns ingen installerad koppling med det namnet. Installerade: {known}.",
        "No installed connector is called that. Installed: {known}.",
    ),
    "plugins.written": Text(
        "Paketet är skrivet i {folder}. Börja med README.md där. Testerna körs med: pip install -e '.[dev]' && pytest",
        "Written to {folder}. Begin with README.md there; the tests run with: pip install -e '.[dev]' && pytest",
    ),
}
