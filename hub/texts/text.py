"""A text for people, in Swedish and English."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

Language = Literal["sv", "en"]


class Text(NamedTuple):
    """`{name}` marks a value to fill in. Both languages have the same names.

    Vendors have a `Text` of their own (`plugins.texts`). The command line must speak before it imports `plugins`: it
    first checks that this name leads to Skolnav's own package (`hub.cli.import_names`).
    """

    sv: str
    en: str

    def say(self, language: str, values: Mapping[str, object]) -> str:
        """Filled in, in Swedish (`sv`) or English (any other language)."""
        return (self.sv if language == "sv" else self.en).format_map(values)
