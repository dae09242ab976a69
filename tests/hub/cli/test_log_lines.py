"""The log's lines: bounded where they repeat, and whole where they do not."""

import io
import json
import logging
import sys

import pytest

from hub.cli.log_lines import ACCESS, REPEATS, VARIANTS, WINDOW_S, Bounded, Formatter, JsonFormatter


class Log:
    def __init__(self) -> None:
        self.now = 1000.0
        self.handler = Bounded(lambda: self.now)
        self.handler.setStream(io.StringIO())
        self.handler.setFormatter(logging.Formatter("%(message)s"))

    def write(self, message: str, *values: object, name: str = "hub.test", level: int = logging.WARNING) -> None:
        self.handler.handle(logging.LogRecord(name, level, __file__, 1, message, values, None))

    @property
    def lines(self) -> list[str]:
        return self.handler.stream.getvalue().splitlines()


@pytest.fixture
def log() -> Log:
    return Log()


def test_a_line_that_repeats_is_written_some_times_and_then_counted(log: Log) -> None:
    for _ in range(REPEATS + 7):
        log.write("away")
    assert log.lines == ["away"] * REPEATS
    log.now += WINDOW_S
    log.write("another")
    assert log.lines[REPEATS:] == ["7 more lines like this in 60 s: away", "another"]
    log.write("away")
    assert log.lines[-1] == "away"


def test_other_lines_another_logger_and_another_level_are_not_held_back(log: Log) -> None:
    for _ in range(REPEATS + 1):
        log.write("away")
    log.write("away", name="hub.other")
    log.write("away", level=logging.ERROR)
    log.write("back")
    assert log.lines[REPEATS:] == ["away", "away", "back"]


def test_lines_that_differ_in_a_value_only_are_bounded_too(log: Log) -> None:
    for number in range(VARIANTS + 3):
        log.write("attempt %d", number)
    assert len(log.lines) == VARIANTS
    log.now += WINDOW_S
    log.write("next")
    assert log.lines[-2:] == ["3 more lines like this in 60 s: attempt %d", "next"]


def test_lines_of_the_access_log_are_not_held_back(log: Log) -> None:
    for _ in range(VARIANTS + 1):
        log.write("GET / 200", name=ACCESS)
    assert len(log.lines) == VARIANTS + 1


def test_what_is_remembered_is_bounded(log: Log) -> None:
    for number in range(5000):
        log.write(f"line {number}")
    assert len(log.handler._seen) <= 2000


def test_a_line_of_json_holds_an_exceptions_class_and_place_but_not_its_text() -> None:
    """Promise 8."""
    person = "Anna Andersson"
    try:
        raise RuntimeError(person)
    except RuntimeError:
        record = logging.LogRecord("hub", logging.ERROR, "", 0, "a\nb %s", ("c",), sys.exc_info())
    line = JsonFormatter().format(record)
    assert "\n" not in line
    found = json.loads(line)
    assert found["message"] == "a\\nb c"
    assert found["exception"].endswith("RuntimeError")
    assert "Anna" not in line


def test_another_handlers_formatter_leaves_no_text_of_an_exception_in_a_line() -> None:
    person = "Anna Andersson"
    try:
        raise RuntimeError(person)
    except RuntimeError:
        record = logging.LogRecord("hub", logging.ERROR, "", 0, "x", (), sys.exc_info())
    assert "Anna" in logging.Formatter().format(record), "which keeps it in the record"
    line = Formatter().format(record)
    assert line.endswith("RuntimeError")
    assert "Anna" not in line


def test_a_line_that_cannot_be_made_raises_nothing_and_is_named_without_its_values(log: Log, capsys) -> None:
    """`log.info("%d", "x")` in a connector or a library must not end what it logs about."""
    log.write("%d pupils", "Anna Andersson", name="skolnav.connector.kitchen")
    assert log.lines == ["a line logged at test_log_lines.py:1 can't be written: TypeError"]
    assert capsys.readouterr().err == "", "logging's own way would write the values"


def test_a_time_has_the_schools_offset_in_summer_and_winter() -> None:
    record = logging.LogRecord("hub", logging.INFO, "", 0, "x", (), None)
    record.created = 1_795_000_000.123
    assert Formatter().format(record) == "2026-11-18T12:06:40.123+01:00 INFO hub: x"
    record.created -= 180 * 86400
    assert "+02:00" in Formatter().format(record)
