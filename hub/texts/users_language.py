"""Which language a user reads."""

from collections.abc import Mapping

from hub.texts.text import Language


def language_of(environ: Mapping[str, str]) -> Language:
    """The user's language: SKOLNAV_LANG, else LC_ALL or LANG, else Swedish.

    A locale without a language (`C`, `POSIX`, `C.UTF-8`) is a machine's default, not a user's choice.
    """
    for name in ("SKOLNAV_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        language = environ.get(name, "").partition(".")[0].partition("_")[0].lower()
        if language and language not in ("c", "posix"):
            return "sv" if language == "sv" else "en"
    return "sv"
