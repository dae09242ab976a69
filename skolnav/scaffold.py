"""`skolnav plugins new NAME`: a first package for a vendor, made from one of the connectors in `skolnav/templates`.

The templates are connectors like any other. This project's tests check them, and install and test a fresh package of
each kind, so they stay up to date.
"""

import keyword
import sys
from importlib.metadata import version
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal, get_args

import skolnav.rest
import skolnav.sdk
from plugins.errors import ConfigurationError
from plugins.hookspecs import ENTRY_POINT_GROUP
from plugins.packages import find
from plugins.sdk import ENTRY_POINT_GROUP as SDK_GROUP
from plugins.sdk import MAJOR
from plugins.texts import Text
from plugins.validation import NAME
from skolnav.rooms import ROOMS

Kind = Literal["sink", "source", "both", "rest"]
KINDS: Final = get_args(Kind)

_TAKEN: Final = frozenset({*sys.stdlib_module_names, *ROOMS, "skolnav", "tests"})
# Names that the templates import or define: a class of the vendor's must not hide one.
_CLASSES: Final = frozenset({*skolnav.sdk.__all__, *skolnav.rest.__all__, "Client", "Folder", "Subject", "Tested"})

_PYPROJECT: Final = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "{name}"
version = "0.1.0"
description = "A Skolnav connector"
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["skolnav>={version}"]

[project.optional-dependencies]
dev = ["pytest>=8.3", "pytest-asyncio>=1.0", "ruff>=0.11"]

[project.entry-points."{group}"]
{name} = "{package}"

# The version of Skolnav's SDK that this package is written for. The hub reads it before it imports the package.
[project.entry-points."{sdk_group}"]
{sdk} = "{package}"

[tool.setuptools]
packages = ["{package}"]

[tool.setuptools.package-data]
"*" = ["*.json"]  # the level that `python -m pytest --skolnav-level` has measured

[tool.pytest.ini_options]
testpaths = ["tests"]
addopts = "--skolnav-report"  # prints the level, and what is missing for the next
asyncio_mode = "auto"
asyncio_default_fixture_loop_scope = "function"

[tool.ruff]
line-length = 120

[tool.ruff.lint]
select = ["E", "F", "W", "I", "UP", "B", "ASYNC", "RUF"]
ignore = ["RUF001", "RUF002", "RUF003"]  # Swedish characters are meant
"""

_CI: Final = """\
name: test
on: [push, pull_request]
jobs:
  test:
    runs-on: ubuntu-latest
    env:
      LANG: C.UTF-8  # texts with å, ä and ö can be printed
      SKOLNAV_LANG: en
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with: {python-version: "3.11"}
      - run: pip install -e '.[dev]'
      - run: ruff check . && ruff format --check .
      - run: python -m pytest
      - run: skolnav plugins show NAME
"""

_QUALITY: Final = """\
# Rules of the test kit that do not fit this connector, each with its reason. The tests print the level that follows.
# {name}:
#   reconcile: {{exempt: "nobody but this connector can change the outside system"}}
"""

_GITIGNORE: Final = "__pycache__/\n*.egg-info/\n.venv/\nbuild/\ndist/\n"


def create(name: str, parent: Path, kind: Kind = "sink") -> list[Path]:
    """Write a package for a connector called `name` into a new folder `parent/name`; returns the files, in order.

    Raises ConfigurationError, in Swedish and English, if a connector cannot have this name, if its package could not be
    imported, or if the folder exists.
    """
    package = _package(name)
    folder = parent / name
    if folder.exists():
        raise ConfigurationError(
            Text(f"{folder} finns redan", f"{folder} exists already"),
            fix=Text("Välj ett annat namn, eller ta bort den", "Choose another name, or remove it"),
        )
    template = files("skolnav.templates") / kind
    modules = sorted(
        each.name for each in template.iterdir() if each.name.endswith(".py") and each.name != "conformance.py"
    )

    def text(file: str) -> str:
        return _renamed((template / file).read_text(encoding="utf-8"), name)

    contents = {
        "pyproject.toml": _PYPROJECT.format(
            name=name,
            package=package,
            group=ENTRY_POINT_GROUP,
            sdk_group=SDK_GROUP,
            sdk=MAJOR,
            version=version("skolnav"),
        ),
        "README.md": text("README.md"),
        "quality.yaml": _QUALITY.format(name=name),
        ".gitignore": _GITIGNORE,
        ".github/workflows/test.yml": _CI.replace("NAME", name),
        **{f"{package}/{module}": text(module) for module in modules},
        "tests/__init__.py": "",
        "tests/test_conformance.py": text("conformance.py").replace("from .", f"from {package}."),
    }
    written: list[Path] = []
    for path, content in contents.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
        written.append(file)
    return written


def _package(name: str) -> str:
    """The import name for a connector's name: acme_kitchen for acme-kitchen. Raises ConfigurationError."""
    if not NAME.match(name):
        raise ConfigurationError(
            Text("en koppling kan inte heta så", "a connector cannot have this name"),
            fix=Text(
                "Små bokstäver, siffror och enkla bindestreck: acme-kitchen",
                "Lower-case letters, digits and single hyphens: acme-kitchen",
            ),
        )
    package = name.replace("-", "_")
    if keyword.iskeyword(package) or package in _TAKEN or find_spec(package) is not None:
        raise ConfigurationError(
            Text(
                f"Python har redan något som heter {package}: paketet skulle inte gå att importera",
                f"Python has something called {package} already: the package could not be imported",
            ),
            fix=Text(f"Börja med ert eget namn: acme-{name}", f"Begin with your own name: acme-{name}"),
        )
    if any(offer.built_in and offer.point.name == name for offer in find().offers):
        raise ConfigurationError(
            Text(
                f"{name} är en koppling som ingår i Skolnav: ingen hubb skulle köra en annan med det namnet",
                f"{name} is a connector that is part of Skolnav: no hub would run another of that name",
            ),
            fix=Text(f"Börja med ert eget namn: acme-{name}", f"Begin with your own name: acme-{name}"),
        )
    return package


def _renamed(text: str, name: str) -> str:
    words = "".join(part.capitalize() for part in name.split("-"))
    if words in _CLASSES:
        words += "Connector"
    return text.replace("Example", words).replace("example", name)
