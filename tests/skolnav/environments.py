"""Wheels of this tree and of vendors' packages, and environments in which only these wheels are installed.

Dependencies come from the environment that runs the tests, so nothing is fetched.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")
EXAMPLES = sorted(path.parent for path in (REPOSITORY / "examples").glob("*/pyproject.toml"))
LAST = sorted((Path(__file__).parent / "last").glob("*.whl"))
PACKAGES = ("schemas", "plugins", "connectors", "hub", "skolnav")


@dataclass(frozen=True)
class Environment:
    """A virtual environment of its own. Nothing of this repository is on its path but what was installed."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def install(self, *wheels: Path) -> None:
        """Compiled, since each command of a test is a process that imports the hub."""
        command = (UV, "pip", "install", "--quiet", "--offline", "--no-deps", "--compile-bytecode")
        run(*command, "--python", self.python, *wheels, cwd=self.folder)

    def run(self, *command: object, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a command of this environment, `python` or a script; the caller checks the return code."""
        program, *arguments = map(str, command)
        return subprocess.run(
            [str(self.folder / "bin" / program), *arguments],
            cwd=cwd,
            env={**_environ(), **environ},
            capture_output=True,
            text=True,
            timeout=900,
        )


def environment(folder: Path, *wheels: Path) -> Environment:
    run(UV, "venv", "--quiet", "--offline", "--python", sys.executable, folder, cwd=folder.parent)
    made = Environment(folder)
    (packages,) = (folder / "lib").glob("python*/site-packages")
    # Python reads no .pth files of this second folder, so the editable install of the repository stays out.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    made.install(*wheels)
    return made


def passes(installed: Environment, project: Path, *arguments: str) -> str:
    """Run a vendor's tests, which must all pass and none be skipped; returns what pytest said."""
    done = installed.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-x", *arguments, cwd=project)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "passed" in done.stdout
    assert "skipped" not in done.stdout
    return done.stdout


def hub_wheel(into: Path) -> Path:
    """The wheel of this tree, in a folder that all workers of a test run share: the first builds it."""
    with (into / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        built = [*(into / "dist" / "source").glob("*.whl")]
        return built[0] if built else _hub_wheel(into)


def _hub_wheel(into: Path) -> Path:
    """Built from a copy, since a build leaves files behind."""
    source = into / "source"
    hidden = shutil.ignore_patterns("__pycache__")
    for name in PACKAGES:
        shutil.copytree(REPOSITORY / name, source / name, ignore=hidden)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    return wheel(source, into)


def wheel(project: Path, into: Path) -> Path:
    """The wheel of a project in a folder that may be written to."""
    out = into / "dist" / project.name
    run(
        *(UV, "build", "--quiet", "--wheel", "--offline", "--no-build-isolation", "--python", sys.executable),
        *("--out-dir", out, project),
        cwd=into,
    )
    (built,) = out.glob("*.whl")
    return built


def run(*command: object, cwd: Path) -> str:
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=_environ(), capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def _environ() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
