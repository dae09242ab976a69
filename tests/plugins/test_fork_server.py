"""How a process ended, in words."""

import os
import signal
import subprocess
import sys

import pytest

from plugins.fork_server import how_ended


@pytest.mark.parametrize(("number", "says"), [(signal.SIGSEGV, "SIGSEGV"), (40, "signal 40")])
def test_a_signal_is_named_by_name_or_number(number: int, says: str) -> None:
    ended = subprocess.run([sys.executable, "-c", f"import os; os.kill(os.getpid(), {int(number)})"], check=False)
    assert how_ended(ended.returncode) == says


def test_an_exit_is_named_by_its_code() -> None:
    assert how_ended(os.waitstatus_to_exitcode(3 << 8)) == "exit 3"
