"""Python tools that need versions of their own: `scripts/peers/python.sh` installs them outside the repository."""

import subprocess
from functools import cache
from pathlib import Path

import pytest

_INSTALL = Path(__file__).resolve().parents[2] / "scripts" / "peers" / "python.sh"


@cache
def _installed() -> Path | None:
    done = subprocess.run([_INSTALL], capture_output=True, text=True, check=False)
    return Path(done.stdout.strip()) if done.returncode == 0 else None


def tool(name: str) -> Path:
    """The program. Skips the test, with the reason, if it can't be had."""
    found = _installed()
    if found is None:
        pytest.skip("the packages of scripts/peers/python can't be installed here")
    return found / "bin" / name
