"""What a vendor has straight after `skolnav plugins new`: it installs, it is clean, and its tests pass."""

import re
import sys
from pathlib import Path

from skolnav.scaffold import Kind, create
from tests.skolnav.environments import environment, passes, run, wheel


def green(kind: Kind, hub_wheel: Path, folder: Path) -> str:
    """As its vendor would: the hub's wheel and the package's wheel in one environment, nothing else of this tree."""
    create("acme-kitchen", folder, kind)
    package = folder / "acme-kitchen"
    ruff = Path(sys.executable).with_name("ruff")
    run(ruff, "check", "--no-cache", ".", cwd=package)
    run(ruff, "format", "--no-cache", "--check", ".", cwd=package)
    installed = environment(folder / "env", hub_wheel, wheel(package, folder))
    shown = installed.run("skolnav", "plugins", "show", "acme-kitchen", cwd=folder)
    assert shown.returncode == 0, shown.stderr
    said = passes(installed, package)
    assert re.search("acme-kitchen: (gold|platinum)", said), said[-3000:]
    assert "for platinum it lacks: reconcile" in said or kind == "source"
    return said
