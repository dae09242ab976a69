"""The hub's log on standard error: `time level logger: message` or JSON, in English, without the texts of exceptions.

A line that comes again and again is bounded: within a minute the same line is written REPEATS times, and lines that
differ only in their values VARIANTS times. The next line after that minute is preceded by how many were left out.
"""

import json
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from hub.texts.raised import WithoutText
from hub.texts.visible import visible
from schemas.school_time import SCHOOL_ZONE

OURS: Final = ("hub", "skolnav", "plugins", "connectors")
ACCESS: Final = "hub.api.access"  # its lines are not bounded: whoever asks for the access log wants all of it
REPEATS: Final = 5
VARIANTS: Final = 200
WINDOW_S: Final = 60.0
_KEYS: Final = 2000  # lines that are remembered at a time


class Formatter(WithoutText):
    """Lines as text."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        """School time with its offset, as the command line shows times."""
        return datetime.fromtimestamp(record.created, SCHOOL_ZONE).isoformat(timespec="milliseconds")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """One line for each record: a name from outside can neither begin another line nor hide this one."""
        return visible(super().formatMessage(record))


class JsonFormatter(Formatter):
    """A JSON object on one line for each record: `time`, `level`, `logger`, `message`, perhaps `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": self.formatTime(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": visible(record.getMessage()),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


@dataclass(slots=True)
class _Seen:
    since: float
    count: int = 0
    left_out: int = 0


class Bounded(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to standard error, and leaves out lines that repeat. Like every handler it is called under its lock."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        self._seen: dict[tuple[str, int, int, str], _Seen] = {}

    def emit(self, record: logging.LogRecord) -> None:
        record = _written(record)
        now = self._now()
        for summary in self._ended(now):
            super().emit(summary)
        if record.name == ACCESS or self._counts(record, now):
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:
        """Nothing: standard error can't be written to, and logging's own way would write the line's values there."""

    def _counts(self, record: logging.LogRecord, now: float) -> bool:
        bounds = [(record.getMessage(), REPEATS)]
        if record.args:
            bounds.insert(0, (str(record.msg), VARIANTS))
        for text, most in bounds:
            key = (record.name, record.levelno, most, text)
            seen = self._seen.get(key)
            if seen is None:
                if len(self._seen) >= _KEYS:
                    self._seen.pop(next(iter(self._seen)))
                seen = self._seen[key] = _Seen(now)
            seen.count += 1
            if seen.count > most:
                seen.left_out += 1
                return False
        return True

    def _ended(self, now: float) -> Iterator[logging.LogRecord]:
        """Forget the windows that have ended; a line for each of them that left something out."""
        for key, seen in list(self._seen.items()):
            if now - seen.since < WINDOW_S:
                break  # they are in the order of their beginnings
            del self._seen[key]
            if seen.left_out:
                name, level, _, text = key
                yield logging.LogRecord(
                    name, level, "", 0, "%d more lines like this in %d s: %s", (seen.left_out, WINDOW_S, text), None
                )


def _written(record: logging.LogRecord) -> logging.LogRecord:
    """The record, or if its message can't be made one that says so: its own error would be raised in its caller."""
    try:
        record.getMessage()
    except Exception as error:  # a format that does not fit its values, or an object that can't be shown
        where, kind = f"{Path(record.pathname).name}:{record.lineno}", type(error).__name__
        says = "a line logged at %s can't be written: %s"
        return logging.LogRecord(record.name, record.levelno, "", 0, says, (where, kind), None)
    return record


def configure(level: str, format: Literal["text", "json"] = "text") -> None:
    """Log our own packages from `level` on (a value of `log_level`), and libraries from warnings on.

    At lower levels libraries write headers and addresses.
    """
    wanted = logging.getLevelNamesMapping()[level.upper()]
    handler = Bounded()
    handler.setFormatter(JsonFormatter() if format == "json" else Formatter())
    logging.basicConfig(level=max(wanted, logging.WARNING), handlers=[handler], force=True)
    for name in OURS:
        logging.getLogger(name).setLevel(wanted)
    logging.getLogger(ACCESS).setLevel(logging.INFO)
    # Alembic would log each migration, and uvicorn each peer that does not speak HTTP.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
