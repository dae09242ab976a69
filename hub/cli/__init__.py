"""The command `skolnav`."""

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper

from hub.cli import language
from hub.cli.exits import Code, Failure, unexpected
from hub.texts.visible import visible


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point. Ends the process with an exit code (`hub.cli.exits.Code`)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal may have no letters such as å or →
    sys.exit(_ended(sys.argv[1:] if arguments is None else arguments))


def _ended(arguments: Sequence[str]) -> int:
    try:
        left = language.choose(arguments, os.environ)
        from hub.cli import import_names, others_plugins

        others_plugins.ignore()
        import_names.check()  # before anything with those names is imported
        from hub.cli.commands import app  # not earlier, since it builds its help in the chosen language

        return int(app(left, prog_name="skolnav", standalone_mode=True) or 0)
    except language.UnknownLanguage:
        return _reported(Failure(Code.USAGE, language.say("failure.language")))
    except Failure as failure:
        return _reported(failure)
    except Exception as error:
        if os.environ.get("SKOLNAV_DEBUG"):
            raise
        return _reported(Failure(Code.FAILED, unexpected(error)))


def _reported(failure: Failure) -> int:
    sys.stdout.flush()
    sys.stderr.write(visible(failure.text, but="\n") + "\n")
    return int(failure.code)
