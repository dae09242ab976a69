"""Build the wheel, or the offline bundle: one archive with all wheels, each under its hash (docs/operations.md).

    python scripts/bundle.py wheel build/dist
    python scripts/bundle.py bundle build/dist [--python-version 3.11] [--platform manylinux2014_x86_64]

The bundle is for the Python and the machine that build it, unless the options name others.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
LOCK: Final = ROOT / "requirements.lock"
# A folder that a build leaves behind would put files that are gone into the next wheel, so the tree is copied.
_NOT_BUILT: Final = (".git", ".venv", "build", "*.egg-info", "__pycache__", ".*_cache", "data", "tests", "bench")
_EPOCH: Final = "1577836800"  # 2020: the same tree gives the same wheel

_README: Final = """\
Skolnav {version}, with all it needs. Nothing is fetched from a network.

    sha256sum --check SHA256SUMS
    python3 -m venv /opt/skolnav
    /opt/skolnav/bin/pip install --no-index --find-links wheels --require-hashes -r requirements.txt
    /opt/skolnav/bin/skolnav --version

The next steps: operations.md. To upgrade: upgrading.md.
"""


def wheel(into: Path) -> Path:
    """Build the wheel without a network, with the setuptools that is installed."""
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "skolnav"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*_NOT_BUILT))
        _pip(
            "wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(into), str(tree),
            SOURCE_DATE_EPOCH=_EPOCH,
        )  # fmt: skip
    (made,) = into.glob("skolnav-*.whl")
    return made


def bundle(into: Path, options: list[str]) -> Path:
    """Fetch the wheels that the lock names, by hash, and put them into one archive with ours."""
    with tempfile.TemporaryDirectory() as folder:
        made = wheel(Path(folder) / "own")
        version = made.name.split("-")[1]
        name = f"skolnav-{version}"
        root = Path(folder) / name
        wheels = root / "wheels"
        _pip("download", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--dest", str(wheels), *options,
             "-r", str(LOCK))  # fmt: skip
        shutil.copy(made, wheels)
        own = f"skolnav=={version} --hash=sha256:{_sha256(made)}\n"
        (root / "requirements.txt").write_text(LOCK.read_text("utf-8") + own, "utf-8")
        (root / "README.txt").write_text(_README.format(version=version), "utf-8")
        shutil.copytree(ROOT / "deploy", root / "deploy")
        for page in ("operations.md", "upgrading.md"):
            shutil.copy(ROOT / "docs" / page, root)
        files = sorted(path for path in root.rglob("*") if path.is_file())
        sums = "".join(f"{_sha256(path)}  {path.relative_to(root)}\n" for path in files)
        (root / "SHA256SUMS").write_text(sums, "utf-8")
        into.mkdir(parents=True, exist_ok=True)
        archive = into / f"{name}.tar.gz"
        with tarfile.open(archive, "w:gz") as packed:
            packed.add(root, name)
    return archive


def _pip(*arguments: str, **environ: str) -> None:
    subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments],
        env={**os.environ, **environ}, check=True,
    )  # fmt: skip


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["wheel", "bundle"])
    parser.add_argument("into", type=Path)
    parser.add_argument("--python-version")
    parser.add_argument("--platform", action="append", default=[])
    given = parser.parse_args()
    options = ["--python-version", given.python_version] if given.python_version else []
    for platform in given.platform:
        options += ["--platform", platform]
    made = wheel(given.into) if given.what == "wheel" else bundle(given.into, options)
    sys.stdout.write(f"{made}\n")


if __name__ == "__main__":
    main()
