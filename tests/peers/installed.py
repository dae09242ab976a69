"""An environment that has the wheel, the packages of `requirements.lock`, and nothing else: what a server has."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from importlib.metadata import distribution
from importlib.util import cache_from_source
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).parents[2]
_PIN: Final = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)


def locked(name: str) -> dict[str, str]:
    """The versions that a lock names, by package."""
    return {plain(found): version for found, version in _PIN.findall((REPOSITORY / name).read_text("utf-8"))}


def plain(name: str) -> str:
    """A package's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def build(folder: Path) -> Path:
    """The wheel of this tree, in `folder`."""
    subprocess.run([sys.executable, REPOSITORY / "scripts" / "bundle.py", "wheel", folder], check=True)
    (wheel,) = folder.glob("skolnav-*.whl")
    return wheel


def as_version(wheel: Path, version: str, folder: Path) -> Path:
    """The same wheel under another version, in `folder`: what an installed hub was before its upgrade."""
    name, own, rest = wheel.name.split("-", 2)
    made = folder / f"{name}-{version}-{rest}"
    with zipfile.ZipFile(wheel) as read, zipfile.ZipFile(made, "w") as written:
        for each in read.namelist():
            content = read.read(each)
            if each.endswith(".dist-info/METADATA"):
                content = content.replace(f"\nVersion: {own}\n".encode(), f"\nVersion: {version}\n".encode())
            elif each.endswith(".dist-info/RECORD"):
                content = content.replace(f"{name}-{own}.dist-info".encode(), f"{name}-{version}.dist-info".encode())
            written.writestr(each.replace(f"{name}-{own}.dist-info", f"{name}-{version}.dist-info"), content)
    return made


def environment(folder: Path) -> Path:
    """Make `folder`/venv with the locked packages, copied from this environment, so that no test needs a network."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    here = Path(sysconfig.get_path("purelib")).resolve()
    there = folder / "venv" / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    for name in locked("requirements.lock"):
        for file in distribution(name).files or ():
            source = (here / file).resolve()
            if source.is_relative_to(here) and source.suffix != ".pyc":
                # With its time and its bytecode: what nobody has changed need not be compiled again.
                for each in (source, Path(cache_from_source(str(source)))) if source.suffix == ".py" else (source,):
                    if each.exists():
                        target = there / each.relative_to(here)
                        target.parent.mkdir(parents=True, exist_ok=True)
                        shutil.copy2(each, target)
    return folder / "venv"


def install(venv: Path, wheel: Path) -> None:
    """As `pip install` does on a server without a network."""
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", venv / "bin" / "python", "--disable-pip-version-check", "--quiet",
         "install", "--no-index", "--no-deps", wheel],
        check=True,
    )  # fmt: skip


def environ(venv: Path, home: Path, **more: str) -> dict[str, str]:
    """The whole environment of a command there."""
    path = os.pathsep.join([str(venv / "bin"), "/usr/bin", "/bin"])
    return {"PATH": path, "HOME": str(home), **more}
