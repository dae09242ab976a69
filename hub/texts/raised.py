"""Exceptions in lines of a log: their texts may quote data."""

import logging
import traceback
from types import TracebackType


class WithoutText(logging.Formatter):
    """Writes the class of an exception and where it was raised, but not its text."""

    def format(self, record: logging.LogRecord) -> str:
        record.exc_text = None  # else the text that the formatter of another handler has made of the exception
        return super().format(record)

    def formatException(
        self,
        ei: tuple[type[BaseException] | None, BaseException | None, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        kind, _, where = ei
        return "".join(traceback.format_tb(where)) + (kind.__name__ if kind is not None else "")
