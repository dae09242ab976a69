"""The command `skolnav`."""

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from io import TextIOWrapper
from types import FrameType
from typing import Final, Never

from hub.cli import language
from hub.cli.exits import Code, Failure, unexpected
from hub.texts.visible import visible

_ENDING: Final = (signal.SIGTERM, signal.SIGHUP)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point. Ends the process with an exit code (`hub.cli.exits.Code`)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal may have no letters such as å or →
    _end_in_order_when_told()
    try:
        code = _ended(sys.argv[1:] if arguments is None else arguments)
    except SystemExit as end:  # of `_end`
        code = int(end.code or 0)
    _exit(code)


def _exit(code: int) -> Never:
    """End the process; at once if a vendor's package was imported, since a function that it registered may hang."""
    manager = sys.modules.get("plugins.manager")
    if manager is not None and manager.has_vendors_code():
        for stream in (sys.stdout, sys.stderr):
            with suppress(AttributeError, OSError, ValueError):  # None, a pipe that nobody reads, a closed stream
                stream.flush()
        os._exit(code)
    sys.exit(code)


def _end_in_order_when_told() -> None:
    """SIGTERM and SIGHUP end a command as an exception does, so that its temporary copies of personal data go too.

    `run` and `demo` have handlers of their own. A signal that the caller has had ignored (nohup) stays ignored.
    """
    for number in _ENDING:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)


def _end(number: int, frame: FrameType | None) -> Never:
    # `timeout` and terminals may send it twice: the second must not end the cleaning up that the first has begun.
    for each in _ENDING:
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


def _ended(arguments: Sequence[str]) -> int:
    try:
        left = language.choose(arguments, os.environ)
        from hub.cli import import_names, others_plugins

        others_plugins.ignore()
        import_names.check()  # before anything with those names is imported
        return _run(left)
    except language.UnknownLanguage:
        return _reported(Failure(Code.USAGE, language.say("failure.language")))
    except Failure as failure:
        return _reported(failure)
    except Exception as error:
        if os.environ.get("SKOLNAV_DEBUG"):
            raise
        return _reported(Failure(Code.FAILED, unexpected(error)))


def _run(arguments: Sequence[str]) -> int:
    # Not earlier, since they build their help in the chosen language.
    from typer._click.exceptions import ClickException
    from typer.main import get_command

    from hub.cli import usage
    from hub.cli.commands import app

    try:
        return int(usage.speak(get_command(app)).main(arguments, prog_name="skolnav", standalone_mode=False) or 0)
    except ClickException as error:
        return _reported(Failure(Code.USAGE, usage.wrong(error)))


def _reported(failure: Failure) -> int:
    sys.stdout.flush()
    sys.stderr.write(visible(failure.text, but="\n") + "\n")
    return int(failure.code)
