"""How a command ends when it can't do its work: with a text for a person and an exit code for a program."""

import errno
import re
import traceback
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING

from hub.cli.language import language, say, system

if TYPE_CHECKING:
    from hub.config import ConfigErrors
    from plugins.errors import SkolnavError


class Code(IntEnum):
    """Exit codes; `skolnav --help` lists them."""

    OK = 0
    FAILED = 1
    USAGE = 2  # wrong usage, or a configuration that can't be used
    NO_HUB = 3
    ANOTHER_HUB = 4
    ADDRESS = 5
    FILES = 6


class Failure(Exception):
    """Ends the command. `text` is in the user's language, and holds no data."""

    def __init__(self, code: Code, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def of_config(error: "ConfigErrors") -> Failure:
    return Failure(Code.USAGE, error.render(language()))


def of_start(error: Exception, data: Path) -> Failure | None:
    """The failure for an exception of `Hub.start` whose cause a person can mend; None for any other exception."""
    from hub.bus.base import LogUnavailable
    from hub.bus.file import LogLocked, LogMismatch
    from hub.store.base import StoreUnavailable
    from plugins.errors import ConfigurationError

    if isinstance(error, LogLocked):
        return Failure(Code.ANOTHER_HUB, say("failure.another-hub", data=data))
    if isinstance(error, ConfigurationError):
        if error.code in ("wrong-key", "key-missing"):
            text = "failure.wrong-key" if error.code == "wrong-key" else "failure.key-missing"
            return Failure(Code.FILES, say(text, data=data))
        return Failure(Code.USAGE, say("failure.config", says=in_language(error)))
    if isinstance(error, OSError):
        return of_files(error, data)
    if isinstance(error, LogUnavailable | StoreUnavailable):
        if "FULL" in str(error).upper() or _is_full(data):
            return Failure(Code.FILES, say("failure.full", data=data))
        code = _code(error)
        if re.search("NOTADB|CORRUPT", code.upper()):
            path = data / ("log.db" if isinstance(error, LogUnavailable) else "store.db")
            return Failure(Code.FILES, say("failure.damaged", path=path, says=code))
        return Failure(Code.FILES, say("failure.unavailable", data=data, says=code))
    if isinstance(error, LogMismatch):
        return Failure(Code.FILES, say("failure.files", data=data, says=error.says.say(language(), {})))
    return None


def _code(error: Exception) -> str:
    """The database's own code, which the error's text has in brackets."""
    found = re.search(r"\(([A-Za-z_]+)\)", str(error))
    return found[1] if found else type(error).__name__


def in_language(error: "SkolnavError") -> str:
    """The error's text in the user's language; in English where it has only that."""
    return (language() == "sv" and error.sv) or str(error)


def of_files(error: OSError, data: Path) -> Failure:
    """The failure for one of the hub's files that can't be made, read or written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Failure(Code.FILES, say("failure.full", data=data))
    return Failure(Code.FILES, say("failure.unwritable", path=error.filename or data, error=system(error)))


def unexpected(error: BaseException) -> str:
    """The class of the exception and where it was raised. Its text is left out, since it may quote data."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    place = "".join(f" ({Path(frame.filename).name}:{frame.lineno})" for frame in last)
    return say("failure.internal", what=f"{type(error).__name__}{place}")


def _is_full(data: Path) -> bool:
    from hub.cli.disk import LITTLE, free_bytes

    free = free_bytes(data)
    return free is not None and free < LITTLE
