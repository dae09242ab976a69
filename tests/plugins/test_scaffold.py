import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from plugins import ConfigurationError
from plugins.scaffold import create


@pytest.fixture
def package(tmp_path):
    create("acme-kitchen", tmp_path)
    return tmp_path / "acme-kitchen"


def run(package, *arguments):
    repository = Path(__file__).parents[2]
    path = os.pathsep.join([str(package), str(repository)])
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=package,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=240,
    )


def test_the_package_has_the_parts_of_a_connector(package):
    files = sorted(str(path.relative_to(package)) for path in package.rglob("*") if path.is_file())
    assert files == [
        "README.md",
        "acme_kitchen/__init__.py",
        "acme_kitchen/client.py",
        "acme_kitchen/config.py",
        "acme_kitchen/connector.py",
        "acme_kitchen/mapping.py",
        "pyproject.toml",
        "tests/__init__.py",
        "tests/test_conformance.py",
    ]
    text = "".join(path.read_text() for path in package.rglob("*") if path.is_file())
    assert "plugins.template" not in text
    assert "xample" not in text.replace("for example", "")


def test_its_entry_point_offers_the_connector(package):
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["skolnav.connectors"] == {"acme-kitchen": "acme_kitchen"}
    shown = run(
        package,
        "-c",
        "import acme_kitchen; from plugins.manager import validate_class; "
        "cls, = acme_kitchen.skolnav_connectors(); print(cls.name, cls.__name__, validate_class(cls))",
    )
    assert shown.stdout.strip() == "acme-kitchen AcmeKitchen []", shown.stderr


def test_its_conformance_test_passes_as_it_is(package):
    done = run(package, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout[-4000:]
    assert "skipped" not in done.stdout
    assert "passed" in done.stdout


@pytest.mark.parametrize("name", ["Acme", "acme_kitchen", "-acme", "acme--kitchen", "../acme", ""])
def test_a_name_that_cannot_be_one_is_refused(tmp_path, name):
    with pytest.raises(ConfigurationError):
        create(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_never_overwritten(tmp_path):
    create("acme", tmp_path)
    with pytest.raises(ConfigurationError, match="already"):
        create("acme", tmp_path)
