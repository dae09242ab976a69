"""What a process logs and prints comes into the hub's log, bounded by the instance's own limit."""

import io
import logging
import os
import time

from hub.cli.log_lines import REPEATS, VARIANTS, Bounded
from hub.hosting.isolated.output import Output


def logged(lines: list[str]) -> list[str]:
    """What the hub's log has of lines that a process has written."""
    handler = Bounded()
    handler.setStream(io.StringIO())
    log = logging.Logger("skolnav.connector.elsewhere")
    log.addHandler(handler)
    source, sink = os.pipe()
    output = Output(source, log, 1000, time.monotonic)
    with os.fdopen(sink, "w") as file:
        file.write("".join(f"\x1e{logging.WARNING} {line}\n" for line in lines))
    output._take(os.read(source, 1 << 20))
    os.close(source)
    return handler.stream.getvalue().splitlines()


def test_different_lines_are_all_written() -> None:
    lines = [f"kitchen {number}: 100 % served" for number in range(VARIANTS + 50)]
    assert logged(lines) == lines


def test_a_line_that_repeats_is_bounded_as_in_the_hubs_process() -> None:
    assert logged(["away"] * 20 + ["back"]) == ["away"] * REPEATS + ["back"]


def test_many_different_lines_of_one_connector_forget_no_repeated_line_of_another() -> None:
    lines = ["away"] * REPEATS + [f"line {number}" for number in range(1500)] + ["away"]
    assert "away" not in logged(lines)[REPEATS:]
