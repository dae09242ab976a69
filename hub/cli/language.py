"""Which language the command line speaks, and its texts in that language (`hub.texts`)."""

import os
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from hub.texts import Language, language_of, of_system, text
from hub.texts.visible import visible

_OPTION_NAME: Final = "--language"
_chosen: list[Language] = [language_of(os.environ)]


class UnknownLanguage(ValueError):
    """The user asked for a language other than sv and en."""


def language() -> Language:
    """The user's language."""
    return _chosen[0]


def choose(arguments: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """Remove `--language` from anywhere among the arguments, and speak that language from now on.

    Raises UnknownLanguage.
    """
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
    """The text in the user's language, filled in. Raises KeyError for an unknown key.

    A value that a client or a far side chose may hold anything: it stays on its line and shows what it holds.
    """
    return text(key, language(), **{name: _safe(value) for name, value in values.items()})


def system(error: OSError) -> str:
    """What the operating system refused."""
    return of_system(error).say(language(), {})


def _safe(value: object) -> object:
    return visible(value) if isinstance(value, str) else value


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint at the known name that is most like `name`; empty where none is like it."""
    near = get_close_matches(name, list(known), 1)
    return say("hint.did-you-mean", name=near[0]) if near else ""
