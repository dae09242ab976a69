"""Clients for Node, as their makers publish them: `scripts/peers/node.sh` installs them outside the repository."""

import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_INSTALL = _ROOT / "scripts" / "peers" / "node.sh"


@cache
def _installed() -> tuple[Path | None, str]:
    if shutil.which("node") is None or shutil.which("npm") is None:
        return None, "needs node and npm"
    done = subprocess.run([_INSTALL], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return None, "the packages of scripts/peers/node can't be installed here"
    return Path(done.stdout.strip()), ""


def folder() -> Path:
    """The folder with the packages in `node_modules`. Skips the test, with the reason, if they can't be had."""
    found, reason = _installed()
    if found is None:
        pytest.skip(reason)
    return found


def run(script: str, given: bytes) -> bytes:
    """What a CommonJS script writes to its output, with `given` as its input. Raises CalledProcessError."""
    node = shutil.which("node")
    assert node is not None
    here = folder()
    return subprocess.run([node, "-e", script], input=given, capture_output=True, check=True, cwd=here).stdout
