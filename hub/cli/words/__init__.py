"""What the command line says, in the user's language; beside `hub.texts`, which says what the hub itself does.

A module for each theme; each section is a dict sorted by key.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Final

from hub.cli.words import failures, help, operating, running, tables
from hub.texts.base import Language, Text, language_of

SECTIONS: Final = (
    help.HELP,
    help.OPTION,
    tables.COLUMN,
    tables.STATUS,
    tables.WHAT,
    running.CHECK,
    running.KEEP,
    running.RUN,
    operating.CATALOGUE,
    operating.CHANGE,
    operating.CONNECTORS,
    operating.EVENTS,
    operating.SUBSCRIPTIONS,
    failures.FAILURE,
)
WORDS: Final[Mapping[str, Text]] = {key: found for section in SECTIONS for key, found in section.items()}

_OPTION_NAME: Final = "--language"
_chosen: list[Language] = [language_of(os.environ)]


class UnknownLanguage(ValueError):
    """Something else than sv or en was asked for."""


def language() -> Language:
    """The user's language."""
    return _chosen[0]


def choose(arguments: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """Take `--language` out of the arguments, wherever it stands, and speak it from now on. Raises UnknownLanguage."""
    _chosen[0] = language_of(environ)
    left: list[str] = []
    given = iter(arguments)
    for argument in given:
        name, equals, value = argument.partition("=")
        if argument == "--":
            return [*left, argument, *given]
        if name != _OPTION_NAME:
            left.append(argument)
            continue
        wanted = value if equals else next(given, "")
        if wanted not in ("sv", "en"):
            raise UnknownLanguage(wanted)
        _chosen[0] = "sv" if wanted == "sv" else "en"
    return left


def say(key: str, /, **values: object) -> str:
    """The text in the user's language, filled in. Raises KeyError for a key that is not there."""
    return WORDS[key].say(language(), values)
