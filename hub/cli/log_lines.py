"""The hub's log on standard error: `time level logger: message`, without the texts of exceptions."""

import logging
import traceback
from types import TracebackType
from typing import Final

from hub.texts.visible import visible

OURS: Final = ("hub", "skolnav", "plugins", "connectors")


class Formatter(logging.Formatter):
    """Writes the class of an exception and where it was raised, but not its text, which may quote data."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """One line for each record: a name from outside can neither begin another line nor hide this one."""
        return visible(super().formatMessage(record))

    def formatException(
        self,
        ei: tuple[type[BaseException] | None, BaseException | None, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        kind, _, where = ei
        return "".join(traceback.format_tb(where)) + (kind.__name__ if kind is not None else "")


def configure(level: str) -> None:
    """Log our own packages from `level` on (a value of `log_level`), and libraries from warnings on.

    At lower levels libraries write headers and addresses.
    """
    wanted = logging.getLevelNamesMapping()[level.upper()]
    handler = logging.StreamHandler()
    handler.setFormatter(Formatter())
    logging.basicConfig(level=max(wanted, logging.WARNING), handlers=[handler], force=True)
    for name in OURS:
        logging.getLogger(name).setLevel(wanted)
    # Alembic would log each migration, and uvicorn each peer that does not speak HTTP.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
