"""`skolnav plugins new <name>`: a first package for a vendor, made from the connector in `plugins/template`.

The template is a connector like any other. This project's tests check and run it, so it stays up to date.
"""

from importlib.resources import files
from pathlib import Path
from typing import Final

from plugins.errors import ConfigurationError
from plugins.hookspecs import ENTRY_POINT_GROUP
from plugins.validation import NAME

_MODULES: Final = ("__init__.py", "config.py", "client.py", "mapping.py", "connector.py")

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
dependencies = ["skolnav"]

[project.optional-dependencies]
dev = ["pytest>=8.3", "pytest-asyncio>=1.0"]

[project.entry-points."{group}"]
{name} = "{package}"

[tool.setuptools]
packages = ["{package}"]

[tool.pytest.ini_options]
testpaths = ["tests"]
asyncio_mode = "auto"
"""


def create(name: str, parent: Path) -> list[Path]:
    """Write a package for a connector called `name` into a new folder `parent/name`; returns the files, in order.

    Raises ConfigurationError if a connector cannot have this name or the folder exists.
    """
    if not NAME.match(name):
        raise ConfigurationError(
            "a connector cannot have this name", fix="Lower-case letters, digits and single hyphens: acme-kitchen"
        )
    package = name.replace("-", "_")
    folder = parent / name
    if folder.exists():
        raise ConfigurationError(f"{folder} exists already", fix="Choose another name, or remove it")
    template = files("plugins.template")

    def text(file: str) -> str:
        return _renamed((template / file).read_text(encoding="utf-8"), name, package)

    contents = {
        "pyproject.toml": _PYPROJECT.format(name=name, package=package, group=ENTRY_POINT_GROUP),
        "README.md": text("README.md"),
        **{f"{package}/{module}": text(module) for module in _MODULES},
        "tests/__init__.py": "",
        "tests/test_conformance.py": text("conformance.py"),
    }
    written: list[Path] = []
    for path, content in contents.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
        written.append(file)
    return written


def _renamed(text: str, name: str, package: str) -> str:
    words = "".join(part.capitalize() for part in name.split("-"))
    return text.replace("plugins.template", package).replace("Example", words).replace("example", name)
