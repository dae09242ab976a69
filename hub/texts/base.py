"""One text in both languages, and which of them a user reads."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

Language = Literal["sv", "en"]


class Text(NamedTuple):
    """`{name}` marks a value to fill in. Both languages have the same names.

    Vendors have one of their own (`plugins.texts`). The command line must speak before it imports `plugins`: it first
    checks that this name leads to Skolnav's own package (`hub.cli.import_names`).
    """

    sv: str
    en: str

    def say(self, language: str, values: Mapping[str, object]) -> str:
        """Filled in, in Swedish (`sv`) or English (anything else)."""
        return (self.sv if language == "sv" else self.en).format(**values)


def language_of(environ: Mapping[str, str]) -> Language:
    """The user's language: SKOLNAV_LANG, else LC_ALL or LANG, else Swedish.

    A locale without a language (`C`, `POSIX`, `C.UTF-8`) is a machine's default, not a user's choice.
    """
    for name in ("SKOLNAV_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        language = environ.get(name, "").partition(".")[0].partition("_")[0].lower()
        if language and language not in ("c", "posix"):
            return "sv" if language == "sv" else "en"
    return "sv"
