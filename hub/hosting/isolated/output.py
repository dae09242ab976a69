"""What a connector's process logs and prints: one pipe, read by the hub, with a bound on lines in each second."""

import asyncio
import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from hub.texts.raised import WithoutText

_MARK: Final = "\x1e"  # begins a line that was logged: the mark, the level, a space
_LONGEST: Final = 8192  # characters of a line
_CHUNK: Final = 1 << 16
_MOST_BYTES_S: Final = 1 << 20  # printed faster, the rest of the second is not read: the process waits then


class PerSecond:
    """Lets `most` things through in each second, and counts the rest."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._second, self._passed = 0.0, 0
        self.left_out = 0  # since `taken` was last called

    def passes(self, now: float, wanted: int = 1) -> int:
        """How many of `wanted` get through now."""
        if now - self._second >= 1:
            self._second, self._passed = now, 0
        passed = min(wanted, self._most - self._passed)
        self._passed += passed
        self.left_out += wanted - passed
        return passed

    def taken(self) -> int:
        """How many were left out since the last call of this."""
        left_out, self.left_out = self.left_out, 0
        return left_out


class Lines(logging.Handler):
    """In the connector's process: writes log records, one line each, to the pipe. Leaves out what would be too much."""

    def __init__(self, most_s: int, own: str) -> None:
        """`own`: the logger whose lines need no name, since the hub logs all of them under it."""
        super().__init__()
        self.setFormatter(WithoutText("%(message)s"))
        self._own = own
        self._rate = PerSecond(most_s)

    def emit(self, record: logging.LogRecord) -> None:
        if not self._rate.passes(time.monotonic()):
            return
        if left_out := self._rate.taken():
            _write(logging.WARNING, _left_out(left_out))
        with suppress(Exception):  # a vendor's objects, in its own words
            named = "" if record.name == self._own else f"{record.name}: "
            _write(record.levelno, named + self.format(record))


def _write(level: int, text: str) -> None:
    line = text[:_LONGEST].replace("\n", "\x1f")
    os.write(2, f"{_MARK}{level} {line}\n".encode(errors="backslashreplace"))


class Output:
    """In the hub: reads the pipe on an event loop, and logs its lines as the connector's."""

    def __init__(self, source: int, log: logging.Logger, most_s: int, clock: Callable[[], float]) -> None:
        self._source = source
        self._log = log
        self._rate = PerSecond(2 * most_s)  # what is printed, beside what is logged and bounded already
        self._clock = clock
        self._second, self._bytes = 0.0, 0
        self._left = b""
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        os.set_blocking(self._source, False)
        self._loop = loop
        loop.add_reader(self._source, self._read)

    def close(self) -> None:
        """Read what is left, and close."""
        if self._loop is not None:
            self._loop.remove_reader(self._source)
            self._loop = None
            with suppress(OSError):
                self._take(os.read(self._source, _CHUNK))
            self._take(b"\n" if self._left else b"")
            self._say_left_out()
        os.close(self._source)

    def _read(self) -> None:
        try:
            arrived = os.read(self._source, _CHUNK)
        except BlockingIOError:
            return
        loop = self._loop
        assert loop is not None
        if not arrived:
            loop.remove_reader(self._source)
            return
        self._take(arrived)
        now = loop.time()
        if now - self._second >= 1:
            self._second, self._bytes = now, 0
        self._bytes += len(arrived)
        if self._bytes > _MOST_BYTES_S:
            loop.remove_reader(self._source)
            loop.call_later(1 - (now - self._second), self._read_on)

    def _read_on(self) -> None:
        if self._loop is not None:
            self._loop.add_reader(self._source, self._read)

    def _take(self, arrived: bytes) -> None:
        *lines, left = (self._left + arrived).split(b"\n")
        self._left = left[:_LONGEST]
        before = self._rate.left_out
        passed = self._rate.passes(self._clock(), len(lines))
        if passed and before:
            self._rate.left_out -= before
            self._log.warning("%s", _left_out(before))
        for line in lines[:passed]:
            self._say(line[: 4 * _LONGEST].decode(errors="replace"))

    def _say(self, line: str) -> None:
        level, text = logging.INFO, line
        if line.startswith(_MARK):
            number, _, text = line[1:].partition(" ")
            level = int(number) if number.isdigit() and len(number) < 4 else logging.INFO
        if text:
            # No values: the hub's log bounds lines that differ in values alone, and these have a bound already.
            self._log.log(level, text.replace("\x1f", "\n"))

    def _say_left_out(self) -> None:
        if left_out := self._rate.taken():
            self._log.warning("%s", _left_out(left_out))


def _left_out(lines: int) -> str:
    return f"{lines} lines were left out: more than limits.log_lines_s"
