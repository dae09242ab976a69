"""The examples are packages of their own: built, installed and tested as a vendor would, from wheels alone."""

import ast
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.skolnav.environments import EXAMPLES, LAST, REPOSITORY, environment, passes, run, wheel


def test_there_are_examples_and_their_last_wheels():
    assert EXAMPLES
    assert {file.name.split("-")[0] for file in LAST} == {path.name.replace("-", "_") for path in EXAMPLES}


@pytest.fixture(params=EXAMPLES, ids=lambda path: path.name)
def example(request, tmp_path):
    return shutil.copytree(request.param, tmp_path / request.param.name, ignore=shutil.ignore_patterns("__pycache__"))


def test_the_wheel_of_an_example_passes_its_tests(example, hub_wheel, tmp_path):
    ruff = Path(sys.executable).with_name("ruff")
    run(ruff, "check", "--no-cache", ".", cwd=example)
    run(ruff, "format", "--no-cache", "--check", ".", cwd=example)
    installed = environment(tmp_path / "env", hub_wheel, wheel(example, tmp_path))
    shutil.rmtree(example / example.name.replace("-", "_"))  # what is tested is the installed wheel
    assert f"{example.name}: gold" in passes(installed, example)
    shown = installed.run("skolnav", "plugins", cwd=tmp_path)
    assert example.name in shown.stdout, shown.stderr


def test_a_two_way_connector_takes_less_than_60_lines():
    """All lines of the package count, with comments, docstrings and imports; tests do not."""
    files = sorted((REPOSITORY / "examples" / "acme-app" / "acme_app").glob("**/*.py"))
    assert sum(len(file.read_text("utf-8").splitlines()) for file in files) < 60
    names = {node.name for file in files for node in ast.walk(ast.parse(file.read_text("utf-8")))
             if isinstance(node, ast.FunctionDef)}  # fmt: skip
    assert {"send", "publish"} <= names


def test_examples_ask_for_a_version_of_the_hub_that_is_there():
    for example in EXAMPLES:
        assert f'"skolnav>={version("skolnav")}"' in (example / "pyproject.toml").read_text("utf-8")
